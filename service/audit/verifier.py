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
from bisect import bisect_left
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache
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


def day_of(text: str) -> date:
    """A day from `2023-08-31`, and from no other way to write it."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(f"{text} is not a day")
    return date.fromisoformat(text)


def known_day(event: Event) -> date:
    """The day on which one could know the event."""
    return date.fromisoformat(event["known_on"])


def end_day(event: Event) -> date:
    """The day from which the event counts."""
    return end_of(event["effective_on"], known_day(event))


def latest(events: Iterable[Event]) -> Event | None:
    """Of several facts, the one with the greatest end, then known_on, then position (rule 5); None of none."""
    return max(events, key=lambda event: (end_day(event), known_day(event), event["position"]), default=None)


def months_and_days(duration: str) -> tuple[int, int]:
    """The months and the days of an ISO 8601 duration of years, months, weeks and days."""
    match = re.fullmatch(r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", duration, re.ASCII)
    if match is None:
        raise ValueError(f"{duration} is not a duration of years, months, weeks and days")
    years, months, weeks, days = (int(number or 0) for number in match.groups())
    return years * 12 + months, weeks * 7 + days


def is_month_end(day: date) -> bool:
    """Whether it is the last day of its month."""
    return day.day == monthrange(day.year, day.month)[1]


def months_away(day: date, months: int, *, from_end_to_end: bool) -> date | None:
    """The day so many months later (or earlier, below 0), or the last of its month where that month lacks it.

    `from_end_to_end`: from the last day of a month to the last day of a month. None: beyond all days.
    """
    year, month_from_zero = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        return None
    month = month_from_zero + 1
    length = monthrange(year, month)[1]
    return date(year, month, length if from_end_to_end and is_month_end(day) else min(day.day, length))


@lru_cache(maxsize=4_096)
def window_start(window: str, effective_on: date) -> date | None:
    """The day before the first day of a window that ends on `effective_on` (rule 15); None: before all days."""
    months, days = months_and_days(window)
    start = months_away(effective_on, -months, from_end_to_end=days == 0)
    return None if start is None or days > (start - date.min).days else start - timedelta(days)


@lru_cache(maxsize=4_096)
def steps(from_on: date, to_on: date, step: str) -> list[date]:
    """The days of a series by a step: the first, each that lies whole steps after it, and the last (rule 42)."""
    months, days = months_and_days(step)
    if months == days == 0:
        raise ValueError(f"a step of {step} leads nowhere")
    found: list[date] = []
    day: date | None = from_on
    while day is not None and day < to_on:
        found.append(day)
        n = len(found)
        day = months_away(from_on, n * months, from_end_to_end=days == 0)
        if day is not None:
            day = day + timedelta(n * days) if n * days <= (date.max - day).days else None
    return [*found, to_on]


#: The first and the last day of a period; None: open at that end.
Days = tuple[date | None, date | None]


@lru_cache(maxsize=4_096)
def days_of(period: str) -> Days:
    """First and last day of `2025`, `2025-04`, `2025-Q2`, or `2025-04-01/2025-05-15`, `..` at one end (rule 60)."""
    if "/" not in period:
        year = re.fullmatch(r"(\d{4})(?:-(?:(\d{2})|Q([1-4])))?", period, re.ASCII)
        if year is None:
            raise ValueError(f"{period} is not a year, month, quarter or FIRST/LAST")
        if year[3] is None:
            return period_of(period)
        first, last = 3 * int(year[3]) - 2, 3 * int(year[3])
        return date(int(year[1]), first, 1), period_of(f"{year[1]}-{last:02}")[1]
    ends = period.split("/")
    if len(ends) != 2 or ends == ["..", ".."]:
        raise ValueError(f"{period} is not FIRST/LAST: two days, or one of them and ..")
    begin, end = (None if end == ".." else day_of(end) for end in ends)
    if begin is not None and end is not None and end < begin:
        raise ValueError(f"{period} ends before it begins")
    return begin, end


# ---------------------------------------------------------------------------------------------------------- figures

ZERO = Decimal(0)
UNBOUNDED = Decimal("Infinity")
FOUR_PLACES = Decimal("0.0001")
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

    def at_least_nothing(self) -> Figure:
        """The figure with none of its sums below 0."""
        return replace(self, value=max(ZERO, self.value), low=max(ZERO, self.low), high=max(ZERO, self.high))

    @property
    def is_exact(self) -> bool:
        """Whether its value is known, and is all that it can be."""
        return self.unquantified == 0 and self.low == self.value == self.high

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


def less(receipts: Figure, returns: Figure) -> Figure:
    """What is received less what went back, which is exact and taken alike off value, low and high (rule 14)."""
    return receipts + replace(returns, value=-returns.value, low=-returns.value, high=-returns.value)


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


@dataclass(frozen=True)
class Rates:
    """What one unit of a base costs in two currencies, as published."""

    source: Decimal
    target: Decimal
    published_on: date


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
        #: Which record each organisation that was ever said to be another stands for, by the latest that says so.
        self._same_as = self._said_to_be_the_same()
        self._stands_for: dict[str, str] = {}
        self._facts: dict[tuple[str, str, str], Any] = {}
        self._lineages: dict[str, list[str]] = {}
        self._publications = [event for event in self.visible if event["type"] == "exchange-rates-published"]
        self._rates: dict[tuple[str, str, date], Rates | None] = {}

    def of_type(self, *types: str) -> list[Event]:
        """The counting events of these types, in the order of their positions."""
        if len(types) == 1:
            return self._by_type[types[0]]
        found = [event for name in types for event in self._by_type[name]]
        return sorted(found, key=lambda event: int(event["position"]))

    # Organisations

    def _said_to_be_the_same(self) -> dict[str, str | None]:
        """By organisation its `same_as`, of the latest visible event that names it, whatever the end (rule 59)."""
        told: dict[str, list[Event]] = defaultdict(list)
        for event in self.visible:
            if event["type"] in ORGANIZATION_FACTS and "same_as" in event["data"]:
                told[event["data"]["organization_id"]].append(event)
        return {
            organization_id: said["data"]["same_as"]
            for organization_id, events in told.items()
            if (said := latest(events)) is not None
        }

    def stands_for(self, organization_id: str) -> str:
        """The organisation that a record is one of: the end of its chain of `same_as` (rule 59)."""
        if organization_id not in self._stands_for:
            chain = [organization_id]
            while (other := self._same_as.get(chain[-1])) is not None and other not in chain:
                chain.append(other)
            # A record in a circle stands for itself, and so ends the chain of those that lead to it.
            self._stands_for[organization_id] = chain[-1] if other is None else other
        return self._stands_for[organization_id]

    def all_of(self, organization_ids: Iterable[str]) -> tuple[str, ...]:
        """The organisations that records stand for, once each, in the order of the records."""
        return tuple(dict.fromkeys(map(self.stands_for, organization_ids)))

    def organization(self, organization_id: str, field: str) -> Any:
        """A field of the organisation that a record stands for, by the latest counting event; None if none names it."""
        return self._fact("organization_id", self.stands_for(organization_id), field)

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
        organization_id = self.stands_for(organization_id)
        if organization_id not in self._lineages:
            line = [organization_id]
            while (parent_id := self.organization(line[-1], "parent_id")) is not None:
                parent_id = self.stands_for(parent_id)
                # Where knowledge or positions show a circle all the same, the line ends before what it has met.
                if parent_id in line:
                    break
                line.append(parent_id)
            self._lineages[organization_id] = line
        return self._lineages[organization_id]

    def ultimate_parent(self, organization_id: str) -> str:
        """The end of the organisation's lineage: itself, if it has no parent."""
        return self.lineage(organization_id)[-1]

    def group(self, organization_ids: Iterable[str]) -> set[str]:
        """These organisations and all their descendants."""
        heads = set(self.all_of(organization_ids))
        every = self.all_of(event["data"]["organization_id"] for event in self.of_type(*ORGANIZATION_FACTS))
        return heads | {organization_id for organization_id in every if heads & set(self.lineage(organization_id))}

    # Products

    def product(self, product_id: str, field: str) -> Any:
        """A field of a product by the latest counting event that names it; None if none does."""
        return self._fact("product_id", product_id, field)

    def maker(self, product_id: str | None) -> str | None:
        """The organisation that makes a product; None if no product is named, or it is not known who makes it."""
        maker_id = None if product_id is None else self.product(product_id, "vendor_id")
        return None if maker_id is None else self.stands_for(maker_id)

    def category(self, product_id: str | None) -> str | None:
        """The category of a product; None if no product is named, or it is not known."""
        category: str | None = None if product_id is None else self.product(product_id, "category")
        return category

    def product_attribute(self, product_id: str, name: str) -> Any:
        """An attribute in its stored form by the latest counting event that names it; None if none does."""
        asked = ("attributes", product_id, name)
        if asked not in self._facts:
            told = self._told["product_id", product_id]
            event = latest(event for event in told if name in event["data"].get("attributes", {}))
            self._facts[asked] = None if event is None else event["data"]["attributes"][name]
        return self._facts[asked]

    # Money

    def rates(self, source: str, target: str, on: date) -> Rates | None:
        """The latest rates of both currencies published on that day or before, after `effective_on` too (rule 17)."""
        asked = (source, target, on)
        if asked not in self._rates:
            publication = latest(
                event
                for event in self._publications
                if end_day(event) <= on and {source, target} <= event["data"]["rates"].keys() | {event["data"]["base"]}
            )
            if publication is None:
                self._rates[asked] = None
            else:
                named = publication["data"]["rates"] | {publication["data"]["base"]: "1"}
                self._rates[asked] = Rates(Decimal(named[source]), Decimal(named[target]), end_day(publication))
        return self._rates[asked]

    def _fact(self, identity: str, identifier: str, field: str) -> Any:
        asked = (identity, identifier, field)
        if asked not in self._facts:
            event = latest(event for event in self._told[identity, identifier] if field in event["data"])
            self._facts[asked] = None if event is None else event["data"][field]
        return self._facts[asked]


