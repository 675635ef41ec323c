"""One row of a table of order lines, read as its mapping says."""

from collections.abc import Callable
from typing import Any, NamedTuple

from service.importing.names import IDENTIFIER, LONGEST_ID, written
from service.importing.orders.day_formats import WrittenPeriod
from service.importing.orders.fields import Cells, Layout, TextReader, Unfit, remembering
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.mapping_parts import PLACED_ON, PartyPart, ProductPart, ReceiptPart
from service.importing.orders.registered import Registered
from service.importing.orders.registrations import Registrations


class OrderHead(NamedTuple):
    """What the rows of one order must agree on."""

    currency: str
    vendor_id: str
    buyer_id: str


class OrderRow(NamedTuple):
    """What a row says, in plain values that can be put aside."""

    line: int
    head: list[str]
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


class RowReader:
    """Reads rows of a file with these columns."""

    def __init__(
        self, mapping: OrderMapping, layout: Layout, registrations: Registrations, registered: Registered
    ) -> None:
        self._registrations = registrations
        order, line = mapping.order, mapping.line
        self.order_id = layout.identifier(order.id, "order.id")
        self._currency = layout.listed(order.currency, "order.currency", "currency")
        self._placed_on = layout.period(order.placed_on.date)
        self._or_before = [layout.period(name) for name in order.placed_on.or_before]
        self._placed_label = mapping.dates[order.placed_on.date].column
        self._known_on = [None if name == PLACED_ON else layout.period(name) for name in order.known_on]
        self._vendor = _PartyReader(layout, mapping.vendor, "vendor", registered)
        self._buyer = _PartyReader(layout, mapping.buyer, "buyer", registered)
        maker, product = mapping.maker, mapping.product
        self._maker = _PartyReader(layout, maker, "maker", registered) if maker is not None else None
        self._product = _ProductReader(layout, product, mapping, registered) if product is not None else None
        self._quantity = layout.figure(line.quantity, "line.quantity")
        self._amount = layout.figure(line.amount, "line.amount")
        self._line_id = layout.identifier(line.id, "line.id") if line.id is not None else None
        self._deliver_by = layout.period(line.deliver_by) if line.deliver_by is not None else None
        self._receipt = _ReceiptReader(layout, mapping.receipt) if mapping.receipt is not None else None

    def read(self, line: int, cells: Cells) -> OrderRow:
        """What the row says; Unfit names the column that does not fit."""
        vendor_id, vendor = self._vendor.read(cells)
        buyer_id, buyer = self._buyer.read(cells)
        maker_id, maker = self._maker.read(cells) if self._maker is not None else (vendor_id, vendor)
        named = [("organization", vendor_id, vendor, self._vendor.differing)]
        named.append(("organization", buyer_id, buyer, self._buyer.differing))
        product_id = None
        if self._product is not None:
            if self._maker is not None:
                named.append(("organization", maker_id, maker, self._maker.differing))
            product_id, product = self._product.read(cells, maker_id)
            named.append(("product", product_id, product, self._product.differing))
        ordered: dict[str, Any] = {
            "product_id": product_id,
            "quantity": self._quantity(cells),
            "amount": self._amount(cells),
        }
        if self._deliver_by is not None and (deliver_by := self._deliver_by(cells)) is not None:
            ordered["deliver_by"] = deliver_by.text
        placed_on, placed_by = self._placed(cells)
        known_on = self._known(cells, placed_by)
        row = OrderRow(
            line,
            [self._currency(cells), vendor_id, buyer_id],
            placed_on.text if placed_on is not None else None,
            placed_by,
            known_on,
            self._line_id(cells) if self._line_id is not None else None,
            ordered,
            self._receipt.read(cells, ordered["quantity"]) if self._receipt is not None else None,
        )
        for kind, identifier, data, differing in named:
            self._registrations.check(kind, identifier, data, line, differing=differing)
        for kind, identifier, data, _ in named:
            self._registrations.hear(kind, identifier, data, line, placed_by, known_on)
        return row

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
        for read in self._known_on:
            if read is None:
                return placed_by
            if (found := read(cells)) is not None:
                return found.last
        return None


