"""Making a ledger again from its archive: the same bytes at the same positions, under the checkpoints of then.

An archive is checked as a whole before a database is touched; then everything is put in place in one transaction.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from domain.instants import parse_instant
from domain.merkle import HASH_BYTES, Edge, leaf_hash
from domain.notes import NoteError, VerifierKey, parse_checkpoint, parse_note, write_base64
from domain.tiles import WIDTH, Segment, grown
from service.archives.manifest import CHECKPOINTS, BadArchive, Manifest, Range, read_manifest
from service.log.keys import log_name
from service.log.signatures import verify
from service.postgres.statements import statements_of
from service.storing.ledger import Ledger
from service.storing.writing import EPOCH, TICK, Written

SQL = statements_of(__file__)
PAGE_EVENTS = 10_000

#: Called with the position that is done, and the last.
Progress = Callable[[int, int], None]


class NotEmpty(Exception):
    """The database holds events or checkpoints already: nothing is restored over them."""


class StoredEnvelope(msgspec.Struct):
    """Where a stored event stands."""

    type: str
    id: str
    stream: str
    version: int
    position: int
    recorded_at: str


_envelopes = msgspec.json.Decoder(StoredEnvelope)


@dataclass(frozen=True, slots=True)
class ArchivedCheckpoint:
    """A checkpoint of an archive."""

    size: int
    root: bytes
    issued_at: datetime
    note: str
    #: Signature lines of witnesses, each with when it came.
    cosignatures: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive that is whole and agrees with its checkpoints."""

    folder: Path
    manifest: Manifest
    tree: Edge
    checkpoints: tuple[ArchivedCheckpoint, ...]
    #: The size of the largest checkpoint that one of the given keys signed; 0 where no key was given.
    signed_size: int

    @property
    def root_hash(self) -> str:
        """The root over all events, in base64."""
        return write_base64(self.tree.root)


def check(
    folder: Path,
    keys: Sequence[VerifierKey] = (),
    elsewhere: Sequence[str] = (),
    progress: Progress = lambda done, last: None,
) -> Checked:
    """Read an archive from end to end; BadArchive names the first file or checkpoint that is not as it should be.

    `keys`: of the signatures under every checkpoint one at least must be by one of them. `elsewhere`: notes of
    checkpoints that were kept outside the archive, whose events it must hold.
    """
    try:
        manifest = read_manifest(folder)
    except FileNotFoundError:
        raise BadArchive(f"{folder} holds no manifest.json") from None
    kept = _checkpoints(folder, manifest)
    signed_size = _signed_size(folder, kept, keys)
    expected = [(one.size, one.root, f"its checkpoint of size {one.size}") for one in kept]
    expected += _given(elsewhere, keys, manifest)
    tree = _Roots(expected)
    for one in manifest.ranges:
        for entries in _entries(folder, one):
            tree.extend([leaf_hash(entry) for entry in entries])
            progress(tree.edge.size, manifest.position)
        if write_base64(tree.edge.root) != one.root_hash:
            root = write_base64(tree.edge.root)
            raise BadArchive(f"{folder / one.file}: the events lead to the root {root}, not to {one.root_hash}")
    tree.finish()
    return Checked(folder, manifest, tree.edge, kept, signed_size)


class _Roots:
    """A tree that grows, compared at certain sizes with roots that it must have there."""

    def __init__(self, expected: list[tuple[int, bytes, str]]) -> None:
        self.edge = Edge()
        #: Of each size, root and source; the smallest last.
        self._expected = sorted(expected, key=lambda one: one[0], reverse=True)
        self._compare()

    def extend(self, leaves: list[bytes]) -> None:
        """Add leaves; BadArchive where a root is another."""
        place = 0
        while self._expected and self._expected[-1][0] <= self.edge.size + len(leaves) - place:
            step = self._expected[-1][0] - self.edge.size
            self.edge = self.edge.extended(leaves[place : place + step])
            place += step
            self._compare()
        self.edge = self.edge.extended(leaves[place:])

    def finish(self) -> None:
        """BadArchive where a size was not reached."""
        for size, _, source in self._expected[-1:]:
            raise BadArchive(f"the archive ends at {self.edge.size}, and {source} is of {size} events")

    def _compare(self) -> None:
        while self._expected and self._expected[-1][0] == self.edge.size:
            size, root, source = self._expected.pop()
            if root != self.edge.root:
                found = write_base64(self.edge.root)
                raise BadArchive(
                    f"the first {size} events lead to the root {found}, and {source} says {write_base64(root)}"
                )


