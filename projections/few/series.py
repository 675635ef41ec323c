"""vendor-dependence of few lines over time: the view on every day on which it may be another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from projections import spans
from projections.contributions import Sums
from projections.few.asking import FewLines
from projections.few.dependence import added_up, home_in, names_in
from projections.few.look import Viewpoint
from projections.parameters import VendorDependence
from projections.series import stepped, told
from projections.vendor_dependence import answered

#: What a row of a point has of a row of the view.
ROW = ("key", "value", "low", "high", "share", "share_low", "share_high", "restricted")
#: Times that lines are looked at, up to which this is sooner than the statement (docs/performance.md).
MOST_LOOKS = 8_000


@dataclass(frozen=True, slots=True)
class Course:
    """A series as it is asked: `look` is as of its last day."""

    few: FewLines
    parameters: VendorDependence
    look: Viewpoint
    from_on: date
    step: str | None
    #: The days on which it is looked at, the first one first; without a step, all on which it may be another.
    days: list[date]

    def on(self, day: date) -> tuple[Viewpoint, VendorDependence]:
        """How it looks on a day."""
        moved = self.parameters.model_copy(update={"effective_on": day})
        return self.few.again(self.look, moved), moved


def course_of(
    few: FewLines, parameters: VendorDependence, from_on: date, to_on: date, step: str | None
) -> Course | None:
    """A series of few lines; None: they are not few. ValueError as `projections.series.series`."""
    days = stepped(from_on, to_on, step)
    asked = parameters.model_copy(update={"effective_on": to_on})
    if asked.rates == "effective":
        # As of the last day on all of them (rule 17).
        asked = asked.model_copy(update={"rates": to_on.isoformat()})
    look = few.look(asked)
    if look is None:
        return None
    course = Course(few, asked, look, from_on, step, days or [])
    lines = look.held.orders.count(look.asked_records)
    if asked.buyer_scope == "group":
        # Whoever belongs to the buyers on some day only.
        turning = [from_on, *look.held.registers.days_between(from_on, to_on)]
        lines = max(look.held.orders.count(course.on(day)[0].asked_records) for day in turning)
    if lines > MOST_LOOKS:
        return None
    if days is None:
        days = sorted({from_on, *_turnings(course)})
        course = Course(few, asked, look, from_on, step, days)
    return course if (lines + 1) * len(days) <= MOST_LOOKS else None


def series(course: Course, country_name: Callable[[str], str | None]) -> dict[str, Any]:
    """The view over time, as `projections.series` answers it."""
    asked, world = course.parameters, course.look.world

    def named(keys: list[str]) -> dict[str, tuple[str | None, str | None]]:
        return names_in(world, asked, keys, country_name)

    return told(asked, (course.from_on, course.step), list(_points(course)), named, _annotations(course))


def _points(course: Course) -> Iterator[dict[str, Any]]:
    before = found_before = None
    for day in course.days:
        look, moved = course.on(day)
        home = home_in(look, moved)
        found = home, added_up(look, moved, home)
        if course.step is None and found == found_before:
            continue
        found_before = found
        point = _point(moved, *found)
        if course.step is not None or point != before:
            yield {"effective_on": day.isoformat(), **point}
        before = point


def _point(moved: VendorDependence, home: str | None, found: Sums) -> dict[str, Any]:
    whole = answered(moved, found, home, lambda keys: {})
    return {
        "total": whole["total"],
        "rows": [{name: row[name] for name in ROW} for row in whole["rows"]],
        "metrics": whole["metrics"],
    }


def _turnings(course: Course) -> Iterator[date]:
    """The days within the range on which something may begin to count, or count no more."""
    look, first, last = course.look, course.from_on, course.look.effective_on
    days = set(look.held.registers.days_between(first, last))
    ends: set[date] = set()
    for one in [first, *days] if course.parameters.buyer_scope == "group" else [last]:
        seen, _ = course.on(one)
        _collect(seen, days, ends)
    if course.parameters.window is not None:
        days |= set(spans.leaving(ends, course.parameters.window, first, last).values())
    return (day for day in days if first < day <= last)


def _collect(look: Viewpoint, days: set[date], ends: set[date]) -> None:
    """The days of all that is recorded of the buyers asked for, and the ends that a window looks at."""
    for order in look.held.orders.orders_of(look.asked_records):
        days.add(order.placed_on)
        ends.add(order.placed_on)
        days.update(one.ends_on for one in order.cancellations)
        days.update(one.ends_on for one in order.allocations)
        for line in order.lines:
            for movement in line.movements:
                days.add(movement.counts_on)
                ends.add(movement.ends_on)
    for several in look.held.orders.assertions_of(look.asked_records):
        for said in several:
            days.add(said.ends_on)
            ends.add(said.ends_on)


def _annotations(course: Course) -> list[dict[str, Any]]:
    """What happened to instruments and partnerships within the range (rule 45)."""
    look, found = course.look, []
    for happenings in list(look.held.registers.happenings.values()):
        counting = [one for one in happenings if look.counts(one)]
        title = next((one.title for one in reversed(counting) if one.title is not None), None)
        found += [(one, title) for one in counting if one.ends_on >= course.from_on]
    found.sort(key=lambda one: one[0])
    return [
        {
            "effective_on": one.ends_on.isoformat(),
            "known_on": one.known_on.isoformat(),
            "type": one.kind,
            "id": one.thing,
            "title": title,
            "position": one.position,
        }
        for one, title in found
    ]
