"""The projection keeps step with the ledger, whole batches at a time, and says so when it cannot."""

import json
import re
import resource
import subprocess
import sys
import threading
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from domain.catalogue import EVENT_TYPES
from domain.orders import OrderAllocated, OrderCancelled
from domain.periods import parse_period
from projections import engine, statements
from projections.blocks import read
from projections.database import Bounds, Damaged, Exhausted
from projections.engine import Outdated, OutOfOrder, Projection, UnknownEvent, batch_of
from tests.projections.ledgers import Event, RandomLedger, batch, projected
from tests.reference.ledger import market


def annotation(position: int, **rest: object) -> Event:
    """An event as stored, of little consequence."""
    return {
        "type": "event-annotated",
        "v": 1,
        "id": f"e{position}",
        "position": position,
        "recorded_at": f"2026-01-31T12:00:00.{position:06}Z",
        "effective_on": "2023-08",
        "known_on": "2023-11-07",
        "basis": "reported",
        "data": {"annotates": "e1", "note": "Ein Vermerk über 百度"},
        **rest,
    }


def test_a_block_that_takes_types_by_how_they_begin_names_each_of_them() -> None:
    found = 0
    for name, block in read(statements.FOLDER / "ingest.sql").items():
        starts = tuple(re.findall(r"starts_with\(type, '([a-z-]+)'\)", block.text))
        if starts:
            found += 1
            assert {one for one in EVENT_TYPES if one.startswith(starts)} == set(block.reads), name
    assert found


@pytest.mark.parametrize("seed", range(3))
def test_any_batch_sizes_leave_the_same_tables_at_every_prefix(seed: int) -> None:
    events = RandomLedger(seed).grow(40)
    with Projection.open() as grown:
        for count in range(1, len(events) + 1):
            grown.apply(batch(events[count - 1 : count]))
            if count % 6 == 0 or count == len(events):
                with projected(events[:count]) as rebuilt:
                    assert grown.digest() == rebuilt.digest()


@pytest.mark.parametrize("seed", range(3))
def test_a_digest_up_to_a_position_is_as_if_nothing_had_come_after(seed: int) -> None:
    events = RandomLedger(seed).grow(60)
    with projected(events) as whole:
        for count in range(0, len(events) + 1, 7):
            with projected(events[:count]) as begun:
                assert whole.digest(count) == begun.digest(count)
        at_the_end = whole.digest()
        assert {name for name, found in whole.digest(len(events)).items() if found != at_the_end[name]} == {"head"}


def test_a_digest_tells_one_changed_word() -> None:
    events = market().events
    with projected(events) as one:
        events[-1]["data"]["name"] = "A800 SXM"
        with projected(events) as other:
            differing = {name for name, digest in one.digest().items() if other.digest()[name] != digest}
    assert differing == {"product_fact"}


def test_nothing_of_an_empty_batch_is_applied() -> None:
    with Projection.open() as projection:
        projection.apply(batch([]))
        assert projection.position == 0


@pytest.mark.parametrize("positions", [(1,), (3, 4), (2, 4), (3, 2), (2, 2), (2, 1)])
def test_a_batch_continues_where_the_projection_stands(positions: tuple[int, ...]) -> None:
    with projected([annotation(1)]) as projection:
        before = projection.digest()
        with pytest.raises(OutOfOrder, match="after position 1 must hold positions 2 to"):
            projection.apply(batch(annotation(position) for position in positions))
        assert (projection.position, projection.digest()) == (1, before)


def test_an_event_that_states_another_position_is_refused() -> None:
    with Projection.open() as projection:
        misplaced = batch_of([(1, json.dumps(annotation(7)).encode())])
        with pytest.raises(OutOfOrder, match="given as position 1 says that its position is 7"):
            projection.apply(misplaced)
        assert projection.position == 0


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({"type": "order-blessed"}, "position 2: event type 'order-blessed' with v '1' is not known"),
        ({"v": 2}, "position 2: event type 'event-annotated' with v '2' is not known"),
    ],
)
def test_an_unknown_type_or_version_stops_the_projection_and_leaves_nothing(rest: Event, message: str) -> None:
    with Projection.open() as projection:
        empty = projection.digest()
        with pytest.raises(UnknownEvent, match=message) as caught:
            projection.apply(batch([annotation(1), annotation(2, **rest), annotation(3)]))
        assert caught.value.position == 2
        assert (projection.position, projection.digest()) == (0, empty)
        projection.apply(batch([annotation(1)]))
        assert projection.position == 1


