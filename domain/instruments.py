"""Instruments as of a day: what is in force, suspended, expired, repealed or still to come, and how it came about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal

from domain.events import Recorded
from domain.periods import parse_period

Status = Literal["announced", "in-force", "suspended", "expired", "repealed"]
Standing = Literal["in-effect", "announced", "retracted", "corrected"]

BEARING_RULES = ("regulation-enacted", "regulation-amended")
SUSPENDING = ("regulation-suspended", "regulation-resumed")
LICENSING = ("licence-granted", "licence-revoked")
REPEALED = "regulation-repealed"
FACTS = frozenset((*BEARING_RULES, *SUSPENDING, *LICENSING, REPEALED))


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence in force."""

    licence_id: str
    #: The grant that decides.
    event_id: str
    #: The day from which it counts.
    since: date
    #: The last day; None: no end is known.
    until: date | None
    #: The grant's data, which holds its conditions as a rule does.
    conditions: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One event in the history of an instrument."""

    event_id: str
    position: int
    type: str
    #: The period as recorded; `ends_on` is the day from which the event counts.
    effective_on: str
    ends_on: date
    known_on: date
    #: announced: it counts from a day still to come. corrected: retracted, and another event says it replaces it.
    standing: Standing
    #: The retraction that names it: its id, the day it was known, its reason.
    retracted_by: str | None
    retracted_on: date | None
    retraction_reason: str | None
    #: The retracted event that this one says it replaces.
    corrects: str | None
    #: The event that says it replaces this one.
    corrected_by: str | None
    #: All that the event says: citation, rules, until, reason, ...
    data: Mapping[str, Any]

    @property
    def retracted(self) -> bool:
        """Whether a retraction names it."""
        return self.retracted_by is not None


@dataclass(frozen=True, slots=True)
class NextChange:
    """The next day on which, as far as is known, the instrument will stand otherwise."""

    on: date
    #: How it will stand from that day.
    status: Status
    #: The events that count from that day; none where something merely runs out.
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument as of (T, K, P); docs/semantics.md, rules 32 and 33."""

    regulation_id: str
    #: From the latest event to say so, of those in effect or else of those announced; None: no event has.
    title: str | None
    jurisdiction: str | None
    authority: str | None
    citation: str | None
    #: expired: `until` is over. Repealed comes first, then announced, expired, suspended.
    status: Status
    #: As the latest enactment or amendment in effect has them, in force or not; see rules_in_force.
    rules: tuple[Mapping[str, Any], ...]
    #: The last day of the instrument; None: no end is known.
    until: date | None
    #: The last day of the suspension; None: not suspended, or no end is known.
    suspended_until: date | None
    #: Licences in force, by licence id. They matter where the instrument is in force.
    licences: tuple[Licence, ...]
    #: None: nothing is known to come.
    next_change: NextChange | None
    #: Every event but annotations and retractions, in the order in which they count: (ends_on, known_on, position).
    history: tuple[Change, ...]

    @property
    def in_force(self) -> bool:
        """Whether its rules bind."""
        return self.status == "in-force"

    @property
    def rules_in_force(self) -> tuple[Mapping[str, Any], ...]:
        """The rules that bind: none unless the instrument is in force."""
        return self.rules if self.in_force else ()


def instruments(events: Iterable[Recorded], effective_on: date) -> list[Instrument]:
    """Every instrument that the events of all of them show on a day, by regulation id; see `instrument`."""
    by_stream = groupby(sorted(events, key=attrgetter("stream")), key=attrgetter("stream"))
    found = (instrument(list(own), effective_on) for _, own in by_stream)
    return sorted((one for one in found if one is not None), key=attrgetter("regulation_id"))


def instrument(events: Sequence[Recorded], effective_on: date) -> Instrument | None:
    """An instrument on a day T from the events of its stream; None where none of them is visible.

    `events` are those with position <= P and known_on <= K, in any order, retractions among them: what a retraction
    names does not count. `corrects` is read from the stored event, where there is one.
    """
    retractions = {event.data["retracts"]: event for event in events if event.type == "event-retracted"}
    facts = sorted((event for event in events if event.type in FACTS), key=counting_order)
    visible = [event for event in facts if event.id not in retractions]
    if not visible:
        return None
    now = _state(visible, effective_on)
    # What counts speaks first; of an instrument that is not enacted yet, what was announced.
    said = [
        *(event for event in visible if event.ends_on > effective_on),
        *(event for event in visible if event.ends_on <= effective_on),
    ]
    return Instrument(
        regulation_id=visible[0].data["regulation_id"],
        title=_said(said, "title"),
        jurisdiction=_said(said, "jurisdiction"),
        authority=_said(said, "authority"),
        citation=_said(said, "citation"),
        status=now.status,
        rules=tuple(now.bearing.data["rules"]) if now.bearing else (),
        until=now.until,
        suspended_until=now.suspended_until,
        licences=now.licences,
        next_change=_next_change(visible, now, effective_on),
        history=_history(facts, retractions, effective_on),
    )


