"""Files of imports on their way through a service: as they come in, as they are read, and what is left out of them.

On disk each has no name, so that nothing is left of it where the service dies.
"""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from service.importing.bounds import RESERVE_BYTES
from service.importing.queue.jobs import Job
from service.importing.queue.leases import Leases
from service.importing.queue.registry import ImportRegistry, NoSpace
from service.storing.writing import new_identifier

#: Bytes written at once.
CHUNK_BYTES = 1024 * 1024
#: What a disk says that takes no more.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskRoom:
    """A folder of a service on whose disk files are put aside, and the last of that disk is left to the database."""

    def __init__(self, folder: Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.folder = folder
        self._reserve_bytes = reserve_bytes
        self._provide()

    def _provide(self) -> None:
        """Make the folder, also where somebody removed it meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def file(self) -> BinaryIO:
        """A new file without a name; raises NoSpace."""
        try:
            self._provide()
            return cast("BinaryIO", tempfile.TemporaryFile(dir=self.folder, buffering=0))
        except OSError as error:
            raise _explained(error) from error

    def check(self, more_bytes: int, size_bytes: int = 0) -> None:
        """NoSpace where so many more bytes of a file of so many would take the last of the disk."""
        self._provide()
        free = shutil.disk_usage(self.folder).free
        if more_bytes + self._reserve_bytes > free:
            size = f"{size_bytes + more_bytes:,} bytes"
            raise NoSpace(
                f"the disk has no room for a file of {size} or more: {free:,} bytes are free, of which "
                f"{self._reserve_bytes:,} are left to the database"
            )


class Arrival:
    """A file on its way in; it is gone after the block."""

    def __init__(self, room: DiskRoom, declared_bytes: int = 0) -> None:
        self.id = new_identifier()
        self.size_bytes = 0
        self.room = room
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        room.check(declared_bytes)
        self.file = room.file()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    @property
    def sha256(self) -> str:
        """Of what has come, in hexadecimal."""
        return self._digest.hexdigest()

    def take(self, part: bytes) -> bool:
        """Take in a part; whether it is time to `write`."""
        self._waiting += part
        return len(self._waiting) >= CHUNK_BYTES

    def write(self) -> None:
        """Write what was taken in; raises NoSpace."""
        part, self._waiting = self._waiting, bytearray()
        self.room.check(len(part), self.size_bytes)
        self._digest.update(part)
        self.size_bytes += len(part)
        try:
            _write(self.file, part)
        except OSError as error:
            raise _explained(error) from error


def fetched(imports: ImportRegistry, job: Job, room: DiskRoom, halt: Callable[[], None]) -> BinaryIO:
    """The file of an import on the disk of this service, to be closed.

    `halt` is called between parts, and raises where it is no longer wanted. Raises NoSpace and UnknownImport.
    """
    file = room.file()
    try:
        parts = imports.parts(job.id, "file")
        for number in parts.sizes:
            halt()
            content = imports.part(parts, number)
            room.check(len(content))
            _write(file, content)
        file.seek(0)
    except OSError as error:
        file.close()
        raise _explained(error) from error
    except BaseException:
        file.close()
        raise
    return file


class Rejects:
    """What an import leaves out, stored a part at a time."""

    def __init__(self, leases: Leases, job: Job) -> None:
        self._leases = leases
        self._job = job
        self._number = 0
        self._waiting: list[bytes] = []
        self._size_bytes = 0

    def write(self, text: str) -> None:
        """Add lines, which are stored with the next ones."""
        line = text.encode("utf-8", "replace")
        self._waiting.append(line)
        self._size_bytes += len(line)
        if self._size_bytes >= CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store what was added."""
        if not self._waiting:
            return
        if self._leases.reject(self._job, self._number, b"".join(self._waiting)):
            self._number += 1
        self._waiting, self._size_bytes = [], 0


def _write(file: BinaryIO, part: bytes | bytearray) -> None:
    with memoryview(part) as view:
        written = 0
        while written < len(view):
            written += file.write(view[written:])


def _explained(error: OSError) -> Exception:
    return NoSpace(f"the disk takes no more of the file: {error.strerror}") if error.errno in FULL else error
