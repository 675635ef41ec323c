"""Figures as people read them: bounds rounded outwards, thousands marked, money never by floats."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from babel.numbers import format_decimal

#: What stands where there is no figure.
MISSING = "\N{EM DASH}"
#: Between a figure and its unit, and between two bounds.
NARROW, THIN = "\N{NO-BREAK SPACE}", "\N{EN DASH}"
TENTH = Decimal("0.1")


class ReadableFigures:
    """Writes figures for one language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def amount(self, value: Any, digits: int = 0) -> str:
        """Money, quantities and capacity (decimals as text), to so many digits."""
        if value is None:
            return MISSING
        exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
        form = "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(exact, form, locale=self.locale))

    def signed(self, value: Any, digits: int = 0) -> str:
        """A change, with its sign."""
        if value is None:
            return MISSING
        text = self.amount(value, digits)
        return text if Decimal(str(value)) <= 0 else f"+{text}"

    def quantity(self, value: Any) -> str:
        """A quantity with up to four digits, none where it is whole."""
        if value is None:
            return MISSING
        return str(format_decimal(Decimal(str(value)), "#,##0.####", locale=self.locale))

    def share(self, value: float | None) -> str:
        """A share (0 to 1) in per cent, to a tenth."""
        return MISSING if value is None else f"{self._tenths(value, ROUND_HALF_EVEN)}{NARROW}%"

    def share_down(self, value: float | None) -> str:
        """A lower bound of a share in per cent, rounded down."""
        return MISSING if value is None else f"{self._tenths(value, ROUND_FLOOR)}{NARROW}%"

    def share_up(self, value: float | None) -> str:
        """An upper bound of a share in per cent, rounded up."""
        return MISSING if value is None else f"{self._tenths(value, ROUND_CEILING)}{NARROW}%"

    def bounds(self, low: float | None, high: float | None) -> str:
        """The bounds of a share in per cent, rounded outwards; one of them where they are the same."""
        if low is None or high is None:
            return ""
        lower, upper = self._tenths(low, ROUND_FLOOR), self._tenths(high, ROUND_CEILING)
        return f"{lower if lower == upper else f'{lower}{THIN}{upper}'}{NARROW}%"

    def within(self, low: Any, high: Any, digits: int = 0) -> str:
        """The bounds of a figure, rounded outwards; with a plus where there is no upper one."""
        if low is None and high is None:
            return ""
        step = Decimal(1).scaleb(-digits)
        lower = self.amount(Decimal(str(low or 0)).quantize(step, ROUND_FLOOR), digits)
        if high is None:
            return f"{lower}+"
        upper = self.amount(Decimal(str(high)).quantize(step, ROUND_CEILING), digits)
        return lower if lower == upper else f"{lower}{THIN}{upper}"

    def _tenths(self, value: float, rounding: str) -> str:
        tenths = (Decimal(repr(value)) * 100).quantize(TENTH, rounding)
        return str(format_decimal(tenths, "0.0", locale=self.locale))
