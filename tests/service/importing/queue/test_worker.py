"""Running imports: stopped between batches, called off, run again, and what is passing told from what is not."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from service.daybook import Daybook
from service.importing.bounds import MIB
from service.importing.events.ndjson import BATCH_LINES, BATCHES_AHEAD
from service.importing.queue.contents import DiskRoom
from service.importing.queue.jobs import ENDED, Job
from service.importing.queue.leases import LEASE_S, Leases
from service.importing.queue.registry import ImportRegistry
from service.importing.queue.worker import Worker
from service.importing.reading.apart import ReaderBounds
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.kernel import children
from service.storing.ledger import Ledger, Unreachable, read_bytes
from tests.service.importing.queue.conftest import Put
from tests.service.importing.reading.test_apart import SWELLING
from tests.service.postgres_owner import wait_until
from tests.service.purchases import Event, market, order

MOST_CONNECTIONS = 16
#: More than is read before something is recorded.
ORDERS = (BATCHES_AHEAD + 5) * BATCH_LINES


def ndjson(sent: Sequence[Event]) -> bytes:
    """Event requests, one a line."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in sent)


def purchases(count: int = ORDERS) -> list[Event]:
    """Baidu, Huawei and the 910B, and so many orders."""
    return [*market(), *(order(f"po-{number}", id=f"of-{number}") for number in range(count))]


def identifiers(ledger: Ledger) -> list[str]:
    """The ids of all events, in order."""
    return [read_bytes(row.state).id for row in ledger.recorder.rows_after(0, 100_000)]


@contextmanager
def working(
    daybook: Daybook,
    room: DiskRoom,
    leave_s: float = 60,
    bounds: ReaderBounds | None = None,
    lease_s: float = LEASE_S,
) -> Iterator[Worker]:
    """A worker, in the block."""
    imports = ImportRegistry(daybook.ledger.recorder.datastore)
    worker = Worker(daybook, Leases(imports, lease_s), room, 30, leave_s, bounds)
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


def found(imports: ImportRegistry, job: Job) -> Job:
    """An import as it is now; connections that were lost meanwhile are replaced."""
    for _ in range(MOST_CONNECTIONS):
        with suppress(*Unreachable):
            return imports.find(job.id)
    return imports.find(job.id)


def ended(imports: ImportRegistry, job: Job) -> Job:
    """An import after its end."""
    assert wait_until(lambda: found(imports, job).state in ENDED, 60), found(imports, job)
    return found(imports, job)


@contextmanager
def at_first_record(daybook: Daybook, act: threading.Event) -> Iterator[None]:
    """Have `act` set as soon as something is recorded, and nothing more is recorded until the block is over."""
    gate = threading.Event()

    def told() -> None:
        if not act.is_set():
            act.set()
            gate.wait(60)

    daybook.watchers.append(told)
    try:
        yield
    finally:
        gate.set()
        daybook.watchers.remove(told)


