"""Copies of checkpoints outside the database: what an old backup, put in the database's place, does not take along."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from domain.notes import LARGEST_NOTE_BYTES, parse_checkpoint, parse_note

#: No line is longer: a note, with what JSON puts before some of its characters.
LONGEST_LINE_BYTES = 2 * LARGEST_NOTE_BYTES


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


class Keeping:
    """The file of one home that checkpoints of one ledger are added to, one JSON object a line."""

    def __init__(self, home: Path, identity: str) -> None:
        self.path = home / "checkpoints" / f"{identity}.ndjson"

    def last(self) -> KeptCheckpoint | None:
        """The checkpoint that was kept last; None: none was."""
        with suppress(FileNotFoundError):
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                return _last(descriptor)[0]
            finally:
                os.close(descriptor)
        return None

    def keep(self, size: int, note: str) -> None:
        """Add a checkpoint, durably, unless a later one or the same is there already."""
        with self._locked() as descriptor:
            last, end = _last(descriptor)
            if last is not None and (last.size > size or last.note == note):
                return
            # Half a line, written when the machine went down, is no checkpoint.
            os.ftruncate(descriptor, end)
            line = json.dumps({"size": size, "note": note}, ensure_ascii=False) + "\n"
            os.write(descriptor, line.encode())
            os.fsync(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _last(descriptor: int) -> tuple[KeptCheckpoint | None, int]:
    """The last whole line, and where it ends."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - LONGEST_LINE_BYTES)
    tail = os.pread(descriptor, size - start, start)
    end = tail.rfind(b"\n") + 1
    line = tail[:end].rstrip(b"\n").rpartition(b"\n")[2]
    if not line:
        return None, start + end
    with suppress(ValueError, KeyError, TypeError):  # somebody else's line
        note = str(json.loads(line)["note"])
        checkpoint = parse_checkpoint(parse_note(note.encode()).text)
        return KeptCheckpoint(checkpoint.size, checkpoint.root, note), start + end
    return None, start + end
