"""That answers do not depend on how facts came in: in which order, at once or one by one, under which record's name."""

from itertools import permutations
from random import Random
from typing import Any

import pytest

from domain.events import canonical
from tests.ledgers import Book, Event
from tests.random_ledgers import random_exposure_query, random_ledger, random_query, random_sole_source_query
from tests.relations.answering import Answering, Plain, Query
from tests.seeds import seeds

QUERIES = 5

#: The answer to a question of a view.
Asked = tuple[str, Query]


@pytest.mark.parametrize("seed", seeds(0, 8))
def test_another_order_of_recording_gives_the_same_answers(seed: int) -> None:
    random = Random(seed)
    events = random_ledger(random, random.randint(80, 200)).events
    shuffled = interleaved(random, events)
    assert [event["id"] for event in shuffled] != [event["id"] for event in events]
    for asked in questions(random, events):
        # Of all that is recorded: a position says another thing of each.
        view, query = asked[0], asked[1] | {"position": len(events)}
        assert answer(Plain(events), view, query) == answer(Plain(shuffled), view, query), asked


def interleaved(random: Random, events: list[Event]) -> list[Event]:
    """The same events at other positions, those of each stream in their order, and all rates as one stream."""
    streams: dict[str, list[Event]] = {}
    for event in events:
        stream = "rates" if event["stream"].startswith("rates/") else event["stream"]
        streams.setdefault(stream, []).append(event)
    waiting = [[*reversed(stream)] for stream in streams.values()]
    mixed: list[Event] = []
    while waiting:
        stream = random.choice(waiting)
        mixed.append(stream.pop() | {"position": len(mixed) + 1})
        if not stream:
            waiting.remove(stream)
    return mixed


@pytest.mark.parametrize("seed", seeds(0, 6))
def test_one_batch_records_what_one_by_one_does(seed: int) -> None:
    requests = random_ledger(Random(seed), 150).requests
    at_once, one_by_one = Book(), Book()
    at_once.record(requests)
    for request in requests:
        one_by_one.record([request])
    assert [canonical(event) for event in at_once.events] == [canonical(event) for event in one_by_one.events]


@pytest.mark.parametrize("seed", seeds(0, 10))
def test_a_joined_record_is_as_good_as_the_name_of_the_other_in_its_place(seed: int) -> None:
    random = Random(seed)
    events = [apart(event) for event in random_ledger(random, random.randint(80, 200)).events]
    one, other = two_of(random, events)
    renamed = [in_the_name_of(other, one, event) for event in events]
    for view, query in questions(random, events):
        asked = query | {"position": len(events) + 1}
        named = asked | {"buyer": [other if buyer == one else buyer for buyer in query["buyer"]]}
        joined = answer(Plain([*events, joining(one, other, len(events) + 1)]), view, asked)
        # What rules say is printed as it was said.
        assert told(joined) == told(answer(Plain(renamed), view, named)), (one, other, view, asked)


def told(found: Any) -> Any:
    """An answer without the instruments."""
    return {name: part for name, part in found.items() if name != "instruments"} if isinstance(found, dict) else found


def apart(event: Event) -> Event:
    """The event without a word on which organisation a record stands for."""
    return event | {"data": {name: value for name, value in event["data"].items() if name != "same_as"}}


def two_of(random: Random, events: list[Event]) -> tuple[str, str]:
    """Two organisations that never bought together."""
    names = sorted({event["data"]["organization_id"] for event in events if "organization_id" in event["data"]})
    together = [set(event["data"]["buyers"]) for event in events if event["type"] == "order-placed"]
    pairs = [
        [one, other] for one, other in permutations(names, 2) if not any({one, other} <= them for them in together)
    ]
    one, other = random.choice(pairs)
    return one, other


def joining(one: str, other: str, position: int) -> Event:
    """One record stands for another, as everybody always knew."""
    return {
        "type": "organization-changed",
        "id": "joined",
        "v": 1,
        "position": position,
        "stream": f"organization/{one}",
        "effective_on": "1900-01-01",
        "known_on": "1900-01-01",
        "basis": "reported",
        "data": {"organization_id": one, "same_as": other},
    }


def in_the_name_of(other: str, one: str, event: Event) -> Event:
    """The event with one organisation in the place of another, and without what it says of that one itself."""
    if event["data"].get("organization_id") == one:
        return event | {"type": "event-annotated", "data": {"annotates": event["id"], "note": "of another record"}}
    return event | {"data": renamed(event["data"], one, other)}


#: Where events name organisations.
NAMING = ("vendor_id", "buyer_id", "parent_id", "buyers", "vendors", "parties")


def renamed(said: Any, one: str, other: str, *, named: bool = False) -> Any:
    """What is said, with the name of one organisation replaced."""
    if isinstance(said, dict):
        return {name: renamed(part, one, other, named=name in NAMING) for name, part in said.items()}
    if isinstance(said, list):
        return [renamed(part, one, other, named=named) for part in said]
    return other if named and said == one else said


def questions(random: Random, events: list[Event]) -> list[Asked]:
    """Some questions of each view."""
    return [
        (view, make(random, events))
        for view, make in (
            ("dependence", random_query),
            ("exposure", random_exposure_query),
            ("orders", random_exposure_query),
            ("sole_source", random_sole_source_query),
        )
        for _ in range(QUERIES)
    ]


def answer(answering: Answering, view: str, query: Query) -> Any:
    """The answer to a question."""
    return getattr(answering, view)(query)
