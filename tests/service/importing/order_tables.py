"""A small table of order lines, the mapping that reads it, and what is made of it without a ledger."""

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from typing import Any

from service.importing.formats import open_table
from service.importing.items import EventGroup, Reject
from service.importing.opening import opened
from service.importing.orders.mapping import parse_mapping
from service.importing.orders.table import OrderLines
from service.importing.plans import Summary
from service.importing.rows import BadFile
from tests.service.importing.conftest import table

COLUMNS = ("PO", "Line", "Ordered", "Due", "Arrived", "Supplier", "Unit", "Item", "Maker", "Qty", "Value", "Currency")

#: The first line of an order, in order.
ROW = {
    "PO": "PO-1",
    "Line": "1",
    "Ordered": "2024-03-01",
    "Due": "2024-04-30",
    "Arrived": "2024-05-02",
    "Supplier": "Müller & Söhne GmbH",
    "Unit": "Kenya",
    "Item": "Pump P-200",
    "Maker": "Grundfos",
    "Qty": "3",
    "Value": "1600.5",
    "Currency": "EUR",
}

MAPPING: dict[str, Any] = {
    "name": "pumps",
    "citation": "Extract of the purchasing system",
    "dates": {
        "ordered": {"column": "Ordered", "formats": ["%Y-%m-%d"]},
        "due": {"column": "Due", "formats": ["%Y-%m-%d", "%d/%m/%Y"]},
        "arrived": {"column": "Arrived", "formats": ["%Y-%m-%d"]},
    },
    "order": {
        "id": "PO",
        "currency": "Currency",
        "placed_on": {"date": "ordered", "or_before": ["due", "arrived"]},
        "known_on": ["placed_on"],
    },
    "vendor": {"name": "Supplier", "country": {"constant": "DE"}},
    "buyer": {"name": {"template": "Branch {Unit}"}, "country": {"column": "Unit", "lookup": "country"}},
    "line": {"id": "Line", "quantity": "Qty", "amount": "Value", "deliver_by": "due"},
    "product": {"name": "Item", "category": {"constant": "pump"}},
    "maker": {"name": "Maker", "country": {"constant": "DK"}},
    "receipt": {"received_on": "arrived", "known_on": ["arrived"]},
}


def mapping(**changes: Any) -> dict[str, Any]:
    """The mapping with other values at dotted keys (dots written as two underscores); None removes a key."""
    changed = deepcopy(MAPPING)
    for key, value in changes.items():
        *above, last = key.split("__")
        place = changed
        for name in above:
            place = place.setdefault(name, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    return changed


def rows_csv(*rows: Mapping[str, str]) -> bytes:
    """Rows of the small table, each the first line of PO-1 but for what is given."""
    return table(COLUMNS, [{**ROW, **row} for row in rows])


def read(
    data: bytes, declared: dict[str, Any] | None = None, kind: str = "csv", *, raw: bool = False
) -> list[EventGroup | Reject]:
    """What is made of a table whose faulty orders are left out."""
    parsed = parse_mapping("pumps.toml", declared or MAPPING)
    summary = Summary("a file", kind, 0, False)
    with (
        closing(open_table(opened(io.BytesIO(data)), kind, parsed)) as source,
        closing(OrderLines(source, parsed, summary, keep_raw=raw)) as orders,
    ):
        orders.read()
        return list(orders.groups())


def events(data: bytes, declared: dict[str, Any] | None = None, kind: str = "csv") -> list[Mapping[str, Any]]:
    """The events of the only order of a table that is all in order, registrations first."""
    [group] = read(data, declared, kind)
    assert isinstance(group, EventGroup), group
    return [entry.sent for entry in (*group.needs, *group.entries)]


def faults(data: bytes, declared: dict[str, Any] | None = None, kind: str = "csv") -> list[tuple[int, str]]:
    """What keeps a table from being recorded: lines and messages."""
    parsed = parse_mapping("pumps.toml", declared or MAPPING)
    summary = Summary("a file", kind, 0, False)
    try:
        with (
            closing(open_table(opened(io.BytesIO(data)), kind, parsed)) as source,
            closing(OrderLines(source, parsed, summary)) as orders,
        ):
            orders.read()
            orders.refuse_faults()
    except BadFile as bad:
        return [(fault.line, fault.message) for fault in bad.faults]
    return []


def remarks(data: bytes, declared: dict[str, Any] | None = None, kind: str = "csv") -> list[str]:
    """What there is to note of a table of which nothing is wrong."""
    parsed = parse_mapping("pumps.toml", declared or MAPPING)
    summary = Summary("a file", kind, 0, False)
    with (
        closing(open_table(opened(io.BytesIO(data)), kind, parsed)) as source,
        closing(OrderLines(source, parsed, summary)) as orders,
    ):
        orders.read()
        list(orders.groups())
    return [one.message for one in summary.plan.noted]


def placed(sent: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The placing among events."""
    [found] = [one for one in sent if one["type"] == "order-placed"]
    return found


def as_toml(declared: Mapping[str, Any]) -> str:
    """A mapping as its file has it: JSON's texts, lists and truths are TOML's too."""
    return "\n".join(f"{key} = {_toml(value)}" for key, value in declared.items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
