"""Tables as files hold them: CSV rows with their line numbers, and everything that can be wrong with them."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from service.importing.bounds import LONGEST_CELL, MOST_COLUMNS
from service.importing.causes import FaultsByCause
from service.importing.faults import MOST_FAULTS as MOST_FAULTS
from service.importing.faults import BadFile as BadFile
from service.importing.faults import BadMapping as BadMapping
from service.importing.faults import FileFault as FileFault

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Columns that one message names.
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line on which it begins, and its values by column, without space around them."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """The value; empty where the file has no such column."""
        return self.values.get(column, "")


def text_of(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; BadFile names the line that is not."""
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFile([FileFault(line, f"not UTF-8: {error.reason}")]) from None


def header_of(line: str, delimiter: str = ",") -> list[str]:
    """The columns that the first line of a CSV file names."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return []


def read_rows(data: bytes, required: Collection[str], others: Collection[str] | None = None) -> list[Row]:
    """The rows of a CSV file with a header, blank lines left out.

    `required` columns must be there. `others` may be; None: any may. BadFile lists what is wrong, by line.
    """
    reader = csv.reader(io.StringIO(text_of(data), newline=""), strict=True)
    rows: list[Row] = []
    faults = FaultsByCause(mends=())
    header: list[str] | None = None
    line = 1
    try:
        for values in reader:
            values = [value.strip() for value in values]
            if header is None:
                header = values
                _refuse_header(header, required, others)
            elif any("\0" in value for value in values):
                faults.add(line, "has a NUL character")
            elif any(len(value) > LONGEST_CELL for value in values):
                faults.add(line, f"has a cell of more than {LONGEST_CELL:,} characters")
            elif len(values) == len(header):
                rows.append(Row(line, dict(zip(header, values, strict=True))))
            elif values:
                faults.add(line, f"has {len(values)} values, and the header names {len(header)} columns")
            line = reader.line_num + 1
    except csv.Error as error:
        faults.add(line, f"not CSV: {error}")
    if header is None and not faults.count:
        faults.add(1, "is empty: the first line names the columns")
    faults.refuse()
    return rows


def _refuse_header(header: list[str], required: Collection[str], others: Collection[str] | None) -> None:
    missing = [name for name in required if name not in header]
    if len(header) > MOST_COLUMNS:
        raise BadFile([FileFault(1, f"the header names {len(header):,} columns, more than {MOST_COLUMNS:,}")])
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    unknown = [name for name in header if name not in required and others is not None and name not in others]
    twice, unknown = ([name[:40] for name in names[:MOST_NAMED]] for names in (twice, unknown))
    messages = [
        f"{what} {', '.join(map(repr, names))}"
        for what, names in (("lacks the columns", missing), ("names twice", twice), ("has unknown columns", unknown))
        if names
    ]
    if messages:
        raise BadFile([FileFault(1, f"the header {' and '.join(messages)}")])