# ---------------------------------------------------------------------------------------------------- contributions


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked, in the words of the common parameters of the views."""

    #: empty: the whole market
    buyer: Sequence[str] = ()
    #: "entity" or "group"
    buyer_scope: str = "entity"
    #: any of "estimated", "assumed", "unquantified"
    exclude: Sequence[str] = ()
    currency: str = "USD"
    #: "spend", "units" or "capacity"
    measure: str = "spend"
    #: the product attribute that capacity multiplies by
    attribute: str = "tpp"
    #: "ordered", "delivered" or "open"
    status: str = "ordered"
    #: an ISO 8601 duration of years, months, weeks and days; None: everything
    window: str | None = None
    #: as `days_of` reads it; None: everything
    period: str | None = None
    #: "include" or "exclude"
    captive: str = "include"
    #: "placed", "effective" or a day
    rates: str = "placed"

    def __post_init__(self) -> None:
        if self.window is not None and self.period is not None:
            raise ValueError("it is asked for a window or for a period, not for both")
        if self.status == "open" and (self.window is not None or self.period is not None):
            raise ValueError("what is open has no window and no period")
        _one_of("buyer_scope", self.buyer_scope, ("entity", "group"))
        _one_of("measure", self.measure, ("spend", "units", "capacity"))
        _one_of("status", self.status, ("ordered", "delivered", "open"))
        _one_of("captive", self.captive, ("include", "exclude"))
        if self.rates not in ("placed", "effective"):
            day_of(self.rates)

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


def _one_of(name: str, given: str, words: tuple[str, ...]) -> None:
    if given not in words:
        raise ValueError(f"{name} is one of {', '.join(words)}, not {given}")


@dataclass(frozen=True)
class Source:
    """What a contribution is a line of: an order or a supply assertion."""

    #: The id of the order, or of the assertion.
    order_id: str | None
    assertion_id: str | None
    #: None: of an assertion without lines.
    line: str | None
    #: The end of the placing, or of the assertion.
    placed_on: date
    deliver_by: str | None


@dataclass(frozen=True)
class Remark:
    """What a contribution lacks, or is converted with: one of the kinds of rule 61."""

    kind: str
    subject: str
    #: How old a rate was on the day it was used for.
    days: int | None = None


@dataclass(frozen=True)
class Contribution:
    """One order line or assertion line, for its buyers in scope."""

    source: Source
    vendor_id: str
    product_id: str | None
    buyers: tuple[str, ...]
    figure: Figure
    #: the vendor and all these buyers have one ultimate parent
    captive: bool
    remark: Remark | None


def contributions(world: World, query: Query) -> list[Contribution]:
    """Every contribution that is not exactly 0, orders first (rule 21)."""
    return [each for each in _all_contributions(world, query) if not each.figure.is_exactly_zero]


def remarks(world: World, query: Query) -> list[dict[str, Any]]:
    """What kept contributions unquantified, and how old the rates are, by kind and subject (rule 61)."""
    found: dict[tuple[str, str], list[Remark]] = defaultdict(list)
    for each in _all_contributions(world, query):
        if each.remark is not None:
            found[each.remark.kind, each.remark.subject].append(each.remark)
    return [
        {"kind": kind, "subject": subject, "count": len(several)}
        | ({"days": max(one.days or 0 for one in several)} if kind == STALE_RATE else {})
        for (kind, subject), several in sorted(found.items())
    ]


def _all_contributions(world: World, query: Query) -> list[Contribution]:
    """Every contribution, and of those that are exactly 0 those that are so because something was left out."""
    found = [*_from_orders(world, query), *_from_assertions(world, query)]
    return [each for each in found if not (query.captive == "exclude" and each.captive)]


def _is_asked_for(end: date, world: World, query: Query) -> bool:
    """Whether a day lies in the window or in the period (rules 15 and 60)."""
    if query.period is not None:
        first, last = days_of(query.period)
        return (first is None or first <= end) and (last is None or end <= last)
    start = None if query.window is None else window_start(query.window, world.effective_on)
    return start is None or end > start


def _asked_for(world: World, query: Query) -> set[str] | None:
    """Whose purchases are asked for; None: everybody's."""
    if not query.buyer:
        return None
    return world.group(query.buyer) if query.buyer_scope == "group" else set(world.all_of(query.buyer))


