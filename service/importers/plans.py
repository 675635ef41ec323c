"""What an import is about to record, what it leaves out, and how recording it went."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from domain.catalogue import read_request
from domain.errors import Invalid, Refusal
from domain.events import LARGEST_EVENT_BYTES, Request
from domain.ledger import Batch
from service.cache import StreamCache
from service.codes import codes
from service.daybook import Daybook
from service.identifiers import new_identifier
from service.importers.rows import BadFile, Fault
from service.store import number

ACTOR = "import"

#: Told how many lines of how many are done.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event request, and the row that it comes from."""

    line: int
    #: The row's own name.
    row: str
    sent: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remark:
    """What there is to say of a row."""

    line: int
    row: str
    message: str


@dataclass(slots=True)
class Plan:
    """The event requests of a file, in the order in which they are recorded, and what is said of its rows."""

    entries: list[Entry] = field(default_factory=list)
    #: Rows that are left out, and why.
    reported: list[Remark] = field(default_factory=list)
    #: Rows that say what the ledger has from elsewhere already.
    known: list[Remark] = field(default_factory=list)
    #: Rows that say more than the rules made of them.
    unread: list[Remark] = field(default_factory=list)


@dataclass(slots=True)
class Summary:
    """What became of a file."""

    file: str
    format: str
    #: Lines with something on them, the header aside.
    rows: int
    dry_run: bool
    #: Events recorded now (in a dry run: that would be).
    recorded: int = 0
    #: Events that were recorded before.
    replayed: int = 0
    plan: Plan = field(default_factory=Plan)


class Refused(Exception):
    """The ledger refused a row's event, and so the whole batch that it stood in."""

    def __init__(self, entry: Entry, refusal: Refusal) -> None:
        row = f"{entry.row}: " if entry.row else ""
        super().__init__(f"line {entry.line}: {row}{refusal}")
        self.entry = entry
        self.refusal = refusal


def read_entries(entries: Sequence[Entry]) -> list[Request]:
    """The requests of these entries; BadFile lists what is wrong with them."""
    requests = []
    faults: list[Fault] = []
    for entry in entries:
        try:
            requests.append(read_request(entry.sent, codes()))
        except Invalid as invalid:
            row = f"{entry.row}: " if entry.row else ""
            faults += [Fault(entry.line, f"{row}{one.pointer or '/'}: {one.message}") for one in invalid.problems]
    if faults:
        raise BadFile(faults)
    return requests


class Recorder:
    """Records batches together or not at all, and counts their events in a summary.

    In a dry run it decides as the ledger would, against the ledger as it stood when the run began and all batches
    before, and records nothing.
    """

    def __init__(self, daybook: Daybook, summary: Summary, correlation_id: str | None = None) -> None:
        self._daybook = daybook
        self._summary = summary
        self._correlation_id = correlation_id
        self._head = daybook.ledger.recorder.head()
        self._cache = StreamCache(daybook.ledger.recorder)
        self._rehearsed = Batch(self._cache, self._head.clock.astimezone(UTC).date(), new_identifier)

    def record(self, entries: Sequence[Entry], requests: Sequence[Request]) -> None:
        """Record the requests read from these entries; raises Refused."""
        if not requests:
            return
        try:
            new, before = self._rehearse(requests) if self._summary.dry_run else self._append(requests)
        except Refusal as refusal:
            raise Refused(entries[refusal.index], refusal) from None
        self._summary.recorded += new
        self._summary.replayed += before

    def _append(self, requests: Sequence[Request]) -> tuple[int, int]:
        receipt = self._daybook.committer.record(requests, actor=ACTOR, correlation_id=self._correlation_id)
        return receipt.recorded, len(receipt.events) - receipt.recorded

    def _rehearse(self, requests: Sequence[Request]) -> tuple[int, int]:
        self._cache.prefetch(requests)
        outcomes = self._rehearsed.add(requests)
        for index, outcome in enumerate(outcomes):
            drafts = [(draft, ACTOR, self._correlation_id) for draft in outcome.drafts]
            size = max((len(event.state) for event in number(drafts, self._head)), default=0)
            if size > LARGEST_EVENT_BYTES:
                refusal = Invalid.at("", f"the event takes {size} bytes, more than {LARGEST_EVENT_BYTES}")
                refusal.index = index
                raise refusal
        new = sum(len(outcome.drafts) for outcome in outcomes)
        return new, sum(len(outcome.replayed) for outcome in outcomes)
