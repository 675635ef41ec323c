"""What changed between two moments, on random ledgers: it is what answers differ by, it chains, and is explained."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.random_ledgers import random_query
from tests.relations.answering import ANSWERING, Case, Query, case_of, sums, without

QUERIES = 5
CLOCKS = ("effective_on", "known_on", "position")


@pytest.fixture(params=ANSWERING, ids=lambda one: f"{one[0]}-{one[1].__name__}")
def case(request: pytest.FixtureRequest) -> Case:
    """A random ledger."""
    seed, answering = request.param
    return case_of(seed + 200, 60, 180, answering=answering)


def moments(case: Case, query: Query, count: int) -> list[Query]:
    """Moments that differ in one clock, the earliest first."""
    random = case.random
    now = {clock: query[clock] for clock in CLOCKS}
    clock = random.choice(CLOCKS)
    if clock == "position":
        return [now | {clock: place} for place in sorted(random.randint(0, len(case.events)) for _ in range(count))]
    back = sorted((random.choice((0, 1, 30, 200, 400, 900)) for _ in range(count)), reverse=True)
    return [now | {clock: query["effective_on"] - timedelta(days)} for days in back]


def of_placing(query: Query) -> Query:
    """The query at the rates of each placing: others are other ones at another moment, by their own meaning."""
    return query | {"rates": "placed"}


def test_a_difference_is_what_the_answers_differ_by_and_its_parts_sum_to_it(case: Case) -> None:
    for _ in range(QUERIES):
        query = of_placing(random_query(case.random, case.events))
        before, after = moments(case, query, 2)
        rows, explained = case.answering.difference(query, before, after)
        expected: dict[Any, Decimal] = defaultdict(Decimal)
        for sign, moment in ((-1, before), (1, after)):
            for row in case.answering.dependence(query | moment)["rows"]:
                expected[row["key"]] += sign * sums(row)[0]
        assert rows.keys() == expected.keys()
        for key, change in rows.items():
            assert abs(change - expected[key]) <= Decimal("0.000002"), query
            parts = [value for (row, _), value in explained.items() if row == key]
            assert abs(sum(parts) - change) <= case.answering.tiny, query


def test_differences_chain(case: Case) -> None:
    for _ in range(QUERIES):
        query = of_placing(random_query(case.random, case.events))
        first, second, third = moments(case, query, 3)
        whole = case.answering.difference(query, first, third)[0]
        halves = [case.answering.difference(query, *pair)[0] for pair in ((first, second), (second, third))]
        for key in {*whole, *halves[0], *halves[1]}:
            chained = sum((half.get(key, Decimal(0)) for half in halves), Decimal(0))
            assert abs(whole.get(key, Decimal(0)) - chained) <= case.answering.tiny, (query, key)


def test_nothing_differs_from_itself(case: Case) -> None:
    query = of_placing(random_query(case.random, case.events))
    (moment,) = moments(case, query, 1)
    rows, explained = case.answering.difference(query, moment, moment)
    assert not any(rows.values())
    assert not any(explained.values())


def test_goods_by_vendor_change_by_events_alone(case: Case) -> None:
    """No rate, attribute, share or house is looked at: no event but those of the lines can have changed anything."""
    if any("same_as" in event["data"] for event in case.events):
        # Which organisation a vendor is may become known.
        case = Case(case.random, [apart(event) for event in case.events], case.answering)
        case = Case(case.random, case.events, type(case.answering)(case.events))  # type: ignore[call-arg]
    for _ in range(QUERIES):
        query = random_query(case.random, case.events) | {"buyer": [], "measure": "units", "by": "vendor"}
        before, after = moments(case, query | {"captive": "include"}, 2)
        explained = case.answering.difference(query | {"captive": "include"}, before, after)[1]
        assert not any(value for (_, name), value in explained.items() if name == "revaluation"), query


def apart(event: dict[str, Any]) -> dict[str, Any]:
    """The event without a word on which organisation a record stands for."""
    return event | {"data": without(event["data"], "same_as")}
