"""One row of a table of order lines, read as its mapping says."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from domain.names import written
from service.importing.orders.day_formats import WrittenPeriod, period
from service.importing.orders.extent import ExtractExtent
from service.importing.orders.fields import Cells, Layout, PeriodReader, TextReader, Unfit
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.mapping_parts import (
    AS_OF,
    PLACED_ON,
    FigureValue,
    ReceiptPart,
    StatusPart,
)
from service.importing.orders.registered import Registered
from service.importing.orders.registrations import Registrations
from service.importing.orders.row_parties import PartyReader, ProductReader, refuse_no_id
from service.importing.orders.tables import text_of
from service.importing.rows import BadMapping


class OrderHead(NamedTuple):
    """What the rows of one order must agree on."""

    currency: str
    vendor_id: str
    buyer_id: str
    #: What the whole order costs, where its rows repeat it.
    amount: str | None = None


class OrderRow(NamedTuple):
    """What a row says, in plain values that can be put aside."""

    line: int
    #: As OrderHead has it.
    head: list[Any]
    #: As events write it; None: the row does not say.
    placed_on: str | None
    #: The last day on which it can have been placed.
    placed_by: str
    known_on: str | None
    #: The line's own id; None: rows are numbered.
    line_id: str | None
    #: As an order's event has it, without its id.
    ordered: dict[str, Any]
    #: As a receipt's event has it: effective_on, known_on, its own id, quantity, amount; None: nothing has arrived.
    received: list[str | None] | None
    #: When, since when that is known, and the status that says so; None: the line stands.
    cancelled: list[str | None] | None = None
    #: Of a row that takes something back: quantity and amount without their signs, when, and since when that is known.
    credit: list[str | None] | None = None


class RowReader:
    """Reads rows of a file with these columns."""

    def __init__(
        self,
        mapping: OrderMapping,
        layout: Layout,
        registrations: Registrations,
        registered: Registered,
        as_of: date | None = None,
    ) -> None:
        """`as_of`: the day of an extract; BadMapping where the mapping speaks of one and there is none."""
        self._registrations = registrations
        if as_of is None:
            _refuse_day_of_extract(mapping)
        stands_on = period(as_of.isoformat()) if as_of is not None else None
        order, line = mapping.order, mapping.line
        self._order_id = layout.identifier(order.id, "order.id")
        self._by_buyer = mapping.buyer.per_line == "orders"
        self._currency = layout.listed(order.currency, "order.currency", "currency")
        self._placed_on = layout.period(order.placed_on.date)
        self._or_before = [layout.period(name) for name in order.placed_on.or_before]
        self._placed_label = mapping.dates[order.placed_on.date].column
        self._known_on = _days(layout, order.known_on, stands_on)
        self._vendor = PartyReader(layout, mapping.vendor, "vendor", registered)
        self._buyer = PartyReader(layout, mapping.buyer, "buyer", registered)
        maker, product = mapping.maker, mapping.product
        self._maker = PartyReader(layout, maker, "maker", registered) if maker is not None else None
        self._product = ProductReader(layout, product, mapping, registered) if product is not None else None
        credit = mapping.credit
        self._quantity = _figure(layout, line.quantity, "line.quantity", signed=credit is not None)
        self._amount = _figure(layout, line.amount, "line.amount", signed=credit is not None)
        self._total = _figure(layout, order.amount, "order.amount", signed=False)
        self._credit = None
        if credit is not None:
            self._credit = _days(layout, credit.credited_on, stands_on), _days(layout, credit.known_on, stands_on)
        self._status = _StatusReader(layout, mapping.status, stands_on) if mapping.status is not None else None
        self._line_id = layout.identifier(line.id, "line.id") if line.id is not None else None
        self._deliver_by = layout.period(line.deliver_by) if line.deliver_by is not None else None
        self._receipt = _ReceiptReader(layout, mapping.receipt, stands_on) if mapping.receipt is not None else None
        self._extent = ExtractExtent(layout, mapping, as_of) if as_of is not None else None

    def order_id(self, cells: Cells) -> str:
        """The order that a row is of; Unfit where it names none."""
        order_id = self._order_id(cells)
        if self._by_buyer:
            order_id = f"{order_id}:{self._buyer.read(cells)[0]}"
            refuse_no_id(order_id, "buyer.per_line")
        return order_id

    def read(self, line: int, cells: Cells) -> OrderRow:
        """What the row says; Unfit names the column that does not fit."""
        owners: list[tuple[str, dict[str, Any]]] = []
        vendor_id, vendor = self._vendor.read(cells, owners)
        buyer_id, buyer = self._buyer.read(cells, owners)
        maker_id, maker = self._maker.read(cells, owners) if self._maker is not None else (None, {})
        named = [("organization", vendor_id, vendor, self._vendor.differing)]
        named.append(("organization", buyer_id, buyer, self._buyer.differing))
        product_id = None
        if self._product is not None:
            if self._maker is not None and maker_id is not None:
                named.append(("organization", maker_id, maker, self._maker.differing))
            product_id, product = self._product.read(cells, maker_id)
            named.append(("product", product_id, product, self._product.differing))
        quantity = self._quantity(cells) if self._quantity is not None else None
        amount = self._amount(cells) if self._amount is not None else None
        ordered: dict[str, Any] = {"product_id": product_id, "quantity": quantity, "amount": amount}
        if self._deliver_by is not None and (deliver_by := self._deliver_by(cells)) is not None:
            ordered["deliver_by"] = deliver_by.text
        placed_on, placed_by = self._placed(cells)
        known_on = self._known(cells, placed_by)
        row = OrderRow(
            line,
            [self._currency(cells), vendor_id, buyer_id, self._total(cells) if self._total is not None else None],
            placed_on.text if placed_on is not None else None,
            placed_by,
            known_on,
            self._line_id(cells) if self._line_id is not None else None,
            ordered,
            self._receipt.read(cells, ordered["quantity"]) if self._receipt is not None else None,
            self._status.cancelled(cells, placed_by) if self._status is not None else None,
            self._credited(cells, ordered, placed_by) if self._credit is not None else None,
        )
        if self._extent is not None:
            self._extent.refuse_others(row, cells, self._placed_label)
            for party, identifier in ((self._vendor, vendor_id), (self._buyer, buyer_id), (self._maker, maker_id)):
                if party is not None and identifier is not None:
                    self._registrations.describe(identifier, names=party.has_ids, owners=party.has_owners)
        for identifier, data in owners:
            self._registrations.check_owner(identifier, data, line)
        for kind, identifier, data, differing in named:
            self._registrations.check(kind, identifier, data, line, differing=differing)
        for kind, identifier, data, _ in named:
            self._registrations.hear(kind, identifier, data, line, placed_by, known_on)
        if product_id is not None and maker_id is None:
            self._registrations.hear_seller(product_id, vendor_id, known_on)
        for identifier, data in owners:
            self._registrations.hear_owner(identifier, data, line, placed_by, known_on)
        return row

    def _credited(self, cells: Cells, ordered: dict[str, Any], placed_by: str) -> list[str | None] | None:
        """What a row takes back; None where it orders something."""
        quantity, amount = ordered["quantity"], ordered["amount"]
        if not (_negative(quantity) or _negative(amount)):
            return None
        if _negative(quantity) and amount not in (None, "0") and not _negative(amount):
            raise Unfit(f"the quantity {quantity} is negative, and the amount {amount} is not")
        assert self._credit is not None
        credited_on, known_on = (_first(readers, cells, placed_by) for readers in self._credit)
        if credited_on is None:
            raise Unfit("a credit line without any of the dates that credit.credited_on names")
        return [_unsigned(quantity), _unsigned(amount), credited_on.text, known_on.last if known_on else None]

    def _placed(self, cells: Cells) -> tuple[WrittenPeriod | None, str]:
        """When the order was placed, as far as the row says, and the last day on which it can have been."""
        placed_on = self._placed_on(cells)
        if placed_on is not None:
            return placed_on, placed_on.last
        others = [found.last for read in self._or_before if (found := read(cells)) is not None]
        if not others:
            others_too = ", and no date before which it must have been placed" if self._or_before else ""
            raise Unfit(f"{self._placed_label}: has no date{others_too}")
        return None, min(others)

    def _known(self, cells: Cells, placed_by: str) -> str | None:
        # As `_first` does, for every row of every table.
        for read in self._known_on:
            if read is None:
                return placed_by
            if (found := read(cells)) is not None:
                return found.last
        return None


#: Reads dates in turn; None stands for the last day on which the order can have been placed.
_Days = list[PeriodReader | None]


def _days(layout: Layout, names: Sequence[str], stands_on: WrittenPeriod | None) -> _Days:
    def reader(name: str) -> PeriodReader | None:
        if name == AS_OF:
            return lambda cells: stands_on
        return None if name == PLACED_ON else layout.period(name)

    return [reader(name) for name in names]


def _refuse_day_of_extract(mapping: OrderMapping) -> None:
    """BadMapping where a mapping speaks of the day of an extract."""
    status, credit, receipt = mapping.status, mapping.credit, mapping.receipt
    named = {
        "order.known_on": AS_OF in mapping.order.known_on,
        "status.cancelled_on": status is not None
        and (AS_OF in status.cancelled_on or bool(status.cancelled and not status.cancelled_on)),
        "status.known_on": status is not None and AS_OF in status.known_on,
        "credit.credited_on": credit is not None and AS_OF in credit.credited_on,
        "credit.known_on": credit is not None and AS_OF in credit.known_on,
        "receipt.to_date": receipt is not None and receipt.to_date is not None,
    }
    problems = [
        f"{key}: needs the day of an extract: daybook sync --as-of DAY" for key, is_so in named.items() if is_so
    ]
    if problems:
        raise BadMapping(mapping.name, problems)


def _first(readers: _Days, cells: Cells, placed_by: str) -> WrittenPeriod | None:
    """The first date that a row has; None: it has none."""
    for read in readers:
        found = period(placed_by) if read is None else read(cells)
        if found is not None:
            return found
    return None


def _figure(layout: Layout, field: FigureValue | None, key: str, *, signed: bool) -> TextReader | None:
    return None if field is None else layout.figure(field, key, signed=signed)


def _negative(figure: str | None) -> bool:
    return figure is not None and figure.startswith("-")


def _unsigned(figure: str | None) -> str | None:
    return None if figure is None else figure.removeprefix("-")


class _StatusReader:
    def __init__(self, layout: Layout, status: StatusPart, stands_on: WrittenPeriod | None) -> None:
        self._place = layout.place(status.column, "status.column")
        self._column = status.column
        self._placed = {written(text) for text in (*status.placed, *status.left_out)}
        self._cancelled = {written(text) for text in status.cancelled}
        self._cancelled_on = _days(layout, status.cancelled_on or [AS_OF], stands_on)
        self._known_on = _days(layout, status.known_on, stands_on)
        self._listed = ", ".join([*status.placed, *status.cancelled, *status.left_out])

    def cancelled(self, cells: Cells, placed_by: str) -> list[str | None] | None:
        """When a row's line was cancelled, since when that is known, and by which status; None: it stands."""
        text = written(text_of(cells[self._place]))
        if text in self._placed:
            return None
        if text not in self._cancelled:
            shown = repr(text[:40]) if text else "an empty cell"
            raise Unfit(f"{self._column}: {shown} is no status that the mapping lists ({self._listed[:200]})")
        cancelled_on = _first(self._cancelled_on, cells, placed_by)
        if cancelled_on is None:
            raise Unfit(f"{self._column}: {text[:40]!r}, and none of the dates that status.cancelled_on names")
        known_on = _first(self._known_on, cells, placed_by)
        return [cancelled_on.text, known_on.last if known_on else None, f"{self._column}: {text}"]


