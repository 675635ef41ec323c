"""Lots of plain orders, side by side: as they were sent, and as events on their way into the ledger."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct, field

from domain import plain_decisions
from domain.catalogue import read_request
from domain.events import Find, Recorded, Request, canonical
from domain.json_text import parse_json
from domain.lots import Deciding, Outcome
from domain.orders import OrderPlaced
from domain.periods import parse_day, parse_period

#: Every field in the order of its name: the canonical form.
_FORM = (
    b'%b"data":%b,"effective_on":"%b","id":"%b","known_on":"%b","position":%d,"recorded_at":"%b"%b,"stream":"%b"'
    b',"type":"order-placed","v":1,"version":1}'
)

_encode = msgspec.json.Encoder().encode


class PlainOrders(Struct, frozen=True, gc=False):
    """Requests to place orders, well-formed and plain (domain.lots.Sent): of each field one value for every order."""

    #: As they were sent.
    texts: tuple[bytes, ...]
    #: None: to be named by the ledger.
    ids: tuple[str | None, ...]
    streams: tuple[str, ...]
    effective_on: tuple[str, ...]
    known_on: tuple[str | None, ...]
    bases: tuple[str, ...]
    #: In canonical form.
    data: tuple[bytes, ...]
    #: In canonical form; None: absent
    sources: tuple[bytes | None, ...]
    #: The streams that must stand for each to be recorded: buyers, vendor, products.
    mentions: tuple[tuple[str, ...], ...]

    @classmethod
    def joined(cls, parts: Iterable["PlainOrders"]) -> "PlainOrders":
        """The orders of all parts, one behind the other."""
        columns = list(zip(*(part.columns for part in parts), strict=True)) or [()] * len(cls.__struct_fields__)
        return cls(*(tuple(chain.from_iterable(column)) for column in columns))

    @property
    def columns(self) -> tuple[tuple[Any, ...], ...]:
        """Its fields: what it can be made of again."""
        return msgspec.structs.astuple(self)

    @property
    def type(self) -> str:
        """The type of their events."""
        return OrderPlaced.NAME

    @property
    def retracts(self) -> tuple[str, ...]:
        """They retract nothing."""
        return ()

    @property
    def mentioned(self) -> frozenset[str]:
        """All streams that any of them mentions."""
        return frozenset(chain.from_iterable(set(self.mentions)))

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, first: int, end: int) -> "PlainOrders":
        """Those from one place up to another, as a lot of their own."""
        return self if end - first == len(self) else PlainOrders(*[column[first:end] for column in self.columns])

    def apart(self) -> "Iterator[PlainOrders]":
        """Each as a lot of one."""
        return (self.part(place, place + 1) for place in range(len(self)))

    def request(self, place: int = 0) -> Request:
        """One of them as it goes where it is decided by all rules."""
        sent, identifier = parse_json(self.texts[place]), self.ids[place]
        if identifier is not None:
            sent["id"] = identifier
        return read_request(sent, None)

    def is_repeated_by(self, place: int, event: Recorded) -> bool:
        """Whether the recorded event of its id says all that one of them says; where not, deciding it says why."""
        source = None if event.stored is None else event.stored.get("source")
        known_on = self.known_on[place]
        return (
            event.type == OrderPlaced.NAME
            and event.effective_on.text == self.effective_on[place]
            and event.basis == self.bases[place]
            and (known_on is None or event.known_on == parse_day(known_on))
            and (None if source is None else canonical(source)) == self.sources[place]
            and canonical(event.data) == self.data[place]
        )

    def events_wanted(self, *, presume_new: bool) -> Iterable[str | None]:
        """The ids of all events that deciding them asks for."""
        return () if presume_new else self.ids

    def streams_wanted(self, event: Find, *, presume_new: bool) -> tuple[Iterable[str], Iterable[str]]:
        """The streams that deciding them asks for: what they mention, and their own."""
        return self.mentioned.union(() if presume_new else self.streams), ()

    def decided_by(self, batch: Deciding) -> Sequence[Outcome]:
        """What becomes of them: all at once where all are new."""
        return plain_decisions.decide(self, batch)

    def drafts(self, ids: tuple[str, ...], today: date) -> "PlainDrafts":
        """They are decided, under these ids."""
        return PlainDrafts(self, ids, today)


class PlainDrafts(Struct, frozen=True, gc=False, eq=False):
    """Plain orders that are decided (domain.lots.Decided): each is recorded as the first event of its stream."""

    orders: PlainOrders
    ids: tuple[str, ...]
    #: The date of recording: known_on of those that were sent without one.
    today: date
    #: The place of each by its id and by its stream, once somebody has asked for one of several.
    _places: dict[str, int] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The type of the events."""
        return OrderPlaced.NAME

    @property
    def streams(self) -> Sequence[str]:
        """The orders' own streams."""
        return self.orders.streams

    @property
    def versions(self) -> Sequence[int]:
        """Each begins its stream."""
        return (1,) * len(self.ids)

    @property
    def causation_id(self) -> None:
        """No other event brought them about."""
        return

    def __len__(self) -> int:
        return len(self.ids)

    def parts(self, most: int) -> "Iterable[PlainDrafts]":
        """Them in lots of so many at most."""
        if len(self.ids) <= most:
            return (self,)
        return [self._part(first, first + most) for first in range(0, len(self.ids), most)]

    def named(self, identifier: str) -> "PlainDrafts":
        """The one with an id, as a lot of one."""
        return self._one(identifier)

    def within(self, stream: str) -> "PlainDrafts":
        """The one in a stream, as a lot of one."""
        return self._one(stream)

    def _one(self, name: str) -> "PlainDrafts":
        if len(self.ids) == 1:
            return self
        if not self._places:
            # A stream has a slash in its name, and an id has none.
            self._places.update(zip(self.ids, range(len(self.ids)), strict=True))
            self._places.update(zip(self.orders.streams, range(len(self.ids)), strict=True))
        return self._part(place := self._places[name], place + 1)

    def _part(self, first: int, end: int) -> "PlainDrafts":
        return PlainDrafts(self.orders.part(first, end), self.ids[first:end], self.today)

    def stored(self, position: int, recorded_at: str) -> dict[str, Any]:
        """The object to store of the first of them, but for the one who sent it."""
        stored: dict[str, Any] = json.loads(self._part(0, 1).states(position, [recorded_at], None, None)[0])
        return stored

    def as_recorded(self) -> Recorded:
        """The first of them as a fold reads it."""
        orders = self.orders
        known_on = self.today if orders.known_on[0] is None else parse_day(orders.known_on[0])
        data, effective_on = json.loads(orders.data[0]), parse_period(orders.effective_on[0])
        return Recorded(self.type, self.ids[0], orders.streams[0], 0, 1, effective_on, known_on, orders.bases[0], data)

    def states(
        self, position: int, instants: Sequence[str], actor: str | None, correlation_id: str | None
    ) -> Sequence[bytes]:
        """The bytes to store of each, in canonical form, from a position on and each with its instant."""
        orders = self.orders
        openings = {basis: _opening(actor, basis, correlation_id) for basis in set(orders.bases)}
        today = _day(self.today)
        return [
            _FORM
            % (
                openings[basis],
                data,
                effective_on.encode(),
                identifier.encode(),
                (known_on or today).encode(),
                place,
                instant.encode(),
                b"" if source is None else _source(source),
                stream.encode(),
            )
            for place, (basis, data, effective_on, identifier, known_on, instant, source, stream) in enumerate(
                zip(
                    orders.bases,
                    orders.data,
                    orders.effective_on,
                    self.ids,
                    orders.known_on,
                    instants,
                    orders.sources,
                    orders.streams,
                    strict=True,
                ),
                start=position,
            )
        ]


@lru_cache(maxsize=1_024)
def _opening(actor: str | None, basis: str, correlation_id: str | None) -> bytes:
    named = {"actor": actor, "basis": basis, "correlation_id": correlation_id}
    return _encode({name: value for name, value in named.items() if value is not None})[:-1] + b","


def _source(source: bytes | None) -> bytes:
    return b"" if source is None else b',"source":%b' % source


@lru_cache(maxsize=65_536)
def _day(day: date) -> str:
    return day.isoformat()
