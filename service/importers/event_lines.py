"""The lines of a file of event requests, read some hundreds at a time; those of a large file by a process of its own.

Reading and judging a line takes longer than anything else that is done to it here. So while this process decides and
records what was read, another one reads on, and hands over what it has read as plain values.
"""

import fcntl
import hashlib
import io
import marshal
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, NamedTuple

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.json_text import parse_json
from domain.ledger import Sent
from domain.orders import OrderPlaced
from domain.plain_orders import PlainOrder, PlainOrders, read_plain_orders
from service.codes import codes
from service.environment import of_an_interpreter
from service.importers.opening import LONGEST_LINE_BYTES
from service.importers.rows import BYTE_ORDER_MARK, Fault

#: Hexadecimal digits of the ids that lines are given.
ID_DIGITS = 32
#: A smaller file is read before another process has started.
LARGE_FILE_BYTES = 8 * 1024 * 1024
#: Lines of a sheet, unless told otherwise; where they are long, fewer. What is made of so many still lies in the
#: processor's cache: ten times as many take twice as long each.
SHEET_LINES = 250
SHEET_BYTES = 4 * 1024 * 1024
#: Read from the file at once.
CHUNK_BYTES = 256 * 1024
#: What is read ahead waits in the pipe: some four sheets, on Linux.
PIPE_BYTES = 1024 * 1024
LENGTH_BYTES = 4
#: As much of a line that is too long as is kept.
KEPT_BYTES = 1_000


class Line(NamedTuple):
    """One line of the file, read."""

    #: From 1.
    number: int
    request: Sent
    text: bytes

    @property
    def type(self) -> str:
        """The type of the event."""
        return OrderPlaced.NAME if isinstance(self.request, PlainOrder) else str(self.request.body.NAME)


class Wrong(NamedTuple):
    """A line that is no event request."""

    number: int
    faults: list[Fault]
    #: As much of it as is kept.
    text: bytes


class Unread(NamedTuple):
    """A line for the long road, or one that is too long to be read."""

    number: int
    #: As much of it as is kept.
    text: bytes
    #: Whether the line had an end.
    ended: bool
    #: The id for it, where it has none; empty: it is too long.
    name: str


@dataclass(frozen=True)
class Sheet:
    """Some lines of the file that follow one another, blank ones left out."""

    #: The numbers of the lines that are plain orders, and these.
    numbers: list[int]
    orders: PlainOrders
    #: All other lines.
    unread: list[Unread] = field(default_factory=list)
    #: Bytes of the file up to the end of the last of them.
    taken_bytes: int = 0

    def __len__(self) -> int:
        return len(self.numbers) + len(self.unread)

    def lines(self) -> list[Line | Wrong]:
        """Each by itself, in the order of the file."""
        plain = [Line(n, order, order.text) for n, order in zip(self.numbers, self.orders, strict=True)]
        return sorted([*plain, *map(_by_the_long_road, self.unread)], key=lambda line: line.number)

    def handed(self) -> tuple[Any, ...]:
        """It as plain values."""
        return self.numbers, self.orders.columns, [tuple(line) for line in self.unread], self.taken_bytes

    @classmethod
    def of(cls, handed: tuple[Any, ...]) -> "Sheet":
        """It from plain values."""
        numbers, columns, unread, taken_bytes = handed
        return cls(numbers, PlainOrders(*columns), [Unread(*line) for line in unread], taken_bytes)