class _PartyReader:
    def __init__(self, layout: Layout, party: PartyPart, key: str, registered: Registered) -> None:
        self.differing = party.differing
        self._name = layout.name(party.name, f"{key}.name")
        self._named = remembering(lambda sent: registered.organization(sent, party.prefix))
        self._country = layout.listed(party.country, f"{key}.country", "country")
        self._id = layout.identifier(party.id, f"{key}.id") if party.id is not None else None
        self._prefix = party.prefix
        self._label = party.name.column or f"{key}.name"
        self._identifiers: list[tuple[str, TextReader]] = [
            (one.scheme, layout.text(one.id.model_copy(update={"optional": True}), f"{key}.identifiers.{n}.id"))
            for n, one in enumerate(party.identifiers)
        ]

    def read(self, cells: Cells) -> tuple[str, dict[str, Any]]:
        """Its id, and what is registered of it."""
        sent = self._name(cells)
        if self._id is not None:
            name, identifier = written(sent), f"{self._prefix}{self._id(cells)}"
        else:
            identifier, name = self._named(sent)
        refuse_no_id(identifier, self._label)
        data: dict[str, Any] = {"name": name, "country": self._country(cells)}
        found = [{"scheme": scheme, "id": text} for scheme, read in self._identifiers if (text := read(cells))]
        if found:
            data["identifiers"] = found
        return identifier, data


class _ProductReader:
    def __init__(self, layout: Layout, product: ProductPart, mapping: OrderMapping, registered: Registered) -> None:
        self.differing = product.differing
        self._name = layout.name(product.name, "product.name")
        self._named = remembering(lambda sent: registered.product(sent, product.prefix))
        self._category = layout.required(product.category, "product.category")
        self._id = layout.identifier(product.id, "product.id") if product.id is not None else None
        self._prefix = product.prefix
        self._label = product.name.column or "product.name"
        self._attributes: dict[str, Callable[[Cells], Any]] = {
            name: layout.attribute(field, f"attributes.{name}") for name, field in mapping.attributes.items()
        }

    def read(self, cells: Cells, maker_id: str) -> tuple[str, dict[str, Any]]:
        sent = self._name(cells)
        if self._id is not None:
            name, identifier = written(sent), f"{self._prefix}{self._id(cells)}"
        else:
            identifier, name = self._named(sent)
        refuse_no_id(identifier, self._label)
        data: dict[str, Any] = {"name": name, "vendor_id": maker_id, "category": self._category(cells)}
        attributes = {name: found for name, read in self._attributes.items() if (found := read(cells)) is not None}
        if attributes:
            data["attributes"] = attributes
        return identifier, data


class _ReceiptReader:
    def __init__(self, layout: Layout, receipt: ReceiptPart) -> None:
        self._received_on = layout.period(receipt.received_on)
        self._known_on = [layout.period(name) for name in receipt.known_on]
        self._quantity = layout.figure(receipt.quantity, "receipt.quantity") if receipt.quantity is not None else None
        self._amount = layout.figure(receipt.amount, "receipt.amount") if receipt.amount is not None else None
        self._id = layout.identifier(receipt.id, "receipt.id") if receipt.id is not None else None

    def read(self, cells: Cells, ordered: str | None) -> list[str | None] | None:
        received_on = self._received_on(cells)
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


def refuse_no_id(identifier: str, label: str) -> None:
    """Unfit where a prefix makes no id of what stands behind it."""
    if len(identifier) > LONGEST_ID or not IDENTIFIER.fullmatch(identifier):
        raise Unfit(f"{label}: {identifier[:60]!r} is no id (letters, digits and . _ : -): is it the prefix?")
