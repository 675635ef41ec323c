"""A file read by a process of its own, whose memory is bounded, and whose death is the file's fault.

A file is a stranger's. What reads it is written in Python and in C (zlib, expat, Arrow, SQLite), may take any memory
and time, and may crash. So it is read by a process that has nothing to lose: no token, no database, no terminal, an end
to its memory (DAYBOOK_IMPORT_MEMORY_MB) and to what it writes to disk, and somebody who ends it when it stands still.
It says what it reads in messages (messages.py) through a pipe, at the pace at which they are taken.
"""

import fcntl
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

import msgspec

from service.importing.bounds import JUDGING_MB, JUDGING_S, MIB, STARVED, STILL_S
from service.importing.opening import size_of
from service.importing.reading.messages import (
    LARGEST_FRAME_BYTES,
    LENGTH_BYTES,
    Ask,
    Bad,
    BadKeys,
    BrokenReader,
    End,
    FileForm,
    Message,
    ReaderTask,
    RowsSeen,
    SuggestedMapping,
    WireSheet,
    framed,
    message_of,
)
from service.importing.reading.questions import Ask as Answerer
from service.importing.rows import BadFile, BadMapping, FileFault
from service.running.environment import of_an_interpreter
from service.settings import IMPORT_MEMORY_MB

logger = logging.getLogger(__name__)

#: How often a waiting caller looks whether it is still to wait.
TICK_MS = 100
#: What is read ahead waits in the pipe, on Linux.
PIPE_BYTES = 1024 * 1024
#: What is kept of the last words of a reader that died.
LAST_WORDS_BYTES = 8_192


class ReaderNotStarted(Exception):
    """No process could be started that would read a file: there are too many, or there is no memory for one."""


class ReaderBroke(Exception):
    """The reader ran into an error of our own."""


@dataclass(frozen=True, slots=True)
class ReaderBounds:
    """What a reader may take."""

    memory_bytes: int = IMPORT_MEMORY_MB * MIB
    still_s: float = STILL_S

    @classmethod
    def of(cls, memory_mb: int) -> "ReaderBounds":
        """With so many MiB of memory."""
        return cls(memory_mb * MIB)


#: So many files or mappings are judged at the same time: each takes a process.
MOST_JUDGED = 2
_judging = threading.BoundedSemaphore(MOST_JUDGED)
#: For judging what is short.
JUDGING = ReaderBounds(JUDGING_MB * MIB, JUDGING_S)


