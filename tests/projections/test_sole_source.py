"""sole-source against worked answers, against the plain evaluation and in its corners; and verdicts on rows."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from projections.parameters import SoleSource, VendorDependence
from projections.sole_source import sole_source
from projections.vendor_dependence import vendor_dependence
from service.audit.verifier import sole_source as reference
from tests.domain_rules.events import ai_accelerators
from tests.effort import assert_no_dearer
from tests.ledgers import Book, line, market
from tests.projections.ledgers import projected
from tests.random_ledgers import random_ledger, random_sole_source_query

GOLDEN = Path(__file__).parents[1] / "golden" / "ai-accelerators-expected.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["sole-source"]
CHINA = {"rule_id": "china", "effect": "licence-required", "vendor_countries": ["US"], "destinations": ["CN"]}


def ask(book: Book, **query: Any) -> dict[str, Any]:
    """The view of a ledger: Baidu's units at the end of 2023, unless told otherwise."""
    asked = {"buyer": ("baidu",), "measure": "units", "effective_on": "2023-12-31", "position": len(book.events)}
    with projected(book.events) as projection, projection.cursor() as cursor:
        return sole_source(cursor, SoleSource(**asked | query))


def found(book: Book, **query: Any) -> dict[str, tuple[str, list[str], list[str]]]:
    """By category: whether there is a sole source, the vendors, and who else there is."""
    rows = ask(book, **query)["rows"]
    return {row["category"]: (row["sole_source"], row["vendors"], row["alternatives"]) for row in rows}


def accelerators(book: Book, **query: Any) -> tuple[str, list[int], list[str]]:
    """Of accelerators whether there is a sole source, how many are available, undetermined and unfit, and who else."""
    (row,) = [row for row in ask(book, **query)["rows"] if row["category"] == "accelerator"]
    return row["sole_source"], list(row["sources"].values()), row["alternatives"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["query"]))
def test_the_example_ledger_gives_the_worked_answers(case: dict[str, Any]) -> None:
    events = [dict(event.stored or {}) for event in ai_accelerators()]
    query = dict(case["query"])
    query["buyer"] = [query["buyer"]] if "buyer" in query else []
    with projected(events) as projection, projection.cursor() as cursor:
        answer = sole_source(cursor, SoleSource(**query | {"position": len(events)}))
    rows = {row["category"]: row for row in answer["rows"]}
    assert rows.keys() == case["rows"].keys()
    for category, expected in case["rows"].items():
        for name, value in expected.items():
            given = rows[category][name]
            assert (float(given) if isinstance(value, float) else given) == value, (category, name)


@pytest.mark.parametrize("number", range(12))
def test_random_ledgers_give_what_the_plain_evaluation_gives(number: int) -> None:
    random = Random(number)
    events = random_ledger(random, random.randint(80, 250)).events
    with projected(events) as projection, projection.cursor() as cursor:
        for _ in range(8):
            query = random_sole_source_query(random, events)
            assert sole_source(cursor, SoleSource(**query)) == reference(events, **query), query


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
    assert accelerators(book) == ("no", [3, 0, 0], ["amd", "huawei"])


def test_another_product_of_the_same_maker_is_none() -> None:
    book = market()
    book.product("h800", "nvidia")
    book.order("o1", "2023-01-01", [line("10")])
    assert accelerators(book) == ("yes", [1, 0, 0], [])


def test_a_reseller_is_no_second_source(book: Book) -> None:
    book.organization("supermicro", "US")
    book.order("o2", "2023-01-01", [line("5")], vendor_id="supermicro")
    (row,) = ask(book)["rows"]
    assert (row["vendors"], row["single_source"]) == (["nvidia", "supermicro"], False)
    assert (row["sources"]["available"], row["alternatives"]) == (3, ["amd", "huawei"])


