"""What can be wrong with an installation, looked at one thing after the other; nothing is changed."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.notes import NoteError, parse_note
from projections.engine import Unread, check_types, fingerprint
from service.daybook import at_run_time
from service.following.projection_files import damaged
from service.home import is_writable
from service.log.keeping import faults
from service.log.keys import BadSigningKey, key_file, readable_keys
from service.log.signatures import verify
from service.postgres.connections import noticing
from service.postgres.folder import PostgresFolder
from service.postgres.statements import statements_of
from service.settings import Settings
from service.storing.migrations import OLDEST_SERVER, migrations
from service.storing.migrations.roles import GROWING, SERVICE_ROLE, powers
from service.storing.writing import FURTHEST_AHEAD
from service.upgrading.steps import kept_versions
from service.web.entry.identities import IdentityProvider, Misconfigured

SQL = statements_of(__file__)

Verdict = Literal["good", "warning", "bad"]

#: Of a home, what a service writes to.
FOLDERS = ("projections", "checkpoints", "imports")
#: Less than this is soon full.
LITTLE_SPACE_BYTES = 1 << 30
#: Clocks that differ by more make `known_on` and tokens wrong at the edges of a day.
CLOCKS_DIFFER_S = 5
#: Settings of PostgreSQL without which an acknowledged event may be lost.
DURABLE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}
#: How long a look waits for another process that holds a lock.
LOCK_WAIT_S = 2
#: Events that the last checkpoint may leave uncovered before that is a warning.
UNCOVERED = 100_000


@dataclass(frozen=True, slots=True)
class InstallationFinding:
    """One thing that was looked at."""

    subject: str
    verdict: Verdict
    #: What was found, and what to do where it is not good.
    sentence: str


def of_this_machine(settings: Settings) -> Iterator[InstallationFinding]:
    """The interpreter, the home and the identity provider: what needs no database."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield InstallationFinding("python", "good" if sys.version_info >= (3, 11) else "bad", f"Python {version}")
    yield from _home(settings.home)
    try:
        provider = IdentityProvider.of(settings)
    except Misconfigured as error:
        yield InstallationFinding("identity provider", "bad", str(error))
    else:
        if provider is not None:
            yield InstallationFinding(
                "identity provider", "good", f"{provider.issuer}, signing with {provider.algorithm}"
            )


def _home(home: Path) -> Iterator[InstallationFinding]:
    if not home.exists():
        yield InstallationFinding("home", "warning", f"{home} is not there yet: daybook init makes it")
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        yield InstallationFinding("home", "warning", f"{home} may be entered by others (mode {mode:o}): chmod 700")
    else:
        yield InstallationFinding("home", "good", f"{home}, closed to others")
    for folder in (home, *(home / name for name in FOLDERS)):
        if folder.exists() and not is_writable(folder):
            yield InstallationFinding("home", "bad", f"{folder} cannot be written to by user id {os.geteuid()}")
    for secret in ("signing-key", "admin-token"):
        path = home / secret
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield InstallationFinding(secret, "bad", f"{path} may be read by others: chmod 600, and make a new one")
    yield from _copies(home)
    kept = [path for path in damaged(home / "projections") if not path.name.endswith(".wal")]
    if kept:
        sentence = (
            f"{len(kept)} damaged projections were moved aside, and built anew: remove {kept[-1]}, and look for why"
        )
        yield InstallationFinding("views", "warning", sentence)
    for path in kept_versions(PostgresFolder.below(home)).values():
        sentence = f"{path} is kept from before an upgrade: daybook upgrade --discard removes it"
        yield InstallationFinding("old data", "good", sentence)
    free = shutil.disk_usage(home).free
    verdict: Verdict = "good" if free >= LITTLE_SPACE_BYTES else "warning"
    yield InstallationFinding("space", verdict, f"{free / 2**30:,.1f} GiB are free where {home} lies")


def _copies(home: Path) -> Iterator[InstallationFinding]:
    """What is wrong with the copies of checkpoints that the home keeps."""
    folder = home / "checkpoints"
    for path, fault in faults(home):
        sentence = f"{path} is damaged: {fault}. The next start moves it aside: run daybook verify, and look for why"
        yield InstallationFinding("checkpoints", "bad", sentence)
    if aside := sorted(folder.glob("*.damaged-*")):
        sentence = f"damaged copies were moved aside, and begun anew: run daybook verify, then remove {aside[-1]}"
        yield InstallationFinding("checkpoints", "warning", sentence)


