"""Contributions of few lines: what each adds to a figure, and what its parts are multiplied with (rules 16 to 21)."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from projections.contributions import STALE_RATE, remarked
from projections.few.lines import LineSum, OrderSeen
from projections.few.look import Viewpoint
from projections.few.records import AllocationSaid, AssertedLine, AssertionSaid, HeldLine, HeldOrder
from projections.few.world import WorldThen

#: As the statements answer them (contributions.sql), figures in whole numbers; `buyers`: those in scope.
Contribution = dict[str, Any]
KeyOf = Callable[[WorldThen, Contribution], str | None]

#: One, in the units of rates, and in those of attributes and shares.
WHOLE_RATE, WHOLE = 10**10, 10**6
#: Rates that are older than this on the day they are used for are remarked upon (rule 61).
FRESH_DAYS = 92
NO_RATE = {"publication": None, "source_rate": WHOLE_RATE, "target_rate": WHOLE_RATE}
NO_ATTRIBUTE = {"attribute_value": WHOLE, "attribute_low": WHOLE, "attribute_high": WHOLE}
UNCHANGED = NO_RATE | NO_ATTRIBUTE
#: Share (value, low, high), or None; and what may be theirs at most without an allocation, or None.
Part = tuple[tuple[int, int, int] | None, int | None]
THE_WHOLE: Part = ((WHOLE, WHOLE, WHOLE), None)


def key_of(parameters: Any) -> KeyOf:
    """The key of a contribution's row, by what rows are made by (rule 22)."""
    by, _, label = parameters.by.partition(":")

    def attribute(world: WorldThen, one: Contribution) -> str | None:
        found = None if one["product"] is None else world.attribute(one["product"], label)
        return None if found is None else found.label

    return attribute if by == "attribute" else KEYS[by]


def _maker(world: WorldThen, one: Contribution) -> str | None:
    maker = None if one["product"] is None else world.product(one["product"]).maker
    return one["vendor"] if maker is None else maker


KEYS: dict[str, KeyOf] = {
    "vendor": lambda world, one: one["vendor"],
    "maker": _maker,
    "parent": lambda world, one: world.family(one["vendor"]),
    "country": lambda world, one: one["country"],
    "product": lambda world, one: one["product"],
    "category": lambda world, one: None if one["product"] is None else world.product(one["product"]).category,
}


#: As many ten-thousandths are summed by statements without fear for room (128 bits, or 38 digits).
MOST_SUMMED = 10**36


class NoRoom(Exception):
    """Figures of more digits than statements are sure to have room for: they say what is answered or refused."""


class Remarks:
    """What contributions lack, counted (rule 61)."""

    def __init__(self, parameters: Any, wanted: Callable[[Contribution], bool] = lambda one: True) -> None:
        """`wanted`: whether a contribution is one of those that it is about."""
        self._into = parameters.currency
        self._wanted = wanted
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._days: dict[tuple[str, str], int] = defaultdict(int)

    def note(self, one: Contribution, assertion_id: str | None) -> None:
        """Take note of what a contribution lacks."""
        if not self._wanted(one):
            return
        kind = one["wanting"]
        if kind in ("no-rate", STALE_RATE):
            subject = f"{one['currency']}/{self._into}"
        elif kind == "no-currency":
            subject = assertion_id or ""
        else:
            subject = one["vendor"] if kind == "no-product" else one["product"]
        self._counts[kind, subject] += 1
        self._days[kind, subject] = max(self._days[kind, subject], one["rate_days"] or 0)

    def listed(self) -> list[dict[str, Any]]:
        """All of them, as answered."""
        return remarked(
            {"kind": kind, "subject": subject, "count": count, "days": self._days[kind, subject]}
            for (kind, subject), count in self._counts.items()
        )


