"""What rows say of things beside what the ledger has: what is new is registered, and what differs is changed."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from domain.events import Recorded
from domain.periods import parse_period
from service.importing.names import DIGITS, event_id
from service.importing.plans import Entry, ImportPlan, RowRemark

#: What is not replaced but added to.
MERGED = ("attributes", "names")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a row says of a thing from a day on."""

    line: int
    #: A period as events write it; None: how things stand on the day of the import.
    effective_on: str | None
    known_on: str | None
    data: Mapping[str, Any]


@dataclass(slots=True)
class StatedThing:
    """An organisation or a product, with all that the file says of it."""

    kind: str
    identifier: str
    said: list[Statement] = field(default_factory=list)


class StatementPlanner:
    """Makes events of what is said; nothing where the ledger says so already."""

    def __init__(self, prefix: str, envelope: Mapping[str, Any], today: date, plan: ImportPlan) -> None:
        self._prefix, self._envelope, self._today, self._plan = prefix, envelope, today, plan

    def take(
        self, thing: StatedThing, events: Sequence[Recorded], needed: Mapping[str, Any]
    ) -> tuple[list[Entry], list[Entry]]:
        """The registration of a thing, if it is new, and what changes it; `needed`: what a registration must say."""
        dated = [self._day(one.effective_on) for one in thing.said if one.effective_on is not None]
        # What a row says of no day stands first of a new thing, and is how a known one stands today.
        undated = self._today if events else min(dated, default=self._today)
        said = sorted(thing.said, key=lambda one: (self._since(one, undated), one.effective_on is not None))
        believed = _standing(events)
        registering: list[Entry] = []
        changing: list[Entry] = []
        for one in said:
            if not believed and not registering:
                registering.append(self._registration(thing, undated, one, needed))
                believed = [(self._since(one, undated), registering[0].sent["data"])]
                continue
            day = self._since(one, undated)
            before = _as_of(believed, day)
            data = {name: value for name, value in one.data.items() if _differs(name, value, before.get(name))}
            if not data:
                self._plan.known.append(RowRemark(one.line, thing.identifier, "is as the ledger has it"))
                continue
            data = {name: _added(name, value, before.get(name)) for name, value in data.items()}
            changing.append(self._change(thing, one, data))
            believed.append((day, data))
        return registering, changing

    def _registration(self, thing: StatedThing, undated: date, one: Statement, needed: Mapping[str, Any]) -> Entry:
        effective_on = one.effective_on or f"../{undated.isoformat()}"
        data = {f"{thing.kind}_id": thing.identifier, **needed, **one.data}
        data = {name: value for name, value in data.items() if value is not None}
        sent = self._event(f"{thing.kind}-registered", (thing.kind, thing.identifier), effective_on, one.known_on, data)
        return Entry(one.line, thing.identifier, sent)

    def _change(self, thing: StatedThing, one: Statement, data: Mapping[str, Any]) -> Entry:
        effective_on = one.effective_on or self._today.isoformat()
        digest = hashlib.sha256(json.dumps([effective_on, data], sort_keys=True).encode()).hexdigest()[:DIGITS]
        parts = (thing.kind, thing.identifier, digest)
        changed = {f"{thing.kind}_id": thing.identifier, **data}
        return Entry(
            one.line, thing.identifier, self._event(f"{thing.kind}-changed", parts, effective_on, one.known_on, changed)
        )

    def _event(
        self, name: str, parts: Sequence[str], effective_on: str, known_on: str | None, data: Mapping[str, Any]
    ) -> dict[str, Any]:
        known = {"known_on": known_on} if known_on is not None else {}
        identifier = event_id(self._prefix, *parts)
        return {"type": name, "id": identifier, "effective_on": effective_on, **known, **self._envelope, "data": data}

    def _since(self, one: Statement, undated: date) -> date:
        return undated if one.effective_on is None else self._day(one.effective_on)

    @staticmethod
    def _day(effective_on: str) -> date:
        return parse_period(effective_on).last


def _standing(events: Sequence[Recorded]) -> list[tuple[date, Mapping[str, Any]]]:
    """What the events of a thing that stand say, and from when on, the later known ones last."""
    retracted = {event.data["retracts"] for event in events if event.type == "event-retracted"}
    counting = [
        event for event in events if event.id not in retracted and event.type.endswith(("-registered", "-changed"))
    ]
    counting.sort(key=lambda event: (event.ends_on, event.known_on, event.version))
    return [(event.ends_on, event.data) for event in counting]


def _as_of(said: Sequence[tuple[date, Mapping[str, Any]]], day: date) -> dict[str, Any]:
    """What holds on a day; what is said first holds before it, too."""
    found: dict[str, Any] = {}
    for number, (since, data) in enumerate(sorted(said, key=lambda one: one[0])):
        if since <= day or number == 0:
            for name, value in data.items():
                found[name] = {**(found.get(name) or {}), **(value or {})} if name in MERGED else value
    return found


def _differs(name: str, value: Any, before: Any) -> bool:
    if name in MERGED:
        return any(one not in (before or {}) or before[one] != said for one, said in value.items())
    if name == "identifiers":
        return any(one not in (before or []) for one in value)
    return bool(value != before)


def _added(name: str, value: Any, before: Any) -> Any:
    """What is said with what was there, where an event replaces all of it; attributes are merged by the ledger."""
    if name == "names":
        return {**(before or {}), **value}
    if name == "identifiers":
        return [*(before or []), *(one for one in value if one not in (before or []))]
    return value


def once(things: Mapping[str, StatedThing]) -> Iterator[tuple[int, str]]:
    """Rows that say different things of one thing and day: line and message."""
    for thing in things.values():
        seen: dict[str | None, Statement] = {}
        for one in thing.said:
            before = seen.setdefault(one.effective_on, one)
            for name in before.data.keys() & one.data.keys():
                if before.data[name] != one.data[name]:
                    what = f"{thing.kind} {thing.identifier} has the {name} {one.data[name]!r:.80}"
                    yield one.line, f"{what}, and {before.data[name]!r:.80} on line {before.line}"
