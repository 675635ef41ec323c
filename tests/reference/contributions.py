"""What each order or assertion line contributes to the figures of some buyers (docs/semantics.md, rules 7 to 21)."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.reference.asof import Event, World, end_day, latest
from tests.reference.figures import (
    NOTHING,
    UNBOUNDED,
    ZERO,
    Figure,
    bounds_of,
    delivered,
    posting,
    still_open,
    total_of,
    unquantified,
)

#: Whether what an event says of a line of that name is about this one.
IsOf = Callable[[Event, dict[str, Any]], bool]


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


def window_start(window: str, effective_on: date) -> date:
    """The day before the first day of a window that ends on `effective_on` (rule 15)."""
    match = re.fullmatch(r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", window)
    if match is None:
        raise ValueError(f"{window} is not a duration of years, months, weeks and days")
    years, months, weeks, days = (int(number or 0) for number in match.groups())
    year, month_from_zero = divmod(effective_on.year * 12 + effective_on.month - 1 - (years * 12 + months), 12)
    month = month_from_zero + 1
    day = min(effective_on.day, monthrange(year, month)[1])
    return date(year, month, day) - timedelta(weeks=weeks, days=days)


def _in_window(end: date, world: World, query: Query) -> bool:
    return query.window is None or end > window_start(query.window, world.effective_on)


def _asked(buyers: Iterable[str], world: World, query: Query) -> tuple[str, ...]:
    """Those of the buyers that are asked for."""
    if not query.buyer:
        return tuple(buyers)
    asked = world.group(query.buyer) if query.buyer_scope == "group" else set(query.buyer)
    return tuple(buyer for buyer in buyers if buyer in asked)


def _switched_on(events: list[Event], query: Query) -> list[Event]:
    """Those that `exclude` does not switch off (rule 9)."""
    return [event for event in events if event["basis"] not in query.exclude]


# Orders


def _from_orders(world: World, query: Query) -> list[Contribution]:
    placings = _switched_on(world.of_type("order-placed"), query)
    return [contribution for placing in placings for contribution in _from_order(placing, world, query)]


def _from_order(placing: Event, world: World, query: Query) -> list[Contribution]:
    order = placing["data"]
    buyers = _asked(order["buyers"], world, query)
    if not buyers:
        return []
    # What was recorded about this placing stands between it and the next under the same id, if there is one (rule 7).
    stream = [event for event in world.recorded if event["data"].get("order_id") == order["order_id"]]
    placed = [event["position"] for event in stream if event["type"] == "order-placed"]
    next_placed = min((position for position in placed if position > placing["position"]), default=None)
    about = [
        event
        for event in stream
        if event["position"] >= placing["position"] and (next_placed is None or event["position"] < next_placed)
    ]

    def happened(event_type: str) -> list[Event]:
        return _switched_on([event for event in world.of_type(event_type) if event in about], query)

    def is_of(event: Event, line: dict[str, Any]) -> bool:
        """Whether what an event says of a line of that name is about this one: the last brought before it (rule 8)."""
        brought = [
            other["position"]
            for other in about
            if other["position"] < event["position"]
            and any(one["line"] == line["line"] for one in other["data"].get("lines", []))
        ]
        return bool(max(brought) == line["brought"])

    amendments = happened("order-amended")
    receipts = happened("goods-received")
    returns = happened("goods-returned")
    cancelled = bool(happened("order-cancelled"))
    allocation = latest(happened("order-allocated"))

    lines = [
        line | {"end": end_day(event), "brought": event["position"]}
        for event in [placing, *amendments]
        for line in event["data"].get("lines", [])
    ]

    found = []
    for line in lines:
        ordered = _ordered(line, amendments, is_of, query)
        arrived = _delivered(line, receipts, returns, is_of, query)
        if query.status == "open":
            figure = NOTHING if cancelled else still_open(ordered, arrived)
        elif query.status == "ordered":
            within = _in_window(end_day(placing), world, query)
            figure = NOTHING if not within else arrived if cancelled else ordered
        else:
            figure = _delivered(
                line,
                [event for event in receipts if _in_window(end_day(event), world, query)],
                [event for event in returns if _in_window(end_day(event), world, query)],
                is_of,
                query,
            )
        figure = _measured(figure, line.get("product_id"), order.get("currency"), end_day(placing), world, query)
        figure = _share_of(figure, order["buyers"], buyers, allocation, query)
        found.append(_contribution(order["vendor_id"], line.get("product_id"), buyers, figure, world))
    return found


def _ordered(line: dict[str, Any], amendments: list[Event], is_of: IsOf, query: Query) -> Figure:
    """The line as placed or added, with its changes (rule 14)."""
    placed = posting(line.get(query.measured_field), line["end"], leave_out=query.leaves_out_unquantified)
    changes = [
        posting(change[query.measured_field], end_day(event), leave_out=False)
        for event in amendments
        for change in event["data"].get("changes", [])
        if change["line"] == line["line"] and is_of(event, line) and query.measured_field in change
    ]
    return placed + total_of(changes)


def _delivered(line: dict[str, Any], receipts: list[Event], returns: list[Event], is_of: IsOf, query: Query) -> Figure:
    """What arrived of a line and stayed (rule 14)."""
    received = [
        posting(receipt[query.measured_field], end_day(event), leave_out=query.leaves_out_unquantified)
        for event in receipts
        for receipt in event["data"]["receipts"]
        if receipt["line"] == line["line"] and is_of(event, line)
    ]
    returned = [
        posting(given_back[query.measured_field], end_day(event), leave_out=False)
        for event in returns
        for given_back in event["data"]["returns"]
        if given_back["line"] == line["line"] and is_of(event, line) and query.measured_field in given_back
    ]
    return delivered(total_of(received), total_of(returned))


def _share_of(
    figure: Figure, all_buyers: list[str], buyers: tuple[str, ...], allocation: Event | None, query: Query
) -> Figure:
    """The part of an order's figure that is the buyers' in scope (rules 19 and 20)."""
    if figure.is_exactly_zero or len(buyers) == len(all_buyers):
        return figure
    leave_out = query.leaves_out_unquantified
    if allocation is None:
        return unquantified(figure.high, figure.ends, leave_out=leave_out)
    shares = {given["buyer_id"]: bounds_of(given["share"]) for given in allocation["data"]["allocations"]}
    named = [shares[buyer] for buyer in buyers if buyer in shares]
    left = 1 - sum((low for _, low, _ in shares.values()), ZERO)
    part = NOTHING
    if named:
        share, share_low, share_high = (sum(numbers, ZERO) for numbers in zip(*named, strict=True))
        # A share of exactly 0 has no part even in what is unbounded.
        if share_high > 0:
            part += Figure(
                figure.value * share,
                figure.low * share_low,
                figure.high * share_high,
                figure.quantified,
                figure.unquantified,
                figure.ends,
            )
    if len(named) < len(buyers) and left > 0:
        part += unquantified(figure.high * left, figure.ends, leave_out=leave_out)
    return part


# Supply assertions


def _from_assertions(world: World, query: Query) -> list[Contribution]:
    if query.status == "open":
        return []
    every = _switched_on(world.of_type("supply-asserted"), query)
    found = []
    for assertion_id in sorted({event["data"]["assertion_id"] for event in every}):
        event = latest(event for event in every if event["data"]["assertion_id"] == assertion_id)
        assert event is not None
        assertion, end = event["data"], end_day(event)
        buyers = _asked([assertion["buyer_id"]], world, query)
        if not buyers or not _in_window(end, world, query):
            continue
        # Without lines it is one unquantified posting without a product (rule 11).
        for line in assertion.get("lines") or [{}]:
            figure = posting(line.get(query.measured_field), end, leave_out=query.leaves_out_unquantified)
            figure = _measured(figure, line.get("product_id"), assertion.get("currency"), end, world, query)
            found.append(_contribution(assertion["vendor_id"], line.get("product_id"), buyers, figure, world))
    return found


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
    if attribute is None or isinstance(attribute, bool) or "text" in attribute:
        return unquantified(UNBOUNDED, figure.ends, leave_out=query.leaves_out_unquantified)
    value, low, high = bounds_of(attribute)
    return Figure(
        figure.value * value,
        figure.low * low,
        UNBOUNDED if figure.high == UNBOUNDED else figure.high * high,
        figure.quantified,
        figure.unquantified,
        figure.ends,
    )


def _converted(figure: Figure, currency: str | None, on: date, world: World, query: Query) -> Figure:
    if currency == query.currency:
        return figure
    rates = None if currency is None else world.rates(currency, query.currency, on)
    if rates is None:
        return unquantified(UNBOUNDED, figure.ends, leave_out=query.leaves_out_unquantified)

    def convert(amount: Decimal) -> Decimal:
        return amount * rates[1] / rates[0]

    return Figure(
        convert(figure.value),
        convert(figure.low),
        convert(figure.high),
        figure.quantified,
        figure.unquantified,
        figure.ends,
    )
