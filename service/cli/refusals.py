"""Which exception ends a command with which exit code: looked at where a command fails, since it knows every room."""

import psycopg

from domain.errors import Conflict, Corrupt, Invalid, Rejected
from projections.database import Broken, Closed, Damaged, Exhausted
from projections.engine import UnknownEvent, Unread
from service.archives.manifest import BadArchive
from service.archives.restoring import NotEmpty
from service.archives.writing import OtherLedger
from service.asking.clocks import BeyondTheLedger
from service.asking.questions import NothingThere
from service.audit.remote import ServiceRefuses
from service.audit.verifier import Refused
from service.cli import exits
from service.exporting.files import CannotWrite
from service.home import HomeUnusable
from service.log.keys import BadSigningKey
from service.log.publisher import NotPublished
from service.log.storage import LogDamaged
from service.log.transparency import NoCheckpoint
from service.log.tree import BeyondTheTree
from service.postgres.errors import EmbeddedPostgresError
from service.recording.waiting import RecordingUnavailable
from service.reporting.postgres import CannotGrant
from service.running.routines import NotStarted
from service.settings import BadSettings
from service.storing.ledger import Unreachable
from service.storing.migrations import BadOrigin, WrongLedger
from service.storing.tokens import UnknownToken
from service.upgrading.errors import NotTheSame, UpgradeFailed, UpgradeRefused

#: In this order: the first that fits counts.
EXITS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int], ...] = (
    ((Invalid, BeyondTheLedger, BeyondTheTree, BadOrigin, BadSettings, BadSigningKey), exits.USAGE),
    ((NothingThere, UnknownToken, NoCheckpoint), exits.NOT_FOUND),
    # The ledger of a newer version: a sentence says it all.
    (
        (
            UnknownEvent,
            Unread,
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
        exits.UNEXPECTED,
    ),
    ((LogDamaged, BadArchive, Refused, NotTheSame), exits.VERIFICATION_FAILED),
    ((Conflict, Rejected, WrongLedger, OtherLedger, NotEmpty, UpgradeRefused, CannotGrant), exits.CONFLICT),
    ((EmbeddedPostgresError, RecordingUnavailable, psycopg.OperationalError, *Unreachable), exits.DATABASE_UNREACHABLE),
)
