"""A share over two clocks at once: what it was on a day, as known on another."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from domain.errors import Invalid
from projections.parameters import VendorDependence
from projections.roads import known_days, series
from service.asking.clocks import ClockReader, Raw, day, single
from service.asking.questions import echo
from service.codes import country_name
from service.daybook import Daybook

#: Days of knowing that are looked at: where there are more, some of them, evenly.
MOST_KNOWN_DAYS = 48
#: The same where each takes a statement.
MOST_LARGE_KNOWN_DAYS = 12
#: Order lines up to which every change is looked at.
MOST_LINES = 300
#: Steps, each with the days of the longest range that it parts.
STEPS = {"P1D": 62, "P1W": 430, "P1M": 1_830, "P3M": 5_490, "P1Y": 22_000}
#: Planes that are kept: whoever moves a clock asks for the same one again.
MOST_KEPT = 64


class Planes:
    """Answers questions about both clocks of the world at once; every method may be called from any thread."""

    def __init__(self, daybook: Daybook, wait_s: float) -> None:
        self.daybook = daybook
        self.clocks = ClockReader(daybook, wait_s)
        #: By what was asked, its position among it, so that it stays right for ever.
        self._kept: dict[Any, dict[str, Any]] = {}

    def known_days(self, raw: Raw, first: date, last: date) -> list[date]:
        """The days behind the first, up to the last, on which something asked for may have become known."""
        parameters = self.clocks.parameters(VendorDependence, self.clocks.ask(raw, VendorDependence))
        return known_days(self.daybook.projection, parameters, first, last)

    def step(self, raw: Raw, first: date, last: date) -> str | None:
        """The step by which a series is looked at, so that it stays quick; None: at every change."""
        asked = self.clocks.ask({**raw, "effective_on": [last.isoformat()]}, VendorDependence)
        return self._step(self.clocks.parameters(VendorDependence, asked), first, last)

    def _step(self, parameters: VendorDependence, first: date, last: date) -> str | None:
        look = self.daybook.projection.few.look(parameters)
        if look is None or look.held.orders.count(look.asked_records) > MOST_LINES:
            return _step(first, last)
        return None

    def plane(self, raw: Raw) -> dict[str, Any]:
        """The share of one row (`key`) by day, as known by day: rectangles in which it is the same."""
        own = dict(raw)
        key, from_on, to_on = (single(own, name) for name in ("key", "from", "to"))
        for name in ("effective_on", "known_on"):
            if name in own:
                raise Invalid.at(f"/{name}", "a plane has from and to, for both clocks")
        if from_on is None:
            raise Invalid.at("/from", "is required")
        first, last = day("from", from_on), day("to", to_on) or self.clocks.today()
        assert first is not None
        if first > last:
            raise Invalid.at("/from", "is after to")
        asked = self.clocks.ask({**own, "effective_on": [last.isoformat()]}, VendorDependence)
        parameters = self.clocks.parameters(VendorDependence, asked)
        found = self._kept.get(asked_for := (parameters.model_dump_json(), key, first, last))
        if found is None:
            found = self._kept[asked_for] = self._cells(parameters, key, first, last)
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)), None)
        return {
            "resolved": self.clocks.resolved(parameters),
            "parameters": {**echo(parameters), "key": key},
            "from": first.isoformat(),
            "to": last.isoformat(),
            **found,
        }

    def _cells(self, parameters: VendorDependence, key: str | None, first: date, last: date) -> dict[str, Any]:
        projection = self.daybook.projection
        days = [first, *known_days(projection, parameters, first, last)]
        step = self._step(parameters, first, last)
        looked_at = _evenly(days, MOST_KNOWN_DAYS if step is None else MOST_LARGE_KNOWN_DAYS)
        rows = []
        for known_on in looked_at:
            as_known = parameters.model_copy(update={"known_on": known_on})
            found = series(projection, as_known, first, last, step, country_name=country_name)
            rows.append((known_on, _course(found["points"], key)))
        return {"sampled": len(looked_at) < len(days) or step is not None, "cells": merged(rows, first)}


def _evenly(days: Sequence[date], most: int) -> list[date]:
    if len(days) <= most:
        return list(days)
    return sorted({days[round(place * (len(days) - 1) / (most - 1))] for place in range(most)})


def _step(first: date, last: date) -> str:
    """A step that parts a range into some sixty parts at most."""
    days = (last - first).days
    return next((step for step, most in STEPS.items() if days <= most), "P2Y")


def _course(points: Sequence[dict[str, Any]], key: str | None) -> list[tuple[date, float | None]]:
    """The share of a row over time: 0 where others have all, None where nobody has anything."""
    course: list[tuple[date, float | None]] = []
    for point in points:
        row = next((one for one in point["rows"] if one["key"] == key), None)
        share = (0.0 if point["rows"] else None) if row is None else row["share"]
        if not course or course[-1][1] != share:
            course.append((date.fromisoformat(point["effective_on"]), share))
    return course


def merged(rows: Sequence[tuple[date, Sequence[tuple[date, float | None]]]], first: date) -> list[dict[str, Any]]:
    """Rectangles of one share, out of its course over effective days as known from each of some days on.

    Courses that are alike from one day to the next make one rectangle; an end of None is open.
    """
    found: list[dict[str, Any]] = []
    open_rows: dict[tuple[date, date | None, float | None], dict[str, Any]] = {}
    for known_from, course in rows:
        still: dict[tuple[date, date | None, float | None], dict[str, Any]] = {}
        for place, (begins, share) in enumerate(course):
            ends = course[place + 1][0] - timedelta(1) if place + 1 < len(course) else None
            cell = open_rows.pop((begins, ends, share), None)
            if cell is None:
                cell = {
                    "effective_from": max(first, begins).isoformat(),
                    "effective_until": None if ends is None else ends.isoformat(),
                    "known_from": known_from.isoformat(),
                    "known_until": None,
                    "share": share,
                }
                found.append(cell)
            still[begins, ends, share] = cell
        for cell in open_rows.values():
            cell["known_until"] = (known_from - timedelta(1)).isoformat()
        open_rows = still
    return found
