"""The same event sent twice is recorded once: at any time, from anywhere, in any company."""

from typing import Any

import pytest
from psycopg import Connection

import service.storing.streams
from domain.errors import Conflict
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from tests.service.purchases import (
    amendment,
    cancellation,
    events,
    market,
    order,
    organization,
    record,
    retraction,
    stored,
    submit_together,
)


def test_an_event_sent_again_gets_the_first_answer_after_a_restart(database: str, ledger: Ledger) -> None:
    answers = []
    for _ in range(3):
        of_its_own = Ledger(database)
        committer = Committer(of_its_own)
        answers.append(record(committer, *market(), order("po-1", id="of-po-1")))
        committer.close()
        of_its_own.close()
    assert [answer.recorded for answer in answers] == [4, 0, 0]
    assert answers[0].events == answers[1].events == answers[2].events
    assert len(stored(ledger)) == 4


def test_an_event_sent_again_is_not_judged_again(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market(), order("po-1", id="of-po-1"), amendment("po-1", "-1600", id="none-left"))
    record(committer, cancellation("po-1"))
    answer = record(committer, order("po-1", id="of-po-1"), amendment("po-1", "-1600", id="none-left"))
    assert (answer.replayed, [placed.position for placed in answer.events]) == (True, [4, 5])
    assert len(stored(ledger)) == 6


def test_of_a_mixed_batch_only_what_is_new_is_recorded(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market(), order("po-1", id="of-po-1"))
    answer = record(committer, order("po-1", id="of-po-1"), amendment("po-1", "-1"), *market(), order("po-2"))
    assert (answer.recorded, answer.replayed) == (2, False)
    assert [placed.position for placed in answer.events] == [4, 5, 1, 2, 3, 6]
    assert len(stored(ledger)) == 6


def test_an_event_that_stands_twice_in_one_batch_is_recorded_once(committer: Committer, ledger: Ledger) -> None:
    answer = record(committer, *market(), order("po-1", id="of-po-1"), order("po-1", id="of-po-1"))
    assert (answer.recorded, answer.replayed) == (4, False)
    assert [placed.position for placed in answer.events] == [1, 2, 3, 4, 4]
    assert len(stored(ledger)) == 4


def test_an_event_sent_by_several_at_once_is_recorded_once_and_acknowledged_to_each(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    sent = order("po-1", id="of-po-1")
    other = order("po-1", "1601", id="of-po-1")
    first, second, differs, third = submit_together(committer, owner, database, [sent], [sent], [other], [sent])
    assert [future.result().recorded for future in (first, second, third)] == [1, 0, 0]
    assert first.result().events == second.result().events == third.result().events
    assert first.result().events[0].position == 5
    assert isinstance(differs.exception(), Conflict)
    assert len(stored(ledger)) == 5


def test_an_id_with_other_content_is_a_conflict_and_takes_its_batch_along(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    changes: dict[str, Any] = {
        "type": "organization-changed",
        "effective_on": "2023-09-01",
        "known_on": "2023-09-01",
        "basis": "estimated",
        "source": {"citation": "Reuters, 7 November 2023"},
        "data": organization("baidu")["data"] | {"name": "Baidu, Inc."},
    }
    for name, value in changes.items():
        with pytest.raises(Conflict, match=f"of-baidu is recorded already with another {name}") as conflict:
            record(committer, organization("tencent"), organization("baidu", id="of-baidu") | {name: value})
        assert conflict.value.index == 1
    assert len(stored(ledger)) == 3


def test_a_retraction_sent_again_answers_with_all_that_it_took_along(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market(), order("po-1", id="of-po-1"), amendment("po-1", "-1"), cancellation("po-1"))
    first = record(committer, retraction("of-po-1", id="taken-back"))
    again = record(committer, retraction("of-po-1", id="taken-back"), order("po-1", id="anew"))
    assert [placed.position for placed in first.events] == [7, 8, 9]
    assert first.recorded == 3
    assert again.events[:3] == first.events
    assert (again.recorded, again.events[3].position) == (1, 10)
    assert [event.get("causation_id") for event in events(ledger)[6:9]] == [None, "taken-back", "taken-back"]


def test_replays_leave_nothing_behind_in_memory(committer: Committer) -> None:
    names = [f"vendor-{n}" for n in range(50)]
    record(committer, *(organization(name, id=name) for name in names))
    for name in names:
        assert record(committer, organization(name, id=name)).replayed
    assert len(committer.cache._events) <= 1


def test_streams_that_were_forgotten_are_read_again(
    committer: Committer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.storing.streams, "MOST_STREAMS", 2)
    record(committer, *market())
    for turn in range(1, 6):
        record(committer, *(order(f"po-{turn}-{n}") for n in range(3)))
        record(committer, *(amendment(f"po-{turn}-{n}", "-1000") for n in range(3)))
    assert [event.version for event in ledger.history("order/po-1-0")] == [1, 2]
    assert record(committer, amendment("po-1-0", "-600")).events[0].version == 3
