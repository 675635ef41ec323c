"""XLSX: a sheet read row by row, its zip not taken on trust, and no formula taken for a value."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import openpyxl
from openpyxl.utils import get_column_letter, range_boundaries

from service.importers.opening import copied
from service.importers.rows import BadFile, Fault
from service.importers.streaming import Reject
from service.importers.tables import Cell, TableRow

#: A part of the zip may be larger than this only if it does not expand by more than MOST_EXPANSION.
EXPANDED_BYTES = 64 * 1024 * 1024
MOST_EXPANSION = 200
LARGEST_PART_BYTES = 4 * 1024 * 1024 * 1024
#: The texts of a workbook are held in memory together.
LARGEST_TEXTS_BYTES = 512 * 1024 * 1024
MOST_PARTS = 10_000
#: Where a document type, which no workbook needs, would stand.
PROLOGUE_BYTES = 4_096
#: Rows that merged cells may lie in.
MOST_MERGED_ROWS = 200_000
MERGED = re.compile(rb'<(?:[^<>:\s]{1,64}:)?mergeCell\b[^<>]*?\bref="([A-Z]+[0-9]+(?::[A-Z]+[0-9]+)?)"')
#: Significant digits that a spreadsheet shows and keeps.
DIGITS = 15


class Workbook:
    """One sheet of a workbook; its lines are its rows."""

    def __init__(self, file: BinaryIO, sheet: str | None = None, header: int = 1) -> None:
        self._header = header
        self._open = ExitStack()
        with ExitStack() as opening:
            copy = copied(file)
            if copy is not file:
                opening.enter_context(copy)
            _refuse_bombs(copy)
            book = _book_of(copy)
            opening.callback(book.close)
            self._sheet = _sheet_of(book, sheet)
            self._merged = _merged_rows(copy, self._sheet, header)
            # What the file says of its own size may be wrong.
            self._sheet.reset_dimensions()
            self._rows = self._sheet.iter_rows()
            opening.callback(self._rows.close)
            self.columns = self._read_header()
            self._open = opening.pop_all()

    def close(self) -> None:
        """Let go of the workbook, and of the copy of a compressed one."""
        self._open.close()

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        """The rows with something in them."""
        width = len(self.columns)
        for line, given in self._numbered():
            cells: list[Cell] = [""] * width
            fault = None
            for place, cell in enumerate(given):
                if cell.value is None:
                    continue
                if place >= width:
                    if fault is None and str(cell.value).strip():
                        fault = f"cell {_address(place, line)} lies beyond the {width} columns that the header names"
                    continue
                try:
                    cells[place] = _cell(cell)
                except ValueError as error:
                    cells[place] = str(cell.value)
                    if fault is None and place in needed:
                        fault = f"cell {_address(place, line)} {error}"
            if merged := self._merged.get(line):
                fault = f"cells {merged} are merged, so that only the first of them has a value: unmerge them"
            row = TableRow(line, cells)
            if fault is not None:
                yield Reject(line, "", fault, row.shown(self.columns))
            elif any(cell != "" for cell in cells):
                yield row

    def _numbered(self) -> Iterator[tuple[int, Sequence[Any]]]:
        line = self._header
        while True:
            try:
                with _quietly():
                    given = next(self._rows)
            except StopIteration:
                return
            except Exception as error:  # damage in the sheet: of the zip, of the XML, of a value
                raise BadFile([Fault(line + 1, f"the sheet cannot be read: {error}")]) from None
            line += 1
            yield line, given

    def _read_header(self) -> list[str]:
        given: Sequence[Any] = ()
        try:
            with _quietly():
                for _ in range(self._header):
                    given = next(self._rows, ())
        except Exception as error:
            raise BadFile([Fault(1, f"the sheet cannot be read: {error}")]) from None
        columns = ["" if cell.value is None else str(cell.value).strip() for cell in given]
        while columns and not columns[-1]:
            columns.pop()
        if not columns:
            raise BadFile([Fault(self._header, f"row {self._header} of sheet {self._sheet.title!r} names no columns")])
        return columns


def _cell(cell: Any) -> Cell:
    """What stands in a cell; ValueError, to follow its address, where that is nothing of its own."""
    value = cell.value
    if cell.data_type == "f":
        formula = getattr(value, "text", None) or str(value)
        raise ValueError(f"holds a formula ({formula[:60]}): paste its value")
    if cell.data_type == "e":
        raise ValueError(f"holds the error {value}")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(format(value, f".{DIGITS}g"))
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise ValueError(f"holds {value}, which is neither text nor number nor date")


def _address(place: int, line: int) -> str:
    return f"{get_column_letter(place + 1)}{line}"


def _refuse_bombs(file: BinaryIO) -> None:
    """BadFile for a zip whose parts declare more than they should; what they declare is all that is ever read."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise BadFile([Fault(1, f"the workbook has {len(parts):,} parts, more than {MOST_PARTS:,}: refused")])
            for part in parts:
                _refuse_bomb(part)
                if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.open(part).read(
                    PROLOGUE_BYTES
                ):
                    raise BadFile([Fault(1, f"part {part.filename} has a document type, which no workbook needs")])
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise BadFile([Fault(1, f"not a workbook: {error}")]) from None


