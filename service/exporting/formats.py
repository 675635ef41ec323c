"""The formats in which a view's answer is given: their names, media types and writers."""

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from service.asking.columns import Table, context
from service.asking.pages import Entries
from service.asking.views import View
from service.exporting.delimited import write_csv


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted of an answer."""

    view: View
    #: The table, of formats that hold one.
    table: Table
    #: Of CSV: whether text that a spreadsheet would run is guarded.
    guarded: bool = True
    #: Of CSV: whether it begins with the mark by which Excel knows that it is UTF-8.
    marked: bool = False

    def context(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """What the answer says besides its tables."""
        return context(answer, self.view.listed)


#: What Excel takes for a sign that a file is UTF-8; without it, it reads it in the code page of the system.
BYTE_ORDER_MARK = BOM_UTF8
Write = Callable[[BinaryIO, Mapping[str, Any], Choice], None]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format."""

    name: str
    media_type: str
    write: Write
    #: Whether a terminal can show it.
    is_text: bool = False


def _write_json(output: BinaryIO, answer: Mapping[str, Any], choice: Choice) -> None:
    for number, (name, value) in enumerate(answer.items()):
        output.write(f"{', ' if number else '{'}{json.dumps(name)}: ".encode())
        if isinstance(value, Entries):
            # One after the other: they are never all in memory.
            for place, entry in enumerate(value):
                output.write(b", " if place else b"[")
                output.write(json.dumps(entry, ensure_ascii=False).encode())
            output.write(b"]")
        else:
            output.write(json.dumps(value, ensure_ascii=False).encode())
    output.write(b"}")


def _write_csv(output: BinaryIO, answer: Mapping[str, Any], choice: Choice) -> None:
    if choice.marked:
        output.write(BYTE_ORDER_MARK)
    write_csv(output, choice.table.columns, choice.table.rows(answer), guarded=choice.guarded)


def _write_ndjson(output: BinaryIO, answer: Mapping[str, Any], choice: Choice) -> None:
    names = [column.name for column in choice.table.columns]
    output.writelines(
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False).encode() + b"\n"
        for row in choice.table.rows(answer)
    )


# Arrow's Parquet and openpyxl take their time to import: only who asks for such a file waits for them.


def _write_parquet(output: BinaryIO, answer: Mapping[str, Any], choice: Choice) -> None:
    from service.exporting.columnar import Portions, write_parquet

    write_parquet(output, Portions(choice.table.columns, choice.table.rows(answer), choice.context(answer)))


def _write_arrow(output: BinaryIO, answer: Mapping[str, Any], choice: Choice) -> None:
    from service.exporting.columnar import Portions, write_arrow

    write_arrow(output, Portions(choice.table.columns, choice.table.rows(answer), choice.context(answer)))


def _write_xlsx(output: BinaryIO, answer: Mapping[str, Any], choice: Choice) -> None:
    from service.exporting.spreadsheets import WorkbookSheet, write_xlsx

    others = [table for table in choice.view.tables if table is not choice.table]
    sheets = [WorkbookSheet(table.name, table.columns, table.rows(answer)) for table in (choice.table, *others)]
    write_xlsx(output, sheets, choice.context(answer))


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: dict[str, ExportFormat] = {
    one.name: one
    for one in (
        ExportFormat("json", "application/json", _write_json, is_text=True),
        ExportFormat("csv", "text/csv", _write_csv, is_text=True),
        ExportFormat("ndjson", "application/x-ndjson", _write_ndjson, is_text=True),
        ExportFormat("parquet", "application/vnd.apache.parquet", _write_parquet),
        ExportFormat("arrow", "application/vnd.apache.arrow.stream", _write_arrow),
        ExportFormat("xlsx", XLSX, _write_xlsx),
    )
}
