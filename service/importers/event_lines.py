"""The lines of a file of event requests, each read as one; those of a large file by a process of its own.

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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.json_text import parse_json
from domain.ledger import Sent
from domain.periods import parse_day, parse_period
from domain.plain_orders import PlainOrder, read_plain_order
from service.codes import codes
from service.importers.opening import LONGEST_LINE_BYTES
from service.importers.rows import BYTE_ORDER_MARK, Fault

#: Hexadecimal digits of the ids that lines are given.
ID_DIGITS = 32
#: A smaller file is read before another process has started.
LARGE_FILE_BYTES = 8 * 1024 * 1024
#: Lines that are handed over at once.
FRAME_LINES = 256
#: What is read ahead waits in the pipe: about three frames, on Linux.
PIPE_BYTES = 1024 * 1024
LENGTH_BYTES = 4
#: As much of a line that is too long as is kept.
KEPT_BYTES = 1_000

#: What is handed over of a line. Of one that is too long: number, beginning. Of one for the long road: number, text,
#: whether it ended, the id for it. Of a plain order: number, text, and the fields of PlainOrder.
Handed = tuple[Any, ...]
TOO_LONG_FIELDS, LONG_ROAD_FIELDS = 2, 4


class Line(NamedTuple):
    """One line of the file, read."""

    #: From 1.
    number: int
    request: Sent
    text: bytes


class Wrong(NamedTuple):
    """A line that is no event request."""

    faults: list[Fault]
    #: As much of it as is kept.
    text: bytes


class Lines:
    """The event requests of a file, line by line, blank ones left out."""

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

    def __iter__(self) -> Iterator[Line | Wrong]:
        """Every line that has something on it."""
        for taken, handed in _taken(self._file):
            self._taken_bytes = taken
            yield _line(handed)


class LinesAhead(Lines):
    """The same, of a file on disk, read by another process."""

    def __iter__(self) -> Iterator[Line | Wrong]:
        """Every line that has something on it; OSError where the other process ends before the file does."""
        with _reading(self._file) as frames:
            for taken, frame in frames:
                self._taken_bytes = taken
                for handed in frame:
                    yield _line(handed)


def lines_of(file: BinaryIO) -> Lines:
    """The lines of a file, from its beginning; those of a large one are read ahead where another processor is free."""
    on_disk = isinstance(file, io.BufferedReader) and isinstance(file.raw, io.FileIO)
    large = on_disk and os.fstat(file.fileno()).st_size >= LARGE_FILE_BYTES
    return LinesAhead(file) if large and (os.cpu_count() or 1) > 1 else Lines(file)


def _taken(file: BinaryIO) -> Iterator[tuple[int, Handed]]:
    """What is handed over of each line that has something on it, with the bytes taken up to its end."""
    known, before = codes(), hashlib.sha256()
    number = taken = 0
    while text := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        taken += len(text)
        if len(text) > LONGEST_LINE_BYTES:
            kept = text[:KEPT_BYTES]
            while text and not text.endswith(b"\n"):
                text = file.readline(LONGEST_LINE_BYTES)
                taken += len(text)
            yield taken, (number, kept)
            continue
        ended = text.endswith(b"\n")
        if number == 1:
            text = text.removeprefix(BYTE_ORDER_MARK)
        text = text.strip()
        if not text:
            continue
        before.update(text)
        before.update(b"\n")
        plain = read_plain_order(text, known)
        if plain is None:
            yield taken, (number, text, ended, _name(before))
            continue
        known_on = None if plain.known_on is None else plain.known_on.isoformat()
        yield (
            taken,
            (
                number, text, plain.id or _name(before), plain.stream, plain.effective_on.text, known_on, plain.basis,
                plain.data, plain.source, plain.mentions,
            ),
        )  # fmt: skip


def _name(before: Any) -> str:
    """The id of a line that has none, made from all lines up to it."""
    return f"import:{before.hexdigest()[:ID_DIGITS]}"


def _line(handed: Handed) -> Line | Wrong:
    if len(handed) == TOO_LONG_FIELDS:
        number, kept = handed
        return Wrong(
            [Fault(number, f"is longer than {LONGEST_LINE_BYTES:,} bytes: an event takes 65,535 at most")], kept
        )
    if len(handed) == LONG_ROAD_FIELDS:
        return _by_the_long_road(*handed)
    number, text, identifier, stream, effective_on, known_on, basis, data, source, mentions = handed
    day = None if known_on is None else parse_day(known_on)
    order = PlainOrder(text, identifier, stream, parse_period(effective_on), day, basis, data, source, mentions)
    return Line(number, order, text)


def _by_the_long_road(number: int, text: bytes, ended: bool, name: str) -> Line | Wrong:
    try:
        sent: Any = parse_json(text)
        if isinstance(sent, dict) and "id" not in sent:
            sent["id"] = name
        return Line(number, read_request(sent, codes()), text)
    except Invalid as invalid:
        faults = [Fault(number, f"{problem.pointer or '/'}: {problem.message}") for problem in invalid.problems]
    except ValueError as error:
        faults = [Fault(number, str(error) if ended else f"{error}; the file ends within this line")]
    return Wrong(faults, text)


# In two processes

Frame = tuple[int, list[Handed]]


@contextmanager
def _reading(file: BinaryIO) -> Iterator[Iterator[Frame]]:
    """What another process reads of a file on disk, a frame at a time; it has ended after the block."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    # The other process finds the packages where this one has found them.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    process = subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", __name__], stdin=file.fileno(), stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    with suppress(OSError, AttributeError):  # elsewhere than on Linux pipes have the size they have
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield _frames(process.stdout)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _frames(stream: Any) -> Iterator[Frame]:
    while True:
        length = int.from_bytes(_exactly(stream, LENGTH_BYTES), "big")
        if length == 0:
            return
        yield marshal.loads(_exactly(stream, length))  # noqa: S302  # from our own process


def _exactly(stream: Any, count: int) -> bytes:
    found: bytes = stream.read(count)
    if len(found) < count:
        raise OSError("the process that reads the file ended before the file did")
    return found


def main() -> None:
    """Read the file that is standard input, and hand over its lines on standard output."""
    output = sys.stdout.buffer
    frame: list[Any] = []
    taken = 0

    def hand_over(taken: int) -> None:
        written = marshal.dumps((taken, frame))
        output.write(len(written).to_bytes(LENGTH_BYTES, "big") + written)
        frame.clear()

    # Whoever started this process may end first, and then nobody needs the rest.
    with suppress(BrokenPipeError):
        for taken, handed in _taken(sys.stdin.buffer):
            frame.append(handed)
            if len(frame) == FRAME_LINES:
                hand_over(taken)
        if frame:
            hand_over(taken)
        output.write(bytes(LENGTH_BYTES))
        output.flush()


if __name__ == "__main__":
    main()
