"""The projection: a DuckDB database that recorded events are read into, batch by batch, in the order of the ledger."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from domain.catalogue import EVENT_TYPES
from domain.values import EventData
from projections import statements
from projections.blocks import read
from projections.database import Bounds, Closed, Damaged, Database, judged
from projections.digests import digest_of
from projections.few.asking import FewLines
from projections.resolved import ATTACHED, ResolvedMarkets

EVERY = "every type"


def _types(reads: Iterable[str]) -> Iterator[str]:
    """The types of events that a block says it reads: each by its name, or every type that there is."""
    for said in reads:
        if said == EVERY:
            yield from EVENT_TYPES
        else:
            yield said


#: The blocks of `ingest.sql` that read events, in the order in which they run, each with their types; the first: all.
STEPS = tuple(
    (name, frozenset(_types(block.reads)))
    for name, block in read(statements.FOLDER / "ingest.sql").items()
    if block.reads
)
#: The latest version of each type's form that `ingest.sql` reads: the first, but for what is named here. It reads the
#: earlier ones, too.
LATER_VERSIONS = {"goods-received": 2, "goods-returned": 2}
VERSIONS = {name: LATER_VERSIONS.get(name, 1) for _, types in STEPS[1:] for name in types}
#: All that it reads, as stored events state them.
READ_VERSIONS = {name: {str(version) for version in range(1, last + 1)} for name, last in VERSIONS.items()}


class Unread(Exception):
    """The domain records other types of events, or other versions, than the projection reads: a fault of this code.

    The views would stop for good at the first such event; nothing is opened instead.
    """


def check_types(types: Mapping[str, type[EventData]] = EVENT_TYPES) -> None:
    """Unread where domain and projection do not know the same event types, in the same versions."""
    recorded = {name: definition.VERSION for name, definition in types.items()}
    odd = sorted(name for name in recorded.keys() | VERSIONS.keys() if recorded.get(name) != VERSIONS.get(name))
    if odd:
        found = [
            f"{name} (recorded: {_version(recorded.get(name))}, read: {_version(VERSIONS.get(name))})" for name in odd
        ]
        raise Unread(f"the ledger and its views do not know the same event types: {', '.join(found)}")


def _version(version: int | None) -> str:
    return "no" if version is None else f"version {version}"


class UnknownEvent(Exception):
    """An event of a type or schema version that this code does not read. Nothing of its batch was applied."""

    def __init__(self, position: int, type_name: str | None, version: str | None) -> None:
        super().__init__(f"position {position}: event type {type_name!r} with v {version!r} is not known here")
        self.position = position
        self.type_name = type_name
        self.version = version


class OutOfOrder(ValueError):
    """A batch that does not continue where the projection stands. Nothing of it was applied."""


class Outdated(Exception):
    """A projection file made by other code: build a new one beside it."""


def fingerprint() -> str:
    """The identity of the schema and of the SQL that fills it: 16 hexadecimal digits, fit for a file's name."""
    made_of = (statements.text("schema.sql"), statements.text("ingest.sql"), duckdb.__version__)
    return hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]


