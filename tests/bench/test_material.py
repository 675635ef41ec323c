"""What measurements are made on: ledgers of the shape that they say, and questions of which no two are alike."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench.material.files import COLUMNS, MAPPING, real_orders, write_table
from bench.material.market import market
from bench.material.purchases import purchases, vendors_of
from bench.material.questions import mixed, of_market, one_buyer


def test_a_market_has_as_many_lines_and_buyers_as_are_wanted() -> None:
    made = list(market(400, Random(1), buyers=5))
    types = Counter(name for name, *_ in made)
    assert sum(len(data["lines"]) for name, _, _, data in made if name == "order-placed") == 400
    assert types["regulation-enacted"] == 50
    assert {buyer for name, _, _, data in made if name == "order-placed" for buyer in data["buyers"]} <= {
        f"buyer-{number}" for number in range(5)
    }


def test_the_real_shaped_ledger_has_a_product_for_each_line_and_a_few_large_vendors() -> None:
    lines = 20_000
    made = list(purchases(lines, Random(1)))
    orders = [data for name, _, _, data in made if name == "order-placed"]
    products = [line["product_id"] for order in orders for line in order["lines"]]
    assert len(products) == len(set(products)) == lines
    of_vendor = Counter(order["vendor_id"] for order in orders)
    largest = sum(count for _, count in of_vendor.most_common(10))
    assert vendors_of(346_000) == 24_000
    assert 0.25 < largest / len(orders) < 0.75
    sizes = sorted(len(order["lines"]) for order in orders)
    assert sizes[len(sizes) // 2] == 1
    assert sizes[-1] > 20


def test_ledgers_are_the_same_each_time() -> None:
    assert list(purchases(500, Random(1))) == list(purchases(500, Random(1)))
    assert list(market(100, Random(1))) == list(market(100, Random(1)))


def test_no_question_is_asked_twice_and_all_are_the_same_each_time() -> None:
    asked = of_market(10_000, 50)
    ask = mixed(asked)
    questions = [ask(number) for number in range(2_000)]
    assert len(set(questions)) == len(questions)
    assert questions == [mixed(of_market(10_000, 50))(number) for number in range(2_000)]


def test_one_buyer_is_asked_as_of_the_same_share_of_a_large_ledger_and_of_a_small_one() -> None:
    large, small = (one_buyer(of_market(events, 50), "buyer-1")(3) for events in (1_000_000, 100_000))
    position = [float(path.partition("position=")[2].partition("&")[0]) for path in (large, small)]
    assert position[0] / position[1] == pytest.approx(10, rel=1e-4)
    assert large.partition("effective_on=")[2][:10] == small.partition("effective_on=")[2][:10]


def test_the_table_has_a_row_for_each_line_in_columns_that_the_mapping_names(tmp_path: Path) -> None:
    path = write_table(tmp_path / "orders.csv", real_orders(300, "t"))
    header, *rows = path.read_text().splitlines()
    assert header.split(",") == list(COLUMNS)
    assert len(rows) == 300
    assert all(f'"{column}"' in MAPPING for column in COLUMNS)
