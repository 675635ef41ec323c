"""XLSX: a sheet read row by row, and no formula taken for a value."""

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from zipfile import BadZipFile

from openpyxl.utils import get_column_letter, range_boundaries

from service.importing.bounds import LONGEST_CELL, LONGEST_COLUMN_NAME, MOST_COLUMNS
from service.importing.items import Reject
from service.importing.opening import copied
from service.importing.orders.day_formats import day_of_serial
from service.importing.orders.mapping_parts import Read
from service.importing.orders.tables import Cell, TableRow
from service.importing.orders.tables.workbook_parts import WorkbookParts, sheets_of
from service.importing.rows import BadFile, FileFault

#: As many as a spreadsheet has.
LAST_ROW = 1_048_576
#: Rows that merged cells may lie in, each counted as often as cells in it are merged.
MOST_MERGED_ROWS = 200_000
MERGED = re.compile(rb'<(?:[^<>:\s]{1,64}:)?mergeCell\b[^<>]*?\bref="([A-Z]{1,3}[0-9]{1,7}(?::[A-Z]{1,3}[0-9]{1,7})?)"')
#: Significant digits that a spreadsheet shows and keeps.
DIGITS = 15
#: Sheets that a message names.
MOST_NAMED = 20


def open_table(file: BinaryIO, kind: str, read: Read) -> "Workbook":  # there is one kind
    """A workbook's sheet as a table, as a mapping says; BadFile where it is none."""
    return Workbook(file, read)


class Workbook:
    """One sheet of a workbook; its lines are its rows."""

    def __init__(self, file: BinaryIO, read: Read | None = None) -> None:
        read = read or Read()
        sheet = read.sheet
        #: The row that names the columns; 0: there is none.
        self._header = header = read.header or int(read.columns is None)
        self._skip = read.skip
        self._open = ExitStack()
        with ExitStack() as opening:
            copy = copied(file)
            if copy is not file:
                opening.enter_context(copy)
            parts = opening.enter_context(WorkbookParts.of(copy))
            self._sheet = sheets_of(parts)
            part = _part_of(self._sheet.names, sheet)
            self.first_day = self._sheet.first_day
            self._merged = _merged_rows(parts, part, header)
            self._rows = self._sheet.rows(part)
            opening.callback(self._rows.close)
            self.columns = self._read_header(sheet or next(iter(self._sheet.names))) if header else []
            if read.columns is not None:
                self.columns = [column.strip() for column in read.columns]
            self._open = opening.pop_all()

    def close(self) -> None:
        """Let go of the workbook, and of the copy of a compressed one."""
        self._open.close()

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        """The rows with something in them."""
        width = len(self.columns)
        asked = frozenset(needed)
        for line, given in self._numbered():
            if self._skip:
                self._skip -= any(cell["value"] is not None for cell in given)
                continue
            cells: list[Cell] = [""] * width
            fault = None
            for cell in given:
                place = cell["column"] - 1
                if cell["value"] is None:
                    continue
                if place >= width:
                    if fault is None and str(cell["value"]).strip():
                        fault = f"cell {_address(place, line)} lies beyond the {width} columns that the header names"
                    continue
                try:
                    cells[place] = self._cell(cell)
                except ValueError as error:
                    cells[place] = str(cell["value"])[:LONGEST_CELL]
                    if fault is None and place in asked:
                        fault = f"cell {_address(place, line)} {error}"
            if merged := self._merged.get(line):
                fault = f"cells {merged} are merged, so that only the first of them has a value: unmerge them"
            row = TableRow(line, cells)
            if fault is not None:
                yield Reject(line, "", fault, row.shown(self.columns))
            elif any(cell != "" for cell in cells):
                yield row

    def _numbered(self) -> Iterator[tuple[int, Sequence[Any]]]:
        """The rows that stand in the file, with their numbers."""
        before = self._header
        while True:
            try:
                line, given = next(self._rows)
            except StopIteration:
                return
            except BadFile:
                raise
            except Exception as error:  # damage in the sheet: of the zip, of the XML, of a value
                raise BadFile([FileFault(before + 1, f"the sheet cannot be read: {error}")]) from None
            if line <= self._header:
                continue
            if not before < line <= LAST_ROW:
                raise BadFile([FileFault(before + 1, f"the sheet cannot be read: row {line} follows row {before}")])
            before = line
            yield line, given

    def _read_header(self, name: str) -> list[str]:
        columns: list[str] = []
        try:
            # A row that is not there names nothing.
            for line, given in self._rows:
                if line == self._header:
                    columns = _named(given)
                if line >= self._header:
                    break
        except BadFile:
            raise
        except Exception as error:
            raise BadFile([FileFault(1, f"the sheet cannot be read: {error}")]) from None
        if not columns:
            raise BadFile([FileFault(self._header, f"row {self._header} of sheet {name!r} names no columns")])
        if longest := next((column for column in columns if len(column) > LONGEST_COLUMN_NAME), None):
            message = f"the name of column {longest[:40]!r}... has more than {LONGEST_COLUMN_NAME:,} characters"
            raise BadFile([FileFault(self._header, message)])
        return columns

    def _cell(self, cell: Any) -> Cell:
        """What stands in a cell; ValueError, to follow its address, where that is nothing of its own."""
        value, kind = cell["value"], cell["data_type"]
        if kind == "f":
            formula = getattr(value, "text", None) or str(value)
            message = "whose result is not stored: open the workbook in a spreadsheet and save it"
            raise ValueError(f"holds a formula ({formula[:60]}) {message}")
        if kind == "e":
            raise ValueError(f"holds the error {str(value)[:40]}")
        if isinstance(value, str):
            if len(value) > LONGEST_CELL:
                raise ValueError(f"has {len(value):,} characters, more than {LONGEST_CELL:,}")
            return value
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value, cell["style_id"])
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        raise ValueError(f"holds {str(value)[:40]}, which is neither text nor number nor date")

    def _number(self, value: float, style: int) -> Cell:
        if isinstance(value, int):
            # More digits than a spreadsheet has; int() of them is refused before.
            number = Decimal(value)
        else:
            number = Decimal(format(value, f".{DIGITS}g"))
            if not number.is_finite():
                raise ValueError(f"holds {value}, which is no number")
        if style in self._sheet.durations:
            raise ValueError(f"holds {number}, a length of time")
        return day_of_serial(number, self.first_day) if style in self._sheet.dates else number


