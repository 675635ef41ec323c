"""The verifier of audit bundles: proofs checked, and figures derived again from stored events alone.

    python verifier.py BUNDLE --vkey KEY        exit code 0: all of it is proven; 5: something is not

This file travels alone: an auditor reads it, and runs it with nothing of the service at hand. So it imports the
standard library and one signature library (`pip install cryptography`), shares no line with the code that it checks,
and is one file, however long. "Rule 14" is that of docs/semantics.md. It is slow and plain on purpose; the fast views
are compared with it on random ledgers.
"""

from __future__ import annotations

import json
import re
import struct
import sys
import zipfile
import zlib
from argparse import ArgumentParser
from base64 import b64decode, b64encode
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache, lru_cache
from hashlib import sha256
from itertools import accumulate, zip_longest
from os import PathLike
from typing import Any, TextIO
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

#: A recorded event in its stored form.
Event = dict[str, Any]

# ------------------------------------------------------------------------------------------------------------- time


def period_of(text: str) -> tuple[date | None, date]:
    """First and last day of `2023-08-31`, `2023-08`, `2023` or `../2023-08-31` (which has no first day)."""
    if text.startswith("../"):
        return None, period_of(text.removeprefix("../"))[1]
    numbers = [int(part) for part in text.split("-")]
    if len(numbers) == 1:
        return date(numbers[0], 1, 1), date(numbers[0], 12, 31)
    if len(numbers) == 2:
        year, month = numbers
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    year, month, day = numbers
    return date(year, month, day), date(year, month, day)


@lru_cache(maxsize=65_536)
def end_of(effective_on: str, known_on: date) -> date:
    """The day from which an event counts (rule 1)."""
    first, last = period_of(effective_on)
    began_before = first is None or first <= known_on
    return known_on if began_before and known_on <= last else last


def known_day(event: Event) -> date:
    """The day on which one could know the event."""
    return date.fromisoformat(event["known_on"])


def end_day(event: Event) -> date:
    """The day from which the event counts."""
    return end_of(event["effective_on"], known_day(event))


def latest(events: Iterable[Event]) -> Event | None:
    """Of several facts, the one with the greatest end, then known_on, then position (rule 5); None of none."""
    return max(events, key=lambda event: (end_day(event), known_day(event), event["position"]), default=None)


@lru_cache(maxsize=4_096)
def window_start(window: str, effective_on: date) -> date | None:
    """The day before the first day of a window that ends on `effective_on` (rule 15); None: before all days."""
    match = re.fullmatch(r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", window, re.ASCII)
    if match is None:
        raise ValueError(f"{window} is not a duration of years, months, weeks and days")
    years, months, weeks, days = (int(number or 0) for number in match.groups())
    year, month_from_zero = divmod(effective_on.year * 12 + effective_on.month - 1 - (years * 12 + months), 12)
    if year < 1:
        return None
    month = month_from_zero + 1
    start = date(year, month, min(effective_on.day, monthrange(year, month)[1]))
    return start - timedelta(weeks=weeks, days=days) if 7 * weeks + days <= (start - date.min).days else None


# ---------------------------------------------------------------------------------------------------------- figures

ZERO = Decimal(0)
UNBOUNDED = Decimal("Infinity")
SIX_PLACES = Decimal("0.000001")
#: Digits of a quotient behind the last that could make a half of it: a true half is judged as one.
SNAP = Decimal("1e-30")
#: The longest product is an amount (19 digits) by a rate (25) by a share (15); the rest is room for sums and quotients.
EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Figure:
    """What a number of postings come to. No posting at all is exactly 0."""

    #: the sum over quantified postings
    value: Decimal = ZERO
    low: Decimal = ZERO
    #: UNBOUNDED where a posting has no bound
    high: Decimal = ZERO
    #: how many postings have a value, and how many have none
    quantified: int = 0
    unquantified: int = 0
    #: the first and the last end of the events that made the postings; None: there are none
    first: date | None = None
    last: date | None = None

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            self.value + other.value,
            self.low + other.low,
            self.high + other.high,
            self.quantified + other.quantified,
            self.unquantified + other.unquantified,
            *_days_of_both(self, other),
        )

    def times(self, value: Decimal, low: Decimal, high: Decimal) -> Figure:
        """The figure with each of its sums multiplied; what is unbounded stays so."""
        return Figure(
            self.value * value,
            self.low * low,
            UNBOUNDED if self.high == UNBOUNDED else self.high * high,
            self.quantified,
            self.unquantified,
            self.first,
            self.last,
        )

    @property
    def known_value(self) -> Decimal | None:
        """The value; None where nothing in it is quantified."""
        return None if self.quantified == 0 and self.unquantified > 0 else self.value

    @property
    def is_exactly_zero(self) -> bool:
        """Whether nothing is left to show or to be unsure of."""
        return self.value == self.low == self.high == ZERO and self.unquantified == 0


NOTHING = Figure()


def _days_of_both(one: Figure, other: Figure) -> tuple[date | None, date | None]:
    if one.first is None or one.last is None:
        return other.first, other.last
    if other.first is None or other.last is None:
        return one.first, one.last
    return min(one.first, other.first), max(one.last, other.last)


def total_of(figures: Iterable[Figure]) -> Figure:
    """The sum of the figures."""
    return sum(figures, NOTHING)


def bounds_of(estimate: str | dict[str, str]) -> tuple[Decimal, Decimal, Decimal]:
    """Value, low and high of a stored estimate that is not null; missing bounds are the value."""
    if isinstance(estimate, str):
        return Decimal(estimate), Decimal(estimate), Decimal(estimate)
    value = estimate["value"]
    return Decimal(value), Decimal(estimate.get("low", value)), Decimal(estimate.get("high", value))


def posting(estimate: Any, end: date, *, leave_out: bool) -> Figure:
    """One posting of a stored estimate; `leave_out` makes an unquantified one absent (rule 13)."""
    if estimate is None:
        return NOTHING if leave_out else Figure(high=UNBOUNDED, unquantified=1, first=end, last=end)
    value, low, high = bounds_of(estimate)
    return Figure(value, low, high, quantified=1, first=end, last=end)


def unquantified(high: Decimal, of: Figure, *, leave_out: bool) -> Figure:
    """In a figure's place, one posting somewhere between 0 and `high`; `leave_out` makes it absent (rule 13)."""
    return NOTHING if leave_out else Figure(high=high, unquantified=1, first=of.first, last=of.last)


def delivered(receipts: Figure, returns: Figure) -> Figure:
    """What stays delivered: returns, which are exact, are taken alike off value, low and high (rule 14)."""
    return Figure(
        max(ZERO, receipts.value - returns.value),
        max(ZERO, receipts.low - returns.value),
        max(ZERO, receipts.high - returns.value),
        receipts.quantified + returns.quantified,
        receipts.unquantified + returns.unquantified,
        *_days_of_both(receipts, returns),
    )


def still_open(ordered: Figure, arrived: Figure) -> Figure:
    """What is ordered and not delivered, bounds crossed (rule 14)."""
    return Figure(
        max(ZERO, ordered.value - arrived.value),
        max(ZERO, ordered.low - arrived.high),
        max(ZERO, ordered.high - arrived.low),
        ordered.quantified + arrived.quantified,
        ordered.unquantified + arrived.unquantified,
        *_days_of_both(ordered, arrived),
    )


def _rounded(number: Decimal) -> Decimal:
    return number.quantize(SNAP, ROUND_HALF_EVEN).quantize(SIX_PLACES, ROUND_HALF_EVEN)


