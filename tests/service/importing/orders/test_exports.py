"""Standard exports of purchasing systems: each is read by the mapping that comes for it, and by a suggested one."""

import io
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.estimates import plain
from service.importing.items import EventGroup
from service.importing.orders.mapping import load_mapping, shipped
from service.importing.orders.suggesting.suggestion import suggest
from tests.service.importing.order_tables import faults, read

EXPORTS = Path(__file__).with_name("exports")
#: Orders, lines, cancelled orders, and what the lines cost together.
HELD = {
    "coupa": (2, 3, 1, "14551.5"),
    "erpnext": (2, 3, 0, "10687.5"),
    "escprs": (2, 2, 0, "6610"),
    "odoo": (2, 3, 1, "1030"),
    "odoo-orders": (2, 5, 1, "1122"),
    "oracle": (2, 3, 1, "3987.5"),
    "philgeps": (2, 3, 0, "2431500"),
    "sap-ekpo": (2, 3, 1, "20336.4"),
    "sap-me2m": (2, 3, 1, "20336.4"),
    "uk-spend": (2, 3, 0, "106750.5"),
}


def held(data: bytes, declared: dict[str, Any]) -> tuple[int, int, int, str]:
    """What a table holds, as a mapping reads it: orders, lines, cancelled orders, amounts."""
    groups = read(data, declared)
    assert all(isinstance(one, EventGroup) for one in groups), groups
    sent = [entry.sent for group in groups if isinstance(group, EventGroup) for entry in group.entries]
    lines = [line for one in sent for line in one["data"].get("lines", ())]
    types = Counter(one["type"] for one in sent)
    amount = plain(sum((Decimal(line["amount"]) for line in lines), Decimal(0)))
    return types["order-placed"], len(lines), types["order-cancelled"], amount


def example(name: str) -> bytes:
    """A small export of a system; all values are made up."""
    data = (EXPORTS / f"{name}.csv").read_text(encoding="utf-8")
    return data.encode("cp1252" if name == "uk-spend" else "utf-8")


def test_every_mapping_that_comes_with_daybook_has_an_example() -> None:
    assert {*HELD, "scms"} == set(shipped())
    assert {path.stem for path in EXPORTS.glob("*.csv")} == set(HELD)


@pytest.mark.parametrize("name", HELD)
def test_an_export_is_read_by_the_mapping_that_comes_for_it(name: str) -> None:
    declared = load_mapping(name).model_dump(exclude_unset=True)
    assert faults(example(name), declared) == []
    assert held(example(name), declared) == HELD[name]


@pytest.mark.parametrize("name", HELD)
def test_a_mapping_suggested_for_an_export_reads_it_as_it_is(name: str) -> None:
    content = suggest(io.BytesIO(example(name)), f"{name}.csv")
    assert "# Every row of it is read." in content, content
    assert held(example(name), tomllib.loads(content)) == HELD[name]
