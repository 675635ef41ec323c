"""How a table is to be read: its encoding, what is between its columns, and the row that names them."""

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import BinaryIO

from service.importing.formats import FORMATS
from service.importing.items import Reject
from service.importing.opening import copied, opened
from service.importing.orders.mapping_parts import Read
from service.importing.orders.suggesting.headers import roles_of
from service.importing.orders.tables import text_of
from service.importing.orders.tables.delimited import SEPARATOR
from service.importing.orders.tables.wide import wide_encoding
from service.importing.orders.tables.workbook_parts import WorkbookParts, sheets_of
from service.importing.rows import BYTE_ORDER_MARK, BadFile, FileFault

#: Lines, and bytes of them, that are looked at for the columns; rows that can be the header.
LOOKED_AT_LINES, LOOKED_AT_BYTES, MOST_HEADERS = 200, 256 * 1024, 30
DELIMITERS = ",;\t|"
#: Read at once where the encoding is found out.
CHUNK_BYTES = 1024 * 1024
#: Bytes that Windows-1252 does not have.
NOT_IN_1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")
#: Columns of a workbook that are looked at for the header.
WIDEST = 256


def kind_of(file: BinaryIO) -> str:
    """Which kind of table a file is, by how it begins; BadFile where it is none."""
    found = opened(file)
    found.seek(0)
    start = found.read(16)
    if not start:
        raise BadFile([FileFault(1, "the file is empty")])
    for one in FORMATS.values():
        if one.mapped and one.begins and start.startswith(one.begins):
            return one.name
    return "csv"


def how_to_read(file: BinaryIO, kind: str, beat: Callable[[], None]) -> tuple[Read, list[str]]:
    """How a table is read, and what there is to remark of it."""
    if kind == "parquet":
        return Read(format="parquet", float="accept"), []
    return _of_workbook(file) if kind == "xlsx" else _of_text(file, beat)


def _of_text(file: BinaryIO, beat: Callable[[], None]) -> tuple[Read, list[str]]:
    file.seek(0)
    start = file.read(LOOKED_AT_BYTES)
    encoding, notes = wide_encoding(start[:4096], "utf-8"), []
    if encoding is None:
        encoding = _narrow(file, beat)
        if encoding != "utf-8":
            notes.append(f"the file is not UTF-8: it is read as {encoding}, which fits every byte of it")
    text = start.decode(encoding, "replace").removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)[:LOOKED_AT_LINES]
    said = SEPARATOR.fullmatch(start.removeprefix(BYTE_ORDER_MARK).partition(b"\n")[0] + b"\n")
    before = int(said is not None and encoding in ("utf-8", "cp1252", "latin-1"))
    rows = {sign: _split(lines[before:], sign) for sign in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda sign: _regular(rows[sign]))
    if said is not None and before:
        delimiter = said[1].decode("latin-1")
        rows[delimiter] = _split(lines[before:], delimiter)
    header = _header([cells for _, cells in rows[delimiter]])
    line = before + rows[delimiter][header][0] if rows[delimiter] else 1
    read = Read(
        format="tsv" if delimiter == "\t" else "csv",
        delimiter=delimiter,
        encoding=encoding,
        header=line if line > 1 + before else None,
    )
    return read, notes


def _narrow(file: BinaryIO, beat: Callable[[], None]) -> str:
    """The encoding of a text that is not in UTF-16: UTF-8 where all of it is, else one in which every byte is one."""
    file.seek(0)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        while chunk := file.read(CHUNK_BYTES):
            decode(chunk)
            beat()
        decode(b"", True)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        beat()
        if NOT_IN_1252.intersection(chunk):
            return "latin-1"
    return "cp1252"


def _split(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """The rows of some lines, as far as they can be read, each with the line on which it begins."""
    reader = csv.reader(lines, delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    try:
        line = 1
        for cells in reader:
            if cells:
                found.append((line, cells))
            line = reader.line_num + 1
    except csv.Error:
        pass
    return found


def _regular(rows: Sequence[tuple[int, list[str]]]) -> float:
    """How much rows look like a table: many columns, as many in most rows."""
    widths = Counter(len(cells) for _, cells in rows)
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda one: (one[0] > 1, one[1], one[0]))
    return 0.0 if width < 2 else count / len(rows) + min(width, 50) / 1_000


def _header(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows names the columns: many texts, no numbers, names that are known."""
    widest = max((len(row) for row in rows), default=0)
    best, found = 0, -1.0
    for place, row in enumerate(rows[:MOST_HEADERS]):
        texts = [text for cell in row if (text := cell.strip())]
        named = [text for text in texts if not any(sign.isdigit() for sign in text) or len(text) > 12]
        known = sum(1 for text in texts[:WIDEST] if roles_of(text))
        score = (len(named) + 3 * known) / max(widest, 1) if len(set(texts)) > len(texts) / 2 else 0.0
        if score > found + 0.001:
            best, found = place, score
    return best


def _of_workbook(file: BinaryIO) -> tuple[Read, list[str]]:
    from service.importing.orders.tables.workbook import Workbook

    with ExitStack() as opened_copy:
        copy = copied(file)
        if copy is not file:
            opened_copy.enter_context(copy)
        parts = opened_copy.enter_context(WorkbookParts.of(copy))
        names = [name for name, part in sheets_of(parts).names.items() if part]
    notes = []
    best: tuple[int, str, int] | None = None
    for name in names[:10]:
        probe = Read(format="xlsx", sheet=name, columns=[f"column {n}" for n in range(WIDEST)])
        rows: list[list[str]] = []
        lines: list[int] = []
        with closing(Workbook(file, probe)) as sheet:
            for row in sheet.rows([]):
                cells = [*row.raw.values()] if isinstance(row, Reject) else [text_of(cell) for cell in row.cells]
                rows.append([str(cell) for cell in cells])
                lines.append(row.line)
                if len(rows) >= MOST_HEADERS:
                    break
        if not rows:
            continue
        rows = [row[: max((n + 1 for n, cell in enumerate(row) if cell), default=0)] for row in rows]
        place = _header(rows)
        known = sum(1 for text in rows[place] if text and roles_of(text))
        if best is None or known > best[0]:
            best = known, name, lines[place]
    if best is None:
        raise BadFile([FileFault(1, "no sheet of the workbook has a row")])
    if len(names) > 1:
        others = ", ".join(repr(name) for name in names[:10] if name != best[1])
        notes.append(f"the other sheets are {others}")
    return Read(
        format="xlsx", sheet=best[1] if len(names) > 1 else None, header=best[2] if best[2] > 1 else None
    ), notes
