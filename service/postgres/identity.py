"""As whom the server runs: PostgreSQL refuses to be root, and `initdb` wants a user that has a name."""

import contextlib
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.postgres import kernel
from service.postgres.errors import StartError

#: `itself`: as the user we are. `namespace`: still us, but looking like another user inside a user namespace; the data
#: stays ours. `another-user`: really another user, who owns the data folder and can enter the folders above it.
Way = Literal["itself", "namespace", "another-user"]


@dataclass(frozen=True)
class Identity:
    """The user that server programs run as."""

    way: Way
    #: Owner of the data folder, as seen from outside.
    uid: int
    gid: int
    #: What the programs take themselves for.
    seen_uid: int
    seen_gid: int

    @property
    def client_uid(self) -> int:
        """Who we are to the server when we connect to it."""
        return self.seen_uid if self.way == "namespace" else os.geteuid()

    def enter(self) -> None:
        """Become it; for a freshly forked child, before exec. Raises OSError."""
        if self.way == "namespace":
            kernel.enter_user_namespace(self.seen_uid, self.seen_gid)
        elif self.way == "another-user":
            # Writing anywhere is more than the server needs, but a container seldom grants the right to enter alone.
            kernel.become(self.uid, self.gid, (kernel.CAP_DAC_READ_SEARCH, kernel.CAP_DAC_OVERRIDE))

    def own(self, path: Path) -> None:
        """Give it `path` (a link itself, not what it points to)."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_identity(ways: Sequence[Way], reach: Sequence[Path]) -> Identity:
    """The first of `ways` that this machine allows and by which every path in `reach` can be read.

    Raises StartError with what was tried.
    """
    tried = []
    for way in ways:
        identity = _identity(way)
        if identity is None:
            tried.append(f"{way}: {'PostgreSQL refuses root' if os.geteuid() == 0 else 'not root or no other user'}")
        elif (obstacle := _obstacle(identity, reach)) is None:
            return identity
        else:
            tried.append(f"{way}: {obstacle}")
    raise StartError(
        f"PostgreSQL cannot be run by user id {os.geteuid()} here ({'; '.join(tried)}); start Daybook as an ordinary "
        "user with an entry in /etc/passwd, or give it a database with DAYBOOK_DATABASE_URL"
    )


def usual_ways() -> tuple[Way, ...]:
    """The ways to try for the present user, best first.

    A namespace before another user: the data then has one owner, either way.
    """
    if os.geteuid() == 0:
        return ("namespace", "another-user")
    # initdb looks its user up and gives up on one without a name, as in a container run with `--user 12345`.
    return ("itself",) if has_name(os.geteuid()) else ("namespace", "itself")


def _identity(way: Way) -> Identity | None:
    uid, gid = os.geteuid(), os.getegid()
    if way == "itself":
        return Identity(way, uid, gid, uid, gid) if uid != 0 else None
    other = _unprivileged_user()
    if other is None:
        return None
    if way == "namespace":
        return Identity(way, uid, gid, other.pw_uid, other.pw_gid)
    return Identity(way, other.pw_uid, other.pw_gid, other.pw_uid, other.pw_gid) if uid == 0 else None


def _unprivileged_user() -> pwd.struct_passwd | None:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody")
    return next((user for user in pwd.getpwall() if user.pw_uid != 0), None)


def has_name(uid: int) -> bool:
    """Whether the user is in the list of users (/etc/passwd or what stands in for it)."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _obstacle(identity: Identity, reach: Sequence[Path]) -> str | None:
    """Why it cannot be entered here, found by entering it in a child; None if it can."""
    if identity.way == "itself":
        return None  # what it cannot reach, it will say itself
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            identity.enter()
            for path in reach:
                os.close(os.open(path, os.O_RDONLY))
        except OSError as error:
            os.write(writing, str(error).encode(errors="replace")[:4096])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        obstacle = answer.read().decode(errors="replace")
    os.waitpid(child, 0)
    return obstacle or None
