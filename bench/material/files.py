"""Files to import: orders of two lines as NDJSON, and real-shaped orders as NDJSON and as a table of their lines."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from bench.material.purchases import orders, placed

COLUMNS = ("Order", "Line", "Placed", "Supplier", "Site", "Article", "Quantity", "Net", "Currency")
#: Order lines as the table has them; whoever and whatever they name is registered already.
MAPPING = """
name = "erp"
citation = "ERP extract"

[dates.placed]
column = "Placed"
formats = ["%d.%m.%Y"]

[order]
id = "Order"
currency = "Currency"
placed_on = { date = "placed" }
known_on = ["placed_on"]

[vendor]
id = "Supplier"
name = "Supplier"
country = { constant = "US" }

[buyer]
id = "Site"
name = "Site"
country = { constant = "US" }

[line]
id = "Line"
quantity = "Quantity"
amount = { column = "Net", optional = true }

[product]
id = "Article"
name = "Article"
category = { constant = "parts" }
"""


def order(number: int, name: str = "po") -> dict[str, Any]:
    """One order of two lines, no two alike."""
    lines = [
        {
            "line": line,
            "product_id": ("nv-a800", "hw-910b")[(number + place) % 2],
            "quantity": str(1 + number % 997),
            "amount": f"{(number * 7_919 + place) % 10_000_000}.{number % 100:02d}",
            "deliver_by": f"2024-{1 + number % 12:02d}",
        }
        for place, line in enumerate(("1", "2"))
    ]
    data = {"order_id": f"{name}-{number}", "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD"}
    day = f"{2021 + number % 3}-{1 + number // 3 % 12:02d}-{1 + number // 36 % 28:02d}"
    return {"id": f"{name}:{number}", "type": "order-placed", "effective_on": day, "data": data | {"lines": lines}}


def receipt(number: int, name: str = "po") -> dict[str, Any]:
    """The goods of an order, two years later."""
    receipts = [{"line": line, "quantity": str(1 + number % 997)} for line in ("1", "2")]
    data = {"order_id": f"{name}-{number}", "receipts": receipts}
    return {"id": f"got:{name}:{number}", "type": "goods-received", "effective_on": "2025-06-01", "data": data}


def write_lines(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as NDJSON."""
    with path.open("w") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)
    return path


def real_orders(lines: int, name: str) -> Iterator[dict[str, Any]]:
    """Real-shaped orders of so many lines, all of them with an amount."""
    for order in orders(lines, Random(2), name):
        for line in order["lines"]:
            line["amount"] = line["amount"] or "1.00"
        yield order


def as_events(made: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Orders as event requests."""
    for order in made:
        name, day, _, data = placed(order)
        yield {"id": f"{order['order_id']}:placed", "type": name, "effective_on": day.isoformat(), "data": data}


def write_table(path: Path, made: Iterable[dict[str, Any]]) -> Path:
    """Write orders as a table of their lines, in the columns of MAPPING."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for order in made:
            day = order["placed_on"].strftime("%d.%m.%Y")
            for line in order["lines"]:
                parties = (order["vendor"], order["buyer"], line["product_id"])
                figures = (line["quantity"], line["amount"], order["currency"])
                table.writerow((order["order_id"], line["line"], day, *parties, *figures))
    return path
