"""The parts put together: database, ledger, committer, projection, follower."""

import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.events import instant
from projections.engine import Projection, fingerprint
from service.committer import Committer
from service.follower import Follower
from service.log.transparency import TransparencyLog, open_log
from service.migrations import migrate
from service.postgres.embedded import EmbeddedPostgres, attach
from service.postgres.errors import EmbeddedPostgresError, HomeInUseError
from service.settings import Settings
from service.store import Ledger, read_bytes
from service.tail import Tail

logger = logging.getLogger(__name__)

#: Projections of one home that may be open at once, each in a process of its own.
MOST_PROJECTIONS = 64
#: How often a service looks whether the embedded server that it uses is there.
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Daybook:
    """A ledger in use."""

    origin: str
    ledger: Ledger
    committer: Committer
    follower: Follower
    log: TransparencyLog
    tail: Tail
    #: Called whenever this process has recorded something.
    watchers: list[Callable[[], None]]

    @property
    def projection(self) -> Projection:
        """What the views read."""
        return self.follower.projection


@contextmanager
def database(settings: Settings, *, keep: bool = False) -> Iterator[str]:
    """A connection string that owns the ledger's database: the operator's, or that of the embedded server.

    Where another process runs the embedded server of this home, that one is used. `keep`: where the server ends in the
    block, with that process or because somebody killed it, it is started again from here.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    server = EmbeddedPostgres(settings.home, settings.pg_bin)
    running = attach(settings.home)
    if running is None:
        try:
            conninfo = server.start()
        except HomeInUseError:
            # Another process was faster, just now.
            running = attach(settings.home)
            if running is None:
                raise
    left = threading.Event()
    keeper = threading.Thread(target=_keep, args=(server, running or conninfo, left), name="keeper", daemon=True)
    if keep:
        keeper.start()
    try:
        yield running or conninfo
    finally:
        left.set()
        if keep:
            keeper.join()
        server.stop()


def _keep(server: EmbeddedPostgres, conninfo: str, left: threading.Event) -> None:
    """Start the server wherever nobody runs it, until the event; those who wait for it find it where it was."""
    while not left.wait(LOOK_S):
        if server.is_running or server.folder.is_taken():
            continue
        logger.warning("the database server has ended (%s): starting it again", server.poll())
        try:
            if server.start() != conninfo:
                # A home with a long path: the socket lies in a folder with another name each time.
                logger.error("the database server has moved: start the service again")
                return
        except HomeInUseError:
            continue  # another process was faster
        except EmbeddedPostgresError:
            logger.exception("the database server does not start")


@contextmanager
def open_daybook(
    settings: Settings, *, follow: bool = True, progress: Callable[[int, int], None] = lambda position, head: None
) -> Iterator[Daybook]:
    """Open the ledger of these settings, making what is missing.

    `follow`: keep the projection up in the background; else it is brought up to the ledger's end once, here.
    """
    with ExitStack() as stack:
        conninfo = stack.enter_context(database(settings, keep=follow))
        origin = migrate(conninfo, settings.origin)
        ledger = Ledger(conninfo)
        stack.callback(ledger.close)
        log = stack.enter_context(open_log(settings, origin, ledger, ledger_identity(ledger)))
        projection = stack.enter_context(open_projection(settings.home, ledger))
        follower = Follower(ledger, projection)
        stack.callback(follower.close)

        tail = Tail(ledger)
        stack.callback(tail.close)
        watchers = [follower.wake, tail.wake]

        def recorded(first: int, leaves: bytes) -> None:
            log.recorded(first, leaves)
            for wake in watchers:
                wake()

        committer = Committer(ledger, on_append=recorded, waiting_commands=settings.waiting_requests)
        stack.callback(committer.close)
        if follow:
            follower.start()
            log.start()
        else:
            follower.catch_up(progress)
        yield Daybook(origin, ledger, committer, follower, log, tail, watchers)


@contextmanager
def open_ledger(settings: Settings) -> Iterator[Ledger]:
    """Open the ledger of these settings alone, without views, making what is missing."""
    with database(settings) as conninfo:
        migrate(conninfo, settings.origin)
        ledger = Ledger(conninfo)
        try:
            yield ledger
        finally:
            ledger.close()


@contextmanager
def open_projection(home: Path, ledger: Ledger) -> Iterator[Projection]:
    """The first projection file of this ledger that no other process holds, begun anew where it is not of this ledger.

    DuckDB lets one process open a file, so each process that works on the home has a file of its own.
    """
    folder = home / "projections"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{ledger_identity(ledger)}-{fingerprint()}"
    with _slot(folder, name) as path:
        projection = Projection.open(path)
        if not _follows(projection, ledger):
            logger.warning("%s does not belong to this ledger as it is now: building it anew", path.name)
            projection.close()
            _remove(path)
            projection = Projection.open(path)
        _remove_outdated(folder, ledger_identity(ledger))
        try:
            yield projection
        finally:
            projection.close()


def ledger_identity(ledger: Ledger) -> str:
    """Sixteen hexadecimal digits that no other ledger has."""
    with ledger.recorder.datastore.get_connection() as connection:
        row = connection.execute("select origin, created_at from ledger_identity").fetchone()
    assert row is not None
    return identity_of(row["origin"], row["created_at"])


def identity_of(origin: str, created_at: datetime) -> str:
    """The identity of the ledger of a name that was made at a time."""
    return hashlib.sha256(f"{origin}\n{created_at.timestamp()}".encode()).hexdigest()[:16]


def ledger_origin(ledger: Ledger) -> str:
    """The ledger's name."""
    with ledger.recorder.datastore.get_connection() as connection:
        row = connection.execute("select origin from ledger_identity").fetchone()
    assert row is not None
    return str(row["origin"])


