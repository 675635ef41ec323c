"""Sums of postings with their bounds, and how they are written (docs/semantics.md, rules 12 to 14 and 28)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

ZERO = Decimal(0)
UNBOUNDED = Decimal("Infinity")
SIX_PLACES = Decimal("0.000001")
#: The longest product is an amount (19 digits) by a rate (25) by a share (15); the rest is room for sums and quotients.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Figure:
    """What a number of postings come to. No posting at all is exactly 0."""

    #: the sum over quantified postings
    value: Decimal = ZERO
    low: Decimal = ZERO
    #: UNBOUNDED where a posting has no bound
    high: Decimal = ZERO
    #: how many postings have a value, and how many have none
    quantified: int = 0
    unquantified: int = 0
    #: the ends of the events that made the postings
    ends: frozenset[date] = frozenset()

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            self.value + other.value,
            self.low + other.low,
            self.high + other.high,
            self.quantified + other.quantified,
            self.unquantified + other.unquantified,
            self.ends | other.ends,
        )

    @property
    def known_value(self) -> Decimal | None:
        """The value; None where nothing in it is quantified."""
        return None if self.quantified == 0 and self.unquantified > 0 else self.value

    @property
    def is_exactly_zero(self) -> bool:
        """Whether nothing is left to show or to be unsure of."""
        return self.value == self.low == self.high == ZERO and self.unquantified == 0


NOTHING = Figure()


def total_of(figures: Iterable[Figure]) -> Figure:
    """The sum of the figures."""
    return sum(figures, NOTHING)


def bounds_of(estimate: str | dict[str, str]) -> tuple[Decimal, Decimal, Decimal]:
    """Value, low and high of a stored estimate that is not null; missing bounds are the value."""
    if isinstance(estimate, str):
        return Decimal(estimate), Decimal(estimate), Decimal(estimate)
    value = estimate["value"]
    return Decimal(value), Decimal(estimate.get("low", value)), Decimal(estimate.get("high", value))


def posting(estimate: Any, end: date, *, leave_out: bool) -> Figure:
    """One posting of a stored estimate; `leave_out` makes an unquantified one absent (rule 13)."""
    if estimate is None:
        return unquantified(UNBOUNDED, frozenset({end}), leave_out=leave_out)
    value, low, high = bounds_of(estimate)
    return Figure(value, low, high, quantified=1, ends=frozenset({end}))


def unquantified(high: Decimal, ends: frozenset[date], *, leave_out: bool) -> Figure:
    """One posting without a value, somewhere between 0 and `high`; `leave_out` makes it absent (rule 13)."""
    return NOTHING if leave_out else Figure(high=high, unquantified=1, ends=ends)


def delivered(receipts: Figure, returns: Figure) -> Figure:
    """What stays delivered: returns, which are exact, are taken alike off value, low and high (rule 14)."""
    return Figure(
        max(ZERO, receipts.value - returns.value),
        max(ZERO, receipts.low - returns.value),
        max(ZERO, receipts.high - returns.value),
        receipts.quantified + returns.quantified,
        receipts.unquantified + returns.unquantified,
        receipts.ends | returns.ends,
    )


def still_open(ordered: Figure, arrived: Figure) -> Figure:
    """What is ordered and not delivered, bounds crossed (rule 14)."""
    return Figure(
        max(ZERO, ordered.value - arrived.value),
        max(ZERO, ordered.low - arrived.high),
        max(ZERO, ordered.high - arrived.low),
        ordered.quantified + arrived.quantified,
        ordered.unquantified + arrived.unquantified,
        ordered.ends | arrived.ends,
    )


def plain(number: Decimal | None) -> str | None:
    """As a plain decimal string of at most 6 places; None where there is no value or no bound."""
    if number is None or number.is_infinite():
        return None
    text = format(number.quantize(SIX_PLACES, ROUND_HALF_EVEN), "f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def json_number(number: Decimal | None) -> float | None:
    """A share or metric as a JSON number of at most 6 places."""
    return None if number is None else float(number.quantize(SIX_PLACES, ROUND_HALF_EVEN))
