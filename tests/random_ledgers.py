"""Random ledgers of valid requests, and random questions about them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from domain.errors import Refusal
from domain.orders import LineState, Order
from tests.ledgers import TODAY, Book, Event
from tests.random_facts import CATEGORIES, COUNTRIES, CURRENCIES, Facts, last_day, plain

ORGANIZATIONS = (
    "baidu",
    "tencent",
    "alibaba",
    "nvidia",
    "huawei",
    "kunlunxin",
    "supermicro",
    "arm",
    "softbank",
)
PRODUCTS = ("a800", "h800", "ascend-910b", "kunlun-2", "hbm3")
ORDERS = tuple(f"po-{number}" for number in range(1, 15))
LINES = ("1", "2", "3", "a")
ASSERTIONS = ("in-use", "fleet", "press-note")
PARTNERSHIPS = ("paddle-ascend", "foundry-pact")
REGULATIONS = ("ear-744", "chip-act", "export-list")
LICENCES = ("veu-1", "veu-2")
WORDS = ("entered by mistake", "the filing was corrected", "后来更正")


@dataclass(frozen=True)
class RandomLedger:
    """What was sent and recorded, in order, and the book that holds it."""

    requests: list[Event]
    book: Book

    @property
    def events(self) -> list[Event]:
        """The stored events."""
        return self.book.events


def random_ledger(random: Random, size: int, today: date = TODAY) -> RandomLedger:
    """A ledger of `size` events or a few more, every request of it accepted when it came."""
    growing = _Growing(random, Book(today))
    while len(growing.book.events) < size:
        growing.step()
    return RandomLedger(growing.requests, growing.book)


def random_query(random: Random, events: list[Event]) -> dict[str, Any]:
    """Parameters of vendor-dependence, in the words of the view: dates as dates, `position` always given."""
    status = random.choice(("ordered", "ordered", "delivered", "open"))
    excludable = ("estimated", "assumed", "unquantified")
    windows = ("P1Y", "P2Y", "P6M", "P1Y6M", "P1M1D", "P30D", "P2W", "P1M")
    return {
        "buyer": _buyers(random, events),
        "buyer_scope": random.choice(("entity", "group")),
        "effective_on": date(2025, 7, 31) if random.random() < 0.5 else _moment(random, events),
        "known_on": None if random.random() < 0.6 else _moment(random, events),
        "position": len(events) if random.random() < 0.6 else random.randint(0, len(events)),
        "exclude": tuple(random.sample(excludable, random.choice((0, 0, 0, 0, 1, 1, 2, 3)))),
        "currency": random.choice(CURRENCIES),
        "measure": random.choice(("spend", "spend", "units", "capacity")),
        "attribute": random.choice(("tpp", "tpp", "memory_gb", "density", "datacentre", "node", "unheard-of")),
        "status": status,
        "by": random.choice(("vendor", "maker", "parent", "country", "product", "category")),
        "window": random.choice(windows) if status != "open" and random.random() < 0.3 else None,
        "captive": random.choice(("include", "include", "exclude")),
        "home": random.choice((None, None, *COUNTRIES)),
    }


def _buyers(random: Random, events: list[Event]) -> list[str]:
    """Nobody in particular, an order's buyers or some of them, or anybody."""
    orders = [event["data"]["buyers"] for event in events if event["type"] == "order-placed"]
    kind = random.random()
    if kind < 0.3:
        return []
    if kind < 0.75 and orders:
        buyers = random.choice(orders)
        return random.sample(buyers, random.randint(1, len(buyers)))
    return random.sample((*ORGANIZATIONS, "nobody"), random.choice((1, 1, 2, 3)))


