"""What is listed as of a moment, whole or by pages: orders, organisations, products, partnerships, instruments."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pydantic import ValidationError

from domain.catalogue import problems_of
from domain.errors import Invalid
from domain.events import Recorded
from projections.order_lines import order_lines
from projections.order_list import OrderList, order_ids
from projections.orders import OrderStream, described
from projections.organizations import organizations, told_apart
from projections.parameters import Moment
from projections.partnerships import partnerships
from projections.products import products
from projections.regulations import regulations
from service.asking.clocks import ClockReader, NothingThere, Raw, day, single
from service.asking.likeness import Likeness, likely_duplicates
from service.asking.paging import Page, page_of, taken
from service.daybook import Daybook
from service.storing.histories import Histories, latest
from service.storing.ledger import read_bytes

#: Orders whose histories are read at once.
ORDERS_AT_ONCE = 500
#: Orders that one page looks at, however few of them it lists: with a status that is rare it may be short.
MOST_LOOKED_AT = 5_000
#: What of an order stands in the list.
LISTED = (
    "order_id",
    "status",
    "vendor_id",
    "buyers",
    "currency",
    "placed_on",
    "placed_effective_on",
    "basis",
    "cancelled_on",
    "flags",
)


#: What is read of an order, from its events and the moment; nothing where it is not there.
ReadOrder = Callable[[Sequence[Recorded], Moment], Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter by which a list is narrowed."""

    #: The field that must equal it, or, where it is a list, have it.
    field: str
    #: What it means, in a sentence.
    words: str


@dataclass(frozen=True, slots=True)
class Register:
    """Everything of one kind that there is at a moment: how it is read, and by which parameters it is narrowed."""

    key: str
    read: Callable[..., list[dict[str, Any]]]
    #: By parameter.
    filters: Mapping[str, Filter]


REGISTERS = {
    "organizations": Register(
        "organization_id",
        organizations,
        {
            "country": Filter("country", "An ISO 3166-1 alpha-2 code; ZZ: not known."),
            "parent": Filter("parent_id", "The id of an organisation that owns it."),
        },
    ),
    "products": Register(
        "product_id",
        products,
        {
            "vendor": Filter("vendor_id", "The id of a vendor."),
            "category": Filter("category", "A category of products."),
        },
    ),
    "partnerships": Register(
        "partnership_id",
        partnerships,
        {
            "party": Filter("parties", "The id of one of its organisations."),
            "status": Filter("status", "Its status."),
        },
    ),
    "regulations": Register(
        "regulation_id",
        regulations,
        {
            "status": Filter("status", "Its status."),
            "jurisdiction": Filter("jurisdiction", "Of the instrument."),
        },
    ),
}


