"""The folder of a ledger: made for its user alone, and refused with a sentence where it cannot be used."""

import logging
import os
import stat
from pathlib import Path

logger = logging.getLogger(__name__)


class HomeUnusable(Exception):
    """The home is not there and cannot be made, or cannot be written to; the message says which and why."""


def provide(home: Path) -> None:
    """Make the home if need be, closed to others. Raises HomeUnusable."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise HomeUnusable(f"the home {home} cannot be made: {error.strerror}") from error
    if not is_writable(home):
        raise HomeUnusable(f"the home {home} cannot be written to: give it to user id {os.geteuid()}, or name another")


def is_writable(folder: Path) -> bool:
    """Whether this process may put files into a folder: none may where its file system is mounted read-only."""
    return os.access(folder, os.W_OK | os.X_OK)


def close_secret(path: Path) -> None:
    """Close a secret's file to others, and say so, where it was open to them. Raises HomeUnusable."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return
    try:
        path.chmod(mode & 0o700)
    except OSError as error:
        raise HomeUnusable(
            f"{path} may be read by others (mode {mode:o}) and cannot be closed to them: {error.strerror}"
        ) from error
    logger.warning("%s could be read by others (mode %o) and is closed now: whoever read it still has it", path, mode)