def test_an_import_that_is_stopped_is_run_again_and_the_ledger_is_as_if_it_had_not_been(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    sent = purchases()
    job = put(ndjson(sent))
    recorded = threading.Event()
    with working(daybook, room) as worker, at_first_record(daybook, recorded):
        assert recorded.wait(60)
        closing = threading.Thread(target=worker.close)
        closing.start()
    closing.join()
    stopped = imports.find(job.id)
    assert (stopped.state, stopped.deaths) == ("interrupted", 0)
    assert 0 < stopped.recorded < len(sent)
    assert stopped.recorded == daybook.ledger.recorder.head().position
    with working(daybook, room):
        again = ended(imports, job)
    assert (again.state, again.recorded, again.replayed) == ("done", len(sent) - stopped.recorded, stopped.recorded)
    assert identifiers(daybook.ledger) == [event["id"] for event in sent]


def test_an_import_that_does_not_halt_in_time_is_given_up_and_run_again(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    sent = purchases(10)
    job = put(ndjson(sent))
    recorded = threading.Event()
    with at_first_record(daybook, recorded), working(daybook, room, leave_s=0) as worker:
        assert recorded.wait(60)
        worker.close()
        assert (imports.find(job.id).state, imports.find(job.id).deaths) == ("interrupted", 0)
    assert wait_until(lambda: not any(thread.name == "imports" for thread in threading.enumerate()), 60)
    assert imports.find(job.id).state == "interrupted"
    with working(daybook, room):
        again = ended(imports, job)
    assert (again.state, again.recorded, again.replayed) == ("done", 0, len(sent))
    assert identifiers(daybook.ledger) == [event["id"] for event in sent]


def test_an_import_is_called_off_between_two_batches(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    sent = purchases()
    job = put(ndjson(sent))
    recorded = threading.Event()
    with working(daybook, room):
        with at_first_record(daybook, recorded):
            assert recorded.wait(60)
            assert imports.cancel(job.id).state == "running"
        off = ended(imports, job)
    assert (off.state, off.detail) == ("cancelled", "it was called off: what it had recorded stays")
    assert 0 < off.recorded < len(sent)
    assert off.recorded == daybook.ledger.recorder.head().position
    assert identifiers(daybook.ledger) == [event["id"] for event in sent[: off.recorded]]


def test_what_the_reader_of_a_file_dies_of_is_that_import_alone(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    swelling = put(SWELLING, "ocds")
    with working(daybook, room, bounds=ReaderBounds(160 * MIB)):
        failed = ended(imports, swelling)
        assert (failed.state, failed.deaths) == ("failed", 0)
        assert failed.detail == "the file is wrong; nothing is recorded"
        [fault] = failed.faults
        assert fault.message.startswith("takes more memory to read than the 160 MiB that an import may")
        assert ended(imports, put(ndjson(market()))).state == "done"
    assert imports.find(swelling.id).state == "failed"


def test_calling_an_import_off_ends_its_reader_at_once(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    job = put(SWELLING * 3, "ocds")
    before = set(children())
    with working(daybook, room):
        assert wait_until(lambda: bool(set(children()) - before), 60)
        imports.cancel(job.id)
        assert ended(imports, job).state == "cancelled"
        assert set(children()) == before


def test_another_service_on_the_database_takes_over(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put, tmp_path: Path
) -> None:
    with working(daybook, room) as first, working(daybook, DiskRoom(tmp_path / "elsewhere")) as second:
        ended(imports, put(ndjson(market())))
        first.close()
        done = ended(imports, put(ndjson([order("po-1", id="of-1")])))
        second.close()
    assert (done.recorded, identifiers(daybook.ledger)[-1]) == (1, "of-1")


def test_an_import_whose_service_was_lost_is_taken_over_and_each_row_is_recorded_once(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put, tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    sent = purchases()
    job = put(ndjson(sent))
    recorded = threading.Event()
    with working(daybook, room) as lost, at_first_record(daybook, recorded):
        assert recorded.wait(60)
        # It says nothing in time, as one that is stopped or cut off, and goes on later.
        owner.execute("update imports set leased_until = clock_timestamp() - interval '1 second'")
        other = Leases(imports)
        assert (turn := other.next()).job is not None
        assert (turn.job.id, turn.job.deaths) == (job.id, 1)
    assert wait_until(lambda: lost.importing.running == 0, 60)
    assert imports.find(job.id).state == "running"
    assert other.put_back(turn.job, "the other one leaves it")
    with working(daybook, DiskRoom(tmp_path / "elsewhere")):
        again = ended(imports, job)
    assert (again.state, again.recorded + again.replayed, again.deaths) == ("done", len(sent), 1)
    assert identifiers(daybook.ledger) == [event["id"] for event in sent]


def test_imports_of_several_services_run_one_after_the_other_in_their_order(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put, tmp_path: Path
) -> None:
    jobs = [put(ndjson(market())), *(put(ndjson([order(f"po-{one}", id=f"of-{one}")])) for one in range(6))]
    with working(daybook, room), working(daybook, DiskRoom(tmp_path / "elsewhere")):
        done = [ended(imports, job) for job in jobs]
    assert [job.state for job in done] == ["done"] * 7
    assert identifiers(daybook.ledger)[3:] == [f"of-{one}" for one in range(6)]
    spans = [(job.started_at, job.finished_at) for job in done]
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(spans))  # type: ignore[operator]


def test_a_service_that_waits_is_woken_by_what_another_takes_in(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    # Without word it would look again after a quarter of an hour.
    with working(daybook, room, lease_s=3_600) as worker:
        assert wait_until(lambda: worker.importing.state == "idle", 60)
        assert ended(imports, put(ndjson(market()))).state == "done"


@contextmanager
def refused(server: EmbeddedPostgres, database: str) -> Iterator[None]:
    """Nobody is connected to a database in the block, and nobody gets in."""
    named = str(conninfo_to_dict(database)["dbname"])
    name = sql.Identifier(named)
    statement = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(statement.format(name, sql.SQL("false")))
        try:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [named])
            yield
        finally:
            connection.execute(statement.format(name, sql.SQL("true")))


def test_what_is_passing_is_tried_again(
    daybook: Daybook,
    imports: ImportRegistry,
    room: DiskRoom,
    put: Put,
    postgres_server: EmbeddedPostgres,
    database: str,
) -> None:
    job = put(ndjson(market()))
    with refused(postgres_server, database), working(daybook, room) as worker:
        assert wait_until(lambda: worker.importing.state == "retrying", 60), worker.importing
        assert worker.importing.reason == "the database was not there"
    with working(daybook, room):
        done = ended(imports, job)
    assert (done.state, done.recorded, done.deaths) == ("done", 3, 0)


def test_a_long_file_that_is_wrong_further_on_says_what_it_left(
    daybook: Daybook, imports: ImportRegistry, room: DiskRoom, put: Put
) -> None:
    sent = purchases(10_500)
    job = put(ndjson(sent) + b"{}\n")
    with working(daybook, room):
        failed = ended(imports, job)
    assert (failed.state, failed.faults[0].line) == ("failed", len(sent) + 1)
    assert failed.recorded == daybook.ledger.recorder.head().position > 0
    kept = f"the {failed.recorded} events before it are recorded, and are replayed when the file is imported again"
    assert failed.detail == f"the file is wrong; {kept}"