def _refuse_bomb(part: zipfile.ZipInfo) -> None:
    large = part.file_size > EXPANDED_BYTES and part.file_size > MOST_EXPANSION * part.compress_size
    texts = part.filename.endswith("sharedStrings.xml") and part.file_size > LARGEST_TEXTS_BYTES
    if large or texts or part.file_size > LARGEST_PART_BYTES:
        message = (
            f"part {part.filename} of the workbook expands from {part.compress_size:,} to {part.file_size:,} bytes"
        )
        raise BadFile([Fault(1, f"{message}: refused")])


def _book_of(file: BinaryIO) -> Any:
    with _quietly():
        try:
            return openpyxl.load_workbook(file, read_only=True)
        except Exception as error:  # whatever the many parts of a workbook can raise
            raise BadFile([Fault(1, f"not a workbook: {error}")]) from None


def _sheet_of(book: Any, name: str | None) -> Any:
    sheets = book.sheetnames
    if name is None and len(sheets) > 1:
        raise BadFile(
            [Fault(1, f"the workbook has the sheets {', '.join(sheets)}: the mapping's read.sheet says which")]
        )
    if name is not None and name not in sheets:
        raise BadFile([Fault(1, f"the workbook has no sheet {name!r}, but {', '.join(sheets)}")])
    sheet = book[name] if name is not None else book[sheets[0]]
    if not hasattr(sheet, "reset_dimensions"):
        raise BadFile([Fault(1, f"sheet {sheet.title!r} is a chart, not a table")])
    return sheet


def _merged_rows(file: BinaryIO, sheet: Any, header: int) -> dict[int, str]:
    """The rows below the header that merged cells lie in, each with the cells."""
    found: dict[int, str] = {}
    with zipfile.ZipFile(file) as archive, archive.open(sheet._worksheet_path) as part:
        before = b""
        try:
            while chunk := part.read(1024 * 1024):
                for match in MERGED.finditer(before + chunk):
                    reference = match[1].decode()
                    _, first, _, last = range_boundaries(reference)
                    for line in range(max(int(first or 1), header + 1), int(last or 1) + 1):
                        found[line] = reference
                    if len(found) > MOST_MERGED_ROWS:
                        raise BadFile([Fault(header, f"cells {reference} and others are merged: unmerge them")])
                before = chunk[-200:]
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
            raise BadFile([Fault(1, f"the sheet cannot be read: {error}")]) from None
    return found


@contextmanager
def _quietly() -> Iterator[None]:
    """Without openpyxl's warnings about what it leaves out: styles, validations, drawings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
