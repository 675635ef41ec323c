"""CSV: UTF-8, a header, lines ending in a line feed; every figure is the text that the API gives."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from service.asking.columns import Column, ColumnKind

if TYPE_CHECKING:
    import _csv

#: What a spreadsheet takes for the beginning of a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
#: Rows are written in portions of so many, so that memory stays flat.
PORTION_ROWS = 1_000


def write_csv(
    output: BinaryIO, columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, guarded: bool = True
) -> None:
    """Write rows below a header; what is absent is an empty field.

    `guarded`: text that somebody wrote and that a spreadsheet would run as a formula gets an apostrophe before it.
    Figures, ids, days and our own words never do: none of them can be one.
    """
    text = io.StringIO(newline="")
    writer = csv_writer(text)
    writer.writerow([column.name for column in columns])
    kinds = [column.kind for column in columns]
    for number, row in enumerate(rows, start=1):
        writer.writerow([_written(value, kind, guarded) for value, kind in zip(row, kinds, strict=True)])
        if number % PORTION_ROWS == 0:
            _flush(text, output)
    _flush(text, output)


def csv_writer(text: TextIO) -> "_csv.Writer":
    """A writer of rows that end in a line feed; a field with a line feed or a carriage return in it is quoted."""
    return csv.writer(_Lines(text), lineterminator="\r\n")


class _Lines:
    """Takes a row at a time, each ended by CR LF, and ends it by a line feed.

    Before Python 3.13 only what is in the end of a line is quoted in a field: with LF alone a CR would end a row.
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def write(self, row: str) -> int:
        """Write one row."""
        return self._text.write(row.removesuffix("\r\n") + "\n")


def _flush(text: io.StringIO, output: BinaryIO) -> None:
    output.write(text.getvalue().encode())
    text.seek(0)
    text.truncate()


def _written(value: Any, kind: ColumnKind, guarded: bool) -> str:
    if value is None:
        return ""
    if kind is ColumnKind.STRUCTURE:
        return compact(value)
    if kind is ColumnKind.FLAG:
        return "true" if value else "false"
    # A ratio as JSON writes it.
    text = repr(value) if kind is ColumnKind.RATIO else str(value)
    return f"'{text}" if guarded and kind is ColumnKind.TEXT and text.startswith(FORMULA_SIGNS) else text


def compact(value: Any) -> str:
    """A list or an object as one line of JSON; text, which events hold as JSON already, as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
