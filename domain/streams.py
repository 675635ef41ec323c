"""Streams: the events of one order, organisation or instrument, folded into what decisions need to know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from domain.catalogue import AGGREGATES, EVENT_TYPES
from domain.errors import Invalid
from domain.events import Believed, Draft, Recorded

#: Types that say something about an event of the stream, not about what the stream is about.
ABOUT_EVENTS = tuple(name for name, definition in EVENT_TYPES.items() if not definition.KIND)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as decisions see it: all its events that are not retracted, folded."""

    #: Version of its last event; 0: no events.
    version: int = 0
    #: None: nothing stands (never begun, or all of it retracted).
    state: Any = None
    #: What the world was to forget later than it was to believe: a new one cannot be known before that day.
    #: Keys: "" for what begins the stream, a line's name for a line of an order.
    withdrawn: Mapping[str, date] | None = None
    #: Those events themselves, each with that day: until then they were believed.
    believed: Believed = ()


def fold(history: Iterable[Recorded]) -> Stream:
    """A stream from all its events."""
    events = list(history)
    retractions = {event.data["retracts"]: event for event in events if event.type == "event-retracted"}
    state = None
    withdrawn: dict[str, date] = {}
    believed: list[tuple[Recorded, date]] = []
    for event in events:
        if event.type in ABOUT_EVENTS:
            continue
        retraction = retractions.get(event.id)
        if retraction is None:
            aggregate = AGGREGATES[kind_of(event.stream)]
            # A retracted placing takes its later events along one by one: those still to follow stand on nothing.
            if state is None and aggregate.registered and not EVENT_TYPES[event.type].BEGINS:
                continue
            state = aggregate.apply(state, event)
        elif retraction.known_on > event.known_on:
            believed.append((event, retraction.known_on))
            for key in brings(event.type, event.data):
                withdrawn[key] = max(withdrawn.get(key, retraction.known_on), retraction.known_on)
    return Stream(events[-1].version if events else 0, state, withdrawn or None, tuple(believed))


def advance(stream: Stream, event: Recorded) -> Stream | None:
    """The stream one event later; None where it must be folded anew (a retraction)."""
    if event.type == "event-retracted":
        return None
    if event.type == "event-annotated":
        return replace(stream, version=event.version)
    state = AGGREGATES[kind_of(event.stream)].apply(stream.state, event)
    return replace(stream, version=event.version, state=state)


def kind_of(stream: str) -> str:
    """What a stream is about: the part before the slash."""
    return stream.partition("/")[0]


def brings(name: str, data: Mapping[str, Any]) -> list[str]:
    """Keys of what an event brings into its stream (see Stream.withdrawn)."""
    lines = [line["line"] for line in data.get("lines", ())] if name in ("order-placed", "order-amended") else []
    return ["", *lines] if EVENT_TYPES[name].BEGINS else lines


def refuse_earlier(draft: Draft, withdrawn: Mapping[str, date]) -> None:
    """Invalid where the event is known before the world was to forget what stood in this place before.

    To a question about a day in between, it would belong to what is withdrawn.
    """
    named = [
        part["line"] for field in ("lines", "changes", "receipts", "returns") for part in draft.data.get(field, ())
    ]
    for key in ("", *named) if kind_of(draft.stream) == "order" else ("",):
        day = withdrawn.get(key)
        if day is not None and draft.known_on < day:
            what = f"line {key}" if key else draft.stream
            message = f"on {day} an earlier {what} was withdrawn: this one cannot be known before"
            raise Invalid.at("/known_on", message)
