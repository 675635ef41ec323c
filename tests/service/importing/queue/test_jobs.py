"""Where imports are kept: their order, who runs them, and what is cleared away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.importing.queue.arriving import Arrival
from service.importing.queue.jobs import ImportEnded, Jobs, Key, UnknownImport
from tests.service.importing.queue.conftest import Put

LONG_AGO = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """The imports of a ledger that nobody needs."""
    return Jobs(tmp_path, "0123456789abcdef")


def test_jobs_are_run_in_the_order_in_which_they_came(jobs: Jobs, put: Put) -> None:
    came = [put(f"{number}".encode()).id for number in range(3)]
    assert [job.id for job in jobs.all()] == came
    begun = [jobs.next() for _ in range(4)]
    assert [job.id if job is not None else None for job in begun] == [*came, None]
    assert {job.state for job in jobs.all()} == {"running"}


def test_one_process_leads_until_it_resigns(jobs: Jobs, tmp_path: Path) -> None:
    other = Jobs(tmp_path, jobs.ledger)
    assert (jobs.lead(), jobs.lead(), other.lead()) == (True, True, False)
    jobs.resign()
    assert (other.lead(), jobs.lead()) == (True, False)
    other.resign()


def test_another_ledger_of_the_home_has_jobs_of_its_own(jobs: Jobs, put: Put, tmp_path: Path) -> None:
    other = Jobs(tmp_path, "fedcba9876543210")
    job = put(b"1")
    assert (other.all(), other.next(), other.lead(), jobs.lead()) == ([], None, True, True)
    with pytest.raises(UnknownImport):
        other.find(job.id)
    jobs.resign()
    other.resign()


def test_what_ran_when_its_process_died_is_run_again_first(jobs: Jobs, put: Put) -> None:
    first, second = put(b"1"), put(b"2")
    jobs.next()
    jobs.take_over()
    found = jobs.find(first.id)
    assert (found.state, found.deaths) == ("interrupted", 1)
    assert found.detail == "the service ended while it ran: it is run again from its beginning"
    begun = [jobs.next(), jobs.next()]
    assert [job.id if job is not None else None for job in begun] == [first.id, second.id]


def test_what_the_service_dies_of_again_and_again_is_given_up(jobs: Jobs, put: Put) -> None:
    job = put(b"1")
    for _ in range(3):
        assert jobs.next() is not None
        jobs.take_over()
    found = jobs.find(job.id)
    assert (found.state, found.detail) == ("failed", "given up: the service died 3 times while it ran")
    assert jobs.next() is None
    assert not jobs.path(job.id, "upload").exists()


def test_what_was_called_off_as_its_process_died_is_not_run_again(jobs: Jobs, put: Put) -> None:
    job = put(b"1")
    jobs.next()
    assert (jobs.cancel(job.id).state, jobs.is_called_off(job.id)) == ("running", True)
    jobs.take_over()
    assert (jobs.find(job.id).state, jobs.next()) == ("cancelled", None)


def test_what_was_called_off_as_it_was_put_back_is_not_run_again(jobs: Jobs, put: Put) -> None:
    job = put(b"1")
    begun = jobs.next()
    assert begun is not None
    jobs.cancel(job.id)
    jobs.put_back(begun, "the service ended")
    assert (jobs.next(), jobs.find(job.id).state) == (None, "cancelled")


def test_what_has_ended_is_not_called_off_and_needs_no_file(jobs: Jobs, put: Put) -> None:
    job = put(b"1")
    begun = jobs.next()
    assert begun is not None
    jobs.end(begun, "done")
    assert not jobs.path(job.id, "upload").exists()
    with pytest.raises(ImportEnded, match="it is done"):
        jobs.cancel(job.id)


def test_ends_are_kept_for_a_while_and_what_nobody_sends_any_more_is_not(jobs: Jobs, put: Put) -> None:
    ended, waiting = put(b"1"), put(b"2")
    begun = jobs.next()
    assert begun is not None
    jobs.end(begun, "done")
    arriving = Arrival(jobs)
    # A process that died left this one.
    dead = arriving.folder.with_name("0190c4a1-0000-7000-8000-000000000000")
    dead.mkdir()
    (dead / "upload").write_bytes(b"half")
    jobs.clear_away(LONG_AGO)
    assert [job.id for job in jobs.all()] == [ended.id, waiting.id]
    assert (arriving.folder.exists(), dead.exists()) == (True, False)
    jobs.clear_away(datetime.now(UTC) + timedelta(days=1))
    assert [job.id for job in jobs.all()] == [waiting.id]
    with arriving:
        pass
    assert not arriving.folder.exists()


def test_what_was_sent_under_a_key_is_never_forgotten(jobs: Jobs, put: Put) -> None:
    put(b"1")
    begun = jobs.next()
    assert begun is not None
    jobs.end(replace(begun, key=Key("token:7", "k-1", "ab" * 32)), "done")
    jobs.clear_away(datetime.now(UTC) + timedelta(days=1))
    assert [(job.id, job.state) for job in jobs.all()] == [(begun.id, "done")]


def test_the_order_outlasts_a_clock_set_back(jobs: Jobs, put: Put) -> None:
    first = put(b"1")
    jobs.write(replace(first, created_at=datetime.now(UTC) + timedelta(hours=1)))
    second = put(b"2")
    assert [job.id for job in jobs.all()] == [first.id, second.id]
