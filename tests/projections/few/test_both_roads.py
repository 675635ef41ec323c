"""Every view by all roads, from memory and by statements, which stand on what is kept or not: on random ledgers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from domain.events import canonical
from projections import roads
from projections.engine import Projection, batch_of
from projections.few import differences, series
from projections.parameters import RegulatoryExposure, SoleSource, VendorDependence
from service.codes import country_name
from tests.ledgers import Event
from tests.projections import ledgers
from tests.random_ledgers import random_ledger, random_query
from tests.seeds import seeds

QUERIES = 2
THRESHOLDS: tuple[dict[str, Any], ...] = ({}, {"threshold": "4000"}, {"threshold": "4988.8"})
STEPS = (None, "P1M", "P13D", "P1M2D")
Query = dict[str, Any]


@contextmanager
def by_statement(projection: Projection, *, kept: bool) -> Iterator[None]:
    """No lines are few. `kept`: what a moment's registers say is found out once."""
    most, projection.few.most_lines = projection.few.most_lines, 0
    projection.resolved.are_kept = kept
    yield
    projection.few.most_lines = most


def said(ask: Callable[..., Any], *asked: Any, **named: Any) -> str:
    """An answer, or what is refused, as text: order and form of everything count."""
    try:
        return json.dumps(ask(*asked, **named))
    except ValueError as error:
        return str(error)


def alike(ask: Callable[..., Any], projection: Projection, *asked: Any, **named: Any) -> None:
    """All roads say the same."""
    with by_statement(projection, kept=False):
        expected = said(ask, projection, *asked, **named)
    with by_statement(projection, kept=True):
        assert said(ask, projection, *asked, **named) == expected, (asked, named)
    assert said(ask, projection, *asked, **named) == expected, (asked, named)


def ledger_of(seed: int) -> tuple[Random, list[Event], Callable[[int], Query]]:
    """A random ledger of one of two sorts, and random questions about it."""
    random = Random(seed)
    if seed % 2:
        events = random_ledger(random, random.randint(60, 250)).events
        return random, events, lambda number: random_query(random, events)
    grown = ledgers.RandomLedger(seed).grow(80)
    return random, grown, lambda number: ledgers.random_query(seed + number, grown)


@contextmanager
def projected(random: Random, events: list[Event]) -> Iterator[Projection]:
    """A projection that has read them in two parts, and of the first part holds what it read then."""
    with Projection.open() as projection:
        cut = random.randrange(len(events))
        for part in (events[:cut], events[cut:]):
            projection.apply(batch_of((event["position"], canonical(event)) for event in part))
            assert projection.few.upto(projection.position) is not None
        yield projection


def of(query: Query, *left_out: str) -> Query:
    """A query as models take it."""
    kept = {name: value for name, value in query.items() if name not in left_out}
    return kept | {"buyer": tuple(query["buyer"]), "exclude": frozenset(query.get("exclude", ()))}


@pytest.mark.parametrize("seed", seeds(0, 4))
def test_dependence_and_its_evidence_are_the_same(seed: int) -> None:
    random, events, ask = ledger_of(seed)
    with projected(random, events) as projection:
        for number in range(QUERIES):
            asked = VendorDependence(**of(ask(number)))
            assert projection.few.look(asked) is not None
            alike(roads.vendor_dependence, projection, asked, country_name=country_name)
            alike(roads.remarks_of, projection, asked)
            rows = roads.vendor_dependence(projection, asked, country_name=country_name)["rows"]
            for key in {None, *(row["key"] for row in rows[:2])}:
                part = {"vendor": random.choice((None, None, key)), "limit": random.choice((None, 2))}
                alike(roads.evidence, projection, asked, key, **part, offset=random.choice((0, 1)))


@pytest.mark.parametrize("seed", seeds(20, 3))
def test_series_are_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST_LOOKS", 10**9)
    random, events, ask = ledger_of(seed)
    with projected(random, events) as projection:
        for number in range(QUERIES):
            asked = VendorDependence(**of(ask(number)))
            last, step = asked.effective_on, random.choice(STEPS)
            first = last - timedelta(random.choice((0, 30, 400, 900)))
            alike(roads.series, projection, asked, first, last, step, country_name=country_name)


@pytest.mark.parametrize("seed", seeds(30, 4))
def test_differences_are_the_same(seed: int) -> None:
    random, events, ask = ledger_of(seed)
    with projected(random, events) as projection:
        for number in range(QUERIES):
            after = VendorDependence(**of(ask(number)))
            earlier: list[Query] = [
                {"effective_on": after.effective_on - timedelta(random.choice((0, 100, 400, 900)))},
                {"known_on": (after.known_on or after.effective_on) - timedelta(random.choice((0, 100, 400)))},
                {"position": random.randint(0, after.position)},
            ]
            before = after.model_copy(update=random.choice(earlier))
            assert differences.pair_of(projection.few, before, after) is not None
            alike(roads.difference, projection, before, after, country_name=country_name)


@pytest.mark.parametrize("seed", seeds(40, 4))
def test_exposure_its_lines_and_sole_sources_are_the_same(seed: int) -> None:
    random, events, ask = ledger_of(seed)
    with projected(random, events) as projection:
        for number in range(QUERIES):
            query = of(ask(number), "by", "home")
            exposed = RegulatoryExposure(
                **query,
                judged=random.choice(("effective", "placed")),
                restricted=frozenset(random.choice(((), (), ("yes",), ("no", "undetermined")))),
            )
            alike(roads.regulatory_exposure, projection, exposed)
            alike(roads.exposed_lines, projection, exposed, *random.choice(((0, None), (0, 2), (1, 2))))
            alike(roads.sole_source, projection, SoleSource(**query, **random.choice(THRESHOLDS)))
