"""Spans: what holds of organisations and of ends unchanged from one day until another, while a view moves in time."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
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


class Spans:
    """Spans in the making, from a first day on."""

    def __init__(self, first_day: date, default: Callable[[int], Any]) -> None:
        self._first_day = first_day
        #: What holds of a thing before anything is said of it.
        self._default = default
        self._finished: list[Span] = []
        self._current: dict[int, tuple[date, Any]] = {}

    def say(self, thing: int, day: date, held: Any) -> None:
        """From this day on, `held` holds of the thing. Days come in order."""
        since, before = self._current.get(thing, (self._first_day, self._default(thing)))
        if before != held and since < day:
            self._finished.append(Span(thing, since, day, before))
            since = day
        self._current[thing] = since, held

    def all(self) -> list[Span]:
        """All spans, those last that do not end."""
        return [*self._finished, *(Span(thing, since, None, held) for thing, (since, held) in self._current.items())]


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
    tops: dict[int, Top] = {}
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
            tops = _tops(parents, heads)
            for organization in parents:
                asked.say(
                    organization, day, organization in heads or (organization in tops and tops[organization].asked)
                )
        for organization in changed:
            family = tops[organization].family if organization in tops else organization
            standing.say(organization, day, (family, countries.get(organization)))
    return Organizations(standing.all(), [span for span in asked.all() if span.held])


@dataclass(frozen=True, slots=True)
class Top:
    """What there is above an organisation that has a parent."""

    #: Its ultimate parent: the last of its lineage, which ends before the one that it has met already.
    family: int
    #: Whether somebody above is asked for.
    asked: bool


def _tops(parents: Mapping[int, int | None], heads: Collection[int]) -> dict[int, Top]:
    """What there is above each organisation that has a parent; each is looked at once."""
    tops: dict[int, Top] = {}
    for organization in parents:
        path: dict[int, None] = {}
        one = organization
        while one not in tops and one not in path and (parent := parents.get(one)) is not None:
            path[one] = None
            one = parent
        ways = list(path)
        if one in path:
            circle = ways[ways.index(one) :]
            is_asked = any(member in heads for member in circle)
            # The last that one meets going round is the one whose parent one is.
            tops |= {
                member: Top(before, is_asked) for before, member in zip([circle[-1], *circle[:-1]], circle, strict=True)
            }
            ways = ways[: len(ways) - len(circle)]
        for below in reversed(ways):
            asked, higher = one in heads, tops.get(one)
            tops[below] = Top(one, asked) if higher is None else Top(higher.family, asked or higher.asked)
            one = below
    return tops


def leaving(ends: Iterable[date], window: str, first_day: date, last_day: date) -> dict[date, date]:
    """Of each end that leaves the window (rule 15) by `last_day`, the first day of the range at which it is out."""
    days = range(first_day.toordinal(), last_day.toordinal() + 1)

    def start_at(day: int) -> int:
        start = start_of(window, date.fromordinal(day))
        return 0 if start is None else start.toordinal()

    places = ((end, bisect_left(days, end.toordinal(), key=start_at)) for end in ends)
    return {end: date.fromordinal(days[place]) for end, place in places if place < len(days)}


def columns(spans: Iterable[Span]) -> dict[str, list[Any]]:
    """The fields of spans as lists, by name."""
    listed = list(spans)
    return {name: list(map(attrgetter(name), listed)) for name in ("thing", "since", "until", "held")}
