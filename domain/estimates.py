"""Figures as people know them: a decimal, a decimal between bounds, or not quantified at all."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

#: Wide enough that no sum or product of recorded figures is ever rounded by accident.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)
FOUR_PLACES = Decimal("0.0001")

DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)


def parse_decimal(text: object, whole: int, places: int, *, signed: bool = False) -> Decimal:
    """Read a plain decimal string with at most `whole` digits before and `places` behind the point; else ValueError."""
    if not isinstance(text, str):
        raise ValueError(f'must be a decimal string such as "1600.50", not {_named(text)}')
    if not DECIMAL.fullmatch(text):
        raise ValueError(f'{_short(text)} is not a plain decimal such as "1600.50"')
    if text.startswith("-") and not signed:
        raise ValueError(f"{_short(text)} is negative")
    before, _, behind = text.lstrip("-").partition(".")
    if len(before) > whole or len(behind) > places:
        raise ValueError(f"{_short(text)} has more than {whole} digits before or {places} behind the point")
    return Decimal(text)


def plain(number: Decimal) -> str:
    """A decimal as a plain string: no exponent, no trailing zeros behind the point."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity, an amount, an attribute or a share with its bounds, low <= value <= high, none of them negative."""

    #: None: unquantified
    value: Decimal | None
    low: Decimal
    #: None: unbounded
    high: Decimal | None

    @property
    def exact(self) -> bool:
        """Whether the bounds coincide."""
        return self.value is not None and self.low == self.value == self.high

    @classmethod
    def of(cls, stored: Any) -> "Estimate":
        """Read an estimate as it stands in a recorded event (trusted, never refused); None stands for unquantified."""
        if stored is None:
            return UNQUANTIFIED
        if isinstance(stored, str):
            value = Decimal(stored)
            return cls(value, value, value)
        value = Decimal(stored["value"])
        return cls(value, Decimal(stored.get("low", value)), Decimal(stored.get("high", value)))

    def stored(self) -> str | dict[str, str] | None:
        """The form in which a recorded event holds it."""
        if self.value is None:
            return None
        if self.exact:
            return plain(self.value)
        assert self.high is not None
        return {"value": plain(self.value), "low": plain(self.low), "high": plain(self.high)}


UNQUANTIFIED = Estimate(None, ZERO, None)


def parse_estimate(given: Any, whole: int, places: int) -> Estimate:
    """Read a client's estimate: a decimal string, {"value", "low"?, "high"?} or null; else ValueError."""
    if given is None:
        return UNQUANTIFIED
    if not isinstance(given, dict):
        value = parse_decimal(given, whole, places)
        return Estimate(value, value, value)
    unknown = sorted(given.keys() - {"value", "low", "high"})
    if unknown:
        raise ValueError(f"an estimate has value, low and high, not {_short(str(unknown[0]))}")
    if "value" not in given:
        raise ValueError("an estimate needs a value (null stands for an unquantified figure)")
    parts = {}
    for name, text in given.items():
        try:
            parts[name] = parse_decimal(text, whole, places)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    value = parts["value"]
    estimate = Estimate(value, parts.get("low", value), parts.get("high", value))
    if estimate.low > value:
        raise ValueError(f"low {given['low']} is above value {given['value']}")
    if estimate.high is not None and estimate.high < value:
        raise ValueError(f"high {given['high']} is below value {given['value']}")
    return estimate


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _named(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"the number {str(value)[:40]}"
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), "that")
