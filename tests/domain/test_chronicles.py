"""A stream kept up event by event says what reading it from its beginning says, and costs no more the longer it is."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from domain.catalogue import read_request
from domain.chronicles import Chronicle
from domain.errors import Refusal
from domain.events import Recorded
from domain.ledger import Batch
from domain.lots import Outcome
from domain.streams import Stream, fold
from tests.domain.slow_decisions import SlowBatch
from tests.effort import Act, assert_in_proportion
from tests.ledgers import CODES, Book, Event, line, market, request
from tests.random_ledgers import random_ledger


class KeptBook(Book):
    """A book that keeps the chronicles of its streams from batch to batch, as a service does."""

    def __init__(self, batch: Callable[..., Batch]) -> None:
        super().__init__()
        self.batch = batch
        self.chronicles: dict[str, Chronicle] = {}

    def chronicle(self, name: str) -> Chronicle:
        """The one that is kept."""
        if name not in self.chronicles:
            self.chronicles[name] = Chronicle(self.history(name))
        return self.chronicles[name]

    def stream(self, name: str) -> Stream:
        """One stream, folded."""
        return self.chronicles[name].stream() if name in self.chronicles else super().stream(name)

    def keep_up(self, event: Recorded) -> None:
        """Whoever retracted it has asked for the chronicle."""
        if event.stream not in self.chronicles:
            super().keep_up(event)

    def take(self, commands: Sequence[Sequence[Event]]) -> list[Any]:
        """Decide commands in one batch and record what is not refused; what became of each."""
        batch = self.batch(self, self.today, self._new_id)
        answers: list[Any] = []
        for command in commands:
            named = self._named
            try:
                answers.append([told(one) for one in batch.add([read_request(event, CODES) for event in command])])
            except Refusal as refusal:
                # What a refused command would have named its events is not compared.
                self._named = named
                answers.append((type(refusal), refusal.index, refusal.problems))
        positions = {draft.id: len(self.events) + place for place, draft in enumerate(batch.drafts, start=1)}
        for draft in batch.drafts:
            self._append(draft)
        for name, chronicle in self.chronicles.items():
            for draft in batch.decided_in(name):
                if draft.version > chronicle.version:
                    chronicle.append(draft.as_recorded(), draft.causation_id)
            chronicle.settle(positions)
        return answers


def told(outcome: Outcome) -> Any:
    """What became of a request: every field that is stored, and what it repeats."""
    replayed = [(event.id, event.stream, event.position, event.version) for event in outcome.replayed]
    return [draft.stored(0, "") for draft in outcome.drafts], replayed


def plain(stream: Stream) -> Stream:
    """A stream whose events are without what a fold does not look at."""
    believed = tuple((replace(event, stored=None, position=0), day) for event, day in stream.believed)
    return replace(stream, believed=believed)


def commands(random: Random, size: int) -> list[list[list[Event]]]:
    """Batches of commands: what an accepting ledger had, with many more retractions, corrections and repetitions."""
    sent = random_ledger(random, size).requests
    batches: list[list[list[Event]]] = []
    named: list[Event] = []
    while sent:
        batch = []
        for _ in range(random.choice((1, 1, 2, 4))):
            command = [sent.pop(0) for _ in range(min(len(sent), random.choice((1, 1, 2, 5))))]
            for event in list(command):
                named += [event] if "id" in event and event["type"] != "event-retracted" else []
                if named and random.random() < 0.6:
                    command.append(wrong(random, random.choice(named[-12:])))
                if named and random.random() < 0.15:
                    command.append(deepcopy(random.choice(named)))
                if named and random.random() < 0.2:
                    target = random.choice(named[-20:])
                    anew = {name: value for name, value in target.items() if name != "id"}
                    command.append({**deepcopy(anew), "corrects": target["id"]})
            if random.random() < 0.3:
                random.shuffle(command)
            batch.append(command)
        batches.append(batch)
    return batches


def wrong(random: Random, target: Event) -> Event:
    """The retraction of an event, known when it was or later, sometimes under an id."""
    retracted = request("event-retracted", "2025-01-01", {"retracts": target["id"], "reason": "a mistake"})
    if random.random() < 0.4:
        retracted["known_on"] = random.choice(("2024-06-30", "2025-02-28", "2025-06-30"))
    return retracted | ({"id": f"gone:{target['id']}"} if random.random() < 0.5 else {})


def ownerships(random: Random, size: int) -> list[list[list[Event]]]:
    """Batches in which a few organisations buy and sell each other, and much of it was wrong."""
    names = ("baidu", "tencent", "alibaba", "huawei")
    batches = [[[registered(name)] for name in names]]
    for number in range(size):
        days = sorted(f"202{random.randrange(5)}-0{random.randrange(1, 9)}-01" for _ in range(2))
        data = {"organization_id": random.choice(names), "parent_id": random.choice((*names, None))}
        sold = request("organization-changed", days[0], data, id=f"sold-{number}", known_on=days[1])
        command = [sold]
        if random.random() < 0.5:
            command.append(wrong(random, {"id": f"sold-{random.randrange(number + 1)}"}))
        batches.append([command])
    return batches


def registered(name: str) -> Event:
    """An organisation of China."""
    data = {"organization_id": name, "name": name.title(), "country": "CN"}
    return request("organization-registered", "2000-01-01", data, known_on="2000-01-01")


@pytest.mark.parametrize("seed", range(6))
def test_circles_are_found_where_looking_at_every_day_finds_them(seed: int) -> None:
    fast, slow = KeptBook(Batch), KeptBook(SlowBatch)
    refused = 0
    for batch in ownerships(Random(seed), 120):
        answers = fast.take(batch)
        assert answers == slow.take(batch)
        refused += any("its own owner" in str(answer) for answer in answers)
    assert fast.events == slow.events
    assert refused > 5


@pytest.mark.parametrize("seed", range(12))
def test_decisions_are_those_of_reading_each_stream_from_its_beginning(seed: int) -> None:
    fast, slow = KeptBook(Batch), KeptBook(SlowBatch)
    refused = 0
    for batch in commands(Random(seed), 160):
        answers = fast.take(batch)
        assert answers == slow.take(batch)
        refused += sum(isinstance(answer, tuple) for answer in answers)
        for name, chronicle in fast.chronicles.items():
            history = fast.history(name)
            assert plain(chronicle.stream()) == plain(fold(history)), name
            assert plain(Chronicle(history).stream()) == plain(fold(history)), name
    assert fast.events == slow.events
    assert refused > 10


def test_what_is_taken_back_was_never_there() -> None:
    for seed in range(6):
        random = Random(seed)
        for name, history in histories(random_ledger(random, 200).book):
            chronicle, settled = Chronicle(), random.randint(0, len(history))
            for event in history[:settled]:
                chronicle.append(event, (event.stored or {}).get("causation_id"))
            chronicle.settle({event.id: event.position for event in history})
            for _ in range(3):
                for event in history[chronicle.version :]:
                    chronicle.append(event, (event.stored or {}).get("causation_id"))
                    if event.type != "event-annotated" and random.random() < 0.5:
                        look(chronicle)
                chronicle.rewind(random.randint(settled, len(history)))
                assert plain(chronicle.stream()) == plain(fold(history[: chronicle.version])), name
                look(chronicle)
            chronicle.rewind()
            assert chronicle.version == settled
            assert plain(chronicle.stream()) == plain(fold(history[:settled])), name


def histories(book: Book) -> list[tuple[str, Sequence[Recorded]]]:
    """Every stream of a book."""
    return [(name, book.history(name)) for name in sorted({event["stream"] for event in book.events})]


def look(chronicle: Chronicle) -> None:
    """Whether anything can be spared is answered, and leaves no trace."""
    before = plain(chronicle.stream())
    spared = [chronicle.can_spare(event) for event in chronicle.standing()]
    assert spared == [chronicle.can_spare(event) for event in chronicle.standing()]
    assert plain(chronicle.stream()) == before


# What it costs


def received(number: int) -> Event:
    """One chip arrives."""
    data = {"order_id": "po-1", "receipts": [{"line": "1", "quantity": "1"}]}
    return request("goods-received", "2023-09-01", data, id=f"in-{number}", known_on="2023-09-01")


def gone(identifier: str, **envelope: Any) -> Event:
    """An event was wrong."""
    return request("event-retracted", "2025-01-01", {"retracts": identifier, "reason": "a mistake"}, **envelope)


def an_order(receipts: int) -> KeptBook:
    """An order with so many receipts."""
    book = KeptBook(Batch)
    about = {"buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD"}
    placed = request("order-placed", "2023-08-31", {"order_id": "po-1", **about, "lines": [line("9999999", "9999999")]})
    book.take([[event_of(sent) for sent in market().events], [placed | {"id": "placed"}]])
    book.take([[received(number) for number in range(receipts)]])
    return book


def event_of(stored: Event) -> Event:
    """What was sent of a stored event."""
    return {name: stored[name] for name in ("type", "effective_on", "known_on", "id", "data")}


def a_return(quantity: int, number: int = 0) -> Event:
    """Chips go back."""
    data = {"order_id": "po-1", "returns": [{"line": "1", "quantity": str(quantity)}]}
    return request("goods-returned", "2023-10-01", data, id=f"back-{number}", known_on="2023-10-01")


def the_placing(book: KeptBook, receipts: int) -> None:
    assert len(book.take([[gone("placed")]])[0][0][0]) == receipts + 1


def all_in_one_command(book: KeptBook, receipts: int) -> None:
    assert isinstance(book.take([[gone(f"in-{number}") for number in range(receipts)]])[0], list)


def the_last_first(book: KeptBook, receipts: int) -> None:
    assert isinstance(book.take([[gone(f"in-{number}") for number in reversed(range(receipts))]])[0], list)


def under_returns(book: KeptBook, receipts: int) -> None:
    book.take([[a_return(1, number) for number in range(receipts // 3)]])
    assert isinstance(book.take([[gone(f"in-{number}") for number in range(receipts // 2)]])[0], list)


def one_by_one(book: KeptBook, receipts: int) -> None:
    for number in range(receipts):
        assert isinstance(book.take([[gone(f"in-{number}")]])[0], list)


def each_replaced(book: KeptBook, receipts: int) -> None:
    anew = {"order_id": "po-1", "receipts": [{"line": "1", "quantity": "2"}]}
    for number in range(receipts):
        again = request("goods-received", "2023-09-01", anew, known_on="2023-09-01", corrects=f"in-{number}")
        assert isinstance(book.take([[gone(f"in-{number}"), again]])[0], list)


def each_annotated(book: KeptBook, receipts: int) -> None:
    notes = [
        request("event-annotated", "2025-01-01", {"annotates": f"in-{number}", "note": "by air"})
        for number in range(receipts)
    ]
    assert isinstance(book.take([notes])[0], list)


def a_placing_sent_again(book: KeptBook, receipts: int) -> None:
    the_placing_named = gone("placed", id="never")
    book.take([[the_placing_named]])
    assert len(book.take([[the_placing_named]])[0][0][1]) == receipts + 1


def amended_and_back(book: KeptBook, receipts: int) -> None:
    changes = [
        request(
            "order-amended",
            "2023-09-01",
            {"order_id": "po-1", "changes": [{"line": "1", "quantity": "1"}]},
            id=f"more-{number}",
        )
        for number in range(receipts)
    ]
    book.take([changes])
    assert isinstance(book.take([[gone(f"more-{number}") for number in range(receipts)]])[0], list)


def assertions(book: KeptBook, receipts: int) -> None:
    about = {"assertion_id": "in-use", "buyer_id": "baidu", "vendor_id": "nvidia", "statement": "it relies on it"}
    book.take([[request("supply-asserted", "2024-01-01", about, id=f"said-{number}") for number in range(receipts)]])
    assert isinstance(book.take([[gone(f"said-{number}") for number in range(receipts)]])[0], list)


def licences(book: KeptBook, receipts: int) -> None:
    enacted = {"regulation_id": "ear", "jurisdiction": "US", "authority": "BIS", "title": "EAR", "citation": "744"}
    granted = [
        request(
            "licence-granted",
            "2024-01-01",
            {"regulation_id": "ear", "licence_id": f"veu-{number}", "buyers": ["baidu"]},
            id=f"veu-{number}",
        )
        for number in range(receipts)
    ]
    assert isinstance(book.take([[request("regulation-enacted", "2023-01-01", {**enacted, "rules": []})]])[0], list)
    assert isinstance(book.take([granted])[0], list)
    assert isinstance(book.take([[gone(f"veu-{number}") for number in range(receipts)]])[0], list)


def takeovers(book: KeptBook, receipts: int) -> None:
    changes = [
        request(
            "organization-changed",
            "2024-01-01",
            {"organization_id": "kunlunxin", "parent_id": ("baidu", "tencent")[number % 2]},
            id=f"sold-{number}",
        )
        for number in range(receipts)
    ]
    assert isinstance(book.take([changes])[0], list)
    assert isinstance(book.take([[gone(f"sold-{number}") for number in range(receipts)]])[0], list)


@pytest.mark.parametrize(
    "undo",
    [
        the_placing,
        all_in_one_command,
        the_last_first,
        under_returns,
        one_by_one,
        each_replaced,
        each_annotated,
        a_placing_sent_again,
        amended_and_back,
        assertions,
        licences,
        takeovers,
    ],
)
def test_taking_back_takes_as_much_again_of_four_times_as_many(undo: Callable[[KeptBook, int], None]) -> None:
    def prepare(receipts: int) -> Act:
        book = an_order(receipts)
        return lambda: undo(book, receipts)

    assert_in_proportion(prepare, 120)
