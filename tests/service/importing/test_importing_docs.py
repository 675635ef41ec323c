"""The worked example of docs/importing.md does what the page says."""

import re
import textwrap
import tomllib
from pathlib import Path

from service.importing.items import EventGroup
from tests.service.importing.order_tables import placed, read

PAGE = (Path(__file__).parents[3] / "docs" / "importing.md").read_text(encoding="utf-8")


def test_the_worked_example_is_two_orders_and_two_receipts() -> None:
    table = re.search(r"<!-- orders.csv -->\n((?:    .*\n)+)", PAGE)
    declared = re.search(r"<!-- orders.toml -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    assert table is not None
    assert declared is not None
    found = read(textwrap.dedent(table[1]).encode(), tomllib.loads(declared[1]))
    groups = [one for one in found if isinstance(one, EventGroup)]
    assert len(groups) == len(found) == 2
    needed = {entry.sent["id"]: entry.sent["data"] for group in groups for entry in group.needs}
    assert needed.keys() == {
        "erp:organization:muller-sohne-gmbh",
        "erp:organization:kisumu-valves",
        "erp:organization:works-nairobi",
        "erp:product:pump-p-200",
        "erp:product:seal-s-9",
        "erp:product:valve-v-1",
    }
    first, second = (placed([entry.sent for entry in group.entries]) for group in groups)
    lines = [(line["quantity"], line["amount"]) for line in first["data"]["lines"]]
    assert (first["effective_on"], lines) == ("2024-03-01", [("24", "19206"), ("40", "130.5")])
    assert second["effective_on"] == "../2024-06-15"
    assert [len(group.entries) - 1 for group in groups] == [1, 1]
