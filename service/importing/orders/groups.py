"""The rows of one order put together: the order, its lines and receipts, and where they contradict each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.estimates import ZERO, plain
from service.importing.items import EventGroup
from service.importing.names import event_id
from service.importing.orders.decimals import ATTRIBUTE_DIGITS, FIGURE_DIGITS
from service.importing.orders.fields import Unfit
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.registrations import Registrations
from service.importing.orders.rows import OrderHead, OrderRow
from service.importing.orders.sharing import shares
from service.importing.orders.standings import ContradictoryRow, OrderStanding
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


@dataclass(slots=True)
class _Parts:
    """The rows of one order, each with what it is; and what is wrong with them together."""

    lines: dict[str, OrderRow] = field(default_factory=dict)
    #: By line, and the receipt's own id.
    receipts: dict[tuple[str, str], OrderRow] = field(default_factory=dict)
    credited: list[tuple[str, OrderRow]] = field(default_factory=list)
    repeated: Repeated = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


class OrderBuilder:
    """Makes events of rows."""

    def __init__(self, mapping: OrderMapping, envelope: Mapping[str, Any], registrations: Registrations) -> None:
        self._prefix = mapping.name
        self._envelope = envelope
        self._registrations = registrations
        self._several_receipts = mapping.receipt is not None and mapping.receipt.id is not None
        parties = (mapping.vendor, mapping.buyer, mapping.maker)
        self._owned = any(party is not None and party.parent is not None for party in parties)
        self._joint = mapping.buyer.per_line == "allocation"
        self._total = mapping.order.amount is not None
        self._own_amounts = mapping.line.amount is not None
        self._equally = mapping.order.shared == "equally"
        self._credit = mapping.credit
        self._changing = mapping.credit is not None or mapping.status is not None
        #: Orders whose amount was shared among several lines.
        self.shared = 0

    def build(self, order_id: str, contents: Sequence[Sequence[Any]]) -> tuple[EventGroup | Faulty, Repeated]:
        """An order from its rows, each (line, fault, what it says, raw), and the lines that only repeat others."""
        raw = [content[3] for content in contents if content[3] is not None] or None
        faults = [(content[0], content[1]) for content in contents if content[1] is not None]
        if faults:
            return Faulty(order_id, faults, len(contents), raw), []
        rows = [OrderRow(*content[2]) for content in contents]
        parts = self._parts(order_id, rows)
        lines, receipts = parts.lines, parts.receipts
        faults = _contradictions(order_id, rows, joint=self._joint) + parts.faults
        if not lines and not faults:
            faults.append((rows[0].line, f"order {order_id} has credit lines alone, and nothing that they credit"))
        if faults:
            return Faulty(order_id, faults, len(contents), raw), []
        ordering = [row for row in rows if row.credit is None]
        try:
            if self._total:
                self._settle_amounts(order_id, list(lines.values()))
            entries = [*self._placed(order_id, ordering, lines), *self._received(order_id, receipts)]
            if self._changing:
                entries += self._later(OrderStanding(order_id, lines, receipts), order_id, parts.credited)
            needs = self._needs(ordering)
        except ContradictoryRow as contradiction:
            return Faulty(order_id, [(contradiction.line, str(contradiction))], len(contents), raw), []
        line_rows = {name: row.line for name, row in lines.items()}
        return EventGroup(entries, needs, len(contents), raw, line_rows=line_rows), parts.repeated

    def _parts(self, order_id: str, rows: Sequence[OrderRow]) -> "_Parts":
        """Which lines, receipts and credit lines an order's rows are."""
        parts = _Parts()
        for number, row in enumerate(rows, start=1):
            line_id = row.line_id or str(number)
            if row.credit is not None:
                parts.credited.append((line_id, row))
                continue
            receipt = row.received[2] if row.received is not None and self._several_receipts else None
            first = parts.lines.setdefault(line_id, row)
            if first.ordered != row.ordered:
                parts.faults.append((row.line, _another(order_id, line_id, first, row)))
            elif first.cancelled != row.cancelled:
                message = f"line {line_id} of order {order_id} has another status than on line {first.line}"
                parts.faults.append((row.line, message))
            met = parts.receipts.setdefault((line_id, receipt or ""), row)
            if met is not row and met.ordered == row.ordered:
                if met.received == row.received:
                    message = f"line {line_id} is what line {met.line} of the file says already"
                    parts.repeated.append((row.line, message))
                else:
                    message = f"line {line_id} of order {order_id} has another receipt than on line {met.line}"
                    parts.faults.append((row.line, f"{message}: the mapping's receipt.id distinguishes receipts"))
        return parts

    def _later(
        self, standing: OrderStanding, order_id: str, credited: Sequence[tuple[str, OrderRow]]
    ) -> Iterator[Entry]:
        """Credit lines and cancellations; raises ContradictoryRow."""
        taken_back = standing.credits(self._credit.kind, credited) if self._credit is not None else []
        for row, kind, name, dates, data in (*taken_back, *standing.cancellations()):
            yield self._entry(row, order_id, kind, name, dates, {"order_id": order_id, **data})

    def _settle_amounts(self, order_id: str, rows: Sequence[OrderRow]) -> None:
        """Share an order's amount among its lines, or compare it with theirs; raises ContradictoryRow."""
        total = Decimal(OrderHead(*rows[0].head).amount or 0)
        own = [row.ordered["amount"] for row in rows]
        if self._own_amounts:
            found = sum((Decimal(amount) for amount in own if amount is not None), ZERO)
            if None not in own and found != total:
                message = f"order {order_id} costs {plain(total)}, and its lines {plain(found)} together"
                raise ContradictoryRow(rows[0].line, message)
            return
        quantities = [row.ordered["quantity"] for row in rows]
        alike = self._equally or None in quantities
        weights = [Decimal(1 if alike else quantity) for quantity in quantities]
        for row, part in zip(rows, shares(total, weights, FIGURE_DIGITS[1]), strict=True):
            row.ordered["amount"] = plain(part)
        self.shared += len(rows) > 1

    def _placed(self, order_id: str, rows: Sequence[OrderRow], lines: Mapping[str, OrderRow]) -> list[Entry]:
        """The order with its first lines, and amendments with the others; who gets how much of a joint one."""
        head = OrderHead(*rows[0].head)
        buyers = self._buyers(rows)
        effective_on = _placing(rows)
        known = [row.known_on for row in rows if row.known_on is not None]
        known_on = min(known) if known else None
        dates = {"effective_on": effective_on, **({"known_on": known_on} if known_on is not None else {})}
        listed = [{"line": line_id, **row.ordered} for line_id, row in lines.items()]
        placed = {
            "order_id": order_id,
            "buyers": buyers,
            "vendor_id": head.vendor_id,
            "currency": head.currency,
            "lines": listed[:MOST_LINES],
        }
        entries = [self._entry(rows[0], order_id, "order-placed", ("placed",), dates, placed)]
        for number, start in enumerate(range(MOST_LINES, len(listed), MOST_LINES), start=2):
            further = {"order_id": order_id, "lines": listed[start : start + MOST_LINES]}
            entries.append(self._entry(rows[0], order_id, "order-amended", ("placed", str(number)), dates, further))
        if len(buyers) > 1:
            data = {"order_id": order_id, "allocations": _allocations(order_id, buyers, list(lines.values()))}
            entries.append(self._entry(rows[0], order_id, "order-allocated", ("allocated",), dates, data))
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

    def _buyers(self, rows: Sequence[OrderRow]) -> list[str]:
        if not self._joint:
            return [OrderHead(*rows[0].head).buyer_id]
        return list(dict.fromkeys(OrderHead(*row.head).buyer_id for row in rows))

    def _needs(self, rows: Sequence[OrderRow]) -> list[Entry]:
        needed: dict[tuple[str, str], None] = {}
        for organization_id in (OrderHead(*rows[0].head).vendor_id, *self._buyers(rows)):
            self._need(needed, organization_id, rows[0].line)
        for row in rows:
            product_id = row.ordered["product_id"]
            if product_id is not None:
                if (maker_id := self._registrations.maker(product_id)) is not None:
                    self._need(needed, maker_id, row.line)
                needed["product", product_id] = None
        return [self._registrations.needs(kind, identifier) for kind, identifier in needed]

    def _need(self, needed: dict[tuple[str, str], None], organization_id: str, line: int) -> None:
        """Add an organisation behind those that own it; raises ContradictoryRow."""
        if ("organization", organization_id) in needed:
            return
        if not self._owned:
            needed["organization", organization_id] = None
            return
        try:
            owners = self._registrations.owners(organization_id)
        except Unfit as unfit:
            raise ContradictoryRow(line, str(unfit)) from None
        needed.update((("organization", one), None) for one in owners)