def _those_of(buyers: Iterable[str], asked: set[str] | None) -> tuple[str, ...]:
    return tuple(buyer for buyer in buyers if asked is None or buyer in asked)


def _switched_on(events: Iterable[Event], query: Query) -> list[Event]:
    """Those that `exclude` does not switch off (rule 9)."""
    return [event for event in events if event["basis"] not in query.exclude]


# Orders


#: An event, and what it says of one line of an order.
Entry = tuple[Event, dict[str, Any]]
#: What events say of the lines of an order, by the line's name.
Entries = dict[str, list[Entry]]


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

    def of_line(self, entries: Entries, line: dict[str, Any], brought: int) -> list[Entry]:
        """What is said of this line, and not of another one of that name brought later or earlier (rule 8)."""
        return [
            (event, entry)
            for event, entry in entries.get(line["line"], [])
            if max(position for position in self._brought[line["line"]] if position < event["position"]) == brought
        ]

    def sum_ordered(self, brings: Event, line: dict[str, Any], field: str, *, leave_out: bool) -> Figure:
        """The line as placed or added, with its changes, below nothing too (rule 14)."""
        placed = posting(line.get(field), end_day(brings), leave_out=leave_out)
        return placed + total_of(
            posting(change[field], end_day(event), leave_out=False)
            for event, change in self.of_line(self.changes, line, brings["position"])
            if field in change
        )

    def ordered(self, brings: Event, line: dict[str, Any]) -> Figure:
        """The line as placed or added, with its changes (rule 14)."""
        leave_out = self.query.leaves_out_unquantified
        return self.sum_ordered(brings, line, self.query.measured_field, leave_out=leave_out).at_least_nothing()

    def delivered(self, brings: Event, line: dict[str, Any], within: Callable[[date], bool]) -> Figure:
        """What arrived of a line on some days and stayed (rule 14)."""
        field, leave_out = self.query.measured_field, self.query.leaves_out_unquantified
        receipts, returns = (
            [entry for entry in self.of_line(entries, line, brings["position"]) if within(end_day(entry[0]))]
            for entries in (self.receipts, self.returns)
        )
        received = total_of(
            posting(receipt[field], end_day(event), leave_out=leave_out)
            for event, receipt in receipts
            if field in receipt
        )
        returned = total_of(
            posting(back[field], end_day(event), leave_out=False) for event, back in returns if field in back
        )
        if field == "amount":
            received += self._derived(brings, line, receipts, returns)
        return less(received, returned).at_least_nothing()

    def _derived(self, brings: Event, line: dict[str, Any], receipts: list[Entry], returns: list[Entry]) -> Figure:
        """What the receipts and returns without an amount come to, at the price of the line (rule 30)."""
        leave_out = self.query.leaves_out_unquantified
        unpriced = [(event, entry) for event, entry in receipts if "amount" not in entry]
        unknown = total_of(
            posting(None, end_day(event), leave_out=leave_out) for event, entry in unpriced if entry["quantity"] is None
        )
        arrived = [
            posting(entry["quantity"], end_day(event), leave_out=False)
            for event, entry in unpriced
            if entry["quantity"] is not None
        ]
        # As they were first recorded, returns without an amount took nothing off it.
        back = [
            posting(entry["quantity"], end_day(event), leave_out=False)
            for event, entry in returns
            if "amount" not in entry and event["v"] > 1
        ]
        if not arrived and not back:
            return unknown
        count = less(total_of(arrived), total_of(back))
        # However many postings it stands for, it is one.
        one = replace(count, quantified=1)
        if count.value == count.low == count.high == ZERO:
            return unknown + one
        quantity, amount = (self.sum_ordered(brings, line, field, leave_out=False) for field in ("quantity", "amount"))
        if not (quantity.is_exact and amount.is_exact and quantity.value > 0 and amount.value >= 0):
            return unknown + unquantified(UNBOUNDED, count, leave_out=leave_out)
        value, low, high = (
            (amount.value * number / quantity.value).quantize(FOUR_PLACES, ROUND_HALF_EVEN)
            for number in (count.value, count.low, count.high)
        )
        return unknown + replace(one, value=value, low=low, high=high)


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
        buyers = _those_of(world.all_of(placing["data"]["buyers"]), asked)
        if buyers:
            account = Account(placing, streams[placing["data"]["order_id"]], counting, query)
            yield from _from_order(account, buyers, world, query)


def _from_order(account: Account, buyers: tuple[str, ...], world: World, query: Query) -> Iterator[Contribution]:
    order, placed_on = account.placing["data"], end_day(account.placing)
    cancelled = bool(account.events["order-cancelled"])
    allocation = latest(account.events["order-allocated"])
    for brings, line in account.lines():
        if query.status == "delivered":
            figure = account.delivered(brings, line, lambda end: _is_asked_for(end, world, query))
        elif query.status == "open":
            arrived = account.delivered(brings, line, _always)
            figure = NOTHING if cancelled else still_open(account.ordered(brings, line), arrived)
        elif not _is_asked_for(placed_on, world, query):
            figure = NOTHING
        elif cancelled:
            figure = account.delivered(brings, line, _always)
        else:
            figure = account.ordered(brings, line)
        source = Source(order["order_id"], None, line["line"], placed_on, line.get("deliver_by"))
        money, product_id = Money(order["currency"], order["order_id"]), line.get("product_id")

        def part(whole: Figure, *, leave_out: bool) -> Figure:
            return _share_of(whole, order["buyers"], buyers, allocation, world, leave_out=leave_out)

        yield _contribution(source, order["vendor_id"], product_id, buyers, figure, money, part, world, query)