@dataclass(frozen=True, slots=True)
class _State:
    """How an instrument stands on a day."""

    status: Status
    #: The enactment or amendment whose rules hold; None: none is in effect.
    bearing: Recorded | None
    until: date | None
    suspended_until: date | None
    licences: tuple[Licence, ...]


def _state(visible: Sequence[Recorded], effective_on: date) -> _State:
    """Fold the visible events, which come in the order in which they count."""
    counting = [event for event in visible if event.ends_on <= effective_on]
    bearing = [event for event in counting if event.type in BEARING_RULES]
    until = next((_until(event) for event in reversed(bearing) if "until" in event.data), None)
    suspension = next((event for event in reversed(counting) if event.type in SUSPENDING), None)
    suspended = (
        suspension is not None and suspension.type == "regulation-suspended" and not _over(suspension, effective_on)
    )
    status: Status = "in-force"
    if any(event.type == REPEALED for event in counting):
        status = "repealed"
    elif not bearing:
        status = "announced"
    elif until is not None and until < effective_on:
        status = "expired"
    elif suspended:
        status = "suspended"
    return _State(
        status,
        bearing[-1] if bearing else None,
        until,
        _until(suspension) if suspension is not None and status == "suspended" else None,
        _licences(counting, effective_on),
    )


def _licences(counting: Iterable[Recorded], effective_on: date) -> tuple[Licence, ...]:
    latest = {event.data["licence_id"]: event for event in counting if event.type in LICENSING}
    return tuple(
        Licence(licence_id, event.id, event.ends_on, _until(event), event.data)
        for licence_id, event in sorted(latest.items())
        if event.type == "licence-granted" and not _over(event, effective_on)
    )


def _next_change(visible: Sequence[Recorded], now: _State, effective_on: date) -> NextChange | None:
    if now.status == "repealed":
        return None
    runs_out = (_until(event) for event in visible)
    days = {event.ends_on for event in visible}
    days |= {last + timedelta(days=1) for last in runs_out if last is not None and last < date.max}
    for day in sorted(day for day in days if day > effective_on):
        then = _state(visible, day)
        if then != now:
            return NextChange(day, then.status, tuple(event.id for event in visible if event.ends_on == day))
    return None


def _history(facts: Sequence[Recorded], retractions: Mapping[str, Recorded], effective_on: date) -> tuple[Change, ...]:
    corrections = {corrected: event.id for event in facts if (corrected := _corrects(event)) is not None}
    changes = []
    for event in facts:
        retraction = retractions.get(event.id)
        standing: Standing = "in-effect" if event.ends_on <= effective_on else "announced"
        if retraction is not None:
            standing = "corrected" if event.id in corrections else "retracted"
        changes.append(
            Change(
                event_id=event.id,
                position=event.position,
                type=event.type,
                effective_on=event.effective_on.text,
                ends_on=event.ends_on,
                known_on=event.known_on,
                standing=standing,
                retracted_by=retraction.id if retraction else None,
                retracted_on=retraction.known_on if retraction else None,
                retraction_reason=retraction.data["reason"] if retraction else None,
                corrects=_corrects(event),
                corrected_by=corrections.get(event.id),
                data=event.data,
            )
        )
    return tuple(changes)


def counting_order(event: Recorded) -> tuple[date, date, int, int]:
    """The latest decides: rule 5. The version separates what is decided and has no position yet."""
    return event.ends_on, event.known_on, event.position, event.version


def _until(event: Recorded) -> date | None:
    """The last day of what an event says, included; None: it names none."""
    text = event.data.get("until")
    return parse_period(text).last if text is not None else None


def _over(event: Recorded, effective_on: date) -> bool:
    until = _until(event)
    return until is not None and until < effective_on


def _said(events: Sequence[Recorded], field: str) -> str | None:
    """What the latest of the events to name a field has there."""
    return next((event.data[field] for event in reversed(events) if field in event.data), None)


def _corrects(event: Recorded) -> str | None:
    corrects: str | None = event.stored.get("corrects") if event.stored is not None else None
    return corrects
