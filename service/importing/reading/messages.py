"""What the reader of a file and its recorder say to each other, and how that is written into a pipe.

The reader has taken in a stranger's file: nothing that it says is more than plain values of these shapes, none is
longer than LARGEST_FRAME_BYTES, and event requests are judged again by the recorder. Only plain orders are
taken as they were judged: they are read by the same code that reads what a client posts, and by no other library.
"""

from datetime import date
from typing import Any, Literal

import msgspec

from service.importing.reading.questions import Question
from service.shapes.overviews import FaultCause, TableOverview

#: What one message may take: an order with its rows, or some hundred lines, are far below.
LARGEST_FRAME_BYTES = 64 * 1024 * 1024
#: What stands before each: its length.
LENGTH_BYTES = 4


#: What is said of a row: see plans.Plan.
Kind = Literal["reported", "known", "unread", "noted", "missing"]


class ExtractTask(msgspec.Struct, frozen=True):
    """That a table of order lines says how things stand on a day, and what is to be made of that."""

    as_of: date
    #: What becomes of orders that earlier extracts had and this one has not.
    missing: Literal["report", "cancel"] = "report"
    #: What differs has always been as the file has it: retract and replace.
    correct: bool = False
    #: Take an extract that is older than the last one of its scope.
    allow_older: bool = False
    #: Take one that lacks more lines than it would by chance.
    confirm_missing: bool = False


class ReaderTask(msgspec.Struct, frozen=True):
    """What is to be read, and how."""

    #: None: the reader finds it by how the file begins.
    format: str | None = None
    #: The mapping's name and its TOML.
    mapping: tuple[str, bytes] | None = None
    #: Whether everything that is wrong is to be listed before anything is given.
    strict: bool = True
    #: Whether the file of rejects wants rows as they are in the file.
    keep_raw: bool = False
    #: Of a screening list: register organisations that the ledger does not know.
    register: bool = False
    #: Of open contracting data: take releases whose tags are none of the standard's by what they hold.
    lenient: bool = False
    #: Lines of a sheet of event requests.
    sheet_lines: int = 250
    #: Say what a table of order lines holds before anything of it.
    overview: bool = False
    #: Of a table of order lines that says how things stand; None: its rows are facts of their own days.
    extract: ExtractTask | None = None
    #: Suggest a mapping for a table of order lines that is called so.
    suggest: str | None = None
    #: Only what the format is, or whether the mapping is one.
    judge_only: bool = False


class FileForm(msgspec.Struct, frozen=True, tag="form", array_like=True):
    """Which format the file has."""

    format: str


class FileDigest(msgspec.Struct, frozen=True, tag="digest", array_like=True):
    """The SHA-256 of what the file holds, in hexadecimal."""

    sha256: str


class RowsSeen(msgspec.Struct, frozen=True, tag="seen", array_like=True):
    """How many rows are read, and what there is to say of some: a kind of remark, line, row and message."""

    rows: int
    remarks: list[tuple[Kind, int, str, str]] = []


class WireEntry(msgspec.Struct, frozen=True, array_like=True):
    """An event request in JSON, and the row that it comes from."""

    line: int
    row: str
    sent: bytes


class WireGroup(msgspec.Struct, frozen=True, tag="group", array_like=True):
    """Events that stand or fall together."""

    entries: list[WireEntry]
    #: Places among the message's `needs`.
    needs: list[int]
    rows: int
    #: JSON; empty: none.
    raw: bytes
    #: Streams and the version at which each must be.
    expected: dict[str, int] = {}


class WireReject(msgspec.Struct, frozen=True, tag="reject", array_like=True):
    """A row that cannot be read."""

    line: int
    row: str
    message: str
    raw: bytes
    rows: int


class Items(msgspec.Struct, frozen=True, tag="items", array_like=True):
    """Some groups and rejects in the order of the file."""

    #: Registrations that groups need.
    needs: list[WireEntry]
    items: list[WireGroup | WireReject]


class WireSheet(msgspec.Struct, frozen=True, tag="sheet", array_like=True):
    """Lines of event requests: plain orders field by field (domain.plain_orders.PlainOrders), others as they stand."""

    numbers: list[int]
    texts: list[bytes]
    ids: list[str | None]
    streams: list[str]
    effective_on: list[str]
    known_on: list[str | None]
    bases: list[str]
    data: list[bytes]
    sources: list[bytes | None]
    #: For each order a place among `mentioned`.
    mentions: list[int]
    mentioned: list[tuple[str, ...]]
    #: Number, text, whether it had an end, and the id for it.
    unread: list[tuple[int, bytes, bool, str]]
    #: Number, what is wrong, and the text.
    wrong: list[tuple[int, list[str], bytes]]
    taken_bytes: int


class SuggestedMapping(msgspec.Struct, frozen=True, tag="suggested", array_like=True):
    """A mapping that would read the table, in TOML."""

    content: str


class WirePlan(msgspec.Struct, frozen=True, tag="plan", array_like=True):
    """Everything that a table makes, to be recorded together."""

    entries: list[WireEntry]


class Bad(msgspec.Struct, frozen=True, tag="bad", array_like=True):
    """What is wrong with the file, by line."""

    faults: list[tuple[int, str]]
    causes: list[FaultCause] = []


class ExtractChecked(msgspec.Struct, frozen=True, tag="extract", array_like=True):
    """That nothing is wrong with an extract, and of what it is one."""

    #: The mapping's own name.
    mapping: str
    #: What tells the scopes of one mapping apart; empty: it declares none.
    scope: str
    as_of: date


class OverviewSeen(msgspec.Struct, frozen=True, tag="overview", array_like=True):
    """What a table of order lines holds, and what is wrong with it."""

    overview: TableOverview
    causes: list[FaultCause]


class BadKeys(msgspec.Struct, frozen=True, tag="mapping", array_like=True):
    """What is wrong with the mapping."""

    name: str
    problems: list[str]


class BrokenReader(msgspec.Struct, frozen=True, tag="broken", array_like=True):
    """An error of our own."""

    trace: str


class Ask(msgspec.Struct, frozen=True, tag="ask", array_like=True):
    """A question about the ledger; the reader waits for the answer."""

    question: Question
    names: list[str]


class End(msgspec.Struct, frozen=True, tag="end", array_like=True):
    """Nothing more comes."""


Message = (
    FileForm
    | FileDigest
    | RowsSeen
    | OverviewSeen
    | ExtractChecked
    | SuggestedMapping
    | Items
    | WireSheet
    | WirePlan
    | Bad
    | BadKeys
    | BrokenReader
    | Ask
    | End
)

_decoder = msgspec.msgpack.Decoder(Message)


def framed(value: Any) -> bytes:
    """A message, or an answer, as it goes into a pipe."""
    written = msgspec.msgpack.encode(value)
    return len(written).to_bytes(LENGTH_BYTES, "big") + written


def message_of(frame: bytes | bytearray | memoryview) -> Message:
    """A message out of a pipe; msgspec.ValidationError where it is none."""
    message: Message = _decoder.decode(frame)
    return message
