"""CSV and TSV, read line by line."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from service.importing.bounds import LONGEST_CELL, LONGEST_COLUMN_NAME, LONGEST_ROW_BYTES, MOST_COLUMNS
from service.importing.items import Reject
from service.importing.opening import lines_of
from service.importing.orders.day_formats import EXCEL_EPOCH
from service.importing.orders.mapping_parts import Read
from service.importing.orders.tables import TableRow, raw_of
from service.importing.orders.tables.wide import CHUNK_BYTES, LOOKED_AT_BYTES, Recoded, wide_encoding
from service.importing.rows import BYTE_ORDER_MARK, BadFile, FileFault

#: What a header is looked at for when it seems to be one long column.
DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}
#: What texts begin with that are read nowhere; of the one kind as UTF-16 does.
WIDER = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
#: Of a line that says what is between the columns, with its mark, quotes and end.
LONGEST_SEPARATOR = 16
#: A line by which spreadsheets say what is between the columns.
SEPARATOR = re.compile(rb'"?sep=(.)"?\r?\n?', re.IGNORECASE)


def open_table(file: BinaryIO, kind: str, read: Read) -> "Delimited":
    """A text as a table, as a mapping says; BadFile where it is none."""
    return Delimited(file, read, "\t" if kind == "tsv" else ",")


class Delimited:
    """A text with a row a line (or several, in quotes), the first of which names the columns."""

    #: What serial numbers of days count from.
    first_day = EXCEL_EPOCH

    def __init__(self, file: BinaryIO, read: Read | None = None, usual: str = ",") -> None:
        """`usual`: what is between columns where neither the mapping nor the file says it."""
        read = read or Read()
        self._file, self._encoding = _as_text(file, read.encoding)
        self._skip = read.skip
        #: Lines before the header or, where there is none, before the first row.
        self._before = 0
        #: What is wrong with the bytes of a line, for lines of which something is.
        self._misread: dict[int, str] = {}
        #: Where the row that is being read begins, and what was taken of it.
        self._row_line = 1
        self._row_bytes = 0
        separator = self._separator()
        delimiter = separator or read.delimiter or usual
        self._before = int(separator is not None)
        if read.header is not None:
            self._before = max(read.header - 1, self._before)
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        named = read.columns is None or read.header is not None
        self.columns = self._header(delimiter) if named else []
        if read.columns is not None:
            self.columns = [column.strip() for column in read.columns]

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        """The rows, blank lines left out."""
        width = len(self.columns)
        reader = self._reader
        while True:
            line = self._row_line = self._before + reader.line_num + 1
            self._row_bytes = 0
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Reject(line, "", f"not CSV: {error}")
                continue
            if self._skip:
                self._skip -= bool(values)
                continue
            if self._misread and (message := self._misread_in(line, self._before + reader.line_num)):
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
            if line <= self._before:
                self._row_bytes = 0
                continue
            if line == 1:
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

    def _separator(self) -> str | None:
        """What the first line says is between the columns; None: it does not say it."""
        self._file.seek(0)
        found = SEPARATOR.fullmatch(self._file.readline(LONGEST_SEPARATOR).removeprefix(BYTE_ORDER_MARK))
        return None if found is None or found[1] in b'\r\n"' else found[1].decode("latin-1")

    def _misread_in(self, first: int, last: int) -> str | None:
        return next((message for line in range(first, last + 1) if (message := self._misread.pop(line, None))), None)

    def _header(self, delimiter: str) -> list[str]:
        try:
            values = next((values for values in self._reader if values), None)
        except csv.Error as error:
            raise BadFile([FileFault(self._before + 1, f"not CSV: {error}")]) from None
        if values is None:
            message = "the first line names the columns" if not self._before else "no line names the columns"
            raise BadFile([FileFault(self._before + 1, f"is empty: {message}")])
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


def _as_text(file: BinaryIO, declared: str) -> tuple[BinaryIO, str]:
    """A file whose lines end as ASCII does, and its encoding: one in UTF-16 is read as UTF-8."""
    file.seek(0)
    start = file.read(LOOKED_AT_BYTES)
    file.seek(0)
    if start.startswith(WIDER):
        raise BadFile([FileFault(1, "is UTF-32: save it as UTF-8")])
    wide = wide_encoding(start, declared)
    if wide is None:
        return file, declared
    return io.BufferedReader(Recoded(file, wide), CHUNK_BYTES), "utf-8"


def _replaced(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