def _follows(projection: Projection, ledger: Ledger) -> bool:
    """Whether the ledger's event at the projection's position is the one that the projection read last."""
    if projection.position == 0:
        return True
    rows = ledger.recorder.rows_after(projection.position - 1, 1)
    if not rows:
        return False
    last = read_bytes(rows[0].state)
    assert last.stored is not None
    recorded_at = projection.recorded_at_of(last.position)
    return (
        projection.event(last.id) == last.position
        and recorded_at is not None
        and instant(recorded_at.replace(tzinfo=UTC)) == last.stored["recorded_at"]
    )


@contextmanager
def _slot(folder: Path, name: str) -> Iterator[Path]:
    for slot in range(MOST_PROJECTIONS):
        lock = os.open(folder / f"{name}-{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            yield folder / f"{name}-{slot}.duckdb"
        finally:
            os.close(lock)
        return
    raise OSError(f"{MOST_PROJECTIONS} processes use {folder} already")


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(path.name + ".wal")):
        leftover.unlink(missing_ok=True)


def remove_projections(home: Path) -> tuple[int, int]:
    """Remove every projection of a home that no process holds: how many went, and how many are in use."""
    lock_files = list((home / "projections").glob("*.lock"))
    removed = sum(_remove_unheld(lock_file) for lock_file in lock_files)
    held = sum(not _remove_unheld(lock_file) for lock_file in lock_files if _projection_of(lock_file).exists())
    return removed, held


def _remove_outdated(folder: Path, identity: str) -> None:
    """Remove this ledger's projections that other code made and no process holds."""
    for lock_file in folder.glob(f"{identity}-*.lock"):
        if not lock_file.name.startswith(f"{identity}-{fingerprint()}-"):
            _remove_unheld(lock_file)


def _remove_unheld(lock_file: Path) -> bool:
    """Remove a projection unless a process holds it; its lock stays, which a process may just be opening."""
    lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there = _projection_of(lock_file).exists()
        _remove(_projection_of(lock_file))
        return there
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _projection_of(lock_file: Path) -> Path:
    return lock_file.with_suffix(".duckdb")