def _checkpoints(folder: Path, manifest: Manifest) -> tuple[ArchivedCheckpoint, ...]:
    path = folder / CHECKPOINTS
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise BadArchive(f"{path} is missing") from None
    if hashlib.sha256(text).hexdigest() != manifest.checkpoints_sha256:
        raise BadArchive(f"{path} is not the file that the manifest speaks of: its SHA-256 is another")
    kept: list[ArchivedCheckpoint] = []
    for line, written in enumerate(text.splitlines(), start=1):
        try:
            kept.append(_kept(json.loads(written), log_name(manifest.origin)))
        except (ValueError, KeyError, TypeError) as error:
            raise BadArchive(f"{path}: line {line}: {error}") from None
        if len(kept) > 1 and kept[-2].size >= kept[-1].size:
            raise BadArchive(f"{path}: line {line}: size {kept[-1].size} does not follow {kept[-2].size}")
    if len(kept) != manifest.checkpoints:
        raise BadArchive(f"{path} holds {len(kept)} checkpoints, and the manifest speaks of {manifest.checkpoints}")
    if kept and kept[0].size != 0:
        raise BadArchive(f"{path}: the first checkpoint is of size {kept[0].size}, not 0")
    return tuple(kept)


def _kept(fields: dict[str, Any], name: str) -> ArchivedCheckpoint:
    note = str(fields["note"])
    said = parse_checkpoint(parse_note(note.encode()).text)
    if said.size != fields["size"] or said.origin != name:
        raise ValueError(f"the note is of {said.origin} at size {said.size}, not of {name} at {fields['size']!r:.40}")
    cosigned = tuple((str(one["line"]), _instant(one["received_at"])) for one in fields["cosignatures"])
    return ArchivedCheckpoint(said.size, said.root, _instant(fields["issued_at"]), note, cosigned)


def _instant(text: str) -> datetime:
    return parse_instant(text)


def _signed_size(folder: Path, kept: Sequence[ArchivedCheckpoint], keys: Sequence[VerifierKey]) -> int:
    if not keys:
        return 0
    if not kept:
        raise BadArchive(f"{folder / CHECKPOINTS} holds no checkpoint that a key could verify")
    for one in kept:
        _verify(one.note, keys, f"{folder / CHECKPOINTS}: the checkpoint of size {one.size}")
    return kept[-1].size


def _given(notes: Sequence[str], keys: Sequence[VerifierKey], manifest: Manifest) -> list[tuple[int, bytes, str]]:
    expected = []
    for note in notes:
        source = "a checkpoint that was given"
        try:
            said = parse_checkpoint(parse_note(note.encode()).text)
        except NoteError as error:
            raise BadArchive(f"{source}: {error}") from None
        if said.origin != log_name(manifest.origin):
            raise BadArchive(f"{source} is of the log {said.origin}, and the archive is of {manifest.origin}")
        if keys:
            _verify(note, keys, source)
        expected.append((said.size, said.root, f"the checkpoint of size {said.size} that was given"))
    return expected


def _verify(note: str, keys: Sequence[VerifierKey], source: str) -> None:
    try:
        verify(parse_note(note.encode()), keys)
    except NoteError as error:
        raise BadArchive(f"{source}: {error}") from None


def _entries(folder: Path, one: Range) -> Iterator[list[bytes]]:
    """The stored bytes of a range, page by page; BadArchive unless they are the file's that was sealed."""
    path = folder / one.file
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != one.sha256:
                raise BadArchive(f"{path} is not the file that the manifest speaks of: its SHA-256 is another")
            position = one.first_position
            for batch in pq.ParquetFile(file).iter_batches(PAGE_EVENTS, columns=["entry"]):
                entries = batch.column("entry").to_pylist()
                for entry in entries:
                    _envelope(entry, position, path)
                    position += 1
                yield entries
    except FileNotFoundError:
        raise BadArchive(f"{path} is missing") from None
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise BadArchive(f"{path}: {error}") from None
    if position != one.last_position + 1:
        raise BadArchive(f"{path} ends at {position - 1}, not at {one.last_position}")