class _ReceiptReader:
    def __init__(self, layout: Layout, receipt: ReceiptPart, stands_on: WrittenPeriod | None) -> None:
        self._received_on = layout.period(receipt.received_on) if receipt.received_on is not None else None
        self._day = stands_on.text if stands_on is not None else None
        to_date = receipt.to_date
        if to_date is not None and to_date.default is None:
            to_date = to_date.model_copy(update={"optional": True})
        self._to_date = layout.figure(to_date, "receipt.to_date") if to_date is not None else None
        self._known_on = [layout.period(name) for name in receipt.known_on]
        self._quantity = layout.figure(receipt.quantity, "receipt.quantity") if receipt.quantity is not None else None
        self._amount = layout.figure(receipt.amount, "receipt.amount") if receipt.amount is not None else None
        self._id = layout.identifier(receipt.id, "receipt.id") if receipt.id is not None else None

    def read(self, cells: Cells, ordered: str | None) -> list[str | None] | None:
        if self._to_date is not None:
            arrived = self._to_date(cells)
            amount = self._amount(cells) if self._amount is not None else None
            none = not any(Decimal(one) for one in (arrived, amount) if one is not None)
            return None if none else [self._day, self._day, None, arrived or "0", amount]
        received_on = self._received_on(cells) if self._received_on is not None else None
        if received_on is None:
            return None
        known_on = next((found.last for read in self._known_on if (found := read(cells)) is not None), None)
        return [
            received_on.text,
            known_on,
            self._id(cells) if self._id is not None else None,
            self._quantity(cells) if self._quantity is not None else ordered,
            self._amount(cells) if self._amount is not None else None,
        ]
