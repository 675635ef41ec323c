"""Where exports go: a file that appears when it is whole, or stdout; compressed where its name ends in .gz."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

#: "-" stands for stdout, as for other commands.
STDOUT = "-"
#: Compressed a little slower than the fastest, and much smaller.
GZIP_LEVEL = 6


class CannotWrite(Exception):
    """A file cannot be written; the message names it."""


@contextmanager
def naming(target: object) -> Iterator[None]:
    """Have what the system refuses become CannotWrite; a reader that has gone away stays BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {error.strerror or error}") from None


@contextmanager
def written(target: str) -> Iterator[BinaryIO]:
    """Write to a file, or to stdout.

    A file is written beside its place and put there at the end; where something goes wrong, what was there stays.
    """
    with ExitStack() as stack:
        if target == STDOUT:
            stack.enter_context(naming("stdout"))
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        path = Path(target)
        raw = stack.enter_context(replacing(path))
        yield stack.enter_context(_compressed(raw)) if is_compressed(target) else raw


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes a path's place at the end of the block, on the disk by then; not where it raises."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    with naming(path):
        try:
            with draft.open("wb") as raw:
                yield raw
                raw.flush()
                os.fsync(raw.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def is_compressed(target: str) -> bool:
    """Whether a name asks for compression."""
    return target.endswith(".gz")


def suffix(target: str) -> str:
    """The end of a name that states its format, in lower case: `csv` of `Figures.CSV.gz`; empty where there is none."""
    return Path(target.removesuffix(".gz")).suffix.removeprefix(".").lower()


def _compressed(raw: BinaryIO) -> BinaryIO:
    # Neither time nor name: the same events make the same file.
    return cast("BinaryIO", gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0))
