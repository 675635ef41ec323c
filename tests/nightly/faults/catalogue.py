"""The faults: how each is brought about and taken away, and how soon all must be well again."""

import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.nightly.faults.company import Clerk, Company, Manner, Receiver
from tests.nightly.faults.restores import from_archive, from_base_backup, from_dump, from_schema
from tests.nightly.faults.stage import ExternalStage, Stage, children_of, filled, frozen
from tests.service.postgres_owner import wait_until
from tests.service.storing.schemas import schemas
from tests.service.wire import Lost

#: Brings a fault about on entry and takes it away on exit.
Bring = Callable[[Stage, random.Random], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    name: str
    bring: Bring
    #: Seconds from its end until a new write is acknowledged, /readyz says ready, and views and checkpoint are level.
    bound_s: float
    #: How long it lasts.
    holds_s: float = 0.0
    #: Whether writing is not possible meanwhile, so that /readyz must say so and writers are put off.
    stops_writing: bool = False
    #: Whether the database is the operator's.
    external: bool = False
    services: int = 1
    #: Size of the file system that the first home is on; None: the machine's own.
    disk: str | None = None
    #: Whether the ledger comes back as it was at an earlier moment.
    goes_back: bool = False
    #: The longest that a writer may wait for any answer, beyond what the service promises.
    silent_s: float = 0.0
    #: Who else is there, besides the writers.
    company: Callable[[], Company] | None = None
    #: Rounds that are enough, of a fault from which it takes long to come back.
    most_rounds: int | None = None
    #: Whether it is part of `./run test`.
    quick: bool = False


# Processes


@contextmanager
def service_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """Whoever runs the service starts it again, as systemd does."""
    del chance
    stage.end(0, signal.SIGKILL)
    yield
    stage.start(0)


@contextmanager
def service_ended(stage: Stage, chance: random.Random) -> Iterator[None]:
    """An upgrade, or a change of settings."""
    del chance
    code = stage.end(0, signal.SIGTERM)
    assert code == 0, f"ended with {code}"
    yield
    stage.start(0)


@contextmanager
def service_frozen(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The machine sleeps."""
    del chance
    with frozen(stage.service.process.pid):
        yield


@contextmanager
def postmaster_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The database's first process is gone; the others follow."""
    del chance
    os.kill(stage.postmaster(), signal.SIGKILL)
    yield


@contextmanager
def postgres_stopped_at_once(stage: Stage, chance: random.Random) -> Iterator[None]:
    """What `pg_ctl stop -m immediate` does: no checkpoint, recovery at the next start."""
    del chance
    os.kill(stage.postmaster(), signal.SIGQUIT)
    yield


@contextmanager
def supervisor_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The process between the service and its server."""
    del chance
    (supervisor, *_) = children_of(stage.service.process.pid)
    os.kill(supervisor, signal.SIGKILL)
    yield


@contextmanager
def backend_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The operating system kills one of the server's processes; the server restarts all of them."""
    backends = [pid for (pid,) in stage.look("select pid from pg_stat_activity where backend_type = 'client backend'")]
    with suppress(ProcessLookupError):
        os.kill(chance.choice(backends), signal.SIGKILL)
    yield


@contextmanager
def process_of_postgres_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The same, of any of them: those that write, clean up, or take in."""
    with suppress(ProcessLookupError):
        os.kill(chance.choice(children_of(stage.postmaster())), signal.SIGKILL)
    yield


@contextmanager
def backends_frozen(stage: Stage, chance: random.Random) -> Iterator[None]:
    """What serves the service's connections stands still, whatever it holds; the server lets others in."""
    del chance
    with frozen(*(pid for (pid,) in stage.look("select pid from pg_stat_activity where usename = 'daybook_service'"))):
        yield


@contextmanager
def connections_ended(stage: Stage, chance: random.Random) -> Iterator[None]:
    """An administrator ends every connection."""
    del chance
    stage.look(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid()"
    )
    yield


@contextmanager
def postgres_frozen(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The database's machine sleeps."""
    del chance
    postmaster = stage.postmaster()
    with frozen(postmaster, *children_of(postmaster)):
        yield


# The wire


def _wired(stage: Stage) -> ExternalStage:
    assert isinstance(stage, ExternalStage)
    return stage


@contextmanager
def wire_refused(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The database cannot be reached at all."""
    del chance
    with _wired(stage).wire.refusing():
        yield


@contextmanager
def wire_held(stage: Stage, chance: random.Random) -> Iterator[None]:
    """Half open: nothing arrives, and no end is told."""
    del chance
    with _wired(stage).wire.holding():
        yield


@contextmanager
def wire_cut(stage: Stage, chance: random.Random) -> Iterator[None]:
    """Every connection breaks after some random number of bytes, in whatever is being said."""
    wire = _wired(stage).wire
    before = wire.breaks
    wire.break_after(chance.randrange(1, 60_000))
    assert wait_until(lambda: wire.breaks > before, 30)
    yield


def commit_lost(lost: Lost) -> Bring:
    """The wire breaks at a commit."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        del chance
        wire = _wired(stage).wire
        before = wire.breaks
        wire.break_at_next_commit(lost)
        assert wait_until(lambda: wire.breaks > before, 30)
        yield

    return bring


# Locks, clocks, rights


def locked(statement: str) -> Bring:
    """Another holds a lock, and does nothing."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        del chance
        with psycopg.connect(stage.conninfo()) as connection:
            connection.execute(statement.encode())
            yield
            connection.rollback()

    return bring


@contextmanager
def read_only(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The database takes no writes, as a standby does."""
    del chance
    name = stage.look("select quote_ident(current_database())")[0][0]
    everybody = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    stage.look(f"alter database {name} set default_transaction_read_only = on")
    stage.look(f"{everybody} and pid <> pg_backend_pid()")
    yield
    with psycopg.connect(stage.conninfo(), autocommit=True, options="-c default_transaction_read_only=off") as owner:
        owner.execute(f"alter database {name} reset default_transaction_read_only".encode())
        owner.execute(f"{everybody} and pid <> pg_backend_pid()".encode())


def clock_back(seconds: int) -> Bring:
    """The database's clock was set back: what was recorded last lies ahead of it."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        del chance
        _set_head(stage, f"clock_timestamp() + interval '{seconds} s'")
        yield
        # An hour would have to pass.
        if seconds > 60:
            _set_head(stage, "(select recorded_at from ledger_events order by notification_id desc limit 1)")

    return bring


def _set_head(stage: Stage, moment: str) -> None:
    with psycopg.connect(stage.conninfo()) as owner:
        owner.execute("set local session_replication_role = replica")
        owner.execute(f"update ledger_head set recorded_at = {moment}".encode())


# Space, memory, files


@contextmanager
def disk_full(stage: Stage, chance: random.Random) -> Iterator[None]:
    """Nothing is left on the home's file system."""
    del chance
    with filled(stage.home()):
        yield


def limited(kind: int, spare: Callable[[int], int]) -> Bring:
    """A limit of the operating system that the running service has reached."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        del chance
        pid = stage.service.process.pid
        soft, hard = resource.prlimit(pid, kind)
        resource.prlimit(pid, kind, (spare(pid), hard))
        try:
            yield
        finally:
            resource.prlimit(pid, kind, (soft, hard))

    return bring


def _memory_now(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize() + (4 << 20)


def _files_now(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir())) + 1


# The projection's file


def _projections(stage: Stage) -> list[Path]:
    return [path for path in stage.home().rglob("*.duckdb*") if path.is_file()]


@contextmanager
def projection_deleted(stage: Stage, chance: random.Random) -> Iterator[None]:
    """Somebody tidies up under a running service, which is then restarted."""
    del chance
    for file in _projections(stage):
        file.unlink()
    yield
    stage.end(0, signal.SIGTERM)
    stage.start(0)


@contextmanager
def projection_damaged(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The file was damaged while the service was down."""
    stage.end(0, signal.SIGKILL)
    for file in _projections(stage):
        _damage(file, chance)
    yield
    stage.start(0)


@contextmanager
def projection_damaged_in_use(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The file is damaged under the running service."""
    for file in _projections(stage):
        _damage(file, chance)
    yield


@contextmanager
def files_deleted(stage: Stage, chance: random.Random) -> Iterator[None]:
    """Somebody tidies up the rest of the home, under a running service."""
    for name in chance.sample(TIDIED, 4):
        path = stage.home() / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    yield
    assert wait_until(stage.is_up, 30), "the server was not found again"


#: What a home can lose without losing anything.
TIDIED = (
    "postgres/state.json",
    "postgres/socket/.s.PGSQL.5432",
    "postgres/postgres.log",
    "projections",
    "imports",
    "checkpoints",
)


def _damage(file: Path, chance: random.Random) -> None:
    size = file.stat().st_size
    way = chance.choice(["cut", "empty", "begin", "middle", "everywhere", "zeros"])
    with file.open("r+b") as opened:
        if way == "cut":
            opened.truncate(chance.randrange(size + 1))
        elif way == "empty":
            opened.truncate(0)
        else:
            places = {"begin": [0], "middle": [size // 2], "zeros": [size // 3]}.get(
                way, [chance.randrange(max(1, size)) for _ in range(200)]
            )
            for place in places:
                opened.seek(place)
                opened.write(bytes(4096) if way == "zeros" else chance.randbytes(64))


@contextmanager
def killed_while_views_are_made(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The service is killed at some moment of making its projection, again and again."""
    stage.end(0, signal.SIGKILL)
    for _ in range(KILLS):
        for file in _projections(stage):
            file.unlink()
        stage.start_and_kill(chance.random() * KILLED_WITHIN_S)
    yield
    stage.start(0)


#: Kills of a round, and when: within the time from the first file of a projection until it is level.
KILLS = 14
KILLED_WITHIN_S = 0.5


# Two services


@contextmanager
def other_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """One of two services dies; it is started again later."""
    del chance
    stage.end(1, signal.SIGKILL)
    yield
    stage.start(1)


@contextmanager
def other_frozen(stage: Stage, chance: random.Random) -> Iterator[None]:
    """One of two services is stopped while it holds the head's lock."""
    del chance
    other = stage.services[1]
    assert other is not None
    with psycopg.connect(stage.conninfo()) as owner:
        for _ in range(STAGINGS):
            owner.execute("select ledger_lock()")
            # Both stand in the queue for the lock; the stopped one gets it in its turn, and keeps it.
            assert wait_until(lambda: _count(stage, WAITING) >= len(stage.services), 30), "they never waited together"
            with frozen(other.process.pid):
                owner.rollback()
                if wait_until(lambda: _is_kept(stage), 10):
                    yield
                    return
    raise AssertionError("it never kept the lock")


#: Attempts to stop a service in the right moment: its turn may end just then, and what it waits for with it.
STAGINGS = 10
WAITING = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
#: Who holds what another waits for, and does nothing.
KEEPING = f"""
select pid from pg_stat_activity where state = 'idle in transaction'
and pid in (select unnest(pg_blocking_pids(waiting.pid)) from ({WAITING}) as waiting)
"""


def _is_kept(stage: Stage) -> bool:
    """Whether one process holds the lock, and goes on holding it."""
    keeping = stage.look(KEEPING)
    time.sleep(0.5)
    return bool(keeping) and stage.look(KEEPING) == keeping


def _count(stage: Stage, statement: str) -> int:
    return int(stage.look(f"select count(*) from ({statement}) as found")[0][0])


# Imports and webhooks


def _clerk(stage: Stage) -> Clerk:
    assert isinstance(stage.company, Clerk)
    return stage.company


@contextmanager
def killed_importing(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The service is killed at some moment of an import."""
    _clerk(stage).send_and_catch(stage, chance)
    stage.end(0, signal.SIGKILL)
    yield
    stage.start(0)


@contextmanager
def reader_killed(stage: Stage, chance: random.Random) -> Iterator[None]:
    """The process that reads the file of an import is killed: that import fails, and its file is sent again."""
    clerk = _clerk(stage)
    address = clerk.send_and_catch(stage, chance, 0.3)
    for pid in children_of(stage.service.process.pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"service.importing.reading" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: clerk.waits_for(stage) is None, 30), clerk.job(stage, address)
    job = clerk.job(stage, address)
    if job["state"] == "failed":
        assert job["detail"], job
        clerk.send_last_again(stage)
    yield


def importing(meanwhile: Bring) -> Bring:
    """Something happens at some moment of an import."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        _clerk(stage).send_and_catch(stage, chance)
        with meanwhile(stage, chance):
            yield

    return bring


def receiver(manner: Manner, meanwhile: Bring | None = None) -> Bring:
    """Whoever is to be told of events takes them otherwise, or not, and something else is wrong at the same time."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        assert isinstance(stage.company, Receiver)
        with stage.company.behaving(manner):
            assert wait_until(lambda: _work(stage, "webhooks")["state"] == "failing", 60), _work(stage, "webhooks")
            with meanwhile(stage, chance) if meanwhile else nullcontext():
                yield

    return bring


def _work(stage: Stage, kind: str) -> dict[str, Any]:
    """What /readyz says of a kind of work."""
    work: dict[str, Any] = stage.readiness()[1].get("work") or {kind: {"state": ""}}
    return dict(work[kind])


FAULTS = [
    Fault("service killed", service_killed, 30, quick=True),
    Fault("service ended", service_ended, 30),
    Fault("service frozen", service_frozen, 15, holds_s=10, silent_s=10),
    Fault("postmaster killed", postmaster_killed, 30),
    Fault("PostgreSQL stopped at once", postgres_stopped_at_once, 30),
    Fault("supervisor killed", supervisor_killed, 30),
    Fault("backend killed", backend_killed, 30),
    Fault("process of PostgreSQL killed", process_of_postgres_killed, 30),
    Fault("backends frozen", backends_frozen, 30, holds_s=30),
    Fault("connections ended", connections_ended, 15),
    Fault("PostgreSQL frozen", postgres_frozen, 30, holds_s=30, stops_writing=True),
    Fault("wire refused", wire_refused, 15, holds_s=10, stops_writing=True, external=True),
    Fault("wire half open", wire_held, 40, holds_s=30, stops_writing=True, external=True),
    Fault("wire cut anywhere", wire_cut, 30, external=True, quick=True),
    Fault("commit lost", commit_lost("the commit"), 15, external=True),
    Fault("answer to a commit lost", commit_lost("the answer"), 15, external=True, quick=True),
    Fault("head locked", locked("select ledger_lock()"), 15, holds_s=30, stops_writing=True, external=True),
    Fault("table locked", locked("lock table ledger_events"), 30, holds_s=30, stops_writing=True, external=True),
    Fault("database read-only", read_only, 15, holds_s=10, stops_writing=True, external=True, quick=True),
    Fault("clock 50 s back", clock_back(50), 5, holds_s=10, external=True),
    Fault("clock an hour back", clock_back(3600), 15, holds_s=10, stops_writing=True, external=True),
    Fault("disk full, database and all", disk_full, 60, holds_s=15, stops_writing=True, disk="600m"),
    Fault("disk of the home full", disk_full, 30, holds_s=15, external=True, disk="300m"),
    Fault("no memory to be had", limited(resource.RLIMIT_AS, _memory_now), 30, holds_s=20),
    Fault("no files to be had", limited(resource.RLIMIT_NOFILE, _files_now), 30, holds_s=20),
    Fault("files of the home deleted", files_deleted, 30),
    Fault("projection deleted", projection_deleted, 60),
    Fault("projection damaged", projection_damaged, 60, quick=True),
    Fault("projection damaged in use", projection_damaged_in_use, 60),
    Fault("killed while views are made", killed_while_views_are_made, 60),
    # The file is read again from its beginning, beside the writers.
    Fault("killed in an import", killed_importing, 90, company=Clerk),
    Fault("reader of an import killed", reader_killed, 90, company=Clerk),
    Fault("PostgreSQL stopped in an import", importing(postgres_stopped_at_once), 90, company=Clerk),
    Fault("read-only in an import", importing(read_only), 90, holds_s=10, external=True, company=Clerk),
    # Its lease of a webhook has to run out first.
    Fault("killed while it tells", service_killed, 90, company=Receiver),
    Fault("receiver breaks", receiver("breaks"), 15, company=Receiver),
    Fault("receiver trickles", receiver("trickles"), 30, company=Receiver),
    # What failed twice is tried again after five to six minutes.
    Fault(
        "receiver away, nothing written",
        receiver("away", read_only),
        400,
        holds_s=15,
        stops_writing=True,
        external=True,
        company=Receiver,
        most_rounds=1,
    ),
    Fault("other service killed", other_killed, 30, external=True, services=2),
    Fault(
        "other service frozen",
        other_frozen,
        30,
        holds_s=30,
        stops_writing=True,
        external=True,
        services=2,
        silent_s=30,
    ),
    Fault("restored from a dump", from_dump, 60, external=True, goes_back=True),
    Fault("restored from a base backup", from_base_backup, 60, goes_back=True),
    Fault("restored from an archive", from_archive, 60, goes_back=True),
    *(Fault(f"upgraded from {name}", from_schema(scripts), 60, external=True) for name, scripts in schemas().items()),
]