class Registers:
    """Reads the lists of one ledger; every method may be called from any thread."""

    def __init__(self, daybook: Daybook, clocks: ClockReader) -> None:
        self.daybook = daybook
        self.clocks = clocks
        self.histories = Histories(daybook.ledger)
        self._alike = Lock()
        #: The last moment of which likely duplicates were asked, and those of it: its next page asks for them again.
        self._alike_at: tuple[Any, list[Likeness]] = (None, [])

    def listed(self, raw: Raw, name: str) -> dict[str, Any]:
        """One list as of a moment, filtered; with `limit` or `cursor` a page of it."""
        register, own = REGISTERS[name], dict(raw)
        filters = taken(own, register.filters)
        page = page_of(own, name, filters)
        moment = self._moment(own)
        with self.daybook.projection.cursor() as connection:
            found = register.read(connection, moment)
        wanted = [(register.filters[name].field, value) for name, value in filters.items() if value is not None]
        rows = [row for row in found if all(_has(row[field], value) for field, value in wanted)]
        if page is None:
            return {"resolved": self.clocks.resolved(moment), name: rows}
        chosen, cursor = page.cut(rows, lambda row: str(row[register.key]), moment)
        return {"resolved": self.clocks.resolved(moment), name: chosen, "next_cursor": cursor}

    def likely_duplicates(self, raw: Raw) -> dict[str, Any]:
        """Pairs of organisations that may be one as of a moment, the likeliest first, a page at a time.

        Filtered, one of the two must be what is asked for.
        """
        own = dict(raw)
        names = REGISTERS["organizations"].filters
        filters = taken(own, names)
        page = page_of(own, "likely duplicates", filters, always=True)
        assert page is not None
        moment = self._moment(own)
        wanted = [(names[name].field, value) for name, value in filters.items() if value is not None]
        ranked = [
            (f"{rank:09}", pair)
            for rank, pair in enumerate(self._likely_duplicates(moment))
            if all(value in (getattr(pair.one, field), getattr(pair.other, field)) for field, value in wanted)
        ]
        chosen, cursor = page.cut(ranked, lambda one: str(one[0]), moment)
        pairs = [pair.described() for _, pair in chosen]
        return {"resolved": self.clocks.resolved(moment), "likely_duplicates": pairs, "next_cursor": cursor}

    def _likely_duplicates(self, moment: Moment) -> list[Likeness]:
        asked = moment.effective_on, moment.known_on, moment.position
        with self._alike:
            if self._alike_at[0] != asked:
                with self.daybook.projection.cursor() as connection:
                    found, apart = organizations(connection, moment), told_apart(connection, moment)
                self._alike_at = asked, likely_duplicates(found, apart)
            return self._alike_at[1]

    def orders(self, raw: Raw) -> dict[str, Any]:
        """The orders that are there at a moment, a page at a time."""
        return self._by_order(raw, "orders", _listed)

    def order_lines(self, raw: Raw) -> dict[str, Any]:
        """The lines of the orders that are there at a moment, those of a page of orders at a time."""
        answer = self._by_order(raw, "lines", order_lines)
        of_orders = answer["lines"]
        product = single(dict(raw), "product")
        lines = [one for of_one in of_orders for one in of_one if product in (None, one["product_id"])]
        return {**answer, "lines": lines}

    def _by_order(self, raw: Raw, name: str, read: ReadOrder) -> dict[str, Any]:
        own = dict(raw)
        names = ("buyer", "vendor", "product", "status", "placed_from", "placed_to")
        filters = taken(own, names)
        page = page_of(own, name, filters, always=True)
        assert page is not None
        moment = self._moment(own)
        days = {name: day(name, filters.pop(name)) for name in ("placed_from", "placed_to")}
        try:
            wanted = OrderList.model_validate({**moment.model_dump(), **filters, **days})
        except ValidationError as error:
            raise Invalid(problems_of(error)) from None
        rows, cursor = self._orders(wanted, page, read)
        return {"resolved": self.clocks.resolved(wanted), name: rows, "next_cursor": cursor}

    def _orders(self, wanted: OrderList, page: Page, read: ReadOrder) -> tuple[list[Any], str | None]:
        rows: list[Any] = []
        after = page.after
        looked_at = 0
        while looked_at < MOST_LOOKED_AT:
            most = min(ORDERS_AT_ONCE, page.limit + 1 if wanted.status is None else ORDERS_AT_ONCE)
            with self.daybook.projection.cursor() as connection:
                found = order_ids(connection, wanted, after, most)
            for identifier, row in self._described(found, wanted, read):
                if row and wanted.status in (None, _status_of(row)):
                    if len(rows) == page.limit:
                        return rows, page.cursor(after, wanted)
                    rows.append(row)
                after = identifier
            if len(found) < most:
                return rows, None
            looked_at += len(found)
        return rows, page.cursor(after, wanted)

    def _described(self, identifiers: Sequence[str], moment: Moment, read: ReadOrder) -> Iterator[tuple[str, Any]]:
        streams = self.daybook.ledger.recorder.by_streams([f"order/{identifier}" for identifier in identifiers])
        for identifier in identifiers:
            events = map(read_bytes, streams[f"order/{identifier}"])
            yield identifier, read([event for event in events if event.position <= moment.position], moment)

    def history(self, raw: Raw, stream: str) -> tuple[dict[str, Any], list[bytes]]:
        """The events of a stream as of a moment: what is said of them, and of each the bytes that are stored.

        `effective_on` leaves out what is still to come; without it that stands in the history, too.
        """
        own = dict(raw)
        page = page_of(own, f"history of {stream}", {}, always=True)
        assert page is not None
        moment = self._moment(own)
        until = moment.effective_on if "effective_on" in raw else None
        known = self.histories.past_events(stream, moment.position, moment.known_on, until)
        if not known:
            raise NothingThere(f"{stream} is not known at that point in time")
        chosen, cursor = page.cut(known, lambda one: f"{one.event.version:018}", moment)
        described = {
            "resolved": self.clocks.resolved(moment),
            "stream": stream,
            "version": self.histories.version(stream, moment.position),
            "next_cursor": cursor,
        }
        return described, [one.state for one in chosen]

    def supply_assertion(self, raw: Raw, identifier: str) -> dict[str, Any]:
        """What was last asserted under an id, as of a moment."""
        return self._last_word(raw, f"supply/{identifier}", "supply assertion")

    def exchange_rates(self, raw: Raw, base: str) -> dict[str, Any]:
        """The last publication of a base's rates, as of a moment."""
        return self._last_word(raw, f"rates/{base}", "publication of rates of")

    def _last_word(self, raw: Raw, stream: str, words: str) -> dict[str, Any]:
        moment = self._moment(raw)
        known = self.histories.past_events(stream, moment.position, moment.known_on)
        found = latest([one.event for one in known], moment.effective_on)
        if found is None:
            raise NothingThere(f"{words} {stream.partition('/')[2]} is not known at that point in time")
        return {"resolved": self.clocks.resolved(moment), **found.data, "event": _envelope(found)}

    def _moment(self, raw: Raw) -> Moment:
        moment: Moment = self.clocks.parameters(Moment, self.clocks.ask(raw, Moment))
        return moment


def _listed(events: Sequence[Recorded], moment: Moment) -> dict[str, Any] | None:
    """What of an order stands in the list."""
    found = described(OrderStream(events, moment))
    return None if found is None else {name: found[name] for name in LISTED}


def _status_of(row: Any) -> str:
    """The status of an order, or of the order that lines are of."""
    return str((row if isinstance(row, dict) else row[0])["status"])


def _envelope(event: Recorded) -> dict[str, Any]:
    """What stands around the data of an event."""
    assert event.stored is not None
    return {name: value for name, value in event.stored.items() if name not in ("data", "v")}


def _has(field: Any, wanted: str) -> bool:
    return wanted in field if isinstance(field, list) else field == wanted
