"""What an import is about to record, what it leaves out, and how it went."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from domain.errors import Refusal
from service.shapes.overviews import FaultCause, TableOverview

if TYPE_CHECKING:
    from projections.remarks import Doubts
    from service.recording.commands import Command  # who reads a file records nothing

#: Stretches of positions that are remembered; what is recorded beyond them is not remarked upon.
MOST_STRETCHES = 1_000
#: Called with the lines done and all lines.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event request, and the row that it comes from."""

    line: int
    #: The row's own name.
    row: str
    sent: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowRemark:
    """What there is to say of a row."""

    line: int
    row: str
    message: str


@dataclass(slots=True)
class ImportPlan:
    """The event requests of a file, in the order in which they are recorded, and what is said of its rows."""

    entries: list[Entry] = field(default_factory=list)
    #: Rows that are left out, and why.
    reported: list[RowRemark] = field(default_factory=list)
    #: Rows that say what the ledger has from elsewhere already.
    known: list[RowRemark] = field(default_factory=list)
    #: Rows that say more than the rules made of them.
    unread: list[RowRemark] = field(default_factory=list)
    #: Rows of which there is nothing to record, or not everything, and why.
    noted: list[RowRemark] = field(default_factory=list)
    #: Orders that earlier extracts had and this one has not.
    missing: list[RowRemark] = field(default_factory=list)


@dataclass(slots=True)
class Stretches:
    """Where events stand that were recorded: one stretch for all that stand one behind the other."""

    #: The first and the last position of each.
    positions: list[tuple[int, int]] = field(default_factory=list)

    def add(self, first: int, count: int) -> None:
        """Take in so many events from a position on."""
        if count and self.positions and self.positions[-1][1] + 1 == first:
            self.positions[-1] = self.positions[-1][0], first + count - 1
        elif count and len(self.positions) < MOST_STRETCHES:
            self.positions.append((first, first + count - 1))


@dataclass(slots=True)
class Summary:
    """What became of a file."""

    file: str
    format: str
    #: Lines with something on them, the header aside.
    rows: int
    dry_run: bool
    #: Of a table that says how things stand on a day: that day.
    as_of: date | None = None
    #: Events recorded now (in a dry run: that would be).
    recorded: int = 0
    #: Events that were recorded before.
    replayed: int = 0
    #: Rows that are left out because they cannot be read or were refused.
    rejected: int = 0
    #: Events recorded or replayed, by type.
    types: Counter[str] = field(default_factory=Counter)
    plan: ImportPlan = field(default_factory=ImportPlan)
    #: Of a dry run of a table: what it holds.
    overview: TableOverview | None = None
    #: Of a dry run: everything that is wrong, by cause.
    causes: list[FaultCause] = field(default_factory=list)
    #: Of a dry run: the first event of each type.
    first: dict[str, Entry] = field(default_factory=dict)
    #: Handed the events of a dry run as they are decided, where somebody wants to list them.
    rehearsed: Callable[[Sequence[Entry]], None] | None = None
    stretches: Stretches = field(default_factory=Stretches)
    #: What there is to say of what was recorded.
    doubts: "list[Doubts]" = field(default_factory=list)
    #: What was begun and is not counted yet.
    begun: "list[Command]" = field(default_factory=list)

    @property
    def kept(self) -> str:
        """What became of what came before a failure, in words."""
        before = 0 if self.dry_run else self.recorded
        if not before:
            return "nothing is recorded"
        if self.as_of is not None:
            return f"the {before} events before it are recorded, and not again when the file is synced again"
        return f"the {before} events before it are recorded, and are replayed when the file is imported again"

    def withdraw(self) -> None:
        """Call off what was begun, as far as its turn has not come."""
        for command in reversed(self.begun):
            command.future.cancel()

    def count(self, command: "Command") -> None:
        """Count the events of what was begun, once it has ended; raises what it ended with."""
        try:
            receipt = command.future.result()
        except Exception:
            self._forget(command)
            raise
        # Not before: who is interrupted while waiting has not counted it.
        self._forget(command)
        self.recorded += receipt.recorded
        self.replayed += receipt.repeated
        if not self.dry_run:
            self.stretches.add(receipt.first, receipt.recorded)

    def count_what_ended(self) -> None:
        """Count what was recorded although it was no longer waited for; the ledger is closed by now."""
        for command in list(self.begun):
            if command.future.done() and not command.future.cancelled() and command.future.exception() is None:
                self.count(command)

    def _forget(self, command: "Command") -> None:
        self.begun[:] = [other for other in self.begun if other is not command]


class RowRefused(Exception):
    """The ledger refused a row's event, and so the whole batch that it stood in."""

    def __init__(self, entry: Entry, refusal: Refusal) -> None:
        row = f"{entry.row}: " if entry.row else ""
        super().__init__(f"line {entry.line}: {row}{refusal}")
        self.entry = entry
        self.refusal = refusal
