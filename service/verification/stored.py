"""What PostgreSQL holds of the log besides the events: tiles as they can be put together, checkpoints, cosignatures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from domain.merkle import HASH_BYTES
from domain.tiles import WIDTH, Tile
from service.postgres.statements import statements_of

SQL = statements_of(__file__)


@dataclass(slots=True)
class StoredTile:
    """A tile put together of its rows."""

    level: int
    number: int
    #: One after another, as far as they follow one another.
    hashes: bytearray = field(default_factory=bytearray)
    #: Where its rows begin, the first at 0 left out: each is the end of a checkpoint's tree.
    starts: list[int] = field(default_factory=list)
    #: Why it cannot be put together any further.
    fault: str | None = None

    @property
    def path(self) -> str:
        """The tile's address in the log."""
        return Tile(self.level, self.number).path

    def add(self, start: Any, hashes: Any) -> None:
        """Put a row behind those before it."""
        if self.fault is not None:
            return
        known = len(self.hashes) // HASH_BYTES
        if start != known:
            self.fault = f"a row of it begins at hash {start}, and {known} are there before it"
        elif not isinstance(hashes, bytes) or not hashes or len(hashes) % HASH_BYTES:
            self.fault = f"its row at hash {start} does not hold whole hashes"
        elif known + len(hashes) // HASH_BYTES > WIDTH:
            self.fault = f"it holds more than {WIDTH} hashes"
        else:
            self.hashes += hashes
            if start:
                self.starts.append(start)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A row of log_checkpoints."""

    size: int
    root: Any
    note: Any


class Stored:
    """Reads the stored log in the state that a connection sees."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def _rows(self, block: str, arguments: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor(binary=True, row_factory=tuple_row)
        yield from cursor.execute(SQL[block], arguments).fetchall()

    def _row(self, block: str, arguments: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        return next(self._rows(block, arguments))

    def identity(self) -> list[tuple[Any, ...]]:
        """Origin, and when it was made, of every ledger that the database says it holds: one."""
        return list(self._rows("identity"))

    def has_log(self) -> bool:
        """Whether the database was brought to a schema with a log."""
        (found,) = self._row("has-log")
        return bool(found)

    def heads(self) -> list[tuple[Any, ...]]:
        """Every row that says where the ledger ends: position and recorded_at in microseconds since 2000."""
        return [(position, _microseconds(sent)) for position, sent in self._rows("heads")]

    def last_event(self) -> tuple[int, int | None] | None:
        """Position and instant of the event with the highest position; None: there are no events."""
        for position, sent in self._rows("last-event"):
            return position, _microseconds(sent)
        return None

    def unplaced(self) -> int:
        """Rows of events that stand nowhere: without a position, or below 1."""
        (without,) = self._row("without-position")
        (below,) = self._row("below-first")
        return int(without + below)

    def next_block(self, block: int) -> int | None:
        """The first block from this one on that holds an event or a hash."""
        (event,) = self._row("next-event", (block * WIDTH,))
        (tile,) = self._row("next-tile", (block,))
        found = [number for number in ((event - 1) // WIDTH if event is not None else None, tile) if number is not None]
        return min(found) if found else None

    def tiles(self, level: int, first: int, last: int) -> dict[int, StoredTile]:
        """The tiles of a level by number, those between two numbers."""
        found: dict[int, StoredTile] = {}
        for number, start, hashes in self._rows("tiles", (level, first, last)):
            found.setdefault(number, StoredTile(level, number)).add(start, hashes)
        return found

    def stray_tiles(self, counts: dict[int, int]) -> list[tuple[int, int]]:
        """Level and number of tiles beyond those that a tree has: so many of each level, none of any other."""
        found: list[tuple[int, int]] = []
        for level, number in self._rows("upper-tiles"):
            if not 0 <= number < counts.get(level, 0):
                found.append((level, number))
        return sorted(found)

    def checkpoints(self, after: int, upto: int) -> list[StoredCheckpoint]:
        """The checkpoints of sizes beyond one, up to another."""
        return [StoredCheckpoint(*row) for row in self._rows("checkpoints", (after, upto))]

    def largest_checkpoint(self) -> int | None:
        """The size of the largest checkpoint; None: there is none."""
        (size,) = self._row("largest-checkpoint")
        return None if size is None else int(size)

    def cosignatures(self) -> Iterator[tuple[Any, Any, bool]]:
        """Size and line of every cosignature, and whether there is a checkpoint of that size."""
        yield from self._rows("cosignatures")

    def state(self, position: int) -> bytes | None:
        """The bytes at a position."""
        for (state,) in self._rows("state", (position,)):
            return state if isinstance(state, bytes) else None
        return None


def _microseconds(sent: Any) -> int | None:
    return int.from_bytes(sent, "big", signed=True) if isinstance(sent, bytes) else None
