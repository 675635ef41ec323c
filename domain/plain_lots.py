"""Plain orders that are decided: as events on their way into the ledger, one by one or many side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, overload

import msgspec
from msgspec import Struct

from domain.events import Recorded
from domain.orders import OrderPlaced
from domain.plain_orders import PlainOrder, PlainOrders

#: Every field in the order of its name: the canonical form.
_FORM = (
    b'%b"data":%b,"effective_on":"%b","id":"%b","known_on":"%b","position":%d,"recorded_at":"%b"%b,"stream":"%b"'
    b',"type":"order-placed","v":1,"version":1}'
)

_encode = msgspec.json.Encoder().encode


class PlainDraft(Struct, frozen=True, gc=False):
    """A plain order that is decided: recorded as the first event of its stream."""

    order: PlainOrder
    id: str
    known_on: date

    @property
    def type(self) -> str:
        """The event's type."""
        return OrderPlaced.NAME

    @property
    def stream(self) -> str:
        """The order's own stream."""
        return self.order.stream

    @property
    def version(self) -> int:
        """It begins its stream."""
        return 1

    @property
    def causation_id(self) -> None:
        """No other event brought it about."""
        return

    def written(self, position: int, recorded_at: str, actor: str | None, correlation_id: str | None) -> bytes:
        """The bytes to store, in canonical form."""
        order = self.order
        return _FORM % (
            _opening(actor, order.basis, correlation_id),
            order.data,
            order.effective_on.text.encode(),
            self.id.encode(),
            _day(self.known_on).encode(),
            position,
            recorded_at.encode(),
            _source(order.source),
            order.stream.encode(),
        )

    def stored(self, position: int, recorded_at: str) -> dict[str, Any]:
        """The object to store, but for the one who sent it."""
        stored: dict[str, Any] = json.loads(self.written(position, recorded_at, None, None))
        return stored

    def as_recorded(self) -> Recorded:
        """The event as a fold reads it."""
        order = self.order
        data = json.loads(order.data)
        return Recorded(
            self.type, self.id, order.stream, 0, 1, order.effective_on, self.known_on, order.basis, data
        )  # fmt: skip


@dataclass(frozen=True)
class PlainDrafts(Sequence[PlainDraft]):
    """Plain orders that are decided together, side by side."""

    orders: PlainOrders
    ids: list[str]
    #: The date of recording: known_on of those that were sent without one.
    today: date

    @property
    def version(self) -> int:
        """Each begins its stream."""
        return 1

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> PlainDraft: ...
    @overload
    def __getitem__(self, place: slice) -> "PlainDrafts": ...

    def __getitem__(self, place: int | slice) -> "PlainDraft | PlainDrafts":
        if isinstance(place, slice):
            return PlainDrafts(self.orders[place], self.ids[place], self.today)
        order = self.orders[place]
        return PlainDraft(order, self.ids[place], order.known_on or self.today)

    def named(self, identifier: str) -> PlainDraft:
        """The one with an id."""
        return self[self._places_of_ids[identifier]]

    def beginning(self, stream: str) -> PlainDraft:
        """The one that begins a stream."""
        return self[self._places_of_streams[stream]]

    @cached_property
    def _places_of_ids(self) -> Mapping[str, int]:
        return {identifier: place for place, identifier in enumerate(self.ids)}

    @cached_property
    def _places_of_streams(self) -> Mapping[str, int]:
        return {stream: place for place, stream in enumerate(self.orders.streams)}

    def written(
        self, position: int, recorded_at: Sequence[str], actor: str | None, correlation_id: str | None
    ) -> list[bytes]:
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
                    recorded_at,
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
