"""A round of some of the faults, and whether the judge of all of them sees what it is there for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from service.postgres.embedded import EmbeddedPostgres
from tests.nightly.faults.catalogue import FAULTS, Fault
from tests.nightly.faults.records import Record, judge
from tests.nightly.faults.rounds import play

QUICK = [fault for fault in FAULTS if fault.quick]


@pytest.mark.parametrize("fault", QUICK, ids=[fault.name.replace(" ", "-") for fault in QUICK])
def test_nothing_acknowledged_is_lost_and_all_is_well_again_in_time(fault: Fault) -> None:
    outcome = play(fault, rounds=1, seed=1, report=lambda words: None)
    assert outcome.wrong == []
    assert (outcome.rounds, outcome.lost, outcome.doubled) == (1, 0, 0)
    assert outcome.acknowledged > 0


@pytest.fixture
def table(postgres_server: EmbeddedPostgres) -> Iterator[Connection[Any]]:
    """What a judge reads, in a database without anything that would keep it from being wrong."""
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as owner:
        owner.execute("create database judged")
        with psycopg.connect(postgres_server.conninfo_of("judged"), autocommit=True) as connection:
            connection.execute("create table ledger_events (notification_id bigint, event_id text, state bytea)")
            yield connection
        owner.execute("drop database judged with (force)")


def placed(name: str, **data: Any) -> dict[str, Any]:
    return {"type": "order-placed", "id": name, "data": {"order_id": name, **data}}


def store(table: Connection[Any], position: int, event: dict[str, Any]) -> None:
    state = json.dumps({**event, "position": position}).encode()
    table.execute("insert into ledger_events values (%s, %s, %s)", (position, event["id"], state))


def record(*batches: list[dict[str, Any]], places: dict[str, int]) -> Record:
    made = Record(places=places)
    made.sent = {event["id"]: event for batch in batches for event in batch}
    made.batches = [[event["id"] for event in batch] for batch in batches]
    return made


def test_the_judge_finds_nothing_where_all_is_as_acknowledged(table: Connection[Any]) -> None:
    store(table, 1, placed("a"))
    store(table, 2, placed("b"))
    verdict = judge(record([placed("a")], [placed("b")], places={"a": 1, "b": 2}), table.info.dsn)
    assert (verdict.events, verdict.faults) == (2, [])


def test_the_judge_sees_what_is_lost_moved_changed_doubled_halved_or_left_out(table: Connection[Any]) -> None:
    store(table, 1, placed("a", quantity="1"))
    store(table, 2, placed("b"))
    store(table, 4, {**placed("a"), "id": "a-again"})
    told = record([placed("a", quantity="2")], [placed("b"), placed("c")], places={"a": 1, "b": 3, "c": 4})
    verdict = judge(told, table.info.dsn)
    assert verdict.lost == ["c"]
    assert verdict.moved == ["b"]
    assert verdict.changed == ["a"]
    assert verdict.doubled == ["order-placed a"]
    assert verdict.halved == ["b"]
    assert verdict.gaps == [4]


def test_the_judge_sees_bytes_that_are_no_longer_what_they_were(table: Connection[Any]) -> None:
    store(table, 1, placed("a"))
    before = judge(Record(), table.info.dsn)
    store(table, 2, placed("b"))
    assert judge(Record(), table.info.dsn, before).rewritten == []
    table.execute("update ledger_events set state = state || ' '::bytea where notification_id = 1")
    assert judge(Record(), table.info.dsn, before).rewritten == [1]


def test_a_writer_that_is_told_two_places_for_one_event_is_heard(tmp_path: Path) -> None:
    lines = [{"began": 1.0, "ended": 2.0, "places": {"a": place}} for place in (1, 2)]
    (tmp_path / "w.record").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"unfinished')
    told = Record.read(tmp_path)
    assert told.wrong == ["a stood at 1, then at 2"]
    assert told.slowest_s == 1.0


def test_what_was_acknowledged_after_a_backup_began_may_be_gone(tmp_path: Path) -> None:
    lines = [{"began": at, "ended": at + 1, "places": {f"a{at}": int(at)}} for at in (1.0, 5.0)]
    (tmp_path / "w.record").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert Record.read(tmp_path, [(5.5, 7.0)]).places == {"a1.0": 1}
