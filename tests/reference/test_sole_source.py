"""Who sells a category and who else could, worked out by hand (rules 51 to 53)."""

from typing import Any

import pytest

from service.audit.verifier import sole_source
from tests.reference.asking import YEAR_END
from tests.reference.ledger import Ledger, line


def sources(ledger: Ledger, **query: Any) -> dict[str, dict[str, Any]]:
    """The rows by category, for Baidu's units unless something else is asked."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "effective_on": YEAR_END, "measure": "units"}
    return {row["category"]: row for row in sole_source(ledger.events, **asked | query)["rows"]}


def accelerators(ledger: Ledger, **query: Any) -> dict[str, Any]:
    """The row of accelerators."""
    return sources(ledger, **query)["accelerator"]


def said(row: dict[str, Any]) -> tuple[Any, ...]:
    """Available, undetermined and unfit sources, whether there is a single and a sole one, and alternatives."""
    return (*row["sources"].values(), row["single_source"], row["sole_source"], row["alternatives"])


def bar(ledger: Ledger, **conditions: Any) -> None:
    """Prohibit something as of 2023-05-01."""
    about = {"regulation_id": "r1", "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "C"}
    rules = [{"rule_id": "r1", "effect": "prohibited"} | conditions]
    ledger.record("regulation-enacted", "2023-05-01", about | {"rules": rules})


@pytest.fixture
def market(ledger: Ledger) -> Ledger:
    """10 A800 are bought of Nvidia; Huawei makes a 910B, and Kunlunxin, which is Baidu's, a K2."""
    ledger.product("910b", "huawei", tpp={"value": "6000", "low": "4500", "high": "6400"})
    ledger.product("k2", "kunlunxin", tpp="2048")
    ledger.order("o1", "2023-03-01", [line("10")])
    return ledger


def test_one_vendor_is_used_and_others_could_be(market: Ledger) -> None:
    assert accelerators(market) == {
        "category": "accelerator",
        "value": "10",
        "low": "10",
        "high": "10",
        "vendors": ["nvidia"],
        "vendor_count": 1,
        "sources": {"available": 3, "undetermined": 0, "unfit": 0},
        "single_source": True,
        "sole_source": "no",
        "alternatives": ["huawei", "kunlunxin"],
        "alternatives_total": 2,
    }


def test_of_those_of_ones_own_house_none_is_a_source_where_they_do_not_count(market: Ledger) -> None:
    assert said(accelerators(market, captive="exclude")) == (2, 0, 0, True, "no", ["huawei"])
    # Kunlunxin is not of the house of each of the two.
    market.order("o2", "2023-03-01", [line("1")], buyers=["tencent"])
    both = accelerators(market, captive="exclude", buyer=["baidu", "tencent"])
    assert said(both) == (3, 0, 0, True, "no", ["huawei", "kunlunxin"])


def test_only_one_could_be_where_all_others_are_barred_or_too_slow(market: Ledger) -> None:
    # 4988.8 and 4500 to 6400 reach 4500; 2048 does not.
    assert said(accelerators(market, threshold="4500")) == (2, 0, 1, True, "no", ["huawei"])
    # Of 4500 to 6400, nobody knows whether it reaches 4501: two may, one of them for certain.
    assert said(accelerators(market, threshold="4501")) == (1, 1, 1, True, "undetermined", [])
    assert said(accelerators(market, threshold="5000")) == (0, 1, 2, True, "yes", [])
    assert said(accelerators(market, threshold="7000")) == (0, 0, 3, True, "none", [])
    bar(market, vendors=["huawei"])
    assert said(accelerators(market, threshold="4500")) == (1, 0, 2, True, "yes", [])


def test_the_one_that_is_used_may_be_the_one_that_is_barred(market: Ledger) -> None:
    bar(market, vendors=["nvidia"])
    assert said(accelerators(market, captive="exclude")) == (1, 0, 1, True, "yes", ["huawei"])


def test_another_attribute_may_be_the_threshold_and_an_unknown_one_decides_nothing(market: Ledger) -> None:
    assert said(accelerators(market, threshold="1", threshold_attribute="memory_gb")) == (
        0, 3, 0, True, "undetermined", [],
    )  # fmt: skip
    assert said(accelerators(market, threshold="0", threshold_attribute="datacentre")) == (
        0, 3, 0, True, "undetermined", [],
    )  # fmt: skip


def test_a_source_is_fit_where_one_of_its_products_is(market: Ledger) -> None:
    market.product("k3", "kunlunxin", tpp="5000")
    bar(market, products=["k3"], buyers=["tencent"])
    # K2 is too slow and K3 is not, and not for Baidu barred.
    assert said(accelerators(market, threshold="5000")) == (1, 1, 1, True, "undetermined", ["kunlunxin"])


def test_a_reseller_is_no_second_source(market: Ledger) -> None:
    market.organization("reseller", "CN")
    market.order("o2", "2023-03-01", [line("5")], vendor_id="reseller")
    row = accelerators(market)
    # Two vendors sell what Nvidia makes, which is no alternative to itself.
    assert (row["vendors"], row["single_source"]) == (["nvidia", "reseller"], False)
    assert said(row) == (3, 0, 0, False, "no", ["huawei", "kunlunxin"])
    # With the reseller alone: Nvidia makes what it sold.
    market.record("order-cancelled", "2023-04-01", {"order_id": "o1", "reason": "too late"})
    row = accelerators(market)
    assert (row["vendors"], row["alternatives"]) == (["reseller"], ["huawei", "kunlunxin"])