def _share_of(
    figure: Figure,
    records: list[str],
    buyers: tuple[str, ...],
    allocation: Event | None,
    world: World,
    *,
    leave_out: bool,
) -> Figure:
    """The part of an order's figure that is the buyers' in scope (rules 19 and 20).

    `records`: the order's buyers as it names them; `leave_out` makes unquantified parts absent (rule 13).
    """
    everybody = world.all_of(records)
    if figure.is_exactly_zero or len(buyers) == len(everybody):
        return figure
    if allocation is None:
        return unquantified(figure.high, figure, leave_out=leave_out)
    shares = _shares(allocation, records, world)
    named = [shares[buyer] for buyer in buyers if buyer in shares]
    others_low = sum((low for buyer, (_, low, _) in shares.items() if buyer not in buyers), ZERO)
    left = 1 - others_low - sum((low for _, low, _ in named), ZERO)
    share, share_low, share_high = (sum((one[bound] for one in named), ZERO) for bound in range(3))
    # Nobody can have what is certainly the others'.
    most = 1 - others_low
    share_high = min(share_high, most)
    part = NOTHING
    # A share of exactly 0 has no part even in what is unbounded.
    if share_high > 0:
        part += figure.times(share, share_low, share_high)
    if len(named) < len(buyers) and left > 0:
        # What is unbounded stays so, and what leaves nothing bounds even that.
        high = figure.high * (most - share_high) if most > share_high else ZERO
        part += unquantified(high, figure, leave_out=leave_out)
    return part


def _shares(allocation: Event, records: list[str], world: World) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Value, low and high of the share of each buyer all of whose records among the order's buyers are named."""
    given = {one["buyer_id"]: bounds_of(one["share"]) for one in allocation["data"]["allocations"]}
    shares = {}
    for buyer in world.all_of(records):
        own = [record for record in records if world.stands_for(record) == buyer]
        if all(record in given for record in own):
            value, low, high = (sum((given[record][bound] for record in own), ZERO) for bound in range(3))
            shares[buyer] = value, low, high
    return shares


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
        buyers = _those_of(world.all_of([said["buyer_id"]]), asked)
        if not buyers or not _is_asked_for(end, world, query):
            continue
        # Without lines it is one unquantified posting without a product (rule 11).
        for line in said.get("lines") or [{}]:
            figure = posting(line.get(query.measured_field), end, leave_out=query.leaves_out_unquantified)
            source = Source(None, said["assertion_id"], line.get("line"), end, line.get("deliver_by"))
            money = Money(said.get("currency"), said["assertion_id"])
            yield _contribution(
                source, said["vendor_id"], line.get("product_id"), buyers, figure, money, _whole, world, query
            )


# Orders and assertions alike


@dataclass(frozen=True)
class Money:
    """In which currency an order or an assertion states its amounts; None: it does not say."""

    currency: str | None
    #: Of which order or assertion.
    of: str


def _whole(figure: Figure, *, leave_out: bool) -> Figure:
    """All of a figure, which is one buyer's."""
    return figure


def _contribution(
    source: Source,
    vendor_id: str,
    product_id: str | None,
    buyers: tuple[str, ...],
    figure: Figure,
    money: Money,
    part: Callable[..., Figure],
    world: World,
    query: Query,
) -> Contribution:
    """A line's figure in the unit that is asked for, as far as it is the buyers' in scope.

    `part` makes of a figure what is theirs.
    """
    leave_out = query.leaves_out_unquantified
    vendor_id = world.stands_for(vendor_id)
    whole, remark = _measured(figure, vendor_id, product_id, money, source.placed_on, world, query)
    theirs = part(whole, leave_out=leave_out)
    if part(whole, leave_out=False).is_exactly_zero:
        remark = None
    elif remark is not None and remark.kind != STALE_RATE and leave_out:
        theirs = NOTHING
    captive = all(world.ultimate_parent(buyer) == world.ultimate_parent(vendor_id) for buyer in buyers)
    return Contribution(source, vendor_id, product_id, buyers, theirs, captive, remark)


NO_RATE, NO_CURRENCY, NO_ATTRIBUTE, NO_PRODUCT = "no-rate", "no-currency", "no-attribute", "no-product"
STALE_RATE = "stale-rate"
#: A rate older than this on the day it is used for is remarked upon.
FRESH_DAYS = 92


def _measured(
    figure: Figure, vendor_id: str, product_id: str | None, money: Money, placed_on: date, world: World, query: Query
) -> tuple[Figure, Remark | None]:
    """The quantity or amount in the unit that is asked for, and what is to be said of that (rules 16 to 18)."""
    if query.measure == "units" or figure.is_exactly_zero:
        return figure, None
    if query.measure == "spend":
        return _converted(figure, money, placed_on, world, query)
    unknown = unquantified(UNBOUNDED, figure, leave_out=False)
    if product_id is None:
        return unknown, Remark(NO_PRODUCT, vendor_id)
    attribute = world.product_attribute(product_id, query.attribute)
    if attribute is None or kind_of(attribute) != "number":
        return unknown, Remark(NO_ATTRIBUTE, product_id)
    return figure.times(*bounds_of(attribute)), None


def _converted(
    figure: Figure, money: Money, placed_on: date, world: World, query: Query
) -> tuple[Figure, Remark | None]:
    """An amount in the currency that is asked for, by the rates of one publication (rule 17)."""
    if money.currency == query.currency:
        return figure, None
    unknown = unquantified(UNBOUNDED, figure, leave_out=False)
    if money.currency is None:
        return unknown, Remark(NO_CURRENCY, money.of)
    by_word = {"placed": placed_on, "effective": world.effective_on}
    on = by_word[query.rates] if query.rates in by_word else day_of(query.rates)
    rates = world.rates(money.currency, query.currency, on)
    pair = f"{money.currency}/{query.currency}"
    if rates is None:
        return unknown, Remark(NO_RATE, pair)
    converted = replace(
        figure,
        value=figure.value * rates.target / rates.source,
        low=figure.low * rates.target / rates.source,
        high=figure.high * rates.target / rates.source,
    )
    age = (on - rates.published_on).days
    return converted, Remark(STALE_RATE, pair, age) if age > FRESH_DAYS else None


# ----------------------------------------------------------------------------------------- rules of regulations
# Which regulations are in force, and whether a rule hits a supply, in three-valued logic (Kleene's).

#: How a country that nobody knows is recorded.
UNKNOWN_COUNTRY = "ZZ"

YES = "yes"
NO = "no"
UNDETERMINED = "undetermined"
#: Of a row: yes for some of its contributions, and no for all others.
PARTLY = "partly"


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
    """What all buyers of a contribution have alike; undetermined where they differ (rule 38)."""
    given = list(verdicts)
    answers = {verdict.answer for verdict in given}
    answer = answers.pop() if len(answers) == 1 else UNDETERMINED
    return Verdict(answer, frozenset().union(*(verdict.missing for verdict in given)))


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """What all contributions of a row have alike; where they differ partly, or undetermined if any is (rule 38)."""
    given = list(verdicts)
    answers = {verdict.answer for verdict in given}
    answer = answers.pop() if len(answers) == 1 else UNDETERMINED if UNDETERMINED in answers else PARTLY
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
    # `until: null` takes the last day away; an event that does not name it leaves it as it is.
    limited = latest(event for event in happened(*BEARING_RULES) if "until" in event["data"])
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
    maker_id = world.maker(product_id)
    suppliers = [vendor_id] if maker_id is None else [vendor_id, maker_id]
    if "destinations" in conditions:
        countries = [world.known_country(buyer_id), world.known_country(world.ultimate_parent(buyer_id))]
        yield some(_listed(country, conditions["destinations"], "country") for country in countries)
    if "buyers" in conditions:
        yield decided(bool(set(world.lineage(buyer_id)) & set(world.all_of(conditions["buyers"]))))
    if "vendors" in conditions:
        lines = [world.lineage(supplier) for supplier in suppliers]
        yield decided(any(set(line) & set(world.all_of(conditions["vendors"])) for line in lines))
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


