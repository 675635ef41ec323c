"""Projections' files: one a process, kept from run to run, moved aside and made anew where they are damaged."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path

from domain.events import instant
from projections.database import Bounds, Broken, Damaged, Held, spill_of
from projections.engine import Outdated, Projection, fingerprint, wal_of
from service.running.attempts import reason_of
from service.storing.ledger import Ledger, read_bytes

logger = logging.getLogger(__name__)

#: Projections of one home that may be open at once, each in a process of its own.
MOST_PROJECTIONS = 64
#: Damaged files that are kept in a home, the newest, for an operator who looks for the cause.
KEPT_DAMAGED = 2
#: Openings in a row that ended the process before the file is taken to be what ended it.
FATAL_OPENINGS = 2


class ProjectionFile:
    """The file of one process's projection, and the projection that is open in it.

    The process that has it holds the lock of its slot, so no other process opens, moves or removes it.
    """

    def __init__(self, path: Path, ledger: Ledger, bounds: Bounds) -> None:
        self.path = path
        self._ledger = ledger
        self._bounds = bounds
        #: The file as it was opened: device and inode.
        self._opened: tuple[int, int] | None = None
        self.projection = self._open()

    def renew(self, fault: Exception) -> Projection:
        """Close the projection after a fault and open it again: the same file, or where that is damaged a new one."""
        self.projection.close()
        if isinstance(fault, Damaged):
            self._move_aside(fault)
        self.projection = self._open()
        return self.projection

    def check(self) -> None:
        """Raise Damaged where the file that is open no longer lies in its place."""
        if self._opened != _identity(self.path):
            raise Damaged(f"{self.path.name} was removed or replaced")

    def close(self) -> None:
        """Let go of the file."""
        self.projection.close()

    def _open(self) -> Projection:
        """The projection in the file, begun anew where the file is damaged or not of this ledger as it is now."""
        try:
            projection = self._opened_once()
            if projection is not None:
                self._opened = _identity(self.path)
                return projection
        except (Damaged, Broken, Outdated) as error:
            self._move_aside(error)
        else:
            logger.warning("%s does not belong to this ledger as it is now: building it anew", self.path.name)
            remove(self.path)
        projection = self._opened_once()
        assert projection is not None
        self._opened = _identity(self.path)
        return projection

    def _opened_once(self) -> Projection | None:
        """The projection in the file; None where it is not of this ledger.

        Damaged also where opening it has ended the process before, again and again.
        """
        # Somebody may have removed all of it under a running service.
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark = self.path.with_suffix(".opening")
        openings = mark.stat().st_size if mark.is_file() else 0
        if openings >= FATAL_OPENINGS:
            mark.unlink()
            raise Damaged(f"opening it ended the process {openings} times")
        shutil.rmtree(spill_of(self.path), ignore_errors=True)
        # Where there is no room for the mark, there may be enough for what is there already.
        with suppress(OSError):
            mark.write_bytes(b"." * (openings + 1))
        try:
            projection = Projection.open(self.path, self._bounds)
            try:
                if _follows(projection, self._ledger):
                    return projection
            except BaseException:
                projection.close()
                raise
            projection.close()
            return None
        finally:
            with suppress(OSError):
                mark.unlink()

    def _move_aside(self, why: Exception) -> None:
        """Keep what lies in the file's place under another name, with what was written ahead of it."""
        logger.warning("%s is damaged and is built anew: %s", self.path.name, reason_of(why))
        if not os.path.lexists(self.path):
            wal_of(self.path).unlink(missing_ok=True)
            return
        aside = self.path.with_suffix(".damaged")
        number = 1
        while os.path.lexists(aside.with_name(f"{aside.name}-{number}")):
            number += 1
        for from_, to in (
            (self.path, aside.with_name(f"{aside.name}-{number}")),
            (wal_of(self.path), aside.with_name(f"{aside.name}-{number}.wal")),
        ):
            with suppress(FileNotFoundError):
                from_.rename(to)
        found = [path for path in damaged(self.path.parent) if not path.name.endswith(".wal")]
        for path in found[:-KEPT_DAMAGED]:
            remove(path)


