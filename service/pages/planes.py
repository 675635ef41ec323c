"""The plane: the share of one vendor over effective (to the right) and known (upwards)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from service.pages.scale import DayScale, HeightScale

#: Steps of the scale of colours.
STEPS = 8


@dataclass(frozen=True, slots=True)
class PlaneCell:
    """A rectangle in which the share is the same."""

    x: float
    y: float
    width: float
    height: float
    #: The step of the scale, 1 to 8; 0: nothing; None: no order known.
    step: int | None
    share: float | None
    effective_on: str
    known_on: str


@dataclass(frozen=True, slots=True)
class PlaneChart:
    """The whole drawing."""

    width: int
    height: int
    days: DayScale
    cells: list[PlaneCell]
    #: Of the known days, upwards: where years begin.
    years: list[tuple[float, str]]
    #: Below this line something is known before it is in effect.
    diagonal: tuple[float, float, float, float]
    effective_x: float
    known_y: float
    top: float
    bottom: float
    most: float


def plane_chart(
    plane: Mapping[str, Any], first: date, last: date, effective_on: date, known_on: date | None
) -> PlaneChart:
    """The drawing of a plane."""
    width, height, top = 460, 380, 12
    days = DayScale(first, last, 44, width - 52)
    up = HeightScale(first.toordinal(), last.toordinal(), top, height - 44)
    most = max((cell["share"] or 0.0 for cell in plane["cells"]), default=0.0)
    cells = [_cell(cell, days, up, most, last) for cell in plane["cells"]]
    years = [
        (up.y(date(year, 1, 1).toordinal()), str(year))
        for year in range(first.year + 1, last.year + 1)
        if _is_named(year, first, last)
    ]
    return PlaneChart(
        width,
        height,
        days,
        [cell for cell in cells if cell.width > 0 and cell.height > 0],
        years,
        (days.x(first), up.y(first.toordinal()), days.x(last), up.y(last.toordinal())),
        days.x(effective_on),
        up.y((known_on or last).toordinal()),
        top,
        top + height - 44,
        most,
    )


def _is_named(year: int, first: date, last: date) -> bool:
    every = max(1, (last.year - first.year) // 8)
    return (year - first.year) % every == 0


def _cell(cell: Mapping[str, Any], days: DayScale, up: HeightScale, most: float, last: date) -> PlaneCell:
    begins, ends = date.fromisoformat(cell["effective_from"]), _end(cell["effective_until"], last)
    known_begins, known_ends = date.fromisoformat(cell["known_from"]), _end(cell["known_until"], last)
    x, y = days.x(begins), up.y(known_ends.toordinal())
    share = cell["share"]
    step = None if share is None else _step(share, most)
    return PlaneCell(
        x,
        y,
        round(days.x(ends) - x, 1),
        round(up.y(known_begins.toordinal()) - y, 1),
        step,
        share,
        cell["effective_from"],
        cell["known_from"],
    )


def _step(share: float, most: float) -> int:
    return 0 if share == 0 or most == 0 else max(1, min(STEPS, round(share / most * STEPS)))


def _end(day: str | None, last: date) -> date:
    return last if day is None else date.fromisoformat(day) + timedelta(1)
