"""Reading every event out of PostgreSQL in blocks of 256, hashed and held against its columns, as fast as it goes."""

import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import lt
from typing import Any

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.merkle import HASH_BYTES, leaf_hash, subtree_root
from domain.tiles import WIDTH
from service.postgres.connections import noticing
from service.postgres.statements import statements_of

#: PostgreSQL counts microseconds from here.
ORIGIN_OF_TIME = datetime(2000, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
#: Between two rows of a block, in what PostgreSQL joins; no canonical event holds it, and no identifier.
BETWEEN = "\n"

SQL = statements_of(__file__)


class EventHead(msgspec.Struct, gc=False):
    """What an event's bytes say of what also stands in columns."""

    id: str
    position: int
    recorded_at: datetime
    stream: str
    type: str
    version: int


_heads = msgspec.json.Decoder(EventHead).decode_lines
_head = msgspec.json.Decoder(EventHead).decode


@dataclass(frozen=True, slots=True)
class EventBlock:
    """The events at 256 neighbouring positions, as many as there are."""

    #: From 0: the first position is number * 256 + 1.
    number: int
    #: Whether they follow one another from the first position on, and every column says what the bytes say.
    in_order: bool
    #: Their leaf hashes one after another; empty where they are not in order.
    leaves: bytes
    #: recorded_at of the first and the last, in microseconds since 2000.
    first_at: int = 0
    last_at: int = 0
    #: The root over the leaves of a block that is in order and full; else empty.
    root: bytes = b""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event, looked at by itself."""

    #: Where it stands.
    place: int
    #: None: there are no bytes.
    leaf: bytes | None
    #: The position that its bytes name; None: they name none.
    own: int | None
    #: What the columns have wrong, as far as that is not the position.
    faults: tuple[str, ...]
    #: In microseconds since 2000; None: there is none.
    recorded_at: int | None


@contextmanager
def snapshot_connection(conninfo: str, snapshot: str | None = None) -> Iterator[Connection[Any]]:
    """A connection that reads one state of the database and changes nothing: the present one, or an exported one."""
    with psycopg.connect(**{**noticing(conninfo), "client_encoding": "utf-8"}, autocommit=True) as connection:
        # Planning for parallel workers or compilation costs more here than it gives.
        connection.execute(b"set max_parallel_workers_per_gather = 0")
        connection.execute(b"set jit = off")
        connection.execute(b"set statement_timeout = 0")
        connection.execute(b"begin isolation level repeatable read, read only")
        if snapshot is not None:
            connection.execute(f"set transaction snapshot '{snapshot}'".encode())
        yield connection


def exported(connection: Connection[Any]) -> str:
    """The name of a connection's state, under which others read the same one."""
    row = connection.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    return str(row[0])


def blocks(connection: Connection[Any], first: int, last: int) -> Iterator[EventBlock]:
    """The blocks of these numbers, in order, one after the other."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    for number, *columns in cursor.stream(SQL["blocks"], (first, last)):
        yield _block(number, columns)


def _block(number: int, columns: Sequence[Any]) -> EventBlock:
    """A block of what PostgreSQL joined; any unusual row is left to be looked at row by row."""
    positions, versions, moments, streams, topics, identifiers, joined = columns
    if joined is None:
        return EventBlock(number, positions is None, b"")
    try:
        states = joined.split(b"\n")
        count = len(states)
        heads = _heads(joined)
        at = _integers(moments)
        in_order = (
            count == len(heads)
            and _integers(positions) == [*range(number * WIDTH + 1, number * WIDTH + 1 + count)]
            and [head.position for head in heads] == _integers(positions)
            and [head.version for head in heads] == _integers(versions)
            and [(head.recorded_at - ORIGIN_OF_TIME) // TICK for head in heads] == at
            and all(map(lt, at, at[1:]))
            # Newlines counted: names are then joined in one way only.
            and streams.count(BETWEEN) == topics.count(BETWEEN) == identifiers.count(BETWEEN) == count - 1
            and BETWEEN.join([head.stream for head in heads]) == streams
            and BETWEEN.join([head.type for head in heads]) == topics
            and BETWEEN.join([head.id for head in heads]) == identifiers
        )
    except (ValueError, TypeError, AttributeError, OverflowError):  # among them all that msgspec raises
        in_order = False
    if not in_order:
        return EventBlock(number, False, b"")
    leaves = b"".join([sha256(b"\x00" + state).digest() for state in states])
    root = subtree_root(leaves) if count == WIDTH else b""
    return EventBlock(number, True, leaves, at[0], at[-1], root)


def _integers(sent: bytes) -> list[int]:
    """Integers of 64 bits, the highest byte first."""
    values = array("q", sent)
    if sys.byteorder == "little":
        values.byteswap()
    return values.tolist()


def rows(connection: Connection[Any], after: int, upto: int) -> Iterator[EventRow]:
    """The events behind a position up to another, each looked at by itself."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    for row in cursor.execute(SQL["rows"], (after, upto)):
        yield _row(row)


def _row(columns: Sequence[Any]) -> EventRow:
    place, version, sent_at, stream, topic, identifier, state = columns
    recorded_at = int.from_bytes(sent_at, "big", signed=True) if isinstance(sent_at, bytes) else None
    if not isinstance(state, bytes):
        return EventRow(place, None, None, ("there are no bytes",), recorded_at)
    leaf = leaf_hash(state)
    try:
        head = _head(state)
        said_at = (head.recorded_at - ORIGIN_OF_TIME) // TICK
    except (ValueError, TypeError, OverflowError):
        return EventRow(place, leaf, None, ("its bytes are not those of an event",), recorded_at)
    pairs = (
        ("originator_id", stream, head.stream),
        ("originator_version", version, head.version),
        ("topic", topic, head.type),
        ("event_id", identifier, head.id),
        ("recorded_at", _moment(recorded_at), _moment(said_at)),
    )
    faults = [
        f"the column {name} says {_shown(held)}, its bytes {_shown(said)}" for name, held, said in pairs if held != said
    ]
    return EventRow(place, leaf, head.position, tuple(faults), recorded_at)


def _moment(microseconds: int | None) -> str | None:
    try:
        return None if microseconds is None else str(ORIGIN_OF_TIME + microseconds * TICK)
    except OverflowError:  # infinity, or after the year 9999
        return f"{microseconds:,} microseconds after 2000"


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 100 else text[:99] + "…"


def hashes_of(leaves: bytes) -> list[bytes]:
    """Hashes written one after another, each by itself."""
    return [leaves[place : place + HASH_BYTES] for place in range(0, len(leaves), HASH_BYTES)]
