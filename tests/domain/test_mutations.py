"""Requests damaged at random are refused or recorded, and never anything else."""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from domain.catalogue import read_stored
from domain.errors import Refusal, RequestFault
from domain.events import canonical
from domain.json_text import parse_json
from domain.streams import fold
from tests.ledgers import Book, Event
from tests.random_ledgers import random_ledger

#: What stands where something else is due.
ODDITIES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**29,
    1.5,
    "",
    " ",
    "0",
    "-0",
    "-5",
    "1e9",
    "999999999999999",
    "\x00",
    "\ud800",
    "\udfff x",
    "a/b~c",
    "x" * 200,
    "百度",
    "2023-02-30",
    "../2023-01-01",
    "2024",
    "2024-" * 5_000,
    "po-1",
    "nvidia",
    "CN",
    "USD",
    [],
    [[]],
    [None],
    {},
    {"text": "N4"},
    {"value": "1"},
    {"value": "5", "low": "6"},
    {"not": {"not": {"attribute": "tpp", "op": "<", "value": "1"}}},
    {"\ud800": "\ud800"},
)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_request_is_refused_or_recorded(seed: int) -> None:
    random = Random(seed)
    ledger = random_ledger(random, 80)
    book, before = ledger.book, list(ledger.book.events)
    for _ in range(400):
        damaged = deepcopy(random.choice(ledger.requests))
        damaged.pop("id", None)
        for _ in range(random.choice((1, 1, 2, 4))):
            damage(random, damaged)
        recorded, problems = attempt(book, damaged)
        assert recorded or problems
        assert book.events == before + recorded
        before += recorded
        for event in recorded:
            assert read_stored(parse_json(canonical(event))).stored == event
        for problem in problems:
            # What is said of a request can be sent back.
            assert json.dumps([problem.pointer, problem.message], ensure_ascii=False).encode()
            assert len(problem.message) < 300


def attempt(book: Book, damaged: Event) -> tuple[list[Event], list[RequestFault]]:
    """What was recorded, or what is wrong."""
    try:
        return book.record([damaged]), []
    except Refusal as refusal:
        return [], refusal.problems


def damage(random: Random, event: Event) -> None:
    """Put something odd somewhere into a request, take something out of it, or put something in twice."""
    places = list(places_of(event))
    place, key = random.choice(places)
    kind = random.random()
    if kind < 0.6:
        place[key] = deepcopy(random.choice(ODDITIES))
    elif kind < 0.75:
        del place[key]
    elif isinstance(place, list):
        place.append(deepcopy(place[key]))
    else:
        # A field where it is not expected, or the value of one under the name of another.
        names = [name for _, name in places if isinstance(name, str)]
        place[random.choice(("note", "a/b", "\ud800", random.choice(names)))] = deepcopy(place[key])


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every field and item of a JSON value, as its container and name or index."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places_of(inner)


def test_a_book_is_as_good_as_its_history() -> None:
    """Streams advanced event by event are what folding the whole history makes of them."""
    for seed in range(5):
        book: Book = random_ledger(Random(seed), 150).book
        for name in {event["stream"] for event in book.events}:
            assert book.stream(name) == fold(book.history(name))
