"""What becomes of an order: its lines as amended and received, and what may still be recorded of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from domain.errors import Invalid, Rejected
from domain.estimates import EXACT, FOUR_PLACES, ZERO, Estimate, plain
from domain.events import Draft, Recorded
from domain.orders import GoodsReceived, GoodsReturned, OrderAllocated, OrderAmended, OrderCancelled

#: Exactly none.
NOTHING = Estimate(ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class LineState:
    """A line as amended so far, and what arrived on it, for any dates."""

    quantity: Estimate
    amount: Estimate
    #: Sums over receipts; None as high: unbounded. The amounts are those that receipts state.
    received: Estimate = NOTHING
    received_amount: Estimate = NOTHING
    #: What arrived by receipts that state no amount (docs/semantics.md, 30).
    unpriced: Estimate = NOTHING
    returned: Decimal = ZERO
    returned_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as far as decisions need to know it."""

    buyers: tuple[str, ...]
    lines: Mapping[str, LineState]
    #: End of the first cancellation; None: not cancelled.
    cancelled_on: date | None = None
    cancellations: int = 0


#: Where events speak of lines.
LINE_FIELDS = ("changes", "lines", "receipts", "returns")


def plus(one: Estimate, other: Estimate) -> Estimate:
    """The sum; an unquantified part adds nothing to the value and makes the sum unbounded."""
    high = None if one.high is None or other.high is None else one.high + other.high
    return Estimate((one.value or ZERO) + (other.value or ZERO), one.low + other.low, high)


def apply(state: OrderState | None, event: Recorded) -> OrderState:
    """The order after the event."""
    data = event.data
    if event.type == "order-placed":
        return OrderState(tuple(data["buyers"]), {line["line"]: _opened(line) for line in data["lines"]})
    assert state is not None
    if event.type == "order-cancelled":
        ends_on = event.ends_on if state.cancelled_on is None else min(state.cancelled_on, event.ends_on)
        return replace(state, cancelled_on=ends_on, cancellations=state.cancellations + 1)
    lines = dict(state.lines)
    # What speaks of a line that is not there is about to be retracted, as what brought the line was.
    for change in data.get("changes", ()):
        if change["line"] in lines:
            lines[change["line"]] = _changed(lines[change["line"]], change)
    if event.type == "order-amended":
        lines.update({line["line"]: _opened(line) for line in data.get("lines", ())})
    for receipt in data.get("receipts", ()):
        if receipt["line"] in lines:
            lines[receipt["line"]] = _received(lines[receipt["line"]], receipt)
    for back in data.get("returns", ()):
        if back["line"] in lines:
            lines[back["line"]] = _returned(lines[back["line"]], back)
    return replace(state, lines=lines)


def without(state: OrderState, event: Recorded) -> OrderState | None:
    """The order less an event that is in it and did not place it; None: it must be folded anew."""
    data = event.data
    if event.type == "order-cancelled":
        return replace(state, cancelled_on=None, cancellations=0) if state.cancellations == 1 else None
    lines = dict(state.lines)
    if not all(part["line"] in lines for field in LINE_FIELDS for part in data.get(field, ())):
        return None
    for change in data.get("changes", ()):
        lines[change["line"]] = _changed(lines[change["line"]], _back(change))
    for line in data.get("lines", ()):
        del lines[line["line"]]
    for receipt in data.get("receipts", ()):
        less = _not_received(lines[receipt["line"]], receipt)
        if less is None:
            return None
        lines[receipt["line"]] = less
    for back in data.get("returns", ()):
        lines[back["line"]] = _returned(lines[back["line"]], _back(back))
    return replace(state, lines=lines)


def _back(part: Mapping[str, Any]) -> dict[str, Decimal]:
    return {name: -Decimal(part.get(name, "0")) for name in ("quantity", "amount")}


def _not_received(line: LineState, receipt: Mapping[str, Any]) -> LineState | None:
    quantity = Estimate.of(receipt["quantity"])
    received = _minus(line.received, quantity)
    if "amount" in receipt:
        unpriced: Estimate | None = line.unpriced
        received_amount = _minus(line.received_amount, Estimate.of(receipt["amount"]))
    else:
        unpriced, received_amount = _minus(line.unpriced, quantity), line.received_amount
    if received is None or received_amount is None or unpriced is None:
        return None
    return replace(line, received=received, received_amount=received_amount, unpriced=unpriced)


def _minus(total: Estimate, part: Estimate) -> Estimate | None:
    """A sum less a part of it; None where that made it unbounded, or may have been the only one that did."""
    if part.high is None:
        return None
    high = None if total.high is None else total.high - part.high
    return Estimate((total.value or ZERO) - (part.value or ZERO), total.low - part.low, high)


def _opened(line: Mapping[str, Any]) -> LineState:
    return LineState(Estimate.of(line["quantity"]), Estimate.of(line["amount"]))


def _changed(line: LineState, change: Mapping[str, Any]) -> LineState:
    def moved(figure: Estimate, difference: Decimal) -> Estimate:
        if figure.value is None or not difference:
            return figure
        high = None if figure.high is None else figure.high + difference
        return Estimate(figure.value + difference, figure.low + difference, high)

    return replace(
        line,
        quantity=moved(line.quantity, Decimal(change.get("quantity", "0"))),
        amount=moved(line.amount, Decimal(change.get("amount", "0"))),
    )


