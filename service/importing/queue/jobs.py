"""What is asked for by an upload, how far it is, and where all of that is kept: a folder for each under the home.

Several processes may serve one home. Whoever takes a job up, or calls it off before anybody has, does so under the lock
of the entrance; while it runs its record is written by the process alone that leads (see `Jobs.lead`).
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

State = Literal["queued", "running", "interrupted", "done", "failed", "cancelled"]

#: Still to be run; an interrupted one from its beginning.
WAITING = ("queued", "interrupted")
ENDED = ("done", "failed", "cancelled")
#: Jobs that may wait or run at the same time.
MOST_OPEN = 1_000
#: A job during which the process died so often is given up: perhaps it is the reason.
MOST_DEATHS = 3
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

RECORD, UPLOAD, MAPPING, REJECTS, CANCEL = "job.json", "upload", "mapping.toml", "rejects.ndjson", "cancel"
ARRIVING = ".arriving"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a row, or with the file or its mapping as a whole."""

    line: int | None
    row: str
    message: str


class Wish(msgspec.Struct, frozen=True):
    """What is to be done with a file."""

    format: str
    #: The name of the mapping, and the SHA-256 of its content, which lies with the job.
    mapping: str | None = None
    mapping_sha256: str | None = None
    dry_run: bool = False
    continue_on_error: bool = False
    #: Of a screening list: register organisations that the ledger does not know.
    register: bool = False


class Key(msgspec.Struct, frozen=True):
    """The idempotency key under which a file was sent."""

    actor: str
    key: str
    #: Hexadecimal; of another request under the same key it is another.
    fingerprint: str


class Job(msgspec.Struct, frozen=True):
    """One import."""

    id: str
    #: The identity of the ledger that it is for: the home may be used with another database later.
    ledger: str
    #: What the sender calls the file.
    file: str
    wish: Wish
    #: Who sent it; its events carry it.
    actor: str
    #: Of the file as it was sent.
    sha256: str
    size_bytes: int
    created_at: datetime
    key: Key | None = None
    state: State = "queued"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: How often the process died while it ran.
    deaths: int = 0
    #: Rows seen so far, and those of them that are dealt with.
    rows: int = 0
    done: int = 0
    recorded: int = 0
    replayed: int = 0
    rejected: int = 0
    rows_per_s: float | None = None
    #: Events by type.
    types: dict[str, int] = {}
    faults: tuple[Fault, ...] = ()
    #: What else there is to say of rows, by kind: known (from elsewhere), unread (more than a rule can say), noted.
    remarks: dict[str, tuple[Fault, ...]] = {}
    #: A sentence on how it ended, where there is something to say.
    detail: str | None = None

    @property
    def open(self) -> bool:
        """Whether something is still to come."""
        return self.state not in ENDED


class UnknownImport(Exception):
    """No import goes by that id."""


class ImportEnded(Exception):
    """It has ended, and so it cannot be called off."""


class TooManyImports(Exception):
    """So many imports wait that no other is taken on."""


class KeyStandsForAnother(Exception):
    """Another file or other options were sent under this idempotency key."""