def plain(number: Decimal | None) -> str | None:
    """As a plain decimal string of at most 6 places; None where there is no value or no bound."""
    if number is None or number.is_infinite():
        return None
    text = format(_rounded(number), "f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def json_number(number: Decimal | None) -> float | None:
    """A share or metric as a JSON number of at most 6 places."""
    return None if number is None else float(_rounded(number)) + 0.0


def written(figure: Figure) -> dict[str, str | None]:
    """Value, low and high as a view prints them."""
    return {"value": plain(figure.known_value), "low": plain(figure.low), "high": plain(figure.high)}


# ------------------------------------------------------------------------------------------------------- as of when

ORGANIZATION_FACTS = ("organization-registered", "organization-changed")
PRODUCT_FACTS = ("product-registered", "product-changed")


class World:
    """What counts on `effective_on`, for one who knew what was known on `known_on` and recorded up to `position`.

    None for `known_on` or `position` sets no limit. `events` stand in the order of their positions (rules 1 to 6, 17).
    """

    def __init__(
        self, events: list[Event], effective_on: date, known_on: date | None = None, position: int | None = None
    ) -> None:
        self.effective_on = effective_on
        #: Whatever was recorded by then, known and standing or not.
        self.recorded = [event for event in events if position is None or event["position"] <= position]
        reached = [event for event in self.recorded if known_on is None or known_day(event) <= known_on]
        retracted = {event["data"]["retracts"] for event in reached if event["type"] == "event-retracted"}
        #: rule 2
        self.visible = [event for event in reached if event["id"] not in retracted]
        #: rules 3 and 4, before `exclude`
        self.counting = [event for event in self.visible if end_day(event) <= effective_on]
        self._by_type: dict[str, list[Event]] = defaultdict(list)
        #: of organisations and products, by the name of their id
        self._told: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in self.counting:
            self._by_type[event["type"]].append(event)
            for types, identity in ((ORGANIZATION_FACTS, "organization_id"), (PRODUCT_FACTS, "product_id")):
                if event["type"] in types:
                    self._told[identity, event["data"][identity]].append(event)
        self._facts: dict[tuple[str, str, str], Any] = {}
        self._lineages: dict[str, list[str]] = {}
        self._rates: dict[tuple[str, str, date], tuple[Decimal, Decimal] | None] = {}

    def of_type(self, *types: str) -> list[Event]:
        """The counting events of these types, in the order of their positions."""
        if len(types) == 1:
            return self._by_type[types[0]]
        found = [event for name in types for event in self._by_type[name]]
        return sorted(found, key=lambda event: int(event["position"]))

    # Organisations

    def organization(self, organization_id: str, field: str) -> Any:
        """A field of an organisation by the latest counting event that names it; None if none does."""
        return self._fact("organization_id", organization_id, field)

    def country(self, organization_id: str) -> str | None:
        """The organisation's own country; None if unknown."""
        country: str | None = self.organization(organization_id, "country")
        return country

    def known_country(self, organization_id: str) -> str | None:
        """The organisation's own country; None if unknown, or recorded as unknown."""
        country = self.country(organization_id)
        return None if country == UNKNOWN_COUNTRY else country

    def lineage(self, organization_id: str) -> list[str]:
        """The organisation, its parent, its parent's parent and so on, the ultimate parent last (rule 6)."""
        if organization_id not in self._lineages:
            line = [organization_id]
            while (parent_id := self.organization(line[-1], "parent_id")) is not None:
                if parent_id in line:
                    raise ValueError(f"the parents of {organization_id} form a circle at {parent_id}")
                line.append(parent_id)
            self._lineages[organization_id] = line
        return self._lineages[organization_id]

    def ultimate_parent(self, organization_id: str) -> str:
        """The end of the organisation's lineage: itself, if it has no parent."""
        return self.lineage(organization_id)[-1]

    def group(self, organization_ids: Iterable[str]) -> set[str]:
        """These organisations and all their descendants."""
        heads = set(organization_ids)
        every = {event["data"]["organization_id"] for event in self.of_type(*ORGANIZATION_FACTS)}
        return heads | {organization_id for organization_id in every if heads & set(self.lineage(organization_id))}

    # Products

    def product(self, product_id: str, field: str) -> Any:
        """A field of a product by the latest counting event that names it; None if none does."""
        return self._fact("product_id", product_id, field)

    def product_attribute(self, product_id: str, name: str) -> Any:
        """An attribute in its stored form by the latest counting event that names it; None if none does."""
        asked = ("attributes", product_id, name)
        if asked not in self._facts:
            told = self._told["product_id", product_id]
            event = latest(event for event in told if name in event["data"].get("attributes", {}))
            self._facts[asked] = None if event is None else event["data"]["attributes"][name]
        return self._facts[asked]

    # Money

    def rates(self, source: str, target: str, on: date) -> tuple[Decimal, Decimal] | None:
        """What one unit of a base costs in source and in target, as last published on that day or before (rule 17)."""
        asked = (source, target, on)
        if asked not in self._rates:
            publication = latest(
                event
                for event in self.of_type("exchange-rates-published")
                if end_day(event) <= on and {source, target} <= event["data"]["rates"].keys() | {event["data"]["base"]}
            )
            if publication is None:
                self._rates[asked] = None
            else:
                named = publication["data"]["rates"] | {publication["data"]["base"]: "1"}
                self._rates[asked] = Decimal(named[source]), Decimal(named[target])
        return self._rates[asked]

    def _fact(self, identity: str, identifier: str, field: str) -> Any:
        asked = (identity, identifier, field)
        if asked not in self._facts:
            event = latest(event for event in self._told[identity, identifier] if field in event["data"])
            self._facts[asked] = None if event is None else event["data"][field]
        return self._facts[asked]


# ---------------------------------------------------------------------------------------------------- contributions


@dataclass(frozen=True)
class Query:
    """What is asked, in the words of the common parameters of the views."""

    #: empty: the whole market
    buyer: tuple[str, ...]
    #: "entity" or "group"
    buyer_scope: str
    #: any of "estimated", "assumed", "unquantified"
    exclude: tuple[str, ...]
    currency: str
    #: "spend", "units" or "capacity"
    measure: str
    #: the product attribute that capacity multiplies by
    attribute: str
    #: "ordered", "delivered" or "open"
    status: str
    #: an ISO 8601 duration of years, months, weeks and days; None: everything
    window: str | None
    #: "include" or "exclude"
    captive: str

    def __post_init__(self) -> None:
        if self.window is not None and self.status == "open":
            raise ValueError("what is open has no window")

    @property
    def unit(self) -> str:
        """What the figures count (rule 29)."""
        return {"spend": self.currency, "units": "unit", "capacity": self.attribute}[self.measure]

    @property
    def measured_field(self) -> str:
        """The field of a line that the measure takes (rule 16)."""
        return "amount" if self.measure == "spend" else "quantity"

    @property
    def leaves_out_unquantified(self) -> bool:
        """Whether unquantified postings are absent (rule 13)."""
        return "unquantified" in self.exclude


@dataclass(frozen=True)
class Contribution:
    """One order line or assertion line, for its buyers in scope."""

    vendor_id: str
    product_id: str | None
    buyers: tuple[str, ...]
    figure: Figure
    #: the vendor and all these buyers have one ultimate parent
    captive: bool


def contributions(world: World, query: Query) -> list[Contribution]:
    """Every contribution that is not exactly 0, orders first."""
    found = [*_from_orders(world, query), *_from_assertions(world, query)]
    return [
        contribution
        for contribution in found
        if not contribution.figure.is_exactly_zero and not (query.captive == "exclude" and contribution.captive)
    ]


def _in_window(end: date, world: World, query: Query) -> bool:
    start = None if query.window is None else window_start(query.window, world.effective_on)
    return start is None or end > start


def _asked_for(world: World, query: Query) -> set[str] | None:
    """Whose purchases are asked for; None: everybody's."""
    if not query.buyer:
        return None
    return world.group(query.buyer) if query.buyer_scope == "group" else set(query.buyer)


def _those_of(buyers: list[str], asked: set[str] | None) -> tuple[str, ...]:
    return tuple(buyer for buyer in buyers if asked is None or buyer in asked)


def _switched_on(events: Iterable[Event], query: Query) -> list[Event]:
    """Those that `exclude` does not switch off (rule 9)."""
    return [event for event in events if event["basis"] not in query.exclude]


# Orders


#: What events say of the lines of an order, by the line's name: the event, and its entry for the line.
Entries = dict[str, list[tuple[Event, dict[str, Any]]]]


class Account:
    """One placing of an order with all that was recorded about it."""

    def __init__(self, placing: Event, stream: list[Event], counting: set[int], query: Query) -> None:
        """`stream`: every event of this order's id; it may have been placed again under it (rule 7)."""
        self.placing = placing
        self.query = query
        placed = [event["position"] for event in stream if event["type"] == "order-placed"]
        next_placed = min((position for position in placed if position > placing["position"]), default=None)
        about = [
            event
            for event in stream
            if event["position"] >= placing["position"] and (next_placed is None or event["position"] < next_placed)
        ]
        #: Where each name of a line was given to one, counting or not.
        self._brought: dict[str, list[int]] = defaultdict(list)
        for event in about:
            for line in event["data"].get("lines", []):
                self._brought[line["line"]].append(event["position"])
        self.events: dict[str, list[Event]] = defaultdict(list)
        for event in _switched_on((event for event in about if event["position"] in counting), query):
            self.events[event["type"]].append(event)
        self.changes = self._entries("order-amended", "changes")
        self.receipts = self._entries("goods-received", "receipts")
        self.returns = self._entries("goods-returned", "returns")

    def _entries(self, event_type: str, field: str) -> Entries:
        entries: Entries = defaultdict(list)
        for event in self.events[event_type]:
            for entry in event["data"].get(field, []):
                entries[entry["line"]].append((event, entry))
        return entries

    def lines(self) -> Iterator[tuple[Event, dict[str, Any]]]:
        """Every line, with the event that brings it."""
        for event in [self.placing, *self.events["order-amended"]]:
            for line in event["data"].get("lines", []):
                yield event, line

    def of_line(self, entries: Entries, line: dict[str, Any], brought: int) -> list[tuple[Event, dict[str, Any]]]:
        """What is said of this line, and not of another one of that name brought later or earlier (rule 8)."""
        return [
            (event, entry)
            for event, entry in entries.get(line["line"], [])
            if max(position for position in self._brought[line["line"]] if position < event["position"]) == brought
        ]

    def ordered(self, brings: Event, line: dict[str, Any]) -> Figure:
        """The line as placed or added, with its changes (rule 14)."""
        measured = self.query.measured_field
        placed = posting(line.get(measured), end_day(brings), leave_out=self.query.leaves_out_unquantified)
        return placed + total_of(
            posting(change[measured], end_day(event), leave_out=False)
            for event, change in self.of_line(self.changes, line, brings["position"])
            if measured in change
        )

    def delivered(self, brings: Event, line: dict[str, Any], within: Callable[[date], bool]) -> Figure:
        """What arrived of a line on some days and stayed (rule 14)."""
        measured = self.query.measured_field
        received = total_of(
            posting(receipt[measured], end_day(event), leave_out=self.query.leaves_out_unquantified)
            for event, receipt in self.of_line(self.receipts, line, brings["position"])
            if within(end_day(event))
        )
        returned = total_of(
            posting(given_back[measured], end_day(event), leave_out=False)
            for event, given_back in self.of_line(self.returns, line, brings["position"])
            if measured in given_back and within(end_day(event))
        )
        return delivered(received, returned)


def _always(end: date) -> bool:
    return True


def _from_orders(world: World, query: Query) -> Iterator[Contribution]:
    streams: dict[str, list[Event]] = defaultdict(list)
    for event in world.recorded:
        if "order_id" in event["data"]:
            streams[event["data"]["order_id"]].append(event)
    counting = {event["position"] for event in world.counting}
    asked = _asked_for(world, query)
    for placing in _switched_on(world.of_type("order-placed"), query):
        buyers = _those_of(placing["data"]["buyers"], asked)
        if buyers:
            account = Account(placing, streams[placing["data"]["order_id"]], counting, query)
            yield from _from_order(account, buyers, world, query)


def _from_order(account: Account, buyers: tuple[str, ...], world: World, query: Query) -> Iterator[Contribution]:
    order, placed_on = account.placing["data"], end_day(account.placing)
    cancelled = bool(account.events["order-cancelled"])
    allocation = latest(account.events["order-allocated"])
    for brings, line in account.lines():
        if query.status == "delivered":
            figure = account.delivered(brings, line, lambda end: _in_window(end, world, query))
        elif query.status == "open":
            arrived = account.delivered(brings, line, _always)
            figure = NOTHING if cancelled else still_open(account.ordered(brings, line), arrived)
        elif not _in_window(placed_on, world, query):
            figure = NOTHING
        elif cancelled:
            figure = account.delivered(brings, line, _always)
        else:
            figure = account.ordered(brings, line)
        figure = _measured(figure, line.get("product_id"), order.get("currency"), placed_on, world, query)
        figure = _share_of(figure, order["buyers"], buyers, allocation, query)
        yield _contribution(order["vendor_id"], line.get("product_id"), buyers, figure, world)


def _share_of(
    figure: Figure, all_buyers: list[str], buyers: tuple[str, ...], allocation: Event | None, query: Query
) -> Figure:
    """The part of an order's figure that is the buyers' in scope (rules 19 and 20)."""
    if figure.is_exactly_zero or len(buyers) == len(all_buyers):
        return figure
    leave_out = query.leaves_out_unquantified
    if allocation is None:
        return unquantified(figure.high, figure, leave_out=leave_out)
    shares = {given["buyer_id"]: bounds_of(given["share"]) for given in allocation["data"]["allocations"]}
    named = [shares[buyer] for buyer in buyers if buyer in shares]
    left = 1 - sum((low for _, low, _ in shares.values()), ZERO)
    part = NOTHING
    if named:
        share, share_low, share_high = (sum(numbers, ZERO) for numbers in zip(*named, strict=True))
        # A share of exactly 0 has no part even in what is unbounded.
        if share_high > 0:
            part += figure.times(share, share_low, share_high)
    if len(named) < len(buyers) and left > 0:
        part += unquantified(figure.high * left, figure, leave_out=leave_out)
    return part


# Supply assertions


def _from_assertions(world: World, query: Query) -> Iterator[Contribution]:
    if query.status == "open":
        return
    asked = _asked_for(world, query)
    told: dict[str, list[Event]] = defaultdict(list)
    for assertion in _switched_on(world.of_type("supply-asserted"), query):
        told[assertion["data"]["assertion_id"]].append(assertion)
    for _, events in sorted(told.items()):
        event = latest(events)
        assert event is not None
        said, end = event["data"], end_day(event)
        buyers = _those_of([said["buyer_id"]], asked)
        if not buyers or not _in_window(end, world, query):
            continue
        # Without lines it is one unquantified posting without a product (rule 11).
        for line in said.get("lines") or [{}]:
            product_id = line.get("product_id")
            figure = posting(line.get(query.measured_field), end, leave_out=query.leaves_out_unquantified)
            figure = _measured(figure, product_id, said.get("currency"), end, world, query)
            yield _contribution(said["vendor_id"], product_id, buyers, figure, world)


# Orders and assertions alike


def _contribution(
    vendor_id: str, product_id: str | None, buyers: tuple[str, ...], figure: Figure, world: World
) -> Contribution:
    captive = all(world.ultimate_parent(buyer) == world.ultimate_parent(vendor_id) for buyer in buyers)
    return Contribution(vendor_id, product_id, buyers, figure, captive)


def _measured(
    figure: Figure, product_id: str | None, currency: str | None, on: date, world: World, query: Query
) -> Figure:
    """The quantity or amount in the unit that is asked for (rules 16 to 18)."""
    if query.measure == "units" or figure.is_exactly_zero:
        return figure
    if query.measure == "spend":
        return _converted(figure, currency, on, world, query)
    attribute = None if product_id is None else world.product_attribute(product_id, query.attribute)
    if attribute is None or kind_of(attribute) != "number":
        return unquantified(UNBOUNDED, figure, leave_out=query.leaves_out_unquantified)
    return figure.times(*bounds_of(attribute))


def _converted(figure: Figure, currency: str | None, on: date, world: World, query: Query) -> Figure:
    if currency == query.currency:
        return figure
    rates = None if currency is None else world.rates(currency, query.currency, on)
    if rates is None:
        return unquantified(UNBOUNDED, figure, leave_out=query.leaves_out_unquantified)
    source, target = rates
    return Figure(
        figure.value * target / source,
        figure.low * target / source,
        figure.high * target / source,
        figure.quantified,
        figure.unquantified,
        figure.first,
        figure.last,
    )


# ----------------------------------------------------------------------------------------- rules of regulations
# Which regulations are in force, and whether a rule hits a supply, in three-valued logic (Kleene's).

#: How a country that nobody knows is recorded.
UNKNOWN_COUNTRY = "ZZ"

YES = "yes"
NO = "no"
UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Verdict:
    """Whether something holds and, where that is undetermined, the names of what would have to be known."""

    answer: str
    missing: frozenset[str] = frozenset()


def decided(holds: bool) -> Verdict:
    """A verdict for which nothing is missing."""
    return Verdict(YES if holds else NO)


def undetermined(missing: str) -> Verdict:
    """A verdict for which this is missing."""
    return Verdict(UNDETERMINED, frozenset({missing}))


def negation(verdict: Verdict) -> Verdict:
    """Not."""
    return Verdict({YES: NO, NO: YES, UNDETERMINED: UNDETERMINED}[verdict.answer], verdict.missing)


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """No if any is no, else undetermined if any is, else yes."""
    missing: set[str] = set()
    unsure = False
    for verdict in verdicts:
        if verdict.answer == NO:
            return Verdict(NO)
        if verdict.answer == UNDETERMINED:
            unsure = True
            missing |= verdict.missing
    return Verdict(UNDETERMINED, frozenset(missing)) if unsure else Verdict(YES)


def some(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes if any is yes, else undetermined if any is, else no."""
    return negation(every(negation(verdict) for verdict in verdicts))


def common(verdicts: Iterable[Verdict]) -> Verdict:
    """What all say alike; undetermined where they differ."""
    given = list(verdicts)
    answers = {verdict.answer for verdict in given}
    answer = answers.pop() if len(answers) == 1 else UNDETERMINED
    return Verdict(answer, frozenset().union(*(verdict.missing for verdict in given)))


BEARING_RULES = ("regulation-enacted", "regulation-amended")


@dataclass(frozen=True)
class Instrument:
    """A regulation in force, with its rules and the conditions of the licences in force under it."""

    regulation_id: str
    rules: list[dict[str, Any]]
    licences: list[dict[str, Any]]


def instruments_in_force(world: World) -> list[Instrument]:
    """The regulations that are in force on the world's effective day, by id."""
    with_rules = world.of_type(*BEARING_RULES)
    return [
        Instrument(
            regulation_id,
            latest(event for event in with_rules if event["data"]["regulation_id"] == regulation_id)["data"]["rules"],  # type: ignore[index]
            _licences_in_force(world, regulation_id),
        )
        for regulation_id in sorted({event["data"]["regulation_id"] for event in with_rules})
        if _is_in_force(world, regulation_id)
    ]


def _is_in_force(world: World, regulation_id: str) -> bool:
    def happened(*types: str) -> list[dict[str, Any]]:
        return [event for event in world.of_type(*types) if event["data"]["regulation_id"] == regulation_id]

    # A repeal ends it for good, even where its own start lies later.
    if happened("regulation-repealed"):
        return False
    limited = latest(event for event in happened(*BEARING_RULES) if event["data"].get("until") is not None)
    if limited is not None and _is_over(limited["data"], world.effective_on):
        return False
    # A suspension outlasts amendments.
    pause = latest(happened("regulation-suspended", "regulation-resumed"))
    is_paused = (
        pause is not None
        and pause["type"] == "regulation-suspended"
        and not _is_over(pause["data"], world.effective_on)
    )
    return not is_paused


def _licences_in_force(world: World, regulation_id: str) -> list[dict[str, Any]]:
    events = [
        event
        for event in world.of_type("licence-granted", "licence-revoked")
        if event["data"]["regulation_id"] == regulation_id
    ]
    in_force = []
    for licence_id in sorted({event["data"]["licence_id"] for event in events}):
        event = latest(event for event in events if event["data"]["licence_id"] == licence_id)
        assert event is not None
        if event["type"] == "licence-granted" and not _is_over(event["data"], world.effective_on):
            in_force.append(event["data"])
    return in_force


def _is_over(data: dict[str, Any], on: date) -> bool:
    """Whether `until`, the last day included, has passed."""
    return data.get("until") is not None and period_of(data["until"])[1] < on


def verdict_of(
    rule: dict[str, Any], instrument: Instrument, vendor_id: str, product_id: str | None, buyer_id: str, world: World
) -> Verdict:
    """Whether the rule hits this vendor's product for this buyer, and no licence takes it out: rule and not licence."""
    hit = matches(rule, vendor_id, product_id, buyer_id, world)
    if hit.answer == NO:
        return hit
    licensed = some(matches(licence, vendor_id, product_id, buyer_id, world) for licence in instrument.licences)
    return every([hit, negation(licensed)])


def matches(conditions: dict[str, Any], vendor_id: str, product_id: str | None, buyer_id: str, world: World) -> Verdict:
    """Whether all the given conditions of a rule or licence hold."""
    return every(_conditions(conditions, vendor_id, product_id, buyer_id, world))


def _conditions(
    conditions: dict[str, Any], vendor_id: str, product_id: str | None, buyer_id: str, world: World
) -> Iterator[Verdict]:
    """Each of the given conditions, as far as one looks."""
    maker_id = None if product_id is None else world.product(product_id, "vendor_id")
    suppliers = [vendor_id] if maker_id is None else [vendor_id, maker_id]
    if "destinations" in conditions:
        countries = [world.known_country(buyer_id), world.known_country(world.ultimate_parent(buyer_id))]
        yield some(_listed(country, conditions["destinations"], "country") for country in countries)
    if "buyers" in conditions:
        yield decided(bool(set(world.lineage(buyer_id)) & set(conditions["buyers"])))
    if "vendors" in conditions:
        lines = [world.lineage(supplier) for supplier in suppliers]
        yield decided(any(set(line) & set(conditions["vendors"]) for line in lines))
    if "vendor_countries" in conditions:
        countries = [world.known_country(world.ultimate_parent(supplier)) for supplier in suppliers]
        yield some(_listed(country, conditions["vendor_countries"], "country") for country in countries)
    if "products" in conditions:
        yield _listed(product_id, conditions["products"], "product_id")
    if "categories" in conditions:
        if product_id is None:
            yield undetermined("product_id")
        else:
            yield _listed(world.product(product_id, "category"), conditions["categories"], "category")
    if "when" in conditions:
        yield holds(conditions["when"], product_id, world)


def _listed(found: str | None, listed: list[str], name: str) -> Verdict:
    """Whether what was found is listed; undetermined where nothing was found."""
    return undetermined(name) if found is None else decided(found in listed)


# Predicates


def holds(predicate: dict[str, Any], product_id: str | None, world: World) -> Verdict:
    """Whether a predicate on attributes holds for a product."""
    if "all" in predicate:
        return every(holds(part, product_id, world) for part in predicate["all"])
    if "any" in predicate:
        return some(holds(part, product_id, world) for part in predicate["any"])
    if "not" in predicate:
        return negation(holds(predicate["not"], product_id, world))
    if product_id is None:
        return undetermined("product_id")
    name = predicate["attribute"]
    answer = compare(world.product_attribute(product_id, name), predicate["op"], predicate["value"])
    return undetermined(name) if answer is None else decided(answer)


#: Whether every number in low..high passes the bound; the answer for "no number does" is the opposite operator's.
ALL_PASS: dict[str, Callable[[Decimal, Decimal, Decimal], bool]] = {
    ">=": lambda low, high, bound: low >= bound,
    ">": lambda low, high, bound: low > bound,
    "<=": lambda low, high, bound: high <= bound,
    "<": lambda low, high, bound: high < bound,
    "==": lambda low, high, bound: low == high == bound,
    "!=": lambda low, high, bound: bound < low or high < bound,
}
OPPOSITE = {">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def compare(attribute: Any, operator: str, bound: Any) -> bool | None:
    """Whether the attribute passes; None where it is unknown, of another kind, or its range straddles the bound."""
    if attribute is None or kind_of(attribute) != kind_of(bound):
        return None
    if kind_of(attribute) == "number":
        _, low, high = bounds_of(attribute)
        if ALL_PASS[operator](low, high, Decimal(bound)):
            return True
        return False if ALL_PASS[OPPOSITE[operator]](low, high, Decimal(bound)) else None
    # Words and true/false have no order.
    return {"==": attribute == bound, "!=": attribute != bound}.get(operator)


def kind_of(attribute: Any) -> str:
    """What a stored attribute, or the value that it is held against, is: "truth", "text" or "number"."""
    if isinstance(attribute, bool):
        return "truth"
    return "text" if isinstance(attribute, dict) and "text" in attribute else "number"


# What is barred, and from whom something could be bought instead

#: The effects of rules that bar a supply; the others only speak of it.
RESTRICTIVE = ("prohibited", "licence-required")


class Restrictions:
    """What the instruments in force say of supplies. What was judged once is not judged again."""

    def __init__(self, instruments: list[Instrument], world: World) -> None:
        self.instruments = instruments
        self.world = world
        #: Every rule that bars a supply.
        self.rules = [
            (instrument, rule)
            for instrument in instruments
            for rule in instrument.rules
            if rule["effect"] in RESTRICTIVE
        ]
        barring = {instrument.regulation_id for instrument, _ in self.rules}
        #: Of those rules, and of the licences that may take something out of them.
        self.conditions = [rule for _, rule in self.rules] + [
            licence
            for instrument in instruments
            if instrument.regulation_id in barring
            for licence in instrument.licences
        ]
        self._named = {buyer for one in self.conditions for buyer in one.get("buyers", ())}
        self._kinds: dict[str, str] = {}
        self._first_of_kind: dict[tuple[Any, ...], str] = {}
        self._by_rule: dict[tuple[str, str | None, str], list[Verdict]] = {}
        self._by_supply: dict[tuple[str, str | None, frozenset[str]], Verdict] = {}

    def kinds(self, buyers: Iterable[str]) -> frozenset[str]:
        """Of buyers that no rule can tell apart, one each: rules look at countries and at who is named."""
        for buyer_id in buyers:
            if buyer_id not in self._kinds:
                line = self.world.lineage(buyer_id)
                kind = (self.world.country(buyer_id), self.world.country(line[-1]), frozenset(line) & self._named)
                self._kinds[buyer_id] = self._first_of_kind.setdefault(kind, buyer_id)
        return frozenset(self._kinds[buyer_id] for buyer_id in buyers)

    def verdicts(self, vendor_id: str, product_id: str | None, buyer_id: str) -> list[Verdict]:
        """Of each of the rules, whether it hits this vendor's product for this buyer."""
        supply = (vendor_id, product_id, buyer_id)
        if supply not in self._by_rule:
            self._by_rule[supply] = [
                verdict_of(rule, instrument, vendor_id, product_id, buyer_id, self.world)
                for instrument, rule in self.rules
            ]
        return self._by_rule[supply]

    def on(self, vendor_id: str, product_id: str | None, buyers: Iterable[str]) -> Verdict:
        """Whether any rule hits; undetermined where the buyers differ (rule 38)."""
        supply = (vendor_id, product_id, self.kinds(buyers))
        if supply not in self._by_supply:
            self._by_supply[supply] = common(some(self.verdicts(vendor_id, product_id, kind)) for kind in supply[2])
        return self._by_supply[supply]

    def strangers(self, vendor_id: str, product_id: str | None, buyers: Iterable[str]) -> Iterator[str]:
        """Of whom a rule or licence asks the country in vain: a buyer, the vendor, the product's maker."""
        of_buyers = {"destinations", "buyers"}
        asking = [{name: said for name, said in one.items() if name in of_buyers} for one in self.conditions]
        if any(
            matches(one, vendor_id, None, buyer_id, self.world).missing
            for buyer_id in self.kinds(buyers)
            for one in asking
            if "destinations" in one
        ):
            yield "a buyer"
        if any("vendor_countries" in one for one in self.conditions):
            maker_id = None if product_id is None else self.world.product(product_id, "vendor_id")
            for who, supplier in ((vendor_id, vendor_id), (f"the maker of {product_id}", maker_id)):
                if supplier is not None and self.world.known_country(self.world.ultimate_parent(supplier)) is None:
                    yield who


def sole_source(
    found: list[Contribution], restrictions: Restrictions, threshold_attribute: str, threshold: str | None
) -> list[dict[str, Any]]:
    """For each maker of a category that is bought, who else offers some of it that is not barred (rules 51 to 53)."""
    world = restrictions.world
    buyers: dict[tuple[str, str], set[str]] = {}
    for each in found:
        if each.product_id is not None and (category := world.product(each.product_id, "category")) is not None:
            maker = world.product(each.product_id, "vendor_id") or each.vendor_id
            buyers.setdefault((maker, category), set()).update(each.buyers)
    offered: dict[str, list[str]] = defaultdict(list)
    for product_id in sorted({event["data"]["product_id"] for event in world.of_type("product-registered")}):
        offered[world.product(product_id, "category")].append(product_id)

    @cache
    def offers(category: str, who: frozenset[str]) -> dict[str, str]:
        """By maker, whether any of its products of the category is available to such buyers."""
        found: dict[str, list[Verdict]] = defaultdict(list)
        for product_id in offered[category]:
            maker = world.product(product_id, "vendor_id")
            if maker is not None:
                barred = restrictions.on(maker, product_id, who)
                reaches = _reaches(world.product_attribute(product_id, threshold_attribute), threshold)
                found[maker].append(every([negation(barred), reaches]))
        return {maker: some(verdicts).answer for maker, verdicts in found.items()}

    answer = []
    for (maker, category), who in sorted(buyers.items()):
        everybody = offers(category, restrictions.kinds(who))
        answers = {other: available for other, available in everybody.items() if other != maker}
        best = next((answer for answer in (YES, UNDETERMINED) if answer in answers.values()), NO)
        answer.append(
            {
                "vendor": maker,
                "category": category,
                "sole_source": {YES: NO, UNDETERMINED: UNDETERMINED, NO: YES}[best],
                "alternatives": sorted(other for other, found in answers.items() if found == best != NO),
            }
        )
    return answer


def _reaches(attribute: Any, threshold: str | None) -> Verdict:
    """Whether all that an attribute may be reaches the threshold."""
    if threshold is None:
        return decided(True)
    if attribute is None or kind_of(attribute) != "number":
        return undetermined("threshold")
    _, low, high = bounds_of(attribute)
    if low >= Decimal(threshold):
        return decided(True)
    return decided(False) if high < Decimal(threshold) else undetermined("threshold")


# ------------------------------------------------------------------------------------------------ vendor-dependence

#: One contribution with the verdict on it.
Judged = tuple[Contribution, Verdict]


def no_name(code: str) -> str | None:
    """The name of a country where nobody knows names of countries."""
    return None


def vendor_dependence(
    events: list[Event],
    *,
    buyer: list[str],
    buyer_scope: str = "entity",
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    exclude: tuple[str, ...] = (),
    currency: str = "USD",
    measure: str = "spend",
    attribute: str = "tpp",
    status: str = "ordered",
    by: str = "vendor",
    window: str | None = None,
    captive: str = "include",
    home: str | None = None,
    threshold: str | None = None,
    threshold_attribute: str = "tpp",
    country_name: Callable[[str], str | None] = no_name,
) -> dict[str, Any]:
    """How much some buyers depend on which vendors (rules 22 to 29 and 50 to 53): total, rows and metrics.

    `events` are in stored form and in the order of their positions. The names of countries are not in the ledger:
    `country_name` gives them.
    """
    world = World(events, effective_on, known_on, position)
    query = Query(
        tuple(buyer), buyer_scope, tuple(exclude), currency, measure, attribute, status, window=window, captive=captive
    )
    if home is None and len(buyer) == 1:
        home = world.country(buyer[0])
    home = None if home == UNKNOWN_COUNTRY else home
    with localcontext(EXACT):
        restrictions = Restrictions(instruments_in_force(world), world)
        found = judged(world, query, restrictions)
        rows: dict[str | None, list[Judged]] = defaultdict(list)
        for each, verdict in found:
            rows[row_key(each, by, world)].append((each, verdict))
        figures = {key: total_of(each.figure for each, _ in members) for key, members in rows.items()}
        ranked = sorted(rows, key=lambda key: row_order(figures[key], key))
        total = total_of(figures.values())
        others = all_but_each([figures[key] for key in ranked])
        return {
            "total": written(total) | {"unit": query.unit},
            "rows": [
                _row(key, by, rows[key], (figures[key], total, rest), world, country_name)
                for key, rest in zip(ranked, others, strict=True)
            ],
            "metrics": {
                **_metrics([each for each, _ in found], list(figures.values()), total, home, world),
                **at_risk(found, total),
                "sole_source": sole_source([each for each, _ in found], restrictions, threshold_attribute, threshold),
            },
        }


def judged(world: World, query: Query, restrictions: Restrictions) -> list[Judged]:
    """Every contribution with the verdict on it."""
    return [
        (each, restrictions.on(each.vendor_id, each.product_id, each.buyers)) for each in contributions(world, query)
    ]


def all_but_each(figures: list[Figure]) -> list[Figure]:
    """For each figure, the sum of all the others; nothing can be taken off what is unbounded."""
    before = accumulate(figures, initial=NOTHING)
    after = [*accumulate(reversed(figures), initial=NOTHING)][::-1][1:]
    return [one + other for one, other in zip(before, after, strict=False)]


def row_key(contribution: Contribution, by: str, world: World) -> str | None:
    """The row that a contribution belongs to (rule 22)."""
    vendor_id, product_id = contribution.vendor_id, contribution.product_id
    if by == "vendor":
        return vendor_id
    if by == "maker":
        maker: str | None = None if product_id is None else world.product(product_id, "vendor_id")
        return maker or vendor_id
    if by == "parent":
        return world.ultimate_parent(vendor_id)
    if by == "country":
        return world.country(vendor_id)
    if by == "product":
        return product_id
    if by == "category":
        category: str | None = None if product_id is None else world.product(product_id, "category")
        return category
    if (name := attribute_name(by)) is not None:
        return None if product_id is None else attribute_text(world.product_attribute(product_id, name))
    raise ValueError(f"rows are not made by {by}")


def attribute_name(by: str) -> str | None:
    """The attribute whose text makes the rows; None where it is something else that makes them (rule 55)."""
    if by == "site":
        return "site"
    return by.removeprefix("attribute:") if by.startswith("attribute:") else None


def attribute_text(attribute: Any) -> str | None:
    """A stored attribute as text: a word, or true, or false, or the number without what its bounds say."""
    if attribute is None:
        return None
    if kind_of(attribute) == "truth":
        return "true" if attribute else "false"
    if kind_of(attribute) == "text":
        return str(attribute["text"])
    return _every_digit(bounds_of(attribute)[0])


def row_order(figure: Figure, *keys: str | None) -> tuple[Any, ...]:
    """Largest value first, no value last, then the keys, no key last (rule 28)."""
    value = figure.known_value
    return (value is None, -(value or ZERO), *((key is None, key or "") for key in keys))


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """Part / whole; None where the whole is 0."""
    return None if whole == 0 else part / whole


def at_risk(found: list[Judged], total: Figure) -> dict[str, float | None]:
    """What part of the total is barred, and what part of it may be (rule 40)."""
    barred = total_of(each.figure for each, verdict in found if verdict.answer == YES)
    perhaps = total_of(each.figure for each, verdict in found if verdict.answer == UNDETERMINED)
    return {
        "at_risk_low": json_number(ratio(barred.value, total.value)),
        "at_risk_high": json_number(ratio(barred.value + perhaps.value, total.value)),
    }


def share(figure: Figure, total: Figure) -> Decimal | None:
    """The figure's part of the total of values; None where either has none, or the total is 0 (rule 25)."""
    if figure.known_value is None or total.known_value is None:
        return None
    return ratio(figure.known_value, total.known_value)


def _row(
    key: str | None,
    by: str,
    members: list[Judged],
    figures: tuple[Figure, Figure, Figure],
    world: World,
    country_name: Callable[[str], str | None],
) -> dict[str, Any]:
    """A row; `figures`: its own, the total, and what the other rows come to."""
    figure, total, others = figures
    name, country = _name_and_country(key, by, world, country_name)
    share_low = ZERO if others.high.is_infinite() else ratio(figure.low, figure.low + others.high)
    share_high = Decimal(1) if figure.high.is_infinite() else ratio(figure.high, figure.high + others.low)
    assert figure.first is not None
    assert figure.last is not None
    return {
        "key": key,
        "name": name,
        **written(figure),
        "share": json_number(share(figure, total)),
        "share_low": json_number(share_low),
        "share_high": json_number(share_high),
        "quantified": figure.unquantified == 0,
        "captive": all(member.captive for member, _ in members),
        "restricted": common(verdict for _, verdict in members).answer,
        "country": country,
        "first_effective_on": figure.first.isoformat(),
        "last_effective_on": figure.last.isoformat(),
    }


def _name_and_country(
    key: str | None, by: str, world: World, country_name: Callable[[str], str | None]
) -> tuple[str | None, str | None]:
    """Rule 23."""
    if key is None:
        return None, None
    if by == "product":
        return world.product(key, "name"), None
    if by == "category" or attribute_name(by) is not None:
        return key, None
    if by == "country":
        return "unknown" if key == UNKNOWN_COUNTRY else country_name(key), key
    return world.organization(key, "name"), world.country(key)


def _metrics(
    found: list[Contribution], rows: list[Figure], total: Figure, home: str | None, world: World
) -> dict[str, Any]:
    """Rule 27."""
    captive = total_of(each.figure for each in found if each.captive)
    domestic = total_of(each.figure for each in found if home is not None and world.country(each.vendor_id) == home)
    shares = sorted((part for row in rows if (part := share(row, total)) is not None), reverse=True)
    has_total = bool(total.known_value)
    squares = sum((part * part for part in shares), ZERO)
    return {
        "hhi": json_number(10_000 * squares) if has_total else None,
        "effective_vendors": json_number(1 / squares) if has_total else None,
        "cr1": json_number(sum(shares[:1], ZERO)) if has_total else None,
        "cr3": json_number(sum(shares[:3], ZERO)) if has_total else None,
        "captive_share": json_number(captive.value / total.value) if has_total else None,
        "domestic_share": json_number(domestic.value / total.value) if has_total and home is not None else None,
        "single_source": len(rows) == 1,
        "coverage": {"quantified": sum(row.unquantified == 0 for row in rows), "active": len(rows)},
    }


# ---------------------------------------------------------------------------------------------- regulatory-exposure


def regulatory_exposure(
    events: list[Event],
    *,
    buyer: list[str],
    buyer_scope: str = "entity",
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    exclude: tuple[str, ...] = (),
    currency: str = "USD",
    measure: str = "spend",
    attribute: str = "tpp",
    status: str = "open",
    window: str | None = None,
    captive: str = "include",
) -> dict[str, Any]:
    """How much of what some buyers get is barred, or may be (rules 38 to 40 and 54).

    Total, rows, parts at risk and the instruments in force; `events` as for vendor_dependence.
    """
    world = World(events, effective_on, known_on, position)
    query = Query(
        tuple(buyer), buyer_scope, tuple(exclude), currency, measure, attribute, status, window=window, captive=captive
    )
    with localcontext(EXACT):
        restrictions = Restrictions(instruments_in_force(world), world)
        found = judged(world, query, restrictions)
        rows: dict[tuple[str, str | None], list[Judged]] = defaultdict(list)
        for each, verdict in found:
            rows[each.vendor_id, each.product_id].append((each, verdict))
        figures = {key: total_of(each.figure for each, _ in members) for key, members in rows.items()}
        total = total_of(figures.values())
        return {
            "total": written(total) | {"unit": query.unit},
            "rows": [
                {
                    "vendor": vendor_id,
                    "product": product_id,
                    "restricted": common(verdict for _, verdict in rows[vendor_id, product_id]).answer,
                    **written(figures[vendor_id, product_id]),
                    "rules": (hits := _rules(rows[vendor_id, product_id], restrictions)),
                    "explanation": _explanation(hits, rows[vendor_id, product_id], restrictions),
                }
                for vendor_id, product_id in sorted(rows, key=lambda key: row_order(figures[key], *key))
            ],
            **at_risk(found, total),
            "instruments": [_described(instrument, world) for instrument in restrictions.instruments],
        }


def _rules(members: list[Judged], restrictions: Restrictions) -> list[dict[str, Any]]:
    """The rules that hit the row or may do so; undetermined where its contributions or buyers differ (rule 39)."""
    kinds = restrictions.kinds({buyer for each, _ in members for buyer in each.buyers})
    vendor_id, product_id = members[0][0].vendor_id, members[0][0].product_id
    by_rule = zip(*(restrictions.verdicts(vendor_id, product_id, kind) for kind in kinds), strict=True)
    listed = []
    for (instrument, rule), verdicts in zip(restrictions.rules, by_rule, strict=True):
        verdict = common(verdicts)
        if verdict.answer != NO:
            listed.append(
                {
                    "regulation_id": instrument.regulation_id,
                    "rule_id": rule["rule_id"],
                    "effect": rule["effect"],
                    "verdict": verdict.answer,
                    "missing": sorted(verdict.missing),
                }
            )
    return sorted(listed, key=lambda entry: (entry["regulation_id"], entry["rule_id"]))


def _explanation(hits: list[dict[str, Any]], members: list[Judged], restrictions: Restrictions) -> list[str]:
    """Why a row is barred, or may be (rule 54): the rules that say yes, then all that is missing."""
    applying, doubts = [], []
    for hit in hits:
        rule = f"{hit['regulation_id']} {hit['rule_id']}"
        if hit["verdict"] == YES:
            applying.append(f"{rule} applies: {hit['effect'].replace('-', ' ')}")
        elif not hit["missing"]:
            doubts.append(f"{rule} applies to some of the buyers only")
        for missing in hit["missing"]:
            doubts += _doubts(missing, members, restrictions)
    return list(dict.fromkeys(applying + doubts))


def _doubts(missing: str, members: list[Judged], restrictions: Restrictions) -> Iterator[str]:
    vendor_id, product_id = members[0][0].vendor_id, members[0][0].product_id
    if missing == "product_id":
        yield f"no product of {vendor_id} is named"
    elif missing == "category":
        yield f"category of {product_id} unknown"
    elif missing == "country":
        buyers = {buyer for member, _ in members for buyer in member.buyers}
        for stranger in restrictions.strangers(vendor_id, product_id, buyers):
            yield f"country of {stranger} unknown"
    else:
        known = None if product_id is None else restrictions.world.product_attribute(product_id, missing)
        yield f"{missing} of {product_id} {_what_is_known(known)}"


def _what_is_known(attribute: Any) -> str:
    """What is known of an attribute that does not decide."""
    if attribute is None:
        return "unknown"
    if kind_of(attribute) == "number":
        value, low, high = bounds_of(attribute)
        if not low == value == high:
            return f"is {_every_digit(low)} to {_every_digit(high)}"
    return "is of another kind than what a rule holds it against"


def _every_digit(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _described(instrument: Instrument, world: World) -> dict[str, Any]:
    """An instrument in force, in the words of the latest event that says each thing."""
    own = [event for event in world.visible if event["data"].get("regulation_id") == instrument.regulation_id]
    counting = [event for event in own if end_day(event) <= world.effective_on]

    def said(field: str) -> Any:
        # What is only announced speaks where nothing in effect does.
        event = latest(event for event in counting if field in event["data"])
        event = event or latest(event for event in own if field in event["data"])
        return None if event is None else event["data"][field]

    limited = latest(event for event in counting if event["type"] in BEARING_RULES and event["data"].get("until"))
    return {
        "regulation_id": instrument.regulation_id,
        **{field: said(field) for field in ("title", "jurisdiction", "authority", "citation")},
        "status": "in-force",
        "rules": instrument.rules,
        "until": None if limited is None else period_of(limited["data"]["until"])[1].isoformat(),
    }


# -------------------------------------------------------------------------------------------------------- the log
# Hashes and proofs as RFC 9162 has them, section 2.1; files as C2SP has them: tlog-tiles, signed-note, tlog-checkpoint,
# tlog-cosignature and tlog-proof.

HASH_BYTES = 32
TILE_HASHES = 256
LARGEST_ENTRY_BYTES = 65_535
LARGEST_NUMBER = (1 << 63) - 1
ED25519, COSIGNATURE = 0x01, 0x04
#: Signatures on one note that are looked at, at most.
MOST_SIGNATURES = 100
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class Refused(Exception):
    """Something is not proven; the message says what, and why."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(leaves: list[bytes]) -> bytes:
    """The root of the tree with these leaf hashes: two by two, and an odd last one goes up as it is."""
    row = leaves or [sha256(b"").digest()]
    while len(row) > 1:
        paired = [node_hash(row[place], row[place + 1]) for place in range(0, len(row) - 1, 2)]
        row = paired + (row[-1:] if len(row) % 2 else [])
    return row[0]


def _left_part(size: int) -> int:
    """The largest power of two below a size of two or more: how many leaves lie to the left of the root."""
    return 1 << ((size - 1).bit_length() - 1)


def root_by_inclusion(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes:
    """The root that a leaf and its inclusion proof lead to."""
    if not 0 <= index < size:
        raise Refused(f"there is no entry {index} in a log of {size}")
    hashes = iter(proof)

    def whole(index: int, size: int) -> bytes:
        if size == 1:
            return leaf
        left = _left_part(size)
        if index < left:
            return node_hash(whole(index, left), _next_of(hashes))
        right = whole(index - left, size - left)
        return node_hash(_next_of(hashes), right)

    root = whole(index, size)
    _refuse_rest_of(hashes)
    return root


def roots_by_consistency(old: int, new: int, old_root: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """The old and the new root that a consistency proof leads to; the old tree is not empty."""
    hashes = iter(proof)

    def both(old: int, new: int, known: bool) -> tuple[bytes, bytes]:
        """The roots of a part of the trees; known: so far the old tree is all there is on the left."""
        if old == new:
            part = old_root if known else _next_of(hashes)
            return part, part
        left = _left_part(new)
        if old <= left:
            before, after = both(old, left, known)
            return before, node_hash(after, _next_of(hashes))
        before, after = both(old - left, new - left, False)
        shared = _next_of(hashes)
        return node_hash(shared, before), node_hash(shared, after)

    roots = both(old, new, True)
    _refuse_rest_of(hashes)
    return roots


def _next_of(hashes: Iterator[bytes]) -> bytes:
    found = next(hashes, None)
    if found is None:
        raise Refused("the proof has too few hashes")
    return found


def _refuse_rest_of(hashes: Iterator[bytes]) -> None:
    if next(hashes, None) is not None:
        raise Refused("the proof has too many hashes")


def tile_path(kind: str, number: int, width: int) -> str:
    """The path of a tile or of an entry bundle in a log."""
    groups = [f"{number // 1000**place % 1000:03}" for place in range(len(f"{number:,}".split(",")))]
    path = "/".join([*(f"x{group}" for group in reversed(groups[1:])), groups[0]])
    return f"tile/{kind}/{path}" + ("" if width == TILE_HASHES else f".p/{width}")


def tiles_of(kind: str, hashes: int) -> Iterator[tuple[str, int]]:
    """The paths of the tiles that hold so many hashes or entries of one level, and how many each of them holds."""
    for number in range(-(-hashes // TILE_HASHES)):
        width = min(TILE_HASHES, hashes - number * TILE_HASHES)
        yield tile_path(kind, number, width), width


def levels_of(size: int) -> list[int]:
    """How many hashes each level of tiles has in a log of a size."""
    levels = []
    while size:
        levels.append(size)
        size //= TILE_HASHES
    return levels


def entries_of(bundle: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, each behind its length in two bytes."""
    entries, place = [], 0
    while place < len(bundle):
        start = place + 2
        place = start + int.from_bytes(bundle[place:start], "big")
        if start > len(bundle) or place > len(bundle):
            raise Refused("it ends within an entry")
        entries.append(bundle[start:place])
    if len(entries) != width:
        raise Refused(f"it holds {len(entries)} entries, not {width}")
    return entries


def read_base64(text: str) -> bytes:
    """Bytes from base64 in its only form."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not text.isascii() or b64encode(data).decode() != text:
        raise Refused(f"{text[:60]!r} is not base64")
    return data


def read_hash(text: str) -> bytes:
    """A hash from base64."""
    data = read_base64(text)
    if len(data) != HASH_BYTES:
        raise Refused(f"a hash has {HASH_BYTES} bytes, not {len(data)}")
    return data


def read_number(text: str) -> int:
    """A whole number in digits, without leading zeros."""
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) > LARGEST_NUMBER:
        raise Refused(f"{text[:60]!r} is not a whole number")
    return int(text)


# Signatures


@dataclass(frozen=True)
class Key:
    """A public key by its line, name+id+base64."""

    name: str
    identifier: bytes
    kind: int
    public: bytes

    @classmethod
    def parse(cls, line: str) -> Key:
        """A key from its line; ValueError says what is wrong with it."""
        name, _, rest = line.strip(" \t\r\n").partition("+")
        identifier, _, encoded = rest.partition("+")
        try:
            typed = read_base64(encoded)
        except Refused as refusal:
            raise ValueError(f"the key {line[:100]!r}: {refusal}") from None
        if len(typed) != 1 + HASH_BYTES or typed[0] not in (ED25519, COSIGNATURE):
            raise ValueError(f"{line[:100]!r} is not a verifier key of Ed25519, name+id+key")
        expected = sha256(name.encode() + b"\n" + typed).digest()[:4]
        if not is_key_name(name) or identifier != expected.hex():
            raise ValueError(f"the id of the key {line[:100]!r} is not that of its name and key")
        return cls(name, expected, typed[0], typed[1:])

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether it made the signature of a note's text."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {time}\n{text}".encode()
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """What a log signed of itself."""

    origin: str
    size: int
    root: bytes


#: What no note holds: ASCII control characters other than newline.
UNWRITABLE = re.compile(r"[\x00-\x09\x0b-\x1f]")


def is_key_name(name: str) -> bool:
    """Whether a key can be called so: not empty, without plus, spaces of any script, and control characters."""
    return bool(name) and "+" not in name and not any(mark.isspace() for mark in name) and not UNWRITABLE.search(name)


def read_checkpoint(note: bytes, keys: list[Key]) -> Checkpoint:
    """A checkpoint that every one of the keys signed, the log's own among them."""
    try:
        text, blank, signatures = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Refused("the checkpoint is not UTF-8") from None
    text += "\n"
    lines = signatures.split("\n")
    if not blank or lines.pop() or len(lines) > MOST_SIGNATURES or UNWRITABLE.search(text):
        raise Refused("the checkpoint is not a signed note")
    made: dict[tuple[str, bytes], list[bytes]] = defaultdict(list)
    for line in lines:
        found = re.fullmatch("— ([^ +]+) ([A-Za-z0-9+/=]+)", line)
        if found is None or not is_key_name(found[1]):
            raise Refused(f"{line[:60]!r} is not a signature of a note")
        signed = read_base64(found[2])
        made[found[1], signed[:4]].append(signed[4:])
    for key in keys:
        signatures_made = made.get((key.name, key.identifier))
        if not signatures_made:
            others = ", ".join(sorted({name for name, _ in made}))
            raise Refused(f"the key {key.name}+{key.identifier.hex()} did not sign the checkpoint, signed by {others}")
        if not all(key.signed(text, signature) for signature in signatures_made):
            raise Refused(f"the signature of the checkpoint by {key.name} is forged")
    body = text.split("\n")
    if len(body) < 4 or body.pop():
        raise Refused("the checkpoint lacks its origin, its size or its root")
    checkpoint = Checkpoint(body[0], read_number(body[1]), read_hash(body[2]))
    if not any(key.name == checkpoint.origin and key.kind == ED25519 for key in keys):
        raise Refused(f"the checkpoint is of {checkpoint.origin!r}, and no key of that name was given")
    return checkpoint


# ----------------------------------------------------------------------------------------------------- the bundle

FORMAT = "daybook-bundle/v1"
MANIFEST, CHECKPOINT, CONSISTENCY = "bundle.json", "checkpoint", "consistency.json"
#: They are for people: nothing follows from them, and nothing in them is believed.
UNREAD = ("README.md", "verifier.py")
#: What a member may hold at most: nothing is taken in whose size was not looked at.
LARGEST_TEXT_BYTES = 1 << 20
LARGEST_ANSWER_BYTES = 1 << 28
LARGEST_ENTRIES_BYTES = TILE_HASHES * (2 + LARGEST_ENTRY_BYTES)
MOST_QUERIES = 1_000

#: Every type of event in the ledger; nothing that this file does not know is passed over.
TYPES = frozenset(
    {
        *ORGANIZATION_FACTS,
        *PRODUCT_FACTS,
        *BEARING_RULES,
        "order-placed",
        "order-amended",
        "order-cancelled",
        "goods-received",
        "goods-returned",
        "order-allocated",
        "supply-asserted",
        "partnership-formed",
        "partnership-changed",
        "partnership-ended",
        "regulation-suspended",
        "regulation-resumed",
        "regulation-repealed",
        "licence-granted",
        "licence-revoked",
        "exchange-rates-published",
        "event-retracted",
        "event-annotated",
    }
)
STATED = ("type", "id", "recorded_at", "effective_on", "known_on", "basis")


def read_json(data: bytes, what: str) -> Any:
    """JSON in which no name stands twice and no number is not one."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name stands twice in one object")
        return found

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(data.decode(), object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} is not JSON: {error}") from None


class Archive:
    """The members of a bundle, read one by one and never unpacked onto a disk."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in file.infolist():
            if member.filename in self._members:
                raise Refused(f"the bundle holds {member.filename[:100]!r} twice")
            self._members[member.filename] = member

    def __len__(self) -> int:
        return len(self._members)

    def refuse_unless_made_of(self, expected: set[str]) -> None:
        """There is each of the expected members, and no other."""
        for name in self._members.keys() - expected:
            raise Refused(f"the bundle holds {name[:100]!r}, which does not belong there")
        if missing := sorted(expected - self._members.keys()):
            raise Refused(f"the bundle lacks {missing[0]} ({len(missing)} missing)")

    def read(self, name: str, most_bytes: int = LARGEST_TEXT_BYTES) -> bytes:
        """The contents of a member of a size that is looked at before."""
        member = self._members.get(name)
        if member is None:
            raise Refused(f"the bundle lacks {name}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise Refused(f"{name} is encrypted or compressed in another way than a bundle is")
        if member.file_size > most_bytes:
            raise Refused(f"{name} has {member.file_size} bytes, more than the {most_bytes} that it may have")
        try:
            with self._file.open(member) as opened:
                data = opened.read(most_bytes + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise Refused(f"{name} cannot be read: {error}") from None
        if len(data) != member.file_size:
            raise Refused(f"{name} has {len(data)} bytes, not {member.file_size}")
        return data


@dataclass(frozen=True)
class Manifest:
    """What a bundle says that it holds. Nothing of it is believed without proof."""

    origin: str
    position: int
    checkpoint_size: int
    queries: list[str]
    #: Of the events with a proof of their own.
    proofs: list[int]
    #: What made it: told, not believed.
    code: dict[str, str]

    @classmethod
    def read(cls, archive: Archive) -> Manifest:
        """The manifest of a bundle."""
        found = read_json(archive.read(MANIFEST), MANIFEST)
        kinds = {
            "format": str, "origin": str, "position": int, "checkpoint_size": int, "queries": list, "proofs": list,
            "code": dict,
        }  # fmt: skip
        if not isinstance(found, dict) or found.keys() != kinds.keys():
            raise Refused(f"{MANIFEST} has not exactly the fields {', '.join(kinds)}")
        if any(type(found[name]) is not kind for name, kind in kinds.items()):
            raise Refused(f"a field of {MANIFEST} is of another kind than it should be")
        if found.pop("format") != FORMAT:
            raise Refused(f"this is not a bundle of the form {FORMAT}")
        manifest = cls(**found)
        if not all(type(query) is str for query in manifest.queries) or not 1 <= len(manifest.queries) <= MOST_QUERIES:
            raise Refused(f"{MANIFEST} asks no question, more than {MOST_QUERIES}, or one that is no text")
        if not 1 <= manifest.position <= TILE_HASHES * len(archive):
            raise Refused(f"the bundle cannot hold {manifest.position} events: it has {len(archive)} members")
        if not all(type(one) is int and 1 <= one <= manifest.position for one in manifest.proofs):
            raise Refused(f"{MANIFEST} names a proof of what is not an event up to {manifest.position}")
        return manifest

    def members(self) -> set[str]:
        """The names of all that the bundle must hold."""
        names = {MANIFEST, CHECKPOINT, CONSISTENCY, *UNREAD}
        for level, hashes in enumerate(levels_of(self.position)):
            names.update(path for path, _ in tiles_of(str(level), hashes))
        names.update(path for path, _ in tiles_of("entries", self.position))
        names.update(answer_path(number) for number in range(1, len(self.queries) + 1))
        names.update(proof_path(position) for position in self.proofs)
        return names


def answer_path(number: int) -> str:
    """Where the answer to a query lies, numbered from 1."""
    return f"answers/{number}.json"


def proof_path(position: int) -> str:
    """Where the proof of an event of its own lies."""
    return f"proofs/{position}.tlog-proof"


@dataclass(frozen=True)
class Proven:
    """What is beyond doubt once a bundle was checked."""

    checkpoint: Checkpoint
    position: int
    #: The root over the events up to the position.
    root: bytes
    queries: list[str]
    code: dict[str, str]
    #: What was checked, in sentences.
    sentences: list[str]


def check_bundle(
    path: str | PathLike[str], key_lines: Iterable[str], say: Callable[[str], None] | None = None
) -> Proven:
    """Check a bundle against keys that come from elsewhere; `say` hears each sentence of what was found true.

    Raises Refused where something does not follow from what the keys signed, ValueError for keys that are none.
    """
    keys = [Key.parse(line) for line in key_lines]
    if not keys:
        raise ValueError("a bundle proves nothing without the key of its log")
    try:
        with zipfile.ZipFile(path) as file:
            return _checked(Archive(file), keys, say or (lambda sentence: None))
    except zipfile.BadZipFile as error:
        raise Refused(f"the bundle is not a whole zip file: {error}") from None
    except (OSError, EOFError, NotImplementedError, UnicodeDecodeError, struct.error, OverflowError) as error:
        raise Refused(f"the bundle cannot be read: {error}") from None


def _checked(archive: Archive, keys: list[Key], say: Callable[[str], None]) -> Proven:
    sentences: list[str] = []

    def found(sentence: str) -> None:
        sentences.append(sentence)
        say(sentence)

    manifest = Manifest.read(archive)
    archive.refuse_unless_made_of(manifest.members())
    found(f"The bundle is whole: {len(archive)} members, none missing and none besides.")
    note = archive.read(CHECKPOINT)
    checkpoint = read_checkpoint(note, keys)
    if (manifest.origin, manifest.checkpoint_size) != (checkpoint.origin, checkpoint.size):
        raise Refused(
            f"the checkpoint is of {checkpoint.origin!r} and size {checkpoint.size}, the bundle says otherwise"
        )
    signers = " and ".join(sorted({key.name for key in keys}))
    found(f"The checkpoint of {checkpoint.origin}, of {checkpoint.size} events, is signed by {signers}.")
    leaves = _leaves(archive, manifest.position)
    root = tree_root(leaves)
    _check_growth(archive, manifest.position, root, checkpoint)
    found(
        f"The root of the first {manifest.position} events is {b64encode(root).decode()}: the checkpoint builds on it."
    )
    events = _events(archive, leaves)
    found(f"All {len(events)} events are those of the log, in its order: none altered, left out, added or moved.")
    for position in manifest.proofs:
        _check_proof(archive, position, leaves[position - 1], keys, checkpoint)
    if manifest.proofs:
        found(f"Each of the {len(manifest.proofs)} proofs of single events leads to the signed root.")
    for number, text in enumerate(manifest.queries, 1):
        answer = read_json(archive.read(answer_path(number), LARGEST_ANSWER_BYTES), answer_path(number))
        found(_check_answer(answer_path(number), text, answer, events, root))
    return Proven(checkpoint, manifest.position, root, manifest.queries, manifest.code, sentences)


def _leaves(archive: Archive, size: int) -> list[bytes]:
    """The leaf hashes as the tiles have them; the tiles above must follow from them."""
    leaves: list[bytes] = []
    expected: list[bytes] = []
    for level, hashes in enumerate(levels_of(size)):
        row: list[bytes] = []
        for path, width in tiles_of(str(level), hashes):
            tile = archive.read(path, TILE_HASHES * HASH_BYTES)
            if len(tile) != width * HASH_BYTES:
                raise Refused(f"{path} has {len(tile)} bytes, not {width * HASH_BYTES}")
            row += [tile[place : place + HASH_BYTES] for place in range(0, len(tile), HASH_BYTES)]
        if level == 0:
            leaves = row
        elif row != expected:
            raise Refused(f"the tiles of level {level} do not follow from those of level {level - 1}")
        whole = range(0, len(row) // TILE_HASHES * TILE_HASHES, TILE_HASHES)
        expected = [tree_root(row[place : place + TILE_HASHES]) for place in whole]
    return leaves


def _check_growth(archive: Archive, position: int, root: bytes, checkpoint: Checkpoint) -> None:
    """The checkpoint's tree begins with that of the bundle's events."""
    found = read_json(archive.read(CONSISTENCY), CONSISTENCY)
    if not isinstance(found, dict) or found.keys() != {"old_size", "new_size", "hashes"}:
        raise Refused(f"{CONSISTENCY} has not exactly the fields old_size, new_size and hashes")
    if found["old_size"] != position or found["new_size"] != checkpoint.size or not isinstance(found["hashes"], list):
        raise Refused(f"{CONSISTENCY} does not lead from {position} events to the checkpoint's {checkpoint.size}")
    if checkpoint.size < position:
        raise Refused(f"the checkpoint covers {checkpoint.size} events, not the {position} of the bundle")
    hashes = [read_hash(text) if isinstance(text, str) else b"" for text in found["hashes"]]
    if roots_by_consistency(position, checkpoint.size, root, hashes) != (root, checkpoint.root):
        raise Refused(f"the root of the first {position} events is not one that the signed checkpoint builds on")


def _events(archive: Archive, leaves: list[bytes]) -> list[Event]:
    """Every event, its bytes held against the leaf hashes."""
    events: list[Event] = []
    for path, width in tiles_of("entries", len(leaves)):
        data = archive.read(path, LARGEST_ENTRIES_BYTES)
        try:
            entries = entries_of(data, width)
        except Refused as refusal:
            raise Refused(f"{path}: {refusal}") from None
        for entry in entries:
            position = len(events) + 1
            if leaf_hash(entry) != leaves[position - 1]:
                raise Refused(f"the event at position {position} is not the one that the log holds there")
            events.append(_event(entry, position))
    return events


def _event(entry: bytes, position: int) -> Event:
    event = read_json(entry, f"the event at position {position}")
    if not isinstance(event, dict) or event.get("position") != position or not isinstance(event.get("data"), dict):
        raise Refused(f"the entry at position {position} is not an event of that position")
    if not all(isinstance(event.get(name), str) for name in STATED):
        raise Refused(f"the event at position {position} lacks one of {', '.join(STATED)}")
    if event["type"] not in TYPES or event.get("v") != 1:
        raise Refused(f"this verifier does not know {event['type'][:60]!r}, v {event.get('v')} (position {position})")
    return event


def _check_proof(archive: Archive, position: int, leaf: bytes, keys: list[Key], checkpoint: Checkpoint) -> None:
    """A proof of one event of its own leads to the checkpoint of the bundle."""
    path = proof_path(position)
    try:
        head, _, note = archive.read(path).decode().partition("\n\n")
        header, *lines = head.split("\n")
        if header != PROOF_HEADER or not lines or lines[0] != f"index {position - 1}":
            raise Refused(f"it does not begin as a proof of entry {position - 1} does")
        hashes = [read_hash(line) for line in lines[1:]]
        if read_checkpoint(note.encode(), keys) != checkpoint:
            raise Refused("it is of another checkpoint")
        if root_by_inclusion(position - 1, checkpoint.size, leaf, hashes) != checkpoint.root:
            raise Refused(f"it does not lead from the event at position {position} to the signed root")
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8") from None
    except Refused as refusal:
        raise Refused(f"{path}: {refusal}") from None


# Questions and their answers

EVIDENCE = "/api/v1/views/vendor-dependence/evidence"
REPEATABLE = ("buyer", "exclude")
#: What is taken where a question is silent, by view; None: nothing.
COMMON_DEFAULTS: dict[str, Any] = {
    "buyer": [],
    "buyer_scope": "entity",
    "exclude": [],
    "currency": "USD",
    "measure": "spend",
    "attribute": "tpp",
    "status": "ordered",
    "window": None,
    "captive": "include",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "vendor-dependence": COMMON_DEFAULTS
    | {"by": "vendor", "home": None, "threshold": None, "threshold_attribute": "tpp"},
    "regulatory-exposure": COMMON_DEFAULTS | {"status": "open"},
}
VIEWS: dict[str, Callable[..., dict[str, Any]]] = {
    "vendor-dependence": vendor_dependence,
    "regulatory-exposure": regulatory_exposure,
}


@dataclass(frozen=True)
class Question:
    """A query as it stands in a bundle, `view?parameters`, read."""

    view: str
    effective_on: date
    known_on: date | None
    position: int
    #: Every other parameter, silent ones included.
    parameters: dict[str, Any]
    #: As it was asked, without the clocks.
    given: list[tuple[str, str]]

    @classmethod
    def parse(cls, text: str) -> Question:
        """A question whose clocks are pinned: effective_on and position are there; ValueError says what is wrong."""
        view, _, query = text.partition("?")
        if view not in VIEWS:
            raise ValueError(f"{view[:60]!r} is not one of {', '.join(VIEWS)}")
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
        clocks: dict[str, str] = {}
        parameters = dict(DEFAULTS[view])
        seen = set()
        for name, value in pairs:
            if name in seen and name not in REPEATABLE:
                raise ValueError(f"{name} is given twice")
            seen.add(name)
            if name in ("effective_on", "known_on", "position"):
                clocks[name] = value
            elif name not in parameters:
                raise ValueError(f"{name[:60]!r} is not a parameter of {view}")
            elif name in REPEATABLE:
                parameters[name] = [*parameters[name], value]
            else:
                parameters[name] = value
        parameters["buyer"] = list(dict.fromkeys(parameters["buyer"]))
        if parameters.get("by") == "site":
            # Another word for the same.
            parameters["by"] = "attribute:site"
        parameters["exclude"] = sorted(set(parameters["exclude"]))
        if not {"effective_on", "position"} <= clocks.keys():
            raise ValueError("effective_on and position must be given")
        known_on = clocks.get("known_on")
        return cls(
            view,
            date.fromisoformat(clocks["effective_on"]),
            None if known_on is None else date.fromisoformat(known_on),
            int(clocks["position"]),
            parameters,
            [(name, value) for name, value in pairs if name not in clocks],
        )

    def evaluate(self, events: list[Event]) -> dict[str, Any]:
        """The answer, from the events."""
        clocks = {"effective_on": self.effective_on, "known_on": self.known_on, "position": self.position}
        return VIEWS[self.view](events, **clocks, **self.parameters)

    def evidence_of(self, row: dict[str, Any]) -> list[tuple[str, str]]:
        """What a row's link to its evidence asks."""
        asked = [*self.given, ("effective_on", self.effective_on.isoformat()), ("position", str(self.position))]
        if self.known_on is not None:
            asked.append(("known_on", self.known_on.isoformat()))
        if self.view == "regulatory-exposure":
            asked += [("by", "product"), ("status", self.parameters["status"]), ("vendor", row["vendor"])]
        key = row["product" if self.view == "regulatory-exposure" else "key"]
        return sorted({*asked, *([] if key is None else [("key", key)])})


def _check_answer(path: str, text: str, answer: Any, events: list[Event], root: bytes) -> str:
    """The answer follows from the events; a sentence that says so."""
    try:
        question = Question.parse(text)
        if question.position != len(events):
            raise ValueError(f"it is asked as of position {question.position}, and the bundle is as of {len(events)}")
        expected = question.evaluate(events)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Refused(f"{text[:200]!r} cannot be answered from the events: {error!s:.300}") from None
    resolved = {
        "effective_on": question.effective_on.isoformat(),
        "known_on": None if question.known_on is None else question.known_on.isoformat(),
        "position": question.position,
        "recorded_at": events[-1]["recorded_at"],
        "tree_size": question.position,
        "root_hash": b64encode(root).decode(),
    }
    if not isinstance(answer, dict):
        raise Refused(f"{path} is not an answer")
    served = _without_links(path, question, answer)
    expected = {"resolved": resolved, "parameters": question.parameters, **expected}
    difference = next(differences(expected, served), None)
    if difference is not None:
        where, derived, told = difference
        raise Refused(
            f"{path}: the answer to {text[:200]!r} does not follow from the events:"
            f" {where or '/'} is {json.dumps(told)[:120]} in the answer and {json.dumps(derived)[:120]} by the events"
        )
    total = expected["total"]
    figure = "unknown" if total["value"] is None else total["value"]
    rows = f"{len(expected['rows'])} row{'' if len(expected['rows']) == 1 else 's'}"
    named = " (names of countries are not in the ledger: they were not checked)"
    unnamed = named if question.parameters.get("by") == "country" else ""
    return f"The answer to {text} follows from the events: {figure} {total['unit']} in {rows}{unnamed}."


def _without_links(path: str, question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what the events do not say: links, which are checked here, and names of countries."""
    rows = answer.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(f"{path} has no rows")
    bare = []
    for number, row in enumerate(rows):
        row = dict(row)
        link = row.pop("evidence", None)
        try:
            address, _, query = link.partition("?")
            asked = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
            leads_there = address == EVIDENCE and sorted(set(asked)) == question.evidence_of(row)
        except (AttributeError, KeyError, TypeError, ValueError):
            leads_there = False
        if not leads_there:
            raise Refused(f"{path}: the evidence of row {number} is not the link that belongs there")
        if question.parameters.get("by") == "country":
            row["name"] = None
        bare.append(row)
    parameters = answer.get("parameters")
    threshold = question.parameters.get("threshold")
    if threshold is not None and isinstance(parameters, dict) and isinstance(parameters.get("threshold"), str):
        # However many zeros it is written with.
        same = Decimal(parameters["threshold"]) == Decimal(threshold)
        parameters = parameters | {"threshold": threshold if same else parameters["threshold"]}
    return answer | {"rows": bare, "parameters": parameters}


def differences(expected: Any, found: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every place where two JSON values differ, as a pointer, with what each of them has there; None: nothing."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*expected, *found]):
            if name in expected and name in found:
                yield from differences(expected[name], found[name], f"{where}/{name}")
            else:
                yield f"{where}/{name}", expected.get(name), found.get(name)
    elif isinstance(expected, list) and isinstance(found, list):
        for place, pair in enumerate(zip_longest(expected, found)):
            yield from differences(*pair, f"{where}/{place}")
        if len(expected) != len(found):
            yield f"{where}/length", len(expected), len(found)
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield where, expected, found


def _write(stream: TextIO, sentence: str) -> None:
    # Whatever the terminal's encoding: what a bundle says may be in any script.
    encoding = stream.encoding or "ascii"
    stream.write(sentence.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def main(arguments: list[str] | None = None) -> int:
    """Check a bundle from the command line: 0 where all of it is proven, 5 where something is not."""
    parser = ArgumentParser(description="Check an audit bundle of a Daybook ledger.")
    parser.add_argument("bundle", help="the bundle's zip file")
    parser.add_argument(
        "--vkey", action="append", required=True, help="a key that must have signed, name+id+key; the log's own first"
    )
    given = parser.parse_args(arguments)
    try:
        check_bundle(given.bundle, given.vkey, lambda sentence: _write(sys.stdout, sentence))
    except ValueError as error:
        parser.error(str(error))
    except Refused as refusal:
        _write(sys.stderr, f"REFUSED: {refusal}")
        return 5
    _write(sys.stdout, "All of it follows from what the given keys signed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
