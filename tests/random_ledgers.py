"""Random ledgers of valid requests, and random questions about them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from domain.catalogue import read_request
from domain.errors import Refusal
from tests.ledgers import CODES, TODAY, Book, Event
from tests.random_facts import COUNTRIES, CURRENCIES, last_day
from tests.random_orders import OrderRequests
from tests.random_requests import ORGANIZATIONS

KEYS = (
    *("vendor", "maker", "parent", "country", "product", "category", "site"),
    *(f"attribute:{name}" for name in ("node", "datacentre", "tpp", "unheard-of")),
)
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
        "by": random.choice(KEYS),
        "window": random.choice(windows) if status != "open" and random.random() < 0.3 else None,
        "captive": random.choice(("include", "include", "exclude")),
        "home": random.choice((None, None, *COUNTRIES)),
        "threshold": random.choice((None, None, "4800", "1600", "0")),
        "threshold_attribute": random.choice(("tpp", "tpp", "memory_gb", "node", "unheard-of")),
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


class _Growing(OrderRequests):
    """A ledger that grows by one random request a step."""

    def __init__(self, random: Random, book: Book) -> None:
        super().__init__(random, book)
        self.requests: list[Event] = []
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
        # One that is not even well-formed is a fault of its maker: let it rise.
        read_request(request, CODES)
        try:
            self.book.record([request])
        except Refusal:
            return False
        self.requests.append(request)
        return True

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
