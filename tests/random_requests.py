"""Random requests about organisations, products, supply, partnerships, regulations and exchange rates."""

from random import Random

from tests.ledgers import Book, Event
from tests.random_facts import CATEGORIES, CURRENCIES, PLACES, Facts

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
    "nvidia-sg",
    "baidu-netcom",
)
PRODUCTS = ("a800", "h800", "ascend-910b", "kunlun-2", "hbm3")
LINES = ("1", "2", "3", "a")
ASSERTIONS = ("in-use", "fleet", "press-note")
PARTNERSHIPS = ("paddle-ascend", "foundry-pact")
REGULATIONS = ("ear-744", "chip-act", "export-list")
LICENCES = ("veu-1", "veu-2")


class Requests:
    """Makes requests that fit what the book holds so far; None where there is nothing yet to make one of."""

    def __init__(self, random: Random, book: Book) -> None:
        self.random = random
        self.book = book
        self.facts = Facts(random, book.today)
        self._named = 0

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

    # Organisations and products

    def organization(self) -> Event | None:
        """One more organisation, often as of long ago."""
        identifier = self.new("organization", ORGANIZATIONS)
        if identifier is None:
            return None
        data: Event = {
            "organization_id": identifier,
            "name": identifier.title(),
            "country": self.random.choice(PLACES),
        }
        parent = self.one("organization")
        if parent is not None and self.facts.chance(0.3):
            data["parent_id"] = parent
        elif self.facts.chance(0.2):
            data["parent_id"] = None
        if parent is not None and self.facts.chance(0.15 * self.facts.doubles):
            data["same_as"] = self.one("organization")
        if self.facts.chance(0.2):
            data |= {"names": {"zh": "百度", "de-CH": "Zürich"}, "identifiers": [{"scheme": "LEI", "id": "5493"}]}
        return self.request("organization-registered", data, "2020" if self.facts.chance(0.7) else None)

    def organization_changed(self) -> Event | None:
        """A takeover, its end, another name or country, or that it is another record of an organisation."""
        identifier = self.one("organization")
        if identifier is None:
            return None
        if self.facts.chance(0.25 * self.facts.doubles):
            same_as = None if self.facts.chance(0.35) else self.one("organization")
            return self.request("organization-changed", {"organization_id": identifier, "same_as": same_as})
        parent = None if self.facts.chance(0.3) else self.one("organization")
        change = self.random.choice(
            (
                {"parent_id": parent},
                {"parent_id": parent},
                {"parent_id": parent, "country": self.random.choice(PLACES)},
                {"country": self.random.choice(PLACES)},
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
            "category": self.random.choice(CATEGORIES),
        }
        # Its maker may be unknown, said to be unknown, or known.
        data |= self.random.choices(({}, {"vendor_id": None}, {"vendor_id": vendor}), (8, 7, 85))[0]
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
                {"vendor_id": None if self.facts.chance(0.25) else self.one("organization")},
                {"category": self.random.choice(CATEGORIES), "attributes": self.facts.attributes()},
                {"name": f"{identifier.upper()} rev {self._named}", "foundry": "SMIC"},
            )
        )
        return self.request("product-changed", {"product_id": identifier} | change)

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
            data |= {"until": None} if self.facts.chance(0.15) else {}
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
