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


def random_common(random: Random, events: list[Event]) -> dict[str, Any]:
    """Parameters that views of purchases share, in their own words: dates as dates, `position` always given."""
    status = random.choice(("ordered", "ordered", "delivered", "open"))
    excludable = ("estimated", "assumed", "unquantified")
    effective_on = date(2025, 7, 31) if random.random() < 0.5 else _moment(random, events)
    limited: dict[str, str | None] = {"window": None, "period": None}
    if status != "open" and random.random() < 0.4:
        if random.random() < 0.5:
            limited["window"] = random.choice(WINDOWS)
            # From the last day of a month windows of months begin after the last day of one.
            effective_on = _month_end(effective_on) if random.random() < 0.5 else effective_on
        else:
            limited["period"] = random_period(random, events)
    rates = random.choice(("placed", "placed", "placed", "effective", _moment(random, events).isoformat()))
    return {
        "buyer": _buyers(random, events),
        "buyer_scope": random.choice(("entity", "group")),
        "effective_on": effective_on,
        "known_on": None if random.random() < 0.7 else _moment(random, events),
        # Mostly all of it, else mostly more than half.
        "position": len(events) if random.random() < 0.7 else int(len(events) * random.random() ** 0.5),
        "exclude": tuple(random.sample(excludable, random.choice((0, 0, 0, 0, 1, 1, 2, 3)))),
        "currency": random.choice(CURRENCIES),
        "rates": rates,
        "measure": random.choice(("spend", "spend", "units", "capacity")),
        "attribute": random.choice(("tpp", "tpp", "memory_gb", "density", "datacentre", "node", "unheard-of")),
        "status": status,
        **limited,
        "captive": random.choice(("include", "include", "include", "exclude")),
    }


def random_query(random: Random, events: list[Event]) -> dict[str, Any]:
    """Parameters of vendor-dependence."""
    own = {"by": random.choice(KEYS), "home": random.choice((None, None, *COUNTRIES))}
    return random_common(random, events) | own


def random_exposure_query(random: Random, events: list[Event]) -> dict[str, Any]:
    """Parameters of regulatory-exposure, and of the orders behind it."""
    verdicts = ("yes", "undetermined", "no")
    return random_common(random, events) | {
        "judged": random.choice(("effective", "placed")),
        "restricted": tuple(random.sample(verdicts, random.choice((0, 0, 0, 1, 2)))),
    }


def random_sole_source_query(random: Random, events: list[Event]) -> dict[str, Any]:
    """Parameters of sole-source."""
    threshold = random.choice((None, None, "4800", "1600", "0"))
    about = {"threshold_attribute": random.choice(("tpp", "tpp", "memory_gb", "node", "unheard-of"))}
    return random_common(random, events) | {"threshold": threshold} | ({} if threshold is None else about)


WINDOWS = ("P1Y", "P2Y", "P6M", "P3M", "P1Y6M", "P1M1D", "P30D", "P2W", "P1M")


def random_period(random: Random, events: list[Event]) -> str:
    """A year, quarter, month, or two days or one, in which something may have happened."""
    first, last = sorted(date.fromisoformat(random.choice(events)["known_on"]) for _ in range(2))
    return random.choice(
        (
            f"{first:%Y}",
            f"{first:%Y-%m}",
            f"{first:%Y}-Q{(first.month + 2) // 3}",
            f"{first}/{last}",
            f"{first}/..",
            f"../{last}",
        )
    )


def _month_end(day: date) -> date:
    return last_day(f"{day:%Y-%m}")


def _buyers(random: Random, events: list[Event]) -> list[str]:
    """Nobody in particular, an order's buyers or some of them, or anybody."""
    orders = [event["data"]["buyers"] for event in events if event["type"] == "order-placed"]
    kind = random.random()
    if kind < 0.4:
        return []
    if kind < 0.85 and orders:
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
