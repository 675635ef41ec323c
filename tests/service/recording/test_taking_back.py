"""Taking back what was recorded, on a real ledger: decided as in memory, and quickly in a long stream, too."""

import itertools
import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from domain.errors import Refusal
from service.recording.committer import Committer
from service.recording.receipts import CommandReceipt
from service.storing.ledger import Ledger
from tests.domain.slow_decisions import SlowBatch
from tests.domain.test_chronicles import KeptBook, commands
from tests.effort import Act, assert_in_proportion, assert_no_dearer
from tests.service.purchases import Event, events, market, note, order, read, receipt, record, retraction


def answer_of(committer: Committer, command: list[Event]) -> Any:
    """Where a command's events stand, or why there are none."""
    try:
        return [(placed.position, placed.stream, placed.version) for placed in committer.record(read(command)).events]
    except Refusal as refusal:
        return type(refusal), refusal.index, len(refusal.problems)


def named_by_place(stored: list[Event]) -> list[Event]:
    """Events with their places for their ids, and without what tells when and by whom they were recorded."""
    text = json.dumps([{name: event[name] for name in event if name != "recorded_at"} for event in stored])
    for event in stored:
        text = text.replace(f'"{event["id"]}"', f'"#{event["position"]}"')
    return list(json.loads(text))


@pytest.mark.parametrize("seed", [1, 2])
def test_two_writers_in_turn_decide_as_one_who_reads_everything(
    seed: int, ledger: Ledger, committer: Committer
) -> None:
    random, book = Random(seed), KeptBook(SlowBatch)
    book.today = datetime.now(UTC).date()
    second = Committer(ledger)
    try:
        for batch in commands(random, 120):
            for command in batch:
                (expected,) = book.take([command])
                writer = committer if random.random() < 0.7 else second
                answer = answer_of(writer, command)
                if isinstance(expected, tuple):
                    assert answer[:2] == expected[:2]
                else:
                    assert isinstance(answer, list), answer
    finally:
        second.close()
    assert named_by_place(events(ledger)) == named_by_place(book.events)


def received(committer: Committer, order_id: str, count: int) -> CommandReceipt:
    """An order with so many receipts, all of them named."""
    named = [receipt(order_id, "1", id=f"{order_id}-in-{number}") for number in range(count)]
    record(committer, order(order_id, id=f"{order_id}-placed"))
    return record(committer, *named)


def test_an_order_goes_with_all_that_followed(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    received(committer, "po-1", 400)
    taken_back = record(committer, retraction("po-1-placed"))
    assert taken_back.recorded == 401
    retracted = [event["data"]["retracts"] for event in events(ledger)[-401:]]
    assert retracted == ["po-1-placed", *(f"po-1-in-{number}" for number in range(400))]


def test_an_order_goes_in_proportion_to_what_followed(committer: Committer) -> None:
    record(committer, *market())
    numbers = itertools.count(1)

    def prepare(count: int) -> Act:
        order_id = f"po-{next(numbers)}"
        received(committer, order_id, count)
        return lambda: record(committer, retraction(f"{order_id}-placed"))

    # Each time from the beginning it took five seconds for 400.
    assert_in_proportion(prepare, 100)


def test_single_retractions_do_not_read_a_long_stream_each_time(committer: Committer) -> None:
    record(committer, *market())

    def prepare(order_id: str, length: int) -> Act:
        def act() -> None:
            for _ in range(7):
                record(committer, retraction(f"{order_id}-in-{next(numbers)}"))

        received(committer, order_id, length)
        record(committer, retraction(f"{order_id}-in-0"))
        numbers = itertools.count(1)
        return act

    # Reading and folding 1,600 events each time took a hundred times as long.
    assert_no_dearer(prepare("po-2", 1_600), prepare("po-1", 50), times=6)


def test_what_a_stream_is_known_to_hold_survives_a_refusal(committer: Committer) -> None:
    record(committer, *market())
    received(committer, "po-1", 3)
    record(committer, retraction("po-1-in-0"))
    with pytest.raises(Refusal):
        record(committer, retraction("po-1-in-1"), retraction("po-1-in-0"))
    again = record(committer, retraction("po-1-in-1"), note("po-1-in-1", "twice entered"))
    assert [placed.version for placed in again.events] == [6, 7]


def test_a_placing_taken_back_is_told_again_with_the_places_of_all(committer: Committer) -> None:
    record(committer, *market())
    received(committer, "po-1", 3)
    first = record(committer, retraction("po-1-placed", id="never"))
    again = record(committer, retraction("po-1-placed", id="never"))
    assert (again.replayed, again.events) == (True, first.events)
