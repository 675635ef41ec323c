"""What a source yields, in the order of its file: what stands or falls together, and what cannot be read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from service.importing.plans import Entry, Summary
from service.importing.reading.questions import Ask


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events that stand or fall together."""

    #: In the order in which they are recorded.
    entries: Sequence[Entry]
    #: Registrations that the entries need, parents before children: recorded before them, unless the ledger has one
    #: with this id already, which is then left alone. Two groups may need the same one.
    needs: Sequence[Entry] = ()
    #: Rows of the file that it was made of.
    rows: int = 1
    #: The rows as the file has them, for the file of rejects; none: `entries` are written there as they would be sent.
    raw: Any = None
    #: What its entries take as they are sent; 0: unknown.
    size_bytes: int = 0
    #: Of an order: the row that each of its lines stands on first.
    line_rows: Mapping[str, int] = field(default_factory=dict)
    #: Streams and the version that each had when the entries were made: at another one they are refused.
    expected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be read, and so is not recorded."""

    line: int
    #: The row's own name; may be empty.
    row: str
    message: str
    #: The row as the file has it: text, or values by column.
    raw: Any = None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that is to be read as a stream of EventGroups and Rejects."""

    file: BinaryIO
    #: Its `rows` are counted as they are read, and what there is to say of them is added to its plan.
    summary: Summary
    #: BadFile lists everything that is wrong before the first is given.
    strict: bool
    #: Answers questions about the ledger.
    ask: Ask
    #: Called while it goes on without giving anything.
    beat: Callable[[], None]
    #: Whether releases whose tags are none of the standard's are taken by what they hold.
    lenient: bool = False