class Jobs:
    """The imports of one ledger that are kept under a home."""

    def __init__(self, home: Path, ledger: str) -> None:
        self.folder = home / "imports"
        self.ledger = ledger
        self._lead: int | None = None
        #: Jobs that wait, as this object last saw: those that others put in since are not among them.
        self.waiting = 0
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / ARRIVING).mkdir(exist_ok=True, mode=0o700)

    def path(self, identifier: str, name: str) -> Path:
        """The path of one of the files of a job."""
        return self.folder / identifier / name

    def all(self) -> list[Job]:
        """Every job of this ledger, the first to come first."""
        found = []
        for folder in self.folder.iterdir():
            if IDENTIFIER.fullmatch(folder.name):
                # It may just be cleared away.
                with suppress(FileNotFoundError, NotADirectoryError):
                    found.append(self._read(folder.name))
        return sorted((job for job in found if job.ledger == self.ledger), key=lambda job: (job.created_at, job.id))

    def find(self, identifier: str) -> Job:
        """One job; raises UnknownImport."""
        with suppress(FileNotFoundError):
            if IDENTIFIER.fullmatch(identifier) and (job := self._read(identifier)).ledger == self.ledger:
                return job
        raise UnknownImport(f"there is no import {identifier!r:.80}")

    def admit(self, identifier: str) -> tuple[Path, BinaryIO]:
        """A folder for what is about to arrive, and the file in it; it is somebody's until that file is closed."""
        with self._entrance():
            folder = self.folder / ARRIVING / identifier
            folder.mkdir(mode=0o700)
            try:
                file = (folder / UPLOAD).open("xb")
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                (folder / UPLOAD).unlink(missing_ok=True)
                folder.rmdir()
                raise
            return folder, file

    def add(self, job: Job, arrived: Path) -> tuple[Job, bool]:
        """Put a job into the queue whose folder has arrived; or the one that it repeats, and False.

        It repeats one that is open, of the same bytes and the same wish, or one that was sent under its key. Raises
        TooManyImports and KeyStandsForAnother.
        """
        with self._entrance():
            jobs = self.all()
            if (before := self._repeated(job, jobs)) is not None:
                return before, False
            if sum(one.open for one in jobs) >= MOST_OPEN:
                raise TooManyImports(f"{MOST_OPEN} imports wait already")
            latest = max((one.created_at for one in jobs), default=job.created_at)
            # The queue's order is that of these times, whatever the clock does.
            job = msgspec.structs.replace(job, created_at=max(job.created_at, latest + timedelta(microseconds=1)))
            _write(arrived / RECORD, msgspec.json.encode(job), durably=True)
            arrived.rename(self.folder / job.id)
            _sync(self.folder)
            self.waiting = 1 + sum(one.state in WAITING for one in jobs)
            return job, True

    def cancel(self, identifier: str) -> Job:
        """Call a job off: at once where it waits, between two batches where it runs. Raises ImportEnded."""
        with self._entrance():
            job = self.find(identifier)
            if job.state in WAITING:
                self.waiting = max(0, self.waiting - 1)
                return self.call_off(job)
            if job.state == "running":
                self.path(identifier, CANCEL).touch(mode=0o600)
            elif job.state != "cancelled":
                raise ImportEnded(f"the import has ended: it is {job.state}, and what it recorded stays")
            return job

    def call_off(self, job: Job) -> Job:
        """End a job that somebody has called off."""
        kept = "nothing is recorded" if job.started_at is None or job.wish.dry_run else "what it had recorded stays"
        return self.end(job, "cancelled", f"it was called off: {kept}")

    def is_called_off(self, identifier: str) -> bool:
        """Whether somebody has called off a job that runs."""
        return self.path(identifier, CANCEL).exists()

    # Of the process that leads

    def lead(self) -> bool:
        """Whether this process runs the jobs of this home: the first that asks does, until it ends."""
        if self._lead is not None:
            return True
        lock = os.open(self.folder / f".leading-{self.ledger}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lead = lock
        return True

    def resign(self) -> None:
        """Let another process lead."""
        lock, self._lead = self._lead, None
        if lock is not None:
            os.close(lock)

    def take_over(self) -> None:
        """Have those run again that were running when the process died that led before."""
        for job in self.all():
            if job.state != "running":
                continue
            if self.is_called_off(job.id):
                self.call_off(job)
                continue
            died = msgspec.structs.replace(job, deaths=job.deaths + 1)
            if died.deaths < MOST_DEATHS:
                self.put_back(died, "the service ended while it ran: it is run again from its beginning")
            else:
                self.end(died, "failed", detail=f"given up: the service died {died.deaths} times while it ran")

    def next(self) -> Job | None:
        """The first job that waits, which runs from now on; None: none waits."""
        with self._entrance():
            waiting = [one for one in self.all() if one.state in WAITING]
            while waiting and self.is_called_off(waiting[0].id):
                self.call_off(waiting.pop(0))
            self.waiting = max(0, len(waiting) - 1)
            if not waiting:
                return None
            job = waiting[0]
            began = msgspec.structs.replace(
                job,
                state="running",
                started_at=datetime.now(UTC),
                rows=0,
                done=0,
                recorded=0,
                replayed=0,
                rejected=0,
                rows_per_s=None,
                types={},
                faults=(),
                remarks={},
                detail=None,
            )
            self.write(began, durably=True)
            return began

    def write(self, job: Job, *, durably: bool = False) -> None:
        """Keep how far a job is."""
        _write(self.path(job.id, RECORD), msgspec.json.encode(job), durably=durably)

    def put_back(self, job: Job, why: str) -> None:
        """Have a job that broke off run again, from its beginning."""
        self.write(msgspec.structs.replace(job, state="interrupted", detail=why), durably=True)
        self.waiting += 1

    def end(self, job: Job, state: State, detail: str | None = None) -> Job:
        """Keep how a job ended; the file itself is no longer needed."""
        ended = msgspec.structs.replace(job, state=state, finished_at=datetime.now(UTC), detail=detail)
        self.write(ended, durably=True)
        for name in (UPLOAD, CANCEL):
            self.path(job.id, name).unlink(missing_ok=True)
        return ended

    def clear_away(self, before: datetime) -> None:
        """Forget the jobs that ended before a time, and what arrived only in part and whose sender is gone.

        A job that was sent under an idempotency key is never forgotten: the key stands for it for ever.
        """
        for job in self.all():
            if job.key is None and job.finished_at is not None and job.finished_at < before:
                shutil.rmtree(self.folder / job.id, ignore_errors=True)
        with self._entrance():
            for arriving in (self.folder / ARRIVING).iterdir():
                if not _is_held(arriving):
                    shutil.rmtree(arriving, ignore_errors=True)

    def _repeated(self, job: Job, jobs: list[Job]) -> Job | None:
        for one in jobs:
            named = job.key is not None and one.key is not None and _name_of(job.key) == _name_of(one.key)
            if named and job.key != one.key:
                raise KeyStandsForAnother(f"another import, {one.id}, was sent under this idempotency key")
            same = one.open and not self.is_called_off(one.id) and (one.sha256, one.wish) == (job.sha256, job.wish)
            if named or same:
                return one
        return None

    def _read(self, identifier: str) -> Job:
        return msgspec.json.decode(self.path(identifier, RECORD).read_bytes(), type=Job)

    @contextmanager
    def _entrance(self) -> Iterator[None]:
        lock = os.open(self.folder / ".entrance", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _name_of(key: Key) -> tuple[str, str]:
    return key.actor, key.key


def _write(path: Path, content: bytes, *, durably: bool) -> None:
    """Write a file so that whoever reads it finds what was there before or all of this."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        if durably:
            file.flush()
            os.fsync(file.fileno())
    draft.replace(path)
    if durably:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_held(arriving: Path) -> bool:
    """Whether somebody is still sending this."""
    try:
        upload = os.open(arriving / UPLOAD, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(upload, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(upload)