def contributions_of(look: Viewpoint, remarks: Remarks | None = None) -> Iterator[Contribution]:
    """Every contribution, those of orders first. `order`, `line` and `seen`, or `assertion`, are where it is from."""
    summed = 0
    for seen in seen_orders(look):
        in_scope, whole = look.buyers_in_scope(seen.order.buyers)
        part = THE_WHOLE if whole or not seen.order.is_joint else None
        allocated: AllocationSaid | None = None
        for line in seen.order.lines:
            found = seen.sum(line)
            if found is None or found.is_nothing:
                continue
            summed += found.high
            if summed > MOST_SUMMED:
                raise NoRoom
            if part is None:
                allocated = _allocation(look, seen.order)
                part = _part(look, seen.order, allocated)
            position = None if allocated is None else allocated.position
            one = _contributed(look, found, _of_order(look, seen.order, line, in_scope), part, position)
            if one is not None and _stays(look, one, remarks, None):
                one.update(order=seen.order, line=line, seen=seen)
                yield one
    if look.parameters.status != "open":
        for said, asserted, found in asserted_lines(look):
            if found.is_nothing:
                continue
            one = _contributed(look, found, _of_assertion(look, said, asserted), THE_WHOLE, None)
            if one is not None and _stays(look, one, remarks, said.assertion_id):
                one.update(assertion=said, line=asserted)
                yield one


def seen_orders(look: Viewpoint) -> Iterator[OrderSeen]:
    """The orders that count, of the buyers asked for."""
    for order in look.held.orders.orders_of(look.asked_records):
        seen = OrderSeen.of(look, order)
        if seen is not None:
            yield seen


def asserted_lines(look: Viewpoint) -> Iterator[tuple[AssertionSaid, AssertedLine, LineSum]]:
    """The lines of supply that is known without an order (rule 11): of each assertion the latest."""
    is_spend = look.parameters.measure == "spend"
    for several in look.held.orders.assertions_of(look.asked_records):
        said = max((one for one in several if look.counts(one, one.basis)), default=None)
        if said is None or not look.first_on <= said.ends_on <= look.last_on:
            continue
        if look.asked_records is not None and said.buyer not in look.asked_records:
            continue
        for line in said.lines:
            value, low, high, quantified, unquantified = (
                getattr(line.amount if is_spend else line.quantity, name)
                for name in ("value", "low", "high", "quantified", "unquantified")
            )
            if look.unquantified or quantified:
                found = LineSum(value, low, high, quantified, unquantified, unquantified, said.ends_on, said.ends_on)
                yield said, line, found


def _of_order(look: Viewpoint, order: HeldOrder, line: HeldLine, in_scope: frozenset[str]) -> Contribution:
    return {
        "source": "order",
        "position": order.position,
        "line_key": line.line_key,
        "vendor": look.world.organization_of(order.vendor),
        "product": line.product,
        "currency": order.currency,
        "buyers": in_scope,
        "placed_on": order.placed_on,
    }


def _of_assertion(look: Viewpoint, said: AssertionSaid, line: AssertedLine) -> Contribution:
    return {
        "source": "supply",
        "position": said.position,
        "line_key": said.position * 65_536 + line.ordinal,
        "vendor": look.world.organization_of(said.vendor),
        "product": line.product,
        "currency": said.currency,
        "buyers": frozenset({look.world.organization_of(said.buyer)}),
        "placed_on": said.ends_on,
    }


def _contributed(
    look: Viewpoint, found: LineSum, one: Contribution, part: Part, allocated: int | None
) -> Contribution | None:
    """A line as a contribution, with its factors; None where it is exactly nothing (rule 21)."""
    share, remainder = part
    if share is None and remainder is None:
        return None
    convertible, wanting, rate_days, factors = _factors(look, one)
    value, low, high, quantified, unquantified, unbounded, first_on, last_on = found
    if not convertible:
        value = low = high = quantified = 0
        unquantified = unbounded = 1
    may_be = remainder is not None
    values, lows, highs = (0, 0, 0) if share is None else share
    something = (
        unquantified
        or (value and factors["attribute_value"] and (values or may_be))
        or (low and factors["attribute_low"] and (lows or may_be))
        or (high and factors["attribute_high"])
    )
    if not something:
        return None
    world = look.world
    family = world.family(one["vendor"])
    one |= factors
    one |= {
        "value": value,
        "low": low,
        "high": high,
        "quantified": quantified,
        "unquantified": unquantified,
        "unbounded": unbounded,
        "first_on": first_on,
        "last_on": last_on,
        "convertible": convertible,
        "wanting": wanting,
        "rate_days": rate_days,
        "allocated": allocated,
        "share_value": None if share is None else values,
        "share_low": None if share is None else lows,
        "share_high": None if share is None else highs,
        "remainder": remainder,
        "captive": all(world.family(buyer) == family for buyer in one["buyers"]),
        "country": world.organization(one["vendor"]).country,
    }
    return one


