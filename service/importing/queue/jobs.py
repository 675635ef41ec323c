"""What is asked for by an upload, and how far it is."""

from datetime import datetime
from typing import Literal

import msgspec

from service.importing.reading.messages import ExtractTask
from service.shapes.overviews import FaultCause, FirstEvent, TableOverview

State = Literal["queued", "running", "interrupted", "done", "failed", "cancelled"]
#: How an import can end.
Ended = Literal["done", "failed", "cancelled"]

#: Still to be run; an interrupted one from its beginning.
WAITING = ("queued", "interrupted")
ENDED = ("done", "failed", "cancelled")
#: Imports that may wait or run at the same time.
MOST_OPEN = 1_000
#: An import during which the service died so often is given up: perhaps it is the reason.
MOST_DEATHS = 3


class StoredFault(msgspec.Struct, frozen=True):
    """What is wrong with a row, or with the file or its mapping as a whole."""

    line: int | None
    row: str
    message: str


class Wish(msgspec.Struct, frozen=True):
    """What is to be done with a file."""

    format: str
    #: The name of the mapping, and the SHA-256 of its content, which is stored with the import.
    mapping: str | None = None
    mapping_sha256: str | None = None
    dry_run: bool = False
    continue_on_error: bool = False
    #: Of a screening list: register organisations that the ledger does not know.
    register: bool = False
    #: Of a table of order lines that says how things stand on a day.
    extract: ExtractTask | None = None
    #: Of open contracting data: take releases whose tags are none of the standard's by what they hold.
    lenient: bool = False


class SentFile(msgspec.Struct, frozen=True):
    """A file as it came in, before it has a place in the queue."""

    id: str
    #: What the sender calls it.
    file: str
    wish: Wish
    #: Who sent it; its events carry it.
    actor: str
    #: Of the file as it was sent, in hexadecimal.
    sha256: str
    size_bytes: int
    #: The content of the mapping, in TOML.
    mapping: bytes | None = None


class ImportOutcome(msgspec.Struct, frozen=True):
    """What an import has come to."""

    #: Events by type.
    types: dict[str, int] = {}
    #: A sentence on how it ended, where there is something to say.
    detail: str | None = None


class Listed(msgspec.Struct, frozen=True):
    """What there is to say of single rows: the first of each kind."""

    faults: tuple[StoredFault, ...] = ()
    #: What is no fault, by kind: known (from elsewhere), unread (more than a rule can say), noted.
    remarks: dict[str, tuple[StoredFault, ...]] = {}
    #: Everything that is wrong, by cause.
    causes: tuple[FaultCause, ...] = ()
    #: Of a dry run of a table.
    overview: TableOverview | None = None
    #: Of a dry run: the first event of each type.
    first: dict[str, FirstEvent] = {}


class Job(msgspec.Struct, frozen=True):
    """One import."""

    id: str
    #: The order in which they came.
    place: int
    file: str
    wish: Wish
    actor: str
    sha256: str
    size_bytes: int
    created_at: datetime
    state: State = "queued"
    #: It is to end after the batch at hand.
    called_off: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: How often the service died that ran it.
    deaths: int = 0
    #: Rows seen so far, and those of them that are dealt with.
    rows: int = 0
    done: int = 0
    recorded: int = 0
    replayed: int = 0
    rejected: int = 0
    rows_per_s: float | None = None
    outcome: ImportOutcome = ImportOutcome()
    listed: Listed = Listed()
    #: Its faults, remarks and rejects are no longer stored.
    pruned: bool = False

    @property
    def open(self) -> bool:
        """Whether something is still to come."""
        return self.state not in ENDED

    @property
    def detail(self) -> str | None:
        """A sentence on how it ended."""
        return self.outcome.detail

    @property
    def faults(self) -> tuple[StoredFault, ...]:
        """What is wrong with the file."""
        return self.listed.faults


class UnknownImport(Exception):
    """No import goes by that id."""


class ImportEnded(Exception):
    """It has ended, and so it cannot be called off."""


class TooManyImports(Exception):
    """So many imports wait that no other is taken on."""


def called_off_detail(job: Job) -> str:
    """The sentence on how an import ended that was called off."""
    kept = "nothing is recorded" if job.started_at is None or job.wish.dry_run else "what it had recorded stays"
    return f"it was called off: {kept}"
