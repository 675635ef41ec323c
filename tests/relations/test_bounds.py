"""Bounds that bound, on random ledgers: with any figures within theirs, shares and metrics are within theirs."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from service.audit.verifier import Figure, greatest_concentration, least_concentration
from tests.random_ledgers import random_exposure_query, random_query
from tests.relations.answering import ANSWERING, Case, case_of
from tests.seeds import seeds

#: Ways to fill in the figures of one answer.
SAMPLES = 125
QUERIES = 8
#: What a share or metric may be off by, as it is printed.
SLACK = 1e-6


@pytest.fixture(params=ANSWERING, ids=lambda one: f"{one[0]}-{one[1].__name__}")
def case(request: pytest.FixtureRequest) -> Case:
    """A random ledger."""
    seed, answering = request.param
    return case_of(seed + 100, answering=answering)


def test_figures_lie_between_their_bounds_and_shares_between_nothing_and_all(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_query(case.random, case.events)
        answer = case.answering.dependence(query)
        for figure in (answer["total"], *answer["rows"]):
            refuse_disorder(Decimal(figure["low"]), figure["value"], figure["high"], query)
            assert Decimal(figure["low"]) >= 0
        for row in answer["rows"]:
            in_order(row, "share", 0.0, 1.0, query)
        metrics = answer["metrics"]
        for name, least, most in (
            ("hhi", 0.0, 10_000.0),
            ("effective_vendors", 1.0, float(max(1, len(answer["rows"])))),
            *((share, 0.0, 1.0) for share in ("cr1", "cr3", "captive_share", "domestic_share", "at_risk")),
        ):
            in_order(metrics, name, least, most, query)
        if metrics["at_risk"] is not None:
            assert metrics["at_risk"] + metrics["at_risk_undetermined"] <= metrics["at_risk_high"] + 2 * SLACK, query


def refuse_disorder(low: Decimal, value: str | None, high: str | None, query: Any) -> None:
    """low <= value <= high, as far as they are there."""
    assert value is None or low <= Decimal(value), query
    assert high is None or max(low, Decimal(value or 0)) <= Decimal(high), query


def in_order(found: dict[str, Any], name: str, least: float, most: float, query: Any) -> None:
    """A share or metric lies between its bounds, and they between the least and the most there can be."""
    low, value, high = found[f"{name}_low"], found[name], found[f"{name}_high"]
    assert (low is None) == (high is None), (name, query)
    if low is None:
        assert value is None, (name, query)
        return
    assert least <= low <= high + SLACK, (name, query)
    assert high <= most + SLACK, (name, query)
    assert value is None or low - SLACK <= value <= high + SLACK, (name, query)


def test_whatever_the_rows_are_their_shares_and_concentration_are_within_bounds(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_query(case.random, case.events)
        answer = case.answering.dependence(query)
        rows, metrics = answer["rows"], answer["metrics"]
        for _ in range(SAMPLES):
            figures = [somewhere(case.random, row) for row in rows]
            total = sum(figures)
            if not total:
                continue
            shares = [figure / total for figure in figures]
            for row, share in zip(rows, shares, strict=True):
                within(share, row, "share", query)
            ranked = sorted(shares, reverse=True)
            squares = sum(share * share for share in shares)
            within(10_000 * squares, metrics, "hhi", query)
            within(1 / squares, metrics, "effective_vendors", query)
            within(ranked[0], metrics, "cr1", query)
            within(sum(ranked[:3]), metrics, "cr3", query)


def test_whatever_each_line_is_and_whatever_is_undetermined_the_part_at_risk_is_within_bounds(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_exposure_query(case.random, case.events) | {"restricted": ()}
        answer, lines = case.answering.exposure(query), case.answering.orders(query)
        for _ in range(SAMPLES):
            figures = [somewhere(case.random, line) for line in lines]
            total = sum(figures)
            if not total:
                continue
            barred = sum(
                figure
                for figure, line in zip(figures, lines, strict=True)
                if line["restricted"] == "yes" or (line["restricted"] == "undetermined" and case.random.random() < 0.5)
            )
            within(barred / total, answer, "at_risk", query)


def test_whatever_each_line_is_the_captive_part_is_within_bounds(case: Case) -> None:
    for _ in range(QUERIES):
        query = random_query(case.random, case.events) | {"by": "vendor", "captive": "include"}
        answer = case.answering.dependence(query)
        lines = [line for row in answer["rows"] for line in case.answering.evidence(query, row["key"])]
        for _ in range(SAMPLES):
            figures = [somewhere(case.random, line) for line in lines]
            total = sum(figures)
            if total:
                captive = sum(figure for figure, line in zip(figures, lines, strict=True) if line["captive"])
                within(captive / total, answer["metrics"], "captive_share", query)


def somewhere(random: Random, figure: dict[str, Any]) -> float:
    """Some figure within bounds: at an end of them, at its value, or anywhere."""
    low = float(figure["low"])
    # Without a bound, anything, and now and then so much that all others are nothing beside it.
    high = low + random.choice((1.0, 1e4, 1e12)) if figure["high"] is None else float(figure["high"])
    value = low if figure["value"] is None else float(figure["value"])
    return random.choice((low, high, value, low + (high - low) * random.random()))


def within(share: float, found: dict[str, Any], name: str, query: Any) -> None:
    """A share or metric of a sample lies between its bounds."""
    low, high = found[f"{name}_low"], found[f"{name}_high"]
    # Figures are sampled as they are printed, so that the smallest of them are coarse.
    slack = SLACK * max(1.0, abs(share)) + 1e-5 * abs(share)
    assert low is not None, (name, query)
    assert low - slack <= share <= high + slack, (name, low, share, high, query)


@pytest.mark.parametrize("seed", seeds(0, 6))
def test_more_uncertain_rows_than_are_tried_are_bounded_too(seed: int) -> None:
    random = Random(seed)
    rows = [figure_of(random) for _ in range(random.randint(13, 40))]
    greatest, least = float(greatest_concentration(rows)), float(least_concentration(rows))
    for _ in range(SAMPLES):
        figures = [
            random.choice((float(row.low), float(row.high), random.uniform(float(row.low), float(row.high))))
            for row in rows
        ]
        if total := sum(figures):
            found = sum(figure * figure for figure in figures) / total**2
            assert least - SLACK <= found <= greatest + SLACK


def figure_of(random: Random) -> Figure:
    """A figure between two bounds, which may be the same."""
    low, high = sorted((random.choice((0, 1, 10, 300)), random.choice((1, 10, 50, 400))))
    return Figure(Decimal(low), Decimal(low), Decimal(high), quantified=1)