def test_a_body_that_cannot_be_read_leaves_nothing() -> None:
    with Projection.open() as projection:
        empty = projection.digest()
        with pytest.raises(duckdb.Error):
            projection.apply(batch([annotation(1), annotation(2, basis="rumoured")]))
        assert (projection.position, projection.digest()) == (0, empty)


def test_every_block_of_the_ingest_says_what_it_reads() -> None:
    run = {name for name, _ in engine.STEPS}
    assert set(statements.blocks("ingest.sql")) - run == {"stage", "types", "misplaced", "head"}


def test_every_type_of_event_is_known() -> None:
    assert {name: definition.VERSION for name, definition in EVENT_TYPES.items()} == engine.VERSIONS
    engine.check_types()


def test_a_projection_that_does_not_read_all_that_the_domain_records_is_not_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = type("OrderLost", (OrderCancelled,), {"NAME": "order-lost"})
    monkeypatch.setitem(EVENT_TYPES, "order-lost", lost)
    with pytest.raises(engine.Unread, match="do not know the same event types: order-lost"):
        Projection.open()
    later = type("OrderAllocated", (OrderAllocated,), {"VERSION": 2})
    types = {name: definition for name, definition in EVENT_TYPES.items() if name != "goods-returned"}
    with pytest.raises(engine.Unread) as refused:
        engine.check_types(types | {"order-allocated": later})
    assert str(refused.value).partition(": ")[2] == (
        "goods-returned (recorded: no, read: version 2), order-allocated (recorded: version 2, read: version 1),"
        " order-lost (recorded: version 1, read: no)"
    )