#: A rule by its instrument, its own id and its effect.
RuleName = tuple[str, str, str]


class Restrictions:
    """What the instruments in force on a day say of supplies. What was judged once is not judged again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.instruments = instruments = instruments_in_force(world)
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
        self._named = {buyer for one in self.conditions for buyer in world.all_of(one.get("buyers", ()))}
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

    def by_rule(self, vendor_id: str, product_id: str | None, buyers: Iterable[str]) -> dict[RuleName, Verdict]:
        """Of each rule, whether it hits a contribution; undetermined where the buyers differ (rule 39)."""
        of_kinds = [self.verdicts(vendor_id, product_id, kind) for kind in sorted(self.kinds(buyers))]
        return {
            (instrument.regulation_id, rule["rule_id"], rule["effect"]): common(verdicts)
            for (instrument, rule), verdicts in zip(self.rules, zip(*of_kinds, strict=True), strict=True)
        }

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
            maker_id = self.world.maker(product_id)
            for who, supplier in ((vendor_id, vendor_id), (f"the maker of {product_id}", maker_id)):
                if supplier is not None and self.world.known_country(self.world.ultimate_parent(supplier)) is None:
                    yield who


class Judge:
    """Holds contributions against what is in force at the effective day, or on the day they were placed (rule 62)."""

    def __init__(self, events: list[Event], world: World, judged: str = "effective", **clocks: Any) -> None:
        """`clocks`: known_on and position, as of which `world` is."""
        _one_of("judged", judged, ("effective", "placed"))
        self.today = Restrictions(world)
        self._judged = judged
        self._events = events
        self._clocks = clocks
        self._on: dict[date, Restrictions] = {world.effective_on: self.today}

    def restrictions(self, contribution: Contribution) -> Restrictions:
        """What a contribution is held against."""
        if self._judged == "effective":
            return self.today
        day = contribution.source.placed_on
        if day not in self._on:
            self._on[day] = Restrictions(World(self._events, day, **self._clocks))
        return self._on[day]

    def verdict(self, contribution: Contribution) -> Verdict:
        """Whether a contribution is barred (rule 38)."""
        return self.restrictions(contribution).on(contribution.vendor_id, contribution.product_id, contribution.buyers)

    def by_rule(self, contribution: Contribution) -> dict[RuleName, Verdict]:
        """The same of each rule; one that was not in force is not there, which is as good as no."""
        restrictions = self.restrictions(contribution)
        return restrictions.by_rule(contribution.vendor_id, contribution.product_id, contribution.buyers)


# ------------------------------------------------------------------------------------------------ vendor-dependence

#: One contribution with the verdict on it.
Judged = tuple[Contribution, Verdict]


def no_name(code: str) -> str | None:
    """The name of a country where nobody knows names of countries."""
    return None


def vendor_dependence(
    events: list[Event],
    *,
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    by: str = "vendor",
    home: str | None = None,
    country_name: Callable[[str], str | None] = no_name,
    **common: Any,
) -> dict[str, Any]:
    """How much some buyers depend on which vendors (rules 22 to 29 and 50): total, rows and metrics.

    `events` are in stored form and in the order of their positions; `common` are the fields of `Query`. The names of
    countries are not in the ledger: `country_name` gives them.
    """
    world = World(events, effective_on, known_on, position)
    query = Query(**common)
    asked_for = world.all_of(query.buyer)
    if home is None and len(asked_for) == 1:
        home = world.country(asked_for[0])
    home = None if home == UNKNOWN_COUNTRY else home
    with localcontext(EXACT):
        judge = Judge(events, world)
        found = [(each, judge.verdict(each)) for each in contributions(world, query)]
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
            "metrics": _metrics(found, [figures[key] for key in ranked], home, world),
            "remarks": remarks(world, query),
        }


def vendor_dependence_evidence(
    events: list[Event],
    key: str | None,
    *,
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    by: str = "vendor",
    vendor: str | None = None,
    **common: Any,
) -> list[dict[str, Any]]:
    """The contributions that make the row of a key: of which line they are, and what each adds to it.

    `vendor`: only those that are bought of it; by product, these make a row of regulatory-exposure.
    """
    world = World(events, effective_on, known_on, position)
    query = Query(**common)
    with localcontext(EXACT):
        return [
            {
                "order_id": each.source.order_id,
                "assertion_id": each.source.assertion_id,
                "line": each.source.line,
                "vendor": each.vendor_id,
                "product": each.product_id,
                "captive": each.captive,
                **written(each.figure),
            }
            for each in contributions(world, query)
            if row_key(each, by, world) == key and vendor in (None, each.vendor_id)
        ]


def vendor_dependence_series(
    events: list[Event],
    *,
    from_on: date,
    to_on: date,
    step: str | None = None,
    rates: str = "placed",
    **asked: Any,
) -> list[dict[str, Any]]:
    """The points of vendor-dependence over time (rules 42 and 43); `asked`: its other parameters but the day.

    Without a step every day is looked at, which is as slow as it is plain.
    """
    if to_on < from_on:
        raise ValueError(f"from {from_on} is after to {to_on}")
    rates = to_on.isoformat() if rates == "effective" else rates
    every_day = [from_on + timedelta(days) for days in range((to_on - from_on).days + 1)]
    points: list[dict[str, Any]] = []
    for day in every_day if step is None else steps(from_on, to_on, step):
        answer = vendor_dependence(events, effective_on=day, rates=rates, **asked)
        point = point_of(answer, day)
        if step is not None or not points or point | {"effective_on": points[-1]["effective_on"]} != points[-1]:
            points.append(point)
    return points


#: What a point of a series has of the rows of the view.
POINT_FIELDS = ("key", "value", "low", "high", "share", "share_low", "share_high", "restricted")


def point_of(answer: dict[str, Any], day: date) -> dict[str, Any]:
    """What a point of a series has of an answer of vendor-dependence (rule 43)."""
    return {
        "effective_on": day.isoformat(),
        "total": answer["total"],
        "rows": [{name: row[name] for name in POINT_FIELDS} for row in answer["rows"]],
        "metrics": answer["metrics"],
    }


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
        return world.maker(product_id) or vendor_id
    if by == "parent":
        return world.ultimate_parent(vendor_id)
    if by == "country":
        return world.country(vendor_id)
    if by == "product":
        return product_id
    if by == "category":
        return world.category(product_id)
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
    share_low, share_high = part_bounds(figure, others)
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
        "restricted": together(verdict for _, verdict in members).answer,
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


# Metrics and what bounds them


def part_bounds(part: Figure, rest: Figure) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest share that a part of a whole can have (rule 25); None: there is no whole."""
    if part.high == rest.high == ZERO:
        return None, None
    low = ZERO
    if rest.high != UNBOUNDED:
        low = part.low / (part.low + rest.high) if part.low + rest.high > 0 else Decimal(1)
    high = Decimal(1)
    if part.high != UNBOUNDED:
        high = part.high / (part.high + rest.low) if part.high + rest.low > 0 else ZERO
    return low, high


