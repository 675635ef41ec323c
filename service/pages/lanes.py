"""The lanes of shares over time, one a vendor, and the course of the concentration below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.pages.scale import DayScale, HeightScale, Reach, area_of, band_of, line_of, reaches

#: Lanes at most; the others stand in the table.
MOST_LANES = 6
#: Of a lane with its gap, and of the drawing in it, in pixels.
PITCH, HEIGHT = 86, 64
#: Above the lanes for the marks of rules, below them for the years.
ABOVE, BELOW = 34, 24
#: Marks that would lie closer are put a step lower.
LEAST_BETWEEN = 11


@dataclass(frozen=True, slots=True)
class Drawing:
    """The size of a chart: one for wide pages, one for narrow ones."""

    name: str
    width: int
    left: int
    right: int

    def days(self, first: date, last: date) -> DayScale:
        """Where its days lie."""
        return DayScale(first, last, self.left, self.width - self.left - self.right)


WIDE = Drawing("wide", 1080, 8, 176)
NARROW = Drawing("narrow", 340, 4, 104)


@dataclass(frozen=True, slots=True)
class Lane:
    """One vendor's share over time."""

    key: str | None
    color: str
    line: str
    area: str
    band: str
    hatch: str
    top: float
    bottom: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to a rule or a partnership."""

    number: int
    x: float
    y: float
    is_partnership: bool
    title: str


@dataclass(frozen=True, slots=True)
class LanesChart:
    """The whole drawing."""

    drawing: Drawing
    days: DayScale
    height: int
    lanes: list[Lane]
    marks: list[Mark]
    #: Where nothing is known yet, from here to the right; None: all of it is.
    unknown_from: float | None
    effective_x: float
    known_x: float | None


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    """What charts over time are made from: a series as it was known, its range, and both clocks."""

    points: Sequence[Mapping[str, Any]]
    first: date
    last: date
    effective_on: date
    known_on: date | None

    @property
    def until(self) -> date:
        """Up to where something could be known."""
        return self.last if self.known_on is None else min(self.last, self.known_on)


def reaches_of(course: DrawnSeries, key: str | None) -> list[Reach]:
    """The share of a row over time, nothing where there is no row but others are."""
    found: list[tuple[date, float | None, float | None, float | None]] = []
    for point in course.points:
        row = next((one for one in point["rows"] if one["key"] == key), None)
        on = max(course.first, date.fromisoformat(point["effective_on"]))
        if row is not None:
            found.append((on, row["share"], row["share_low"], row["share_high"]))
        else:
            nothing = 0.0 if point["rows"] else None
            found.append((on, nothing, nothing, nothing))
    return reaches(found, course.until)


def lanes_chart(
    course: DrawnSeries,
    keys: Sequence[tuple[str | None, str]],
    happenings: Sequence[Mapping[str, Any]],
    drawing: Drawing,
) -> LanesChart:
    """The drawing for keys with their colours, and what happened, in the order of its numbers."""
    days = drawing.days(course.first, course.last)
    lanes = []
    for place, (key, color) in enumerate(keys):
        top = ABOVE + place * PITCH
        heights = HeightScale(0, 1, top, HEIGHT)
        found = reaches_of(course, key)
        told = [one for one in found if not one.says_nothing]
        lanes.append(
            Lane(
                key,
                color,
                line_of(found, days, heights),
                area_of(found, days, heights),
                band_of(told, days, heights),
                band_of([one for one in found if one.says_nothing], days, heights),
                top,
                top + HEIGHT,
                top + 22,
            )
        )
    beyond = course.known_on is not None and course.known_on < course.last
    return LanesChart(
        drawing,
        days,
        ABOVE + max(1, len(keys)) * PITCH - (PITCH - HEIGHT) + BELOW,
        lanes,
        list(_marks(days, happenings)),
        days.x(course.until) if beyond else None,
        days.x(course.effective_on),
        None if course.known_on is None else days.x(course.known_on),
    )


def _marks(days: DayScale, happenings: Sequence[Mapping[str, Any]]) -> list[Mark]:
    found: list[Mark] = []
    edges = [-100.0, -100.0]
    for number, happening in enumerate(happenings, 1):
        x = days.x(date.fromisoformat(happening["effective_on"]))
        row = 0 if x - edges[0] >= LEAST_BETWEEN or edges[0] > edges[1] + LEAST_BETWEEN else 1
        edges[row] = x
        title = happening["title"] or happening["id"]
        found.append(Mark(number, x, 8 + 14 * row, happening["type"].startswith("partnership"), title))
    return found


@dataclass(frozen=True, slots=True)
class ConcentrationChart:
    """The HHI over time, as known then and as known today."""

    drawing: Drawing
    days: DayScale
    height: int
    then: str
    today: str
    band: str
    levels: list[tuple[float, str]]
    unknown_from: float | None
    effective_x: float


#: The levels of the merger guidelines of the United States (2023) from which a market is called moderately, and highly
#: concentrated; and one vendor alone.
LEVELS = {1_000: "", 1_800: "1,000 / 1,800", 10_000: "10,000"}


def concentration_chart(course: DrawnSeries, today: DrawnSeries, drawing: Drawing) -> ConcentrationChart:
    """The drawing of the Herfindahl-Hirschman index."""
    days, heights = drawing.days(course.first, course.last), HeightScale(0, 10_000, 10, 74)
    then, now = (
        reaches(
            [
                (
                    max(one.first, date.fromisoformat(point["effective_on"])),
                    point["metrics"]["hhi"],
                    point["metrics"]["hhi_low"],
                    point["metrics"]["hhi_high"],
                )
                for point in one.points
            ],
            one.until,
        )
        for one in (course, today)
    )
    beyond = course.known_on is not None and course.known_on < course.last
    return ConcentrationChart(
        drawing,
        days,
        108,
        line_of(then, days, heights),
        line_of(now, days, heights),
        band_of(then, days, heights),
        [(heights.y(level), name) for level, name in LEVELS.items()],
        days.x(course.until) if beyond else None,
        days.x(course.effective_on),
    )


def whisker(low: float | None, value: float | None, high: float | None) -> dict[str, float] | None:
    """Where the bounds and the value of a share lie in a cell 120 pixels wide; None: it has no bounds."""
    if low is None or high is None:
        return None
    found = {"left": round(1 + low * 118, 1), "width": round(max(2.0, (high - low) * 118), 1)}
    if value is not None:
        found["at"] = round(1 + value * 118, 1)
    return found
