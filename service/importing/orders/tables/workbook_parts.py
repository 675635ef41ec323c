"""The parts of a workbook: a zip that is not taken on trust, and what openpyxl makes of its XML.

openpyxl reads what is small (which parts there are, which sheets) and the rows of a sheet. Texts and styles, of which a
file of a few KB can hold millions, are read here, each element once.
"""

import io
import warnings
import zipfile
import zlib
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any, BinaryIO
from xml.etree.ElementTree import iterparse  # a part with a document type is not opened
from xml.parsers import expat

import openpyxl.reader.excel
from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import ARC_CONTENT_TYPES, ARC_STYLE, SHARED_STRINGS, SHEET_MAIN_NS

from service.importing.orders.day_formats import EXCEL_EPOCH
from service.importing.rows import BadFile, FileFault

#: A part of the zip may be larger than this only if it does not expand by more than MOST_EXPANSION.
EXPANDED_BYTES = 4 * 1024 * 1024
MOST_EXPANSION = 200
LARGEST_PART_BYTES = 4 * 1024 * 1024 * 1024
#: The texts of a workbook are held in memory together.
LARGEST_TEXTS_BYTES = 256 * 1024 * 1024
#: Parts that are read as a whole: which parts there are, which sheets, how cells are shown.
LARGEST_SMALL_BYTES = 16 * 1024 * 1024
#: Elements of those that openpyxl makes objects of, at some 20 microseconds each.
MOST_ELEMENTS = 20_000
MOST_PARTS = 10_000
#: Where a part's first element must have begun; only before it can a document type stand.
PROLOGUE_BYTES = 64 * 1024
#: Bytes without the end of a tag: what reads XML takes the square of the length of a tag.
LONGEST_TAG_BYTES = 1024 * 1024
#: Tags of one row, which is held in memory: four for each cell that a row can have.
MOST_ROW_TAGS = 4 * 16_384 + 16_384
#: Of a format, which a spreadsheet bounds at 255.
LONGEST_FORMAT = 1_024
#: The first day of the calendar that begins in 1904.
FIRST_DAY_1904 = date(1904, 1, 1)

_excel: Any = openpyxl.reader.excel
_MAIN = f"{{{SHEET_MAIN_NS}}}"
_RESULT = f"{_MAIN}v"


class WorkbookParts(zipfile.ZipFile):
    """The zip of a workbook; a part is looked at before any of it is given."""

    @classmethod
    def of(cls, file: BinaryIO) -> "WorkbookParts":
        """The zip, with every part looked at; BadFile where it is none, or one of them is a bomb."""
        try:
            parts = cls(file)
            parts._look()
        except (
            zipfile.BadZipFile,
            OSError,
            RuntimeError,
            NotImplementedError,
            ValueError,
            zlib.error,
            EOFError,
        ) as bad:
            raise BadFile([FileFault(1, f"not a workbook: {bad}")]) from None
        return parts

    def _look(self) -> None:
        listed = self.infolist()
        if len(listed) > MOST_PARTS:
            raise BadFile([FileFault(1, f"the workbook has {len(listed):,} parts, more than {MOST_PARTS:,}: refused")])
        if len({part.filename for part in listed}) < len(listed):
            raise BadFile([FileFault(1, "the workbook has two parts of one name: refused")])
        assert self.fp is not None
        if sum(part.compress_size for part in listed) > self.fp.seek(0, io.SEEK_END):
            raise BadFile([FileFault(1, "the workbook's parts lie within one another: refused")])
        for part in listed:
            _refuse_bomb(part)
            with super().open(part) as content:
                _refuse_document_type(part.filename, content.read(PROLOGUE_BYTES))

    def open(self, name: Any, *_: Any, rows: bool = False, **__: Any) -> IO[bytes]:
        """A part, read no further than its XML is well-behaved; `rows`: each of its rows, too."""
        return io.BufferedReader(_Guarded(super().open(name), MOST_ROW_TAGS if rows else None), 64 * 1024)

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        """A part that is small; BadFile where it is not."""
        with self.open(name) as part:
            content = part.read(LARGEST_SMALL_BYTES + 1)
        if len(content) > LARGEST_SMALL_BYTES or content.count(b"<") > 2 * MOST_ELEMENTS:
            most = f"{LARGEST_SMALL_BYTES:,} bytes or {MOST_ELEMENTS:,} elements"
            raise BadFile([FileFault(1, f"part {name} of the workbook has more than {most}: refused")])
        return content


