"""Decided events written down: where they will stand, their bytes, and rows as PostgreSQL takes them in."""

import os
import struct
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from domain.events import instant
from domain.orders import OrderPlaced
from domain.outcomes import Decided
from domain.plain_drafts import PlainDrafts

#: An append is refused while the head runs further ahead of PostgreSQL's clock than this: the clock was set back.
FURTHEST_AHEAD = timedelta(seconds=60)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
SECOND_US = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Head(NamedTuple):
    """The end of the ledger."""

    #: 0: empty
    position: int
    #: None: empty
    recorded_at: datetime | None
    #: PostgreSQL's own clock when it was asked.
    clock: datetime


def new_identifier() -> str:
    """A name for an event whose sender gave none: a UUID of version 7 (RFC 9562, 5.7).

    48 bits of milliseconds, then randomness: it sorts by time, so that the index grows at its end.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


class ClockSetBack(Exception):
    """PostgreSQL's clock is far behind the last event: nothing is appended until it has caught up."""

    def __init__(self, head: Head) -> None:
        assert head.recorded_at is not None
        super().__init__(f"the last event was recorded at {head.recorded_at}, the database's clock says {head.clock}")
        #: Until then, if nobody sets the clock.
        self.wait_s = (head.recorded_at - head.clock - FURTHEST_AHEAD).total_seconds()


class Numbered(Struct, frozen=True, gc=False):
    """A decided event with its position, its instant and the bytes to store."""

    position: int
    #: Microseconds since 1970, UTC.
    recorded_us: int
    draft: Decided
    state: bytes

    @property
    def recorded_at(self) -> datetime:
        """The instant at which it was recorded."""
        return EPOCH + self.recorded_us * TICK


#: PostgreSQL's binary COPY: signature, flags and extension before the rows, and what ends them.
COPY_OPENING = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_END = b"\xff\xff"
#: PostgreSQL counts microseconds from 2000-01-01.
POSTGRES_EPOCH_US = 946_684_800_000_000
_seven_fields = struct.Struct(">hiqi").pack
_eight_bytes = struct.Struct(">iqi").pack
_length = struct.Struct(">i").pack
#: Version and topic of every plain order.
PLAIN_TOPIC = _eight_bytes(8, 1, len(OrderPlaced.NAME)) + OrderPlaced.NAME.encode()


def rows_of(events: Iterable[Numbered]) -> bytes:
    """Events as rows of PostgreSQL's binary COPY: each field with its length before it."""
    rows: list[bytes] = []
    for event in events:
        draft, state = event.draft, event.state
        stream, topic, identifier = draft.stream.encode(), draft.type.encode(), draft.id.encode()
        rows += (
            _seven_fields(7, 8, event.position, len(stream)),
            stream,
            _eight_bytes(8, draft.version, len(topic)),
            topic,
            _length(len(identifier)),
            identifier,
            _eight_bytes(8, event.recorded_us - POSTGRES_EPOCH_US, len(state)),
            state,
        )
    return b"".join(rows)


#: A decided event, who sent it, and the correlation id that it came with.
Sender = tuple[Decided, str | None, str | None]


class Place(NamedTuple):
    """Where the next event will stand."""

    position: int
    #: Microseconds since 1970, UTC; of each event behind it one more.
    recorded_us: int

    @classmethod
    def after(cls, head: Head) -> "Place":
        """The place after the head; ClockSetBack where that is more than a minute ahead of PostgreSQL's clock."""
        if head.recorded_at is not None and head.recorded_at - head.clock > FURTHEST_AHEAD:
            raise ClockSetBack(head)
        first = head.clock if head.recorded_at is None else max(head.clock, head.recorded_at + TICK)
        return cls(head.position + 1, (first - EPOCH) // TICK)

    def beyond(self, events: int) -> "Place":
        """The place behind so many events that stand from here on."""
        return Place(self.position + events, self.recorded_us + events)

    def instants(self, events: int) -> list[str]:
        """When each of so many events from here on is recorded, as events hold it."""
        found: list[str] = []
        start, end = self.recorded_us, self.recorded_us + events
        while start < end:
            second, fraction = divmod(start, SECOND_US)
            many = min(end - start, SECOND_US - fraction)
            form = f"{instant(EPOCH + second * SECOND)[:-7]}%06dZ"
            found += [form % place for place in range(fraction, fraction + many)]
            start += many
        return found


def number(drafts: Sequence[Sender], place: Place) -> list[Numbered]:
    """Give decided events (each with actor and correlation id) the positions and instants from a place on."""
    return [
        Numbered(
            place.position + index,
            place.recorded_us + index,
            draft,
            draft.written(place.position + index, recorded_at, actor, correlation_id),
        )
        for index, ((draft, actor, correlation_id), recorded_at) in enumerate(
            zip(drafts, place.instants(len(drafts)), strict=True)
        )
    ]


class Mixed(NamedTuple):
    """Decided events, each with who sent it."""

    senders: list[Sender]

    @property
    def first_id(self) -> str:
        """The id of the first."""
        return self.senders[0][0].id


class Alike(NamedTuple):
    """Plain orders that somebody sent together."""

    drafts: PlainDrafts
    actor: str | None
    correlation_id: str | None

    @property
    def first_id(self) -> str:
        """The id of the first."""
        return self.drafts.ids[0]


class Written(NamedTuple):
    """Events written down together: as rows of binary COPY, and the bytes of each."""

    rows: bytes
    states: list[bytes]


def write(run: Mixed | Alike, place: Place) -> Written:
    """Write events down from a place on; those that are alike in a third of the time."""
    if isinstance(run, Mixed):
        numbered = number(run.senders, place)
        return Written(rows_of(numbered), [event.state for event in numbered])
    drafts = run.drafts
    states = drafts.written(place.position, place.instants(len(drafts)), run.actor, run.correlation_id)
    position, recorded_us = place.position, place.recorded_us - POSTGRES_EPOCH_US
    rows: list[bytes] = []
    for stream, identifier, state in zip(drafts.orders.streams, drafts.ids, states, strict=True):
        rows += (
            _seven_fields(7, 8, position, len(stream)),
            stream.encode(),
            PLAIN_TOPIC,
            _length(len(identifier)),
            identifier.encode(),
            _eight_bytes(8, recorded_us, len(state)),
            state,
        )
        position += 1
        recorded_us += 1
    return Written(b"".join(rows), states)