def test_a_new_type_of_a_kind_that_the_views_know_is_not_read_by_them_by_itself() -> None:
    program = (
        "from domain.catalogue import EVENT_TYPES\n"
        "for name in ('partnership-formed', 'regulation-enacted', 'licence-granted'):\n"
        "    known, new = EVENT_TYPES[name], name.partition('-')[0] + '-renamed'\n"
        "    EVENT_TYPES[new] = type('New', (known,), {'NAME': new})\n"
        "from projections import engine\n"
        "try:\n    engine.check_types()\nexcept engine.Unread as error:\n    print(error)\n"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert asked.stdout.partition("event types: ")[2].strip() == ", ".join(
        f"{kind}-renamed (recorded: version 1, read: no)" for kind in ("licence", "partnership", "regulation")
    )


def test_events_are_found_by_id_and_by_the_clock_of_the_ledger() -> None:
    with projected([annotation(1), annotation(2, id="note-2"), annotation(3)]) as projection:
        assert projection.event("note-2") == 2
        assert projection.event("note-3") is None
        recorded_at = datetime(2026, 1, 31, 12, 0, 0, 2)  # noqa: DTZ001 - instants are UTC throughout
        assert projection.recorded_at_of(2) == recorded_at
        assert projection.recorded_at_of(4) is None
        assert projection.position_at(recorded_at) == 2
        assert projection.position_at(recorded_at.replace(microsecond=1)) == 1
        assert projection.position_at(datetime(2020, 1, 1)) == 0  # noqa: DTZ001
        assert projection.position_at(datetime(2030, 1, 1)) == 3  # noqa: DTZ001


def test_a_file_keeps_its_events_and_its_position(tmp_path: Path) -> None:
    path = tmp_path / f"{engine.fingerprint()}.duckdb"
    events = market().events
    with Projection.open(path) as projection:
        projection.apply(batch(events[:4]))
    with Projection.open(path) as projection:
        assert projection.position == 4
        projection.apply(batch(events[4:]))
        with projected(events) as other:
            assert projection.digest() == other.digest()


def test_a_file_made_by_other_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.duckdb"
    Projection.open(path).close()
    monkeypatch.setattr(engine, "fingerprint", lambda: "f" * 16)
    with pytest.raises(Outdated, match="ffffffffffffffff"):
        Projection.open(path)


def test_bodies_come_as_text_or_as_bytes() -> None:
    text = json.dumps(annotation(1), ensure_ascii=False)
    with projected([annotation(1)]) as bytes_given, Projection.open() as text_given:
        text_given.apply(pa.table({"position": pa.array([1], pa.int64()), "body": pa.array([text], pa.string())}))
        assert text_given.digest() == bytes_given.digest()


def test_readers_in_other_threads_see_whole_batches() -> None:
    seen: list[int] = []
    with projected([annotation(1)]) as projection, projection.cursor() as cursor:

        def read() -> None:
            while not seen or seen[-1] < 40:
                (count,) = cursor.execute("select count(*) from event").fetchone()
                seen.append(count)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        for first in range(2, 40, 13):
            projection.apply(batch(annotation(position) for position in range(first, first + 13)))
        reader.join(10)
    assert set(seen) <= {1, 14, 27, 40}
    assert seen[-1] == 40


@pytest.mark.parametrize(
    "effective_on",
    ["2023-08-31", "2023-08", "2024-02", "2023", "0001", "9999", "9999-12", "../2023-08-09", "../2024-02-29"],
)
@pytest.mark.parametrize(
    "known_on",
    ["2023-08-31", "2023-08-01", "2023-08-09", "2023-08-10", "2023-07-31", "2024-02-29", "2024-03-01", "2019-01-01"],
)
def test_an_event_ends_where_the_domain_says(effective_on: str, known_on: str) -> None:
    known = date.fromisoformat(known_on)
    with Projection.open() as projection, projection.cursor() as cursor:
        (end,) = cursor.execute("select end_of($1, $2)", [effective_on, known]).fetchone()
    assert end == parse_period(effective_on).end(known)


def test_a_retraction_and_a_note_point_at_the_last_event_before_them() -> None:
    ledger = market()
    placed = ledger.order("o1", "2023-08-31", [])
    ledger.record("event-annotated", "2023-09-01", {"annotates": placed, "note": "seen"})
    ledger.record("event-retracted", "2023-09-02", {"retracts": placed, "reason": "wrong"})
    with projected(ledger.events) as projection, projection.cursor() as cursor:
        assert cursor.execute("select annotates from annotation").fetchall() == [(8,)]
        assert cursor.execute("select retracts from retraction").fetchall() == [(8,)]


# What it may use, and what it may touch


def test_a_statement_reads_and_writes_no_file_but_the_database_s_own(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with Projection.open(tmp_path / "market.duckdb") as projection, projection.cursor() as cursor:
        for statement in (
            f"select * from read_csv('{tmp_path}/secret.csv')",
            f"select * from read_text('{tmp_path}/secret.csv')",
            f"copy (select 1) to '{tmp_path}/out.csv'",
            f"attach '{tmp_path}/other.duckdb'",
            f"export database '{tmp_path}/all'",
            "install httpfs",
            "load httpfs",
            "set memory_limit = '64GB'",
            "set enable_external_access = true",
            "set lock_configuration = false",
            "set temp_directory = '/tmp'",
        ):
            with pytest.raises((duckdb.Error, Damaged)):
                cursor.execute(statement)
        names = {path.name for path in tmp_path.iterdir()}
    assert names - {"market.duckdb.wal"} == {"secret.csv", "market.duckdb"}


LARGE = "select count(*) from (select distinct i, repeat('x', 200) || i from range(800000) a(i))"


def test_a_question_that_takes_too_much_memory_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    bounds = Bounds(memory_mb=64, spill_mb=0, threads=2)
    with Projection.open(tmp_path / "market.duckdb", bounds) as projection:
        projection.apply(batch([annotation(1)]))
        with pytest.raises(Exhausted, match="it needs more memory"), projection.cursor() as cursor:
            cursor.execute(LARGE)
        projection.apply(batch([annotation(2)]))
        assert projection.digest()["event"].startswith("2 ")


def test_what_memory_does_not_hold_is_spilled_beside_the_file_up_to_its_bound(tmp_path: Path) -> None:
    with Projection.open(tmp_path / "a.duckdb", Bounds(memory_mb=96, spill_mb=4_096, threads=2)) as projection:
        with projection.cursor() as cursor:
            assert cursor.execute(LARGE).fetchall() == [(800_000,)]
        assert not any(path.name.startswith(".tmp") for path in (*tmp_path.iterdir(), *Path.cwd().iterdir()))
    with (
        Projection.open(tmp_path / "b.duckdb", Bounds(memory_mb=96, spill_mb=10, threads=2)) as projection,
        pytest.raises(Exhausted, match="more temporary space"),
        projection.cursor() as cursor,
    ):
        cursor.execute(LARGE)


def test_a_commit_that_fails_says_why_and_the_same_batch_is_taken_later(tmp_path: Path) -> None:
    path = tmp_path / "market.duckdb"
    with Projection.open(path) as projection:
        projection.apply(batch([annotation(1)]))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (engine.wal_of(path).stat().st_size, before[1]))
        try:
            for _ in range(2):
                with pytest.raises(Exhausted, match="no space left on the disk") as raised:
                    projection.apply(batch([annotation(2)]))
                assert "File too large" in str(raised.value.__cause__)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        projection.apply(batch([annotation(2)]))
        assert projection.position == 2
    with Projection.open(path) as projection:
        assert projection.position == 2