def _refuse_bomb(part: zipfile.ZipInfo) -> None:
    """BadFile for a part that declares more than it should; what it declares is all that is ever read."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadFile([FileFault(1, f"part {part.filename} of the workbook is compressed as no workbook is: refused")])
    large = part.file_size > EXPANDED_BYTES and part.file_size > MOST_EXPANSION * part.compress_size
    if large or part.file_size > LARGEST_PART_BYTES:
        message = (
            f"part {part.filename} of the workbook expands from {part.compress_size:,} to {part.file_size:,} bytes"
        )
        raise BadFile([FileFault(1, f"{message}: refused")])


def _refuse_document_type(name: str, head: bytes) -> None:
    """BadFile for XML, in whichever encoding, that has a document type; what is no XML at all is not read."""
    begun: list[str] = []

    def typed(*_: Any) -> None:
        raise BadFile([FileFault(1, f"part {name} has a document type, which no workbook needs")])

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = typed
    parser.StartElementHandler = lambda name, attributes: begun.append(name)
    try:
        parser.Parse(head)
    except expat.ExpatError:
        return
    if not begun and len(head) == PROLOGUE_BYTES:
        raise BadFile([FileFault(1, f"part {name} has no element in its first {PROLOGUE_BYTES:,} bytes: refused")])


class _Guarded(io.RawIOBase):
    """A part whose tags are looked at as they go by."""

    def __init__(self, part: IO[bytes], most_tags: int | None) -> None:
        super().__init__()
        self._part = part
        self._most_tags = most_tags
        #: Bytes since the last end of a tag.
        self._open_bytes = 0
        #: Tags since the last end of a row.
        self._tags = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        chunk = self._part.read(len(buffer))
        buffer[: len(chunk)] = chunk
        end = chunk.rfind(b">")
        self._open_bytes = self._open_bytes + len(chunk) if end < 0 else len(chunk) - end
        if self._open_bytes > LONGEST_TAG_BYTES:
            raise BadFile(
                [FileFault(1, f"a tag or a text of the workbook takes more than {LONGEST_TAG_BYTES:,} bytes")]
            )
        if self._most_tags is not None:
            row = chunk.rfind(b"row")
            self._tags = chunk.count(b"<", max(row, 0)) + (0 if row >= 0 else self._tags)
            if self._tags > self._most_tags:
                raise BadFile([FileFault(1, "a row of the workbook has more cells than a row can have")])
        return len(chunk)

    def close(self) -> None:
        """Close the part."""
        self._part.close()
        super().close()


@dataclass
class SheetCells:
    """The sheets of a workbook, and what their cells refer to."""

    parts: WorkbookParts
    #: The part of each sheet by its name; "": it is a chart.
    names: dict[str, str]
    #: Serial number 0.
    first_day: date
    texts: list[str]
    #: Styles that show a number as a date or time, and as a length of time.
    dates: set[int] = field(default_factory=set)
    durations: set[int] = field(default_factory=set)

    def rows(self, part: str) -> Generator[tuple[int, list[dict[str, Any]]], None, None]:
        """The rows of a sheet that stand in the file, each with its number and its cells."""
        with self.parts.open(part, rows=True) as source:
            parser = _Rows(source, self.texts)
            yield from parser.parse()


class _Rows(WorkSheetParser):
    """Reads the rows of a sheet, and nothing else of it; numbers stay numbers, however they are shown.

    Of a formula its result counts, as it was when the workbook was saved; without one it is a formula.
    """

    def parse_cell(self, element: Any) -> Any:
        """A cell: where its formula has a result, that."""
        result = element.find(_RESULT)
        # An empty one is a result where it is a text.
        self.data_only = result is not None and (bool(result.text) or element.get("t") == "str")
        return super().parse_cell(element)

    def parse(self) -> Generator[Any, None, None]:
        """The rows."""
        data: Any = None
        for event, element in iterparse(self.source, ("start", "end")):  # noqa: S314  # its parts are looked at before
            if event == "start":
                if element.tag == f"{_MAIN}sheetData":
                    data = element
                continue
            if element.tag == f"{_MAIN}row":
                if data is None:
                    continue
                yield self.parse_row(element)
                # What is done is not kept.
                self.row_dimensions.clear()
                data.clear()
            elif element.tag == f"{_MAIN}sheetData":
                return
            elif data is None:
                element.clear()


def sheets_of(parts: WorkbookParts) -> SheetCells:
    """What a workbook has; BadFile where it is none."""
    try:
        with warnings.catch_warnings():
            # What openpyxl leaves out: validations, drawings.
            warnings.simplefilter("ignore")
            return _sheets(parts)
    except (BadFile, MemoryError):
        raise
    except Exception as error:  # all that the many parts of a workbook can raise
        raise BadFile([FileFault(1, f"not a workbook: {error}")]) from None


def _sheets(parts: WorkbookParts) -> SheetCells:
    package = _excel.Manifest.from_tree(_excel.fromstring(parts.read(ARC_CONTENT_TYPES)))
    book = _excel._find_workbook_part(package).PartName[1:]  # noqa: SLF001 - the library has no public way
    parser = _excel.WorkbookParser(parts, book, keep_links=False)
    parser.parse()
    names: dict[str, str] = {}
    for sheet in parser.sheets:
        one = parser.rels.get(sheet.id)
        if one is not None and one.target in parts.NameToInfo:
            names[str(sheet.name)] = "" if "chartsheet" in one.Type else one.target
    first_day = FIRST_DAY_1904 if parser.wb.epoch.year == FIRST_DAY_1904.year else EXCEL_EPOCH
    texts = package.find(SHARED_STRINGS)
    found = SheetCells(parts, names, first_day, [] if texts is None else _texts(parts, texts.PartName[1:]))
    if ARC_STYLE in parts.NameToInfo:
        found.dates, found.durations = _styles(parts)
    return found


def _texts(parts: WorkbookParts, name: str) -> list[str]:
    """The texts that cells refer to, without how they are pronounced."""
    size = parts.getinfo(name).file_size
    if size > LARGEST_TEXTS_BYTES:
        raise BadFile(
            [FileFault(1, f"the texts of the workbook take {size:,} bytes, more than {LARGEST_TEXTS_BYTES:,}")]
        )
    texts: list[str] = []
    root: Any = None
    with parts.open(name) as source:
        for event, element in iterparse(source, ("start", "end")):  # noqa: S314  # its parts are looked at before
            if event == "start":
                root = element if root is None else root
            elif element.tag == f"{_MAIN}si":
                pieces = [element.findtext(f"{_MAIN}t") or ""]
                pieces += [run.findtext(f"{_MAIN}t") or "" for run in element.iterfind(f"{_MAIN}r")]
                texts.append("".join(pieces).replace("x005F_", ""))
                root.clear()
    return texts


def _styles(parts: WorkbookParts) -> tuple[set[int], set[int]]:
    """Which styles show a number as a date or time, and which as a length of time."""
    codes: dict[int, str] = {}
    shown: list[int] = []
    inside = False
    with parts.open(ARC_STYLE) as source:
        for event, element in iterparse(source, ("start", "end")):  # noqa: S314  # its parts are looked at before
            if element.tag == f"{_MAIN}cellXfs":
                inside = event == "start"
            elif event == "start":
                continue
            elif element.tag == f"{_MAIN}numFmt":
                codes[int(element.get("numFmtId", 0))] = (element.get("formatCode") or "")[:LONGEST_FORMAT]
            elif element.tag == f"{_MAIN}xf" and inside:
                shown.append(int(element.get("numFmtId", 0)))
            if event == "end":
                element.clear()
    kinds = {number: codes.get(number) or builtin_format_code(number) for number in set(shown)}
    dated = {number for number, code in kinds.items() if is_date_format(code)}
    lasting = {number for number, code in kinds.items() if is_timedelta_format(code)}
    return (
        {place for place, number in enumerate(shown) if number in dated},
        {place for place, number in enumerate(shown) if number in lasting},
    )
