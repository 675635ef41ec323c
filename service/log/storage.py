"""What PostgreSQL holds of the log: its tiles, every checkpoint ever issued, and the cosignatures of witnesses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from domain.merkle import HASH_BYTES
from domain.tiles import Segment
from service.postgres.statements import statements_of
from service.storing.ledger import LedgerRecorder

#: "daylog" as six ASCII bytes: held by the one who publishes, until its transaction ends.
PUBLICATION_LOCK = int.from_bytes(b"daylog", "big")


class LogDamaged(Exception):
    """What is stored of the log contradicts itself: somebody changed it behind the service's back."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A checkpoint as it was issued."""

    size: int
    root: bytes
    issued_at: datetime
    #: The signed note, without cosignatures.
    note: str


SQL = statements_of(__file__)


class LogStorage:
    """Reads and extends the stored log; every method may be called from any thread."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self.recorder = recorder

    @contextmanager
    def _connected(self) -> Iterator[Connection[Any]]:
        with self.recorder.datastore.get_connection() as connection:
            yield connection

    def head(self) -> int:
        """How many events the ledger holds."""
        return self.recorder.head().position

    def latest(self) -> Issued | None:
        """The last checkpoint; None before the first."""
        with self._connected() as connection:
            return _latest(connection)

    def issued(self, size: int) -> Issued | None:
        """The checkpoint of this size; None where none was issued."""
        with self._connected() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            row = cursor.execute(SQL["issued"], (size,)).fetchone()
            return None if row is None else Issued(*row)

    def first_covering(self, position: int) -> Issued | None:
        """The smallest checkpoint that covers a position; None where none does yet."""
        with self._connected() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            row = cursor.execute(SQL["first-covering"], (position,)).fetchone()
            return None if row is None else Issued(*row)

    def tile(self, level: int, number: int) -> bytes:
        """All hashes of a tile so far; LogDamaged where they do not follow one another."""
        hashes = bytearray()
        with self._connected() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            for start, more in cursor.execute(SQL["tile"], (level, number), prepare=True):
                if start * HASH_BYTES != len(hashes):
                    known = len(hashes) // HASH_BYTES
                    raise LogDamaged(f"tile {number} of level {level} goes on at {start} after {known} hashes")
                hashes += more
        return bytes(hashes)

    def entries(self, after: int, limit: int) -> list[bytes]:
        """The stored bytes of the next events after a position, in order."""
        # Positions have no gaps, and a range that ends is found fast even if PostgreSQL knows little of the table.
        return [row.state for row in self.recorder.rows_after(after, limit, upto=after + limit)]

    def cosignatures(self, size: int) -> list[str]:
        """The signature lines that witnesses gave for a checkpoint, the oldest first."""
        with self._connected() as connection:
            return [line for (line,) in connection.cursor(row_factory=tuple_row).execute(SQL["cosignatures"], (size,))]

    def cosigned(self) -> list[tuple[int, str]]:
        """Every cosignature with the size of its checkpoint, the largest first."""
        with self._connected() as connection:
            return list(connection.cursor(row_factory=tuple_row).execute(SQL["cosigned"]))

    def add_cosignatures(self, size: int, lines: Sequence[str]) -> None:
        """Keep signature lines of witnesses; one that is there already stays as it is."""
        with self._connected() as connection, connection.transaction():
            for line in lines:
                connection.execute(SQL["add-cosignature"], (size, line))

    @contextmanager
    def publishing(self) -> Iterator["Publishing | None"]:
        """A transaction in which this process alone publishes; None where another one does just now."""
        with self._connected() as connection, connection.transaction():
            row = connection.cursor(row_factory=tuple_row).execute(SQL["publish-alone"], (PUBLICATION_LOCK,))
            (mine,) = row.fetchone()  # type: ignore[misc]
            yield Publishing(connection) if mine else None


class Publishing:
    """The transaction of one publication: tiles and checkpoint together, or neither."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection

    def latest(self) -> Issued | None:
        """The last checkpoint, which no other process follows up while this transaction lasts."""
        return _latest(self.connection)

    def publish(self, size: int, root: bytes, note: str, segments: Sequence[Segment]) -> None:
        """Add what a larger tree has more, and its checkpoint."""
        columns = (
            [segment.level for segment in segments],
            [segment.number for segment in segments],
            [segment.start for segment in segments],
            [segment.hashes for segment in segments],
        )
        if segments:
            self.connection.execute(SQL["add-tiles"], columns)
        self.connection.execute(SQL["add-checkpoint"], (size, root, note))


def _latest(connection: Connection[Any]) -> Issued | None:
    cursor = connection.cursor(row_factory=tuple_row, binary=True)
    row = cursor.execute(SQL["latest"], prepare=True).fetchone()
    return None if row is None else Issued(*row)