def concentration_bounds(rows: list[Figure]) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest sum of squared shares that rows can have (rule 64); None: all are nothing."""
    possible = [row for row in rows if row.high > 0]
    return (least_concentration(possible), greatest_concentration(possible)) if possible else (None, None)


def least_concentration(rows: list[Figure]) -> Decimal:
    """The least sum of squared shares: all rows as much alike as their bounds let them be.

    At one level, that is, each within its bounds, where the level is the sum of squares over the sum.
    """
    greatest_low = max(row.low for row in rows)
    if greatest_low == 0:
        return 1 / Decimal(len(rows))

    def at(level: Decimal) -> list[Decimal]:
        return [min(max(level, row.low), row.high) for row in rows]

    def is_enough(level: Decimal) -> bool:
        # Of rows at a level, the sum of squares is the level times the sum. What stands above it, at its low, adds to
        # the squares; what stands below it, at its high, takes off. So the level is too low while too much is added.
        return sum((figure * (figure - level) for figure in at(level)), ZERO) <= 0

    bounds = sorted({bound for row in rows for bound in (row.low, row.high) if 0 < bound < UNBOUNDED})
    place = bisect_left(bounds, True, key=is_enough)
    above, below = bounds[place], bounds[place - 1] if place else ZERO
    # Between two bounds that are next to each other the same rows stand at the level, and all others where they do.
    still = [row.low for row in rows if row.low >= above] + [row.high for row in rows if row.high <= below]
    level = above if sum(still, ZERO) == 0 else sum((one * one for one in still), ZERO) / sum(still, ZERO)
    figures = at(level)
    return sum((figure * figure for figure in figures), ZERO) / sum(figures, ZERO) ** 2


#: Of so many rows all ways are tried.
TRIED_ROWS = 12


def greatest_concentration(rows: list[Figure]) -> Decimal:
    """The greatest sum of squared shares, or more: every row at its low or at its high.

    All ways of that are tried for the rows that may differ most; all further ones are taken for the worst of each.
    """
    if any(row.high == UNBOUNDED for row in rows):
        return Decimal(1)
    ranked = sorted(rows, key=lambda row: (row.high - row.low, row.high), reverse=True)
    tried, further = ranked[:TRIED_ROWS], ranked[TRIED_ROWS:]
    ways = {(sum((row.high * row.high for row in further), ZERO), sum((row.low for row in further), ZERO))}
    for row in tried:
        ways = {(squares + one * one, total + one) for squares, total in ways for one in (row.low, row.high)}
    # As further rows are taken for more than they can be, so may be what comes of it.
    return min(Decimal(1), max(squares / (total * total) for squares, total in ways if total))


#: The least and the greatest that something can be; None: there is nothing.
Bounds = tuple[Decimal | None, Decimal | None]


def largest_bounds(rows: list[Figure], shares: list[Bounds]) -> dict[str, Decimal | None]:
    """Between what the largest share, and the largest three together, lie (rule 64); `shares`: of each row's."""
    possible = [row for row in rows if row.high > 0]
    if not possible:
        return dict.fromkeys(("cr1_low", "cr1_high", "cr3_low", "cr3_high"))
    lows = sorted((low for low, _ in shares if low is not None), reverse=True)
    highs = sorted((high for _, high in shares if high is not None), reverse=True)
    greatest_low = max(row.low for row in possible)
    alike = 1 / Decimal(len(possible))
    cr1_low = greatest_low / sum((min(row.high, greatest_low) for row in possible), ZERO) if greatest_low else alike
    return {
        "cr1_low": cr1_low,
        "cr1_high": highs[0],
        "cr3_low": max(sum(lows[:3], ZERO), cr1_low, min(Decimal(1), 3 * alike)),
        "cr3_high": min(Decimal(1), sum(highs[:3], ZERO)),
    }


def at_risk(found: list[Judged]) -> dict[str, float | None]:
    """What part of the total is barred, what part may be, and between what the first lies (rule 40)."""
    barred, perhaps, free = (
        total_of(each.figure for each, verdict in found if verdict.answer == answer)
        for answer in (YES, UNDETERMINED, NO)
    )
    total = total_of((barred, perhaps, free))
    return {
        "at_risk": json_number(ratio(barred.value, total.value)),
        "at_risk_undetermined": json_number(ratio(perhaps.value, total.value)),
        "at_risk_low": json_number(part_bounds(barred, perhaps + free)[0]),
        "at_risk_high": json_number(part_bounds(barred + perhaps, free)[1]),
    }


def _metrics(found: list[Judged], rows: list[Figure], home: str | None, world: World) -> dict[str, Any]:
    """Rules 27, 40 and 64."""
    total = total_of(rows)
    shares = sorted((own for row in rows if (own := share(row, total)) is not None), reverse=True)
    squares = sum((one * one for one in shares), ZERO)
    least, greatest = concentration_bounds(rows)
    bounds = largest_bounds(rows, [part_bounds(row, rest) for row, rest in zip(rows, all_but_each(rows), strict=True)])
    has_total = bool(total.known_value)

    def part(name: str, belongs: Callable[[Contribution], bool]) -> dict[str, float | None]:
        inside = total_of(each.figure for each, _ in found if belongs(each))
        outside = total_of(each.figure for each, _ in found if not belongs(each))
        low, high = part_bounds(inside, outside)
        return {
            name: json_number(inside.value / total.value) if has_total else None,
            f"{name}_low": json_number(low),
            f"{name}_high": json_number(high),
        }

    domestic = part("domestic_share", lambda each: world.country(each.vendor_id) == home)
    return {
        "hhi": json_number(10_000 * squares) if has_total else None,
        "hhi_low": None if least is None else json_number(10_000 * least),
        "hhi_high": None if greatest is None else json_number(10_000 * greatest),
        "effective_vendors": json_number(1 / squares) if has_total else None,
        "effective_vendors_low": None if greatest is None else json_number(1 / greatest),
        "effective_vendors_high": None if least is None else json_number(1 / least),
        "cr1": json_number(sum(shares[:1], ZERO)) if has_total else None,
        "cr3": json_number(sum(shares[:3], ZERO)) if has_total else None,
        **{name: json_number(bound) for name, bound in bounds.items()},
        **part("captive_share", lambda each: each.captive),
        **(dict.fromkeys(domestic) if home is None else domestic),
        "single_source": len(rows) == 1,
        "coverage": {"quantified": sum(row.unquantified == 0 for row in rows), "active": len(rows)},
        **at_risk(found),
    }


