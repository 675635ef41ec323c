"""The fast view against the reference, whole answers on random ledgers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from domain.events import canonical
from projections import roads
from projections.engine import Projection, batch_of
from projections.exposed_lines import exposed_lines
from projections.parameters import RegulatoryExposure, SoleSource, VendorDependence
from projections.regulatory_exposure import regulatory_exposure
from projections.sole_source import sole_source
from projections.vendor_dependence import vendor_dependence
from service.audit import verifier
from service.audit.verifier import vendor_dependence as reference
from service.codes import country_name
from tests.ledgers import Book, Event, line, market
from tests.random_ledgers import random_exposure_query, random_ledger, random_query, random_sole_source_query
from tests.seeds import seeds

QUERIES = 12
#: Of each of the other views, which have tests of their own.
OTHER_QUERIES = 2


@pytest.mark.parametrize("seed", seeds(0, 8))
def test_the_fast_view_answers_as_the_reference_does(seed: int) -> None:
    random, events = ledger_of(seed)
    with projected(random, events) as projection:
        for _ in range(QUERIES):
            query = random_query(random, events)
            assert fast(projection, query) == reference(events, **query, country_name=country_name), query
        for _ in range(OTHER_QUERIES):
            query = random_exposure_query(random, events)
            asked = RegulatoryExposure(**query)
            with projection.cursor() as connection:
                assert regulatory_exposure(connection, asked) == verifier.regulatory_exposure(events, **query), query
                assert exposed_lines(connection, asked) == verifier.regulatory_exposure_orders(events, **query), query
            query = random_sole_source_query(random, events)
            with projection.cursor() as connection:
                assert sole_source(connection, SoleSource(**query)) == verifier.sole_source(events, **query), query


@pytest.mark.parametrize("seed", seeds(0, 24))
def test_few_lines_are_answered_from_memory_as_the_reference_answers(seed: int) -> None:
    random, events = ledger_of(seed)
    with projected(random, events) as projection:
        for _ in range(QUERIES):
            query = random_query(random, events)
            assert from_memory(projection, query) == reference(events, **query, country_name=country_name), query
        for _ in range(OTHER_QUERIES):
            query = random_exposure_query(random, events)
            asked, expected = RegulatoryExposure(**query), verifier.regulatory_exposure(events, **query)
            assert roads.regulatory_exposure(projection, asked) == expected, query
            lines = verifier.regulatory_exposure_orders(events, **query)
            assert roads.exposed_lines(projection, asked) == (lines, False), query
            query = random_sole_source_query(random, events)
            sources = verifier.sole_source(events, **query)
            assert roads.sole_source(projection, SoleSource(**query)) == sources, query


def ledger_of(seed: int) -> tuple[Random, list[Event]]:
    """A random ledger, and what further questions are drawn from."""
    random = Random(seed)
    return random, random_ledger(random, random.randint(60, 300)).events


@contextmanager
def projected(random: Random, events: list[Event]) -> Iterator[Projection]:
    """A projection that has read the events."""
    with Projection.open() as projection:
        for batch in batches(random, events):
            projection.apply(batch_of((event["position"], canonical(event)) for event in batch))
        yield projection


def received_and_withdrawn() -> Book:
    """A receipt is withdrawn in September, and then its order turns out never to have been so and is placed anew."""
    book = market()
    book.order("po-1", "2023-03-01", [line("100")], id="placed")
    book.receive("po-1", "2023-05-01", {"line": "1", "quantity": "40"}, id="received")
    book.retract("received", known_on="2023-09-01")
    book.retract("placed")
    book.order("po-1", "2023-03-01", [line("90")])
    return book


def received_on_a_line_and_withdrawn() -> Book:
    """A receipt is withdrawn in September, and then its line turns out never to have been so and is added anew."""
    book = market()
    further = {"order_id": "po-1", "lines": [line("5", name="2")]}
    book.order("po-1", "2023-03-01", [line("85")])
    book.say("order-amended", "2023-04-01", further, id="further")
    book.receive("po-1", "2023-05-01", {"line": "2", "quantity": "4"}, id="received")
    book.retract("received", known_on="2023-09-01")
    book.retract("further")
    book.say("order-amended", "2023-04-01", further)
    return book


def cancelled_and_withdrawn() -> Book:
    """A cancellation is withdrawn in September, and then its order turns out never to have been so."""
    book = market()
    book.order("po-1", "2023-03-01", [line("100")], id="placed")
    book.cancel("po-1", "2023-05-01", id="cancelled")
    book.retract("cancelled", known_on="2023-09-01")
    book.retract("placed")
    book.order("po-1", "2023-03-01", [line("90")])
    return book


@pytest.mark.parametrize("ledger", [received_and_withdrawn, received_on_a_line_and_withdrawn, cancelled_and_withdrawn])
def test_what_was_believed_of_an_earlier_order_or_line_says_nothing_of_the_later(ledger: Callable[[], Book]) -> None:
    events = ledger().events
    query: dict[str, Any] = {
        "buyer": ["baidu"],
        "effective_on": date(2024, 12, 31),
        "known_on": date(2023, 8, 1),
        "position": len(events),
        "exclude": (),
        "measure": "units",
        "status": "open",
    }
    with Projection.open() as projection:
        projection.apply(batch_of((event["position"], canonical(event)) for event in events))
        answer = fast(projection, query)
    assert answer["total"]["value"] == "90"
    assert answer == reference(events, **query, country_name=country_name)


def batches(random: Random, events: list[Event]) -> list[list[Event]]:
    """The events in the batches that a projection may find them in: one, or a few of any size."""
    cuts = sorted({0, len(events), *(random.randint(1, len(events)) for _ in range(random.choice((0, 1, 3, 6))))})
    return [events[start:end] for start, end in pairwise(cuts)]


def fast(projection: Projection, query: dict[str, Any]) -> dict[str, Any]:
    """The answer of the projection's view, by its statements."""
    with projection.cursor() as connection:
        return vendor_dependence(connection, parameters_of(query), country_name=country_name)


def from_memory(projection: Projection, query: dict[str, Any]) -> dict[str, Any]:
    """The answer of the projection's view of few lines."""
    assert projection.few.look(parameters_of(query)) is not None
    return roads.vendor_dependence(projection, parameters_of(query), country_name=country_name)


def parameters_of(query: dict[str, Any]) -> VendorDependence:
    """A query as the view takes it."""
    return VendorDependence(**query | {"buyer": tuple(query["buyer"]), "exclude": frozenset(query["exclude"])})