def of_database(conninfo: str, service: str | None = None) -> Iterator[InstallationFinding]:
    """PostgreSQL and the ledger in it, as its owner sees them; `service`: as whom a service logs in, if not as that."""
    with _connected(conninfo) as connection:
        yield from _server(connection)
        missing = _unapplied(connection)
        if missing is None:
            yield InstallationFinding("schema", "bad", "there is no ledger in this database: daybook init makes it")
            return
        if missing:
            yield InstallationFinding(
                "schema", "warning", f"{', '.join(missing)} is not applied yet: daybook init applies it"
            )
            return
        yield InstallationFinding("schema", "good", f"{len(migrations())} migrations are applied")
        for subject, look in LOOKS.items():
            yield from _looked(connection, subject, look)
    yield from _log_in(service or conninfo)
    yield _views()


@contextmanager
def _connected(conninfo: str) -> Iterator[Connection[Any]]:
    """A connection that waits for no lock longer than a moment."""
    with psycopg.connect(**noticing(conninfo), autocommit=True, row_factory=tuple_row) as connection:
        connection.execute("select set_config('lock_timeout', %s, false)", [f"{LOCK_WAIT_S}s"])
        yield connection


def _looked(
    connection: Connection[Any], subject: str, look: Callable[[Connection[Any]], Iterator[InstallationFinding]]
) -> Iterator[InstallationFinding]:
    """What a look finds; one that the database refuses leaves the others to be made."""
    try:
        yield from look(connection)
    except psycopg.Error as error:
        if connection.broken:
            raise
        said = str(error).partition("\n")[0]
        yield InstallationFinding(subject, "bad", f"this cannot be looked at: {said}")


def _views() -> InstallationFinding:
    """Whether the views read every type of event that is recorded; where they do not, no command opens the ledger."""
    try:
        check_types()
    except Unread as error:
        return InstallationFinding("views", "bad", str(error))
    return InstallationFinding("views", "good", f"projections are made by {fingerprint()}")


def _one(connection: Connection[Any], query: str | bytes, *values: Any) -> tuple[Any, ...]:
    row = connection.execute(query.encode() if isinstance(query, str) else query, values).fetchone()
    assert row is not None
    return tuple(row)


