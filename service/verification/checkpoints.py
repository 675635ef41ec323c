"""Checkpoints that can be relied on: read from wherever they are kept, and their signatures verified."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.merkle import EMPTY_ROOT
from domain.notes import Checkpoint, NoteError, VerifierKey, parse_checkpoint, parse_note, parse_signature
from service.log.signatures import verify
from service.verification.findings import Copies, FindingKind, LedgerFinding
from service.verification.stored import StoredCheckpoint

#: A time of eight bytes and an Ed25519 signature of 64.
COSIGNATURE_BYTES = 72
#: No checkpoint file is larger.
LARGEST_FILE_BYTES = 1 << 32


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint of this log, signed by its key."""

    size: int
    root: bytes
    #: Where it is kept, in words.
    source: str
    #: Whether it came from outside the database.
    outside: bool


@dataclass(frozen=True, slots=True)
class Keyring:
    """What distinguishes a checkpoint of this log from any other."""

    origin: str
    keys: tuple[VerifierKey, ...]

    def opened(self, note: str) -> Checkpoint:
        """The checkpoint in a note, whose origin and signature are as they should be; NoteError says what is not."""
        parsed = parse_note(note.encode("utf-8", "surrogatepass"))
        checkpoint = parse_checkpoint(parsed.text)
        if checkpoint.origin != self.origin:
            raise NoteError(f"it is a checkpoint of {checkpoint.origin!r}, not of {self.origin!r}")
        verify(parsed, self.keys)
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise NoteError("a tree without leaves has another root")
        return checkpoint


@dataclass(slots=True)
class Outside:
    """The checkpoints that are kept outside the database."""

    by_size: dict[int, list[SignedCheckpoint]] = field(default_factory=dict)
    files: list[Copies] = field(default_factory=list)
    findings: list[LedgerFinding] = field(default_factory=list)

    def between(self, after: int, upto: int) -> Iterator[SignedCheckpoint]:
        """Those of sizes beyond one, up to another."""
        for size in sorted(size for size in self.by_size if after < size <= upto):
            yield from self.by_size[size]

    def read(self, source: str, data: bytes, keyring: Keyring) -> Copies:
        """Take in a file: one note, or a JSON object with a note on every line."""
        count, largest = 0, None
        for where, text in _notes(source, data):
            count += 1
            try:
                if isinstance(text, NoteError):
                    raise text
                checkpoint = keyring.opened(text)
            except NoteError as error:
                self.findings.append(
                    LedgerFinding(FindingKind.COPY, f"the checkpoint in {where} cannot be relied on: {error}")
                )
                continue
            known = self.by_size.setdefault(checkpoint.size, [])
            if all(signed.root != checkpoint.root for signed in known):
                known.append(SignedCheckpoint(checkpoint.size, checkpoint.root, where, outside=True))
            largest = max(largest or 0, checkpoint.size)
        copies = Copies(source, count, largest)
        self.files.append(copies)
        return copies


def _notes(source: str, data: bytes) -> Iterator[tuple[str, str | NoteError]]:
    """Every note of a file with where it stands, or what is wrong with it."""
    if not data.lstrip().startswith(b"{"):
        try:
            yield source, data.decode()
        except UnicodeDecodeError:
            yield source, NoteError("it is not text in UTF-8")
        return
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        try:
            fields = json.loads(line)
            note, size = fields["note"], fields.get("size")
            if not isinstance(note, str):
                raise TypeError
            if size is not None and note.split("\n")[1:2] != [str(size)]:
                yield where, NoteError(f"it is kept as one of size {size}, which its note is not")
                continue
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # The last line may be half written, as the machine went down.
            if number < len(lines):
                yield where, NoteError("the line is not a JSON object with a note")
            continue
        yield where, note


def read_file(path: Path) -> bytes:
    """A file whole, unless it is far too large to hold checkpoints; raises OSError."""
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise OSError(f"{path} is larger than {LARGEST_FILE_BYTES:,} bytes")
    return path.read_bytes()


def stored_checkpoint(row: StoredCheckpoint, keyring: Keyring) -> SignedCheckpoint | LedgerFinding:
    """A row of log_checkpoints as a checkpoint to rely on, or what is wrong with it."""

    def wrong(what: str) -> LedgerFinding:
        return LedgerFinding(
            FindingKind.CHECKPOINT, f"the stored checkpoint of size {row.size:,} {what}", size=row.size
        )

    if not isinstance(row.note, str):
        return wrong("has no note")
    try:
        checkpoint = keyring.opened(row.note)
    except NoteError as error:
        return wrong(f"cannot be relied on: {error}")
    if checkpoint.size != row.size:
        return wrong(f"has a note of size {checkpoint.size:,}")
    if checkpoint.root != row.root:
        held = row.root.hex() if isinstance(row.root, bytes) else "nothing"
        return wrong(f"has the root {held} in its column, {checkpoint.root.hex()} in its note")
    return SignedCheckpoint(row.size, checkpoint.root, "log_checkpoints", outside=False)


def faulty_cosignature(size: Any, line: Any, has_checkpoint: bool) -> LedgerFinding | None:
    """What is wrong with the form of a stored cosignature; None: nothing."""
    of = f"a cosignature of the checkpoint of size {size:,}" if isinstance(size, int) else "a cosignature of nothing"
    if not has_checkpoint:
        return LedgerFinding(FindingKind.COSIGNATURE, f"{of}: there is no such checkpoint", size=size)
    try:
        if not isinstance(line, str):
            raise NoteError("there is no line")
        if not line.endswith("\n"):
            raise NoteError("the line has no end")
        signature = parse_signature(line)
        if len(signature.signature) != COSIGNATURE_BYTES:
            raise NoteError(f"{signature.name} signed in {len(signature.signature)} bytes, not {COSIGNATURE_BYTES}")
    except NoteError as error:
        return LedgerFinding(FindingKind.COSIGNATURE, f"{of} is not one: {error}", size=size)
    return None


def named(keys: Sequence[VerifierKey]) -> tuple[str, ...]:
    """Keys in the form that verifiers are given."""
    return tuple(key.encode() for key in keys)