def _envelope(entry: bytes, position: int, path: Path) -> StoredEnvelope:
    try:
        envelope = _envelopes.decode(entry)
    except (msgspec.DecodeError, TypeError) as error:
        raise BadArchive(f"{path}: position {position} is no stored event: {error}") from None
    if envelope.position != position:
        raise BadArchive(f"{path}: the event at {position} says that its position is {envelope.position}")
    return envelope


def restore(ledger: Ledger, archive: Checked, progress: Progress = lambda done, last: None) -> None:
    """Put everything of an archive into an empty ledger, or nothing: events, tiles of the log, checkpoints.

    The ledger must have been made under the archive's origin and instant. Raises NotEmpty, and BadArchive where the
    files are not as they were when they were checked.
    """
    manifest = archive.manifest
    tiles = _Tiles(archive.checkpoints[-1].size if archive.checkpoints else 0)
    edge = Edge()
    with ledger.recorder.appending() as appending:
        connection = appending.connection
        row = connection.execute(SQL["count-checkpoints"]).fetchone()
        if appending.head.position or row is None or row["issued"]:
            raise NotEmpty(
                f"the database holds {appending.head.position} events and checkpoints of its own:"
                " restore into an empty one"
            )
        for one in manifest.ranges:
            for entries in _entries(archive.folder, one):
                leaves = [leaf_hash(entry) for entry in entries]
                appending.copy([_written(entries, edge.size + 1, archive.folder / one.file).rows()])
                _insert_tiles(connection, tiles.extended(leaves))
                edge = edge.extended(leaves)
                progress(edge.size, manifest.position)
        if edge != archive.tree:
            raise BadArchive(f"{archive.folder} was changed while it was read")
        _insert_checkpoints(connection, archive.checkpoints)


def _written(entries: Sequence[bytes], first: int, path: Path) -> Written:
    envelopes = [_envelope(entry, position, path) for position, entry in enumerate(entries, start=first)]
    return Written(
        range(first, first + len(entries)),
        [envelope.stream for envelope in envelopes],
        [envelope.version for envelope in envelopes],
        [envelope.type for envelope in envelopes],
        [envelope.id for envelope in envelopes],
        [(datetime.fromisoformat(envelope.recorded_at) - EPOCH) // TICK for envelope in envelopes],
        list(entries),
    )


@dataclass(slots=True)
class _Tiles:
    """The tiles of a log in the making, up to the size of its last checkpoint."""

    last_size: int
    size: int = 0
    #: Of tiles that are not whole yet, by level and number.
    _partial: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def extended(self, leaves: list[bytes]) -> list[Segment]:
        """What the tiles gain by further leaves."""
        taken = leaves[: self.last_size - self.size]
        segments = grown(self.size, taken, lambda level, number: self._partial[level, number])
        self.size += len(taken)
        for one in segments:
            before = self._partial.pop((one.level, one.number), b"")[: one.start * HASH_BYTES]
            if len(before + one.hashes) < WIDTH * HASH_BYTES:
                self._partial[one.level, one.number] = before + one.hashes
        return segments


def _insert_tiles(connection: Any, segments: Sequence[Segment]) -> None:
    if segments:
        connection.execute(
            SQL["add-tiles"],
            tuple([getattr(one, name) for one in segments] for name in ("level", "number", "start", "hashes")),
        )


def _insert_checkpoints(connection: Any, kept: Sequence[ArchivedCheckpoint]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["add-checkpoint"],
            [(one.size, one.root, one.issued_at, one.note) for one in kept],
        )
        cursor.executemany(
            SQL["add-cosignature"],
            [(one.size, line, received_at) for one in kept for line, received_at in one.cosignatures],
        )