def _server(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    number = connection.info.server_version
    verdict: Verdict = "good" if number >= OLDEST_SERVER else "bad"
    yield InstallationFinding("postgresql", verdict, f"PostgreSQL {number // 10000}.{number % 10000}")
    for name, safe in DURABLE.items():
        (value,) = _one(connection, "select current_setting(%s)", name)
        if value not in safe:
            yield InstallationFinding(
                "durability", "bad", f"{name} is {value}: what was acknowledged may be lost in a crash"
            )
    (recovering,) = _one(connection, "select pg_is_in_recovery()")
    if recovering:
        yield InstallationFinding("durability", "warning", "this is a standby: it can be read, and nothing recorded")
    (shut,) = _one(connection, "select current_setting('default_transaction_read_only')::boolean")
    if shut:
        yield InstallationFinding("writing", "bad", "default_transaction_read_only is on: nothing can be recorded")


def _unapplied(connection: Connection[Any]) -> list[str] | None:
    """The migrations that are missing; None: there is no ledger."""
    (there,) = _one(connection, "select to_regclass('public.ledger_migrations') is not null")
    if not there:
        return None
    applied = {name for (name,) in connection.execute("select name from ledger_migrations")}
    return sorted(set(migrations()) - applied)


def _protection(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    able = connection.execute(
        SQL["able"],
        (list(GROWING), SERVICE_ROLE, SERVICE_ROLE),
    ).fetchall()
    off = connection.execute(
        SQL["disabled-triggers"],
        ([*GROWING, "ledger_head"],),
    ).fetchall()
    for table, privilege in able:
        yield InstallationFinding("protection", "bad", f"the service's role may {privilege} {table}: revoke it")
    for table, trigger in off:
        yield InstallationFinding(
            "protection", "bad", f"the trigger {trigger} of {table} is switched off: run daybook verify"
        )
    if not able and not off:
        yield InstallationFinding("protection", "good", "the service can add to the ledger, and change nothing")


def _log_in(service: str) -> Iterator[InstallationFinding]:
    """Whether what the service logs in as could do more than its role, which it may lay down."""
    try:
        with psycopg.connect(**noticing(service), autocommit=True) as connection:
            found = powers(connection)
    except psycopg.OperationalError as error:
        yield InstallationFinding("connection", "bad", f"the service cannot log in: {str(error).strip()}")
        return
    for power in found:
        yield InstallationFinding(
            "connection",
            "warning",
            f"{power}, and the service logs in so: whoever took it over could change what is recorded. Give it a role"
            " of its own in DAYBOOK_DATABASE_URL, and the owner's in DAYBOOK_MIGRATIONS_URL",
        )
    if not found:
        yield InstallationFinding(
            "connection", "good", "the service logs in as a role that owns nothing and can become no other"
        )


def _end(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    head, last, count = _one(connection, SQL["end"])
    if head != (last or 0):
        yield InstallationFinding(
            "ledger", "bad", f"the head says {head}, the last event is {last or 0}: run daybook verify"
        )
    else:
        yield InstallationFinding("ledger", "good", f"{head:,} events" if count else "no event yet")


def _clocks(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    clock, recorded_at = _one(connection, "select clock_timestamp(), recorded_at from ledger_head")
    apart = abs((datetime.now(UTC) - clock).total_seconds())
    verdict: Verdict = "good" if apart <= CLOCKS_DIFFER_S else "warning"
    yield InstallationFinding("clocks", verdict, f"this machine's clock and the database's are {apart:.1f} s apart")
    if recorded_at is not None and recorded_at - clock > FURTHEST_AHEAD:
        ahead = (recorded_at - clock).total_seconds()
        sentence = f"the database's clock was set back: nothing is recorded for {ahead:,.0f} s, or until it is right"
        yield InstallationFinding("clocks", "bad", sentence)
    elif recorded_at is not None and recorded_at > clock:
        ahead = (recorded_at - clock).total_seconds()
        yield InstallationFinding(
            "clocks", "warning", f"the last event was recorded {ahead:.1f} s ahead of the database's clock"
        )


def _log(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    head, size, signed_by = _one(connection, SQL["log"])
    if size is None:
        yield InstallationFinding("log", "warning", "no checkpoint was issued yet: daybook init issues the first")
        return
    uncovered = head - size
    name = str(signed_by).partition("\n")[0]
    verdict: Verdict = "good" if uncovered <= UNCOVERED else "warning"
    yield InstallationFinding(
        "log", verdict, f"the last checkpoint of {name} covers {size:,} events, {uncovered:,} wait for one"
    )


def _webhooks(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    waiting, failing, disabled, oldest_s = _one(connection, SQL["webhooks"])
    if disabled:
        yield InstallationFinding(
            "webhooks", "warning", f"{disabled} were given up: GET /api/v1/webhooks says why; resume or remove"
        )
    if failing:
        sentence = f"{failing} do not take what they are sent, since {max(0.0, oldest_s or 0.0):,.0f} s"
        yield InstallationFinding("webhooks", "warning", f"{sentence}: GET /api/v1/webhooks says why")
    if not (disabled or failing):
        yield InstallationFinding(
            "webhooks", "good", f"{waiting} have something to be sent" if waiting else "nothing waits for one"
        )


def _imports(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    waiting, running = _one(connection, SQL["imports"])
    failed = connection.execute(
        "select id, finished_at at time zone 'utc' from imports where state = 'failed' order by place desc limit 1"
    ).fetchone()
    words = f"{waiting} wait, {running} run"
    if failed is not None:
        words += f"; the last that failed, {failed[0]}, did so at {failed[1]:%Y-%m-%d %H:%M} UTC"
    yield InstallationFinding("imports", "good", words)


def _signing_key(settings: Settings, connection: Connection[Any]) -> Iterator[InstallationFinding]:
    """Whether this home can follow up the last checkpoint."""
    if _unapplied(connection) != []:
        return
    last = connection.execute("select note from log_checkpoints order by size desc limit 1").fetchone()
    if last is None:
        return
    note = str(last[0])
    try:
        keys = readable_keys(settings, note.partition("\n")[0])
    except BadSigningKey as error:
        yield InstallationFinding("signing key", "bad", str(error))
        return
    if not keys:
        yield InstallationFinding(
            "signing key",
            "bad",
            f"{key_file(settings.home)} is missing: this home signs no checkpoints. Bring back the key of before,"
            " unless another home of this ledger is to sign",
        )
        return
    try:
        verify(parse_note(note.encode()), [key.verifier for key in keys])
    except NoteError:
        yield InstallationFinding("signing key", "bad", "the key did not sign the last checkpoint, and follows none up")
    else:
        yield InstallationFinding("signing key", "good", "it signed the last checkpoint")


def _tokens(connection: Connection[Any]) -> Iterator[InstallationFinding]:
    in_force, expiring = _one(connection, SQL["tokens"])
    soon = f", {expiring} of them for less than 14 days" if expiring else ""
    yield InstallationFinding("tokens", "warning" if expiring else "good", f"tokens in force: {in_force}{soon}")


#: What is looked at in the database of a ledger, in order, each by what its findings are of.
LOOKS = {
    "protection": _protection,
    "ledger": _end,
    "clocks": _clocks,
    "log": _log,
    "webhooks": _webhooks,
    "imports": _imports,
    "tokens": _tokens,
}


def examine(settings: Settings, connect: Callable[[], str]) -> Iterator[InstallationFinding]:
    """Everything, in order; `connect` answers the database's connection string."""
    yield from of_this_machine(settings)
    try:
        owner = connect()
        yield from of_database(owner, at_run_time(settings, owner))
        with _connected(owner) as connection:
            yield from _looked(connection, "signing key", partial(_signing_key, settings))
    except psycopg.Error as error:
        yield InstallationFinding("postgresql", "bad", f"cannot be reached or asked: {str(error).strip()}")
