"""The process that reads a file for an import: `... reading.reader DESCRIPTOR MEMORY_BYTES PARENT`.

It bounds itself before it looks at the file, is asked on standard input what to read, and says it on standard output.
"""

import ctypes
import faulthandler
import gc
import io
import os
import resource
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from service.importing.bounds import MIB, PUT_ASIDE_BYTES
from service.importing.reading.messages import (
    LENGTH_BYTES,
    Ask,
    Bad,
    BadKeys,
    BrokenReader,
    Message,
    ReaderTask,
    RowsSeen,
    WireSheet,
    framed,
)
from service.importing.reading.questions import Question
from service.importing.reading.saying import BEAT_S, clean_causes
from service.importing.reading.sources import Watched, messages
from service.importing.rows import BadFile, BadMapping

#: Files that may be open: its own, the temporary ones, and the modules on their way in.
OPEN_FILES = 64
#: How much politer than the process that started it: others' requests come first.
NICENESS = 5
#: Read from the file at once.
CHUNK_BYTES = 256 * 1024
#: New objects before Python looks for cycles among them: what is read forms none.
COLLECTED_OBJECTS = 200_000
#: Of an error of our own, and of what is wrong with a file.
LONGEST_TRACE, LONGEST_FAULT = 8_000, 2_000

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


def bound(memory_bytes: int, parent: int) -> None:
    """Take no more memory, end with the parent, and be the first to be killed where the machine has none left."""
    for what, most in (
        # What is written to: not the reservations that allocators and threads make and never touch.
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, PUT_ASIDE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        with suppress(ValueError, OSError):
            hard = resource.getrlimit(what)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (most, most))
    # Elsewhere than on Linux it ends when its pipe is closed.
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):
        os.nice(NICENESS)
    if os.getppid() != parent:
        sys.exit("whoever started this process has ended")


class Pipe:
    """What is said to the process that started this one, and asked of it."""

    def __init__(self, read: BinaryIO, write: BinaryIO) -> None:
        self._read = read
        self._write = write
        self._said_at = time.monotonic()
        #: Rows that are read, and the last line of which something was said.
        self.rows = 0

    def say(self, message: Message) -> None:
        """Say something, as soon as there is room for it."""
        match message:
            case RowsSeen(rows):
                self.rows = rows
            case WireSheet(numbers) if numbers:
                self.rows = numbers[-1]
        self._write.write(framed(message))
        self._write.flush()
        self._said_at = time.monotonic()

    def beat(self) -> None:
        """Say that it goes on, from time to time."""
        if time.monotonic() - self._said_at >= BEAT_S:
            self.say(RowsSeen(self.rows))

    def ask(self, question: Question, names: Sequence[str]) -> Any:
        """The answer to a question about the ledger."""
        self.say(Ask(question, list(names)))
        return msgspec.msgpack.decode(self.heard())

    def heard(self) -> bytes:
        """The next message to this process; EOFError where the other end is closed."""
        length = int.from_bytes(self._exactly(LENGTH_BYTES), "big")
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        found = self._read.read(count)
        if len(found) < count:
            raise EOFError
        return found


def read(pipe: Pipe, descriptor: int) -> Message | None:
    """Say all that the file holds; what is wrong with it, where something is."""
    wanted = msgspec.msgpack.decode(pipe.heard(), type=ReaderTask)
    try:
        with open(descriptor, "rb", buffering=0) as raw:
            file: Any = io.BufferedReader(Watched(raw, pipe.beat), CHUNK_BYTES)
            for message in messages(file, wanted, pipe.ask, pipe.beat):
                pipe.say(message)
    except BadFile as bad:
        return Bad([(fault.line, _short(fault.message)) for fault in bad.faults], clean_causes(bad.causes))
    except BadMapping as bad:
        return BadKeys(bad.name, [_short(problem) for problem in bad.problems])
    except (BrokenPipeError, EOFError):
        raise
    except sqlite3.OperationalError as error:
        return Bad([(max(pipe.rows, 1), f"its rows cannot be put aside on disk: {error}")])
    except OSError as error:
        return Bad([(max(pipe.rows, 1), f"cannot be read: {error.strerror or error}")])
    except MemoryError:
        raise
    except Exception:
        return BrokenReader(traceback.format_exc()[-LONGEST_TRACE:])
    return None


def _short(text: str) -> str:
    return text[:LONGEST_FAULT].encode("utf-8", "replace").decode()


def main(arguments: Sequence[str]) -> None:
    """Read a file."""
    descriptor, memory_bytes, parent = map(int, arguments)
    bound(memory_bytes, parent)
    faulthandler.enable()
    gc.freeze()
    gc.set_threshold(COLLECTED_OBJECTS)
    pipe = Pipe(sys.stdin.buffer, sys.stdout.buffer)
    last: Message | None = None
    exhausted = False
    # The process that started this one may end first: the rest is not needed then.
    with suppress(BrokenPipeError, EOFError):
        try:
            last = read(pipe, descriptor)
        except MemoryError:
            exhausted = True
        if exhausted:
            # What was read is gone by now.
            place = f" behind row {pipe.rows:,}" if pipe.rows else ""
            message = f"takes more memory to read than the {memory_bytes // MIB:,} MiB that an import may{place}"
            last = Bad([(max(pipe.rows, 1), f"{message} (DAYBOOK_IMPORT_MEMORY_MB)")])
        if last is not None:
            pipe.say(last)
    # What libraries would do at the end is of no use to anybody.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
