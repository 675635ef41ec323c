"""What became of a command: its receipt, and what is kept of that under an idempotency key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from domain.events import Recorded
from domain.lots import Outcome

#: Events of one command that are kept under an idempotency key: as many as an answer lists.
MOST_REMEMBERED = 1_000


class IdempotencyKey(NamedTuple):
    """The name that a client gave a request, so that sending it again records nothing again."""

    #: Who sent it: each has names of its own.
    actor: str
    key: str
    #: SHA-256 of what was sent: under one key it is always the same.
    fingerprint: bytes


class RecordedPlace(NamedTuple):
    """Where one event stands."""

    id: str
    position: int
    stream: str
    version: int


@dataclass(frozen=True)
class CommandReceipt:
    """What became of a command: where its events stand, in the order of its requests."""

    outcomes: Sequence[Outcome]
    #: How many events were recorded just now.
    recorded: int
    #: The position of the first of these; they stand one behind the other.
    first: int
    #: How many had been recorded before.
    repeated: int = 0
    #: Positions of events recorded just now that others replay, by id.
    replays: Mapping[str, int] = field(default_factory=dict)

    @property
    def replayed(self) -> bool:
        """Whether all of it had been recorded before."""
        return self.recorded == 0

    @property
    def count(self) -> int:
        """How many events were recorded just now, or, of a replay, then."""
        # What a request repeats within its own batch was recorded once.
        return self.recorded or len({event.position for event in self.events})

    @property
    def first_position(self) -> int:
        """The lowest of their positions."""
        return self.first if self.recorded else min(event.position for event in self.events)

    @property
    def last_position(self) -> int:
        """The highest of their positions."""
        if self.recorded:
            return self.first + self.recorded - 1
        return max(event.position for event in self.events)

    def to_keep(self) -> dict[str, Any]:
        """What is kept of it under an idempotency key."""
        return {
            "count": self.count,
            "first": self.first_position,
            "last": self.last_position,
            "events": [list(event) for event in self.events[:MOST_REMEMBERED]],
        }

    @cached_property
    def events(self) -> tuple[RecordedPlace, ...]:
        """Where each event stands."""
        placed: list[RecordedPlace] = []
        position = self.first
        for outcome in self.outcomes:
            placed += [self._replay(event) for event in outcome.replayed]
            for lot in outcome.drafts:
                places = range(position, position + len(lot))
                placed += map(RecordedPlace, lot.ids, places, lot.streams, lot.versions)
                position += len(lot)
        return tuple(placed)

    def _replay(self, event: Recorded) -> RecordedPlace:
        # A replay of an event decided in this very group has no position of its own yet.
        return RecordedPlace(event.id, event.position or self.replays[event.id], event.stream, event.version)


@dataclass(frozen=True)
class Remembered(CommandReceipt):
    """What had become of a command that is sent again under its idempotency key."""

    answered_before: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Remembered":
        """From what was kept."""
        return cls((), 0, kept.get("first", 0), answered_before=kept)

    @property
    def count(self) -> int:
        """How many events were recorded then."""
        return int(self.answered_before["count"])

    @property
    def first_position(self) -> int:
        """The lowest of their positions."""
        return int(self.answered_before["first"])

    @property
    def last_position(self) -> int:
        """The highest of their positions."""
        return int(self.answered_before["last"])

    @cached_property
    def events(self) -> tuple[RecordedPlace, ...]:
        """Where each event stands, as far as that was kept."""
        return tuple(RecordedPlace(*event) for event in self.answered_before["events"])


class KeptReceipt(NamedTuple):
    """What is recorded under an idempotency key."""

    fingerprint: bytes
    receipt: Remembered
