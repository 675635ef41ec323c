"""An event on its way into the ledger, and as it stands there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from pydantic import Field

from domain.periods import Period, parse_day, parse_period
from domain.values import Basis, Day, EdtfPeriod, EventData, Identifier, Optional, Record, Sha256, Text

_encode = msgspec.json.Encoder(order="sorted").encode

#: A record's length must fit the two bytes that the log's entry bundles give it.
LARGEST_EVENT_BYTES = 65_535


class Source(Record):
    """Where the recorder has it from."""

    citation: Text
    url: Optional[Text] = None
    #: The words that say so.
    quote: Optional[Text] = None
    #: Of the document, lower-case hex.
    sha256: Optional[Sha256] = None


class Envelope(Record):
    """What a client sends besides the type's own data."""

    type: str
    #: Valid time: when it was so in the world.
    effective_on: EdtfPeriod
    #: Disclosure: when one could know it; absent: the date of recording (for a retraction: the retracted event's).
    known_on: Optional[Day] = None
    basis: Basis = "reported"
    #: The client's own unique name for the event.
    id: Optional[Identifier] = None
    #: The retracted event that this one replaces.
    corrects: Optional[Identifier] = None
    source: Optional[Source] = None
    data: Annotated[dict[str, Any], Field()]


T_co = TypeVar("T_co", covariant=True)


class Decides(Protocol[T_co]):
    """What decides a request (domain.ledger.Batch)."""

    def decide(self, request: "Request") -> T_co:
        """What becomes of a request; raises Refusal."""


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request: the envelope and the data read, and every field exactly as it was sent.

    It is a lot of one (domain.lots.Sent).
    """

    envelope: Envelope
    body: EventData
    sent: Mapping[str, Any]

    def __len__(self) -> int:
        return 1

    @property
    def type(self) -> str:
        """The event's type."""
        return self.body.NAME

    @property
    def ids(self) -> Sequence[str | None]:
        """Its id; None: to be named by the ledger."""
        return (self.envelope.id,)

    @property
    def streams(self) -> Sequence[str]:
        """The stream that it says something of; of what is about an event that is found with the event."""
        return (self.body.stream,)

    @property
    def retracts(self) -> Sequence[str]:
        """The events that it retracts."""
        return (self.body.about,) if self.body.RETRACTS and self.body.about is not None else ()

    def events_wanted(self, *, presume_new: bool) -> Iterable[str | None]:
        """The ids of all events that deciding it asks for."""
        return (None if presume_new else self.envelope.id, self.envelope.corrects, self.body.about)

    def streams_wanted(self, event: "Find", *, presume_new: bool) -> tuple[Iterable[str], Iterable[str]]:
        """The streams that deciding it asks for: folded, and with all their events."""
        body = self.body
        corrected = event(self.envelope.corrects)
        whole = [] if corrected is None else [corrected.stream]
        if body.about is None:
            own = [] if body.BEGINS and presume_new else [body.stream]
            return [*own, *(mention.stream for mention in body.mentions())], whole
        target = event(body.about)
        if target is None:
            return [], whole
        return ([], [*whole, target.stream]) if body.RETRACTS else ([target.stream], whole)

    def decided_by(self, batch: Decides[T_co]) -> list[T_co]:
        """What becomes of it."""
        return [batch.decide(self)]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of the ledger, as decisions and folds read it."""

    type: str
    id: str
    stream: str
    #: 0: decided, not yet recorded
    position: int
    #: Place within the stream, from 1.
    version: int
    effective_on: Period
    known_on: date
    basis: str
    data: Mapping[str, Any]
    #: The whole stored object; None for an event that is decided and not yet recorded.
    stored: Mapping[str, Any] | None = None

    @property
    def ends_on(self) -> date:
        """The day from which the event counts."""
        return self.effective_on.end(self.known_on)


class Find(Protocol):
    """Looks an event up."""

    def __call__(self, identifier: str | None) -> Recorded | None:
        """The event with an id; None: there is none, or no id."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A decided event before it has a position: what to record, where, as which version of its stream.

    It is a lot of one (domain.lots.Decided).
    """

    type: str
    id: str
    stream: str
    version: int
    schema_version: int
    effective_on: Period
    known_on: date
    basis: str
    data: dict[str, Any]
    body: EventData
    corrects: str | None = None
    source: Mapping[str, Any] | None = None
    causation_id: str | None = None

    def __len__(self) -> int:
        return 1

    @property
    def ids(self) -> Sequence[str]:
        """Its id."""
        return (self.id,)

    @property
    def streams(self) -> Sequence[str]:
        """Its stream."""
        return (self.stream,)

    @property
    def versions(self) -> Sequence[int]:
        """Its place within the stream."""
        return (self.version,)

    @property
    def ends_on(self) -> date:
        """The day from which the event counts."""
        return self.effective_on.end(self.known_on)

    def parts(self, most: int) -> "Iterable[Draft]":
        """It cannot be divided."""
        return (self,)

    def named(self, identifier: str) -> "Draft":
        """The one with an id: itself."""
        return self

    def within(self, stream: str) -> "Draft":
        """The one in a stream: itself."""
        return self

    def as_recorded(self) -> Recorded:
        """The event as a fold reads it."""
        return Recorded(
            self.type,
            self.id,
            self.stream,
            0,
            self.version,
            self.effective_on,
            self.known_on,
            self.basis,
            self.data,
        )

    def stored(
        self, position: int, recorded_at: str, actor: str | None = None, correlation_id: str | None = None
    ) -> dict[str, Any]:
        """The object to store; what is absent is left out."""
        stored: dict[str, Any] = {
            "type": self.type,
            "id": self.id,
            "v": self.schema_version,
            "position": position,
            "stream": self.stream,
            "version": self.version,
            "recorded_at": recorded_at,
            "effective_on": self.effective_on.text,
            "known_on": self.known_on.isoformat(),
            "basis": self.basis,
            "data": self.data,
        }
        optional = {
            "corrects": self.corrects,
            "source": self.source,
            "causation_id": self.causation_id,
            "actor": actor,
            "correlation_id": correlation_id,
        }
        return stored | {name: value for name, value in optional.items() if value is not None}

    def states(
        self, position: int, instants: Sequence[str], actor: str | None, correlation_id: str | None
    ) -> Sequence[bytes]:
        """The bytes to store, in canonical form."""
        return (canonical(self.stored(position, instants[0], actor, correlation_id)),)


#: Events with the day on which the world was to forget them.
Believed = tuple[tuple[Recorded, date], ...]


class World(Protocol):
    """What a decision may ask of the rest of the ledger."""

    def state(self, stream: str) -> Any:
        """The state of a stream, None where nothing of it stands."""

    def believed(self, stream: str) -> Believed:
        """The events of a stream that were retracted on a later day than they were known."""


def instant(moment: datetime) -> str:
    """An instant as events hold it: UTC, RFC 3339, six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(stored: Mapping[str, Any]) -> bytes:
    """The RFC 8785 form of an event.

    An event holds strings, lists, objects, true, false, null and whole numbers below 2^53, and its field names are
    ASCII; for these, sorted compact JSON is the canonical form.
    """
    return _encode(stored)


def recorded(stored: Mapping[str, Any]) -> Recorded:
    """Read a stored event, trusted as it is."""
    return Recorded(
        stored["type"],
        stored["id"],
        stored["stream"],
        stored["position"],
        stored["version"],
        parse_period(stored["effective_on"]),
        parse_day(stored["known_on"]),
        stored["basis"],
        stored["data"],
        stored,
    )
