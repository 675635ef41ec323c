"""What lies where in the folder of an embedded server, and the lock that gives it one owner."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from service.postgres import kernel
from service.postgres.errors import HomeInUseError, StartError

#: Name of the socket that PostgreSQL makes in the socket folder; there is no TCP port.
SOCKET_NAME = ".s.PGSQL.5432"
#: A socket's path must fit into sockaddr_un with its end mark: 108 bytes on Linux, 104 on the BSDs and macOS.
SOCKET_PATH_LIMIT_BYTES = 103
SHORT_FOLDER_PREFIX = "daybook-"


@dataclass(frozen=True)
class PostgresFolder:
    """The `postgres` folder below a Daybook home; it belongs to the user who starts the service, no other may enter."""

    path: Path
    #: Where the data lies if not here, as while it is carried over to another version.
    data_elsewhere: Path | None = None

    @classmethod
    def below(cls, home: Path) -> "PostgresFolder":
        """The folder of the server that belongs to `home`."""
        return cls(home.absolute() / "postgres")

    @property
    def lock(self) -> Path:
        """Locked (flock) by every process of a running server; holds its owner's process id."""
        return self.path / "lock"

    @property
    def data(self) -> Path:
        """PostgreSQL's data; whole if it exists."""
        return self.data_elsewhere or self.path / "data"

    @property
    def unfinished_data(self) -> Path:
        """Data in the making; left behind only by a crash."""
        return self.path / "data.unfinished"

    @property
    def upgraded_data(self) -> Path:
        """Whole data of a newer version, about to take the place of `data`; see `settle`."""
        return self.path / "data.upgraded"

    @property
    def upgrading(self) -> Path:
        """Everything that is there during an upgrade alone."""
        return self.path / "upgrading"

    def kept_data(self, major: int) -> Path:
        """Where data of a version lies that was carried over to a newer one."""
        return self.path / f"data-{major}"

    @property
    def holds_data(self) -> bool:
        """Whether a server would start on data that is there, rather than make some."""
        return self.data.exists() or self.upgraded_data.exists()

    def settle(self) -> None:
        """Finish what an upgrade that was killed left; the caller holds the lock.

        Without `data` the newer data takes its place, as was to happen next. Beside `data`, on which a server may have
        recorded something since, it is worth nothing.
        """
        shutil.rmtree(self.upgrading, ignore_errors=True)
        if not self.upgraded_data.exists():
            return
        if self.data.exists():
            shutil.rmtree(self.upgraded_data)
        else:
            self.upgraded_data.rename(self.data)
            self.sync()

    def sync(self) -> None:
        """Have the names in this folder on disk."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def log(self) -> Path:
        """What initdb and the server said, times in UTC."""
        return self.path / "postgres.log"

    @property
    def rules(self) -> Path:
        """Which connections the server takes (pg_hba.conf)."""
        return self.path / "hba.conf"

    @property
    def users(self) -> Path:
        """Which user of the operating system may be which role (pg_ident.conf)."""
        return self.path / "ident.conf"

    @property
    def socket(self) -> Path:
        """The folder of the socket, or a link to a folder with a shorter path."""
        return self.path / "socket"

    @property
    def state(self) -> Path:
        """Where a second process finds the server: JSON, there while the server accepts connections."""
        return self.path / "state.json"

    def data_major(self) -> int | None:
        """The PostgreSQL version that made the data; None where there is none yet."""
        there = self.data if self.data.exists() else self.upgraded_data
        try:
            return int((there / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def open_log(self) -> BinaryIO:
        """The log, to append to."""
        return open(self.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600))

    def create(self) -> None:
        """Make the folder if need be, for our user alone. Raises StartError if it is somebody else's."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        status = self.path.stat()
        if status.st_uid != os.geteuid():
            raise StartError(
                f"{self.path} belongs to user id {status.st_uid}, Daybook was started by {os.geteuid()}: start it as "
                "its owner"
            )
        if stat.S_IMODE(status.st_mode) != 0o700:
            self.path.chmod(0o700)

    def make_socket_folder(self) -> Path:
        """An empty folder for the socket, its path short enough and free of what connection strings give a meaning to.

        Of a long path, `socket` becomes a link to a folder in /tmp, the same one each time: who was connected to a
        server that ended finds the next one there. What an earlier server left is removed.
        """
        self.remove_socket_folder()
        path = os.fspath(self.socket)
        fits = len(os.fsencode(f"{path}/{SOCKET_NAME}")) <= SOCKET_PATH_LIMIT_BYTES
        # A comma would separate hosts, a leading @ mark an abstract socket; anything unusual is not worth the quoting.
        if fits and re.fullmatch(r"/[\w./+=~@-]+", path, re.ASCII):
            self.socket.mkdir(mode=0o700)
            return self.socket
        # Two levels: the outer one stays ours, so that no other process that runs as the server's user gets in.
        short = self._short_folder()
        self.socket.symlink_to(short / "socket")
        (short / "socket").mkdir(mode=0o700)
        return short / "socket"

    def _short_folder(self) -> Path:
        """A new folder of ours in /tmp: named after this folder's own number, or at random where that name is taken."""
        status = self.path.stat()
        named = f"{status.st_dev}:{status.st_ino}:{os.geteuid()}".encode()
        short = Path("/tmp", SHORT_FOLDER_PREFIX + hashlib.sha256(named).hexdigest()[:16])  # noqa: S108  # checked below
        if _is_ours_alone(short):
            # The caller holds the lock of our folder, so the process that made it has ended.
            shutil.rmtree(short)
        try:
            short.mkdir(mode=0o700)
        except FileExistsError:
            return Path(tempfile.mkdtemp(prefix=SHORT_FOLDER_PREFIX, dir="/tmp"))
        return short

    def remove_socket_folder(self) -> None:
        """Remove the socket folder, and what the link leads to."""
        if self.socket.is_symlink():
            outer = self.socket.readlink().parent
            with contextlib.suppress(FileNotFoundError):
                if outer.name.startswith(SHORT_FOLDER_PREFIX) and outer.lstat().st_uid == os.geteuid():
                    shutil.rmtree(outer)
            self.socket.unlink()
        elif self.socket.exists():
            shutil.rmtree(self.socket)

    def take(self, owner_pid: int, *, patience_seconds: float, give_up: Callable[[], bool]) -> int:
        """Lock the folder for `owner_pid`; the descriptor to hand to every process of the server.

        The lock of an owner that has died is waited for up to `patience_seconds` (its server is stopping), unless
        `give_up` says otherwise. Raises HomeInUseError.
        """
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self.holder()
                alive = holder is not None and kernel.is_alive(holder)
                # A live owner keeps it. Half a second all the same: `is_taken` holds the lock for an instant.
                if time.monotonic() - started > (0.5 if alive else patience_seconds) or give_up():
                    os.close(descriptor)
                    use = "in use by process" if alive else "held by a server that outlives its owner, process"
                    raise HomeInUseError(f"{self.path} is {use} {holder or 'unknown'}") from None
                time.sleep(0.02)
            else:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{owner_pid}\n".encode(), 0)
                return descriptor

    def is_taken(self) -> bool:
        """Whether anything of a server holds the lock."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def holder(self) -> int | None:
        """The process id that the lock's last taker wrote down."""
        try:
            return int(self.lock.read_text())
        except (OSError, ValueError):
            return None


def _is_ours_alone(path: Path) -> bool:
    """Whether a path is a folder, and no link, that is ours and closed to others."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
