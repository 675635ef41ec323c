"""XLSX: a sheet for every table and one for what was asked; numbers as numbers where a double keeps every digit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from rich.cells import cell_len

from domain.errors import Invalid
from service.asking.columns import Column, ColumnKind, flattened
from service.exporting.delimited import compact

#: A spreadsheet computes in doubles, which keep any decimal of so many digits.
KEPT_DIGITS = 15
#: The format's own limits.
MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
#: Days before this one are counted wrongly by some spreadsheets (they have a 29 February 1900).
FIRST_DAY = date(1900, 3, 1)
WHOLE_FIGURE, BROKEN_FIGURE, DAY = "#,##0", "#,##0.0#####", "yyyy-mm-dd"
NARROWEST, WIDEST = 8, 60
#: Rows that a column's width is judged by.
JUDGED_ROWS = 200
#: What XML cannot hold, and what would be read as standing for such a character (ECMA-376, 22.9.2.19).
UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
NUMBERS = (ColumnKind.FIGURE, ColumnKind.EXACT, ColumnKind.RATIO, ColumnKind.WHOLE)


@dataclass(frozen=True, slots=True)
class WorkbookSheet:
    """One sheet in the making."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]


def write_xlsx(output: BinaryIO, sheets: Sequence[WorkbookSheet], context: Mapping[str, Any]) -> None:
    """Write sheets, and after the first a sheet `context` with what was asked, by name and value."""
    book = Workbook(write_only=True)
    asked = WorkbookSheet("context", (Column("name"), Column("value", ColumnKind.TEXT)), [])
    for sheet in (sheets[0], asked, *sheets[1:]):
        page = book.create_sheet(sheet.name)
        page.freeze_panes = "A2"
        if sheet is asked:
            _add_context(page, context)
        else:
            _add_rows(page, sheet)
    book.save(output)


def _add_rows(page: Any, sheet: WorkbookSheet) -> None:
    rest = iter(sheet.rows)
    first = list(islice(rest, JUDGED_ROWS))
    for place, column in enumerate(sheet.columns):
        shown = [column.name, *(_shown(row[place]) for row in first)]
        width = min(max(NARROWEST, *(cell_len(text) + 2 for text in shown)), WIDEST)
        page.column_dimensions[get_column_letter(place + 1)].width = width
    page.append([_header(page, column.name) for column in sheet.columns])
    for number, row in enumerate(chain(first, rest), start=1):
        if number >= MOST_ROWS:
            message = f"{sheet.name} has more rows than a spreadsheet's {MOST_ROWS - 1}: ask for csv or parquet"
            raise Invalid.at("/format", message)
        page.append([_cell(page, value, column.kind) for value, column in zip(row, sheet.columns, strict=True)])


def _add_context(page: Any, context: Mapping[str, Any]) -> None:
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 32, WIDEST
    page.append([_header(page, "name"), _header(page, "value")])
    for name, value in flattened(context):
        kind = ColumnKind.STRUCTURE if isinstance(value, list) else _kind_of(name, value)
        page.append([_cell(page, name, ColumnKind.WORD), _cell(page, value, kind)])


def _kind_of(name: str, value: Any) -> ColumnKind:
    if isinstance(value, bool):
        return ColumnKind.FLAG
    if isinstance(value, int | float):
        return ColumnKind.RATIO
    # Of text, only totals are figures: a parameter stays as it was sent.
    return ColumnKind.FIGURE if name.startswith("total.") and not name.endswith(".unit") else ColumnKind.TEXT


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _header(page: Any, text: str) -> Cell:
    cell = _text(page, text)
    cell.font = Font(bold=True)
    return cell


def _cell(page: Any, value: Any, kind: ColumnKind) -> Any:
    if value is None:
        return None
    if kind is ColumnKind.FLAG:
        return value
    if kind in NUMBERS and is_kept(text := repr(value) if isinstance(value, float) else str(value)):
        return _number(page, text, kind)
    if kind is ColumnKind.DAY and (day := date.fromisoformat(value)) >= FIRST_DAY:
        cell = WriteOnlyCell(page, datetime.combine(day, time()))
        cell.number_format = DAY
        return cell
    return _text(page, compact(value) if kind is ColumnKind.STRUCTURE else str(value))


def is_kept(text: str) -> bool:
    """Whether a double keeps every digit of a decimal."""
    digits = "".join(map(str, Decimal(text).as_tuple().digits)).strip("0")
    return len(digits) <= KEPT_DIGITS


def _number(page: Any, text: str, kind: ColumnKind) -> Cell:
    # The digits themselves: given a number, the library writes 16 digits of the double, and 9.95 is no longer 9.95.
    cell = WriteOnlyCell(page, text)
    cell.data_type = "n"
    if kind in (ColumnKind.FIGURE, ColumnKind.EXACT):
        cell.number_format = BROKEN_FIGURE if "." in text else WHOLE_FIGURE
    return cell


def _text(page: Any, text: str) -> Cell:
    """Text as text, also where it begins as a formula does."""
    if len(text) > LONGEST_TEXT:
        note = f" ... ({len(text)} characters: ask for json)"
        text = text[: LONGEST_TEXT - len(note)] + note
    cell = WriteOnlyCell(page, UNSPEAKABLE.sub(lambda found: f"_x{ord(found.group()):04X}_", text))
    cell.data_type = "s"
    return cell
