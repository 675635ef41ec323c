"""What must add up, on random ledgers: rows, evidence, orders behind them, categories, periods and shares of orders."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.random_ledgers import random_common, random_exposure_query, random_query, random_sole_source_query
from tests.relations.answering import ANSWERING, Case, added, agree, case_of, sums, without
from tests.seeds import seeds

QUERIES = 6
NOTHING = (Decimal(0), Decimal(0), Decimal(0))


@pytest.fixture(params=ANSWERING, ids=lambda one: f"{one[0]}-{one[1].__name__}")
def case(request: pytest.FixtureRequest) -> Case:
    """A random ledger."""
    seed, answering = request.param
    return case_of(seed, answering=answering)


def test_evidence_sums_to_its_row_and_rows_to_the_total(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_query(case.random, case.events)
        answer = case.answering.dependence(query)
        assert agree(added(answer["rows"]), sums(answer["total"]), len(answer["rows"])), query
        for row in answer["rows"]:
            parts = case.answering.evidence(query, row["key"])
            assert agree(added(parts), sums(row), len(parts)), (query, row["key"])
            # Nothing in it is known where nothing of its parts is.
            assert (row["value"] is None) == all(part["value"] is None for part in parts), query


def test_however_the_rows_are_made_the_total_is_the_same(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_query(case.random, case.events)
        totals = [
            case.answering.dependence(query | {"by": key})["total"]
            for key in ("vendor", "maker", "parent", "country", "product", "category", "attribute:tpp")
        ]
        assert all(total == totals[0] for total in totals), query


def test_what_is_exposed_is_what_is_depended_on_and_its_verdicts_make_it_up(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_exposure_query(case.random, case.events) | {"restricted": ()}
        answer = case.answering.exposure(query)
        assert answer["total"] == case.answering.dependence(without(query, "judged", "restricted"))["total"], query
        for row in answer["rows"]:
            undecided = added([row["barred"], row["undetermined"]])
            # Not more than all, and all where nothing says no.
            assert all(part <= whole + 2 * Decimal("1e-6") for part, whole in zip(undecided, sums(row), strict=True))
            if row["restricted"] == "yes":
                assert sums(row["barred"]) == sums(row)
            if row["restricted"] == "no":
                assert undecided == NOTHING
            if row["restricted"] == "partly":
                assert sums(row["undetermined"]) == NOTHING


def test_the_orders_behind_an_exposure_sum_to_its_rows(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_exposure_query(case.random, case.events) | {"restricted": ()}
        behind: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for order in case.answering.orders(query):
            behind[order["vendor"], order["product"]].append(order)
        rows = case.answering.exposure(query)["rows"]
        assert behind.keys() == {(row["vendor"], row["product"]) for row in rows}
        for row in rows:
            orders = behind[row["vendor"], row["product"]]
            assert agree(added(orders), sums(row), len(orders)), query
            for verdict, part in (("yes", "barred"), ("undetermined", "undetermined")):
                judged = [order for order in orders if order["restricted"] == verdict]
                assert agree(added(judged), sums(row[part]), len(judged)), query


def test_orders_asked_for_by_verdict_are_those_with_the_verdict(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_exposure_query(case.random, case.events) | {"restricted": ()}
        everything, exposure = case.answering.orders(query), case.answering.exposure(query)
        for words in (("yes",), ("no",), ("undetermined", "yes")):
            asked = query | {"restricted": words}
            assert case.answering.orders(asked) == [order for order in everything if order["restricted"] in words]
            answer = case.answering.exposure(asked)
            assert without(answer, "rows") == without(exposure, "rows")
            assert answer["rows"] == [row for row in exposure["rows"] if _is_of(row, words)]


def _is_of(row: dict[str, Any], words: tuple[str, ...]) -> bool:
    return row["restricted"] in words or (row["restricted"] == "partly" and bool({"yes", "no"} & set(words)))


def test_sole_sources_are_asked_of_the_categories_that_are_bought(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_sole_source_query(case.random, case.events)
        answer = case.answering.sole_source(query)
        dependence = case.answering.dependence(without(query, "threshold", "threshold_attribute") | {"by": "category"})
        assert answer["total"] == dependence["total"]
        by_category = {row["key"]: row for row in dependence["rows"] if row["key"] is not None}
        assert [row["category"] for row in answer["rows"]] == [*by_category]
        for row in answer["rows"]:
            assert sums(row) == sums(by_category[row["category"]])
            available, possible = (
                row["sources"]["available"],
                row["sources"]["available"] + row["sources"]["undetermined"],
            )
            expected = "no" if available >= 2 else {0: "none", 1: "yes"}.get(possible, "undetermined")
            assert row["sole_source"] == expected
            assert row["alternatives_total"] <= available
            assert row["single_source"] == (row["vendor_count"] == 1)
            assert not set(row["alternatives"]) & set(row["vendors"])


# Periods


def test_disjoint_periods_sum_to_the_period_that_they_make_up(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_common(case.random, case.events) | {"status": "ordered", "window": None}
        parts, whole = some_periods(case)
        answers = [case.answering.dependence(query | {"period": period})["total"] for period in parts]
        total = case.answering.dependence(query | {"period": whole})["total"]
        assert agree(added(answers), sums(total), len(parts)), (query, parts)


def test_deliveries_of_disjoint_periods_sum_but_where_a_period_cuts_a_line_at_nothing(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_common(case.random, case.events) | {"status": "delivered", "window": None, "measure": "units"}
        parts, whole = some_periods(case)
        answers = [case.answering.dependence(query | {"period": period})["total"] for period in parts]
        together, total = added(answers), case.answering.dependence(query | {"period": whole})["total"]
        # What goes back in one period is taken off what arrived in another in the whole alone.
        assert all(part >= one - Decimal("1e-6") for part, one in zip(together, sums(total), strict=True)), query
        if not any(event["type"] == "goods-returned" for event in case.events):
            assert agree(together, sums(total), len(parts)), query


def test_what_deliveries_are_worth_in_disjoint_periods_sums_but_for_rounding() -> None:
    for seed in seeds(0, 24):
        case = case_of(seed, 60, 120)
        events = [event for event in case.events if event["type"] != "goods-returned"]
        kept = [event for event in events if event["data"].get("retracts") not in returns_of(case.events)]
        answering = type(case.answering)(kept)  # type: ignore[call-arg]
        asked = {"status": "delivered", "window": None, "measure": "spend", "rates": "placed", "currency": "USD"}
        query = random_common(case.random, case.events) | asked | {"exclude": ()}
        lines = sum(len(event["data"].get("lines", ())) for event in kept)
        parts, whole = some_periods(case)
        answers = [answering.dependence(query | {"period": period})["total"] for period in parts]
        total = answering.dependence(query | {"period": whole})["total"]
        # Half of 0.0001 a line and period, at the dearest of the rates that random ledgers have, twice over.
        most = Decimal("0.0001") * lines * len(parts) * Decimal(155_200)
        together = added(answers)
        for one, other in zip(together[:2], sums(total)[:2], strict=True):
            assert abs(one - other) <= most, (seed, query)


def returns_of(events: list[dict[str, Any]]) -> set[str]:
    """The ids of the returns."""
    return {event["id"] for event in events if event["type"] == "goods-returned"}


def some_periods(case: Case) -> tuple[list[str], str]:
    """Periods without a gap between them, and the one that they make up."""
    random = case.random
    if random.random() < 0.3:
        year = random.randint(2021, 2025)
        return [f"{year}-Q{quarter}" for quarter in (1, 2, 3, 4)], f"{year}"
    if random.random() < 0.3:
        year = random.randint(2021, 2025)
        return [f"{year}-{month:02}" for month in range(1, 13)], f"{year}-01-01/{year}-12-31"
    cuts = sorted({date(2021, 1, 1) + timedelta(random.randrange(1_800)) for _ in range(5)})
    parts = [f"{first}/{after - timedelta(1)}" for first, after in pairwise(cuts)]
    return [f"../{cuts[0] - timedelta(1)}", *parts, f"{cuts[-1]}/.."], "../9999-12-31"


def test_a_window_is_the_period_after_its_first_day(case: Case) -> None:
    quarters = {3: "Q1", 6: "Q2", 9: "Q3", 12: "Q4"}
    for _ in range(QUERIES):
        month = case.random.choice((*quarters,))
        end = date(2023, month + 1, 1) - timedelta(1) if month < 12 else date(2023, 12, 31)
        query = random_query(case.random, case.events) | {"effective_on": end, "window": None, "period": None}
        query |= {"status": case.random.choice(("ordered", "delivered"))}
        by_window = case.answering.dependence(query | {"window": "P3M"})
        assert by_window == case.answering.dependence(query | {"period": f"2023-{quarters[month]}"})
        assert case.answering.dependence(query | {"period": "../9999-12-31"}) == case.answering.dependence(query)


# Joint orders


def test_buyers_of_a_joint_order_never_have_more_of_it_than_the_others_leave(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_exposure_query(case.random, case.events)
        query |= {"restricted": (), "captive": "include", "buyer_scope": "entity", "exclude": ()}
        whole = {(row["order_id"], row["line"]): row for row in case.answering.orders(query | {"buyer": []})}
        buyers = sorted({buyer for row in whole.values() for buyer in row["buyers"]})
        some = case.random.sample(buyers, case.random.randint(0, len(buyers)))
        others = [buyer for buyer in buyers if buyer not in some]
        if not some or not others:
            continue
        halves = [
            {(row["order_id"], row["line"]): row for row in case.answering.orders(query | {"buyer": half})}
            for half in (some, others)
        ]
        for place, row in whole.items():
            if row["order_id"] is None:
                continue
            here, there = (sums(half[place]) if place in half else NOTHING for half in halves)
            full = sums(row)
            slack = Decimal("0.000002")
            # The least of both is not more than the least of all; the most of one leaves the others their least.
            assert here[1] + there[1] <= full[1] + slack, (query, place)
            assert here[0] + there[0] <= full[0] + slack, (query, place)
            assert here[2] <= full[2] + slack
            assert there[2] <= full[2] + slack
            if full[2].is_finite() and full[1] == full[2]:
                assert here[2] + there[1] <= full[2] + slack, (query, place)
                assert there[2] + here[1] <= full[2] + slack, (query, place)
