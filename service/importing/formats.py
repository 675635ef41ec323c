"""Which formats there are, how a file tells which it has, and files opened as tables.

Whoever reads a file does so in a process of its own, and starts it for each: the libraries that only some formats need
are imported when one of these comes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from service.importing.events.cloud_events import is_cloud_event
from service.importing.ocds.documents import is_ocds
from service.importing.opening import opened
from service.importing.orders.mapping import Mapping, parse_mapping_text
from service.importing.orders.tables import Table as OrderTable
from service.importing.orders.tables.delimited import Delimited
from service.importing.plans import Plan
from service.importing.rates import is_header
from service.importing.regulations import rows as changes
from service.importing.regulations import screening_list
from service.importing.regulations import table as regulations
from service.importing.rows import BYTE_ORDER_MARK, BadFile, Fault, Row, header_of
from service.importing.standing import Standing


@dataclass(frozen=True, slots=True)
class Table:
    """A format of tables in CSV."""

    columns: tuple[str, ...]
    #: Columns that may be there, too; None: any.
    others: tuple[str, ...] | None
    #: The columns by which it is told from others.
    telling: frozenset[str]
    #: Given the rows, what the ledger says, and whether to register unknown organisations.
    plan: Callable[[list[Row], Standing, bool], Plan]


TABLES: dict[str, Table] = {
    "regulations": Table(
        changes.COLUMNS,
        changes.OTHER_COLUMNS,
        frozenset(("event_id", "jurisdiction", "effective_from", "kind")),
        lambda rows, standing, register: regulations.plan_regulations(rows, standing),
    ),
    "screening-list": Table(
        screening_list.COLUMNS,
        None,
        frozenset(("source", "federal_register_notice", "alt_names")),
        lambda rows, standing, register: screening_list.plan_screening_list(rows, standing, register=register),
    ),
}
NDJSON = "ndjson"
CLOUD_EVENTS = "cloudevents"
RATES = "ecb-rates"
OCDS = "ocds"
#: Tables of order lines, read as a mapping says.
ORDERS = ("csv", "tsv", "xlsx", "parquet")
FORMATS = (*TABLES, NDJSON, CLOUD_EVENTS, RATES, OCDS, *ORDERS)
#: Formats whose faulty parts can be left out.
PARTIAL = (NDJSON, CLOUD_EVENTS, RATES, OCDS, *ORDERS)
#: What these files begin with.
BEGINNINGS = {b"PK\x03\x04": "xlsx", b"PAR1": "parquet"}
#: The first line is looked at no further than this.
LONGEST_HEADER_BYTES = 65_536
#: Tables that are read as a whole.
LARGEST_TABLE_BYTES = 64 * 1024 * 1024


def guess_format(file: BinaryIO, mapping: tuple[str, bytes] | None = None) -> str:
    """The format of a file, by how it begins; BadFile where it is none that is known.

    With a mapping (its name and TOML) any table is one of order lines, and the mapping may say of which kind.
    """
    stated = parse_mapping_text(*mapping).read.format if mapping is not None else None
    if stated is not None:
        return stated
    file = opened(file)
    head = file.read(LONGEST_HEADER_BYTES)
    for beginning, name in BEGINNINGS.items():
        if head.startswith(beginning):
            return name
    if is_ocds(head):
        return OCDS
    head = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not head:
        raise BadFile([Fault(1, f"the file is empty: nothing stands in its first {LONGEST_HEADER_BYTES:,} bytes")])
    first = head.partition(b"\n")[0]
    if first.startswith(b"{"):
        return CLOUD_EVENTS if is_cloud_event(first) else NDJSON
    text = first.decode("utf-8", "replace")
    if mapping is not None:
        return "tsv" if "\t" in text and "," not in text else "csv"
    header = header_of(text)
    for name, table in TABLES.items():
        if table.telling <= set(header):
            return name
    if is_header(header):
        return RATES
    message = f"is the header of no known format ({', '.join(FORMATS)}): give --format, or --mapping for order lines"
    raise BadFile([Fault(1, message)])


def refuse_another(file: BinaryIO, chosen: str) -> None:
    """BadFile where a file begins as one of another format does."""
    file.seek(0)
    head = file.read(max(map(len, BEGINNINGS)))
    for beginning, name in BEGINNINGS.items():
        if head.startswith(beginning) and chosen != name:
            what = "a workbook or another zip archive" if name == "xlsx" else "a Parquet file"
            raise BadFile([Fault(1, f"is {what} by how it begins, and not {chosen}")])


def open_table(file: BinaryIO, kind: str, mapping: Mapping) -> OrderTable:
    """A file as a table; BadFile where it is none of this kind."""
    read = mapping.read
    if kind == "xlsx":
        from service.importing.orders.tables.workbook import Workbook

        return Workbook(file, read.sheet, read.header)
    if kind == "parquet":
        from service.importing.orders.tables.columnar import Columnar

        return Columnar(file, floats=read.float == "accept")
    return Delimited(file, read.delimiter or ("\t" if kind == "tsv" else ","), read.encoding)
