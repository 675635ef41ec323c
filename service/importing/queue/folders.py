"""Imports that an earlier version kept in folders of the home, taken into the queue of the database."""

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from service.importing.queue.contents import DiskRoom
from service.importing.queue.jobs import ENDED, MOST_DEATHS, ImportOutcome, Listed, State, StoredFault, Wish
from service.importing.queue.registry import (
    SQL,
    ImportRegistry,
    NoSpace,
    as_json,
    no_space_where_full,
    read_parts,
    store_parts,
)
from service.recording.idempotency import KeyTaken, keep_answers
from service.recording.receipts import IdempotencyKey

logger = logging.getLogger(__name__)

RECORD, UPLOAD, MAPPING, REJECTS, CANCEL = "job.json", "upload", "mapping.toml", "rejects.ndjson", "cancel"
#: Imports that are taken over in one transaction.
TOGETHER = 100
#: Files that had not come to their end.
ARRIVING = ".arriving"
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FolderKey(msgspec.Struct, frozen=True):
    """The idempotency key under which a file was sent."""

    actor: str
    key: str
    #: Hexadecimal.
    fingerprint: str


class FolderRecord(msgspec.Struct, frozen=True):
    """An import as its folder's record has it."""

    id: str
    #: The identity of the ledger that it is for: a home may have been used with several databases.
    ledger: str
    file: str
    wish: Wish
    actor: str
    sha256: str
    size_bytes: int
    created_at: datetime
    key: FolderKey | None = None
    state: State = "queued"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    deaths: int = 0
    rows: int = 0
    done: int = 0
    recorded: int = 0
    replayed: int = 0
    rejected: int = 0
    rows_per_s: float | None = None
    types: dict[str, int] = {}
    faults: tuple[StoredFault, ...] = ()
    remarks: dict[str, tuple[StoredFault, ...]] = {}
    detail: str | None = None


def take_over(room: DiskRoom, imports: ImportRegistry, ledger: str) -> None:
    """Put what lies in folders into the queue, in the order in which it came, and remove the folders.

    A folder goes after its import is stored, which is stored once however often this is tried. What cannot be read is
    left where it is, and logged.
    """
    if not any(_folders(room.folder)) and not (room.folder / ARRIVING).exists():
        return
    with _alone(room.folder, ledger) as alone:
        if not alone:
            logger.warning("an earlier version still runs what lies below %s: it is left until a start", room.folder)
            return
        waiting = sorted(_kept(room.folder, ledger), key=lambda one: (one.created_at, one.id))
        for first in range(0, len(waiting), TOGETHER):
            together = waiting[first : first + TOGETHER]
            try:
                with imports.alone() as connection:
                    for kept in together:
                        folder = room.folder / kept.id
                        _store(connection, _as_left(kept, folder), folder, room)
            except NoSpace as error:
                logger.error("the imports below %s are left there until a start: %s", room.folder, error)
                return
            for kept in together:
                shutil.rmtree(room.folder / kept.id, ignore_errors=True)
        # Their senders are gone with the service that they spoke to.
        shutil.rmtree(room.folder / ARRIVING, ignore_errors=True)


def unreadable(home: Path) -> list[str]:
    """The folders whose records cannot be read."""
    found = []
    for folder in _folders(home / "imports"):
        try:
            _read(folder)
        except FileNotFoundError:
            continue
        except (OSError, msgspec.MsgspecError):
            found.append(folder.name)
    return found


def _folders(within: Path) -> Iterator[Path]:
    if within.is_dir():
        yield from (one for one in within.iterdir() if IDENTIFIER.fullmatch(one.name) and (one / RECORD).exists())


def _kept(within: Path, ledger: str) -> Iterator[FolderRecord]:
    for folder in _folders(within):
        try:
            kept = _read(folder)
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("the import in %s cannot be read and is left there: %s", folder, error)
            continue
        if kept.ledger == ledger:
            yield kept


def _read(folder: Path) -> FolderRecord:
    return msgspec.json.decode((folder / RECORD).read_bytes(), type=FolderRecord)


def _as_left(kept: FolderRecord, folder: Path) -> FolderRecord:
    """What an import is after the end of the process that ran it, or called it off."""
    if kept.state in ENDED:
        return kept
    deaths = kept.deaths + (kept.state == "running")
    state: State = "queued" if kept.state == "queued" else "interrupted"
    detail: str | None = kept.detail
    if (folder / CANCEL).exists():
        untouched = kept.started_at is None or kept.wish.dry_run
        left = "nothing is recorded" if untouched else "what it had recorded stays"
        state, detail = "cancelled", f"it was called off: {left}"
    elif deaths >= MOST_DEATHS:
        state, detail = "failed", f"given up: the service died {deaths} times while it ran"
    elif not (folder / UPLOAD).exists():
        state, detail = "failed", "its file is gone"
    elif kept.state == "running":
        detail = "the service ended while it ran: it is run again from its beginning"
    finished_at = datetime.now(UTC) if state in ENDED else None
    return msgspec.structs.replace(kept, state=state, deaths=deaths, detail=detail, finished_at=finished_at)


def _store(connection: Connection[DictRow], kept: FolderRecord, folder: Path, room: DiskRoom) -> None:
    ended = kept.state in ENDED
    mapping = folder / MAPPING
    values = {
        **{name: getattr(kept, name) for name in FolderRecord.__struct_fields__},
        "wish": as_json(kept.wish),
        "outcome": as_json(ImportOutcome(kept.types, kept.detail)),
        "listed": as_json(Listed(kept.faults, kept.remarks)),
        "mapping": mapping.read_bytes() if mapping.exists() and not ended else None,
        "keyed": kept.key is not None,
        "key": None,
    }
    if connection.execute(SQL["take-over"], values).fetchone() is None:
        return  # it was stored before its folder could be removed
    with no_space_where_full():
        for kind, name, needed in (("file", UPLOAD, not ended), ("rejects", REJECTS, ended)):
            if needed and (folder / name).exists():
                with (folder / name).open("rb") as file:
                    store_parts(connection, kept.id, kind, read_parts(file, room.check))
    if kept.key is not None:
        key = IdempotencyKey(kept.key.actor, kept.key.key, bytes.fromhex(kept.key.fingerprint))
        try:
            with connection.transaction():
                keep_answers(connection, [(key, {"import": kept.id})])
        except KeyTaken:
            logger.warning("the key of the import %s stands for another request already", kept.id)


@contextmanager
def _alone(folder: Path, ledger: str) -> Iterator[bool]:
    """Whether no other process takes them over, or runs them as the earlier version did."""
    locks = [
        os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for name in (".entrance", f".leading-{ledger}")
    ]
    try:
        fcntl.flock(locks[0], fcntl.LOCK_EX)
        try:
            fcntl.flock(locks[1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        for lock in locks:
            os.close(lock)
