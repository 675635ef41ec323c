"""The fast view against the reference, whole answers on random ledgers.

`DAYBOOK_TEST_LEDGERS=n` compares on n ledgers rather than on a few dozen.
"""

import os
from itertools import pairwise
from random import Random
from typing import Any

import pycountry
import pytest

from domain.events import canonical
from projections.engine import Projection, batch_of
from projections.parameters import VendorDependence
from projections.vendor_dependence import vendor_dependence
from tests.ledgers import Event
from tests.random_ledgers import random_ledger, random_query
from tests.reference.vendor_dependence import vendor_dependence as reference

LEDGERS = int(os.environ.get("DAYBOOK_TEST_LEDGERS", "40"))
QUERIES = 12


@pytest.mark.parametrize("seed", range(LEDGERS))
def test_the_fast_view_answers_as_the_reference_does(seed: int) -> None:
    random = Random(seed)
    events = random_ledger(random, random.randint(60, 300)).events
    with Projection.open() as projection:
        for batch in batches(random, events):
            projection.apply(batch_of((event["position"], canonical(event)) for event in batch))
        for _ in range(QUERIES):
            query = random_query(random, events)
            assert fast(projection, query) == reference(events, **query), query


def batches(random: Random, events: list[Event]) -> list[list[Event]]:
    """The events in the batches that a projection may find them in: one, or a few of any size."""
    cuts = sorted({0, len(events), *(random.randint(1, len(events)) for _ in range(random.choice((0, 1, 3, 6))))})
    return [events[start:end] for start, end in pairwise(cuts)]


def fast(projection: Projection, query: dict[str, Any]) -> dict[str, Any]:
    """The answer of the projection's view."""
    parameters = VendorDependence(**query | {"buyer": tuple(query["buyer"]), "exclude": frozenset(query["exclude"])})
    with projection.cursor() as connection:
        return vendor_dependence(connection, parameters, country_name=country_name)


def country_name(code: str) -> str | None:
    """The English name of a country."""
    country = pycountry.countries.get(alpha_2=code)
    return None if country is None else str(country.name)
