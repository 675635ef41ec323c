"""The rows of one order put together: the order, its lines and receipts, and where they contradict each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.importing.items import EventGroup
from service.importing.names import event_id
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.registrations import Registrations
from service.importing.orders.rows import OrderHead, OrderRow
from service.importing.plans import Entry

#: Lines that one event holds at most, however long their ids: further lines are added by amendments.
MOST_LINES = 120


@dataclass(frozen=True, slots=True)
class Faulty:
    """An order that cannot be recorded."""

    #: Empty: the row does not say of which order it is.
    order_id: str
    #: Lines and what is wrong on them; never empty.
    faults: Sequence[tuple[int, str]]
    rows: int
    raw: Any


#: Lines that say what an earlier one says, and what is said of them.
Repeated = list[tuple[int, str]]


class OrderBuilder:
    """Makes events of rows."""

    def __init__(self, mapping: OrderMapping, envelope: Mapping[str, Any], registrations: Registrations) -> None:
        self._prefix = mapping.name
        self._envelope = envelope
        self._registrations = registrations
        self._several_receipts = mapping.receipt is not None and mapping.receipt.id is not None

    def build(self, order_id: str, contents: Sequence[Sequence[Any]]) -> tuple[EventGroup | Faulty, Repeated]:
        """An order from its rows, each (line, fault, what it says, raw), and the lines that only repeat others."""
        raw = [content[3] for content in contents if content[3] is not None] or None
        faults = [(content[0], content[1]) for content in contents if content[1] is not None]
        if faults:
            return Faulty(order_id, faults, len(contents), raw), []
        rows = [OrderRow(*content[2]) for content in contents]
        faults = _contradictions(order_id, rows)
        lines: dict[str, OrderRow] = {}
        receipts: dict[tuple[str, str], OrderRow] = {}
        repeated: Repeated = []
        for number, row in enumerate(rows, start=1):
            line_id = row.line_id or str(number)
            receipt = row.received[2] if row.received is not None and self._several_receipts else None
            first = lines.setdefault(line_id, row)
            if first.ordered != row.ordered:
                faults.append((row.line, _another(order_id, line_id, first, row)))
            met = receipts.setdefault((line_id, receipt or ""), row)
            if met is not row and met.ordered == row.ordered:
                if met.received == row.received:
                    repeated.append((row.line, f"line {line_id} is what line {met.line} of the file says already"))
                else:
                    message = f"line {line_id} of order {order_id} has another receipt than on line {met.line}"
                    faults.append((row.line, f"{message}: the mapping's receipt.id tells receipts apart"))
        if faults:
            return Faulty(order_id, faults, len(contents), raw), []
        entries = [*self._placed(order_id, rows, lines), *self._received(order_id, receipts)]
        return EventGroup(entries, self._needs(rows), len(contents), raw), repeated

    def _placed(self, order_id: str, rows: Sequence[OrderRow], lines: Mapping[str, OrderRow]) -> list[Entry]:
        """The order with its first lines, and amendments with the others."""
        head = OrderHead(*rows[0].head)
        effective_on = _placing(rows)
        known = [row.known_on for row in rows if row.known_on is not None]
        known_on = min(known) if known else None
        dates = {"effective_on": effective_on, **({"known_on": known_on} if known_on is not None else {})}
        listed = [{"line": line_id, **row.ordered} for line_id, row in lines.items()]
        placed = {
            "order_id": order_id,
            "buyers": [head.buyer_id],
            "vendor_id": head.vendor_id,
            "currency": head.currency,
            "lines": listed[:MOST_LINES],
        }
        entries = [self._entry(rows[0], order_id, "order-placed", ("placed",), dates, placed)]
        for number, start in enumerate(range(MOST_LINES, len(listed), MOST_LINES), start=2):
            further = {"order_id": order_id, "lines": listed[start : start + MOST_LINES]}
            entries.append(self._entry(rows[0], order_id, "order-amended", ("placed", str(number)), dates, further))
        return entries

    def _received(self, order_id: str, receipts: Mapping[tuple[str, str], OrderRow]) -> list[Entry]:
        entries = []
        for (line_id, receipt_id), row in receipts.items():
            if row.received is None:
                continue
            received_on, known_on, _, quantity, amount = row.received
            dates: dict[str, Any] = {"effective_on": received_on}
            if known_on is not None:
                dates["known_on"] = known_on
            receipt = {"line": line_id, "quantity": quantity, **({"amount": amount} if amount is not None else {})}
            data = {"order_id": order_id, "receipts": [receipt]}
            name = (line_id, "received", *filter(None, (receipt_id,)))
            entries.append(self._entry(row, order_id, "goods-received", name, dates, data))
        return entries

    def _entry(
        self,
        row: OrderRow,
        order_id: str,
        kind: str,
        name: Sequence[str],
        dates: Mapping[str, Any],
        data: Mapping[str, Any],
    ) -> Entry:
        identifier = event_id(self._prefix, order_id, *name)
        return Entry(row.line, order_id, {"type": kind, "id": identifier, **dates, **self._envelope, "data": data})

    def _needs(self, rows: Sequence[OrderRow]) -> list[Entry]:
        head = OrderHead(*rows[0].head)
        needed = {("organization", head.vendor_id): None, ("organization", head.buyer_id): None}
        for row in rows:
            product_id = row.ordered["product_id"]
            if product_id is not None:
                needed["organization", self._registrations.maker(product_id)] = None
                needed["product", product_id] = None
        return [self._registrations.needs(kind, identifier) for kind, identifier in needed]


def _placing(rows: Sequence[OrderRow]) -> str:
    """When an order was placed: the date that its rows have, or on or before the first of their other dates."""
    for row in rows:
        if row.placed_on is not None:
            return row.placed_on
    return f"../{min(row.placed_by for row in rows)}"


def _contradictions(order_id: str, rows: Sequence[OrderRow]) -> list[tuple[int, str]]:
    """Where rows of one order disagree on what an order has once."""
    first = rows[0]
    faults = []
    dated = next((row for row in rows if row.placed_on is not None), None)
    for row in rows[1:]:
        for name, one, other in zip(OrderHead._fields, first.head, row.head, strict=True):
            if one != other:
                what = name.removesuffix("_id")
                faults.append((row.line, f"order {order_id} has the {what} {other}, and {one} on line {first.line}"))
        if dated is not None and row.placed_on not in (None, dated.placed_on):
            message = f"order {order_id} was placed on {row.placed_on}, and on {dated.placed_on} on line {dated.line}"
            faults.append((row.line, message))
    return faults


def _another(order_id: str, line_id: str, first: OrderRow, row: OrderRow) -> str:
    name = next(name for name in {**first.ordered, **row.ordered} if first.ordered.get(name) != row.ordered.get(name))
    given, before = row.ordered.get(name), first.ordered.get(name)
    return f"line {line_id} of order {order_id} has the {name} {given}, and {before} on line {first.line}"
