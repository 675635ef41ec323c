"""The formats that files come in: how each is told, and how each is recorded."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from service.daybook import Daybook
from service.importers import changes, regulations, screening_list
from service.importers.ndjson import import_ndjson
from service.importers.plans import Plan, Progress, Recorder, Summary, read_entries
from service.importers.rows import BYTE_ORDER_MARK, BadFile, Fault, Row, header_of, read_rows
from service.importers.standing import Standing


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
FORMATS = (*TABLES, NDJSON)
#: The first line is looked at no further than this.
LONGEST_HEADER_BYTES = 65_536
#: Hexadecimal digits of a file's SHA-256 that its events carry as their correlation id.
CORRELATION_DIGITS = 32


def guess_format(file: BinaryIO) -> str:
    """The format of a file, by its first line; BadFile where it is none that is known."""
    file.seek(0)
    first = b""
    while not first.strip():
        first = file.readline(LONGEST_HEADER_BYTES)
        if not first:
            raise BadFile([Fault(1, "the file is empty")])
        first = first.removeprefix(BYTE_ORDER_MARK)
    if first.lstrip().startswith(b"{"):
        return NDJSON
    header = set(header_of(first.decode("utf-8", "replace")))
    for name, table in TABLES.items():
        if table.telling <= header:
            return name
    raise BadFile([Fault(1, f"is the header of no known format ({', '.join(FORMATS)}): give --format")])


def import_file(
    daybook: Daybook,
    file: BinaryIO,
    summary: Summary,
    *,
    register: bool = False,
    progress: Progress = lambda done, total: None,
) -> None:
    """Record what a file says, as the summary's format has it, and fill in the summary.

    The file must be seekable. Raises BadFile and Refused, with nothing recorded.
    """
    recorder = Recorder(daybook, summary, f"import:{_digest(file)[:CORRELATION_DIGITS]}")
    if summary.format == NDJSON:
        import_ndjson(file, recorder, summary, progress)
        return
    table = TABLES[summary.format]
    file.seek(0)
    rows = read_rows(file.read(), table.columns, table.others)
    summary.rows = len(rows)
    progress(0, len(rows))
    summary.plan = table.plan(rows, Standing(daybook), register)
    recorder.record(summary.plan.entries, read_entries(summary.plan.entries))
    progress(len(rows), len(rows))


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
