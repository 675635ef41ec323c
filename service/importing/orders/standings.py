"""What becomes of an order's lines after it is placed: credit lines and cancellations, as events say them."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from domain.estimates import EXACT, FOUR_PLACES, ZERO, plain
from service.importing.orders.decimals import FIGURE_DIGITS
from service.importing.orders.rows import OrderRow
from service.importing.orders.sharing import shares


class ContradictoryRow(ValueError):
    """A row that goes with no other row of its order."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class LaterEvent(NamedTuple):
    """An event about an order that is placed."""

    row: OrderRow
    kind: Literal["goods-returned", "order-amended", "order-cancelled"]
    #: Of which its id is made.
    name: tuple[str, ...]
    dates: dict[str, str]
    #: Without the order's id.
    data: dict[str, Any]


class OrderStanding:
    """An order's lines, and how much of each is ordered and has arrived."""

    def __init__(
        self, order_id: str, lines: Mapping[str, OrderRow], receipts: Mapping[tuple[str, str], OrderRow]
    ) -> None:
        self._order_id = order_id
        self._lines = lines
        #: What is ordered, None: not known.
        self._quantities = {name: _number(row.ordered["quantity"]) for name, row in lines.items()}
        self._amounts = {name: _number(row.ordered["amount"]) for name, row in lines.items()}
        self._arrived = dict.fromkeys(lines, ZERO)
        self._paid = dict.fromkeys(lines, ZERO)
        for (name, _), row in receipts.items():
            if row.received is not None:
                self._arrive(name, *row.received[3:])

    def _arrive(self, name: str, quantity: str | None, amount: str | None) -> None:
        arrived = _number(quantity) or ZERO
        ordered, cost = self._quantities[name], self._amounts[name]
        self._arrived[name] += arrived
        if amount is not None:
            self._paid[name] += Decimal(amount)
        elif ordered and cost is not None:
            self._paid[name] += EXACT.divide(EXACT.multiply(cost, arrived), ordered).quantize(FOUR_PLACES)

    def credits(self, kind: str, credited: Sequence[tuple[str, OrderRow]]) -> list[LaterEvent]:
        """What credit lines take back; ContradictoryRow where the order has nothing for that."""
        taken = self._returned if kind == "return" else self._discounted
        return [taken(name, row) for name, row in credited]

    def _meant(self, name: str, row: OrderRow) -> list[str]:
        """The lines that a credit line speaks of: the one of its id, or those of its product; none: of the order."""
        if name in self._lines and row.line_id is not None:
            return [name]
        product_id = row.ordered["product_id"]
        if product_id is None:
            return []
        return [line for line, other in self._lines.items() if other.ordered["product_id"] == product_id]

    def _returned(self, name: str, row: OrderRow) -> LaterEvent:
        assert row.credit is not None
        quantity, amount = _number(row.credit[0]), _number(row.credit[1])
        there = f"line {name} of order {self._order_id}"
        if quantity is None:
            raise ContradictoryRow(row.line, f"{there} gives money back and no goods: a return has a quantity")
        lines = self._meant(name, row) or ([*self._lines] if row.ordered["product_id"] is None else [])
        if not lines:
            raise ContradictoryRow(row.line, f"{there} gives back {row.ordered['product_id']}, which no line orders")
        parts, left = {}, quantity
        for line in lines:
            part = min(left, self._arrived[line])
            if part > 0:
                parts[line] = part
                self._arrived[line] -= part
                left -= part
        if left:
            arrived = plain(quantity - left)
            raise ContradictoryRow(row.line, f"{there} gives back {plain(quantity)}, and {arrived} had arrived")
        money = shares(amount, [*parts.values()], FIGURE_DIGITS[1]) if amount is not None else [None] * len(parts)
        returns = [
            {"line": line, "quantity": plain(part), **({"amount": plain(paid)} if paid is not None else {})}
            for (line, part), paid in zip(parts.items(), money, strict=True)
        ]
        return LaterEvent(row, "goods-returned", (name, "returned"), _credited(row), {"returns": returns})

    def _discounted(self, name: str, row: OrderRow) -> LaterEvent:
        assert row.credit is not None
        amount = _number(row.credit[1])
        there = f"line {name} of order {self._order_id}"
        if amount is None:
            raise ContradictoryRow(row.line, f"{there} is a discount of no known amount")
        lines = [line for line in self._meant(name, row) or self._lines if self._amounts[line] is not None]
        costs = [self._amounts[line] or ZERO for line in lines]
        if sum(costs, ZERO) < amount:
            rest = plain(sum(costs, ZERO))
            raise ContradictoryRow(row.line, f"{there} takes {plain(amount)} off, and what it speaks of costs {rest}")
        changes = []
        for line, part in zip(lines, shares(amount, costs, FIGURE_DIGITS[1]), strict=True):
            if part:
                self._amounts[line] = (self._amounts[line] or ZERO) - part
                changes.append({"line": line, "amount": plain(-part)})
        if not changes:
            raise ContradictoryRow(row.line, f"{there} takes nothing off")
        return LaterEvent(row, "order-amended", (name, "discounted"), _credited(row), {"changes": changes})

    def cancellations(self) -> Iterator[LaterEvent]:
        """What is cancelled: the order, where all its lines are, or what has not arrived of some."""
        cancelled = {name: row for name, row in self._lines.items() if row.cancelled is not None}
        if not cancelled:
            return
        if len(cancelled) == len(self._lines):
            last = max(cancelled.values(), key=lambda row: (row.cancelled or [""])[0] or "")
            data = {"reason": (last.cancelled or ["", "", ""])[2]}
            yield LaterEvent(last, "order-cancelled", ("cancelled",), _days_of(last.cancelled), data)
            return
        for name, row in cancelled.items():
            change = {}
            for figure, ordered, arrived in (
                ("quantity", self._quantities[name], self._arrived[name]),
                ("amount", self._amounts[name], self._paid[name]),
            ):
                if ordered is not None and ordered > arrived:
                    change[figure] = plain(arrived - ordered)
            if self._quantities[name] is None and self._amounts[name] is None:
                message = f"line {name} of order {self._order_id} is cancelled, and nothing is known of how much it was"
                raise ContradictoryRow(row.line, message)
            if change:
                changes = {"changes": [{"line": name, **change}]}
                yield LaterEvent(row, "order-amended", (name, "cancelled"), _days_of(row.cancelled), changes)


def _number(figure: str | None) -> Decimal | None:
    return None if figure is None else Decimal(figure)


def _credited(row: OrderRow) -> dict[str, str]:
    assert row.credit is not None
    return _days_of(row.credit[2:])


def _days_of(said: Sequence[str | None] | None) -> dict[str, str]:
    """When, and since when that is known, as an event says it."""
    assert said is not None
    assert said[0] is not None
    return {"effective_on": said[0], **({"known_on": said[1]} if said[1] is not None else {})}