def test_who_sold_what_nobody_is_known_to_make_is_a_source_whoever_bought_it(book: Book) -> None:
    book.organization("broker", "JP")
    about = {"product_id": "grey", "name": "Grey", "category": "accelerator"}
    book.say("product-registered", "2023-01-01", about)
    book.order("o2", "2023-01-01", [line("5", None, "grey")], buyers=["tencent"], vendor_id="broker")
    assert accelerators(book) == ("no", [4, 0, 0], ["amd", "broker", "huawei"])
    book.order("o3", "2023-12-15", [line("5")])
    assert accelerators(book, window="P1M") == ("no", [4, 0, 0], ["amd", "broker", "huawei"])


def test_what_names_no_product_has_no_category_and_is_in_the_total_alone(book: Book) -> None:
    book.order("o2", "2023-01-01", [line("5", None, None)], vendor_id="huawei")
    assert list(found(book)) == ["accelerator"]
    assert ask(book)["total"]["value"] == "15"


def test_a_product_is_offered_from_the_day_of_its_registration(book: Book) -> None:
    about = {"product_id": "k100", "name": "K100", "vendor_id": "kunlunxin", "category": "accelerator"}
    book.say("product-registered", "2023-06-01", about)
    assert "kunlunxin" not in accelerators(book, effective_on="2023-05-31")[2]
    assert "kunlunxin" in accelerators(book, effective_on="2023-06-01")[2]


def test_what_is_only_spoken_of_is_not_offered_before_its_registration() -> None:
    book = market()
    coming = {"product_id": "k100", "name": "K100", "vendor_id": "kunlunxin", "category": "accelerator"}
    book.say("product-registered", "2024-06-01", coming)
    book.say("product-changed", "2023-06-01", coming)
    book.order("o1", "2023-01-01", [line("10")])
    assert accelerators(book) == ("yes", [1, 0, 0], [])
    assert accelerators(book, effective_on="2024-06-01") == ("no", [2, 0, 0], ["kunlunxin"])


def test_what_is_barred_is_unfit(book: Book) -> None:
    enact(book, CHINA)
    assert accelerators(book) == ("yes", [1, 0, 2], ["huawei"])
    further = {"rule_id": "huawei", "effect": "prohibited", "vendors": ["huawei"]}
    book.say("regulation-amended", "2023-02-01", {"regulation_id": "chips", "citation": "1", "rules": [CHINA, further]})
    assert accelerators(book) == ("none", [0, 0, 3], [])


def test_what_may_be_barred_leaves_it_undetermined(book: Book) -> None:
    strong = {"attribute": "tpp", "op": ">=", "value": "4800"}
    perhaps = {"rule_id": "strong", "effect": "prohibited", "vendors": ["huawei"], "when": strong}
    enact(book, {**CHINA, "vendors": ["nvidia"]}, perhaps)
    assert accelerators(book) == ("undetermined", [1, 1, 1], ["amd"])


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        ("4480", ("no", [3, 0, 0], ["amd", "huawei"])),
        ("4480.000001", ("no", [2, 1, 0], ["amd"])),
        ("6400", ("undetermined", [1, 1, 1], ["amd"])),
        ("6400.1", ("yes", [1, 0, 2], ["amd"])),
        ("20900.000001", ("none", [0, 0, 3], [])),
    ],
)
def test_a_source_reaches_the_threshold(book: Book, threshold: str, expected: tuple[str, list[int], list[str]]) -> None:
    assert accelerators(book, threshold=threshold) == expected


def test_an_attribute_that_is_not_known_may_reach_any_threshold(book: Book) -> None:
    assert accelerators(book, threshold="1", threshold_attribute="density") == ("undetermined", [0, 3, 0], [])


def test_of_ones_own_house_there_is_no_source_where_they_do_not_count(book: Book) -> None:
    book.product("k100", "kunlunxin")
    assert accelerators(book)[1] == [4, 0, 0]
    assert accelerators(book, captive="exclude")[1] == [3, 0, 0]