@contextmanager
def open_file(folder: Path, identity: str, ledger: Ledger, bounds: Bounds) -> Iterator[ProjectionFile]:
    """The first projection file of this ledger that no other process holds."""
    _provide(folder)
    with _slot(folder, f"{identity}-{fingerprint()}", ledger, bounds) as file:
        _remove_outdated(folder, identity)
        try:
            yield file
        finally:
            file.close()


def _provide(folder: Path) -> None:
    """Make the folder; what lies in its place and is none is moved aside, since projections can be made anew."""
    if os.path.lexists(folder) and not folder.is_dir():
        _give_way(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for lock_file in folder.glob("*.lock"):
        if lock_file.is_symlink() or not lock_file.is_file():
            _give_way(lock_file)


def _give_way(path: Path) -> None:
    """Give what lies in a place another name, and say so."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    path.rename(aside)
    logger.warning("%s is not what belongs there: it is moved to %s, and made anew", path, aside.name)


def damaged(folder: Path) -> list[Path]:
    """The damaged files that a folder keeps, and what was written ahead of them, the newest last."""
    return sorted(folder.glob("*.damaged-*"), key=lambda path: (path.lstat().st_ctime_ns, path.name))


def remove(path: Path) -> None:
    """Remove a projection, or anything that lies in its place, and what belongs to it."""
    for leftover in (path, wal_of(path)):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
    shutil.rmtree(spill_of(path), ignore_errors=True)


def remove_projections(home: Path) -> tuple[int, int]:
    """Remove every projection of a home that no process holds: how many went, and how many are in use."""
    folder = home / "projections"
    _provide(folder)
    lock_files = list(folder.glob("*.lock"))
    removed = sum(_remove_unheld(lock_file) for lock_file in lock_files)
    held = sum(not _remove_unheld(lock_file) for lock_file in lock_files if _projection_of(lock_file).exists())
    for path in damaged(folder):
        remove(path)
    return removed, held


@contextmanager
def _slot(folder: Path, name: str, ledger: Ledger, bounds: Bounds) -> Iterator[ProjectionFile]:
    for slot in range(MOST_PROJECTIONS):
        lock = os.open(folder / f"{name}-{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file = ProjectionFile(folder / f"{name}-{slot}.duckdb", ledger, bounds)
        except (BlockingIOError, Held):
            os.close(lock)
            continue
        except BaseException:
            os.close(lock)
            raise
        try:
            yield file
        finally:
            os.close(lock)
        return
    raise OSError(f"{MOST_PROJECTIONS} processes use {folder} already")


def _follows(projection: Projection, ledger: Ledger) -> bool:
    """Whether the ledger's event at the projection's position is the one that the projection read last."""
    if projection.position == 0:
        return True
    rows = ledger.recorder.rows_after(projection.position - 1, 1)
    if not rows:
        return False
    last = read_bytes(rows[0].state)
    assert last.stored is not None
    recorded_at = projection.recorded_at_of(last.position)
    return (
        projection.event(last.id) == last.position
        and recorded_at is not None
        and instant(recorded_at.replace(tzinfo=UTC)) == last.stored["recorded_at"]
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _remove_outdated(folder: Path, identity: str) -> None:
    """Remove this ledger's projections that other code made and no process holds."""
    for lock_file in folder.glob(f"{identity}-*.lock"):
        if not lock_file.name.startswith(f"{identity}-{fingerprint()}-"):
            _remove_unheld(lock_file)


def _remove_unheld(lock_file: Path) -> bool:
    """Remove a projection unless a process holds it; its lock stays, which a process may just be opening."""
    lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there = _projection_of(lock_file).exists()
        remove(_projection_of(lock_file))
        return there
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _projection_of(lock_file: Path) -> Path:
    return lock_file.with_suffix(".duckdb")
