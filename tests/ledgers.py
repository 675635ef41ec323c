"""Ledgers in memory: a book that decides and records requests as the service does, without a database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pycountry

from domain.catalogue import read_request, read_stored
from domain.chronicles import Chronicle
from domain.errors import Refusal
from domain.events import Recorded, Request, instant
from domain.ledger import Batch
from domain.lots import Decided, Outcome
from domain.streams import Stream, advance, fold
from domain.values import Codes

#: A request as a client sends it, or an event as it is stored.
Event = dict[str, Any]

#: The date of recording, unless a book is given another one.
TODAY = date(2025, 6, 30)

CODES = Codes(
    countries=frozenset(country.alpha_2 for country in pycountry.countries),
    currencies=frozenset(currency.alpha_3 for currency in pycountry.currencies),
)


class Book:
    """A ledger in memory: stored events in the order recorded, and the streams that decisions ask for."""

    def __init__(self, today: date = TODAY) -> None:
        #: The date of recording, which later requests may find moved on.
        self.today = today
        #: In stored form, as `domain.events.canonical` and the views take them.
        self.events: list[Event] = []
        self._streams: dict[str, Stream] = {}
        self._histories: dict[str, list[Recorded]] = defaultdict(list)
        self._ids: dict[str, Recorded] = {}
        self._named = 0

    # What decisions ask for (domain.ledger.Reader)

    def stream(self, name: str) -> Stream:
        """One stream, folded."""
        return self._streams.get(name, Stream())

    def history(self, name: str) -> Sequence[Recorded]:
        """All events of a stream in the order of their versions."""
        return self._histories.get(name, [])

    def chronicle(self, name: str) -> Chronicle:
        """The same, as decisions about events ask for them."""
        return Chronicle(self.history(name))

    def event(self, identifier: str) -> Recorded | None:
        """The event with this id."""
        return self._ids.get(identifier)

    def remembers(self, name: str) -> bool:
        """Whether a stream is known to have begun, without looking it up."""
        return self.stream(name).version > 0

    def remembers_any(self, names: Set[str]) -> bool:
        """Whether any of these streams may be known to have begun, without looking it up."""
        return any(map(self.remembers, names))

    # Recording

    def record(self, requests: Iterable[Mapping[str, Any]]) -> list[Event]:
        """Record requests together, exactly as sent; the events that are new, in stored form. Refusal: none of them."""
        before = len(self.events)
        self.decide(requests)
        return self.events[before:]

    def decide(self, requests: Iterable[Mapping[str, Any]]) -> Sequence[Outcome]:
        """Record requests together; what became of each. Refusal: nothing is recorded."""
        batch = Batch(self, self.today, self._new_id)
        outcomes = batch.add([_read(request, index) for index, request in enumerate(requests)])
        for draft in batch.drafts:
            self._append(draft)
        return outcomes

    def _append(self, draft: Decided) -> None:
        position = len(self.events) + 1
        noon = datetime.combine(self.today, time(12), UTC)
        stored = draft.stored(position, instant(noon + timedelta(microseconds=position)))
        event = read_stored(stored)
        self.events.append(stored)
        self._ids[event.id] = event
        self._histories[event.stream].append(event)
        self.keep_up(event)

    def keep_up(self, event: Recorded) -> None:
        """Fold what was just recorded into its stream."""
        stream = advance(self.stream(event.stream), event) or fold(self._histories[event.stream])
        self._streams[event.stream] = stream

    def _new_id(self) -> str:
        self._named += 1
        return f"event-{self._named}"

    # Small ledgers by hand

    def say(self, event_type: str, effective_on: str, data: Event, **envelope: Any) -> Event:
        """Record one event, known on its day (where that is one day, not in the future) unless `known_on` is given."""
        one_day = len(effective_on) == len("2023-08-31") and effective_on <= self.today.isoformat()
        known = {"known_on": effective_on} if one_day else {}
        return self.record([request(event_type, effective_on, data, **(known | envelope))])[0]

    def organization(self, organization_id: str, country: str = "US", parent_id: str | None = None) -> Event:
        """Register an organisation as of 2000."""
        data = {"organization_id": organization_id, "name": organization_id.title(), "country": country}
        parent = {"parent_id": parent_id} if parent_id else {}
        return self.say("organization-registered", "2000-01-01", data | parent)

    def product(self, product_id: str, vendor_id: str = "nvidia", category: str = "accelerator", **of: Any) -> Event:
        """Register a product as of 2000; further arguments are its attributes."""
        data = {"product_id": product_id, "name": product_id.upper(), "vendor_id": vendor_id, "category": category}
        return self.say("product-registered", "2000-01-01", data | ({"attributes": of} if of else {}))

    def order(
        self,
        order_id: str,
        effective_on: str,
        lines: list[Event],
        *,
        buyers: Sequence[str] = ("baidu",),
        vendor_id: str = "nvidia",
        currency: str = "USD",
        **envelope: Any,
    ) -> Event:
        """Place an order, with Nvidia for Baidu in USD unless told otherwise."""
        about = {"buyers": list(buyers), "vendor_id": vendor_id, "currency": currency}
        return self.say("order-placed", effective_on, {"order_id": order_id, **about, "lines": lines}, **envelope)

    def amend(self, order_id: str, effective_on: str, *changes: Event, **envelope: Any) -> Event:
        """Change lines of an order by exact differences."""
        return self.say("order-amended", effective_on, {"order_id": order_id, "changes": list(changes)}, **envelope)

    def receive(self, order_id: str, effective_on: str, *receipts: Event, **envelope: Any) -> Event:
        """Goods of an order arrive."""
        return self.say("goods-received", effective_on, {"order_id": order_id, "receipts": list(receipts)}, **envelope)

    def give_back(self, order_id: str, effective_on: str, *returns: Event, **envelope: Any) -> Event:
        """Goods of an order go back to the vendor."""
        return self.say("goods-returned", effective_on, {"order_id": order_id, "returns": list(returns)}, **envelope)

    def cancel(self, order_id: str, effective_on: str, **envelope: Any) -> Event:
        """Cancel an order."""
        data = {"order_id": order_id, "reason": "the vendor cannot deliver"}
        return self.say("order-cancelled", effective_on, data, **envelope)

    def retract(self, event_id: str, **envelope: Any) -> list[Event]:
        """Retract an event, at its own known_on unless one is given; the retractions that this records."""
        data = {"retracts": event_id, "reason": "entered by mistake"}
        return self.record([request("event-retracted", "2025-01-01", data, **envelope)])


def _read(sent: Mapping[str, Any], index: int) -> Request:
    try:
        return read_request(sent, CODES)
    except Refusal as refusal:
        refusal.index = index
        raise


def request(event_type: str, effective_on: str, data: Event, **envelope: Any) -> Event:
    """A request with what is given of its envelope and nothing else."""
    return {"type": event_type, "effective_on": effective_on, **envelope, "data": data}


def line(quantity: Any, amount: Any = None, product_id: str | None = "a800", name: str = "1") -> Event:
    """An order line."""
    return {"line": name, "product_id": product_id, "quantity": quantity, "amount": amount}


def market() -> Book:
    """Baidu with its Kunlunxin, Tencent and Alibaba of China; Nvidia and its A800 of the United States; Huawei."""
    book = Book()
    for organization_id in ("baidu", "tencent", "alibaba", "huawei"):
        book.organization(organization_id, "CN")
    book.organization("nvidia", "US")
    book.organization("kunlunxin", "CN", "baidu")
    book.product("a800", "nvidia", tpp="4988.8", datacentre=True)
    return book
