"""An order as the events leave it that the ledger has of it, or is about to have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain.estimates import Estimate
from domain.events import Recorded


@dataclass(frozen=True, slots=True)
class Known:
    """An order as events leave it."""

    placing_id: str
    vendor_id: str
    buyers: tuple[str, ...]
    currency: str
    effective_on: str
    #: Quantity and amount by line, as recorded.
    lines: dict[str, tuple[Any, Any]]
    products: dict[str, str | None]
    cancelled: bool = False
    #: The id of the first standing event that no release stated.
    other: str | None = None


class GrowingFold:
    """An order as the first so many of its events leave it, for ever more of them."""

    def __init__(self, stamps: Sequence[str | None]) -> None:
        self._stamps = stamps
        self._events: list[Recorded] = []
        self._gone: set[str] = set()
        #: Where the placings stand that may count; what was before the last of them does not matter any more.
        self._placings: list[int] = []
        self._state: Known | None = None
        #: Where the events begin of which the state is still to be made; None: something before was taken back.
        self._next: int | None = 0

    def add(self, event: Recorded) -> None:
        """Take in a further event."""
        if event.type == "event-retracted":
            self._gone.add(event.data["retracts"])
            self._next = None
        elif event.type == "order-placed":
            self._placings.append(len(self._events))
        self._events.append(event)

    @property
    def state(self) -> Known | None:
        """The order; None: it is not placed."""
        start = self._next
        if start is None:
            while self._placings and self._events[self._placings[-1]].id in self._gone:
                self._placings.pop()
            self._state = None
            start = self._placings[-1] if self._placings else len(self._events)
        # What was given away stays as it is; what is made here is changed as often as there are amendments.
        given = self._state
        for place in range(start, len(self._events)):
            event = self._events[place]
            if event.id in self._gone or event.type in ("event-retracted", "event-annotated"):
                continue
            state = applied(self._state, event.id, event.type, event.effective_on.text, event.data, kept=given)
            if state is not None and state.other is None and self._stamps[place] is None:
                state = replace(state, other=event.id)
            self._state = state
        self._next = len(self._events)
        return self._state


def applied(
    state: Known | None, event_id: str, event_type: str, on: str, data: Mapping[str, Any], *, kept: Known | None
) -> Known | None:
    """The order after an event; receipts and allocations change nothing that releases state.

    The lines of a state are changed where they stand, unless they are those of the one that is `kept`.
    """
    if event_type == "order-placed":
        lines = {line["line"]: (line["quantity"], line["amount"]) for line in data["lines"]}
        products = {line["line"]: line["product_id"] for line in data["lines"]}
        return Known(event_id, data["vendor_id"], tuple(data["buyers"]), data["currency"], on, lines, products)
    if state is None or event_type == "order-cancelled":
        return state and replace(state, cancelled=True)
    if event_type != "order-amended":
        return state
    lines, products = state.lines, state.products
    if kept is not None and lines is kept.lines:
        lines, products = dict(lines), dict(products)
    for change in data.get("changes", ()):
        quantity, amount = lines[change["line"]]
        lines[change["line"]] = (_moved(quantity, change.get("quantity")), _moved(amount, change.get("amount")))
    for line in data.get("lines", ()):
        lines[line["line"]] = (line["quantity"], line["amount"])
        products[line["line"]] = line["product_id"]
    return replace(state, lines=lines, products=products)


def after(state: Known | None, request: Mapping[str, Any]) -> Known | None:
    """An order as one more request leaves it; None: nothing is left of it."""
    if request["type"] == "event-retracted":
        return None
    return applied(state, request["id"], request["type"], request["effective_on"], request["data"], kept=state)


def _moved(figure: Any, difference: str | None) -> Any:
    estimate = Estimate.of(figure)
    if difference is None or estimate.value is None:
        return figure
    by = Decimal(difference)
    high = None if estimate.high is None else estimate.high + by
    return Estimate(estimate.value + by, estimate.low + by, high).stored()
