"""A market made up for measuring: orders with receipts, currencies, joint orders and rules, as many as are wanted."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

BUYERS, VENDORS, PRODUCTS = 50, 200, 2_000
CURRENCIES = ("USD", "EUR", "CNY", "JPY", "GBP")
COUNTRIES = ("US", "CN", "DE", "JP", "KR", "FR", "NL", "GB")
FIRST_DAY = date(2022, 1, 1)
DAYS = 1_000
RULES = 50
#: Of 1,000 orders: joint ones, received ones, cancelled ones.
JOINT, RECEIVED, CANCELLED = 10, 660, 5

#: An event as it is made: type, day, stream, data.
Made = tuple[str, date, str, dict[str, Any]]


def market(lines: int, random: Random, buyers: int = BUYERS) -> Iterator[Made]:
    """The events of a market with so many order lines, two an order; two orders of three are received."""
    yield from registers(random, buyers)
    for number in range(lines // 2):
        yield from _order(number, random, buyers)


def registers(random: Random, buyers: int) -> Iterator[Made]:
    """Organisations, products, rules and rates."""
    data: dict[str, Any]
    for kind, many in (("buyer", buyers), ("vendor", VENDORS)):
        for number in range(many):
            identifier = f"{kind}-{number}"
            data = {"organization_id": identifier, "name": f"{kind.capitalize()} {number}"}
            country = COUNTRIES[random.randrange(len(COUNTRIES))]
            yield "organization-registered", FIRST_DAY, f"organization/{identifier}", data | {"country": country}
    for number in range(PRODUCTS):
        identifier = f"product-{number}"
        data = {
            "product_id": identifier,
            "name": f"Product {number}",
            "vendor_id": f"vendor-{number % VENDORS}",
            "category": f"category-{number % 20}",
            "attributes": {"tpp": str(random.randrange(100, 20_000))},
        }
        yield "product-registered", FIRST_DAY, f"product/{identifier}", data
    yield from rules(random)
    yield from rates(random, DAYS)


def rules(random: Random) -> Iterator[Made]:
    """Rules on attributes, for some countries and categories each."""
    for number in range(RULES):
        rule = {
            "rule_id": "r",
            "effect": "licence-required",
            "destinations": random.sample(COUNTRIES, 2),
            "categories": [f"category-{random.randrange(20)}"],
            "when": {"attribute": "tpp", "op": ">=", "value": str(random.randrange(1_000, 15_000))},
        }
        data = {"regulation_id": f"rule-{number}", "jurisdiction": "US", "authority": "BIS", "title": f"Rule {number}"}
        yield "regulation-enacted", FIRST_DAY, f"regulation/rule-{number}", data | {"citation": "x", "rules": [rule]}


def rates(random: Random, days: int) -> Iterator[Made]:
    """Rates to the euro for each of so many days."""
    for day in range(days):
        on = FIRST_DAY + timedelta(day)
        published = {currency: f"{random.uniform(0.5, 150):.4f}" for currency in CURRENCIES if currency != "EUR"}
        yield "exchange-rates-published", on, "rates/EUR", {"base": "EUR", "rates": published}


def _order(number: int, random: Random, buyers_there: int) -> Iterator[Made]:
    placed_on = FIRST_DAY + timedelta(random.randrange(DAYS))
    order_id, stream = f"po-{number}", f"order/po-{number}"
    fate = random.randrange(1_000)
    buyers = [f"buyer-{n}" for n in random.sample(range(buyers_there), 2 if fate < JOINT else 1)]
    product = random.randrange(PRODUCTS)
    lines = [
        {
            "line": str(line),
            "product_id": f"product-{(product + line * VENDORS) % PRODUCTS}",
            "quantity": str(random.randrange(2, 1_000)),
            "amount": f"{random.randrange(100, 10_000_000) / 100:.2f}",
        }
        for line in (1, 2)
    ]
    data = {"order_id": order_id, "buyers": buyers, "vendor_id": f"vendor-{product % VENDORS}"}
    yield "order-placed", placed_on, stream, data | {"currency": random.choice(CURRENCIES), "lines": lines}
    if random.randrange(1_000) < RECEIVED:
        receipts = [{"line": line["line"], "quantity": line["quantity"], "amount": line["amount"]} for line in lines]
        arrived_on = placed_on + timedelta(random.randrange(10, 90))
        yield "goods-received", arrived_on, stream, {"order_id": order_id, "receipts": receipts}
    if random.randrange(1_000) < CANCELLED:
        yield "order-cancelled", placed_on + timedelta(95), stream, {"order_id": order_id, "reason": "not needed"}
