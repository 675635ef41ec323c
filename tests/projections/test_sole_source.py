"""Whether what is bought could be bought from somebody else: the metric sole_source, and verdicts on rows."""

from typing import Any

import pytest
from pydantic import ValidationError

from projections.parameters import VendorDependence
from projections.vendor_dependence import vendor_dependence
from tests.ledgers import Book, line, market
from tests.projections.ledgers import projected

CHINA = {"rule_id": "china", "effect": "licence-required", "vendor_countries": ["US"], "destinations": ["CN"]}


def ask(book: Book, **query: Any) -> dict[str, Any]:
    """The view of a ledger: Baidu's units at the end of 2023, unless told otherwise."""
    asked = {"buyer": ("baidu",), "measure": "units", "effective_on": "2023-12-31", "position": len(book.events)}
    with projected(book.events) as projection, projection.cursor() as cursor:
        return vendor_dependence(cursor, VendorDependence(**asked | query), country_name=str)


def alternatives(book: Book, **query: Any) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """By maker and category: whether it is the only one, and who else there is, or perhaps is."""
    found = ask(book, **query)["metrics"]["sole_source"]
    return {(one["vendor"], one["category"]): (one["sole_source"], one["alternatives"]) for one in found}


def enact(book: Book, *rules: dict[str, Any]) -> None:
    """Enact an instrument."""
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 73458"}
    book.say("regulation-enacted", "2023-01-01", {"regulation_id": "chips", **about, "rules": list(rules)})


@pytest.fixture
def book() -> Book:
    """Baidu orders ten A800 of Nvidia; Huawei offers its 910B, and AMD its MI300X."""
    book = market()
    book.organization("amd", "US")
    book.product("910b", "huawei", tpp={"value": "6016", "low": "4480", "high": "6400"})
    book.product("mi300x", "amd", tpp="20900")
    book.order("o1", "2023-01-01", [line("10")])
    return book


def test_another_maker_of_the_category_is_an_alternative(book: Book) -> None:
    assert alternatives(book) == {("nvidia", "accelerator"): ("no", ["amd", "huawei"])}


def test_another_product_of_the_same_maker_is_none() -> None:
    book = market()
    book.product("h800", "nvidia")
    book.order("o1", "2023-01-01", [line("10")])
    assert alternatives(book) == {("nvidia", "accelerator"): ("yes", [])}


def test_the_maker_counts_and_not_who_sells(book: Book) -> None:
    book.organization("supermicro", "US")
    book.order("o2", "2023-01-01", [line("5")], vendor_id="supermicro")
    assert list(alternatives(book)) == [("nvidia", "accelerator")]


def test_what_names_no_product_has_no_category_and_is_left_out(book: Book) -> None:
    book.order("o2", "2023-01-01", [line("5", None, None)], vendor_id="huawei")
    assert list(alternatives(book)) == [("nvidia", "accelerator")]


def test_a_product_is_an_alternative_from_the_day_of_its_registration(book: Book) -> None:
    book.say(
        "product-registered",
        "2023-06-01",
        {"product_id": "k100", "name": "K100", "vendor_id": "kunlunxin", "category": "accelerator"},
    )
    assert "kunlunxin" not in alternatives(book, effective_on="2023-05-31")["nvidia", "accelerator"][1]
    assert "kunlunxin" in alternatives(book, effective_on="2023-06-01")["nvidia", "accelerator"][1]


def test_what_is_only_spoken_of_is_no_alternative_before_its_registration() -> None:
    book = market()
    coming = {"product_id": "k100", "name": "K100", "vendor_id": "kunlunxin", "category": "accelerator"}
    book.say("product-registered", "2024-06-01", coming)
    book.say("product-changed", "2023-06-01", coming)
    book.order("o1", "2023-01-01", [line("10")])
    assert alternatives(book) == {("nvidia", "accelerator"): ("yes", [])}
    assert alternatives(book, effective_on="2024-06-01") == {("nvidia", "accelerator"): ("no", ["kunlunxin"])}


def test_what_is_barred_is_no_alternative(book: Book) -> None:
    enact(book, CHINA)
    assert alternatives(book) == {("nvidia", "accelerator"): ("no", ["huawei"])}
    enact_more = {"rule_id": "huawei", "effect": "prohibited", "vendors": ["huawei"]}
    book.say(
        "regulation-amended", "2023-02-01", {"regulation_id": "chips", "citation": "1", "rules": [CHINA, enact_more]}
    )
    assert alternatives(book) == {("nvidia", "accelerator"): ("yes", [])}


