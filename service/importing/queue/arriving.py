"""Files as they come in over the network: to disk, never into memory, and never onto the last of the disk."""

import errno
import hashlib
import os
import shutil
from pathlib import Path
from types import TracebackType

from service.importing.bounds import RESERVE_BYTES
from service.importing.queue.jobs import Jobs
from service.storing.writing import new_identifier

#: Bytes written at once.
CHUNK_BYTES = 1024 * 1024
#: What a disk says that takes no more.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoSpace(Exception):
    """The disk has no room for the file."""


class Arrival:
    """A file on its way in; what is not kept is gone after the block."""

    def __init__(self, jobs: Jobs, declared_bytes: int = 0, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.id = new_identifier()
        self.size_bytes = 0
        self._jobs = jobs
        self._reserve_bytes = reserve_bytes
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        self._refuse_a_full_disk(declared_bytes)
        try:
            self.folder, self._file = jobs.admit(self.id)
        except OSError as error:
            raise _explained(error) from error

    def __enter__(self) -> "Arrival":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It is gone from here where it was kept.
        shutil.rmtree(self.folder, ignore_errors=True)
        self._file.close()

    @property
    def sha256(self) -> str:
        """Of what has come, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / "upload"

    def take(self, part: bytes) -> bool:
        """Take in a part; whether it is time to `write`."""
        self._waiting += part
        return len(self._waiting) >= CHUNK_BYTES

    def write(self) -> None:
        """Write what was taken in; raises NoSpace."""
        part, self._waiting = self._waiting, bytearray()
        self._refuse_a_full_disk(len(part))
        self._digest.update(part)
        self.size_bytes += len(part)
        try:
            self._file.write(part)
            self._file.flush()
        except OSError as error:
            raise _explained(error) from error

    def finish(self) -> None:
        """Write what is left, so that it outlasts a loss of power; raises NoSpace."""
        self.write()
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _explained(error) from error

    def _refuse_a_full_disk(self, more_bytes: int) -> None:
        free = shutil.disk_usage(self._jobs.folder).free
        if more_bytes + self._reserve_bytes > free:
            size = f"{self.size_bytes + more_bytes:,} bytes"
            raise NoSpace(
                f"the disk has no room for a file of {size} or more: {free:,} bytes are free, of which "
                f"{self._reserve_bytes:,} are left to the database"
            )


def _explained(error: OSError) -> Exception:
    return NoSpace(f"the disk takes no more of the file: {error.strerror}") if error.errno in FULL else error
