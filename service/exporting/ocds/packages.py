"""An order as an OCDS record package: its releases, and what they come to, compiled and versioned, made offline.

Each event is a release, in the order in which the world could know them. What OCDS has no words for (bounds, receipts,
bases, periods) stands in an extension, `daybook`, with the events themselves: another Daybook reads those.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.errors import Rejected
from domain.events import Recorded
from service.asking.questions import NothingThere
from service.daybook import Daybook
from service.exporting.ocds.removals import with_removals
from service.exporting.ocds.sections import OrderRegister, Sections
from service.ocds import VERSION, merging

#: Hexadecimal digits of the origin's SHA-256 behind `ocds-`, where no registered prefix is given.
PREFIX_DIGITS = 6
#: The extension's name in releases, contracts and items.
EXTENSION = "daybook"
#: What a client sends of an event; with its position, in the order of which they are recorded again.
SENT = ("type", "id", "effective_on", "known_on", "basis", "corrects", "source", "data")
#: Changed lines that all releases of an order may state: so many take some 800 MB of memory, and 170 MB in the file.
MOST_LINES = 100_000
#: Tags by the type of the event that a release states; the first of its kind, and those after it.
TAGS = {
    "order-placed": (("award", "contract"), ("contractUpdate",)),
    "order-amended": (("contractAmendment",), ("contractAmendment",)),
    "order-cancelled": (("contractTermination",), ("contractTermination",)),
    "goods-received": (("implementation",), ("implementationUpdate",)),
    "goods-returned": (("implementation",), ("implementationUpdate",)),
    "order-allocated": (("contractUpdate",), ("contractUpdate",)),
    "event-retracted": (("contractUpdate",), ("contractUpdate",)),
}


def record_package(daybook: Daybook, order_id: str, prefix: str | None = None) -> dict[str, Any]:
    """An order as a record package with its releases, its compiled and its versioned release.

    `prefix` is the publisher's own ocid prefix; without one it comes from the ledger's origin. Amounts and quantities
    are int or Decimal: `encode` writes them exactly. Raises NothingThere.
    """
    history = daybook.ledger.history(f"order/{order_id}")
    if not history:
        raise NothingThere(f"there is no order {order_id}")
    register = OrderRegister.of(history, daybook.ledger.history)
    ocid = f"{prefix or prefix_of(daybook.origin)}-{order_id}"
    last = max(history, key=lambda event: event.position)
    assert last.stored is not None
    return {
        **heading(daybook.origin, order_id, last.stored["recorded_at"]),
        "records": [record_of(ocid, list(releases_of(ocid, daybook.origin, history, register)))],
    }


def heading(origin: str, name: str, published_at: str) -> dict[str, Any]:
    """What a package says of itself; its name is one that no other package of this ledger has."""
    return {
        "uri": f"urn:daybook:{origin}:{name}",
        "version": VERSION,
        "publisher": {"name": origin},
        "publishedDate": published_at,
    }


def prefix_of(origin: str) -> str:
    """The prefix of ocids where the publisher has none of their own."""
    return f"ocds-{hashlib.sha256(origin.encode()).hexdigest()[:PREFIX_DIGITS]}"


def record_of(ocid: str, releases: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of an order: its releases, and what they come to."""
    # As a field with omitWhenMerged: events are what a release states, not what a process is.
    merged = [{name: value for name, value in release.items() if name != EXTENSION} for release in releases]
    return {
        "ocid": ocid,
        "releases": releases,
        "compiledRelease": merging.compiled_release(merged),
        "versionedRelease": merging.versioned_release(merged),
    }


def encode(package: Any) -> str:
    """JSON text of what `record_package` made, with every decimal as it is."""
    if isinstance(package, Mapping):
        members = ",".join(f"{encode(str(name))}:{encode(value)}" for name, value in package.items())
        return f"{{{members}}}"
    if isinstance(package, list | tuple):
        return f"[{','.join(map(encode, package))}]"
    if isinstance(package, Decimal):
        return format(package, "f")
    return json.dumps(package, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """What becomes known at once: an event, and the retractions that make room for it."""

    events: tuple[Recorded, ...]

    @property
    def subject(self) -> Recorded:
        """The event that the release is about."""
        return self.events[-1]


def releases_of(
    ocid: str, origin: str, history: Sequence[Recorded], register: OrderRegister
) -> Iterator[dict[str, Any]]:
    """The releases of an order's events, in time; each states what is new. Rejected where it is far too much."""
    stated: set[str] = set()
    silent = silent_ones(history)
    waiting = [event for event in history if event.id in silent]
    ids = {event.id for event in history}
    sections, lines = Sections(register), 0
    for step in steps_of(event for event in history if event.id not in silent):
        for event in step.events:
            sections.take(event)
        if not sections.is_placed:
            # That there is an order could not be known yet.
            waiting += step.events
            continue
        change = sections.change()
        lines += change.lines
        if lines > MOST_LINES:
            raise Rejected.at("/order_id", f"the releases would state more than {MOST_LINES} changed lines")
        subject = step.subject
        carried = sorted((*waiting, *step.events), key=lambda event: event.position)
        sent = [_own(_sent(event), ids) for event in carried if not _follows(event)]
        extension: dict[str, Any] = {"origin": origin, "events": sent}
        if not stated:
            extension["register"] = [_sent(event) for event in register.events]
        waiting = []
        yield {
            "ocid": ocid,
            "id": f"{ocid}-{subject.position}",
            "date": f"{subject.known_on.isoformat()}T00:00:00Z",
            "tag": list(TAGS[subject.type][subject.type in stated]),
            "initiationType": "tender",
            **with_removals(change.before, change.now),
            EXTENSION: extension,
        }
        stated.add(subject.type)


def steps_of(events: Iterable[Recorded]) -> Iterator[ReleaseStep]:
    """The events as they became known, each with the retractions of its day that go before it."""
    waiting: list[Recorded] = []
    for event in sorted(events, key=lambda one: (one.known_on, one.position)):
        if waiting and waiting[-1].known_on != event.known_on:
            yield ReleaseStep(tuple(waiting))
            waiting = []
        waiting.append(event)
        if event.type != "event-retracted":
            yield ReleaseStep(tuple(waiting))
            waiting = []
    if waiting:
        yield ReleaseStep(tuple(waiting))


def silent_ones(history: Sequence[Recorded]) -> set[str]:
    """Ids of the events that no release states: notes, and slips of the pen with what takes them back."""
    by_id = {event.id: event for event in history}
    silent = {event.id for event in history if event.type == "event-annotated"}
    for event in history:
        if event.type == "event-retracted":
            target = by_id[event.data["retracts"]]
            if event.known_on <= target.known_on:
                silent |= {event.id, target.id}
    # With nothing else to state of the order, its mistakes are what there is.
    return silent if len(silent) < len(history) else {e.id for e in history if e.type == "event-annotated"}


def _own(sent: dict[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """The event without the one that it takes the place of, where that is of another order and so not stated here."""
    if sent.get("corrects") in ids:
        return sent
    return {name: value for name, value in sent.items() if name != "corrects"}


def _follows(event: Recorded) -> bool:
    """Whether the ledger retracted it along with the placing: so will the one that records it again."""
    return event.type == "event-retracted" and event.stored is not None and "causation_id" in event.stored


def _sent(event: Recorded) -> dict[str, Any]:
    assert event.stored is not None
    return {"position": event.position} | {name: event.stored[name] for name in SENT if name in event.stored}