def test_what_may_be_barred_leaves_it_undetermined(book: Book) -> None:
    strong = {"attribute": "tpp", "op": ">=", "value": "4800"}
    enact(book, CHINA, {"rule_id": "strong", "effect": "prohibited", "vendors": ["huawei"], "when": strong})
    assert alternatives(book) == {("nvidia", "accelerator"): ("undetermined", ["huawei"])}


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        ("4480", ("no", ["amd", "huawei"])),
        ("4480.000001", ("no", ["amd"])),
        ("20900", ("no", ["amd"])),
        ("20900.000001", ("yes", [])),
    ],
)
def test_an_alternative_reaches_the_threshold(book: Book, threshold: str, expected: tuple[str, list[str]]) -> None:
    assert alternatives(book, threshold=threshold) == {("nvidia", "accelerator"): expected}


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        ("4480", ("no", ["huawei"])),
        ("4481", ("undetermined", ["huawei"])),
        ("6400", ("undetermined", ["huawei"])),
        ("6400.1", ("yes", [])),
    ],
)
def test_a_range_across_the_threshold_leaves_it_undetermined(
    book: Book, threshold: str, expected: tuple[str, list[str]]
) -> None:
    enact(book, CHINA)
    assert alternatives(book, threshold=threshold) == {("nvidia", "accelerator"): expected}


def test_an_attribute_that_is_not_known_may_reach_any_threshold(book: Book) -> None:
    expected = ("undetermined", ["amd", "huawei"])
    assert alternatives(book, threshold="1", threshold_attribute="memory_gb")["nvidia", "accelerator"] == expected


def test_for_the_whole_market_each_is_looked_at_for_its_own_buyers(book: Book) -> None:
    book.organization("oracle", "US")
    book.product("hbm3", "amd", "memory")
    book.product("hbm2", "nvidia", "memory")
    book.order("o2", "2023-01-01", [line("5", None, "hbm3")], buyers=["oracle"], vendor_id="amd")
    enact(book, CHINA)
    assert alternatives(book, buyer=()) == {
        ("amd", "memory"): ("no", ["nvidia"]),
        ("nvidia", "accelerator"): ("no", ["huawei"]),
    }


def test_buyers_who_differ_leave_an_alternative_undetermined() -> None:
    book = market()
    book.organization("oracle", "US")
    book.organization("amd", "US")
    book.product("mi300x", "amd")
    book.order("o1", "2023-01-01", [line("10")], buyers=["baidu", "oracle"])
    enact(book, CHINA)
    assert alternatives(book, buyer=()) == {("nvidia", "accelerator"): ("undetermined", ["amd"])}
    assert alternatives(book, buyer=("oracle",)) == {("nvidia", "accelerator"): ("no", ["amd"])}
    assert alternatives(book, buyer=("baidu",)) == {("nvidia", "accelerator"): ("yes", [])}


def test_rows_and_parts_at_risk_follow_the_verdicts(book: Book) -> None:
    book.order("o2", "2023-01-01", [line("30", None, "910b")], vendor_id="huawei")
    book.order("o3", "2023-01-01", [line("10", None, None)], vendor_id="amd")
    enact(book, {**CHINA, "categories": ["accelerator"]})
    answer = ask(book)
    assert {row["key"]: row["restricted"] for row in answer["rows"]} == {
        "huawei": "no",
        "amd": "undetermined",
        "nvidia": "yes",
    }
    metrics = answer["metrics"]
    assert (metrics["at_risk_low"], metrics["at_risk_high"]) == (0.2, 0.4)
    (row,) = ask(book, by="category", effective_on="2023-01-01", exclude=frozenset({"estimated"}))["rows"][:1]
    assert (row["key"], row["restricted"]) == ("accelerator", "undetermined")


@pytest.mark.parametrize("threshold", ["-1", "1e3", "NaN", "4,800", 4800, "1234567890", "0.1234567"])
def test_a_threshold_is_a_plain_decimal(threshold: Any) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        VendorDependence(effective_on="2023-12-31", position=1, threshold=threshold)
