"""Random small ledgers in stored form, full of corners: joint, cancelled, retracted, vague and unquantified."""

import json
import random
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from projections.engine import Projection, batch_of

Event = dict[str, Any]

BUYERS = ("baidu", "tencent", "alibaba", "bytedance")
VENDORS = ("nvidia", "huawei", "kunlunxin", "cambricon")
PRODUCTS = ("a800", "h20", "910b", "p800", "mlu590")
CURRENCIES = ("USD", "CNY", "EUR")
BETWEEN = {"value": "6016", "low": "4480", "high": "6400"}
ATTRIBUTES: tuple[Any, ...] = ("4988.8", BETWEEN, "0", None, True, {"text": "secret"})
SHARES: tuple[Any, ...] = (
    "0.25",
    "0",
    "0.333333",
    {"value": "0.2", "low": "0", "high": "0.5"},
    {"value": "0", "high": "1"},
)
MOVES = ("received", "received", "completed", "completed", "returned", "changed", "added")
BASES = ("reported", "estimated", "assumed")
FIRST_DAY = date(2022, 1, 1)
DAYS = 700


def batch(events: Iterable[Event]) -> pa.Table:
    """Stored events as the projection takes them."""
    return batch_of((event["position"], json.dumps({"v": 1} | event, ensure_ascii=False).encode()) for event in events)


def projected(events: Iterable[Event]) -> Projection:
    """A projection in memory that holds these events. The caller closes it."""
    projection = Projection.open()
    projection.apply(batch(events))
    return projection


