"""Random requests about orders, most of which their arithmetic allows."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.fulfilment import LineState, OrderState, received_worth
from tests.ledgers import Event
from tests.random_facts import CURRENCIES, plain
from tests.random_requests import Requests

ORDERS = tuple(f"po-{number}" for number in range(1, 15))
#: Below the greatest quantity or amount that an event may state.
LARGEST = Decimal(10) ** 15 - 1


class OrderRequests(Requests):
    """Makes requests about the orders that the book holds so far."""

    def some_order(self) -> tuple[str, OrderState] | None:
        """An order that stands."""
        order_id = self.one("order")
        return None if order_id is None else (order_id, self.book.stream(f"order/{order_id}").state)

    def some_lines(self, order: OrderState) -> list[tuple[str, LineState]]:
        """One or two lines of an order."""
        return self.random.sample(list(order.lines.items()), min(len(order.lines), self.random.choice((1, 1, 2))))

    def order(self) -> Event | None:
        """An order by one buyer or by several."""
        identifier, organizations = self.new("order", ORDERS), self.standing("organization")
        if identifier is None or not organizations:
            return None
        data = {
            "order_id": identifier,
            "buyers": self.facts.some(organizations, self.random.choice((1, 1, 2, 3, 4))),
            "vendor_id": self.random.choice(organizations),
            "currency": self.random.choice(CURRENCIES),
            "lines": self.lines(),
        }
        return self.request("order-placed", data)

    def amendment(self) -> Event | None:
        """Differences to lines, further lines, or both."""
        found = self.some_order()
        if found is None:
            return None
        order_id, order = found
        changes = []
        for name, line in self.some_lines(order):
            differences = {
                "quantity": self.difference(line.quantity.value if line.quantity.exact else None),
                "amount": self.difference(line.amount.value if line.amount.exact else None),
            }
            given = {key: text for key, text in differences.items() if text is not None and self.facts.chance(0.8)}
            changes += [{"line": name} | given] if given else []
        data: Event = {"order_id": order_id}
        if changes:
            data["changes"] = changes
        if not changes or self.facts.chance(0.2):
            data["lines"] = self.lines(tuple(order.lines))
        return self.request("order-amended", data)

    def difference(self, figure: Decimal | None) -> str | None:
        """A difference to an exact figure; None where it is not exact."""
        if figure is None:
            return "0" if self.facts.chance(0.1) else None
        parts = (-figure, -figure / 2, figure / 4, Decimal(100), Decimal("-0.5"), Decimal(0))
        return plain(self.random.choices(parts, (1, 4, 4, 4, 2, 1))[0].quantize(Decimal("0.0001")), 4)

    def cancellation(self) -> Event | None:
        """The end of an order."""
        found = self.some_order()
        if found is None:
            return None
        forced = self.one("regulation") if self.facts.chance(0.5) else None
        data = {"order_id": found[0], "reason": "cannot be delivered"}
        return self.request("order-cancelled", data | ({"regulation_id": forced} if forced else {}))

    def receipt(self) -> Event | None:
        """Part of what was ordered, all of it, or more than that."""
        found = self.some_order()
        if found is None:
            return None
        order_id, order = found
        receipts = []
        for name, line in self.some_lines(order):
            parts = (Decimal("0.1"), Decimal("0.3333"), Decimal("0.5"), Decimal(1), Decimal("1.2"))
            part = min((line.quantity.value or Decimal(50)) * self.random.choice(parts), LARGEST)
            quantity: Any = plain(part, self.random.choice((0, 0, 4)))
            if self.facts.chance(0.25):
                quantity = self.facts.bounded(quantity)
            receipt: Event = {"line": name, "quantity": None if self.facts.chance(0.05) else quantity}
            priced = self.facts.chance(self.facts.priced)
            receipts.append(receipt | ({"amount": self.facts.estimate(100_000)} if priced else {}))
        return self.request("goods-received", {"order_id": order_id, "receipts": receipts})

    def return_(self) -> Event | None:
        """Part of what was received, or all of it; now and then of a line that received nothing."""
        found = self.some_order()
        if found is None:
            return None
        order_id, order = found
        arrived = {name: line for name, line in order.lines.items() if line.received.high != 0}
        returns = []
        for name, line in self.some_lines(replace(order, lines=arrived or order.lines)):
            left = self.still_there(line.received.high, line.returned)
            worth = self.still_there(received_worth(line), line.returned_amount)
            parts = (Decimal("0.1"), Decimal("0.5"), Decimal(1))
            back = {"line": name, "quantity": plain(left * self.random.choice(parts), 4)}
            amount = {"amount": "0" if self.facts.chance(0.2) else plain(worth * self.random.choice(parts), 4)}
            returns.append(back | (amount if self.facts.chance(self.facts.priced) else {}))
        return self.request("goods-returned", {"order_id": order_id, "returns": returns})

    def still_there(self, received: Decimal | None, returned: Decimal) -> Decimal:
        """What may go back, as long as an event may say; of an unknown quantity nothing."""
        return min(max((received or Decimal(0)) - returned, Decimal(0)), LARGEST)

    def allocation(self) -> Event | None:
        """Shares of all buyers of an order or of some."""
        found = self.some_order()
        if found is None or (len(found[1].buyers) == 1 and self.facts.chance(0.9)):
            return None
        order_id, order = found
        named = self.facts.some(order.buyers, len(order.buyers))
        shares = [
            {"buyer_id": buyer, "share": share}
            for buyer, share in zip(named, self.facts.shares(len(named)), strict=True)
        ]
        return self.request("order-allocated", {"order_id": order_id, "allocations": shares})
