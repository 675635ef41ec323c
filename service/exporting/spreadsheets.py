"""XLSX: a sheet for every table, what was asked, and a chart of shares; numbers where a double keeps every digit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell.cell import Cell, WriteOnlyCell
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
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
PERCENTAGE, NUMBER, TEXT_FORMAT = "0.0%", "#,##0.00", "@"
#: Ratios that are no parts of a whole, each with its bounds.
NO_SHARES = ("hhi", "effective_vendors", "score", "names_alike")
#: Bars of a chart: the first rows, which are the largest.
MOST_BARS = 20
CHART_CM = (24, 14)
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
    """Write sheets, and after the first a sheet `context` with what was asked, by name and value.

    `context` also says how many figures have more digits than a spreadsheet keeps: they stand as text, whole.
    """
    book = Workbook(write_only=True)
    pages = {name: book.create_sheet(name) for name in (sheets[0].name, "context", *(one.name for one in sheets[1:]))}
    for page in pages.values():
        page.freeze_panes = "A2"
    as_text = 0
    for sheet in sheets:
        rows, texts = _add_rows(pages[sheet.name], sheet)
        as_text += texts
        if sheet is sheets[0] and rows:
            _add_chart(book, pages[sheet.name], sheet, rows)
    _add_context(pages["context"], {**context, "figures_as_text": as_text})
    book.save(output)


def _add_rows(page: Any, sheet: WorkbookSheet) -> tuple[int, int]:
    """Write a sheet; returns how many rows it has, and how many figures stand as text."""
    rest, number, as_text = iter(sheet.rows), 0, 0
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
        cells = [_cell(page, value, column, row[0]) for value, column in zip(row, sheet.columns, strict=True)]
        as_text += sum(isinstance(cell, Cell) and cell.number_format == TEXT_FORMAT for cell in cells)
        page.append(cells)
    if number:
        _add_table(page, sheet, number)
    return number, as_text


def _add_table(page: Any, sheet: WorkbookSheet, rows: int) -> None:
    """Make what was written a table of the spreadsheet, which can be filtered, sorted and named."""
    ref = f"A1:{get_column_letter(len(sheet.columns))}{rows + 1}"
    # Prefixed, since some names are words or cells of a spreadsheet's own.
    table = Table(displayName=f"daybook_{sheet.name}", ref=ref, autoFilter=AutoFilter(ref=ref))
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    table.tableColumns = [TableColumn(id=number, name=one.name) for number, one in enumerate(sheet.columns, start=1)]
    # Its own method warns that columns are to be added by hand, as they are.
    page.tables.add(table)


def _add_chart(book: Workbook, page: Any, sheet: WorkbookSheet, rows: int) -> None:
    """Draw the shares of the first rows, where these are of one day and have some."""
    names = [column.name for column in sheet.columns]
    if "share" not in names or "effective_on" in names:
        return
    last = min(rows, MOST_BARS) + 1
    chart = BarChart()
    chart.type, chart.legend, chart.title = "bar", None, "Shares"
    share, name = (names.index(one) + 1 for one in ("share", "name"))
    chart.add_data(Reference(page, min_col=share, min_row=1, max_row=last), titles_from_data=True)
    chart.set_categories(Reference(page, min_col=name, min_row=2, max_row=last))
    chart.y_axis.number_format, chart.y_axis.scaling.min = "0%", 0
    # The largest stands at the top; both axes are shown.
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.width, chart.height = CHART_CM
    book.create_sheet("chart").add_chart(chart, "A1")


def _add_context(page: Any, context: Mapping[str, Any]) -> None:
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 32, WIDEST
    page.append([_header(page, "name"), _header(page, "value")])
    for name, value in flattened(context):
        kind = ColumnKind.STRUCTURE if isinstance(value, list) else _kind_of(name, value)
        column = Column(name.rpartition(".")[2], kind)
        page.append([_text(page, name), _cell(page, value, column, name)])


def _kind_of(name: str, value: Any) -> ColumnKind:
    if isinstance(value, bool):
        return ColumnKind.FLAG
    if isinstance(value, int):
        return ColumnKind.WHOLE
    if isinstance(value, float):
        return ColumnKind.RATIO
    # Of text, only totals are figures: a parameter stays as it was sent.
    return ColumnKind.FIGURE if name.startswith("total.") and not name.endswith(".unit") else ColumnKind.TEXT


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _header(page: Any, text: str) -> Cell:
    cell = _text(page, text)
    cell.font = Font(bold=True)
    return cell


def _cell(page: Any, value: Any, column: Column, subject: Any) -> Any:
    """A value as a cell; `subject`: the first of its row, which in a list of metrics is the metric's name."""
    kind = column.kind
    if value is None:
        return None
    if kind is ColumnKind.FLAG:
        return value
    if kind in NUMBERS and is_kept(text := repr(value) if isinstance(value, float) else str(value)):
        return _number(page, text, column, str(subject) if column.name in ("value", "low", "high") else column.name)
    if kind is ColumnKind.DAY and (day := date.fromisoformat(value)) >= FIRST_DAY:
        cell = WriteOnlyCell(page, datetime.combine(day, time()))
        cell.number_format = DAY
        return cell
    cell = _text(page, compact(value) if kind is ColumnKind.STRUCTURE else str(value))
    if kind in NUMBERS:
        # Every digit, as text: a number would lose those behind the fifteenth.
        cell.number_format, cell.alignment = TEXT_FORMAT, Alignment(horizontal="right")
    return cell


def is_kept(text: str) -> bool:
    """Whether a double keeps every digit of a decimal."""
    digits = "".join(map(str, Decimal(text).as_tuple().digits)).strip("0")
    return len(digits) <= KEPT_DIGITS


def _number(page: Any, text: str, column: Column, of: str) -> Cell:
    # The digits themselves: given a number, the library writes 16 digits of the double, and 9.95 is no longer 9.95.
    cell = WriteOnlyCell(page, text)
    cell.data_type = "n"
    if column.kind in (ColumnKind.FIGURE, ColumnKind.EXACT):
        cell.number_format = BROKEN_FIGURE if "." in text else WHOLE_FIGURE
    elif column.kind is ColumnKind.RATIO:
        cell.number_format = NUMBER if of.removesuffix("_low").removesuffix("_high") in NO_SHARES else PERCENTAGE
    return cell


def _text(page: Any, text: str) -> Cell:
    """Text as text, also where it begins as a formula does."""
    if len(text) > LONGEST_TEXT:
        note = f" ... ({len(text)} characters: ask for json)"
        text = text[: LONGEST_TEXT - len(note)] + note
    cell = WriteOnlyCell(page, UNSPEAKABLE.sub(lambda found: f"_x{ord(found.group()):04X}_", text))
    cell.data_type = "s"
    return cell