class Apart:
    """A file that another process reads in the block; it has ended after it."""

    def __init__(
        self,
        file: BinaryIO,
        wanted: ReaderTask,
        bounds: ReaderBounds | None = None,
        halt: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = file
        self._wanted = wanted
        self.bounds = bounds or ReaderBounds()
        #: Asked again and again while the reader is waited for; raises where it is no longer to be.
        self._halt = halt
        self._ask: Answerer | None = None
        self._rows = 0
        self.size_bytes = 0
        self._messages = self._say()

    def __enter__(self) -> Self:
        self.size_bytes = size_of(self._file)
        try:
            self._process = _started(self._file, self.bounds)
        except OSError as error:
            raise ReaderNotStarted(f"no process could be started that reads the file: {error.strerror}") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        self._ready = select.poll()
        self._ready.register(self._output, select.POLLIN)
        self._written = framed(self._wanted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._messages.close()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                # What was not taken is not flushed to a process that is gone.
                with suppress(OSError):
                    pipe.close()

    @property
    def pid(self) -> int:
        """The reader's process."""
        return self._process.pid

    def messages(self, ask: Answerer) -> Iterator[Message]:
        """What the reader says, from where the last that was taken left off; raises BadFile and BadMapping."""
        self._ask = ask
        return self._messages

    def _say(self) -> Generator[Message, None, None]:
        while True:
            message = self._next()
            match message:
                case Ask(question, names):
                    assert self._ask is not None
                    self._written = framed(self._ask(question, names))
                    continue
                case Bad(faults, causes):
                    raise BadFile([FileFault(line, text) for line, text in faults], causes)
                case BadKeys(name, problems):
                    raise BadMapping(name, problems)
                case BrokenReader(trace):
                    raise ReaderBroke(trace)
                case End():
                    return
                case RowsSeen(rows):
                    self._rows = rows
                case WireSheet(numbers) if numbers:
                    self._rows = numbers[-1]
            yield message

    def _next(self) -> Message:
        length = int.from_bytes(self._exactly(LENGTH_BYTES), "big")
        if length > LARGEST_FRAME_BYTES:
            raise self._nonsense(f"a message of {length:,} bytes")
        try:
            return message_of(self._exactly(length))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._nonsense(str(error)) from None

    def _exactly(self, count: int) -> bytearray:
        """So many bytes, read to where they are needed."""
        taken = bytearray(count)
        have = 0
        with memoryview(taken) as room:
            while have < count:
                self._wait()
                found = os.readv(self._output, [room[have:]])
                if not found:
                    raise self._death()
                have += found
        return taken

    def _wait(self) -> None:
        """Until the reader has said something; what waits for it is written meanwhile."""
        self._halt()
        if not self._written and self._ready.poll(0):
            return
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        began, busy_s = time.monotonic(), None
        while True:
            self._halt()
            if self._written:
                poll.register(self._input, select.POLLOUT)
            ready = dict(poll.poll(TICK_MS))
            if self._input in ready:
                # Where it has died its last words come.
                with suppress(BrokenPipeError, BlockingIOError):
                    self._written = self._written[os.write(self._input, self._written[:PIPE_BYTES]) :]
                if ready[self._input] & select.POLLERR or not self._written:
                    self._written = b""
                    poll.unregister(self._input)
            if self._output in ready:
                return
            if busy_s is None:
                busy_s = _busy_s(self._process.pid)
            silent_s, still_s = time.monotonic() - began, self.bounds.still_s
            if silent_s <= still_s:
                continue
            # Where others keep the processors from it, it does not stand still.
            if _busy_s(self._process.pid) - busy_s > still_s / 2 or silent_s > STARVED * still_s:
                self._process.kill()
                raise self._bad(f"the process that reads the file said nothing for {silent_s:.0f} s")

    def _death(self) -> Exception:
        self._process.kill()
        code = self._process.wait()
        assert self._process.stderr is not None
        words = _last_words(self._process.stderr)
        if words:
            logger.error("the process that read an import's file ended: %s", words)
        if code >= 0:
            return self._bad(f"the process that reads the file ended by itself ({code})")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if -code == signal.SIGKILL:
            return self._bad(f"the process that reads the file was killed ({name}), perhaps for the memory it took")
        return self._bad(f"the process that reads the file crashed ({name})")

    def _nonsense(self, what: str) -> Exception:
        self._process.kill()
        logger.error("the process that reads an import's file said what it never says: %s", what)
        return self._bad("the process that reads the file said what it never says")

    def _bad(self, why: str) -> BadFile:
        place = f" behind row {self._rows:,}" if self._rows else ""
        return BadFile([FileFault(max(self._rows, 1), f"{why}{place}: the file is not read any further")])


def judged(file: BinaryIO, wanted: ReaderTask) -> str:
    """What the format of a file is, as another process finds it; raises BadFile and BadMapping.

    With a mapping also whether that is one. Raises ReaderNotStarted where there is no room for another process.
    """
    if not _judging.acquire(timeout=JUDGING_S):
        raise ReaderNotStarted("too many files are judged at the same time")
    try:
        with Apart(file, msgspec.structs.replace(wanted, judge_only=True), JUDGING) as reader:
            [form] = [message for message in reader.messages(_answer_nothing) if isinstance(message, FileForm)]
            return form.format
    finally:
        _judging.release()


def suggested(file: BinaryIO, name: str, bounds: ReaderBounds) -> str:
    """The TOML of a mapping for a table of order lines, as another process finds it; raises BadFile.

    Raises ReaderNotStarted where there is no room for another process.
    """
    if not _judging.acquire(timeout=JUDGING_S):
        raise ReaderNotStarted("too many files are judged at the same time")
    try:
        with Apart(file, ReaderTask(suggest=name), bounds) as reader:
            messages = reader.messages(_answer_nothing)
            return next(message.content for message in messages if isinstance(message, SuggestedMapping))
    finally:
        _judging.release()


def _answer_nothing(question: str, names: Sequence[str]) -> Any:
    raise ReaderBroke("judging a file needs no ledger")


def _started(file: BinaryIO, bounds: ReaderBounds) -> "subprocess.Popen[bytes]":
    with _on_disk(file) as given:
        os.lseek(given.fileno(), 0, os.SEEK_SET)
        arguments = [str(number) for number in (given.fileno(), bounds.memory_bytes, os.getpid())]
        process = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-P", "-m", "service.importing.reading.reader", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(given.fileno(),),
            cwd="/",
            env=_environment(),
            # A signal from the terminal that ends us does not end it before us.
            process_group=0,
        )
    with suppress(OSError, AttributeError):  # elsewhere than on Linux pipes have the size they have
        assert process.stdout is not None
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return process


def _busy_s(pid: int) -> float:
    """The processor time that a process has taken; 0: unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _on_disk(file: BinaryIO) -> Any:
    """The file with a descriptor: a copy of what is in memory."""
    try:
        return open(file.fileno(), "rb", buffering=0, closefd=False)
    except (OSError, AttributeError):
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.flush()
        return copy


def _environment() -> dict[str, str]:
    """No token and no database: what it needs to find Python, its packages, and a place for what it puts aside."""
    folder = tempfile.gettempdir()
    return {
        **of_an_interpreter(packages=True),
        "TMPDIR": folder,
        "SQLITE_TMPDIR": folder,
        # One arena and one thread: what is reserved for others counts as taken.
        "MALLOC_ARENA_MAX": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OMP_NUM_THREADS": "1",
        # It would look through every installed package for plugins, which takes as long as pydantic itself.
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }


def _last_words(pipe: IO[bytes]) -> str:
    os.set_blocking(pipe.fileno(), False)
    try:
        return os.read(pipe.fileno(), LAST_WORDS_BYTES).decode("utf-8", "replace").strip()
    except BlockingIOError:
        return ""
