"""A ledger shaped as real ones are: many small suppliers and a few large ones, a product a line, gaps in what is known.

The shapes are those of a public register of purchases (USAID SCMS, 10,324 lines) made larger: of 6,233 orders half have
one line and the largest 67; the ten largest of 73 vendors have 90 % of the lines; one date in three is missing.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import accumulate
from random import Random
from typing import Any

from bench.material.market import COUNTRIES, FIRST_DAY, Made, rates, rules

LINES, VENDORS, BUYERS = 346_000, 24_000, 43
DAYS = 1_000
#: Lines of an order: Pareto with the mean of 1.7 that the register has, and no more than its largest.
SHAPE, MOST_LINES = 2.0, 67
#: The share of the n-th vendor falls with n to this power: ten of 24,000 have 29 % of the lines, 240 two thirds.
FALLS = 1.15
#: Of 100: orders received, lines without an amount, products without a maker, orders in dollars.
RECEIVED, UNPRICED, UNMADE, DOLLARS = 55, 2, 10, 85
#: Orders whose parties are drawn at once.
CHUNK = 1_000


def purchases(lines: int, random: Random) -> Iterator[Made]:
    """The events of so many lines of as many products, by vendors in proportion, with 50 rules and daily rates."""
    vendors = vendors_of(lines)
    yield from _organizations(random, vendors)
    yield from rules(random)
    yield from rates(random, DAYS)
    yield from _products(lines, random, vendors)
    for order in orders(lines, random):
        yield placed(order)
        if order["received"]:
            data = {"order_id": order["order_id"], "receipts": [dict(line) for line in _received(order)]}
            yield "goods-received", order["placed_on"] + timedelta(order["days"]), f"order/{order['order_id']}", data


def vendors_of(lines: int) -> int:
    """How many vendors such a ledger has."""
    return max(10, lines * VENDORS // LINES)


def _organizations(random: Random, vendors: int) -> Iterator[Made]:
    for kind, many in (("buyer", BUYERS), ("vendor", vendors)):
        for number in range(many):
            identifier = f"{kind}-{number}"
            data = {"organization_id": identifier, "name": f"{kind.capitalize()} {number}"}
            country = random.choice(COUNTRIES)
            yield "organization-registered", FIRST_DAY, f"organization/{identifier}", data | {"country": country}


def _products(lines: int, random: Random, vendors: int) -> Iterator[Made]:
    data: dict[str, Any]
    for number in range(lines):
        data = {"product_id": f"product-{number}", "name": f"Product {number}", "category": f"category-{number % 20}"}
        if random.randrange(100) >= UNMADE:
            data["vendor_id"] = f"vendor-{random.randrange(vendors)}"
        if number % 3 == 0:
            data["attributes"] = {"tpp": str(random.randrange(100, 20_000))}
        yield "product-registered", FIRST_DAY, f"product/product-{number}", data


def falling(many: int) -> Sequence[float]:
    """Cumulative weights that fall as those of vendors do."""
    return list(accumulate((number + 3) ** -FALLS for number in range(many)))


def orders(lines: int, random: Random, name: str = "po") -> Iterator[dict[str, Any]]:
    """Orders of so many lines in all, each line with a product of its own."""
    vendor_weights, buyer_weights = falling(vendors_of(lines)), falling(BUYERS)
    vendors, buyers = range(len(vendor_weights)), range(BUYERS)
    product = number = 0
    while product < lines:
        chosen = random.choices(vendors, cum_weights=vendor_weights, k=CHUNK)
        for vendor, buyer in zip(chosen, random.choices(buyers, cum_weights=buyer_weights, k=CHUNK), strict=True):
            many = min(int(random.paretovariate(SHAPE)), MOST_LINES, lines - product)
            if not many:
                return
            yield {
                "order_id": f"{name}-{number}",
                "buyer": f"buyer-{buyer}",
                "vendor": f"vendor-{vendor}",
                "currency": "USD" if random.randrange(100) < DOLLARS else "EUR",
                "placed_on": FIRST_DAY + timedelta(random.randrange(DAYS)),
                "received": random.randrange(100) < RECEIVED,
                "days": random.randrange(10, 200),
                "lines": [_line(place, product + place, random) for place in range(many)],
            }
            number, product = number + 1, product + many


def _line(place: int, product: int, random: Random) -> dict[str, Any]:
    amount: Any = f"{random.lognormvariate(9, 2):.2f}"
    if random.randrange(100) < UNPRICED:
        amount = None
    quantity = str(1 + int(random.lognormvariate(6, 2)))
    return {"line": str(place + 1), "product_id": f"product-{product}", "quantity": quantity, "amount": amount}


def placed(order: dict[str, Any]) -> Made:
    """An order as the event that records it."""
    data = {"order_id": order["order_id"], "buyers": [order["buyer"]], "vendor_id": order["vendor"]}
    data |= {"currency": order["currency"], "lines": order["lines"]}
    return "order-placed", order["placed_on"], f"order/{order['order_id']}", data


def _received(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for line in order["lines"]:
        yield {name: line[name] for name in ("line", "quantity", "amount")}
