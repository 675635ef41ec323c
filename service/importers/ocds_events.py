"""What releases tell of an order, one after the other, as events: placed, amended, cancelled, or told anew."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.estimates import Estimate, plain
from domain.events import Recorded
from service.importers.ocds_purchases import Line, Purchase

#: Of the ids of events that come from releases: the order's id and the instant of the release stand behind it.
PREFIX = "ocds"
STAMP = re.compile(r":(\d{8}T\d{6}Z)(?::[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Told:
    """What the releases up to an instant say of one order."""

    published_at: datetime
    #: None: it is given up, or contracts took its place.
    purchase: Purchase | None
    #: Where the release stands, and what it is called.
    line: int
    citation: str
    #: Why it is given up.
    reason: str = ""
    #: The orders that took its place.
    contracted: tuple[str, ...] = ()
    #: The placing, retracted in the same group, that this order takes the place of.
    corrects: str | None = None

    @property
    def stamp(self) -> str:
        """The instant as event ids hold it."""
        return self.published_at.strftime("%Y%m%dT%H%M%SZ")

    @property
    def known_on(self) -> str:
        """The day of publication."""
        return self.published_at.date().isoformat()


@dataclass(frozen=True, slots=True)
class _Known:
    """An order as events leave it."""

    placing_id: str
    vendor_id: str
    buyers: tuple[str, ...]
    currency: str
    effective_on: str
    #: Quantity and amount by line, as recorded.
    lines: Mapping[str, tuple[Any, Any]]
    products: Mapping[str, str | None]
    cancelled: bool = False
    #: Ids of standing events that no release told.
    others: tuple[str, ...] = ()


class Unexplained(Exception):
    """The releases say of an order what no event can say, given what the ledger has."""


@dataclass(slots=True)
class Chain:
    """The events of one order, release after release, on top of those that the ledger has."""

    order_id: str
    history: Sequence[Recorded]
    #: What is said of releases that the ledger has overtaken.
    remarks: list[str] = field(default_factory=list)
    _state: _Known | None = None
    #: Instants of the releases that the ledger's events come from.
    _recorded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._recorded = [stamp for event in self.history if (stamp := self._stamp_of(event.id))]
        self._state = self._fold(self.history)
        if self._state is not None and not self._recorded:
            raise Unexplained(f"order {self.order_id} is in the ledger already, and not from an OCDS release")

    def follow(self, told: Told) -> Iterator[dict[str, Any]]:
        """The event requests of a release, in order."""
        if told.stamp in self._recorded:
            # Decided on what stood before it, so that the same events come out and are replays.
            before = self._fold(self._before(told.stamp))
            yield from self._steps(before, told)
            return
        if self._recorded and told.stamp < max(self._recorded):
            at_the_time = self._fold(self._before(told.stamp))
            if list(self._steps(at_the_time, told)):
                self.remarks.append(
                    f"{told.citation} is older than what the ledger has of {self.order_id}: not recorded"
                )
            return
        steps = list(self._steps(self._state, told))
        for step in steps:
            self._state = _after(self._state, step)
        yield from steps

    @property
    def placing_id(self) -> str | None:
        """The id of the placing that stands, after what was followed."""
        return None if self._state is None else self._state.placing_id

    def _before(self, stamp: str) -> list[Recorded]:
        """The ledger's events up to the first that comes from a release of this instant or a later one."""
        before: list[Recorded] = []
        for event in self.history:
            own = self._stamp_of(event.id)
            if own is not None and own >= stamp:
                break
            before.append(event)
        return before

    def _stamp_of(self, event_id: str) -> str | None:
        start = f"{PREFIX}:{self.order_id}"
        match = STAMP.fullmatch(event_id, len(start)) if event_id.startswith(start) else None
        return match[1] if match else None

    def _fold(self, events: Iterable[Recorded]) -> _Known | None:
        events = list(events)
        gone = {event.data["retracts"] for event in events if event.type == "event-retracted"}
        state: _Known | None = None
        for event in events:
            if event.id in gone or event.type in ("event-retracted", "event-annotated"):
                continue
            state = _applied(state, event.id, event.type, event.effective_on.text, event.data)
            if state is not None and self._stamp_of(event.id) is None:
                state = replace(state, others=(*state.others, event.id))
        return state

    def _steps(self, state: _Known | None, told: Told) -> Iterator[dict[str, Any]]:
        """The requests that make the order what the release says it is."""
        purchase = told.purchase
        if purchase is None:
            if state is None:
                return
            if told.contracted:
                self._refuse_others(state, "contracts took its place")
                yield self._retraction(state, told, f"Contracted as {', '.join(told.contracted)[:500]}.")
            elif not state.cancelled:
                yield self._request(told, "order-cancelled", f"../{told.known_on}", {"reason": told.reason})
            return
        if state is None:
            yield self._placing(purchase, told, told.corrects)
            return
        cause = _cause_to_tell_anew(state, purchase)
        if cause is not None:
            self._refuse_others(state, cause)
            yield self._retraction(state, told, f"Published anew: {cause}.")
            yield self._placing(purchase, told, state.placing_id)
            return
        data = _differences(state, purchase)
        if data:
            effective_on = f"../{told.known_on}"
            if purchase.amended_on is not None and purchase.amended_on >= state.effective_on.removeprefix("../"):
                effective_on = purchase.amended_on
            yield self._request(told, "order-amended", effective_on, data)

    def _refuse_others(self, state: _Known, cause: str) -> None:
        if state.others:
            message = f"order {self.order_id}: {cause}, which no amendment can say, and {state.others[0]} builds on it"
            raise Unexplained(message)

    def _request(self, told: Told, event_type: str, effective_on: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": event_type,
            "id": f"{PREFIX}:{self.order_id}:{told.stamp}",
            "effective_on": effective_on,
            "known_on": told.known_on,
            "source": {"citation": told.citation},
            "data": {"order_id": self.order_id, **data},
        }

    def _retraction(self, state: _Known, told: Told, reason: str) -> dict[str, Any]:
        return {
            "type": "event-retracted",
            "id": f"{PREFIX}:{self.order_id}:{told.stamp}:retracted",
            "effective_on": told.known_on,
            "known_on": told.known_on,
            "source": {"citation": told.citation},
            "data": {"retracts": state.placing_id, "reason": reason},
        }

    def _placing(self, purchase: Purchase, told: Told, corrects: str | None) -> dict[str, Any]:
        data = {
            "buyers": [buyer.organization_id for buyer in purchase.buyers],
            "vendor_id": purchase.supplier.organization.organization_id,
            "currency": purchase.currency,
            "lines": [_written(line) for line in purchase.lines],
        }
        request = self._request(told, "order-placed", purchase.effective_on or f"../{told.known_on}", data)
        return request | ({"corrects": corrects} if corrects else {})


