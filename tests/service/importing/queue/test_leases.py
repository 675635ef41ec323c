"""Which service runs an import: one at a time, another where that one dies, and none that was called off."""

from typing import Any

import pytest
from psycopg import Connection

from service.importing.queue.jobs import Job
from service.importing.queue.leases import Leases
from service.importing.queue.registry import ImportRegistry
from tests.service.importing.queue.conftest import Put


@pytest.fixture
def other(imports: ImportRegistry) -> Leases:
    """Another service on the same database."""
    return Leases(imports)


def begun(leases: Leases) -> Job:
    """The import that a service has taken up."""
    job = leases.next().job
    assert job is not None
    return job


def outlive(owner: Connection[Any]) -> None:
    """Let every lease end."""
    owner.execute("update imports set leased_until = clock_timestamp() - interval '1 second' where lease is not null")


def test_one_service_runs_imports_at_a_time(leases: Leases, other: Leases, put: Put) -> None:
    first, second = put(b"1"), put(b"2")
    mine, theirs = leases.next(), other.next()
    assert mine.job is not None
    assert (mine.job.id, mine.waiting, mine.elsewhere) == (first.id, 1, False)
    assert (theirs.job, theirs.waiting, theirs.elsewhere) == (None, 1, True)
    assert leases.end(mine.job, "done")
    assert begun(other).id == second.id
    assert leases.next().job is None


def test_a_lease_that_is_held_on_does_not_end(
    imports: ImportRegistry, leases: Leases, other: Leases, put: Put, owner: Connection[Any]
) -> None:
    put(b"1")
    job = begun(leases)
    outlive(owner)
    assert leases.renew(job) is False
    assert other.next().elsewhere
    outlive(owner)
    assert leases.progress(job) is False
    assert other.next().elsewhere
    assert imports.find(job.id).state == "running"


def test_what_ran_when_its_service_died_is_run_again_first(
    leases: Leases, other: Leases, put: Put, owner: Connection[Any]
) -> None:
    first, second = put(b"1"), put(b"2")
    begun(leases)
    outlive(owner)
    again = begun(other)
    assert (again.id, again.deaths, again.state) == (first.id, 1, "running")
    assert other.end(again, "done")
    assert begun(other).id == second.id


def test_a_service_whose_lease_was_taken_stores_nothing_more(
    imports: ImportRegistry, leases: Leases, other: Leases, put: Put, owner: Connection[Any]
) -> None:
    put(b"1")
    job = begun(leases)
    outlive(owner)
    again = begun(other)
    assert (leases.renew(job), leases.progress(job), leases.reject(job, 0, b"{}\n")) == (None, None, False)
    assert (leases.end(job, "failed"), leases.put_back(job, "the service ended")) == (False, False)
    assert (imports.find(job.id).state, other.renew(again)) == ("running", False)


def test_what_the_service_dies_of_again_and_again_is_given_up(
    imports: ImportRegistry, put: Put, owner: Connection[Any]
) -> None:
    job = put(b"1")
    for _ in range(3):
        assert Leases(imports).next().job is not None
        outlive(owner)
    assert Leases(imports).next().job is None
    found = imports.find(job.id)
    assert (found.state, found.detail) == ("failed", "given up: the service died 3 times while it ran")
    assert (found.deaths, imports.parts(job.id, "file").size_bytes) == (3, 0)


def test_what_a_service_has_put_back_counts_no_death(
    imports: ImportRegistry, leases: Leases, other: Leases, put: Put
) -> None:
    job = put(b"1")
    assert leases.put_back(begun(leases), "the service ended: it is run again from its beginning")
    found = imports.find(job.id)
    assert (found.state, found.detail) == ("interrupted", "the service ended: it is run again from its beginning")
    assert (begun(other).id, imports.find(job.id).deaths) == (job.id, 0)


def test_what_was_called_off_as_its_service_died_is_not_run_again(
    imports: ImportRegistry, leases: Leases, other: Leases, put: Put, owner: Connection[Any]
) -> None:
    job = put(b"1")
    begun(leases)
    found = imports.cancel(job.id)
    assert (found.state, found.called_off) == ("running", True)
    outlive(owner)
    assert (other.next().job, imports.find(job.id).state) == (None, "cancelled")


def test_what_was_called_off_as_it_was_put_back_is_not_run_again(
    imports: ImportRegistry, leases: Leases, put: Put
) -> None:
    job = put(b"1")
    mine = begun(leases)
    imports.cancel(job.id)
    assert leases.put_back(mine, "the service ended")
    assert (leases.next().job, imports.find(job.id).state) == (None, "cancelled")


def test_an_import_that_is_run_again_begins_anew(
    imports: ImportRegistry, leases: Leases, other: Leases, put: Put, owner: Connection[Any]
) -> None:
    job = put(b"1")
    assert leases.reject(begun(leases), 0, b'{"line":1}\n')
    outlive(owner)
    begun(other)
    assert imports.rejects(job.id).sizes == {}