class Lines:
    """The event requests of a file, blank lines left out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._taken_bytes = 0
        self._size_bytes = 0
        if not isinstance(file, io.BufferedReader) or isinstance(file.raw, io.FileIO):
            # Of a compressed file nobody knows how long it will be.
            self._size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)

    def estimate(self, done: int) -> int:
        """How many lines the file seems to have, going by those that are done; 0: nobody knows."""
        if not self._taken_bytes:
            return 0
        return max(done, done * self._size_bytes // self._taken_bytes)

    def sheets(self, size: int = SHEET_LINES) -> Iterator[Sheet]:
        """All lines, up to so many at a time."""
        for sheet in self._sheets(size):
            self._taken_bytes = sheet.taken_bytes
            yield sheet

    def __iter__(self) -> Iterator[Line | Wrong]:
        """Every line."""
        for sheet in self.sheets():
            yield from sheet.lines()

    def _sheets(self, size: int) -> Iterator[Sheet]:
        return _read(self._file, size)


class LinesAhead(Lines):
    """The same, of a file on disk, read by another process: OSError where that one ends before the file does."""

    def _sheets(self, size: int) -> Iterator[Sheet]:
        with _reading(self._file, size) as sheets:
            yield from sheets


def lines_of(file: BinaryIO) -> Lines:
    """The lines of a file, from its beginning; those of a large one are read ahead where another processor is free."""
    on_disk = isinstance(file, io.BufferedReader) and isinstance(file.raw, io.FileIO)
    large = on_disk and os.fstat(file.fileno()).st_size >= LARGE_FILE_BYTES
    return LinesAhead(file) if large and (os.cpu_count() or 1) > 1 else Lines(file)


class _Texts(NamedTuple):
    """Lines as they stand in the file."""

    numbers: list[int]
    texts: list[bytes]
    too_long: list[Unread]
    taken_bytes: int
    #: Whether the last of them had an end.
    ended: bool


def _read(file: BinaryIO, size: int) -> Iterator[Sheet]:
    """The lines of a file, up to so many at a time."""
    known, before = codes(), hashlib.sha256()
    for numbers, texts, unread, taken_bytes, ended in _texts(file, size):
        places, orders = read_plain_orders(texts, known)
        if len(places) == len(texts) and None not in orders.ids:
            before.update(b"\n".join([*texts, b""]))
            yield Sheet(numbers, orders, unread, taken_bytes)
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
                    unread.append(Unread(numbers[place], text, ended or place < len(texts) - 1, name))
        yield Sheet([numbers[place] for place in places], replace(orders, ids=list(ids.values())), unread, taken_bytes)


def _texts(file: BinaryIO, size: int) -> Iterator[_Texts]:
    """The lines of a file that have something on them, up to so many at a time."""
    number = taken_bytes = 0
    for lines, piece_bytes, ended in _pieces(file, size):
        numbers = list(range(number + 1, number + 1 + len(lines)))
        if number == 0:
            lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
        number += len(lines)
        taken_bytes += piece_bytes
        texts, too_long = [line.strip() for line in lines], list[Unread]()
        if not all(texts) or max(map(len, lines)) > LONGEST_LINE_BYTES:
            numbered = list(zip(numbers, lines, strict=True))
            too_long = [Unread(n, line[:KEPT_BYTES], False, "") for n, line in numbered if _is_too_long(line)]
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


def _by_the_long_road(line: Unread) -> Line | Wrong:
    number, text, ended, name = line
    if not name:
        message = f"is longer than {LONGEST_LINE_BYTES:,} bytes: an event takes 65,535 at most"
        return Wrong(number, [Fault(number, message)], text)
    try:
        sent: Any = parse_json(text)
        if isinstance(sent, dict) and "id" not in sent:
            sent["id"] = name
        return Line(number, read_request(sent, codes()), text)
    except Invalid as invalid:
        faults = [Fault(number, f"{problem.pointer or '/'}: {problem.message}") for problem in invalid.problems]
    except ValueError as error:
        faults = [Fault(number, str(error) if ended else f"{error}; the file ends within this line")]
    return Wrong(number, faults, text)


# In two processes


@contextmanager
def _reading(file: BinaryIO, size: int) -> Iterator[Iterator[Sheet]]:
    """What another process reads of a file on disk; it has ended after the block."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    # The other process finds the packages where this one has found them.
    process = subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", __name__, str(size)],
        stdin=file.fileno(),
        stdout=subprocess.PIPE,
        env=of_an_interpreter(packages=True),
    )
    assert process.stdout is not None
    with suppress(OSError, AttributeError):  # elsewhere than on Linux pipes have the size they have
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield _handed_over(process.stdout)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _handed_over(stream: Any) -> Iterator[Sheet]:
    while True:
        length = int.from_bytes(_exactly(stream, LENGTH_BYTES), "big")
        if length == 0:
            return
        yield Sheet.of(marshal.loads(_exactly(stream, length)))  # noqa: S302  # from our own process


def _exactly(stream: Any, count: int) -> bytes:
    found: bytes = stream.read(count)
    if len(found) < count:
        raise OSError("the process that reads the file ended before the file did")
    return found


def main(arguments: Sequence[str]) -> None:
    """Read the file that is standard input, some lines at a time, and hand them over on standard output."""
    (size,) = map(int, arguments)
    output = sys.stdout.buffer
    # Whoever started this process may end first, and then nobody needs the rest.
    with suppress(BrokenPipeError):
        for sheet in _read(sys.stdin.buffer, size):
            written = marshal.dumps(sheet.handed())
            output.write(len(written).to_bytes(LENGTH_BYTES, "big"))
            output.write(written)
        output.write(bytes(LENGTH_BYTES))
        output.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
