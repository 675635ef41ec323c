"""The ledger's schema in PostgreSQL: numbered migrations, applied once each under a lock."""

from contextlib import suppress
from datetime import datetime
from importlib import resources

import psycopg
from psycopg import Connection, sql

from domain.notes import NoteError, check_key_name

#: The role that the service works as: it may add to the ledger, and change nothing.
SERVICE_ROLE = "daybook_service"
#: Any number that nothing else on the server is likely to lock: "daybook" as seven ASCII bytes.
MIGRATION_LOCK = int.from_bytes(b"daybook", "big")
OLDEST_SERVER = 150000


class BadOrigin(Exception):
    """What a new ledger was to be named is not a name."""


class WrongLedger(Exception):
    """The database holds a ledger of another name, or none that this service can work with."""


def migrate(conninfo: str, origin: str | None = None, created_at: datetime | None = None) -> str:
    """Bring the database to today's schema, creating the ledger where there is none, and return the ledger's origin.

    `conninfo` must name a role that owns the database. `origin` names a new ledger (default "daybook") and, where
    given, must be the name of the one that is there: WrongLedger otherwise. BadOrigin: no ledger can be named so.
    `created_at`: a ledger that is made again, from an archive, is the one that was made then; for one that is there, so
    it must have been.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            raise WrongLedger(f"PostgreSQL 15 or newer is needed, not {connection.info.server_version // 10000}")
        connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        _provide_role(connection)
        with connection.transaction():
            _apply(connection)
        return _identity(connection, origin, created_at)


def _provide_role(connection: Connection) -> None:
    """Create the service's role and let the owner take it on; the role is shared by all databases of the server."""
    role = sql.Identifier(SERVICE_ROLE)
    # Neither is attempted without need: an administrator may have done it for an owner who must not.
    if connection.execute("select from pg_roles where rolname = %s", (SERVICE_ROLE,)).fetchone() is None:
        # It may have been made for another ledger of this server just now.
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            connection.execute(sql.SQL("create role {} nologin").format(role))
    newer = connection.info.server_version >= 160000
    row = connection.execute(
        "select pg_has_role(current_user, %s, %s)", (SERVICE_ROLE, "set" if newer else "member")
    ).fetchone()
    if row is not None and not row[0]:
        options = sql.SQL(" with set true, inherit false" if newer else "")
        connection.execute(sql.SQL("grant {} to current_user{}").format(role, options))


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
    scripts = [entry for entry in resources.files(__name__).iterdir() if entry.name.endswith(".sql")]
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