def test_buyers_who_differ_leave_a_source_undetermined() -> None:
    book = market()
    book.organization("oracle", "US")
    book.order("o1", "2023-01-01", [line("10")], buyers=["baidu", "oracle"])
    enact(book, CHINA)
    assert accelerators(book, buyer=()) == ("yes", [0, 1, 0], [])
    assert accelerators(book, buyer=("oracle",)) == ("yes", [1, 0, 0], [])
    assert accelerators(book, buyer=("baidu",)) == ("none", [0, 0, 1], [])


def test_rows_and_parts_at_risk_of_dependence_follow_the_verdicts(book: Book) -> None:
    book.order("o2", "2023-01-01", [line("30", None, "910b")], vendor_id="huawei")
    book.order("o3", "2023-01-01", [line("10", None, None)], vendor_id="amd")
    enact(book, {**CHINA, "categories": ["accelerator"]})
    asked = VendorDependence(buyer=("baidu",), measure="units", effective_on="2023-12-31", position=len(book.events))
    with projected(book.events) as projection, projection.cursor() as cursor:
        by_vendor = vendor_dependence(cursor, asked, country_name=str)
    assert {row["key"]: row["restricted"] for row in by_vendor["rows"]} == {
        "huawei": "no",
        "amd": "undetermined",
        "nvidia": "yes",
    }
    metrics = by_vendor["metrics"]
    assert (metrics["at_risk"], metrics["at_risk_undetermined"]) == (0.2, 0.2)
    assert (metrics["at_risk_low"], metrics["at_risk_high"]) == (0.2, 0.4)


@pytest.mark.parametrize("threshold", ["-1", "1e3", "NaN", "4,800", 4800, "1234567890", "0.1234567"])
def test_a_threshold_is_a_plain_decimal(threshold: Any) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        SoleSource(effective_on="2023-12-31", position=1, threshold=threshold)


# What it costs


def suppliers(many: int) -> list[dict[str, Any]]:
    """As many suppliers, each of a product of its own in one of 150 categories; of each one buyer has ordered it."""
    start = {"v": 1, "recorded_at": "2026-01-31T12:00:00.000000Z", "basis": "reported"}
    start |= {"known_on": "2023-01-01", "effective_on": "2023-01-01"}
    rule = {"rule_id": "1", "effect": "prohibited", "destinations": ["CN"], "vendor_countries": ["US"]}
    about = {"regulation_id": "r", "jurisdiction": "US", "authority": "a", "title": "t", "citation": "c"}
    facts: list[tuple[str, dict[str, Any]]] = [
        ("organization-registered", {"organization_id": "buyer", "name": "buyer", "country": "CN"}),
        ("regulation-enacted", about | {"rules": [rule]}),
    ]
    for number in range(many):
        vendor, product = f"v{number}", f"p{number}"
        country = ("US", "DE", "FR")[number % 3]
        facts.append(("organization-registered", {"organization_id": vendor, "name": vendor, "country": country}))
        goods = {"product_id": product, "name": product, "vendor_id": vendor, "category": f"c{number % 150}"}
        facts.append(("product-registered", goods))
        bought = {"line": "1", "product_id": product, "quantity": "1", "amount": "1"}
        order = {"order_id": f"o{number}", "buyers": ["buyer"], "vendor_id": vendor, "currency": "USD"}
        facts.append(("order-placed", order | {"lines": [bought]}))
    return [
        start | {"type": kind, "id": f"e{position}", "position": position, "data": data}
        for position, (kind, data) in enumerate(facts, 1)
    ]


def test_sources_of_many_suppliers_cost_no_more_than_twice_what_dependence_on_them_does() -> None:
    with projected(suppliers(2_000)) as projection, projection.cursor() as cursor:
        asked = {"effective_on": "2023-12-31", "position": projection.position}
        sources, dependence = SoleSource(**asked), VendorDependence(**asked)

        def ask_for_sources() -> None:
            assert len(sole_source(cursor, sources)["rows"]) == 150

        def ask_for_dependence() -> None:
            assert len(vendor_dependence(cursor, dependence, country_name=str)["rows"]) == 2_000

        assert_no_dearer(ask_for_sources, ask_for_dependence, times=2)
