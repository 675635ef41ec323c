"""Spans: what holds of organisations and of ends unchanged from one day until another, while a view moves in time."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from projections.parameters import start_of

#: A fact about an organisation: organization, ends_on, country, says_parent, parent; all but the days are term numbers.
Fact = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """What holds of one thing from a day on until another day."""

    thing: int
    since: date
    #: not included; None: it does not end within the range
    until: date | None
    held: Any


@dataclass(slots=True)
class Spans:
    """Spans in the making; what holds of a thing before anything is said of it is `default` of the thing."""

    first_day: date
    default: Callable[[int], Any]
    finished: list[Span] = field(default_factory=list)
    _current: dict[int, tuple[date, Any]] = field(default_factory=dict)

    def say(self, thing: int, day: date, held: Any) -> None:
        """From this day on, `held` holds of the thing. Days come in order."""
        since, before = self._current.get(thing, (self.first_day, self.default(thing)))
        if since == day or before == held:
            since = since if before == held else day
        else:
            self.finished.append(Span(thing, since, day, before))
            since = day
        self._current[thing] = since, held

    def all(self) -> list[Span]:
        """All spans, those last that do not end."""
        return [*self.finished, *(Span(thing, since, None, held) for thing, (since, held) in self._current.items())]


@dataclass(frozen=True, slots=True)
class Organizations:
    """What holds of organisations through a range of days."""

    #: (family, country) of each: the number of its ultimate parent (rule 6), and of its own country or None.
    standing: list[Span]
    #: Who is asked for, where subsidiaries are included; what holds is True.
    asked: list[Span]


def organizations(facts: Iterable[Fact], first_day: date, heads: Collection[int]) -> Organizations:
    """Follow organisations from a day on, given all facts up to the last day in the order in which the latest is last.

    `heads` are asked for with everybody below them.
    """
    standing = Spans(first_day, lambda organization: (organization, None))
    asked = Spans(first_day, lambda _: False)
    countries: dict[int, int] = {}
    parents: dict[int, int | None] = {}
    lineages: dict[int, list[int]] = {}
    for head in heads:
        asked.say(head, first_day, True)
    for day, said in groupby(facts, lambda fact: max(fact["ends_on"], first_day)):
        moved, changed = False, set()
        for fact in said:
            changed.add(fact["organization"])
            if fact["country"] is not None:
                countries[fact["organization"]] = fact["country"]
            if fact["says_parent"] and parents.get(fact["organization"]) != fact["parent"]:
                parents[fact["organization"]] = fact["parent"]
                moved = True
        if moved:
            changed.update(parents)
            lineages = {child: _lineage(child, parents) for child, parent in parents.items() if parent is not None}
            for organization in parents:
                above = lineages.get(organization, ())
                asked.say(organization, day, organization in heads or any(parent in heads for parent in above))
        for organization in changed:
            family = _head(organization, lineages.get(organization, []), parents)
            standing.say(organization, day, (family, countries.get(organization)))
    return Organizations(standing.all(), [span for span in asked.all() if span.held])


def _lineage(organization: int, parents: Mapping[int, int | None]) -> list[int]:
    """Everybody above an organisation, the ultimate parent last; a circle is followed once around."""
    above: list[int] = []
    parent = parents.get(organization)
    while parent is not None and parent not in above:
        above.append(parent)
        parent = parents.get(parent)
    return above


def _head(organization: int, above: list[int], parents: Mapping[int, int | None]) -> int:
    """The ultimate parent; in a circle, which recording refuses, the first mentioned."""
    if not above:
        return organization
    return above[-1] if parents.get(above[-1]) is None else min(above)


def leaving(ends: Iterable[date], window: str, first_day: date, last_day: date) -> dict[date, date]:
    """Of each end that lies outside the window (rule 15) at `last_day`, the first day from `first_day` on at which it does."""
    days = range(first_day.toordinal(), last_day.toordinal() + 1)
    return {
        end: date.fromordinal(days[place])
        for end in ends
        if (place := bisect_left(days, end, key=lambda day: start_of(window, date.fromordinal(day)) or date.min))
        < len(days)
    }


def columns(spans: Iterable[Span]) -> dict[str, list[Any]]:
    """The fields of spans as lists."""
    listed = [(span.thing, span.since, span.until, span.held) for span in spans]
    return {
        name: list(map(itemgetter(place), listed)) for place, name in enumerate(("thing", "since", "until", "held"))
    }