class Projection:
    """One projection, in memory or in a file, that one process owns.

    `apply` belongs to one thread; reads belong to connections from `cursor`, one a thread.
    """

    def __init__(self, database: Database, position: int) -> None:
        self._database = database
        self._position = position
        #: Whoever reads is turned away until it is here: as far as the one was in whose place it stands.
        self.readable_from = 0
        #: Answers what is about few lines.
        self.few = FewLines(self.cursor)
        #: What it says of a moment, found out once.
        self.resolved = ResolvedMarkets(self.cursor)

    @classmethod
    def open(cls, path: Path | None = None, bounds: Bounds | None = None) -> Self:
        """Open the projection at `path`, made first where there is none; None: in memory.

        Raises Outdated where other code made the file; Damaged where it is none, or holds something else than was
        written; Held where another process has it open; Exhausted; Unread where the domain knows other types of events.
        """
        check_types()
        if path is not None:
            _refuse_anything_else(path)
            if not path.exists():
                _make(path, bounds or Bounds())
        try:
            database = Database(path, bounds or Bounds())
        except duckdb.Error as error:
            # It takes a file of another program for one that it would need an extension for.
            raise Damaged(str(error)) from error
        try:
            connection = database.connection
            with judged():
                if path is None:
                    _lay_out(connection)
                if connection.execute("select 1 from duckdb_tables() where table_name = 'head'").fetchone() is None:
                    raise Damaged(f"{path} holds no projection")
                found, position = _one(connection.execute("select fingerprint, position from head"))
                if found != fingerprint():
                    raise Outdated(f"{path} was made by {found}; this is {fingerprint()}")
                connection.execute(MENTION)
                connection.execute(ATTACHED)
        except duckdb.Error as error:
            database.close()
            raise Damaged(str(error)) from error
        except BaseException:
            database.close()
            raise
        return cls(database, position)

    @property
    def position(self) -> int:
        """The position of the last event applied; 0: none."""
        return self._position

    @property
    def is_readable(self) -> bool:
        """Whether whoever reads is let in."""
        return not self._database.is_closed and self._position >= self.readable_from

    def tell_faults(self, tell: Callable[[Exception], None]) -> None:
        """Have a function called with Damaged and Broken, in the thread that comes upon it."""
        self._database.on_fault = tell

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for reads from another thread, until the block ends.

        Raises Closed where it is not to be read just now, and Exhausted, Damaged or Broken where DuckDB says so.
        """
        if self._position < self.readable_from:
            raise Closed(f"the views are built anew, and are at {self._position} of {self.readable_from}")
        with self._database.cursor() as cursor:
            yield cursor

    def apply(self, batch: pa.Table) -> None:
        """Read events into the tables, in one transaction, and move the projection's position with them.

        `batch` has `position` (int64, continuing without a gap) and `body` (the stored JSON, string or binary).
        Raises OutOfOrder, UnknownEvent, what DuckDB says of a body it cannot read, and Exhausted, Damaged or Broken;
        nothing is applied then.
        """
        if batch.num_rows == 0:
            return
        continuing = _continuing(self._position, batch)
        with judged():
            connection = self._database.connection
            connection.register("batch", continuing)
            try:
                self._apply(connection)
            finally:
                # Of a database that refuses everything, the error before says why.
                with suppress(duckdb.Error):
                    connection.unregister("batch")
        self._position += batch.num_rows

    def _apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("begin")
        try:
            self._ingest(connection)
            connection.execute(statements.blocks("ingest.sql")["head"])
            connection.execute("commit")
        except BaseException:
            # A commit that failed has ended the transaction; what matters is why it did.
            with suppress(duckdb.Error):
                connection.execute("rollback")
            raise

    @contextmanager
    def supposing(self, batch: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees the projection as if the events of `batch` followed; nothing of it remains.

        The batch is read by the statements of `apply`, in a transaction that is rolled back at the end. Raises
        OutOfOrder where the projection has moved on from where the batch begins.
        """
        with self.cursor() as connection, statements.snapshot(connection):
            ((position,),) = connection.execute("select position from head").fetchall()
            connection.register("batch", _continuing(position, batch))
            connection.execute(MENTION)
            self._ingest(connection)
            yield connection

    def _ingest(self, connection: duckdb.DuckDBPyConnection) -> None:
        block = statements.blocks("ingest.sql")
        connection.execute(block["stage"])
        types: set[str] = set()
        for type_name, version, first in connection.execute(block["types"]).fetchall():
            if version not in READ_VERSIONS.get(type_name, ()):
                raise UnknownEvent(first, type_name, version)
            types.add(type_name)
        misplaced = connection.execute(block["misplaced"]).fetchone()
        if misplaced is not None:
            raise OutOfOrder(f"the event given as position {misplaced[0]} says that its position is {misplaced[1]}")
        connection.execute("delete from mention")
        for name, called_by in STEPS:
            if types & called_by:
                connection.execute(block[name])

    def event(self, identifier: str) -> int | None:
        """The position of the event with this id, or None."""
        query = "select max(position) from event where id_hash = hash($id) and id = $id"
        position: int | None = self._read(query, id=identifier)
        return position

    def recorded_at_of(self, position: int) -> datetime | None:
        """When the event at this position was recorded (UTC), or None where there is none."""
        held = self.few.holding.at_hand(position)
        if held is not None and position > 0:
            return held.orders.events[position - 1].recorded_at
        query = "select recorded_at from event where position = $position"
        recorded_at: datetime | None = self._read(query, position=position)
        return recorded_at

    def position_at(self, recorded_at: datetime) -> int:
        """The position of the last event recorded at or before this instant (UTC, naive); 0: none."""
        query = "select coalesce(max(position), 0) from event where recorded_at <= $recorded_at"
        position: int = self._read(query, recorded_at=recorded_at)
        return position

    def digest(self, upto: int | None = None) -> dict[str, str]:
        """Of every table, a digest of its rows that does not depend on their order: equal contents, equal digests.

        `upto`, a position that it has reached: as if nothing had come after it.
        """
        with self.cursor() as cursor:
            return digest_of(cursor, upto)

    def close(self) -> None:
        """Close the database. A projection that is closed twice stays closed."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, query: str, **values: object) -> Any:
        with self.cursor() as cursor:
            row = cursor.execute(query, values).fetchone()
        return None if row is None else row[0]


#: Of a connection alone: words of the batch at hand, with the position of a mention.
MENTION = "create temp table mention (word varchar, position bigint)"


def _refuse_anything_else(path: Path) -> None:
    """Raise Damaged where something other than a file stands in its place, which opening might wait for."""
    if path.exists() and not path.is_file():
        raise Damaged(f"{path} is not a file")


def _make(path: Path, bounds: Bounds) -> None:
    """Make an empty projection under a passing name, and only when it is whole give it its own."""
    draft = path.with_name(path.name + ".new")
    # What wrote ahead of a file that is gone belongs to no other.
    for leftover in (draft, wal_of(draft), wal_of(path)):
        leftover.unlink(missing_ok=True)
    database = Database(draft, bounds)
    try:
        with judged():
            _lay_out(database.connection)
            database.connection.execute("checkpoint")
    finally:
        database.close()
    draft.rename(path)


def _lay_out(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("begin")
    connection.execute(statements.text("schema.sql"))
    connection.execute("insert into head values (?, 0)", [fingerprint()])
    connection.execute("commit")


def wal_of(path: Path) -> Path:
    """Where DuckDB writes ahead of a file."""
    return path.with_name(path.name + ".wal")


def _continuing(position: int, batch: pa.Table) -> pa.Table:
    """The batch as the statements read it; OutOfOrder where it does not continue at a position."""
    positions = batch.column("position").combine_chunks()
    expected = pa.array(range(position + 1, position + 1 + batch.num_rows), pa.int64())
    if not positions.equals(expected):
        raise OutOfOrder(
            f"a batch of {batch.num_rows} events after position {position} must hold positions "
            f"{position + 1} to {position + batch.num_rows} in order"
        )
    body = batch.column("body")
    if not pa.types.is_string(body.type) and not pa.types.is_large_string(body.type):
        body = body.cast(pa.large_string())
    return pa.table({"position": positions, "body": body})


def _one(result: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    row = result.fetchone()
    assert row is not None
    return row


def batch_of(events: Iterable[tuple[int, bytes]]) -> pa.Table:
    """A batch for `Projection.apply` from (position, stored bytes) pairs."""
    positions, bodies = [], []
    for position, body in events:
        positions.append(position)
        bodies.append(body)
    return pa.table({"position": pa.array(positions, pa.int64()), "body": pa.array(bodies, pa.binary())})
