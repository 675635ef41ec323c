"""What a verification finds, and what it has looked at."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: Findings that are listed; the others are counted.
LISTED = 50


class FindingKind(StrEnum):
    """What is wrong."""

    #: Other bytes stand at the position than were recorded there.
    CHANGED = "changed"
    MISSING = "missing"
    #: Missing at the ledger's end.
    TRUNCATED = "truncated"
    INSERTED = "inserted"
    #: A recorded event stands at another position than its own.
    MOVED = "moved"
    #: Two events stand in each other's place.
    SWAPPED = "swapped"
    #: A column says something else than the event's bytes.
    COLUMN = "column"
    #: recorded_at does not go forward.
    TIME = "time"
    #: ledger_head does not name the last event.
    HEAD = "head"
    #: A stored hash of the tree is wrong or missing.
    TILE = "tile"
    #: A stored checkpoint is not what was issued, or is gone.
    CHECKPOINT = "checkpoint"
    COSIGNATURE = "cosignature"
    #: A checkpoint kept outside the database cannot be relied on.
    COPY = "copy"
    #: A signed checkpoint says that other events were recorded.
    REWRITTEN = "rewritten"
    #: PostgreSQL does not give out what is to be verified.
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class LedgerFinding:
    """One thing that is wrong."""

    kind: FindingKind
    #: A sentence.
    message: str
    #: The first event concerned; None: no event of its own.
    position: int | None = None
    #: The last event concerned, where there are several.
    upto: int | None = None
    #: Where the event of `position` stands now, or whose place it is that was taken.
    other: int | None = None
    #: Of the checkpoint concerned.
    size: int | None = None

    def as_object(self) -> dict[str, Any]:
        """For machines; what does not apply is left out."""
        fields = {"position": self.position, "upto": self.upto, "other": self.other, "size": self.size}
        return {
            "kind": str(self.kind),
            **{name: value for name, value in fields.items() if value is not None},
            "message": self.message,
        }


@dataclass(slots=True)
class Findings:
    """Everything that was found, the first event first; of very many, the first of each kind."""

    found: list[LedgerFinding] = field(default_factory=list)
    #: Found and not kept.
    more: int = 0

    def add(self, *findings: LedgerFinding) -> None:
        """Note what was found."""
        for finding in findings:
            if len(self.found) < 20 * LISTED:
                self.found.append(finding)
            else:
                self.more += 1

    def ordered(self) -> list[LedgerFinding]:
        """Events by position, then the rest in the order in which it was found."""
        return sorted(
            self.found,
            key=lambda finding: (finding.position is None, finding.position or 0, finding.kind is FindingKind.HEAD),
        )


@dataclass(frozen=True, slots=True)
class Copies:
    """Checkpoints that came from outside the database, from one file."""

    source: str
    count: int
    #: The largest size among those that are signed as they should be; None: none is.
    largest: int | None

    def as_object(self) -> dict[str, Any]:
        """For machines."""
        return {"source": self.source, "checkpoints": self.count, "largest_size": self.largest}


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification has looked at, and what it found."""

    origin: str
    keys: tuple[str, ...]
    #: Read from the ledger.
    events: int
    #: Of the largest checkpoint that the events and the log lead to; they are proven up to here.
    proven: int
    #: In the database.
    checkpoints: int
    cosignatures: int
    #: Kept in the home.
    kept: tuple[Copies, ...]
    #: Handed in by the caller: what a backup restored together with the home does not change.
    anchors: tuple[Copies, ...]
    findings: tuple[LedgerFinding, ...]
    #: Found beyond those listed.
    more: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def uncovered(self) -> int:
        """Events that no checkpoint covers yet."""
        return max(0, self.events - self.proven)

    def as_object(self) -> dict[str, Any]:
        """For machines."""
        return {
            "verified": self.holds,
            "origin": self.origin,
            "keys": list(self.keys),
            "events": self.events,
            "proven": self.proven,
            "not_yet_covered": self.uncovered,
            "checkpoints": self.checkpoints,
            "cosignatures": self.cosignatures,
            "kept": [copies.as_object() for copies in self.kept],
            "external_anchors": [copies.as_object() for copies in self.anchors],
            "findings": [finding.as_object() for finding in self.findings],
            "more_findings": self.more,
            "seconds": round(self.seconds, 3),
        }


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 event, 1,200 events."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def places(first: int, last: int) -> str:
    """A position, or the first and the last of several."""
    return f"position {first:,}" if first == last else f"positions {first:,} to {last:,}"


def listed(findings: Iterable[LedgerFinding]) -> tuple[tuple[LedgerFinding, ...], int]:
    """The findings to list, and how many are left."""
    every = list(findings)
    return tuple(every[:LISTED]), max(0, len(every) - LISTED)
