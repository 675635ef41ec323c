"""The roles of a ledger's database: the owner, who migrates, and the one that the service works as, which only adds."""

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row

from service.postgres.connections import noticing
from service.postgres.statements import statements_of

SQL = statements_of(__file__)

#: The role that the service works as: it may add to the ledger, and change nothing.
SERVICE_ROLE = "daybook_service"
#: Tables that only grow.
GROWING = (
    "ledger_events", "ledger_identity", "log_tiles", "log_checkpoints", "log_cosignatures", "idempotency_keys",
)  # fmt: skip
#: Roles of PostgreSQL whose members reach files and programs of the server, or every table.
MIGHTY_ROLES = (
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_write_all_data",
    "pg_maintain",
)


class RoleMissing(Exception):
    """The service's role is not there, and the owner may not make it; the message says who has to do what."""


def as_service(conninfo: str) -> str:
    """The same database, as the service's own role."""
    return make_conninfo(conninfo, user=SERVICE_ROLE)


def user_of(conninfo: str) -> str | None:
    """Whom a connection string names; None: it leaves that to the environment."""
    user = conninfo_to_dict(conninfo).get("user")
    return None if user is None else str(user)


def provide_roles(connection: Connection[Any], service: str | None) -> None:
    """Make the service's role what it has to be; the owner's connection is given, roles are shared by all databases.

    `service`: the connection string of the service at run time, whose user is let in. None, or the owner's own: the
    owner has to take the service's role on. Nothing is attempted without need: an administrator may have done it for an
    owner who must not. Raises RoleMissing.
    """
    user = None if service is None else user_of(service)
    try:
        if not _exists(connection, SERVICE_ROLE):
            _make(connection, SERVICE_ROLE)
        if service is None or user in (None, connection.info.user):
            _let_take_on(connection, sql.SQL("current_user"), connection.info.user)
        elif user is not None:
            _let_in(connection, user, service)
            if user != SERVICE_ROLE:
                _let_take_on(connection, sql.Identifier(user), user)
    except errors.InsufficientPrivilege as error:
        raise RoleMissing(
            f"the owner of the database, {connection.info.user}, may not provide the role {user or SERVICE_ROLE}"
            f" ({error.diag.message_primary}): an administrator has to, see docs/operations.md"
        ) from error


def close_doors(connection: Connection[Any]) -> None:
    """Take from everybody what PostgreSQL gives everybody in a new database: making temporary tables, types and code.

    They would be the one thing that the service's role can make. A dump does not take this along.
    """
    (name, opened) = _row(
        connection, "select current_database(), has_database_privilege(%s, current_database(), 'TEMP')", SERVICE_ROLE
    )
    if opened:
        with suppress(errors.InsufficientPrivilege):
            connection.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))


def powers(connection: Connection[Any]) -> list[str]:
    """What lets the role of this connection end that the ledger only grows; empty: nothing does.

    Asked of the role that logged in, not of the one that was set: `set role none` is open to everybody.
    """
    found = []
    user, superuser, makes_roles = _row(
        connection, "select session_user, rolsuper, rolcreaterole from pg_roles where rolname = session_user"
    )
    if superuser:
        return [f"{user} is a superuser"]
    if makes_roles:
        found.append(f"{user} may make roles")
    owners = connection.cursor(row_factory=tuple_row).execute(
        SQL["owners"],
        ([f"public.{table}" for table in (*GROWING, "ledger_head")],),
    )
    found += [f"{user} is, or can become, {owner}, who owns the tables" for (owner,) in owners]
    mighty = connection.cursor(row_factory=tuple_row).execute(
        SQL["memberships"],
        (list(MIGHTY_ROLES),),
    )
    found += [f"{user} is a member of {role}" for (role,) in mighty]
    makes = connection.cursor(row_factory=tuple_row).execute(SQL["may-make"])
    return found + [f"{user} may make {what}" for (what,) in makes]


def _exists(connection: Connection[Any], role: str) -> bool:
    return bool(_row(connection, "select exists (select from pg_roles where rolname = %s)", role)[0])


def _make(connection: Connection[Any], role: str) -> None:
    # It may have been made for another ledger of this server just now.
    with suppress(errors.DuplicateObject, errors.UniqueViolation):
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))


def _let_in(connection: Connection[Any], user: str, service: str) -> None:
    """Have a role log in with the password that the service has, where it does not."""
    if not _exists(connection, user):
        _make(connection, user)
    (lets_in,) = _row(connection, "select rolcanlogin from pg_roles where rolname = %s", user)
    password = conninfo_to_dict(service).get("password")
    if lets_in and (password is None or _answers(service)):
        return
    role = sql.Identifier(user)
    if password is None:
        connection.execute(sql.SQL("alter role {} login").format(role))
        return
    # Encrypted here: no log of the server's ever holds it.
    encrypted = connection.pgconn.encrypt_password(str(password).encode(), user.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} login password {}").format(role, sql.Literal(encrypted)))


def _answers(conninfo: str) -> bool:
    try:
        psycopg.connect(**noticing(conninfo)).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" not in str(error)
    return True


def _let_take_on(connection: Connection[Any], who: sql.Composable, user: str) -> None:
    """Let a role set the service's."""
    newer = connection.info.server_version >= 160000
    (able,) = _row(connection, "select pg_has_role(%s, %s, %s)", user, SERVICE_ROLE, "set" if newer else "member")
    if not able:
        options = sql.SQL(" with set true, inherit false" if newer else "")
        connection.execute(sql.SQL("grant {} to {}{}").format(sql.Identifier(SERVICE_ROLE), who, options))


def _row(connection: Connection[Any], query: str, *values: Any) -> tuple[Any, ...]:
    row = connection.cursor(row_factory=tuple_row).execute(query.encode(), values).fetchone()
    assert row is not None
    return row
