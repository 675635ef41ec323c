"""Where imports are stored: their order, what repeats another, how they are listed, and what is removed."""

import threading
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from psycopg import Connection

from service.importing.queue import registry
from service.importing.queue.contents import Arrival, DiskRoom, Rejects
from service.importing.queue.jobs import ImportEnded, Job, SentFile, State, TooManyImports, UnknownImport, Wish
from service.importing.queue.leases import Leases
from service.importing.queue.registry import ImportRegistry
from service.recording.commands import KeyReused
from service.recording.idempotency import keep_answers
from service.recording.receipts import IdempotencyKey
from tests.service.importing.queue.conftest import Put

STATES = get_args(State)
DAY_S = 86_400
KEY = IdempotencyKey("token:7", "k-1", b"\x01" * 32)
OTHER_REQUEST = KEY._replace(fingerprint=b"\x02" * 32)


def begun(leases: Leases) -> Job:
    """The import that a service has taken up."""
    job = leases.next().job
    assert job is not None
    return job


def run(leases: Leases) -> Job:
    """The import that came first, after its end."""
    job = begun(leases)
    assert leases.end(job, "done")
    return leases.imports.find(job.id)


def files(owner: Connection[Any]) -> int:
    """How many parts of files are stored."""
    (count,) = owner.execute("select count(*) from import_parts").fetchone() or (0,)
    return int(count)


def sent_again(
    imports: ImportRegistry, room: DiskRoom, data: bytes, job: Job, key: IdempotencyKey | None = None
) -> Any:
    """The answer to the file of an import that is sent again."""
    with Arrival(room) as arrival:
        arrival.take(data)
        arrival.write()
        sent = SentFile(arrival.id, job.file, job.wish, job.actor, arrival.sha256, arrival.size_bytes)
        again, new = imports.add(sent, arrival.file, key)
        return again.id, new


def test_imports_are_run_in_the_order_in_which_they_came(imports: ImportRegistry, leases: Leases, put: Put) -> None:
    came = [put(f"{number}".encode()).id for number in range(3)]
    assert [job.id for job in imports.page(STATES, 10)] == came[::-1]
    assert [run(leases).id for _ in range(3)] == came
    assert leases.next().job is None


def test_the_order_outlasts_a_clock_set_back(imports: ImportRegistry, put: Put, owner: Connection[Any]) -> None:
    first = put(b"1")
    owner.execute("update imports set created_at = created_at + interval '1 hour'")
    second = put(b"2")
    assert [job.id for job in imports.page(STATES, 10)] == [second.id, first.id]


def test_a_list_goes_on_behind_a_place(imports: ImportRegistry, leases: Leases, put: Put) -> None:
    came = [put(f"{number}".encode()) for number in range(5)]
    run(leases)
    assert [job.id for job in imports.page(STATES, 2, before=came[3].place)] == [came[2].id, came[1].id]
    assert [job.id for job in imports.page(["done", "failed"], 2)] == [came[0].id]


def test_the_same_file_is_the_same_import_while_it_is_open(
    imports: ImportRegistry, leases: Leases, put: Put, room: DiskRoom, owner: Connection[Any]
) -> None:
    job = put(b"1")
    stored = files(owner)
    assert sent_again(imports, room, b"1", job) == (job.id, False)
    assert files(owner) == stored
    run(leases)
    again, new = sent_again(imports, room, b"1", job)
    assert (again != job.id, new) == (True, True)


def test_every_key_under_which_a_file_was_sent_stands_for_its_import(
    imports: ImportRegistry, leases: Leases, put: Put, room: DiskRoom
) -> None:
    job = put(b"1", key=KEY)
    other = IdempotencyKey("token:8", "k-2", KEY.fingerprint)
    assert sent_again(imports, room, b"1", job, other) == (job.id, False)
    run(leases)
    assert [sent_again(imports, room, b"1", job, key) for key in (KEY, other)] == [(job.id, False)] * 2


def test_a_key_of_another_request_is_refused_whatever_that_recorded(
    imports: ImportRegistry, put: Put, room: DiskRoom
) -> None:
    job = put(b"1", key=KEY)
    with imports.datastore.get_connection() as connection:
        keep_answers(connection, [(KEY._replace(key="of-events"), {"count": 1, "first": 1, "last": 1, "events": []})])
    for key in (OTHER_REQUEST, OTHER_REQUEST._replace(key="of-events")):
        with pytest.raises(KeyReused, match="something else was sent before"):
            sent_again(imports, room, b"2", job, key)
    assert len(imports.page(STATES, 10)) == 1


