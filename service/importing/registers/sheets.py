"""A table of any kind as rows of texts by column, whatever stands between its columns."""

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from typing import BinaryIO

from service.importing.causes import FaultsByCause
from service.importing.items import Reject
from service.importing.orders.mapping_parts import Read
from service.importing.orders.suggesting.beginnings import how_to_read, kind_of
from service.importing.orders.tables import SourceTable, text_of
from service.importing.rows import BadFile, FileFault, Row

#: Rows of a register that are read: more are no register that somebody keeps in a table.
MOST_ROWS = 1_000_000


def open_sheet(file: BinaryIO, read: Read | None = None, beat: Callable[[], None] = lambda: None) -> SourceTable:
    """A file as a table, to be closed; how it is read is found out where it is not said. BadFile where it is none."""
    from service.importing.formats import FORMATS

    kind = kind_of(file)
    if read is None:
        read, _ = how_to_read(file, kind, beat)
    table: SourceTable = FORMATS[kind].reader().open_table(file, kind, read)
    return table


def sheet_rows(
    file: BinaryIO, required: Collection[str], beat: Callable[[], None], read: Read | None = None
) -> list[Row]:
    """All rows of a table that has these columns; BadFile lists what is wrong, by line."""
    faults = FaultsByCause(mends=())
    rows: list[Row] = []
    with closing(open_sheet(file, read, beat)) as table:
        columns = list(table.columns)
        _refuse_columns(columns, required)
        for row in table.rows(range(len(columns))):
            if len(rows) % 1_000 == 0:
                beat()
            if isinstance(row, Reject):
                faults.add(row.line, row.message)
            elif len(rows) >= MOST_ROWS:
                raise BadFile([FileFault(row.line, f"is beyond the {MOST_ROWS:,} rows that such a table has")])
            else:
                rows.append(
                    Row(row.line, {column: text_of(cell) for column, cell in zip(columns, row.cells, strict=True)})
                )
    faults.refuse()
    return rows


def _refuse_columns(columns: Sequence[str], required: Collection[str]) -> None:
    missing = [column for column in required if column not in columns]
    twice = [column for column in required or dict.fromkeys(columns) if column and columns.count(column) > 1]
    if missing or twice:
        what = f"lacks the columns {', '.join(missing)}" if missing else f"names twice {', '.join(twice)}"
        raise BadFile([FileFault(1, f"the header {what}")])
