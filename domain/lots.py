"""Lots: requests that are read alike, and events that are decided alike; a single one is a lot of one.

A lot of many is decided, written down and sent to the database side by side, field by field. What takes lots need
not know which they are: domain.events has those of one, domain.plain_lots those of many.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from datetime import date
from typing import Any, Protocol

from msgspec import Struct

from domain.events import Find, Recorded, Request


class Decided(Protocol):
    """Decided events of one type that are recorded one behind the other, each in a stream of its own."""

    def __len__(self) -> int: ...

    @property
    def type(self) -> str:
        """Their type."""

    @property
    def ids(self) -> Sequence[str]:
        """The id of each."""

    @property
    def streams(self) -> Sequence[str]:
        """The stream of each."""

    @property
    def versions(self) -> Sequence[int]:
        """The place of each within its stream."""

    @property
    def causation_id(self) -> str | None:
        """The event that brought them about."""

    def parts(self, most: int) -> "Iterable[Decided]":
        """Them in lots of so many at most."""

    def named(self, identifier: str) -> "Decided":
        """The one with an id, as a lot of one."""

    def within(self, stream: str) -> "Decided":
        """The one in a stream, as a lot of one."""

    def as_recorded(self) -> Recorded:
        """The first of them as a fold reads it."""

    def stored(self, position: int, recorded_at: str) -> dict[str, Any]:
        """The object to store of the first of them, but for the one who sent it."""

    def states(
        self, position: int, instants: Sequence[str], actor: str | None, correlation_id: str | None
    ) -> Sequence[bytes]:
        """The bytes to store of each, in canonical form, from a position on and each with its instant."""


class Outcome(Struct, frozen=True, gc=False):
    """What became of one request, or of a lot of them that were all new: what it recorded, or had recorded before."""

    drafts: tuple[Decided, ...] = ()
    replayed: tuple[Recorded, ...] = ()

    @property
    def requests(self) -> int:
        """How many requests it is of."""
        return len(self.drafts[0]) if self.drafts else 1

    @property
    def recorded(self) -> int:
        """How many events it records."""
        return len(self.drafts[0]) if len(self.drafts) == 1 else sum(map(len, self.drafts))


class Deciding(Protocol):
    """What a lot asks of the batch that decides it (domain.ledger.Batch)."""

    @property
    def presume_new(self) -> bool:
        """Whether ids, and streams that a request begins, are taken to be new without looking them up."""

    @property
    def today(self) -> date:
        """The ledger's own date."""

    @property
    def new_id(self) -> Callable[[], str]:
        """A name for an event whose sender gave none."""

    @property
    def look_up(self) -> Callable[[], None]:
        """To be called again and again: raises Interrupted where it has taken long enough."""

    def decide(self, request: Request) -> Outcome:
        """Decide one request by all rules; raises Refusal."""

    def take(self, lot: Decided) -> Outcome:
        """Have what was decided recorded: the first events of streams that have not begun."""

    def all_stand(self, names: Iterable[str]) -> bool:
        """Whether organisations and products stand."""

    def have_begun(self, streams: Set[str]) -> bool:
        """Whether any of these streams has begun, or may have where new ones are presumed to be new."""

    def have_recorded(self, ids: Set[str]) -> bool:
        """Whether the batch itself has decided any of these ids."""

    def recorded_before(self, identifier: str) -> Recorded | None:
        """The recorded event with an id, unless it is presumed to be new."""


class Sent(Protocol):
    """Requests of one type, as a client sent them together."""

    def __len__(self) -> int: ...

    @property
    def type(self) -> str:
        """The type of their events."""

    @property
    def ids(self) -> Sequence[str | None]:
        """The id of each; None: to be named by the ledger."""

    @property
    def streams(self) -> Sequence[str]:
        """The stream of each."""

    @property
    def retracts(self) -> Sequence[str]:
        """The events that they retract."""

    def events_wanted(self, *, presume_new: bool) -> Iterable[str | None]:
        """The ids of all events that deciding them asks for; None: nothing.

        `presume_new`: without what a batch presumes to be new (domain.ledger.Batch).
        """

    def streams_wanted(self, event: Find, *, presume_new: bool) -> tuple[Iterable[str], Iterable[str]]:
        """The streams that deciding them asks for, besides those of `events_wanted`: folded, and with all their events.

        `event` finds what `events_wanted` names.
        """

    def decided_by(self, batch: Deciding) -> Sequence[Outcome]:
        """What becomes of each, in order; raises Refusal, with the index of the first that is refused."""


def many(lots: Iterable[Sent] | Iterable[Decided]) -> int:
    """How many there are in some lots."""
    return sum(map(len, lots))
