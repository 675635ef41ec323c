"""Metrics over the rows of an answer, each with its bounds (docs/semantics.md, rules 25, 27, 40 and 64)."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

from domain.truth import Truth
from projections.figures import (
    PRECISE,
    ZERO,
    Figure,
    product_of,
    quotient,
    ratio,
    share_high_of,
    share_low_of,
    share_of,
    sum_of,
    total_of,
)

#: The least and the greatest that something can be; None: there is nothing.
Bounds = tuple[Decimal | None, Decimal | None]
NO_BOUNDS: Bounds = (None, None)
ONE = Decimal(1)
#: Of so many rows every way to stand at a bound is tried.
TRIED_ROWS = 12
#: Ways whose floating approximations are as near as this are compared exactly.
NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Split:
    """What belongs to a part of the whole, and what does not."""

    inside: Figure
    outside: Figure

    @property
    def bounds(self) -> Bounds:
        """The least and the greatest share of the part."""
        return share_low_of(self.inside, self.outside), share_high_of(self.inside, self.outside)


def others_of(figures: Sequence[Figure]) -> list[Figure]:
    """Of each figure what all the others come to, low and high."""
    unbounded = sum(figure.high is None for figure in figures)
    low = sum_of(figure.low for figure in figures)
    high = sum_of(figure.high for figure in figures if figure.high is not None)
    return [
        Figure(
            low=PRECISE.subtract(low, figure.low),
            high=None
            if unbounded > (figure.high is None)
            else PRECISE.subtract(high, ZERO if figure.high is None else figure.high),
        )
        for figure in figures
    ]


def shares_of(figures: Sequence[Figure]) -> list[Bounds]:
    """The least and the greatest share of each."""
    return [Split(figure, others).bounds for figure, others in zip(figures, others_of(figures), strict=True)]


def metrics_of(
    figures: Sequence[Figure], shares: Sequence[Bounds], total: Figure, captive: Split, domestic: Split | None
) -> dict[str, Any]:
    """The metrics over the figures of rows and the bounds of their shares; `domestic`: None without a home country."""
    known = [share for figure in figures if (share := share_of(figure, total)) is not None]
    squares = sum_of(product_of(share, share) for share in known)
    largest = sorted(known, reverse=True)
    least, greatest = concentration_of(figures)
    return {
        "hhi": _of_index(squares) if known else None,
        "hhi_low": _of_index(least),
        "hhi_high": _of_index(greatest),
        "effective_vendors": ratio(quotient(ONE, squares)) if known else None,
        "effective_vendors_low": None if greatest is None else ratio(quotient(ONE, greatest)),
        "effective_vendors_high": None if least is None else ratio(quotient(ONE, least)),
        "cr1": ratio(largest[0]) if known else None,
        "cr3": ratio(sum_of(largest[:3])) if known else None,
        **_largest(figures, shares),
        **_part("captive_share", captive, total),
        **_part("domestic_share", domestic, total),
        "single_source": len(figures) == 1,
        "coverage": {"quantified": sum(figure.unquantified == 0 for figure in figures), "active": len(figures)},
    }


def at_risk(verdicts: Mapping[Truth, Figure]) -> dict[str, float | None]:
    """What part of a whole is barred, what part may be, and what bounds the first; by verdict what has it (rule 40)."""
    barred, perhaps, free = (verdicts.get(truth, Figure()) for truth in (Truth.YES, Truth.UNDETERMINED, Truth.NO))
    total = total_of((barred, perhaps, free)).sum
    return {
        "at_risk": ratio(quotient(barred.sum, total)),
        "at_risk_undetermined": ratio(quotient(perhaps.sum, total)),
        "at_risk_low": ratio(share_low_of(barred, perhaps.plus(free))),
        "at_risk_high": ratio(share_high_of(barred.plus(perhaps), free)),
    }


def _of_index(squares: Decimal | None) -> float | None:
    return None if squares is None else ratio(product_of(Decimal(10_000), squares))


def _part(name: str, split: Split | None, total: Figure) -> dict[str, float | None]:
    low, high = NO_BOUNDS if split is None else split.bounds
    share = None if split is None or not total.value else quotient(split.inside.sum, total.sum)
    return {name: ratio(share), f"{name}_low": ratio(low), f"{name}_high": ratio(high)}


def _largest(figures: Sequence[Figure], shares: Sequence[Bounds]) -> dict[str, float | None]:
    """Between what the largest share, and the largest three together, lie."""
    possible = [figure for figure in figures if figure.high != ZERO]
    if not possible:
        return dict.fromkeys(("cr1_low", "cr1_high", "cr3_low", "cr3_high"))
    lows = sorted((low for low, _ in shares if low is not None), reverse=True)
    highs = sorted((high for _, high in shares if high is not None), reverse=True)
    greatest_low = max(figure.low for figure in possible)
    alike = PRECISE.divide(ONE, Decimal(len(possible)))
    cr1_low = alike
    if greatest_low:
        most = (greatest_low if one.high is None else min(one.high, greatest_low) for one in possible)
        cr1_low = PRECISE.divide(greatest_low, sum_of(most))
    return {
        "cr1_low": ratio(cr1_low),
        "cr1_high": ratio(highs[0]),
        "cr3_low": ratio(max(sum_of(lows[:3]), cr1_low, min(ONE, PRECISE.multiply(Decimal(3), alike)))),
        "cr3_high": ratio(min(ONE, sum_of(highs[:3]))),
    }


def concentration_of(figures: Sequence[Figure]) -> Bounds:
    """The least and the greatest sum of squared shares that figures within these bounds can have."""
    possible = [figure for figure in figures if figure.high != ZERO]
    if not possible:
        return NO_BOUNDS
    if all(figure.low == figure.high for figure in possible):
        squares, total = _squares_and_sum(figure.low for figure in possible)
        exact = PRECISE.divide(squares, PRECISE.multiply(total, total))
        return exact, exact
    return _least(possible), _greatest(possible)


def _squares_and_sum(numbers: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    squares = total = ZERO
    for number in numbers:
        squares, total = PRECISE.fma(number, number, squares), PRECISE.add(total, number)
    return squares, total


def _least(rows: Sequence[Figure]) -> Decimal:
    """All rows as much alike as their bounds let them be: at one level, which is the sum of squares over the sum."""
    lows = sorted(row.low for row in rows)
    highs = sorted(row.high for row in rows if row.high is not None)
    if not lows[-1]:
        return PRECISE.divide(ONE, Decimal(len(rows)))
    # Of the first n in order: the sum of squares and the sum.
    of_lows = [*accumulate(lows, _with, initial=(ZERO, ZERO))]
    of_highs = [*accumulate(highs, _with, initial=(ZERO, ZERO))]

    def standing(above: Decimal, below: Decimal) -> tuple[Decimal, Decimal, int]:
        """Of rows whose low is at least `above`, and of those whose high is at most `below`: squares, sum, number."""
        first, last = bisect_left(lows, above), bisect_left(highs, below)
        while last < len(highs) and highs[last] == below:
            last += 1
        squares, total = (
            PRECISE.add(PRECISE.subtract(all_of, before), under)
            for all_of, before, under in zip(of_lows[-1], of_lows[first], of_highs[last], strict=True)
        )
        return squares, total, len(lows) - first + last

    def is_enough(level: Decimal) -> bool:
        # Of rows at a level the sum of squares is the level times the sum. What stands above it adds to the squares;
        # what stands below it takes off. So the level is too low while too much is added.
        squares, total, _ = standing(level, level)
        return squares <= PRECISE.multiply(level, total)

    bounds = sorted({bound for bound in (*lows, *highs) if bound})
    place = bisect_left(bounds, True, key=is_enough)
    above, below = bounds[place], bounds[place - 1] if place else ZERO
    # Between two bounds that are next to each other the same rows stand at the level, and all others where they do.
    squares, total, number = standing(above, below)
    level = PRECISE.divide(squares, total) if total else above
    at_level = Decimal(len(rows) - number)
    squares = PRECISE.fma(at_level, PRECISE.multiply(level, level), squares)
    total = PRECISE.fma(at_level, level, total)
    return PRECISE.divide(squares, PRECISE.multiply(total, total))


def _with(so_far: tuple[Decimal, Decimal], number: Decimal) -> tuple[Decimal, Decimal]:
    return PRECISE.fma(number, number, so_far[0]), PRECISE.add(so_far[1], number)


def _greatest(rows: Sequence[Figure]) -> Decimal:
    """Every row at its low or its high: all ways of that for the rows that may differ most, and the worst of others."""
    bounded = [(row.low, row.high) for row in rows if row.high is not None]
    if len(bounded) < len(rows):
        return ONE
    uncertain = sorted(
        ((low, high) for low, high in bounded if low != high),
        key=lambda one: (PRECISE.subtract(one[1], one[0]), one[1]),
        reverse=True,
    )
    tried, further = uncertain[:TRIED_ROWS], uncertain[TRIED_ROWS:]
    certain = [low for low, high in bounded if low == high]
    squares, total = _squares_and_sum(certain)
    squares = PRECISE.add(squares, sum_of(product_of(high, high) for _, high in further))
    total = PRECISE.add(total, sum_of(low for low, _ in further))
    best = ZERO
    for way in _best_ways(squares, total, tried):
        own_squares, own_total = _squares_and_sum(bounds[way >> place & 1] for place, bounds in enumerate(tried))
        own_squares, own_total = PRECISE.add(squares, own_squares), PRECISE.add(total, own_total)
        if own_total:
            best = max(best, PRECISE.divide(own_squares, PRECISE.multiply(own_total, own_total)))
    # As further rows are taken for more than they can be, so may be what comes of it.
    return min(ONE, best)


def _best_ways(squares: Decimal, total: Decimal, tried: Sequence[tuple[Decimal, Decimal]]) -> list[int]:
    """Ways that may be the greatest, one bit a row: 1 where it stands at its high.

    Found in floats, as there are thousands; which of them is the greatest is decided exactly.
    """
    scale = max((high for _, high in tried), default=ONE)
    scale = max(scale, total) or ONE
    ways = [(float(PRECISE.divide(squares, PRECISE.multiply(scale, scale))), float(PRECISE.divide(total, scale)), 0)]
    for place, bounds in enumerate(tried):
        low, high = (float(PRECISE.divide(bound, scale)) for bound in bounds)
        low_square, high_square, bit = low * low, high * high, 1 << place
        ways += [(square + high_square, own + high, way | bit) for square, own, way in ways]
        for number in range(len(ways) // 2):
            square, own, way = ways[number]
            ways[number] = square + low_square, own + low, way
    worth = [(square / (own * own) if own else 0.0, way) for square, own, way in ways]
    nearly = max(found for found, _ in worth) * (1 - NEAR)
    return [way for found, way in worth if found >= nearly]
