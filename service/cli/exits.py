"""Exit codes, and which exception ends a command with which."""

import errno
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from domain.errors import Conflict, Corrupt, Invalid, Rejected
from projections.database import Broken, Closed, Damaged, Exhausted
from projections.engine import UnknownEvent
from service.archives.manifest import BadArchive
from service.archives.restoring import NotEmpty
from service.archives.writing import OtherLedger
from service.asking.clocks import BeyondTheLedger
from service.asking.questions import NothingThere
from service.audit.remote import ServiceRefuses
from service.audit.verifier import Refused
from service.exporting.files import CannotWrite
from service.home import HomeUnusable
from service.log.keys import BadSigningKey
from service.log.publisher import NotPublished
from service.log.storage import LogDamaged
from service.log.transparency import NoCheckpoint
from service.log.tree import BeyondTheTree
from service.postgres.errors import EmbeddedPostgresError
from service.recording.committer import Unavailable
from service.running.routines import NotStarted
from service.settings import BadSettings
from service.storing.ledger import Unreachable
from service.storing.migrations import BadOrigin, WrongLedger
from service.storing.tokens import UnknownToken
from service.upgrading.errors import NotTheSame, UpgradeFailed, UpgradeRefused

OK = 0
UNEXPECTED = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
VERIFICATION_FAILED = 5
THRESHOLD_CROSSED = 6
PARTIAL_IMPORT = 7
DATABASE_UNREACHABLE = 69

EXITS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int], ...] = (
    ((Invalid, BeyondTheLedger, BeyondTheTree, BadOrigin, BadSettings, BadSigningKey), USAGE),
    ((NothingThere, UnknownToken, NoCheckpoint), NOT_FOUND),
    # The ledger of a newer version: a sentence says it all.
    (
        (
            UnknownEvent,
            Exhausted,
            Damaged,
            Broken,
            Closed,
            NotStarted,
            Corrupt,
            CannotWrite,
            HomeUnusable,
            NotPublished,
            ServiceRefuses,
            UpgradeFailed,
        ),
        UNEXPECTED,
    ),
    ((LogDamaged, BadArchive, Refused, NotTheSame), VERIFICATION_FAILED),
    ((Conflict, Rejected, WrongLedger, OtherLedger, NotEmpty, UpgradeRefused), CONFLICT),
    ((EmbeddedPostgresError, Unavailable, psycopg.OperationalError, *Unreachable), DATABASE_UNREACHABLE),
)

#: What files are refused with, which is nobody's bug.
REFUSED_BY_THE_SYSTEM = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOTDIR}
)


@contextmanager
def translated() -> Iterator[None]:
    """End the program with a sentence and its exit code where an exception has one; anything else rises."""
    try:
        yield
    except Exception as error:
        for kinds, code in EXITS:
            if isinstance(error, kinds):
                print(f"daybook: {error}", file=sys.stderr)  # noqa: T201  # the terminal is where this goes
                sys.exit(code)
        if isinstance(error, OSError) and error.errno in REFUSED_BY_THE_SYSTEM and error.filename is not None:
            print(f"daybook: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
            sys.exit(UNEXPECTED)
        raise


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does, by KeyboardInterrupt, so that everything is closed in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
