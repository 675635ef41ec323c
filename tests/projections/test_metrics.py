"""Bounds of metrics: the fast ones against the plain ones, on rows of every sort."""

from decimal import Decimal, localcontext
from random import Random

import pytest

from projections.figures import Figure, ratio
from projections.metrics import concentration_of, shares_of
from service.audit import verifier

SIZES = (1, 2, 3, 5, 12, 13, 30)


def rows_of(random: Random, size: int) -> list[tuple[str, str | None]]:
    """Lows and highs, many of them alike, some without a bound and some that are nothing."""
    numbers = ("0", "0", "1", "10", "10.0001", "300", "1e14", "0.0001")
    rows: list[tuple[str, str | None]] = []
    for _ in range(size):
        low, high = sorted((random.choice(numbers), random.choice(numbers)), key=Decimal)
        rows.append((low, None if random.random() < 0.05 else random.choice((low, high, high))))
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_bounds_of_concentration_and_of_shares_are_those_of_the_plain_evaluation(seed: int) -> None:
    random = Random(seed)
    for size in SIZES:
        rows = rows_of(random, size)
        fast = [Figure(Decimal(low), Decimal(low), None if high is None else Decimal(high), 1) for low, high in rows]
        plain = [
            verifier.Figure(Decimal(low), Decimal(low), verifier.UNBOUNDED if high is None else Decimal(high), 1)
            for low, high in rows
        ]
        with localcontext(verifier.EXACT):
            expected = [*map(verifier.json_number, verifier.concentration_bounds(plain))]
            shares = [
                [*map(verifier.json_number, verifier.part_bounds(row, others))]
                for row, others in zip(plain, verifier.all_but_each(plain), strict=True)
            ]
        assert [*map(ratio, concentration_of(fast))] == expected, rows
        assert [[*map(ratio, bounds)] for bounds in shares_of(fast)] == shares, rows


def test_of_rows_that_are_exact_the_bounds_are_the_concentration_itself() -> None:
    rows = [Figure(Decimal(number), Decimal(number), Decimal(number), 1) for number in (30, 10)]
    assert concentration_of(rows) == (Decimal("0.625"), Decimal("0.625"))


def test_where_all_rows_are_nothing_nothing_bounds_them() -> None:
    assert concentration_of([Figure(), Figure()]) == (None, None)
