"""Exit codes, and how a command ends with one."""

import errno
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import RawIOBase, TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import click

OK = 0
UNEXPECTED = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
VERIFICATION_FAILED = 5
THRESHOLD_CROSSED = 6
PARTIAL_IMPORT = 7
DATABASE_UNREACHABLE = 69

#: What each of them means, as docs/command-line.md has it.
MEANINGS = {
    OK: "done",
    UNEXPECTED: "something went wrong: a file that cannot be written, a fault of the program; or Ctrl-C ended it",
    USAGE: "a command, an option, a setting or a file is not what it must be, or asks beyond the ledger",
    NOT_FOUND: "what is named is not there",
    CONFLICT: "the ledger refuses, by what it holds or by which ledger it is; nothing is recorded",
    VERIFICATION_FAILED: "what was verified, compared or restored is not what it claims to be",
    THRESHOLD_CROSSED: "the bound of --fail-if is crossed",
    PARTIAL_IMPORT: "some of a file is not recorded",
    DATABASE_UNREACHABLE: "the database, or the address of a log, cannot be reached",
}

#: What files are refused with, which is no bug.
REFUSED_BY_THE_SYSTEM = frozenset(
    (
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE,
        errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG,
    )
)  # fmt: skip
#: What output is refused with that has no name: what is printed to a full disk.
REFUSED_AS_IT_IS_PRINTED = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF))


class ClosedOutput(RawIOBase):
    """Stands for stdout where the program was started without one: writing to it is refused, unless it is let go."""

    def __init__(self) -> None:
        self.is_dropped = False

    def writable(self) -> bool:
        """Until something is written."""
        return True

    def write(self, data: Any, /) -> int:
        """Refused with OSError where what is printed is what the command is for."""
        if len(data) and not self.is_dropped:
            raise OSError(errno.EBADF, "stdout is closed")
        return len(data)


@contextmanager
def translated() -> Iterator[None]:
    """End the program with a sentence and its exit code where an exception has one; anything else rises."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        code = code_of(error)
        if code is not None:
            print(f"daybook: {error}", file=sys.stderr)  # noqa: T201  # the terminal is where this goes
            sys.exit(code)
        if isinstance(error, OSError) and error.errno in REFUSED_BY_THE_SYSTEM and error.filename is not None:
            print(f"daybook: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
            sys.exit(UNEXPECTED)
        if isinstance(error, OSError) and error.errno in REFUSED_AS_IT_IS_PRINTED and error.filename is None:
            print(f"daybook: the output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
            sys.exit(UNEXPECTED)
        raise


@contextmanager
def printing() -> Iterator[None]:
    """Have something in the place of stdout and stderr during the block where the program was started without them.

    Messages lead nowhere; what is written to stdout is refused, unless `drop_output` says that it is not what counts.
    """
    _occupy_closed()
    with ExitStack() as stack:
        if sys.stderr is None:
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(redirect_stderr(nowhere))
        if sys.stdout is None:
            closed = TextIOWrapper(cast("BinaryIO", ClosedOutput()), "utf-8", write_through=True)
            stack.enter_context(redirect_stdout(closed))
        yield


def _occupy_closed() -> None:
    """Have nothing in the place of descriptors that the program was started without.

    The next file or socket that is opened would become stdout, for libraries and for the processes that it starts.
    """
    for stream, descriptor in ((sys.stdin, 0), (sys.stdout, 1), (sys.stderr, 2)):
        if stream is None:
            try:
                os.fstat(descriptor)
            except OSError:
                # The lowest that is free: this one, since those below it are taken.
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def drop_output() -> None:
    """Let what is printed go where stdout is closed: the command does something, and prints what it has done."""
    closed = getattr(sys.stdout, "buffer", None)
    if isinstance(closed, ClosedOutput):
        closed.is_dropped = True


@contextmanager
def read_or_not(*, with_messages: bool = True) -> Iterator[None]:
    """End the block, and not the program, where the reader of stdout goes away; later output is dropped.

    BrokenPipeError rises while stdout has a reader and, without `with_messages`, where stderr has none either: then it
    may be a message that could not be written, long before the command was done.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        if not _has_no_reader(sys.stdout) or (not with_messages and _has_no_reader(sys.stderr)):
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            # The rest in the stream's buffer goes there, too, when it is flushed at the program's end.
            os.dup2(nowhere, sys.stdout.fileno())
            if _has_no_reader(sys.stderr):
                os.dup2(nowhere, sys.stderr.fileno())
        finally:
            os.close(nowhere)


def print_result(text: str, nl: bool = True) -> None:
    """Print to stdout; where its reader has gone away the command goes on, to the exit code of what it found."""
    with read_or_not():
        click.echo(text, nl=nl)


def _has_no_reader(stream: TextIO) -> bool:
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def code_of(error: Exception) -> int | None:
    """The exit code of an exception; None where it has none: it is a fault of the program."""
    # It knows exceptions of every room: only who fails pays for importing them.
    from service.cli.refusals import EXITS

    return next((code for kinds, code in EXITS if isinstance(error, kinds)), None)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does, by KeyboardInterrupt, so that everything is closed in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
