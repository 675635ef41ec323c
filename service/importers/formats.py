"""The formats that files come in: how each is told, and how each is recorded."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from service.daybook import Daybook
from service.importers import changes, regulations, screening_list
from service.importers.cloud_events import is_cloud_event, read_cloud_events
from service.importers.mapping import BadMapping, Mapping, load_mapping
from service.importers.ndjson import import_ndjson
from service.importers.ocds import Ledger, read_ocds
from service.importers.ocds_documents import is_ocds
from service.importers.opening import opened
from service.importers.order_lines import OrderLines
from service.importers.plans import ACTOR, Plan, Progress, Recorder, Summary, read_entries
from service.importers.rates import is_header, read_rates
from service.importers.registered import Registered
from service.importers.rows import BYTE_ORDER_MARK, BadFile, Fault, Row, header_of, read_rows
from service.importers.standing import Standing
from service.importers.streaming import Options, check_stream, record_stream
from service.importers.tables import Table as OrderTable
from service.importers.tables.columnar import Columnar
from service.importers.tables.delimited import Delimited
from service.importers.tables.workbook import Workbook


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
#: Hexadecimal digits of a file's SHA-256 that its events carry as their correlation id.
CORRELATION_DIGITS = 32

#: Told how many rows are read.
Reading = Callable[[int], None]


def guess_format(file: BinaryIO, mapping: str | None = None) -> str:
    """The format of a file, by how it begins; BadFile where it is none that is known.

    With a mapping (of that name) any table is one of order lines, and the mapping may say of which kind.
    """
    stated = load_mapping(mapping).read.format if mapping is not None else None
    if stated is not None:
        return stated
    file = opened(file)
    file.seek(0)
    first = file.read(4)
    if first in BEGINNINGS:
        return BEGINNINGS[first]
    file.seek(0)
    if is_ocds(file.read(LONGEST_HEADER_BYTES)):
        return OCDS
    file.seek(0)
    first = b""
    while not first.strip():
        first = file.readline(LONGEST_HEADER_BYTES)
        if not first:
            raise BadFile([Fault(1, "the file is empty")])
        first = first.removeprefix(BYTE_ORDER_MARK)
    if first.lstrip().startswith(b"{"):
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


def import_file(
    daybook: Daybook,
    file: BinaryIO,
    summary: Summary,
    options: Options | None = None,
    *,
    actor: str = ACTOR,
    progress: Progress = lambda done, total: None,
    reading: Reading = lambda rows: None,
) -> None:
    """Record what a file says, as the summary's format has it, and fill in the summary.

    The file must be seekable; gzip is read transparently. Raises BadFile and BadMapping with nothing recorded, and
    Refused: with nothing recorded of files of up to 10,000 events, else `summary.recorded` says what was.
    """
    options = options or Options(dry_run=summary.dry_run)
    file = opened(file)
    recorder = Recorder(daybook, summary, f"import:{_digest(file)[:CORRELATION_DIGITS]}", actor)
    if summary.format == NDJSON:
        import_ndjson(file, recorder, summary, options, progress)
    elif summary.format == CLOUD_EVENTS:
        if not options.continue_on_error:
            check_stream(read_cloud_events(file, summary))
        record_stream(read_cloud_events(file, summary), recorder, summary, options, progress)
    elif summary.format == RATES:
        source = read_rates(file, summary, strict=not options.continue_on_error)
        record_stream(source, recorder, summary, options, progress)
    elif summary.format == OCDS:
        ledger = Ledger(daybook.ledger.history, recorder.known)
        source = read_ocds(file, summary, ledger, strict=not options.continue_on_error)
        record_stream(source, recorder, summary, options, progress)
    elif summary.format in ORDERS:
        _import_orders(daybook, file, recorder, summary, options, progress, reading)
    else:
        _import_table(daybook, file, recorder, summary, options, progress)


def _import_table(
    daybook: Daybook, file: BinaryIO, recorder: Recorder, summary: Summary, options: Options, progress: Progress
) -> None:
    table = TABLES[summary.format]
    file.seek(0)
    data = file.read(LARGEST_TABLE_BYTES + 1)
    if len(data) > LARGEST_TABLE_BYTES:
        raise BadFile([Fault(1, f"is larger than {LARGEST_TABLE_BYTES:,} bytes, and so no table of {summary.format}")])
    rows = read_rows(data, table.columns, table.others)
    summary.rows = len(rows)
    progress(0, len(rows))
    summary.plan = table.plan(rows, Standing(daybook), options.register)
    recorder.record(summary.plan.entries, read_entries(summary.plan.entries))
    progress(len(rows), len(rows))


def _import_orders(
    daybook: Daybook,
    file: BinaryIO,
    recorder: Recorder,
    summary: Summary,
    options: Options,
    progress: Progress,
    reading: Reading,
) -> None:
    if options.mapping is None:
        message = "a table of order lines needs a mapping, which says what its columns mean (--mapping FILE, or scms)"
        raise BadMapping("of no name", [message])
    mapping = load_mapping(options.mapping)
    standing = Standing(daybook)
    registered = Registered(mapping.name, standing.bearers, standing.products)
    keep_raw = options.rejects is not None
    with (
        closing(open_table(file, summary.format, mapping)) as table,
        closing(OrderLines(table, mapping, summary, registered=registered, keep_raw=keep_raw)) as orders,
    ):
        orders.read(reading)
        if not options.continue_on_error:
            orders.refuse_faults()
        record_stream(orders.groups(), recorder, summary, options, progress)


def open_table(file: BinaryIO, kind: str, mapping: Mapping) -> OrderTable:
    """A file as a table; BadFile where it is none of this kind."""
    read = mapping.read
    if kind == "xlsx":
        return Workbook(file, read.sheet, read.header)
    if kind == "parquet":
        return Columnar(file, floats=read.float == "accept")
    return Delimited(file, read.delimiter or ("\t" if kind == "tsv" else ","), read.encoding)


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