def _placing(rows: Sequence[OrderRow]) -> str:
    """When an order was placed: the date that its rows have, or on or before the first of their other dates."""
    for row in rows:
        if row.placed_on is not None:
            return row.placed_on
    return f"../{min(row.placed_by for row in rows)}"


def _allocations(order_id: str, buyers: Sequence[str], rows: Sequence[OrderRow]) -> list[dict[str, str]]:
    """What each buyer gets of a joint order, by what the lines cost, or by how much they order."""
    of = [OrderHead(*row.head).buyer_id for row in rows]
    for figure in ("amount", "quantity"):
        figures = [row.ordered[figure] for row in rows]
        if None not in figures:
            weights = [
                sum((Decimal(one) for one, who in zip(figures, of, strict=True) if who == buyer), ZERO)
                for buyer in buyers
            ]
            parts = shares(Decimal(1), weights, ATTRIBUTE_DIGITS[1])
            return [{"buyer_id": buyer, "share": plain(part)} for buyer, part in zip(buyers, parts, strict=True)]
    message = f"order {order_id} has {len(buyers)} buyers, and lines of unknown amount and quantity: who gets how much?"
    raise ContradictoryRow(rows[0].line, message)


def _contradictions(order_id: str, rows: Sequence[OrderRow], *, joint: bool) -> list[tuple[int, str]]:
    """Where rows of one order disagree on what an order has once."""
    first = rows[0]
    faults = []
    # A credit line may have a day of its own.
    dated = next((row for row in rows if row.placed_on is not None and row.credit is None), None)
    for row in rows[1:]:
        for name, one, other in zip(OrderHead._fields, first.head, row.head, strict=True):
            if one != other and not (joint and name == "buyer_id"):
                what = name.removesuffix("_id")
                faults.append((row.line, f"order {order_id} has the {what} {other}, and {one} on line {first.line}"))
        if dated is not None and row.credit is None and row.placed_on not in (None, dated.placed_on):
            message = f"order {order_id} was placed on {row.placed_on}, and on {dated.placed_on} on line {dated.line}"
            faults.append((row.line, message))
    return faults


def _another(order_id: str, line_id: str, first: OrderRow, row: OrderRow) -> str:
    name = next(name for name in {**first.ordered, **row.ordered} if first.ordered.get(name) != row.ordered.get(name))
    given, before = row.ordered.get(name), first.ordered.get(name)
    return f"line {line_id} of order {order_id} has the {name} {given}, and {before} on line {first.line}"
