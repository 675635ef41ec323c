"""Running imports: stopped between batches, called off, run again, and what is passing told from what is not."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from service.daybook import Daybook
from service.importing.bounds import MIB
from service.importing.events.ndjson import BATCH_LINES, BATCHES_AHEAD
from service.importing.queue.jobs import ENDED, Job, Jobs
from service.importing.queue.worker import Worker
from service.importing.reading.apart import Bounds
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.kernel import children
from service.storing.ledger import Ledger, read_bytes
from tests.service.importing.queue.conftest import Put
from tests.service.importing.reading.test_apart import SWELLING
from tests.service.postgres_owner import wait_until
from tests.service.purchases import Event, market, order

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
    return [read_bytes(row.state).id for row in ledger.recorder.page(0, 100_000)]


@contextmanager
def working(daybook: Daybook, jobs: Jobs, leave_s: float = 60, bounds: Bounds | None = None) -> Iterator[Worker]:
    """A worker, in the block."""
    worker = Worker(daybook, Jobs(jobs.folder.parent, jobs.ledger), 30, leave_s, bounds)
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


def ended(jobs: Jobs, job: Job) -> Job:
    """A job after its end."""
    assert wait_until(lambda: jobs.find(job.id).state in ENDED, 60), jobs.find(job.id)
    return jobs.find(job.id)


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
    daybook: Daybook, jobs: Jobs, put: Put
) -> None:
    sent = purchases()
    job = put(ndjson(sent))
    recorded = threading.Event()
    with working(daybook, jobs) as worker, at_first_record(daybook, recorded):
        assert recorded.wait(60)
        closing = threading.Thread(target=worker.close)
        closing.start()
    closing.join()
    stopped = jobs.find(job.id)
    assert (stopped.state, stopped.deaths) == ("interrupted", 0)
    assert 0 < stopped.recorded < len(sent)
    assert stopped.recorded == daybook.ledger.recorder.head().position
    with working(daybook, jobs):
        again = ended(jobs, job)
    assert (again.state, again.recorded, again.replayed) == ("done", len(sent) - stopped.recorded, stopped.recorded)
    assert identifiers(daybook.ledger) == [event["id"] for event in sent]


def test_an_import_that_does_not_halt_in_time_is_given_up_and_run_again(daybook: Daybook, jobs: Jobs, put: Put) -> None:
    sent = purchases(10)
    job = put(ndjson(sent))
    recorded = threading.Event()
    with at_first_record(daybook, recorded), working(daybook, jobs, leave_s=0) as worker:
        assert recorded.wait(60)
        worker.close()
        assert (jobs.find(job.id).state, jobs.find(job.id).deaths) == ("interrupted", 0)
    assert wait_until(lambda: not any(thread.name == "imports" for thread in threading.enumerate()), 60)
    assert jobs.find(job.id).state == "interrupted"
    with working(daybook, jobs):
        again = ended(jobs, job)
    assert (again.state, again.recorded, again.replayed) == ("done", 0, len(sent))
    assert identifiers(daybook.ledger) == [event["id"] for event in sent]


def test_an_import_is_called_off_between_two_batches(daybook: Daybook, jobs: Jobs, put: Put) -> None:
    sent = purchases()
    job = put(ndjson(sent))
    recorded = threading.Event()
    with working(daybook, jobs):
        with at_first_record(daybook, recorded):
            assert recorded.wait(60)
            assert jobs.cancel(job.id).state == "running"
        off = ended(jobs, job)
    assert (off.state, off.detail) == ("cancelled", "it was called off: what it had recorded stays")
    assert 0 < off.recorded < len(sent)
    assert off.recorded == daybook.ledger.recorder.head().position
    assert identifiers(daybook.ledger) == [event["id"] for event in sent[: off.recorded]]


def test_what_the_reader_of_a_file_dies_of_is_that_import_alone(daybook: Daybook, jobs: Jobs, put: Put) -> None:
    swelling = put(SWELLING, "ocds")
    with working(daybook, jobs, bounds=Bounds(160 * MIB)):
        failed = ended(jobs, swelling)
        assert (failed.state, failed.deaths) == ("failed", 0)
        assert failed.detail == "the file is wrong; nothing is recorded"
        [fault] = failed.faults
        assert fault.message.startswith("takes more memory to read than the 160 MiB that an import may")
        assert ended(jobs, put(ndjson(market()))).state == "done"
    assert jobs.find(swelling.id).state == "failed"


def test_calling_an_import_off_ends_its_reader_at_once(daybook: Daybook, jobs: Jobs, put: Put) -> None:
    job = put(SWELLING * 3, "ocds")
    before = set(children())
    with working(daybook, jobs):
        assert wait_until(lambda: bool(set(children()) - before), 60)
        jobs.cancel(job.id)
        assert ended(jobs, job).state == "cancelled"
        assert set(children()) == before


def test_another_worker_of_the_home_takes_over(daybook: Daybook, jobs: Jobs, put: Put) -> None:
    with working(daybook, jobs) as first:
        assert wait_until(lambda: not leads(jobs), 10)
        with working(daybook, jobs):
            ended(jobs, put(ndjson(market())))
            first.close()
            done = ended(jobs, put(ndjson([order("po-1", id="of-1")])))
    assert (done.recorded, identifiers(daybook.ledger)[-1]) == (1, "of-1")


def leads(jobs: Jobs) -> bool:
    """Whether nobody else leads; for a moment we do."""
    free = jobs.lead()
    jobs.resign()
    return free


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
    daybook: Daybook, jobs: Jobs, put: Put, postgres_server: EmbeddedPostgres, database: str
) -> None:
    job = put(ndjson(market()))
    with refused(postgres_server, database), working(daybook, jobs):
        assert wait_until(lambda: jobs.find(job.id).state == "interrupted", 60), jobs.find(job.id)
        assert jobs.find(job.id).detail == "the database was not there: it is run again from its beginning"
    with working(daybook, jobs):
        done = ended(jobs, job)
    assert (done.state, done.recorded, done.deaths) == ("done", 3, 0)


def test_a_long_file_that_is_wrong_further_on_says_what_it_left(daybook: Daybook, jobs: Jobs, put: Put) -> None:
    sent = purchases(10_500)
    job = put(ndjson(sent) + b"{}\n")
    with working(daybook, jobs):
        failed = ended(jobs, job)
    assert (failed.state, failed.faults[0].line) == ("failed", len(sent) + 1)
    assert failed.recorded == daybook.ledger.recorder.head().position > 0
    kept = f"the {failed.recorded} events before it are recorded, and are replayed when the file is imported again"
    assert failed.detail == f"the file is wrong; {kept}"