# ---------------------------------------------------------------------------------------------- regulatory-exposure


def regulatory_exposure(
    events: list[Event],
    *,
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    status: str = "open",
    judged: str = "effective",
    restricted: Sequence[str] = (),
    **common: Any,
) -> dict[str, Any]:
    """How much of what some buyers get is barred, or may be (rules 38 to 40, 54 and 62).

    Total, rows, parts at risk and the instruments in force; `restricted`: only rows with one of these verdicts;
    `events` and `common` as for vendor_dependence.
    """
    world = World(events, effective_on, known_on, position)
    query = Query(status=status, **common)
    with localcontext(EXACT):
        judge = Judge(events, world, judged, known_on=known_on, position=position)
        found = [(each, judge.verdict(each)) for each in contributions(world, query)]
        rows: dict[tuple[str, str | None], list[Judged]] = defaultdict(list)
        for each, verdict in found:
            rows[each.vendor_id, each.product_id].append((each, verdict))
        figures = {key: total_of(each.figure for each, _ in members) for key, members in rows.items()}
        ranked = sorted(rows, key=lambda key: row_order(figures[key], *key))
        described = [_exposed(key, figures[key], rows[key], judge) for key in ranked]
        return {
            "total": written(total_of(figures.values())) | {"unit": query.unit},
            "rows": [row for row in described if is_asked_for(row["restricted"], restricted)],
            **at_risk(found),
            "instruments": [_described(instrument, world) for instrument in judge.today.instruments],
            "remarks": remarks(world, query),
        }


def is_asked_for(verdict: str, restricted: Sequence[str]) -> bool:
    """Whether rows of a verdict are asked for; what is partly barred is both barred and not (rule 63)."""
    for word in restricted:
        _one_of("restricted", word, (YES, UNDETERMINED, NO))
    return not restricted or verdict in restricted or (verdict == PARTLY and bool({YES, NO} & set(restricted)))


def regulatory_exposure_orders(
    events: list[Event],
    *,
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    status: str = "open",
    judged: str = "effective",
    restricted: Sequence[str] = (),
    **common: Any,
) -> list[dict[str, Any]]:
    """The lines of orders and assertions behind regulatory-exposure (rule 63): all of its contributions."""
    world = World(events, effective_on, known_on, position)
    query = Query(status=status, **common)
    with localcontext(EXACT):
        judge = Judge(events, world, judged, known_on=known_on, position=position)
        found = contributions(world, query)
        ranked = sorted(found, key=lambda each: row_order(each.figure, *_place(each.source)))
        described = [_behind(each, judge, world) for each in ranked]
        return [row for row in described if is_asked_for(row["restricted"], restricted)]


def _place(source: Source) -> tuple[str | None, ...]:
    """By order and line; assertions, which are no orders, come behind them."""
    return source.order_id, source.assertion_id, source.line


def _behind(contribution: Contribution, judge: Judge, world: World) -> dict[str, Any]:
    source = contribution.source
    hits = _rules([contribution], judge)
    return {
        "order_id": source.order_id,
        "assertion_id": source.assertion_id,
        "line": source.line,
        "buyers": sorted(contribution.buyers),
        "vendor": contribution.vendor_id,
        "vendor_name": world.organization(contribution.vendor_id, "name"),
        "product": contribution.product_id,
        **written(contribution.figure),
        "placed_on": source.placed_on.isoformat(),
        "deliver_by": source.deliver_by,
        "restricted": judge.verdict(contribution).answer,
        "rules": hits,
        "missing": sorted({missing for hit in hits for missing in hit["missing"]}),
    }


def _exposed(key: tuple[str, str | None], figure: Figure, members: list[Judged], judge: Judge) -> dict[str, Any]:
    """One row: what is bought of a vendor's product, and how much of that is barred."""
    hits = _rules([each for each, _ in members], judge)

    def with_verdict(answer: str) -> dict[str, str | None]:
        return written(total_of(each.figure for each, verdict in members if verdict.answer == answer))

    return {
        "vendor": key[0],
        "product": key[1],
        "restricted": together(verdict for _, verdict in members).answer,
        **written(figure),
        "barred": with_verdict(YES),
        "undetermined": with_verdict(UNDETERMINED),
        "rules": hits,
        "explanation": _explanation(hits, [each for each, _ in members], judge),
    }


def _rules(members: list[Contribution], judge: Judge) -> list[dict[str, Any]]:
    """The rules that hit contributions or may do so (rule 39)."""
    by_rule = [judge.by_rule(each) for each in members]
    listed = []
    for name in sorted({name for verdicts in by_rule for name in verdicts}):
        # A rule that was not in force on the day says no.
        verdict = together(verdicts.get(name, decided(False)) for verdicts in by_rule)
        if verdict.answer != NO:
            regulation_id, rule_id, effect = name
            listed.append(
                {
                    "regulation_id": regulation_id,
                    "rule_id": rule_id,
                    "effect": effect,
                    "verdict": verdict.answer,
                    "missing": sorted(verdict.missing),
                }
            )
    return listed


def _explanation(hits: list[dict[str, Any]], members: list[Contribution], judge: Judge) -> list[str]:
    """Why a row is barred, or may be (rule 54): the rules that say yes, then all that is missing."""
    applying, doubts = [], []
    for hit in hits:
        rule = f"{hit['regulation_id']} {hit['rule_id']}"
        effect = hit["effect"].replace("-", " ")
        if hit["verdict"] == YES:
            applying.append(f"{rule} applies: {effect}")
        elif hit["verdict"] == PARTLY:
            applying.append(f"{rule} applies to a part of it: {effect}")
        elif not hit["missing"]:
            doubts.append(f"{rule} applies to some of the buyers only")
        for missing in hit["missing"]:
            doubts += _doubts((hit["regulation_id"], hit["rule_id"], hit["effect"]), missing, members, judge)
    return list(dict.fromkeys(applying + doubts))


def _doubts(rule: RuleName, missing: str, members: list[Contribution], judge: Judge) -> Iterator[str]:
    """What a rule does not know, day by day of those on which it looked for it in vain."""
    vendor_id, product_id = members[0].vendor_id, members[0].product_id
    buyers: dict[date, set[str]] = defaultdict(set)
    in_vain: dict[date, Restrictions] = {}
    for each in members:
        restrictions = judge.restrictions(each)
        buyers[restrictions.world.effective_on].update(each.buyers)
        if missing in judge.by_rule(each).get(rule, decided(False)).missing:
            in_vain[restrictions.world.effective_on] = restrictions
    for day, restrictions in sorted(in_vain.items(), key=lambda one: one[0]):
        if missing == "product_id":
            yield f"no product of {vendor_id} is named"
        elif missing == "category":
            yield f"category of {product_id} unknown"
        elif missing == "country":
            for stranger in restrictions.strangers(vendor_id, product_id, buyers[day]):
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

    limited = latest(event for event in counting if event["type"] in BEARING_RULES and "until" in event["data"])
    until = None if limited is None else limited["data"]["until"]
    return {
        "regulation_id": instrument.regulation_id,
        **{field: said(field) for field in ("title", "jurisdiction", "authority", "citation")},
        "status": "in-force",
        "rules": instrument.rules,
        "until": None if until is None else period_of(until)[1].isoformat(),
    }