def _written(line: Line) -> dict[str, Any]:
    product_id = line.product.product_id if line.product else None
    return {"line": line.line, "product_id": product_id, "quantity": line.quantity, "amount": line.amount}


def _applied(state: _Known | None, event_id: str, event_type: str, on: str, data: Mapping[str, Any]) -> _Known | None:
    """The order after an event; receipts and allocations change nothing that releases tell."""
    if event_type == "order-placed":
        lines = {line["line"]: (line["quantity"], line["amount"]) for line in data["lines"]}
        products = {line["line"]: line["product_id"] for line in data["lines"]}
        return _Known(event_id, data["vendor_id"], tuple(data["buyers"]), data["currency"], on, lines, products)
    if state is None or event_type == "order-cancelled":
        return state and replace(state, cancelled=True)
    if event_type != "order-amended":
        return state
    lines, products = dict(state.lines), dict(state.products)
    for change in data.get("changes", ()):
        quantity, amount = lines[change["line"]]
        lines[change["line"]] = (_moved(quantity, change.get("quantity")), _moved(amount, change.get("amount")))
    for line in data.get("lines", ()):
        lines[line["line"]] = (line["quantity"], line["amount"])
        products[line["line"]] = line["product_id"]
    return replace(state, lines=lines, products=products)


def _after(state: _Known | None, request: Mapping[str, Any]) -> _Known | None:
    if request["type"] == "event-retracted":
        return None
    return _applied(state, request["id"], request["type"], request["effective_on"], request["data"])


def _moved(figure: Any, difference: str | None) -> Any:
    estimate = Estimate.of(figure)
    if difference is None or estimate.value is None:
        return figure
    by = Decimal(difference)
    high = None if estimate.high is None else estimate.high + by
    return Estimate(estimate.value + by, estimate.low + by, high).stored()


def _cause_to_tell_anew(state: _Known, purchase: Purchase) -> str | None:
    """What is different about an order that no amendment can say; None: nothing, or nothing but lines' figures."""
    if state.cancelled:
        return "it is not given up after all"
    vendor_id = purchase.supplier.organization.organization_id
    if vendor_id != state.vendor_id:
        return f"the supplier is {vendor_id}, not {state.vendor_id}"
    buyers = {buyer.organization_id for buyer in purchase.buyers}
    if buyers != set(state.buyers):
        return f"the buyer is {', '.join(sorted(buyers))[:300]}, not {', '.join(state.buyers)[:300]}"
    if purchase.currency != state.currency:
        return f"the currency is {purchase.currency}, not {state.currency}"
    if purchase.effective_on is not None and purchase.effective_on != state.effective_on:
        return f"the date is {purchase.effective_on}, not {state.effective_on}"
    told = {line.line: line for line in purchase.lines}
    for name, (quantity, amount) in state.lines.items():
        line = told.get(name)
        if line is not None and (line.product.product_id if line.product else None) != state.products[name]:
            return f"line {name} is of another product"
        for before, after in ((quantity, line.quantity if line else "0"), (amount, line.amount if line else "0")):
            if before != after and not (isinstance(before, str) and isinstance(after, str)):
                return f"a figure of line {name} is known, or not known any more"
    return None


def _differences(state: _Known, purchase: Purchase) -> dict[str, Any]:
    """The data of an amendment; empty where nothing is different. A line that is not told any more comes to nothing."""
    told = {line.line: line for line in purchase.lines}
    changes = []
    for name, before in state.lines.items():
        line = told.get(name)
        after = (line.quantity, line.amount) if line else ("0", "0")
        change = {
            measure: plain(Decimal(new) - Decimal(old))
            for measure, old, new in zip(("quantity", "amount"), before, after, strict=True)
            if isinstance(old, str) and isinstance(new, str) and old != new
        }
        if change:
            changes.append({"line": name, **change})
    added = [_written(line) for name, line in told.items() if name not in state.lines]
    return ({"changes": changes} if changes else {}) | ({"lines": added} if added else {})
