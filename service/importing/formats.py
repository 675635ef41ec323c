"""Which formats of files there are, and all that is known of each before a file is read: the table of importers.

A new one is a module under its kind and an entry here. What reads it, the command, the routes and their description
take the rest from the entry. Modules are imported when the first file comes that needs them: each file is read by a
process of its own, which has to start fast.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Literal

from service.importing.ocds.documents import is_ocds
from service.importing.opening import ECB_XML, LOOKED_AT_XML_BYTES, opened
from service.importing.rows import BYTE_ORDER_MARK, BadFile, FileFault, header_of

if TYPE_CHECKING:  # needed by few files
    from service.importing.orders.mapping import OrderMapping
    from service.importing.orders.tables import SourceTable

#: How a module gives what a file says; each names what it has to have.
#: lines: nothing, its lines are event requests as they are posted.
#: stream: `read(reading)`, which yields EventGroups and Rejects (items.py).
#: table: `COLUMNS`, `OTHER_COLUMNS` (None: any) and `plan(rows, standing, *, register)`, which returns an ImportPlan.
#: sheet: as a table, but of any kind (CSV, TSV, XLSX, Parquet), with any other columns.
#: register: such a table, whose columns are found by usual names or as a mapping says: `plan(rows, standing, mapping)`.
#: document: `rows_of(data)`, which returns its rows, and `plan(rows, standing, *, register)`.
#: orders: `open_table(file, kind, read)`, which returns a SourceTable of order lines, read as a mapping says.
Reads = Literal["lines", "stream", "table", "sheet", "register", "document", "orders"]

CSV = "text/csv"
LINES_OF_JSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
JSON = "application/json"
TSV = "text/tab-separated-values"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
SHEETS = (CSV, TSV, XLSX, PARQUET)
#: A flattened workbook of open contracting data.
FLATTENED = "ocds-workbook"
#: What stands in a table of any kind.
IN_SHEETS = ("sheet", "register")


@dataclass(frozen=True, slots=True)
class FileHead:
    """How a file begins."""

    start: bytes

    @property
    def text(self) -> bytes:
        """Without byte order mark and the space before the first line."""
        return self.start.removeprefix(BYTE_ORDER_MARK).lstrip()

    @property
    def line(self) -> bytes:
        """The first line with something on it."""
        return self.text.partition(b"\n")[0]

    @property
    def is_object(self) -> bool:
        """Whether that begins as an object of JSON."""
        return self.text.startswith(b"{")

    @property
    def columns(self) -> Sequence[str]:
        """What that names as a header of CSV; none of an object."""
        return () if self.is_object else header_of(self.line.decode("utf-8", "replace"))

    @property
    def sheet_columns(self) -> Sequence[str]:
        """What that names as a header with any usual sign between its columns."""
        if self.is_object:
            return ()
        line = self.line.decode("utf-8", "replace")
        return max((header_of(line, sign) for sign in ",;\t|"), key=len)


def _sheet_has(*columns: str) -> Callable[[FileHead], bool]:
    """Whether a table of any kind has these columns, and others or none."""
    return lambda head: set(columns) <= set(head.sheet_columns)


def _has(*columns: str) -> Callable[[FileHead], bool]:
    """Whether a header has these columns, and others or none."""
    return lambda head: set(columns) <= set(head.columns)


def _of_cloud_events(head: FileHead) -> bool:
    return head.is_object and b'"specversion"' in head.line and not _of_ocds(head)


def _of_ocds(head: FileHead) -> bool:
    return is_ocds(head.start)


def _of_rates(head: FileHead) -> bool:
    from service.importing.rates import is_header

    return is_header(head.columns)


@dataclass(frozen=True, slots=True)
class ImportFormat:
    """One format of files."""

    name: str
    #: The module that reads it.
    module: str
    reads: Reads
    #: The media types that its files may be sent as.
    media_types: tuple[str, ...]
    #: Whether a file seems to be one, asked in the order of the formats; None: by `begins`, or a mapping, alone.
    known_by: Callable[[FileHead], bool] | None = None
    #: Asked after all others: these are known by more.
    known_last: bool = False
    #: What every file of it begins with, and no other.
    begins: bytes = b""
    #: What a file is that begins so.
    is_then: str = ""
    #: Whether faulty parts can be left out.
    partial: bool = True
    #: Whether it can register organisations that the ledger does not know, or report them.
    registers: bool = False
    #: Whether it can take more than its standard allows.
    lenient: bool = False

    @property
    def takes_mapping(self) -> bool:
        """Whether a mapping may say what its columns are."""
        return self.reads in ("orders", "register")

    @property
    def mapped(self) -> bool:
        """Whether it is a table of order lines, which needs a mapping."""
        return self.reads == "orders"

    def reader(self) -> ModuleType:
        """The module that reads it."""
        return import_module(f"service.importing.{self.module}")


def _of_screening(head: FileHead) -> bool:
    from service.importing.regulations.screening_files import is_one

    return _has("source", "federal_register_notice", "alt_names")(head) or is_one(head.start)


def _register(kind: str) -> Callable[[FileHead], bool]:
    def known(head: FileHead) -> bool:
        from service.importing.registers.headers import kind_of_columns

        return kind_of_columns(head.sheet_columns) == kind

    return known


def _of_ecb_xml(head: FileHead) -> bool:
    return any(sign in head.start[:LOOKED_AT_XML_BYTES] for sign in ECB_XML)


_FORMATS = (
    ImportFormat(
        "regulations",
        "regulations.table",
        "table",
        (CSV,),
        _has("event_id", "jurisdiction", "effective_from", "kind"),
        partial=False,
    ),
    ImportFormat(
        "screening-list",
        "regulations.screening_files",
        "document",
        (CSV, JSON),
        _of_screening,
        partial=False,
        registers=True,
    ),
    ImportFormat(
        "duplicates",
        "registers.decisions",
        "sheet",
        SHEETS,
        _sheet_has("organization_id", "other_id", "decision"),
        partial=False,
    ),
    ImportFormat(
        "ndjson", "events.lines", "lines", (*LINES_OF_JSON, JSON), lambda head: head.is_object, known_last=True
    ),
    ImportFormat(
        "cloudevents",
        "events.cloud_events",
        "stream",
        (*LINES_OF_JSON, JSON, "application/cloudevents+json"),
        _of_cloud_events,
    ),
    ImportFormat("ecb-rates", "rates", "stream", (CSV,), _of_rates),
    ImportFormat(
        "ecb-xml", "registers.ecb_xml", "document", ("application/xml", "text/xml"), _of_ecb_xml, partial=False
    ),
    *(
        ImportFormat(kind, f"registers.{kind}", "register", SHEETS, _register(kind), known_last=True, partial=False)
        for kind in ("organizations", "products", "rates")
    ),
    ImportFormat("ocds", "ocds.orders", "stream", (*LINES_OF_JSON, JSON), _of_ocds, lenient=True),
    ImportFormat(FLATTENED, "ocds.flattened", "stream", (XLSX,), lenient=True),
    ImportFormat("csv", "orders.tables.delimited", "orders", (CSV,)),
    ImportFormat("tsv", "orders.tables.delimited", "orders", (CSV, TSV)),
    ImportFormat(
        "xlsx",
        "orders.tables.workbook",
        "orders",
        (XLSX,),
        begins=b"PK\x03\x04",
        is_then="a workbook or another zip archive",
    ),
    ImportFormat(
        "parquet",
        "orders.tables.columnar",
        "orders",
        (PARQUET,),
        begins=b"PAR1",
        is_then="a Parquet file",
    ),
)
FORMATS = {one.name: one for one in _FORMATS}
#: Tables of order lines, read as a mapping says.
ORDERS = tuple(one.name for one in _FORMATS if one.mapped)
#: Formats whose faulty parts can be left out.
PARTIAL = tuple(one.name for one in _FORMATS if one.partial)
#: The first line is looked at no further than this.
LONGEST_HEADER_BYTES = 65_536
#: Tables that are read as a whole.
LARGEST_TABLE_BYTES = 64 * 1024 * 1024


def guess_format(file: BinaryIO, mapping: tuple[str, bytes] | None = None) -> str:
    """The format of a file, by how it begins; BadFile where it is none that is known.

    With a mapping (its name and TOML) any table is one of order lines, and the mapping may say of which kind.
    """
    if mapping is not None and (stated := _stated_by(mapping)) is not None:
        return stated
    file = opened(file)
    start = file.read(LONGEST_HEADER_BYTES)
    for one in _FORMATS:
        if one.begins and start.startswith(one.begins):
            return one.name if mapping is not None else _of_sheet(file, one.name) or one.name
    head = FileHead(start)
    if not head.text:
        raise BadFile([FileFault(1, f"the file is empty: nothing stands in its first {LONGEST_HEADER_BYTES:,} bytes")])
    for one in sorted(_FORMATS, key=lambda one: one.known_last):
        if mapping is not None and CSV in one.media_types:
            continue  # with a mapping a table is one of order lines
        if one.known_by is not None and one.known_by(head):
            return one.name
    if mapping is not None:
        return "tsv" if b"\t" in head.line and b"," not in head.line else "csv"
    message = f"is the header of no known format ({', '.join(FORMATS)}): give --format, or --mapping for order lines"
    raise BadFile([FileFault(1, message)])


def _of_sheet(file: BinaryIO, kind: str) -> str | None:
    """What a workbook or a Parquet file is by the columns that its table has; None: order lines, or unknown."""
    from service.importing.ocds.flattened import is_flattened
    from service.importing.registers.sheets import open_sheet

    try:
        if kind == "xlsx" and is_flattened(file):
            return FLATTENED
        with closing(open_sheet(file)) as table:
            head = FileHead("\t".join(table.columns).encode())
    except BadFile:
        return None  # who reads it says what is wrong
    return next((one.name for one in _FORMATS if one.reads in IN_SHEETS and one.known_by and one.known_by(head)), None)


def refuse_another(file: BinaryIO, chosen: str) -> None:
    """BadFile where a file begins as one of another format does."""
    file.seek(0)
    start = file.read(max(len(one.begins) for one in _FORMATS))
    if FORMATS[chosen].reads in IN_SHEETS or (chosen == FLATTENED and start.startswith(FORMATS["xlsx"].begins)):
        return
    for one in _FORMATS:
        if one.begins and start.startswith(one.begins) and chosen != one.name:
            raise BadFile([FileFault(1, f"is {one.is_then} by how it begins, and not {chosen}")])


def open_table(file: BinaryIO, kind: str, mapping: "OrderMapping") -> "SourceTable":
    """A file of order lines as a table; BadFile where it is none of this kind."""
    table: SourceTable = FORMATS[kind].reader().open_table(file, kind, mapping.read)
    return table


def _stated_by(mapping: tuple[str, bytes]) -> str | None:
    """What a mapping says it reads; raises BadMapping."""
    from service.importing.orders.mapping import parse_mapping_text
    from service.importing.registers.mapping import parse_register_mapping, stated_kind

    if stated_kind(*mapping) is not None:
        return parse_register_mapping(*mapping).kind

    return parse_mapping_text(*mapping).read.format