# ------------------------------------------------------------------------------------------------------ sole-source

#: So many ids of vendors and alternatives are listed.
LISTED_IDS = 20


def sole_source(
    events: list[Event],
    *,
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    threshold: str | None = None,
    threshold_attribute: str = "tpp",
    **common: Any,
) -> dict[str, Any]:
    """By category what is bought, from whom, and who else could sell it (rules 51 to 53).

    `events` and `common` as for vendor_dependence.
    """
    world = World(events, effective_on, known_on, position)
    query = Query(**common)
    with localcontext(EXACT):
        restrictions = Restrictions(world)
        found = contributions(world, query)
        rows: dict[str, list[Contribution]] = defaultdict(list)
        for each in found:
            category = world.category(each.product_id)
            if category is not None:
                rows[category].append(each)
        figures = {category: total_of(each.figure for each in members) for category, members in rows.items()}
        offers = _offers(world, query)
        return {
            "total": written(total_of(each.figure for each in found)) | {"unit": query.unit},
            "rows": [
                {
                    "category": category,
                    **written(figures[category]),
                    **_sources(rows[category], offers[category], restrictions, query, threshold_attribute, threshold),
                }
                for category in sorted(rows, key=lambda category: row_order(figures[category], category))
            ],
            "remarks": remarks(world, query),
        }


#: By organisation the products that it makes, or sold where it is not known who makes them.
Offers = dict[str, set[str]]


def _offers(world: World, query: Query) -> dict[str, Offers]:
    """By category its sources and what each of them offers (rule 51)."""
    offers: dict[str, Offers] = defaultdict(lambda: defaultdict(set))
    for event in world.of_type("product-registered"):
        product_id = event["data"]["product_id"]
        maker, category = world.maker(product_id), world.category(product_id)
        if maker is not None and category is not None:
            offers[category][maker].add(product_id)
    for status in ("ordered", "delivered"):
        # Whoever bought it, whenever.
        market = replace(query, buyer=(), window=None, period=None, captive="include", status=status)
        for each in contributions(world, market):
            category = world.category(each.product_id)
            if each.product_id is not None and category is not None and world.maker(each.product_id) is None:
                offers[category][each.vendor_id].add(each.product_id)
    return offers


def _sources(
    members: list[Contribution],
    offers: Offers,
    restrictions: Restrictions,
    query: Query,
    threshold_attribute: str,
    threshold: str | None,
) -> dict[str, Any]:
    """Who sells a category, who else could, and whether only one could (rules 52 and 53)."""
    world = restrictions.world
    buyers = {buyer for each in members for buyer in each.buyers}
    vendors = {each.vendor_id for each in members}
    makers = {maker for each in members if (maker := world.maker(each.product_id)) is not None}
    answers: dict[str, str] = {}
    for source, products in offers.items():
        if query.captive == "exclude" and {world.ultimate_parent(buyer) for buyer in buyers} == {
            world.ultimate_parent(source)
        }:
            continue
        answers[source] = some(
            every(
                [
                    negation(restrictions.on(source, product_id, buyers)),
                    _reaches(world.product_attribute(product_id, threshold_attribute), threshold),
                ]
            )
            for product_id in sorted(products)
        ).answer
    available, undetermined, unfit = (
        sorted(source for source, answer in answers.items() if answer == wanted) for wanted in (YES, UNDETERMINED, NO)
    )
    others = [source for source in available if source not in vendors | makers]
    possible = len(available) + len(undetermined)
    if len(available) >= 2:
        sole = NO
    elif possible == 0:
        sole = "none"
    else:
        sole = YES if possible == 1 else UNDETERMINED
    return {
        "vendors": sorted(vendors)[:LISTED_IDS],
        "vendor_count": len(vendors),
        "sources": {"available": len(available), "undetermined": len(undetermined), "unfit": len(unfit)},
        "single_source": len(vendors) == 1,
        "sole_source": sole,
        "alternatives": others[:LISTED_IDS],
        "alternatives_total": len(others),
    }


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
#: The versions of the types that have more than the first. Of `goods-received` the first has an amount for every
#: receipt, and of `goods-returned` the first says nothing of money where it says no amount (rule 30).
VERSIONS = {"goods-received": (1, 2), "goods-returned": (1, 2)}
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
    if event["type"] not in TYPES or event.get("v") not in VERSIONS.get(event["type"], (1,)):
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
REPEATABLE = ("buyer", "exclude", "restricted")
#: What is taken where a question is silent, by view; None: nothing.
COMMON_DEFAULTS: dict[str, Any] = {
    "buyer": [],
    "buyer_scope": "entity",
    "exclude": [],
    "currency": "USD",
    "rates": "placed",
    "measure": "spend",
    "attribute": "tpp",
    "status": "ordered",
    "window": None,
    "period": None,
    "captive": "include",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "vendor-dependence": COMMON_DEFAULTS | {"by": "vendor", "home": None},
    "regulatory-exposure": COMMON_DEFAULTS | {"status": "open", "judged": "effective", "restricted": []},
    "sole-source": COMMON_DEFAULTS | {"threshold": None, "threshold_attribute": "tpp"},
}
VIEWS: dict[str, Callable[..., dict[str, Any]]] = {
    "vendor-dependence": vendor_dependence,
    "regulatory-exposure": regulatory_exposure,
    "sole-source": sole_source,
}
#: The views whose rows link to their evidence.
WITH_EVIDENCE = ("vendor-dependence", "regulatory-exposure")


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
        for name in ("exclude", "restricted"):
            if name in parameters:
                parameters[name] = sorted(set(parameters[name]))
        if not {"effective_on", "position"} <= clocks.keys():
            raise ValueError("effective_on and position must be given")
        known_on = clocks.get("known_on")
        return cls(
            view,
            day_of(clocks["effective_on"]),
            None if known_on is None else day_of(known_on),
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
        # What a row is made of is the same, however it is judged and whatever other rows are asked for.
        given = [(name, value) for name, value in self.given if name not in ("judged", "restricted")]
        asked = [*given, ("effective_on", self.effective_on.isoformat()), ("position", str(self.position))]
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
        if question.view not in WITH_EVIDENCE:
            bare.append(row)
            continue
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
