"""A whole ledger as Parquet files of stored bytes: sealed ranges that never change, and a tail that the next run makes.

From it `daybook restore` makes the same ledger again, byte for byte, under the same checkpoints.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from domain.events import instant
from domain.merkle import Edge, leaf_hash
from domain.notes import write_base64
from service.archives.manifest import CHECKPOINTS, MANIFEST, BadArchive, Manifest, Range, read_manifest
from service.exporting.columnar import INSTANT
from service.exporting.files import naming, replacing
from service.log.storage import LogDamaged
from service.log.transparency import TransparencyLog
from service.postgres.statements import statements_of
from service.storing.ledger import Ledger, StoredRow

SQL = statements_of(__file__)
EVENTS_PER_FILE = 100_000
PAGE_EVENTS = 10_000

#: What the columns beside the stored bytes are for is finding an event; restoring reads the bytes alone.
SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("recorded_at", INSTANT),
        ("type", pa.string()),
        ("stream", pa.string()),
        ("id", pa.string()),
        ("entry", pa.binary()),
    ]
)

#: Called with the position that is done, and the last.
Progress = Callable[[int, int], None]


class OtherLedger(Exception):
    """The folder holds the archive of another ledger, or of another history of this one."""


class Named(msgspec.Struct):
    """What of a stored event the columns repeat."""

    position: int
    recorded_at: str
    type: str
    stream: str
    id: str


_named = msgspec.json.Decoder(Named)


@dataclass(frozen=True, slots=True)
class Done:
    """What one run did."""

    manifest: Manifest
    #: Ranges written now.
    written: int
    #: Events in them.
    events: int


def archive(
    ledger: Ledger,
    log: TransparencyLog,
    origin: str,
    folder: Path,
    events_per_file: int | None = None,
    progress: Progress = lambda done, last: None,
) -> Done:
    """Bring the archive in a folder up to the ledger's head: whole ranges are sealed, what is left is the tail.

    Sealed files are not touched again; a tail is made anew, and its old file goes when the manifest no longer names it.
    Raises OtherLedger, BadArchive, and LogDamaged where ledger and log do not agree.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        return _archive(ledger, log, origin, folder, events_per_file, progress)


def _archive(
    ledger: Ledger, log: TransparencyLog, origin: str, folder: Path, events_per_file: int | None, progress: Progress
) -> Done:
    created_at = _created_at(ledger)
    before = _known(folder, origin, created_at, log)
    size = events_per_file or (before.events_per_file if before else EVENTS_PER_FILE)
    head = ledger.recorder.head().position
    ranges = _kept(before, head)
    tree = ranges[-1].tree if ranges else Edge()
    started_at, kept = tree.size, len(ranges)
    while tree.size < head:
        first, last = tree.size + 1, min(tree.size + size, head)
        draft = Path(f"events-{first:012d}-{last:012d}.parquet")
        with replacing(folder / draft) as output:
            tree = _write_range(output, _pages(ledger, first, last, progress, head), tree)
        ranges.append(Range.of(first, tree, _sha256(folder / draft), sealed=tree.size - first + 1 == size))
    if log.tree.root_at(head) != tree.root:
        raise LogDamaged(f"the events up to {head} lead to another root than the log's: run daybook verify")
    count = _write_checkpoints(folder / CHECKPOINTS, ledger, head)
    manifest = Manifest(origin, created_at, size, tuple(ranges), count, _sha256(folder / CHECKPOINTS))
    with replacing(folder / MANIFEST) as output:
        output.write(manifest.encode())
    _remove_old_tails(folder, before, manifest)
    return Done(manifest, len(ranges) - kept, head - started_at)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One run at a time works on a folder."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OtherLedger(f"another run writes the archive in {folder} just now") from None
    finally:
        os.close(held)


def _kept(before: Manifest | None, head: int) -> list[Range]:
    """The ranges of an archive that stay: the sealed ones, and the tail where nothing came after it."""
    if before is None:
        return []
    return list(before.ranges if before.position == head else before.sealed)


def _created_at(ledger: Ledger) -> str:
    with ledger.recorder.datastore.get_connection() as connection:
        row = connection.execute(SQL["created-at"]).fetchone()
    assert row is not None
    return instant(row["created_at"])


def _known(folder: Path, origin: str, created_at: str, log: TransparencyLog) -> Manifest | None:
    """The archive that is there already; None: there is none. It is of this ledger and of this history of it."""
    try:
        before = read_manifest(folder)
    except FileNotFoundError:
        return None
    if (before.origin, before.created_at) != (origin, created_at):
        theirs, ours = f"{before.origin}, made {before.created_at}", f"{origin}, made {created_at}"
        raise OtherLedger(f"{folder} holds an archive of the ledger {theirs}: this one is {ours}")
    if before.position > log.storage.head():
        raise OtherLedger(f"{folder} reaches to {before.position}, and the ledger only to {log.storage.head()}")
    for one in before.ranges[-1:]:
        if write_base64(log.tree.root_at(one.last_position)) != one.root_hash:
            raise OtherLedger(f"{folder} holds other events up to {one.last_position} than the ledger")
    for one in before.ranges:
        if not (folder / one.file).is_file():
            raise BadArchive(f"{folder / one.file} is missing")
    return before


def _pages(ledger: Ledger, first: int, last: int, progress: Progress, head: int) -> Iterator[list[StoredRow]]:
    after = first - 1
    while after < last:
        rows = ledger.recorder.rows_after(after, PAGE_EVENTS, upto=last)
        if not rows:
            raise LogDamaged(f"the ledger has no event between {after} and {last}")
        yield rows
        after = rows[-1].position
        progress(after, head)


def _write_range(output: object, pages: Iterator[list[StoredRow]], tree: Edge) -> Edge:
    """Write one file, and return the tree with its events."""
    # Entries differ from one another, so that a dictionary of them would only cost memory.
    with pq.ParquetWriter(output, SCHEMA, compression="zstd", use_dictionary=["type"]) as writer:
        for rows in pages:
            named = [_named.decode(row.state) for row in rows]
            columns = [
                pa.array([one.position for one in named], pa.int64()),
                pa.array([one.recorded_at.removesuffix("Z") for one in named]).cast(pa.timestamp("us")).cast(INSTANT),
                *(pa.array([getattr(one, name) for one in named]) for name in ("type", "stream", "id")),
                pa.array([row.state for row in rows], pa.binary()),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
            tree = tree.extended([leaf_hash(row.state) for row in rows])
    return tree


def _write_checkpoints(path: Path, ledger: Ledger, head: int) -> int:
    """Every checkpoint up to a position, one a line, with what witnesses signed; returns how many."""
    count = 0
    with (
        replacing(path) as output,
        ledger.recorder.datastore.get_connection() as connection,
        connection.transaction(),
        connection.cursor(name="checkpoints") as cursor,
    ):
        for row in cursor.execute(SQL["checkpoints"], (head,)):
            cosigned = zip(row["lines"] or (), row["times"] or (), strict=True)
            fields = {
                "size": row["size"],
                "issued_at": instant(row["issued_at"]),
                "note": row["note"],
                "cosignatures": [{"line": line, "received_at": instant(time)} for line, time in cosigned],
            }
            output.write(json.dumps(fields, ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


def _remove_old_tails(folder: Path, before: Manifest | None, manifest: Manifest) -> None:
    named = {one.file for one in manifest.ranges}
    for one in before.ranges if before else ():
        if one.file not in named:
            with suppress(FileNotFoundError):
                (folder / one.file).unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
