"""Where a day and a share lie in a drawing. Days are counted as ordinals, never as instants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

#: Years are named so far apart at least, in pixels.
LEAST_APART = 44


@dataclass(frozen=True, slots=True)
class DayScale:
    """The days of a range from `left` on over `width` pixels, both ends included."""

    first: date
    last: date
    left: float
    width: float

    @property
    def right(self) -> float:
        """Where the last day ends."""
        return self.left + self.width

    def x(self, day: date) -> float:
        """Where a day begins; days outside of the range lie on its edge."""
        span = max(1, (self.last - self.first).days)
        part = min(1.0, max(0.0, (day - self.first).days / span))
        return round(self.left + part * self.width, 1)

    def years(self) -> Iterator[tuple[float, str]]:
        """Where years begin, each with its number where there is room for it, else with nothing."""
        edge = -float(LEAST_APART)
        for year in range(self.first.year, self.last.year + 1):
            day = date(year, 1, 1)
            if day < self.first and year != self.first.year:
                continue
            at = self.x(max(day, self.first))
            is_roomy = at - edge >= LEAST_APART and self.right - at >= LEAST_APART / 2
            yield at, str(year) if is_roomy else ""
            if is_roomy:
                edge = at


@dataclass(frozen=True, slots=True)
class HeightScale:
    """Values between `low` and `high` over `height` pixels from `top` down, the highest at the top."""

    low: float
    high: float
    top: float
    height: float

    def y(self, value: float) -> float:
        """Where a value lies; values outside lie on the edge."""
        span = (self.high - self.low) or 1.0
        part = min(1.0, max(0.0, (value - self.low) / span))
        return round(self.top + (1 - part) * self.height, 1)


@dataclass(frozen=True, slots=True)
class Reach:
    """A value that holds from one day up to another, excluded; None: it has none. Bounds likewise."""

    begins: date
    ends: date
    value: float | None
    low: float | None
    high: float | None

    @property
    def says_nothing(self) -> bool:
        """Whether it may be anything between nothing and all."""
        return self.low == 0 and self.high == 1


def reaches(points: Sequence[tuple[date, float | None, float | None, float | None]], until: date) -> list[Reach]:
    """What holds from each point to the next one, the last one up to `until` (included); nothing lies beyond it."""
    found = []
    for place, (day, value, low, high) in enumerate(points):
        ends = points[place + 1][0] if place + 1 < len(points) else until + timedelta(1)
        ends = min(ends, until + timedelta(1))
        if day < ends:
            found.append(Reach(day, ends, value, low, high))
    return found


def line_of(found: Sequence[Reach], days: DayScale, heights: HeightScale) -> str:
    """The path of a step line; broken where there is no value."""
    path, drawn_to = "", None
    for reach in found:
        if reach.value is None:
            drawn_to = None
            continue
        y = heights.y(reach.value)
        path += f"H{days.x(reach.begins)}V{y}" if drawn_to == reach.begins else f"M{days.x(reach.begins)} {y}"
        path += f"H{days.x(reach.ends)}"
        drawn_to = reach.ends
    return path


def area_of(found: Sequence[Reach], days: DayScale, heights: HeightScale) -> str:
    """The path of what lies below a step line."""
    base = heights.y(heights.low)
    return "".join(
        f"M{days.x(one.begins)} {base}V{heights.y(one.value)}H{days.x(one.ends)}V{base}Z"
        for one in found
        if one.value is not None and one.value > heights.low
    )


def band_of(found: Sequence[Reach], days: DayScale, heights: HeightScale) -> str:
    """The path of what lies between the bounds, where they differ."""
    return "".join(
        f"M{days.x(one.begins)} {heights.y(one.low)}V{heights.y(one.high)}H{days.x(one.ends)}V{heights.y(one.low)}Z"
        for one in found
        if one.low is not None and one.high is not None and one.low < one.high
    )