def _moment(random: Random, events: list[Event]) -> date:
    """A day on which some event begins to count or to be known, the day before, or one after; mostly a late one."""
    days = sorted(
        {event["known_on"] for event in events} | {last_day(event["effective_on"]).isoformat() for event in events}
    )
    day = date.fromisoformat(random.choice(days[random.choice((0, len(days) // 2)) :] or ["2023-08-31"]))
    return day + timedelta(random.choice((-1, 0, 0, 1, 30)))


class _Growing:
    """A ledger that grows by one random request a step."""

    def __init__(self, random: Random, book: Book) -> None:
        self.random = random
        self.book = book
        self.facts = Facts(random, book.today)
        self.requests: list[Event] = []
        self._named = 0
        self._makers: dict[Callable[[], Event | None], int] = {
            self.organization: 12,
            self.organization_changed: 8,
            self.product: 9,
            self.product_changed: 8,
            self.order: 15,
            self.amendment: 12,
            self.cancellation: 2,
            self.receipt: 18,
            self.return_: 8,
            self.allocation: 8,
            self.supply: 7,
            self.partnership: 2,
            self.partnership_later: 2,
            self.regulation: 3,
            self.regulation_later: 6,
            self.licence: 3,
            self.rates: 6,
            self.retraction: 7,
            self.annotation: 1,
        }

    def step(self) -> None:
        """Try one request; what the ledger refuses is dropped."""
        maker = self.random.choices(list(self._makers), list(self._makers.values()))[0]
        request = maker()
        if request is None or not self.try_(request):
            return
        if request["type"] == "event-retracted" and self.facts.chance(0.5):
            replacement = self.replacement(request["data"]["retracts"])
            if replacement is not None:
                self.try_(replacement)

    def try_(self, request: Event) -> bool:
        """Record the request if the ledger takes it."""
        try:
            self.book.record([request])
        except Refusal:
            return False
        self.requests.append(request)
        return True

    def request(self, event_type: str, data: Event, effective_on: str | None = None) -> Event:
        """A request with a random envelope."""
        facts = self.facts
        effective_on = effective_on or facts.period()
        known_on = facts.known_on(effective_on)
        basis = self.random.choices((None, "reported", "estimated", "assumed"), (50, 25, 15, 10))[0]
        self._named += 1
        optional = {
            "known_on": known_on,
            "basis": basis,
            "id": f"{event_type}:{self._named}" if facts.chance(0.8) else None,
            "source": self.source() if facts.chance(0.1) else None,
        }
        sent = {name: value for name, value in optional.items() if value is not None}
        return {"type": event_type, "effective_on": effective_on, **sent, "data": data}

    def source(self) -> Event:
        """Where it was read."""
        whole = {
            "citation": "路透社 2023-11-07",
            "url": "https://example.com/a?b=1",
            "quote": '1,600 "910B"\n',
            "sha256": "0f" * 32,
        }
        return {"citation": whole["citation"]} if self.facts.chance(0.5) else whole

    # What there is

    def standing(self, kind: str) -> list[str]:
        """The ids of this kind that stand."""
        streams = {event["stream"]: None for event in self.book.events if event["stream"].startswith(f"{kind}/")}
        return [name.partition("/")[2] for name in streams if self.book.stream(name).state is not None]

    def new(self, kind: str, pool: tuple[str, ...]) -> str | None:
        """An id of the pool that does not stand yet; None: all do."""
        free = [identifier for identifier in pool if self.book.stream(f"{kind}/{identifier}").state is None]
        return self.random.choice(free) if free else None

    def one(self, kind: str) -> str | None:
        """An id that stands; None: none does."""
        standing = self.standing(kind)
        return self.random.choice(standing) if standing else None

    def some_order(self) -> tuple[str, Order] | None:
        """An order that stands."""
        order_id = self.one("order")
        return None if order_id is None else (order_id, self.book.stream(f"order/{order_id}").state)

    def some_lines(self, order: Order) -> list[tuple[str, LineState]]:
        """One or two lines of an order."""
        return self.random.sample(list(order.lines.items()), min(len(order.lines), self.random.choice((1, 1, 2))))

    # Organisations and products

    def organization(self) -> Event | None:
        """One more organisation, often as of long ago."""
        identifier = self.new("organization", ORGANIZATIONS)
        if identifier is None:
            return None
        data: Event = {
            "organization_id": identifier,
            "name": identifier.title(),
            "country": self.random.choice(COUNTRIES),
        }
        parent = self.one("organization")
        if parent is not None and self.facts.chance(0.3):
            data["parent_id"] = parent
        elif self.facts.chance(0.2):
            data["parent_id"] = None
        if self.facts.chance(0.2):
            data |= {"names": {"zh": "百度", "de-CH": "Zürich"}, "identifiers": [{"scheme": "LEI", "id": "5493"}]}
        return self.request("organization-registered", data, "2020" if self.facts.chance(0.7) else None)

    def organization_changed(self) -> Event | None:
        """A takeover, its end, or another name or country."""
        identifier = self.one("organization")
        if identifier is None:
            return None
        parent = None if self.facts.chance(0.3) else self.one("organization")
        change = self.random.choice(
            (
                {"parent_id": parent},
                {"parent_id": parent},
                {"parent_id": parent, "country": self.random.choice(COUNTRIES)},
                {"country": self.random.choice(COUNTRIES)},
                {"name": f"{identifier.title()} {self._named}"},
                {"names": {"en": "Baidu"}},
            )
        )
        return self.request("organization-changed", {"organization_id": identifier} | change)

    def product(self) -> Event | None:
        """One more product."""
        identifier, vendor = self.new("product", PRODUCTS), self.one("organization")
        if identifier is None or vendor is None:
            return None
        data: Event = {
            "product_id": identifier,
            "name": identifier.upper(),
            "vendor_id": vendor,
            "category": self.random.choice(CATEGORIES),
        }
        if self.facts.chance(0.85):
            data["attributes"] = self.facts.attributes()
        if self.facts.chance(0.2):
            data["foundry"] = "TSMC"
        return self.request("product-registered", data, "2020" if self.facts.chance(0.6) else None)

    def product_changed(self) -> Event | None:
        """Other attributes, another maker, category or name."""
        identifier = self.one("product")
        if identifier is None:
            return None
        change: Event = self.random.choice(
            (
                {"attributes": self.facts.attributes()},
                {"attributes": self.facts.attributes()},
                {"vendor_id": self.one("organization") or "baidu"},
                {"category": self.random.choice(CATEGORIES), "attributes": self.facts.attributes()},
                {"name": f"{identifier.upper()} rev {self._named}", "foundry": "SMIC"},
            )
        )
        return self.request("product-changed", {"product_id": identifier} | change)

    # Orders

    def lines(self, taken: tuple[str, ...] = ()) -> list[Event]:
        """Order lines under names that are not taken."""
        free = [name for name in LINES if name not in taken] or [f"x{self._named}"]
        products = [None, *self.standing("product")]
        lines = []
        for name in self.facts.some(free, 3):
            line: Event = {
                "line": name,
                "product_id": self.random.choice(products),
                "quantity": self.facts.estimate(),
                "amount": self.facts.estimate(200_000),
            }
            lines.append(line | ({"deliver_by": self.facts.bounded_period()} if self.facts.chance(0.1) else {}))
        return lines

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
            part = (line.quantity.value or Decimal(50)) * self.random.choice(parts)
            quantity: Any = plain(min(part, Decimal(10) ** 15 - 1), self.random.choice((0, 0, 4)))
            if self.facts.chance(0.25):
                quantity = self.facts.bounded(quantity)
            receipt: Event = {"line": name, "quantity": None if self.facts.chance(0.05) else quantity}
            receipts.append(receipt | ({"amount": self.facts.estimate(100_000)} if self.facts.chance(0.35) else {}))
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
            left = (line.received.high or Decimal(0)) - line.returned
            worth = (line.received_amount.high or Decimal(0)) - line.returned_amount
            parts = (Decimal("0.1"), Decimal("0.5"), Decimal(1))
            back = {"line": name, "quantity": plain(max(left, Decimal(0)) * self.random.choice(parts), 4)}
            amount = {"amount": plain(max(worth, Decimal(0)) * self.random.choice(parts), 4)}
            returns.append(back | (amount if self.facts.chance(0.6) else {}))
        return self.request("goods-returned", {"order_id": order_id, "returns": returns})

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

    # Everything else

    def supply(self) -> Event | None:
        """A supply asserted, for the first time or anew."""
        organizations = self.standing("organization")
        if not organizations:
            return None
        data: Event = {
            "assertion_id": self.random.choice(ASSERTIONS),
            "buyer_id": self.random.choice(organizations),
            "vendor_id": self.random.choice(organizations),
            "statement": "relies on it",
        }
        if self.facts.chance(0.75):
            data["lines"] = self.lines()
        if self.facts.chance(0.6) or any(line["amount"] is not None for line in data.get("lines", ())):
            data["currency"] = self.random.choice(CURRENCIES)
        return self.request("supply-asserted", data)

    def partnership(self) -> Event | None:
        """Two or three organisations begin to work together."""
        identifier, organizations = self.new("partnership", PARTNERSHIPS), self.standing("organization")
        if identifier is None or len(organizations) < 3:
            return None
        parties = self.random.sample(organizations, self.random.choice((2, 3)))
        data = {
            "partnership_id": identifier,
            "parties": parties,
            "kind": "joint development",
            "scope": "training chips",
        }
        return self.request("partnership-formed", data)

    def partnership_later(self) -> Event | None:
        """A partnership changes or ends."""
        identifier = self.one("partnership")
        if identifier is None:
            return None
        if self.facts.chance(0.3):
            return self.request("partnership-ended", {"partnership_id": identifier, "reason": "run out"})
        return self.request("partnership-changed", {"partnership_id": identifier, "scope": f"scope {self._named}"})

    def regulation(self) -> Event | None:
        """One more instrument."""
        identifier, organizations = self.new("regulation", REGULATIONS), self.standing("organization")
        if identifier is None or not organizations:
            return None
        data = {
            "regulation_id": identifier,
            "jurisdiction": "US",
            "authority": "BIS",
            "title": "Advanced computing rule",
            "citation": "87 FR 62186",
            "rules": self.facts.rules(organizations, self.standing("product")),
        }
        return self.request("regulation-enacted", data | self.until(0.2))

    def until(self, probability: float) -> Event:
        """A last day, or none."""
        return {"until": self.facts.bounded_period()} if self.facts.chance(probability) else {}

    def regulation_later(self) -> Event | None:
        """An instrument is amended, suspended, resumed or repealed."""
        identifier = self.one("regulation")
        if identifier is None:
            return None
        data: Event = {"regulation_id": identifier}
        kind = self.random.choices(("amended", "suspended", "resumed", "repealed"), (40, 35, 20, 5))[0]
        if kind == "amended":
            rules = self.facts.rules(self.standing("organization") or ["baidu"], self.standing("product"))
            data |= {"citation": "88 FR 73458", "rules": rules} | self.until(0.2)
        elif kind == "suspended":
            data |= self.until(0.5)
        return self.request(f"regulation-{kind}", data)

    def licence(self) -> Event | None:
        """A licence under an instrument is granted or revoked."""
        identifier, organizations = self.one("regulation"), self.standing("organization")
        if identifier is None or not organizations:
            return None
        data: Event = {"regulation_id": identifier, "licence_id": self.random.choice(LICENCES)}
        if self.facts.chance(0.3):
            return self.request("licence-revoked", data)
        data |= self.facts.conditions(organizations, self.standing("product")) | self.until(0.3)
        return self.request("licence-granted", data)

    def rates(self) -> Event:
        """Rates of some currencies, not always of those that are asked for."""
        base, *others = self.random.sample(CURRENCIES, self.random.choice((2, 3, 3, 4)))
        return self.request(
            "exchange-rates-published", {"base": base, "rates": {other: self.facts.rate() for other in others}}
        )

    # Events about events

    def annotation(self) -> Event | None:
        """A note on some event."""
        target = self.named_event()
        return target and self.request(
            "event-annotated", {"annotates": target["id"], "note": self.random.choice(WORDS)}
        )

    def retraction(self) -> Event | None:
        """Some event was wrong: never true, or withdrawn on a later day."""
        target = self.named_event()
        if target is None:
            return None
        request = self.request("event-retracted", {"retracts": target["id"], "reason": self.random.choice(WORDS)})
        request.pop("known_on", None)
        if self.facts.chance(0.45):
            known_on = date.fromisoformat(target["known_on"]) + timedelta(self.random.randrange(120))
            request["known_on"] = min(known_on, self.book.today).isoformat()
        return request

    def named_event(self) -> Event | None:
        """An event that whoever recorded it gave an id."""
        named = [event for event in self.book.events if ":" in event["id"]]
        return self.random.choice(named) if named else None

    def replacement(self, retracted_id: str) -> Event | None:
        """What is recorded instead of a retracted event: the same with another date, basis or figure."""
        wrong = next(event for event in self.book.events if event["id"] == retracted_id)
        retraction = next(event for event in self.book.events if event["data"].get("retracts") == retracted_id)
        if wrong["type"] == "event-annotated":
            return None
        data = wrong["data"]
        if wrong["type"] == "order-placed":
            data = data | {"lines": self.lines()}
        request = self.request(wrong["type"], data, wrong["effective_on"] if self.facts.chance(0.5) else None)
        known_on = request.get("known_on", self.book.today.isoformat())
        return request | {"corrects": retracted_id, "known_on": max(known_on, retraction["known_on"])}
