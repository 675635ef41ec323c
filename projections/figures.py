"""Sums of postings with their bounds, and how they are written (docs/semantics.md, rules 12, 25 and 28)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Self

#: Wide enough that sums and products of recorded figures, factors and shares are never rounded.
PRECISE = Context(prec=200, rounding=ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999)
#: A quotient of two rates is cut off behind this many places; products with it are exact from there on.
RATE_PLACES = 36
ONE_RATE: int = 10**RATE_PLACES
#: Far finer than any output and far coarser than what the cut of a rate may come to: a true half is a half again.
SNAP = Decimal("1e-18")
#: How finely parts of a sum are written: coarser than what the cut comes to below 1e11, and finer than SNAP, so that
#: they still add up.
PART = Decimal("1e-24")
SIX_PLACES = Decimal("1e-6")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Figure:
    """A sum of postings."""

    #: sum of what is quantified, 0 where nothing is
    sum: Decimal = ZERO
    low: Decimal = ZERO
    #: None: unbounded
    high: Decimal | None = ZERO
    #: how many of the postings are quantified, and how many are not
    quantified: int = 0
    unquantified: int = 0

    @property
    def value(self) -> Decimal | None:
        """The sum; None where nothing in it is quantified."""
        return None if self.unquantified and not self.quantified else self.sum

    def plus(self, other: Self) -> "Figure":
        """Both together."""
        if self.sum is self.low is self.high and other.sum is other.low is other.high:
            # Exact, as most are: added up once.
            total = PRECISE.add(self.sum, other.sum)
            return Figure(
                total, total, total, self.quantified + other.quantified, self.unquantified + other.unquantified
            )
        return Figure(
            PRECISE.add(self.sum, other.sum),
            PRECISE.add(self.low, other.low),
            None if self.high is None or other.high is None else PRECISE.add(self.high, other.high),
            self.quantified + other.quantified,
            self.unquantified + other.unquantified,
        )


def total_of(figures: Iterable[Figure]) -> Figure:
    """The sum of figures; of none, exactly 0."""
    total = Figure()
    for figure in figures:
        total = total.plus(figure)
    return total


def sum_of(numbers: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    total = ZERO
    for number in numbers:
        total = PRECISE.add(total, number)
    return total


def product_of(*factors: Decimal) -> Decimal:
    """The exact product."""
    product = Decimal(1)
    for factor in factors:
        product = PRECISE.multiply(product, factor)
    return product


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal | None:
    """The quotient, finer than any output; None where the divisor is 0."""
    return None if divisor == 0 else PRECISE.divide(dividend, divisor)


@lru_cache(maxsize=65_536)
def cross_rate(target_rate: int, source_rate: int) -> int:
    """Units of the target currency for one of the source currency, in whole numbers of 1e-36 and cut off there."""
    return ONE_RATE * target_rate // source_rate


def share_of(part: Figure, total: Figure) -> Decimal | None:
    """The part of the total's value, or None where either is unknown or the total is 0 (rule 25)."""
    if part.value is None or total.value is None:
        return None
    return quotient(part.value, total.value)


def share_low_of(part: Figure, others: Figure) -> Decimal | None:
    """The least that the share can be; None where there is nothing, and can be nothing (rule 25)."""
    if others.high is None:
        return ZERO
    if part.high == others.high == ZERO:
        return None
    least = quotient(part.low, PRECISE.add(part.low, others.high))
    # What may be something beside certain nothing is all of it.
    return Decimal(1) if least is None else least


def share_high_of(part: Figure, others: Figure) -> Decimal | None:
    """The most that the share can be; None where there is nothing, and can be nothing (rule 25)."""
    if part.high is None:
        return Decimal(1)
    if part.high == others.high == ZERO:
        return None
    most = quotient(part.high, PRECISE.add(part.high, others.low))
    return ZERO if most is None else most


def rounded(number: Decimal) -> Decimal:
    """A number at six places, half-even, a half being judged on the true number and not on a quotient's last digit."""
    return PRECISE.quantize(PRECISE.quantize(number, SNAP), SIX_PLACES)


def plain(number: Decimal | None) -> str | None:
    """A number as output: a plain decimal string at six places without trailing zeros; None stays None."""
    return None if number is None else exact(rounded(number))


def part_of_sum(number: Decimal) -> str:
    """A part of a sum as a plain decimal string: at 24 places, where what a rate was cut off to is no longer seen."""
    return exact(PRECISE.quantize(number, PART))


def exact(number: Decimal) -> str:
    """A number as a plain decimal string, every digit of it, without trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ratio(number: Decimal | None) -> float | None:
    """A share or a metric as a JSON number of six places. The only floats there are: nothing is computed with them."""
    return None if number is None else float(rounded(number)) + 0.0