class RandomLedger:
    """A ledger that grows by random events, each of which its own past allows.

    `vagueness` is how often it may be other than plain: an estimate, a joint order, a month for a day, known late.
    """

    def __init__(self, seed: int, vagueness: float = 1) -> None:
        self.random = random.Random(seed)
        self.vagueness = vagueness
        self.events: list[Event] = []
        #: by order id: the events of its latest placing that nothing has taken back
        self.orders: dict[str, list[Event]] = {}
        self.retracted: set[str] = set()
        #: by order id: the day on which the world was told to forget some of it; what replaces that is not known before
        self.forgotten: dict[str, date] = {}
        for name in BUYERS + VENDORS:
            self.fact("organization-registered", {"organization_id": name, "name": name.title(), **self.country()})
        for name in PRODUCTS:
            maker = self.random.choice(VENDORS)
            about = {"product_id": name, "name": name.upper(), "vendor_id": maker, "category": self.category()}
            self.fact("product-registered", about | {"attributes": {"tpp": self.random.choice(ATTRIBUTES)}})

    def grow(self, count: int) -> list[Event]:
        """Record so many more steps, and answer all events."""
        steps = (
            (self.place, 6), (self.move, 10), (self.allocate, 3), (self.cancel, 1), (self.supply, 3), (self.publish, 2),
            (self.change, 3), (self.retract, 2),
        )  # fmt: skip
        for step in self.random.choices([step for step, _ in steps], [weight for _, weight in steps], k=count):
            step()
        return self.events

    def record(self, kind: str, data: dict[str, Any], effective_on: str, known_on: date) -> Event:
        """Record an event as it stands in the store."""
        position = len(self.events) + 1
        event = {
            "type": kind,
            # Some returns are of the first version, in which no amount is no posting of money.
            "v": 2 if kind == "goods-received" or (kind == "goods-returned" and position % 3) else 1,
            "id": f"e{position}",
            "position": position,
            "recorded_at": f"2026-01-31T12:00:00.{position:06}Z",
            "effective_on": effective_on,
            "known_on": known_on.isoformat(),
            "basis": self.random.choices(BASES, (8, 2, 1))[0] if self.vague() else "reported",
            "data": data,
        }
        self.events.append(event)
        return event

    def fact(self, kind: str, data: dict[str, Any], start: date = FIRST_DAY, days: int = DAYS) -> Event:
        """Record an event with some date on or after `start`, known on that day, before it or later."""
        day = start + timedelta(self.random.randrange(days))
        known_on = day + timedelta(self.random.choice((0, 0, 0, -20, 5, 40)) if self.vague() else 0)
        known_on = max(known_on, self.forgotten.get(data.get("order_id", ""), known_on))
        text = day.isoformat()
        effective_on = (
            self.random.choice((text, text, text, text[:7], text[:4], f"../{text}")) if self.vague() else text
        )
        return self.record(kind, data, effective_on, known_on)

    def estimate(self, most: int, unquantified: bool = True) -> Any:
        """Exact, between bounds, nothing at all, or unknown."""
        value = self.random.randrange(most * 10) / 10
        number = f"{value:g}"
        if not self.vague():
            return number
        low, high = f"{value / 2:.4f}", f"{value * 1.5:.4f}"
        between = {"value": number, "low": low, "high": high}
        choices: list[Any] = [number, number, number, between, {"value": number, "low": "0"}, "0"]
        return self.random.choice([*choices, None] if unquantified else choices)

    def amount(self, most: int) -> dict[str, Any]:
        """An amount of a receipt, or none."""
        return {"amount": self.estimate(most)} if self.random.random() < 0.6 else {}

    def unpriced(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """A receipt without its amount."""
        return {name: value for name, value in receipt.items() if name != "amount"}

    def vague(self) -> bool:
        """Whether this time it may be other than plain."""
        return self.random.random() < self.vagueness

    def country(self) -> dict[str, Any]:
        """A country."""
        return {"country": self.random.choice(("CN", "US", "ZZ"))}

    def category(self) -> str:
        """A category."""
        return self.random.choice(("ai-accelerator", "memory"))

    def line(self, number: int) -> dict[str, Any]:
        """A line as an order or an assertion brings it."""
        product = self.random.choice((*PRODUCTS, None))
        line = {"line": str(number), "product_id": product, "quantity": self.estimate(90)}
        return line | {"amount": self.estimate(9000)}

    def place(self) -> None:
        """Place an order under a new id, or under one whose placing was taken back."""
        free = [name for name, events in self.orders.items() if not events]
        order_id = self.random.choice(free) if free and self.random.random() < 0.5 else f"o{len(self.orders)}"
        buyers = self.random.sample(BUYERS, self.random.choice((1, 1, 1, 2, 3)) if self.vague() else 1)
        lines = [self.line(number + 1) for number in range(self.random.choice((1, 1, 2)))]
        about = {"order_id": order_id, "buyers": buyers, "vendor_id": self.random.choice(VENDORS + BUYERS[:1])}
        about["currency"] = self.random.choice(CURRENCIES)
        self.orders[order_id] = [self.fact("order-placed", about | {"lines": lines})]

    def standing(self) -> str | None:
        """The id of an order that stands."""
        standing = [name for name, events in self.orders.items() if events]
        return self.random.choice(standing) if standing else None

    def build_on(self, order_id: str, kind: str, data: dict[str, Any]) -> None:
        """Record a later event of an order, mostly dated after its placing."""
        known_on = date.fromisoformat(self.orders[order_id][0]["known_on"])
        start = FIRST_DAY if self.random.random() < 0.3 and self.vague() else known_on
        self.orders[order_id].append(self.fact(kind, {"order_id": order_id} | data, start, 400))

    def lines_of(self, order_id: str) -> dict[str, Event]:
        """An order's lines as they were brought, by name."""
        return {line["line"]: line for event in self.orders[order_id] for line in event["data"].get("lines", ())}

    def move(self) -> None:
        """Amend an order, receive goods or send some back."""
        order_id = self.standing()
        if order_id is None:
            return
        lines = self.lines_of(order_id)
        names = list(lines)
        moved = self.random.sample(names, self.random.randint(1, len(names)))
        kind = self.random.choice(MOVES if self.vague() else MOVES[:4])
        exact = [self.estimate(9, unquantified=False) for _ in range(2)]
        quantity, amount = (part if isinstance(part, str) else part["value"] for part in exact)
        if kind == "received":
            parts = [{"line": name, "quantity": self.estimate(60), **self.amount(6000)} for name in moved]
            self.build_on(order_id, "goods-received", {"receipts": parts})
        elif kind == "completed":
            parts = [{name: lines[line][name] for name in ("line", "quantity", "amount")} for line in moved]
            parts = [part if self.random.random() < 0.6 else self.unpriced(part) for part in parts]
            self.build_on(order_id, "goods-received", {"receipts": parts})
        elif kind == "returned":
            some = {"amount": amount} if self.random.random() < 0.5 else {}
            self.build_on(order_id, "goods-returned", {"returns": [{"line": moved[0], "quantity": quantity} | some]})
        elif kind == "changed":
            some = self.random.choice(({"quantity": f"-{quantity}"}, {"amount": amount}, {"quantity": quantity}))
            self.build_on(order_id, "order-amended", {"changes": [{"line": moved[0]} | some]})
        else:
            self.build_on(order_id, "order-amended", {"lines": [self.line(len(names) + 1)]})

    def allocate(self) -> None:
        """Say who gets what of a joint order, of all its buyers or of some."""
        joint = [name for name, events in self.orders.items() if events and len(events[0]["data"]["buyers"]) > 1]
        if not joint:
            return
        order_id = self.random.choice(joint)
        buyers = self.orders[order_id][0]["data"]["buyers"]
        named = self.random.sample(buyers, self.random.randint(1, len(buyers)))
        if self.random.random() < 0.2:
            parts = [{"buyer_id": name, "share": "0.5"} for name in buyers[:2]]
        else:
            parts = [{"buyer_id": name, "share": self.random.choice(SHARES)} for name in named]
        self.build_on(order_id, "order-allocated", {"allocations": parts})

    def cancel(self) -> None:
        """Cancel an order."""
        order_id = self.standing()
        if order_id is not None and self.vague():
            self.build_on(order_id, "order-cancelled", {"reason": "export rule"})

    def supply(self) -> None:
        """Assert a supply, perhaps again."""
        about: dict[str, Any] = {"assertion_id": f"s{self.random.randrange(4)}", "statement": "in use"}
        about |= {"buyer_id": self.random.choice(BUYERS), "vendor_id": self.random.choice(VENDORS)}
        if self.random.random() < 0.7:
            about["lines"] = [self.line(1), self.line(2)][: self.random.choice((1, 2))]
            about |= {"currency": self.random.choice(CURRENCIES)} if self.random.random() < 0.7 else {}
        self.fact("supply-asserted", about)

    def publish(self) -> None:
        """Publish exchange rates."""
        base = self.random.choice(CURRENCIES)
        others = [name for name in CURRENCIES if name != base]
        named = self.random.sample(others, self.random.choice((1, 2, 2)))
        rates = {name: f"{self.random.uniform(0.1, 9):.4f}" for name in named}
        self.fact("exchange-rates-published", {"base": base, "rates": rates})

    def change(self) -> None:
        """Change an organisation or a product."""
        if self.random.random() < 0.5:
            name = self.random.choice(BUYERS + VENDORS)
            # Only of one that stands earlier in the list: no circles.
            above = (BUYERS + VENDORS)[: (BUYERS + VENDORS).index(name)]
            said: dict[str, Any] = self.random.choice(
                ({"parent_id": self.random.choice((*above, None))}, {"name": name.upper()}, self.country())
            )
            self.fact("organization-changed", {"organization_id": name} | said)
            return
        said = self.random.choice(
            (
                {"vendor_id": self.random.choice(VENDORS)},
                {"category": self.category()},
                {"attributes": {"tpp": self.random.choice(ATTRIBUTES)}},
                {"attributes": {"memory_gb": "80"}},
            )
        )
        self.fact("product-changed", {"product_id": self.random.choice(PRODUCTS)} | said)

    def retract(self) -> None:
        """Take back a placing with all that came after it, the last event of an order, or a fact."""
        if not self.vague():
            return
        chance = self.random.random()
        order_id = self.standing()
        if chance < 0.6 and order_id is not None:
            events = self.orders[order_id]
            taken = list(events) if chance < 0.3 else events[-1:]
            if taken[0]["type"] == "order-placed":
                taken = list(events)
            self.orders[order_id] = [event for event in events if event not in taken]
        else:
            kinds = ("organization-changed", "product-changed", "supply-asserted", "exchange-rates-published")
            facts = [event for event in self.events if event["type"] in kinds and event["id"] not in self.retracted]
            taken = [self.random.choice(facts)] if facts else []
        late = timedelta(self.random.choice((0, 0, 60)))
        for event in taken:
            self.retracted.add(event["id"])
            known_on = date.fromisoformat(event["known_on"]) + late
            name = event["data"].get("order_id", "")
            self.forgotten[name] = max(known_on, self.forgotten.get(name, known_on))
            self.record("event-retracted", {"retracts": event["id"], "reason": "wrong"}, known_on.isoformat(), known_on)


def random_query(seed: int, events: list[Event]) -> dict[str, Any]:
    """Parameters of vendor-dependence, some of them given."""
    draw = random.Random(seed)
    day = FIRST_DAY + timedelta(draw.randrange(DAYS + 500))
    query: dict[str, Any] = {
        "buyer": draw.choice(([], [], ["baidu"], ["tencent"], ["baidu", "tencent"], list(BUYERS), ["nobody"])),
        "buyer_scope": draw.choice(("entity", "group")),
        "effective_on": day,
        "known_on": draw.choice((None, day, day + timedelta(90))),
        "position": draw.choice((len(events), len(events), draw.randrange(len(events)))),
        "exclude": tuple(draw.sample(("estimated", "assumed", "unquantified"), draw.choice((0, 0, 0, 1, 2)))),
        "currency": draw.choice(CURRENCIES),
        "measure": draw.choice(("spend", "units", "capacity")),
        "status": draw.choice(("ordered", "delivered", "open")),
        "by": draw.choice(("vendor", "maker", "parent", "country", "product", "category", "attribute:tpp")),
        "captive": draw.choice(("include", "include", "exclude")),
        "home": draw.choice((None, None, "CN")),
        "rates": draw.choice(("placed", "placed", "effective", "2022-08-31")),
    }
    if query["status"] != "open":
        query["window"] = draw.choice((None, None, "P1Y", "P6M", "P100D"))
        if query["window"] is None:
            query["period"] = draw.choice((None, "2022", "2022-Q3", "2022-05-07/2022-11-30", "../2022-09-15"))
    return query
