"""Decided events written down: where they will stand, their bytes, and rows as PostgreSQL takes them in."""

import os
import struct
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from domain.events import instant
from domain.lots import Decided

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
        #: Until then, if the clock is not set.
        self.wait_s = (head.recorded_at - head.clock - FURTHEST_AHEAD).total_seconds()


#: PostgreSQL's binary COPY: signature, flags and extension before the rows, and what ends them.
COPY_OPENING = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_END = b"\xff\xff"
#: PostgreSQL counts microseconds from 2000-01-01.
POSTGRES_EPOCH_US = 946_684_800_000_000
_seven_fields = struct.Struct(">hiqi").pack
_eight_bytes = struct.Struct(">iqi").pack
_length = struct.Struct(">i").pack


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


class Sending(NamedTuple):
    """Decided events, who sent them, and the correlation id that they came with."""

    lot: Decided
    actor: str | None = None
    correlation_id: str | None = None

    def parts(self, most: int) -> "Iterable[Sending]":
        """Them in lots of so many at most."""
        return (self._replace(lot=lot) for lot in self.lot.parts(most))


class Written(NamedTuple):
    """Events written down one behind the other, field by field."""

    positions: Sequence[int]
    streams: list[str]
    versions: list[int]
    types: list[str]
    ids: list[str]
    #: Microseconds since 1970, UTC.
    recorded_us: Sequence[int]
    #: The bytes to store.
    states: list[bytes]

    @property
    def many(self) -> int:
        """How many they are."""
        return len(self.states)

    @property
    def columns(self) -> tuple[Sequence[Any], ...]:
        """Its fields as those of a row, each with its type."""
        recorded_at = [EPOCH + moment * TICK for moment in self.recorded_us]
        return list(self.positions), self.streams, self.versions, self.types, self.ids, recorded_at, self.states

    def rows(self) -> bytes:
        """Them as rows of PostgreSQL's binary COPY: each field with its length before it."""
        rows: list[bytes] = []
        kinds: dict[tuple[int, str], bytes] = {}
        for position, stream, version, name, identifier, recorded_us, state in zip(*self, strict=True):
            kind = kinds.get((version, name))
            if kind is None:
                topic = name.encode()
                kind = kinds[version, name] = _eight_bytes(8, version, len(topic)) + topic
            where, named = stream.encode(), identifier.encode()
            rows += (
                _seven_fields(7, 8, position, len(where)),
                where,
                kind,
                _length(len(named)),
                named,
                _eight_bytes(8, recorded_us - POSTGRES_EPOCH_US, len(state)),
                state,
            )
        return b"".join(rows)


def write(sendings: Iterable[Sending], place: Place) -> Written:
    """Write decided events down, one behind the other from a place on."""
    streams: list[str] = []
    versions: list[int] = []
    types: list[str] = []
    ids: list[str] = []
    states: list[bytes] = []
    sent = list(sendings)
    instants = place.instants(sum([len(lot) for lot, _, _ in sent]))
    for lot, actor, correlation_id in sent:
        first = len(states)
        many = len(lot)
        states += lot.states(place.position + first, instants[first : first + many], actor, correlation_id)
        streams += lot.streams
        versions += lot.versions
        types += (lot.type,) * many
        ids += lot.ids
    end = place.beyond(len(states))
    positions, recorded_us = range(place.position, end.position), range(place.recorded_us, end.recorded_us)
    return Written(positions, streams, versions, types, ids, recorded_us, states)
