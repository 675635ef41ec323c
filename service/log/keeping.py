"""Copies of checkpoints outside the database: what an old backup, put in the database's place, does not take along."""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from domain.notes import LARGEST_NOTE_BYTES, parse_checkpoint, parse_note

logger = logging.getLogger(__name__)

#: No line is longer: a note, with what JSON puts before some of its characters.
LONGEST_LINE_BYTES = 2 * LARGEST_NOTE_BYTES
#: What is looked through of a file as a service begins.
FIRST_BYTES, LAST_BYTES = 1 << 16, 1 << 20


class KeptCheckpoint(NamedTuple):
    """A checkpoint that was kept."""

    size: int
    root: bytes
    note: str

    @property
    def name(self) -> str:
        """Of the log that it is a checkpoint of."""
        return self.note.partition("\n")[0]


def all_kept(home: Path) -> Iterator["KeptCheckpoint"]:
    """The last checkpoint of each ledger that a home has kept some of, those of empty ledgers left out."""
    for path in sorted((home / "checkpoints").glob("*.ndjson")):
        kept = Keeping(home, path.stem).last()
        if kept is not None and kept.size > 0:
            yield kept


def faults(home: Path) -> Iterator[tuple[Path, str]]:
    """The files of a home's copies with which something is wrong, each with what."""
    folder = home / "checkpoints"
    if folder.exists() and not folder.is_dir():
        yield folder, "it is no folder"
    for path in sorted(folder.glob("*.ndjson")):
        fault = Keeping(home, path.stem).fault()
        if fault is not None:
            yield path, fault


class Keeping:
    """The file of one home that checkpoints of one ledger are added to, one JSON object a line."""

    def __init__(self, home: Path, identity: str) -> None:
        self.path = home / "checkpoints" / f"{identity}.ndjson"

    def last(self) -> KeptCheckpoint | None:
        """The largest checkpoint in the last whole lines; None: none was kept."""
        try:
            with self.path.open("rb") as file:
                return _looked_through(file).largest
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("the copies of checkpoints in %s cannot be read: %s", self.path, error.strerror)
            return None

    def fault(self) -> str | None:
        """What is wrong with the file, in words for the operator; None: it is well, or not there."""
        if self.path.is_dir():
            return "it is a folder"
        try:
            with self.path.open("rb") as file:
                return _looked_through(file).fault
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"it cannot be read: {error.strerror}"

    def mend(self) -> None:
        """Move a damaged file aside, and begin it anew with the whole lines that it has; raises OSError.

        `daybook verify` would find fault with it, and what is added behind the damage would not be seen for it.
        """
        if self.path.is_dir():
            aside = self._aside()
            self.path.rename(aside)
            logger.error("%s is a folder, where copies of checkpoints belong: moved to %s", self.path, aside.name)
        elif self.fault() is not None:
            with self._locked() as descriptor:
                fault = self.fault()
                if fault is not None:
                    self._begin_anew(descriptor, fault)

    def keep(self, size: int, note: str) -> None:
        """Add a checkpoint, durably, unless a later one or the same is there already; raises OSError."""
        if self.path.is_dir():
            self.mend()
        with self._locked() as descriptor:
            last, end = _last(descriptor)
            if last is not None and (last.size > size or last.note == note):
                return
            # Half a line, written when the machine went down, is no checkpoint.
            os.ftruncate(descriptor, end)
            line = json.dumps({"size": size, "note": note}, ensure_ascii=False) + "\n"
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        if last is None and end:
            self.mend()

    def _begin_anew(self, descriptor: int, fault: str) -> None:
        """Give the locked file another name; its whole lines take its place, so that none of them is forgotten."""
        aside = self._aside()
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.unlink(missing_ok=True)
        kept = 0
        with (
            os.fdopen(os.dup(descriptor), "rb") as damaged,
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
        ):
            damaged.seek(0)
            for line in damaged:
                if line.endswith(b"\n") and _read_line(line) is not None:
                    file.write(line)
                    kept += 1
            file.flush()
            os.fsync(file.fileno())
        # Under its own name there is a file at any time, for other processes that add to it.
        os.link(self.path, aside)
        draft.rename(self.path)
        logger.error(
            "the copies of checkpoints in %s are damaged (%s): they are in %s now, and %s whole lines of them are kept"
            " where they were; run daybook verify",
            self.path, fault, aside.name, kept,
        )  # fmt: skip

    def _aside(self) -> Path:
        """A name that is not taken."""
        number = 1
        while os.path.lexists(aside := self.path.with_name(f"{self.path.name}.damaged-{number}")):
            number += 1
        return aside

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file for this process alone: the one that has the name once the lock is held."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if _is_at(descriptor, self.path):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)


class KeptLines(NamedTuple):
    """What was found in lines of a file of copies."""

    largest: KeptCheckpoint | None
    #: The first thing that is no checkpoint; None: all are.
    fault: str | None


def _looked_through(file: BinaryIO) -> KeptLines:
    """What stands in the first and the last lines of a file; in all where it is short, or the last say nothing.

    A file grows by a line every ten seconds for years: `daybook verify` reads all of it.
    """
    size = os.fstat(file.fileno()).st_size
    if size > FIRST_BYTES + LAST_BYTES:
        first = _found_in(file.read(FIRST_BYTES))
        file.seek(size - LAST_BYTES)
        last = _found_in(file.read().partition(b"\n")[2])
        if last.largest is not None:
            return KeptLines(last.largest, first.fault or last.fault)
        file.seek(0)
    return _found_in(file.read())


def _found_in(data: bytes) -> KeptLines:
    """The same of bytes; half a line at their end, written when the machine went down, is none."""
    largest, fault = None, None
    for line in data[: data.rfind(b"\n") + 1].split(b"\n"):
        if not line.strip():
            continue
        found = _read_line(line)
        if found is None:
            fault = fault or f"a line is no checkpoint: {line[:40]!r}"
        elif largest is None or found.size >= largest.size:
            largest = found
    return KeptLines(largest, fault)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _last(descriptor: int) -> tuple[KeptCheckpoint | None, int]:
    """The last whole line, and where it ends."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - LONGEST_LINE_BYTES)
    tail = os.pread(descriptor, size - start, start)
    end = tail.rfind(b"\n") + 1
    return _read_line(tail[:end].rstrip(b"\n").rpartition(b"\n")[2]), start + end


def _read_line(line: bytes) -> KeptCheckpoint | None:
    """The checkpoint in a line; None: it is no line of ours."""
    try:
        fields = json.loads(line)
        size, note = fields.get("size"), fields["note"]
        checkpoint = parse_checkpoint(parse_note(note.encode()).text)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if size is not None and (isinstance(size, bool) or size != checkpoint.size):
        return None
    return KeptCheckpoint(checkpoint.size, checkpoint.root, note)