def test_whoever_sold_what_no_maker_is_known_of_is_a_source_of_it(ledger: Ledger) -> None:
    data = {"product_id": "clone", "name": "Clone", "category": "accelerator"}
    ledger.record("product-registered", "2000-01-01", data)
    ledger.order("o1", "2023-03-01", [line("10")])
    assert said(accelerators(ledger)) == (1, 0, 0, True, "yes", [])
    # Somebody else bought one, long ago and before the window.
    ledger.order("o2", "2021-03-01", [line("1", None, "clone")], vendor_id="huawei", buyers=["tencent"])
    assert said(accelerators(ledger, window="P1Y")) == (2, 0, 0, True, "no", ["huawei"])
    # The maker gets known: then Huawei resold it.
    ledger.record("product-changed", "2023-06-01", {"product_id": "clone", "vendor_id": "alibaba"})
    assert said(accelerators(ledger)) == (2, 0, 0, True, "no", ["alibaba"])
    ledger.record("product-changed", "2023-07-01", {"product_id": "clone", "vendor_id": None})
    assert said(accelerators(ledger)) == (2, 0, 0, True, "no", ["huawei"])


def test_what_one_sells_to_its_own_house_makes_it_a_source_for_others(ledger: Ledger) -> None:
    ledger.record("product-registered", "2000-01-01", {"product_id": "clone", "name": "C", "category": "accelerator"})
    ledger.order("o1", "2023-03-01", [line("1", None, "clone")], vendor_id="kunlunxin")
    ledger.order("o2", "2023-03-01", [line("1")], buyers=["tencent"])
    assert said(accelerators(ledger, buyer=["tencent"], captive="exclude")) == (2, 0, 0, True, "no", ["kunlunxin"])


def test_a_line_of_exactly_nothing_makes_no_source_and_a_delivered_one_does(ledger: Ledger) -> None:
    ledger.record("product-registered", "2000-01-01", {"product_id": "clone", "name": "C", "category": "accelerator"})
    ledger.order("o1", "2023-03-01", [line("10")])
    ledger.order("o2", "2023-03-01", [line("1", None, "clone")], vendor_id="huawei")
    less = [{"line": "1", "quantity": "-1"}]
    ledger.record("order-amended", "2023-04-01", {"order_id": "o2", "changes": less})
    assert said(accelerators(ledger)) == (1, 0, 0, True, "yes", [])
    ledger.record("goods-received", "2023-05-01", {"order_id": "o2", "receipts": [{"line": "1", "quantity": "1"}]})
    assert said(accelerators(ledger)) == (2, 0, 0, True, "no", ["huawei"])


def test_a_registration_that_does_not_count_makes_no_source(market: Ledger) -> None:
    market.record(
        "product-registered",
        "2024-01-01",
        {"product_id": "next", "name": "Next", "category": "accelerator", "vendor_id": "alibaba"},
        known_on="2023-01-01",
    )
    assert accelerators(market)["sources"]["available"] == 3


def test_buyers_that_differ_in_what_is_barred_for_them_leave_a_source_undetermined(market: Ledger) -> None:
    market.order("o2", "2023-03-01", [line("1")], buyers=["tencent"])
    bar(market, vendors=["huawei"], buyers=["tencent"])
    assert said(accelerators(market, buyer=[])) == (2, 1, 0, True, "no", ["kunlunxin"])
    assert said(accelerators(market, buyer=["tencent"])) == (2, 0, 1, True, "no", ["kunlunxin"])
    assert said(accelerators(market, buyer=["baidu"])) == (3, 0, 0, True, "no", ["huawei", "kunlunxin"])


def test_rows_come_by_value_and_what_has_no_category_has_none(market: Ledger) -> None:
    market.product("hbm", "huawei")
    market.record("product-changed", "2022-01-01", {"product_id": "hbm", "category": "memory"})
    lines = [line("10", None, "hbm"), line("90", None, None, "2"), line(None, None, "910b", "3")]
    market.order("o2", "2023-03-01", lines, vendor_id="huawei")
    answer = sole_source(market.events, buyer=["baidu"], effective_on=YEAR_END, measure="units")
    # 10 and 10: then by name. The 90 of no product are in the total, and in no category.
    assert [(row["category"], row["value"], row["high"]) for row in answer["rows"]] == [
        ("accelerator", "10", None),
        ("memory", "10", "10"),
    ]
    assert answer["total"] == {"value": "110", "low": "110", "high": None, "unit": "unit"}
    assert answer["rows"][1]["sole_source"] == "yes"


def test_no_more_than_twenty_ids_are_listed(market: Ledger) -> None:
    for number in range(25):
        market.organization(f"v{number:02}", "CN")
        market.product(f"p{number:02}", f"v{number:02}")
    row = accelerators(market)
    assert (row["alternatives"][0], len(row["alternatives"]), row["alternatives_total"]) == ("huawei", 20, 27)
    for number in range(25):
        market.order(f"x{number}", "2023-03-01", [line("1")], vendor_id=f"v{number:02}")
    row = accelerators(market)
    assert (len(row["vendors"]), row["vendor_count"]) == (20, 26)


def test_nothing_bought_is_in_no_category(ledger: Ledger) -> None:
    assert sources(ledger) == {}