def _received(line: LineState, receipt: Mapping[str, Any]) -> LineState:
    quantity = Estimate.of(receipt["quantity"])
    line = replace(line, received=plus(line.received, quantity))
    if "amount" in receipt:
        return replace(line, received_amount=plus(line.received_amount, Estimate.of(receipt["amount"])))
    return replace(line, unpriced=plus(line.unpriced, quantity))


def _returned(line: LineState, back: Mapping[str, Any]) -> LineState:
    return replace(
        line,
        returned=line.returned + Decimal(back["quantity"]),
        returned_amount=line.returned_amount + Decimal(back.get("amount", "0")),
    )


def received_worth(line: LineState) -> Decimal | None:
    """What all that was received is worth at most, at the line's price where receipts state none; None: unbounded."""
    stated, unpriced = line.received_amount.high, line.unpriced.high
    if stated is None or unpriced is None:
        return None
    if not unpriced:
        return stated
    ordered, amount = line.quantity.value, line.amount.value
    if not (line.quantity.exact and line.amount.exact and ordered and amount is not None):
        return None
    share = EXACT.divide(EXACT.multiply(amount, unpriced), ordered)
    return stated + share.quantize(FOUR_PLACES, rounding=ROUND_HALF_EVEN, context=EXACT)


def admit(state: OrderState | None, draft: Draft) -> None:
    """Rejected where a rule of arithmetic forbids the event (docs/semantics.md, 31)."""
    if state is None:
        return
    body = draft.body
    if isinstance(body, OrderAmended):
        _admit_amendment(state, body, draft.ends_on)
    elif isinstance(body, OrderCancelled):
        if state.cancelled_on is not None:
            raise Rejected.at("/data/order_id", f"{body.order_id} is cancelled already, on {state.cancelled_on}")
    elif isinstance(body, GoodsReceived):
        _admit_receipt(state, body, draft.effective_on.first)
    elif isinstance(body, GoodsReturned):
        _admit_return(state, body)
    elif isinstance(body, OrderAllocated):
        for n, allocation in enumerate(body.allocations):
            if allocation.buyer_id not in state.buyers:
                message = f"{allocation.buyer_id} is not a buyer of {body.order_id} ({', '.join(state.buyers)})"
                raise Invalid.at(f"/data/allocations/{n}/buyer_id", message)


def _admit_amendment(state: OrderState, body: OrderAmended, ends_on: date) -> None:
    if state.cancelled_on is not None and ends_on > state.cancelled_on:
        message = f"{body.order_id} is cancelled on {state.cancelled_on} and cannot be amended as of {ends_on}"
        raise Rejected.at("/effective_on", message)
    lines = dict(state.lines)
    for n, change in enumerate(body.changes or ()):
        line = _known_line(lines, change.line, f"/data/changes/{n}/line", body.order_id)
        for name, figure, difference in (
            ("quantity", line.quantity, change.quantity),
            ("amount", line.amount, change.amount),
        ):
            _admit_difference(figure, difference, f"/data/changes/{n}/{name}", f"{name} of line {change.line}")
        raw = {"quantity": str(change.quantity or ZERO), "amount": str(change.amount or ZERO)}
        lines[change.line] = _changed(line, raw)
    for n, added in enumerate(body.lines or ()):
        if added.line in lines:
            raise Rejected.at(f"/data/lines/{n}/line", f"{body.order_id} has a line {added.line} already")


def _admit_difference(figure: Estimate, difference: Decimal | None, pointer: str, what: str) -> None:
    if not difference:
        return
    if not figure.exact or figure.value is None:
        raise Rejected.at(pointer, f"the {what} is not exact, so a difference to it cannot be taken")
    if figure.value + difference < 0:
        raise Rejected.at(pointer, f"{plain(difference)} takes the {what} ({plain(figure.value)}) below zero")
    if figure.value + difference >= Decimal(10) ** 15:
        raise Invalid.at(pointer, f"{plain(difference)} takes the {what} beyond 15 digits")


def _known_line(lines: Mapping[str, LineState], name: str, pointer: str, order_id: str) -> LineState:
    if name not in lines:
        raise Rejected.at(pointer, f"{order_id} has no line {name}")
    return lines[name]


def _admit_receipt(state: OrderState, body: GoodsReceived, first: date | None) -> None:
    for n, receipt in enumerate(body.receipts):
        _known_line(state.lines, receipt.line, f"/data/receipts/{n}/line", body.order_id)
    if state.cancelled_on is not None and first is not None and first > state.cancelled_on:
        message = f"received from {first} on, after {body.order_id} was cancelled on {state.cancelled_on}"
        raise Rejected.at("/effective_on", message)


def _admit_return(state: OrderState, body: GoodsReturned) -> None:
    lines = dict(state.lines)
    for n, back in enumerate(body.returns):
        line = _known_line(lines, back.line, f"/data/returns/{n}/line", body.order_id)
        raw = {"quantity": str(back.quantity), "amount": str(back.amount or ZERO)}
        after = _returned(line, raw)
        for name, returned, received in (
            ("quantity", after.returned, line.received.high),
            ("amount", after.returned_amount, received_worth(line)),
        ):
            if received is not None and returned > received and getattr(back, name):
                message = f"{plain(returned)} returned of line {back.line}, {plain(received)} received"
                raise Rejected.at(f"/data/returns/{n}/{name}", message)
        lines[back.line] = after
