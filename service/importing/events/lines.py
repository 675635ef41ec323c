"""The lines of a file of event requests, read some hundreds at a time.

Reading and judging a line takes longer than anything else that is done to it here. So while one process decides and
records what was read, the one that reads the file (reader.py) reads on, and hands over what it has read.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from msgspec.structs import replace

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.json_text import parse_json
from domain.lots import Sent
from domain.plain_lots import PlainOrders
from domain.plain_orders import read_plain_orders
from service.codes import codes
from service.importing.opening import LONGEST_LINE_BYTES
from service.importing.reading.messages import WireSheet
from service.importing.rows import BYTE_ORDER_MARK, FileFault

#: Hexadecimal digits of the ids that lines are given.
ID_DIGITS = 32
#: Lines of a sheet, unless asked otherwise; where they are long, fewer. What is made of so many still lies in the
#: processor's cache: ten times as many take twice as long each.
SHEET_LINES = 250
SHEET_BYTES = 4 * 1024 * 1024
#: Read from the file at once.
CHUNK_BYTES = 256 * 1024
#: As much of a line that is too long as is kept.
KEPT_BYTES = 1_000


class RequestLine(NamedTuple):
    """One line of the file, read."""

    #: From 1.
    number: int
    request: Sent
    text: bytes

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.request.type


class Wrong(NamedTuple):
    """A line that is no event request."""

    number: int
    faults: list[FileFault]
    #: As much of it as is kept.
    text: bytes


class UnreadLine(NamedTuple):
    """A line for the long road, or one that is too long to be read."""

    number: int
    #: As much of it as is kept.
    text: bytes
    #: Whether the line had an end.
    ended: bool
    #: The id for it, where it has none; empty: it is too long.
    name: str


@dataclass(frozen=True)
class LineSheet:
    """Some lines of the file that follow one another, blank ones left out."""

    #: The numbers of the lines that are plain orders, and these.
    numbers: list[int]
    orders: PlainOrders
    #: All other lines.
    unread: list[UnreadLine] = field(default_factory=list)
    #: Of these, what is known not to be a request.
    wrong: list[Wrong] = field(default_factory=list)
    #: Bytes of the file up to the end of the last of them.
    taken_bytes: int = 0

    def __len__(self) -> int:
        return len(self.numbers) + len(self.unread) + len(self.wrong)

    @property
    def plain(self) -> bool:
        """Whether every line is a plain order."""
        return not self.unread and not self.wrong

    def lines(self) -> list[RequestLine | Wrong]:
        """Each by itself, in the order of the file."""
        orders = zip(self.numbers, self.orders.apart(), self.orders.texts, strict=True)
        plain = [RequestLine(n, order, text) for n, order, text in orders]
        others = map(_by_the_long_road, self.unread)
        return sorted([*plain, *others, *self.wrong], key=lambda line: line.number)

    def handed(self) -> WireSheet:
        """It as it is sent: with its lines for the long road read once, for what is wrong with them."""
        unread, wrong = [], [*self.wrong]
        for line in self.unread:
            read = _by_the_long_road(line)
            if isinstance(read, Wrong):
                wrong.append(read)
            else:
                unread.append(line)
        *columns, mentions = self.orders.columns
        mentioned: dict[tuple[str, ...], int] = {}
        places = [mentioned.setdefault(mention, len(mentioned)) for mention in mentions]
        said = [(n, [fault.message for fault in faults], text) for n, faults, text in wrong]
        others = [(line.number, line.text, line.ended, line.name) for line in unread]
        return WireSheet(self.numbers, *columns, places, [*mentioned], others, said, self.taken_bytes)  # type: ignore[arg-type, call-arg]

    @classmethod
    def of(cls, message: WireSheet) -> "LineSheet":
        """It from the message."""
        columns: list[Any] = [
            message.texts,
            message.ids,
            message.streams,
            message.effective_on,
            message.known_on,
            message.bases,
            message.data,
            message.sources,
            [message.mentioned[place] for place in message.mentions],
        ]
        orders = PlainOrders(*map(tuple, columns))
        if {len(column) for column in orders.columns} != {len(message.numbers)}:
            raise ValueError("fields of plain orders of different lengths")
        wrong = [Wrong(n, [FileFault(n, message) for message in messages], text) for n, messages, text in message.wrong]
        return cls(message.numbers, orders, [UnreadLine(*line) for line in message.unread], wrong, message.taken_bytes)


class RequestLines:
    """The event requests of a file, blank lines left out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._taken_bytes = 0
        self._size_bytes = 0
        if not isinstance(file, io.BufferedReader) or isinstance(file.raw, io.FileIO):
            # How long a compressed file will be is unknown.
            self._size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)

    def estimate(self, done: int) -> int:
        """How many lines the file seems to have, going by those that are done; 0: unknown."""
        if not self._taken_bytes:
            return 0
        return max(done, done * self._size_bytes // self._taken_bytes)

    def sheets(self, size: int = SHEET_LINES) -> Iterator[LineSheet]:
        """All lines, up to so many at a time."""
        for sheet in self._sheets(size):
            self._taken_bytes = sheet.taken_bytes
            yield sheet

    def __iter__(self) -> Iterator[RequestLine | Wrong]:
        """Every line."""
        for sheet in self.sheets():
            yield from sheet.lines()

    def _sheets(self, size: int) -> Iterator[LineSheet]:
        return _read(self._file, size)


class HandedLines(RequestLines):
    """The same, as the process that reads the file sends them."""

    def __init__(self, handed: Iterator[WireSheet], size_bytes: int) -> None:
        self._handed = handed
        self._taken_bytes = 0
        self._size_bytes = size_bytes

    def _sheets(self, size: int) -> Iterator[LineSheet]:
        return map(LineSheet.of, self._handed)


class _Texts(NamedTuple):
    """Lines as they stand in the file."""

    numbers: list[int]
    texts: list[bytes]
    too_long: list[UnreadLine]
    taken_bytes: int
    #: Whether the last of them had an end.
    ended: bool


def _read(file: BinaryIO, size: int) -> Iterator[LineSheet]:
    """The lines of a file, up to so many at a time."""
    known, before = codes(), hashlib.sha256()
    for numbers, texts, unread, taken_bytes, ended in _texts(file, size):
        places, orders = read_plain_orders(texts, known)
        if len(places) == len(texts) and None not in orders.ids:
            before.update(b"\n".join([*texts, b""]))
            yield LineSheet(numbers, orders, unread, taken_bytes=taken_bytes)
            continue
        ids = dict(zip(places, orders.ids, strict=True))
        for place, text in enumerate(texts):
            before.update(text)
            before.update(b"\n")
            if ids.get(place) is None:
                name = f"import:{before.hexdigest()[:ID_DIGITS]}"
                if place in ids:
                    ids[place] = name
                else:
                    unread.append(UnreadLine(numbers[place], text, ended or place < len(texts) - 1, name))
        plain = replace(orders, ids=tuple(ids.values()))
        yield LineSheet([numbers[place] for place in places], plain, unread, taken_bytes=taken_bytes)


def _texts(file: BinaryIO, size: int) -> Iterator[_Texts]:
    """The lines of a file that have something on them, up to so many at a time."""
    number = taken_bytes = 0
    for lines, piece_bytes, ended in _pieces(file, size):
        numbers = list(range(number + 1, number + 1 + len(lines)))
        if number == 0:
            lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
        number += len(lines)
        taken_bytes += piece_bytes
        texts, too_long = [line.strip() for line in lines], list[UnreadLine]()
        if not all(texts) or max(map(len, lines)) > LONGEST_LINE_BYTES:
            numbered = list(zip(numbers, lines, strict=True))
            too_long = [UnreadLine(n, line[:KEPT_BYTES], False, "") for n, line in numbered if _is_too_long(line)]
            kept = [(n, line.strip()) for n, line in numbered if line.strip() and not _is_too_long(line)]
            numbers, texts = [n for n, _ in kept], [text for _, text in kept]
            ended = ended or not numbers or numbers[-1] < number
        if texts or too_long:
            yield _Texts(numbers, texts, too_long, taken_bytes, ended)


def _is_too_long(line: bytes) -> bool:
    return len(line) > LONGEST_LINE_BYTES


def _pieces(file: BinaryIO, size: int) -> Iterator[tuple[list[bytes], int, bool]]:
    """The lines of a file, up to so many at a time; of a line that is too long as much as shows that it is.

    With each piece: how many bytes of the file it takes, and whether a line feed stands behind its last line.
    """
    waiting: list[bytes] = []
    rest, dropped_bytes = b"", 0
    while chunk := file.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if _is_too_long(rest):
            dropped_bytes += len(rest) - LONGEST_LINE_BYTES - 1
            rest = rest[: LONGEST_LINE_BYTES + 1]
        waiting += lines
        while len(waiting) >= size or sum(map(len, waiting)) > SHEET_BYTES:
            piece, waiting = waiting[:size], waiting[size:]
            yield piece, sum(map(len, piece)) + len(piece) + dropped_bytes, True
            dropped_bytes = 0
    if rest:
        waiting.append(rest)
    if waiting:
        yield waiting, sum(map(len, waiting)) + len(waiting) + dropped_bytes, not rest


def _by_the_long_road(line: UnreadLine) -> RequestLine | Wrong:
    number, text, ended, name = line
    if not name:
        message = f"is longer than {LONGEST_LINE_BYTES:,} bytes: an event takes 65,535 at most"
        return Wrong(number, [FileFault(number, message)], text)
    try:
        sent: Any = parse_json(text)
        if isinstance(sent, dict) and "id" not in sent:
            sent["id"] = name
        return RequestLine(number, read_request(sent, codes()), text)
    except Invalid as invalid:
        faults = [FileFault(number, f"{problem.pointer or '/'}: {problem.message}") for problem in invalid.problems]
    except ValueError as error:
        faults = [FileFault(number, str(error) if ended else f"{error}; the file ends within this line")]
    return Wrong(number, faults, text)
