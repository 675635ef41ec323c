"""Random dates, figures and rules: what random events are made of."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

FIRST_DAY = date(2021, 1, 1)
LAST_DAY = date(2025, 12, 31)

COUNTRIES = ("US", "CN", "TW", "JP", "NL")
#: Where an organisation may be: somewhere, or nobody knows where.
PLACES = (*COUNTRIES, "ZZ")
CURRENCIES = ("USD", "EUR", "CNY", "JPY")
CATEGORIES = ("accelerator", "memory", "switch")
EFFECTS = ("prohibited", "licence-required", "notification", "advisory")
#: By what kind of value they usually hold.
NUMBERS, TRUTHS, WORDS = ("tpp", "memory_gb", "density"), ("datacentre",), ("node", "site")
NODES = ("N4", "N7", "深紫外")


class Facts:
    """Draws values for one ledger: its days are few, so that events fall on the same one, and its figures alike."""

    def __init__(self, random: Random, today: date) -> None:
        self.random = random
        self.today = today
        span = (LAST_DAY - FIRST_DAY).days
        self.days = [FIRST_DAY + timedelta(random.randrange(span)) for _ in range(random.choice((6, 20, 60)))]
        #: Whether figures of the greatest length occur.
        self.wide = random.random() < 0.1
        #: How much of what could be said to be another record of an organisation is said to be one.
        self.doubles = random.choice((0, 0, 0.3, 1))
        #: How many receipts and returns state an amount.
        self.priced = random.choice((0.1, 0.35, 0.35, 1))

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.random.random() < probability

    def some(self, pool: list[str] | tuple[str, ...], most: int = 2) -> list[str]:
        """A few different ones of the pool, at least one."""
        return self.random.sample(list(pool), min(len(pool), self.random.randint(1, most)))

    # Dates

    def day(self) -> date:
        """One of the ledger's days, or one beside it."""
        return self.random.choice(self.days) + timedelta(self.random.choice((0, 0, 0, 0, -1, 1)))

    def period(self, day: date | None = None) -> str:
        """A day, month or year, or everything up to a day, in EDTF."""
        day = day or self.day()
        forms = (day.isoformat(), f"{day:%Y-%m}", f"{day:%Y}", f"../{day}")
        return self.random.choices(forms, (70, 12, 6, 12))[0]

    def bounded_period(self) -> str:
        """A day, month or year."""
        day = self.day()
        return self.random.choices((day.isoformat(), f"{day:%Y-%m}", f"{day:%Y}"), (70, 20, 10))[0]

    def known_on(self, effective_on: str) -> str | None:
        """A day of knowledge before, inside or after the period; None: not said, and so the date of recording."""
        last = last_day(effective_on)
        day = self.random.choices(
            (
                last,
                last - timedelta(self.random.randrange(20)),
                last + timedelta(self.random.randrange(90)),
                self.day(),
            ),
            (35, 20, 25, 20),
        )[0]
        return None if self.chance(0.04) else min(day, self.today).isoformat()

    # Figures

    def number(self, most: int = 2_000) -> str:
        """A figure as clients write it, more often round than not."""
        if self.wide and self.chance(0.2):
            return self.random.choice(("999999999999999.9999", "123456789012345.6789", "0.0001"))
        whole = self.random.randint(1, most)
        fraction = self.random.choices(("", ".5", ".25", ".3333", ".0001"), (80, 8, 5, 5, 2))[0]
        return self.random.choices((f"{whole}{fraction}", "0", "0.0001"), (91, 7, 2))[0]

    def estimate(self, most: int = 2_000, unquantified: float = 0.12) -> Any:
        """An exact figure, one between bounds, or null."""
        if self.chance(unquantified):
            return None
        if self.chance(0.7):
            return self.number(most)
        # Now and then exact though it has bounds, and nothing at best.
        value = "0" if self.chance(0.1) else self.number(most)
        return {"value": value, "low": value, "high": value} if self.chance(0.1) else self.bounded(value)

    def bounded(self, value: str, ceiling: str | None = None) -> dict[str, str]:
        """The figure with a bound below, above or both; `ceiling` is the greatest bound above."""
        low = plain(Decimal(value) * self.random.choice((0, Decimal("0.5"), Decimal("0.9"), 1)), 4)
        high = plain(Decimal(value) * self.random.choice((1, Decimal("1.1"), 2)), 4)
        if ceiling is not None:
            high = min(high, ceiling, key=Decimal)
        if Decimal(high) >= 10**15 or Decimal(high) < Decimal(value):
            high = value
        bounds = {"low": min(low, value, key=Decimal), "high": high}
        kept = self.random.choice((("low",), ("high",), ("low", "high"), ("low", "high")))
        return {"value": value} | {name: bounds[name] for name in kept}

    def shares(self, count: int) -> list[Any]:
        """Shares whose values sum to at most 1."""
        parts = sorted(self.random.choice((0, 1, 2, 3, 5, 6, 8, 9, 10)) for _ in range(count))
        values = [Decimal(part - before) / 10 for part, before in zip(parts, [0, *parts], strict=False)]
        if self.chance(0.2):
            values = [(value / 3).quantize(Decimal("0.000001")) for value in values]
        texts = [plain(value, 6) for value in values]
        return [self.bounded(text, "1") if self.chance(0.35) else text for text in texts]

    def attribute(self, name: str) -> Any:
        """A figure, a truth or a word; now and then of another kind than the name has mostly."""
        if self.chance(0.06):
            name = self.random.choice((*NUMBERS, *TRUTHS, *WORDS))
        if name in TRUTHS:
            return self.chance(0.5)
        if name in WORDS:
            return {"text": self.random.choice(NODES)}
        figure = self.random.choice(("4800", "4799.999999", "1600", "600", "0", "0.000001"))
        kinds = (figure, self.bounded(figure), {"value": "5000", "low": "4000", "high": "6000"}, None)
        return self.random.choices(kinds, (55, 20, 15, 10))[0]

    def attributes(self) -> dict[str, Any]:
        """A few attributes."""
        return {name: self.attribute(name) for name in self.some((*NUMBERS, *TRUTHS, *WORDS), 4)}

    def rate(self) -> str:
        """What a unit of one currency costs in another."""
        return self.random.choice(("1.0868", "7.9196", "0.9201", "155.2", "0.0063451123", "1", "3", "7"))

    # Rules

    def conditions(self, organizations: list[str], products: list[str]) -> dict[str, Any]:
        """One to three conditions of a rule or licence."""
        forms: dict[str, Any] = {
            "destinations": self.some(COUNTRIES),
            "vendors": self.some(organizations),
            "vendor_countries": self.some(COUNTRIES),
            "buyers": self.some(organizations),
            "categories": self.some(CATEGORIES),
            "when": self.predicate(self.random.randint(1, 4)),
        } | ({"products": self.some(products)} if products else {})
        names = self.random.sample(list(forms), self.random.choice((1, 1, 2, 2, 3)))
        return {name: forms[name] for name in names}

    def rules(self, organizations: list[str], products: list[str]) -> list[dict[str, Any]]:
        """Up to three rules of one instrument."""
        names = self.random.sample(("r1", "r2", "r3", "r4"), self.random.choice((0, 1, 1, 2, 3)))
        return [
            {"rule_id": name, "effect": self.random.choices(EFFECTS, (50, 25, 15, 10))[0]}
            | self.conditions(organizations, products)
            for name in names
        ]

    def predicate(self, depth: int) -> dict[str, Any]:
        """A predicate over product attributes, nested up to `depth` deep."""
        form = self.random.choice(("all", "any", "not", "comparison"))
        if depth == 1 or form == "comparison":
            return self.comparison()
        if form == "not":
            return {"not": self.predicate(depth - 1)}
        return {form: [self.predicate(depth - 1) for _ in range(self.random.randint(1, 3))]}

    def comparison(self) -> dict[str, Any]:
        """An attribute held against a bound, now and then of another kind than the attribute."""
        name = self.random.choice((*NUMBERS, *TRUTHS, *WORDS))
        kind = self.random.choices((name, *TRUTHS, *WORDS), (90, 5, 3, 2))[0]
        if kind in NUMBERS:
            op = self.random.choice((">=", ">", "<=", "<", "==", "!="))
            return {"attribute": name, "op": op, "value": self.random.choice(("4800", "1600", "600", "0", "-1"))}
        value = self.chance(0.5) if kind in TRUTHS else {"text": self.random.choice(NODES)}
        return {"attribute": name, "op": self.random.choice(("==", "!=")), "value": value}


def plain(number: Decimal, places: int) -> str:
    """A figure as clients write it."""
    text = format(number.quantize(Decimal(1).scaleb(-places)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def last_day(effective_on: str) -> date:
    """The last day of a period."""
    numbers = [int(part) for part in effective_on.removeprefix("../").split("-")]
    year, month, day = (*numbers, *(0, 0))[:3]
    if not month:
        return date(year, 12, 31)
    return date(year, month, day or monthrange(year, month)[1])
