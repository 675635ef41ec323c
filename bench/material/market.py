"""A market made up for measuring: stored events of many orders, with receipts, currencies, joint orders and rules."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from domain.events import canonical, instant

BUYERS, VENDORS, PRODUCTS = 50, 200, 2_000
CURRENCIES = ("USD", "EUR", "CNY", "JPY", "GBP")
COUNTRIES = ("US", "CN", "DE", "JP", "KR", "FR", "NL", "GB")
FIRST_DAY = date(2022, 1, 1)
DAYS = 1_000
RECORDED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
RULES = 50


def market(lines: int, random: Random) -> Iterator[tuple[int, bytes]]:
    """(position, stored bytes) of a market with so many order lines, two an order; two orders of three are received."""
    versions: dict[str, int] = {}
    for position, (event_type, day, stream, data) in enumerate(_events(lines, random), start=1):
        versions[stream] = versions.get(stream, 0) + 1 if stream.startswith(("order/", "rates/")) else 1
        known_on = day.isoformat()
        stored = {
            "type": event_type,
            "id": f"event-{position}",
            "v": 1,
            "position": position,
            "stream": stream,
            "version": versions[stream],
            "recorded_at": instant(RECORDED_FROM + timedelta(microseconds=position)),
            "effective_on": known_on,
            "known_on": known_on,
            "basis": "reported",
            "data": data,
        }
        yield position, canonical(stored)


Made = tuple[str, date, str, dict[str, Any]]


def _events(lines: int, random: Random) -> Iterator[Made]:
    yield from _registers(random)
    for day in range(DAYS):
        on = FIRST_DAY + timedelta(day)
        rates = {currency: f"{random.uniform(0.5, 150):.4f}" for currency in CURRENCIES if currency != "EUR"}
        yield "exchange-rates-published", on, "rates/EUR", {"base": "EUR", "rates": rates}
    for number in range(lines // 2):
        yield from _order(number, random)


def _registers(random: Random) -> Iterator[Made]:
    data: dict[str, Any]
    for kind, many in (("buyer", BUYERS), ("vendor", VENDORS)):
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


def _order(number: int, random: Random) -> Iterator[Made]:
    placed_on = FIRST_DAY + timedelta(random.randrange(DAYS))
    order_id, stream = f"po-{number}", f"order/po-{number}"
    joint = random.random() < 0.01
    buyers = [f"buyer-{n}" for n in random.sample(range(BUYERS), 2 if joint else 1)]
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
    if random.random() < 0.66:
        receipts = [{"line": line["line"], "quantity": line["quantity"], "amount": line["amount"]} for line in lines]
        arrived_on = placed_on + timedelta(random.randrange(10, 90))
        yield "goods-received", arrived_on, stream, {"order_id": order_id, "receipts": receipts}
    if random.random() < 0.005:
        yield "order-cancelled", placed_on + timedelta(95), stream, {"order_id": order_id, "reason": "not needed"}