def _named(given: Sequence[Any]) -> list[str]:
    width = max((cell["column"] for cell in given), default=0)
    if width > MOST_COLUMNS:
        raise BadFile([FileFault(1, f"the header has a cell beyond column {MOST_COLUMNS:,}")])
    columns = [""] * width
    for cell in given:
        columns[cell["column"] - 1] = "" if cell["value"] is None else str(cell["value"]).strip()
    while columns and not columns[-1]:
        columns.pop()
    return columns


def _address(place: int, line: int) -> str:
    return f"{get_column_letter(place + 1)}{line}"


def _part_of(names: dict[str, str], name: str | None) -> str:
    """The part of the sheet of this name, or of the only one."""
    listed = ", ".join([*list(names)[:MOST_NAMED], *(["..."] if len(names) > MOST_NAMED else [])])
    if not names:
        raise BadFile([FileFault(1, "not a workbook: it has no sheet")])
    if name is None and len(names) > 1:
        raise BadFile([FileFault(1, f"the workbook has the sheets {listed}: the mapping's read.sheet says which")])
    if name is not None and name not in names:
        raise BadFile([FileFault(1, f"the workbook has no sheet {name!r}, but {listed}")])
    part = names[name] if name is not None else next(iter(names.values()))
    if not part:
        raise BadFile([FileFault(1, f"sheet {name or next(iter(names))!r} is a chart, not a table")])
    return part


def _merged_rows(parts: WorkbookParts, part: str, header: int) -> dict[int, str]:
    """The rows below the header that merged cells lie in, each with the cells."""
    found: dict[int, str] = {}
    taken = 0
    with parts.open(part) as sheet:
        before = b""
        try:
            while chunk := sheet.read(1024 * 1024):
                for match in MERGED.finditer(before + chunk):
                    reference = match[1].decode()
                    _, first, _, last = range_boundaries(reference)
                    lines = range(max(int(first or 1), header + 1), min(int(last or 1), LAST_ROW) + 1)
                    taken += len(lines)
                    if taken > MOST_MERGED_ROWS:
                        raise BadFile([FileFault(header, f"cells {reference} and others are merged: unmerge them")])
                    found.update(dict.fromkeys(lines, reference))
                before = chunk[-200:]
        except (BadZipFile, zlib.error, OSError, EOFError) as error:
            raise BadFile([FileFault(1, f"the sheet cannot be read: {error}")]) from None
    return found
