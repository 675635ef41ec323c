"""A flattened workbook of open contracting data put together again: a sheet a list, a column a path.

The convention is that of the standard's own templates and of flattened publications: columns are paths such as
`tender/id` or `buyer/name`; a sheet for a list repeats the `ocid` and `id` of its release and, in columns such as
`awards/0/id`, the id of the entry that it lies in; a number in a path says that what comes before it is a list.
Several texts of one list stand in one cell with semicolons between them.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO

from service.importing.items import EventGroup, Reading, Reject
from service.importing.ocds.documents import Document, DocumentRemarks
from service.importing.ocds.orders import LedgerLookups, read_documents
from service.importing.opening import copied
from service.importing.orders.mapping_parts import Read
from service.importing.orders.tables import Cell, TableRow, text_of
from service.importing.orders.tables.workbook import Workbook
from service.importing.orders.tables.workbook_parts import WorkbookParts, sheets_of
from service.importing.rows import BadFile, FileFault
from service.importing.standing import LedgerStanding
from service.ocds import VERSION

#: What tells one release from another.
OCID, RELEASE_ID = "ocid", "id"
#: Lists of texts, whose cells hold several.
LISTS_OF_TEXTS = frozenset(("tag", "roles", "submissionMethod", "additionalProcurementCategories"))
#: Lists of objects, where a path does not say so by a number.
LISTS = frozenset(
    (
        "additionalClassifications",
        "additionalIdentifiers",
        "amendments",
        "awards",
        "bids",
        "contracts",
        "documents",
        "items",
        "lots",
        "milestones",
        "parties",
        "relatedProcesses",
        "suppliers",
        "tenderers",
        "transactions",
    )
)
#: What is a number where it stands in a cell as a text.
NUMBERS = frozenset(("amount", "quantity", "durationInDays", "numberOfTenderers"))
#: What is said of a sheet without columns.
EMPTY = "names no columns"
#: Names, parts of a path, and rows that are taken in.
MOST_SHEETS, MOST_PARTS, MOST_ROWS = 200, 20, 200_000


@dataclass(slots=True)
class _FlatRelease:
    """A release while it is put together."""

    #: Of the row that names it first.
    line: int
    value: dict[str, Any] = field(default_factory=dict)
    #: Entries by their list and id.
    named: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    #: By the path of a list, the entry of it that the row at hand speaks of.
    entries: dict[tuple[str | int, ...], dict[str, Any]] = field(default_factory=dict)

    def put(self, path: tuple[str | int, ...], cell: Cell) -> None:
        """Put a cell where its path says; ValueError where something else stands there."""
        shown = "/".join(map(str, path))
        here = self.value
        for number, part in enumerate(path[:-1]):
            if isinstance(part, int):
                continue
            following = path[number + 1]
            if isinstance(following, int) or part in LISTS:
                here = self._entry(here.setdefault(part, []), path, number + 1, cell, shown)
                continue
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise ValueError(f"{shown}: {part} is no object elsewhere")
        last = path[-1]
        if isinstance(last, int):
            raise ValueError(f"{shown}: ends in a number")
        value = _value(last, cell)
        if here.setdefault(last, value) != value:
            raise ValueError(f"{shown} is {str(value)[:40]!r} here, and {str(here[last])[:40]!r} before")

    def _entry(self, listed: Any, path: tuple[str | int, ...], behind: int, cell: Cell, shown: str) -> dict[str, Any]:
        """The entry of a list that the row speaks of: the one with its id, or a new one."""
        if not isinstance(listed, list):
            raise ValueError(f"{shown}: {path[behind - 1]} is no list elsewhere")
        place = path[behind] if isinstance(path[behind], int) else 0
        key = (*path[:behind], place)
        if key not in self.entries:
            # Cells that name an entry come before all others of it.
            name = text_of(cell) if path[-1] == "id" and len(path) - behind <= 2 else ""
            known = self.named.get((id(listed), name)) if name else None
            if known is None:
                known = {}
                listed.append(known)
                if name:
                    self.named[id(listed), name] = known
            self.entries[key] = known
        return self.entries[key]


def is_flattened(file: BinaryIO) -> bool:
    """Whether a workbook has a sheet whose first row names `ocid`; BadFile where it is none."""
    return any(OCID in (part.strip().partition("/")[0] for part in sheet.columns) for sheet in _sheets(file))


def read(reading: Reading) -> Iterator[EventGroup | Reject]:
    """The orders that a flattened workbook holds."""
    standing = LedgerStanding(reading.ask)
    ledger = LedgerLookups(standing.history, standing.known)
    found = unflattened(reading.file)
    return read_documents(
        found, reading.summary, ledger, strict=reading.strict, beat=reading.beat, lenient=reading.lenient
    )


def unflattened(file: BinaryIO) -> Iterator[Document | DocumentRemarks]:
    """Its releases, each as a package, in the order in which rows first name them; rows that name none are said."""
    releases: dict[tuple[str, str], _FlatRelease] = {}
    remarks: list[DocumentRemarks] = []
    rows = 0
    for sheet in _sheets(file):
        columns = [(place, tuple(path)) for place, name in enumerate(sheet.columns) if (path := _path(name))]
        for row in sheet.rows:
            rows += 1
            if rows > MOST_ROWS:
                raise BadFile([FileFault(row.line, f"the workbook has more than {MOST_ROWS:,} rows: part it")])
            where = f"sheet {sheet.name!r:.60}, row {row.line}"
            if isinstance(row, Reject):
                remarks.append(DocumentRemarks(row.line, "", f"{where}: {row.message}", fault=True))
                continue
            try:
                _take(releases, row, columns)
            except ValueError as error:
                remarks.append(DocumentRemarks(row.line, "", f"{where}: {error}", fault=True))
    yield from remarks
    for release in releases.values():
        yield Document(release.line, {"version": VERSION, "releases": [release.value], **_SHELL})


#: What a package says of itself, which a flattened workbook does not have.
_SHELL = {"uri": "workbook:flattened", "publishedDate": "1970-01-01T00:00:00Z", "publisher": {"name": "not said"}}


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    columns: Sequence[str]
    rows: Iterator[TableRow | Reject]


def _sheets(file: BinaryIO) -> Iterator[_Sheet]:
    with ExitStack() as opened:
        copy = copied(file)
        if copy is not file:
            opened.enter_context(copy)
        with WorkbookParts.of(copy) as parts:
            names = [name for name, part in sheets_of(parts).names.items() if part][:MOST_SHEETS]
        for name in names:
            try:
                workbook = Workbook(copy, Read(format="xlsx", sheet=name))
            except BadFile as bad:
                if EMPTY in bad.faults[0].message:
                    continue  # an empty sheet says nothing
                raise
            with closing(workbook) as sheet:
                yield _Sheet(name, sheet.columns, sheet.rows(range(len(sheet.columns))))


def _path(name: str) -> list[str | int]:
    parts = [part.strip() for part in name.strip().split("/")]
    if not name.strip() or len(parts) > MOST_PARTS or not all(parts):
        return []
    return [int(part) if part.isdecimal() and part.isascii() and len(part) < 6 else part for part in parts]


def _take(
    releases: dict[tuple[str, str], _FlatRelease], row: TableRow, columns: Sequence[tuple[int, tuple[str | int, ...]]]
) -> None:
    """Put a row's cells into the release that it names."""
    said = [(path, row.cells[place]) for place, path in columns if text_of(row.cells[place])]
    names = {path[0]: text_of(cell) for path, cell in said if len(path) == 1}
    if OCID not in names:
        if said:
            raise ValueError("names no ocid")
        return
    key = names[OCID], names.get(RELEASE_ID, "")
    release = releases.setdefault(key, _FlatRelease(row.line))
    release.entries = {}
    for path, cell in sorted(said, key=lambda one: (_depth(one[0]), one[0][-1] != "id")):
        release.put(path, cell)


def _depth(path: Sequence[str | int]) -> int:
    return sum(isinstance(part, int) or part in LISTS for part in path)


def _value(name: str, cell: Cell) -> Any:
    if isinstance(cell, bool):
        return cell
    text = text_of(cell)
    if name in LISTS_OF_TEXTS:
        return [part.strip() for part in text.split(";") if part.strip()]
    if name in NUMBERS:
        try:
            number = json.loads(text, parse_float=Decimal)
        except ValueError:
            return text  # the schema says what is wrong with it
        return number if isinstance(number, int | Decimal) else text
    return f"{text}T00:00:00Z" if name.lower().endswith("date") and len(text) == len("2024-01-01") else text
