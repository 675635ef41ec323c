"""Numbers as people read them at a terminal: shares in per cent, money whole, or on request every digit."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

#: What is not known.
UNKNOWN = "?"
#: Between the ends of a range.
RANGE = " .. "
#: The ends of a range that are the same.
EXACT = "exact"
#: Figures of a column that has one of this size are shown whole, smaller ones with two places.
WHOLE_FROM = 1_000
#: Metrics that are no shares, and the places that they are shown with.
PLACES = {"hhi": 0, "effective_vendors": 2}


@dataclass(frozen=True, slots=True)
class Figures:
    """How the figures of one column are written."""

    #: Every digit as it is computed; shares then are parts of one.
    exact: bool = False
    #: Of money and quantities.
    places: int = 0

    def figure(self, text: str | None) -> str:
        """A decimal string, with its thousands apart."""
        if text is None:
            return UNKNOWN
        return f"{Decimal(text):,f}" if self.exact else rounded(Decimal(text), self.places)

    def bounds(self, low: str | None, high: str | None) -> str:
        """From .. to; an unbounded one says so."""
        if high is None:
            return f"{self.figure(low)} or more"
        return EXACT if low == high else self.figure(low) + RANGE + self.figure(high)

    def ratio(self, number: float | None, name: str = "share") -> str:
        """A share or a metric, by its name."""
        if number is None:
            return UNKNOWN
        if self.exact:
            return f"{number:.6f}".rstrip("0").rstrip(".")
        if name in PLACES:
            return rounded(Decimal(str(number)), PLACES[name])
        return percentage(number)

    def ratios(self, low: float | None, high: float | None) -> str:
        """A share from .. to."""
        return EXACT if low == high and low is not None else self.ratio(low) + RANGE + self.ratio(high)


def figures(texts: Iterable[str | None], *, exact: bool) -> Figures:
    """How a column that holds these decimal strings is written: alike, so that they can be compared."""
    if exact:
        return Figures(exact=True)
    known = [Decimal(text) for text in texts if text is not None]
    is_whole = any(abs(figure) >= WHOLE_FROM for figure in known) or all(figure == int(figure) for figure in known)
    return Figures(places=0 if is_whole else 2)


def rounded(figure: Decimal, places: int) -> str:
    """With so many places and its thousands apart; what is not nothing does not look so."""
    unit = Decimal(1).scaleb(-places)
    shown = figure.quantize(unit, ROUND_HALF_UP) if figure.adjusted() + places < 27 else figure
    if figure and not shown:
        return f"<{unit}" if figure > 0 else f">-{unit}"
    return f"{shown:,f}"


def percentage(share: float) -> str:
    """A share in per cent, with one place; almost nothing and almost all are not shown as nothing and all."""
    shown = f"{Decimal(str(share)).scaleb(2).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"
    if share > 0 and shown == "0.0%":
        return "<0.1%"
    if share < 1 and shown == "100.0%":
        return ">99.9%"
    return shown