def _stays(look: Viewpoint, one: Contribution, remarks: Remarks | None, assertion_id: str | None) -> bool:
    """Whether a contribution is asked for; what it lacks is noted all the same. What is left out has no remainder."""
    if one["captive"] and look.parameters.captive == "exclude":
        return False
    if one["wanting"] is not None and remarks is not None:
        remarks.note(one, assertion_id)
    if look.unquantified:
        return True
    one["remainder"] = None
    return one["convertible"] and one["share_value"] is not None


def _factors(look: Viewpoint, one: Contribution) -> tuple[bool, str | None, int | None, dict[str, Any]]:
    """Whether a figure can be converted, what is wanting, how old the rate is, and the factors (rules 16 to 18)."""
    parameters = look.parameters
    if parameters.measure == "units":
        return True, None, None, UNCHANGED
    if parameters.measure == "spend":
        return _rate(look, one["currency"], parameters.rates_on or one["placed_on"])
    if one["product"] is None:
        return False, "no-product", None, UNCHANGED
    attribute = look.world.attribute(one["product"], parameters.attribute)
    if attribute is None or attribute.value is None:
        return False, "no-attribute", None, UNCHANGED
    named = {
        "attribute_value": attribute.value,
        "attribute_low": WHOLE if attribute.low is None else attribute.low,
        "attribute_high": WHOLE if attribute.high is None else attribute.high,
    }
    return True, None, None, NO_RATE | named


def _rate(look: Viewpoint, currency: str | None, day: date) -> tuple[bool, str | None, int | None, dict[str, Any]]:
    into = look.parameters.currency
    if currency is None:
        return False, "no-currency", None, UNCHANGED
    if currency == into:
        return True, None, None, UNCHANGED
    rate = look.world.rate(currency, into, day, look.known_on, look.position)
    if rate is None:
        return False, "no-rate", None, UNCHANGED
    age = (day - rate.holds_from).days
    converted = {
        "publication": rate.publication,
        "source_rate": rate.source_rate,
        "target_rate": rate.target_rate,
    }
    return True, STALE_RATE if age > FRESH_DAYS else None, age, converted | NO_ATTRIBUTE


def _allocation(look: Viewpoint, order: HeldOrder) -> AllocationSaid | None:
    """The latest allocation of an order that counts."""
    return max((one for one in order.allocations if look.counts(one, one.basis)), default=None)


def _part(look: Viewpoint, order: HeldOrder, said: AllocationSaid | None) -> Part:
    """What the buyers in scope have of a joint order, some of whose buyers are not (rules 19 and 20)."""
    if said is None:
        return None, WHOLE
    records: dict[str, list[str]] = defaultdict(list)
    for record in order.buyers:
        records[look.world.organization_of(record)].append(record)
    assert look.asked is not None
    in_scope = named = 0
    value = low = high = others_low = 0
    for organization, own in records.items():
        is_asked = organization in look.asked
        in_scope += is_asked
        if not all(record in said.shares for record in own):
            continue
        shares = [said.shares[record] for record in own]
        if not is_asked:
            others_low += sum(share[1] for share in shares)
            continue
        named += 1
        value += sum(share[0] for share in shares)
        low += sum(share[1] for share in shares)
        high += sum(share[2] for share in shares)
    cap, left = WHOLE - others_low, WHOLE - others_low - low
    high = min(high, cap)
    remainder = max(cap - high, 0) if named < in_scope and left > 0 else None
    return (value, low, high) if high > 0 else None, remainder
