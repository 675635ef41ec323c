"""The ledger's schema in PostgreSQL: numbered migrations, applied once each under a lock."""

import re
from collections.abc import Callable
from datetime import datetime
from importlib import resources

import psycopg
from psycopg import Connection, sql

from domain.notes import NoteError, check_key_name
from service.postgres.connections import noticing
from service.storing.migrations.roles import SERVICE_ROLE, RoleMissing, close_doors, provide_roles

#: Any number that nothing else on the server is likely to lock: "daybook" as seven ASCII bytes.
MIGRATION_LOCK = int.from_bytes(b"daybook", "big")
OLDEST_SERVER = 150000
#: How the files of migrations are named, among others of this folder.
MIGRATION = re.compile(r"\d{4}_\w+\.sql")


class BadOrigin(Exception):
    """What a new ledger was to be named is not a name."""


class WrongLedger(Exception):
    """The database holds a ledger of another name, or none that this service can work with."""


def migrate(
    conninfo: str,
    origin: str | None = None,
    created_at: datetime | None = None,
    *,
    service: str | None = None,
    before: Callable[[], None] = lambda: None,
) -> str:
    """Bring the database to today's schema, creating the ledger where there is none, and return the ledger's origin.

    `conninfo` names a role that owns the database; one that does not finds everything done already, or WrongLedger says
    what is missing. `origin` names a new ledger (default "daybook") and, where given, must be the name of the one that
    is there: WrongLedger otherwise. BadOrigin: no ledger can be named so. `created_at`: a ledger that is made again,
    from an archive, is the one that was made then; for one that is there, so it must have been. `service`: the
    connection string that the service works with, where it is not the owner's; its role is provided. `before` is called
    before a new ledger is made, and may raise.
    """
    with psycopg.connect(**noticing(conninfo), autocommit=True) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            raise WrongLedger(f"PostgreSQL 15 or newer is needed, not {connection.info.server_version // 10000}")
        if not _may_migrate(connection):
            _refuse_unless_migrated(connection)
            return _identity(connection, origin, created_at)
        connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            provide_roles(connection, service)
        except RoleMissing as error:
            raise WrongLedger(str(error)) from error
        if not _has_ledger(connection):
            before()
        with connection.transaction():
            _apply(connection)
        close_doors(connection)
        return _identity(connection, origin, created_at)


def _may_migrate(connection: Connection) -> bool:
    """Whether we are the ledger's owner, or may make one."""
    row = connection.execute(
        "select case when to_regclass('public.ledger_migrations') is null"
        " then has_schema_privilege(current_user, 'public', 'create')"
        " else (select pg_has_role(current_user, relowner, 'usage') from pg_class"
        " where oid = to_regclass('public.ledger_migrations')) end"
    ).fetchone()
    return row is not None and bool(row[0])


def _refuse_unless_migrated(connection: Connection) -> None:
    """Go on as the service's role, or say who has to do what first."""
    remedy = f"{connection.info.user} does not own the database: run daybook init with DAYBOOK_MIGRATIONS_URL"
    try:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(SERVICE_ROLE)))
        done = {name for (name,) in connection.execute("select name from public.ledger_migrations")}
    except psycopg.errors.UndefinedTable:
        raise WrongLedger(f"the database holds no ledger, and {remedy}") from None
    except psycopg.Error as error:
        raise WrongLedger(f"{remedy} ({error.diag.message_primary})") from None
    known = migrations().keys()
    if newer := sorted(done - known):
        raise WrongLedger(f"the database was migrated by a newer Daybook: {', '.join(newer)} is unknown here")
    if missing := sorted(known - done):
        raise WrongLedger(f"{', '.join(missing)} is not applied yet, and {remedy}")


def _has_ledger(connection: Connection) -> bool:
    (there,) = connection.execute("select to_regclass('public.ledger_identity') is not null").fetchone() or (False,)
    return bool(there) and connection.execute("select from public.ledger_identity").rowcount > 0


def _apply(connection: Connection) -> None:
    connection.execute(
        "create table if not exists ledger_migrations"
        " (name text primary key, applied_at timestamptz not null default clock_timestamp())"
    )
    done = {name for (name,) in connection.execute("select name from ledger_migrations")}
    known = migrations()
    newer = sorted(done - known.keys())
    if newer:
        raise WrongLedger(f"the database was migrated by a newer Daybook: {', '.join(newer)} is unknown here")
    for name, script in known.items():
        if name not in done:
            connection.execute(script)
            connection.execute("insert into ledger_migrations (name) values (%s)", (name,))


def migrations() -> dict[str, bytes]:
    """Every migration's script by name, in order."""
    scripts = [entry for entry in resources.files(__name__).iterdir() if MIGRATION.fullmatch(entry.name)]
    return {entry.name.removesuffix(".sql"): entry.read_bytes() for entry in sorted(scripts, key=lambda e: e.name)}


def _refuse_bad_name(origin: str) -> None:
    """BadOrigin for what cannot name the keys that sign the ledger's checkpoints."""
    try:
        check_key_name(origin)
        origin.encode()
    except (NoteError, UnicodeEncodeError):
        raise BadOrigin(
            f"{origin!r:.100} cannot name a ledger: a name has no spaces, no plus signs and no control characters,"
            " and is not empty"
        ) from None


def _identity(connection: Connection, origin: str | None, created_at: datetime | None) -> str:
    row = connection.execute("select origin, created_at from ledger_identity").fetchone()
    if row is None:
        chosen = "daybook" if origin is None else origin
        _refuse_bad_name(chosen)
        connection.execute(
            "insert into ledger_identity (origin, created_at) values (%s, coalesce(%s, clock_timestamp()))",
            (chosen, created_at),
        )
        return chosen
    if origin is not None and row[0] != origin:
        raise WrongLedger(f"the database holds the ledger {row[0]!r}, not {origin!r}")
    if created_at is not None and row[1] != created_at:
        raise WrongLedger(f"the database holds another ledger {row[0]!r}: it was made {row[1]}, not {created_at}")
    return str(row[0])
