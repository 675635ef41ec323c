"""That every type of event is fit to be read, recorded, generated and described."""

from collections import Counter
from random import Random

import pytest

from domain.catalogue import AGGREGATES, EVENT_TYPES, UPCASTERS, read_request, read_stored
from domain.errors import Corrupt
from domain.events import LARGEST_EVENT_BYTES, canonical
from domain.streams import ABOUT_EVENTS
from tests.ledgers import CODES, market
from tests.random_ledgers import random_ledger


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_says_what_it_stands_for(name: str) -> None:
    definition = EVENT_TYPES[name]
    assert definition.__doc__
    assert definition.__doc__.strip().endswith(".")
    assert name == definition.NAME


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_belongs_to_a_stream_that_decisions_know(name: str) -> None:
    definition = EVENT_TYPES[name]
    assert definition.IDENTITY in definition.model_fields
    assert definition.KIND in AGGREGATES or name in ABOUT_EVENTS


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_says_where_it_is_posted_and_gives_an_example_of_that(name: str) -> None:
    definition = EVENT_TYPES[name]
    assert bool(definition.COLLECTION) != bool(definition.SUBJECT)
    assert definition.COLLECTION or not definition.BEGINS
    fields = {field for field in definition.EXAMPLE if field in definition.model_fields}
    # What happens to a thing is posted below it: its id is in the path.
    named = {} if definition.COLLECTION or not definition.KIND else {definition.IDENTITY: "named-by-the-path"}
    data = {**named, **{field: definition.EXAMPLE[field] for field in fields}}
    envelope = {field: value for field, value in definition.EXAMPLE.items() if field not in fields}
    read_request({"type": name, "effective_on": "2024", **envelope, "data": data}, CODES)


def test_every_kind_of_thing_has_one_collection_and_no_word_below_it_twice() -> None:
    for kind in AGGREGATES:
        types = [definition for definition in EVENT_TYPES.values() if kind == definition.KIND]
        assert sum(bool(definition.COLLECTION) for definition in types) == 1
        words = [definition.SUBJECT for definition in types if definition.SUBJECT]
        assert len(words) == len(set(words))


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_has_a_json_schema(name: str) -> None:
    schema = EVENT_TYPES[name].model_json_schema()
    assert schema["additionalProperties"] is False
    assert EVENT_TYPES[name].IDENTITY in schema["required"]


def test_every_type_that_begins_a_stream_is_the_only_one_of_its_kind() -> None:
    beginnings = Counter(definition.KIND for definition in EVENT_TYPES.values() if definition.BEGINS)
    assert beginnings == {kind: 1 for kind, aggregate in AGGREGATES.items() if aggregate.registered}


def test_every_version_before_the_present_one_is_upcast() -> None:
    earlier = {(name, v) for name, definition in EVENT_TYPES.items() for v in range(1, definition.VERSION)}
    assert UPCASTERS.keys() == earlier


def test_random_ledgers_hold_every_type() -> None:
    types = {event["type"] for seed in range(8) for event in random_ledger(Random(seed), 200).events}
    assert types == EVENT_TYPES.keys()


@pytest.mark.parametrize("seed", range(5))
def test_random_ledgers_are_the_same_for_the_same_seed_and_fit_to_be_stored(seed: int) -> None:
    once, again = (random_ledger(Random(seed), 80) for _ in range(2))
    stored = [canonical(event) for event in once.events]
    assert stored == [canonical(event) for event in again.events]
    assert max(map(len, stored)) <= LARGEST_EVENT_BYTES
    assert [event["position"] for event in once.events] == list(range(1, len(stored) + 1))


def test_an_event_of_a_newer_ledger_is_never_misread() -> None:
    event = market().events[0]
    with pytest.raises(Corrupt, match=r"^position 1: unknown event type 'organization-merged'$"):
        read_stored(event | {"type": "organization-merged"})
    with pytest.raises(Corrupt, match=r"^position 1: unknown version 2 of organization-registered$"):
        read_stored(event | {"v": 2})
