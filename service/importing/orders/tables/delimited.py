"""CSV and TSV, read line by line."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from service.importing.bounds import LONGEST_CELL, LONGEST_COLUMN_NAME, LONGEST_ROW_BYTES, MOST_COLUMNS
from service.importing.items import Reject
from service.importing.opening import lines_of
from service.importing.orders.day_formats import EXCEL_EPOCH
from service.importing.orders.mapping_parts import Read
from service.importing.orders.tables import TableRow, raw_of
from service.importing.rows import BYTE_ORDER_MARK, BadFile, FileFault

#: What a header is looked at for when it seems to be one long column.
DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}
#: What such files begin with; UTF-32 of the one kind begins as UTF-16 does.
WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def open_table(file: BinaryIO, kind: str, read: Read) -> "Delimited":
    """A text as a table, as a mapping says; BadFile where it is none."""
    return Delimited(file, read.delimiter or ("\t" if kind == "tsv" else ","), read.encoding)


class Delimited:
    """A text with a row a line (or several, in quotes), the first of which names the columns."""

    #: What serial numbers of days count from.
    first_day = EXCEL_EPOCH

    def __init__(self, file: BinaryIO, delimiter: str = ",", encoding: str = "utf-8") -> None:
        self._file = file
        self._encoding = encoding
        #: What is wrong with the bytes of a line, for lines of which something is.
        self._misread: dict[int, str] = {}
        #: Where the row that is being read begins, and what was taken of it.
        self._row_line = 1
        self._row_bytes = 0
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self.columns = self._header(delimiter)

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        """The rows, blank lines left out."""
        width = len(self.columns)
        reader = self._reader
        while True:
            line = self._row_line = reader.line_num + 1
            self._row_bytes = 0
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Reject(line, "", f"not CSV: {error}")
                continue
            if self._misread and (message := self._misread_in(line, reader.line_num)):
                yield Reject(line, "", message, raw_of(self.columns, [_replaced(value) for value in values]))
            elif len(values) == width:
                if any("\0" in value for value in values):
                    yield Reject(line, "", "has a NUL character", raw_of(self.columns, values))
                elif max(map(len, values)) > LONGEST_CELL:
                    yield Reject(line, "", f"has a cell of more than {LONGEST_CELL:,} characters")
                elif any(values):
                    yield TableRow(line, values)
            elif values:
                message = f"has {len(values)} values, and the header names {width} columns"
                yield Reject(line, "", message, raw_of(self.columns, values[:MOST_COLUMNS]))

    def close(self) -> None:
        """There is nothing to let go of."""

    def _lines(self) -> Iterator[str]:
        encoding = self._encoding
        for line, data in lines_of(self._file):
            self._row_bytes += len(data)
            if self._row_bytes > LONGEST_ROW_BYTES:
                message = f"a row of more than {LONGEST_ROW_BYTES:,} bytes: is a quotation mark left open?"
                raise BadFile([FileFault(self._row_line, message)])
            if line == 1:
                for beginning, name in WIDE.items():
                    if data.startswith(beginning):
                        raise BadFile([FileFault(1, f"is {name}: save it as UTF-8")])
                data = data.removeprefix(BYTE_ORDER_MARK)
            try:
                yield data.decode(encoding)
            except UnicodeDecodeError as error:
                byte = data[error.start]
                self._misread[line] = (
                    f"not {encoding.upper()}: byte {error.start + 1} of line {line} is 0x{byte:02x}"
                    f" ({error.reason}); the mapping's read.encoding says what it is"
                )
                yield data.decode(encoding, "backslashreplace")

    def _misread_in(self, first: int, last: int) -> str | None:
        return next((message for line in range(first, last + 1) if (message := self._misread.pop(line, None))), None)

    def _header(self, delimiter: str) -> list[str]:
        try:
            values = next((values for values in self._reader if values), None)
        except csv.Error as error:
            raise BadFile([FileFault(1, f"not CSV: {error}")]) from None
        if values is None:
            raise BadFile([FileFault(1, "is empty: the first line names the columns")])
        if len(values) > MOST_COLUMNS:
            raise BadFile([FileFault(1, f"the header names {len(values):,} columns, more than {MOST_COLUMNS:,}")])
        if max(map(len, values)) > LONGEST_COLUMN_NAME:
            raise BadFile([FileFault(1, f"the header has a name of more than {LONGEST_COLUMN_NAME:,} characters")])
        if self._misread:
            line, message = next(iter(self._misread.items()))
            raise BadFile([FileFault(line, message)])
        if len(values) == 1:
            others = [(sign, name) for sign, name in DELIMITERS.items() if sign != delimiter and sign in values[0]]
            if others:
                message = f"the header is one column, {values[0][:60]!r}: is {others[0][1]} between its columns?"
                raise BadFile([FileFault(1, f"{message} The mapping's read.delimiter says so")])
        return [value.strip() for value in values]


def _replaced(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