def test_of_files_that_are_sent_at_once_each_is_stored_once(imports: ImportRegistry, room: DiskRoom) -> None:
    found: list[tuple[str, bool]] = []

    def send(number: int) -> None:
        with Arrival(room) as arrival:
            arrival.take(b"x" * 2_000_000)
            arrival.write()
            sent = SentFile(arrival.id, f"{number}", Wish("ndjson"), "erp", arrival.sha256, arrival.size_bytes)
            job, new = imports.add(sent, arrival.file, KEY)
            found.append((job.id, new))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len({identifier for identifier, _ in found}), sorted(new for _, new in found)) == (1, [False] * 3 + [True])
    assert len(imports.page(STATES, 10)) == 1


def test_no_more_imports_wait_than_are_allowed(
    imports: ImportRegistry, put: Put, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MOST_OPEN", 2)
    put(b"1")
    put(b"2")
    with pytest.raises(TooManyImports, match="2 imports wait already"):
        put(b"3")
    assert (len(imports.page(STATES, 10)), files(owner)) == (2, 2)


def test_a_long_file_is_stored_in_parts_and_read_as_it_came(imports: ImportRegistry, put: Put) -> None:
    data = bytes(range(256)) * 10_000
    parts = imports.parts(put(data).id, "file")
    assert (parts.size_bytes, list(parts.sizes)) == (2_560_000, [0, 1, 2])
    assert b"".join(imports.part(parts, number) for number in parts.sizes) == data


def test_what_has_ended_is_not_called_off_and_needs_no_file(
    imports: ImportRegistry, leases: Leases, put: Put, owner: Connection[Any]
) -> None:
    job = put(b"1")
    assert files(owner) == 1
    run(leases)
    assert files(owner) == 0
    with pytest.raises(ImportEnded, match="it is done"):
        imports.cancel(job.id)


def test_an_import_that_is_not_there_is_said_so(imports: ImportRegistry) -> None:
    for identifier in ("1", "0190c4a1-0000-7000-8000-000000000000", "x" * 10_000):
        with pytest.raises(UnknownImport):
            imports.find(identifier)
        with pytest.raises(UnknownImport):
            imports.cancel(identifier)


def test_ends_are_kept_for_a_while(imports: ImportRegistry, leases: Leases, put: Put) -> None:
    ended, waiting = put(b"1"), put(b"2")
    run(leases)
    imports.clear_away(DAY_S)
    assert [job.id for job in imports.page(STATES, 10)] == [waiting.id, ended.id]
    imports.clear_away(-DAY_S)
    assert [job.id for job in imports.page(STATES, 10)] == [waiting.id]


def test_what_was_sent_under_a_key_is_never_forgotten_but_for_what_is_long(
    imports: ImportRegistry, leases: Leases, put: Put, room: DiskRoom, owner: Connection[Any]
) -> None:
    put(b"1", wish=Wish("ndjson", continue_on_error=True), key=KEY)
    job = begun(leases)
    rejects = Rejects(leases, job)
    rejects.write('{"line":1}\n')
    rejects.flush()
    leases.end(job, "done", "1 rows are left out")
    imports.clear_away(DAY_S)
    assert (imports.find(job.id).pruned, imports.rejects(job.id).size_bytes) == (False, 11)
    imports.clear_away(-DAY_S)
    found = imports.find(job.id)
    assert (found.pruned, found.detail, found.faults, files(owner)) == (True, "1 rows are left out", (), 0)
    assert sent_again(imports, room, b"1", job, KEY) == (job.id, False)


def test_looking_for_work_and_listing_read_no_more_of_ten_thousand_imports_that_have_ended(
    imports: ImportRegistry, leases: Leases, put: Put, owner: Connection[Any]
) -> None:
    owner.execute(
        "insert into imports (id, file, wish, actor, sha256, size_bytes, keyed, state, finished_at)"
        " select 'old-' || number, 'events.ndjson', '{\"format\":\"ndjson\"}', 'erp', number, 1, true,"
        " case when mod(number, 1000) = 0 then 'failed' else 'done' end, %s from generate_series(1, 10000) as number",
        (datetime(2020, 1, 1, tzinfo=UTC),),
    )
    owner.execute("analyze imports")
    put(b"1")
    with imports.datastore.get_connection() as connection:
        for name, values in (
            ("open", {"lease": "x"}),
            ("first", {"lease": "x"}),
            ("same", {"sha256": "00"}),
            ("page", {"states": list(STATES), "limit": 101, "before": registry.LAST_PLACE}),
            ("page", {"states": ["failed"], "limit": 5, "before": 5_000}),
            ("find", {"id": "old-7"}),
        ):
            query = b"explain (analyze, format json) " + registry.SQL[name]
            row = connection.execute(query, values).fetchone()
            assert row is not None
            assert most_read(row["QUERY PLAN"][0]["Plan"]) <= len(STATES) * 101, (name, row["QUERY PLAN"])


def most_read(plan: dict[str, Any]) -> int:
    """The most rows that a step of a plan looked at, taken or left out."""
    left_out = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    most: int = max([plan["Actual Rows"] + left_out, *map(most_read, plan.get("Plans", []))])
    return most
