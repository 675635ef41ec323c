"""The reference evaluation against answers worked out by hand."""

import json
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from service.audit.verifier import (
    Event,
    World,
    end_of,
    regulatory_exposure,
    sole_source,
    vendor_dependence,
    window_start,
)
from service.codes import country_name
from tests.reference.ledger import Ledger, line, market

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden" / "ai-accelerators-expected.json").read_text())
YEAR_END = date(2023, 12, 31)


@pytest.fixture
def ledger() -> Ledger:
    """Baidu with its Kunlunxin, Tencent and Alibaba of China; Nvidia and its A800 of the United States; Huawei."""
    return market()


def figures(answer: dict[str, Any]) -> dict[Any, tuple[str | None, ...]]:
    """Value, low and high by row."""
    return {row["key"]: (row["value"], row["low"], row["high"]) for row in answer["rows"]}


def units(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> dict[Any, tuple[str | None, ...]]:
    """Units by row, for Baidu unless told otherwise."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "measure": "units", "effective_on": effective_on}
    return figures(vendor_dependence(ledger.events, **asked | query))


# The worked answers of the seed


def seed() -> list[Event]:
    """The events of the seed as they would be recorded."""
    ledger = Ledger()
    for request in (HERE.parent / "examples" / "ai-accelerators.ndjson").read_text().splitlines():
        event = json.loads(request)
        ledger.record(event.pop("type"), event.pop("effective_on"), event.pop("data"), **event)
    return ledger.events


def asked(query: dict[str, Any]) -> dict[str, Any]:
    """A golden query as arguments."""
    dates = {name: date.fromisoformat(query[name]) for name in ("effective_on", "known_on") if name in query}
    return query | dates | ({"buyer": [query["buyer"]]} if "buyer" in query else {})


def number(text: Any) -> Any:
    """A figure as the golden file writes it; anything else as it is."""
    return float(Decimal(text).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)) if isinstance(text, str) else text


def as_written(expected: Any, found: Any) -> Any:
    """What an answer has of the fields that the golden file names, figures as that writes them."""
    if isinstance(expected, dict):
        return {name: as_written(part, found[name]) for name, part in expected.items()}
    if isinstance(expected, float):
        # One number of a figure that has three.
        return number(found["value"] if isinstance(found, dict) else found)
    return found


def by_query(case: dict[str, Any]) -> str:
    """What a golden case is called."""
    return " ".join(map(str, case["query"].values()))


@pytest.mark.parametrize("case", GOLDEN["vendor-dependence"], ids=by_query)
def test_vendor_dependence_of_the_seed_is_as_worked_out(case: dict[str, Any]) -> None:
    answer = vendor_dependence(seed(), **asked(case["query"]))
    answer["rows"] = {row["key"]: row for row in answer["rows"]}
    assert answer["rows"].keys() == case["rows"].keys()
    for part in ("rows", "total", "metrics"):
        assert as_written(case[part], answer[part]) == case[part]


@pytest.mark.parametrize("case", GOLDEN["regulatory-exposure"], ids=by_query)
def test_regulatory_exposure_of_the_seed_is_as_worked_out(case: dict[str, Any]) -> None:
    answer = regulatory_exposure(seed(), **asked(case["query"]))
    places = [(row["vendor"], row["product"]) for row in case["rows"]]
    answer["rows"].sort(key=lambda row: places.index((row["vendor"], row["product"])))
    assert len(answer["rows"]) == len(places)
    for row, expected in zip(answer["rows"], case["rows"], strict=True):
        assert as_written(expected, row) == expected
    metrics = {name: part for name, part in case.items() if name not in ("query", "rows")}
    assert as_written(metrics, answer) == metrics


@pytest.mark.parametrize("case", GOLDEN["sole-source"], ids=by_query)
def test_sole_sources_of_the_seed_are_as_worked_out(case: dict[str, Any]) -> None:
    rows = {row["category"]: row for row in sole_source(seed(), **asked(case["query"]))["rows"]}
    assert rows.keys() == case["rows"].keys()
    assert as_written(case["rows"], rows) == case["rows"]


def test_the_seed_names_what_it_shows() -> None:
    answer = vendor_dependence(
        seed(),
        buyer=["baidu"],
        effective_on=date(2023, 10, 31),
        known_on=date(2023, 11, 8),
        by="country",
        country_name=country_name,
    )
    nvidia, huawei = answer["rows"][0], answer["rows"][1]
    assert (nvidia["key"], nvidia["name"], nvidia["country"]) == ("US", "United States", "US")
    # China is Huawei's order and the Kunlun chips, which have no amount and so no bound.
    assert (huawei["key"], huawei["name"], huawei["high"], huawei["captive"]) == ("CN", "China", None, False)
    assert (huawei["first_effective_on"], huawei["last_effective_on"]) == ("2020-09-15", "2023-08-31")


# Time


@pytest.mark.parametrize(
    ("effective_on", "known_on", "end"),
    [
        ("2023-08-31", "2023-11-07", "2023-08-31"),
        ("2023-08-31", "2023-08-01", "2023-08-31"),
        ("2023-08", "2023-11-07", "2023-08-31"),
        ("2023-08", "2023-08-01", "2023-08-01"),
        ("2023-08", "2023-08-31", "2023-08-31"),
        ("2023-08", "2023-07-31", "2023-08-31"),
        ("2024-02", "2024-03-01", "2024-02-29"),
        ("2025", "2025-03-10", "2025-03-10"),
        ("2020", "2023-11-08", "2020-12-31"),
        ("../2023-08-09", "2019-01-01", "2019-01-01"),
        ("../2023-08-09", "2023-08-10", "2023-08-09"),
    ],
)
def test_an_event_counts_from_the_end_of_its_period(effective_on: str, known_on: str, end: str) -> None:
    assert end_of(effective_on, date.fromisoformat(known_on)) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("window", "effective_on", "start"),
    [
        ("P1Y", "2024-02-29", "2023-02-28"),
        ("P1M", "2023-03-31", "2023-02-28"),
        ("P13M", "2023-01-15", "2021-12-15"),
        ("P2W", "2023-01-10", "2022-12-27"),
        ("P1M1D", "2023-03-31", "2023-02-27"),
    ],
)
def test_a_day_that_the_month_lacks_is_its_last_day(window: str, effective_on: str, start: str) -> None:
    assert window_start(window, date.fromisoformat(effective_on)) == date.fromisoformat(start)


def test_a_retraction_known_later_leaves_the_order_to_those_who_knew_less(ledger: Ledger) -> None:
    wrong = ledger.order("o1", "2023-03-01", [line("100")])
    retraction = {"retracts": wrong, "reason": "the press release was withdrawn"}
    ledger.record("event-retracted", "2030-01-01", retraction, known_on="2023-06-01")
    position = len(ledger.events)
    assert units(ledger, known_on=date(2023, 5, 31)) == {"nvidia": ("100", "100", "100")}
    assert units(ledger, known_on=date(2023, 6, 1)) == {}
    assert units(ledger, position=position - 1) == {"nvidia": ("100", "100", "100")}
    assert units(ledger, position=position) == {}


def test_an_order_shows_from_its_end_on_and_from_its_position_on(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03", [line("100")], known_on="2023-04-02")
    assert units(ledger, date(2023, 3, 30)) == {}
    assert units(ledger, date(2023, 3, 31)) == {"nvidia": ("100", "100", "100")}
    assert units(ledger, known_on=date(2023, 4, 1)) == {}
    assert units(ledger, position=len(ledger.events) - 1) == {}


def test_a_takeover_moves_earlier_postings_to_the_new_parent(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    change = {"organization_id": "nvidia", "parent_id": "huawei"}
    ledger.record("organization-changed", "2023-06-01", change)
    ledger.record("organization-changed", "2023-09-01", change | {"parent_id": None})
    assert units(ledger, date(2023, 5, 31), by="parent").keys() == {"nvidia"}
    assert units(ledger, date(2023, 6, 1), by="parent").keys() == {"huawei"}
    assert units(ledger, date(2023, 9, 1), by="parent").keys() == {"nvidia"}


def test_the_last_of_several_facts_is_the_latest_in_end_then_in_knowledge_then_in_position(ledger: Ledger) -> None:
    def say(country: str, effective_on: str, known_on: str) -> None:
        data = {"organization_id": "nvidia", "country": country}
        ledger.record("organization-changed", effective_on, data, known_on=known_on)

    def country() -> str | None:
        return World(ledger.events, YEAR_END).country("nvidia")

    say("CA", "2023-05-02", "2023-05-02")
    say("MX", "2023-05-01", "2023-08-01")
    assert country() == "CA"
    say("JP", "2023-05-02", "2023-05-03")
    say("KR", "2023-05-02", "2023-05-02")
    assert country() == "JP"
    say("TW", "2023-05-02", "2023-05-03")
    assert country() == "TW"


def test_a_lineage_ends_before_the_organisation_that_it_has_met(ledger: Ledger) -> None:
    ledger.record("organization-changed", "2023-01-01", {"organization_id": "baidu", "parent_id": "kunlunxin"})
    world = World(ledger.events, YEAR_END)
    assert world.lineage("baidu") == ["baidu", "kunlunxin"]
    assert world.lineage("kunlunxin") == ["kunlunxin", "baidu"]


# Lines


def test_differences_from_their_own_day_on_change_what_is_ordered(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100", "1000")])
    changes = [{"line": "1", "quantity": "-40", "amount": "-400"}]
    further = [line("5", "50", None, "2")]
    ledger.record("order-amended", "2023-06-01", {"order_id": "o1", "changes": changes, "lines": further})
    assert units(ledger, date(2023, 5, 31)) == {"nvidia": ("100", "100", "100")}
    assert units(ledger, date(2023, 6, 1)) == {"nvidia": ("65", "65", "65")}
    assert units(ledger, by="product") == {"a800": ("60", "60", "60"), None: ("5", "5", "5")}


def test_changes_and_receipts_of_a_line_that_is_not_yet_there_do_not_count(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    ledger.record("order-amended", "2023-09-01", {"order_id": "o1", "lines": [line("30", number="2")]})
    early = {"order_id": "o1", "changes": [{"line": "2", "quantity": "5"}]}
    ledger.record("order-amended", "2023-04-01", early)
    receipts = [{"line": "2", "quantity": "7", "amount": None}]
    ledger.record("goods-received", "2023-04-01", {"order_id": "o1", "receipts": receipts})
    assert units(ledger, date(2023, 8, 31)) == {"nvidia": ("100", "100", "100")}
    assert units(ledger, date(2023, 8, 31), status="delivered") == {}
    assert units(ledger, date(2023, 9, 1)) == {"nvidia": ("135", "135", "135")}
    assert units(ledger, date(2023, 9, 1), status="delivered") == {"nvidia": ("7", "7", "7")}


def test_nothing_of_an_order_counts_before_its_placing(ledger: Ledger) -> None:
    ledger.order("o1", "2023-08-01", [line("100")])
    receipts = [{"line": "1", "quantity": "7", "amount": None}]
    ledger.record("goods-received", "2023-04-01", {"order_id": "o1", "receipts": receipts})
    assert units(ledger, date(2023, 7, 31), status="delivered") == {}
    assert units(ledger, date(2023, 8, 1), status="delivered") == {"nvidia": ("7", "7", "7")}


def received(ledger: Ledger, effective_on: str, quantity: Any, amount: Any = None) -> None:
    """Goods of line 1 of order o1 arrive."""
    receipts = [{"line": "1", "quantity": quantity, "amount": amount}]
    ledger.record("goods-received", effective_on, {"order_id": "o1", "receipts": receipts})


def returned(ledger: Ledger, effective_on: str, quantity: str, **amount: str) -> None:
    """Goods of line 1 of order o1 go back."""
    returns = [{"line": "1", "quantity": quantity} | amount]
    ledger.record("goods-returned", effective_on, {"order_id": "o1", "returns": returns})


def test_what_is_open_crosses_the_bounds(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line({"value": "100", "low": "90", "high": "120"})])
    received(ledger, "2023-04-01", {"value": "60", "low": "50", "high": "80"})
    returned(ledger, "2023-05-01", "10")
    assert units(ledger, status="delivered") == {"nvidia": ("50", "40", "70")}
    assert units(ledger, status="open") == {"nvidia": ("50", "20", "80")}


def test_over_delivery_leaves_nothing_open_on_its_line_and_takes_nothing_from_another(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100"), line("10", number="2")])
    received(ledger, "2023-04-01", "130")
    assert units(ledger, status="delivered") == {"nvidia": ("130", "130", "130")}
    assert units(ledger, status="open") == {"nvidia": ("10", "10", "10")}


def test_a_receipt_of_unknown_quantity_leaves_between_nothing_and_all_open(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    received(ledger, "2023-04-01", None)
    assert units(ledger, status="delivered") == {"nvidia": (None, "0", None)}
    assert units(ledger, status="open") == {"nvidia": ("100", "0", "100")}
    assert units(ledger, status="open", exclude=("unquantified",)) == {"nvidia": ("100", "100", "100")}


def test_after_a_cancellation_only_what_was_delivered_stays_ordered(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    received(ledger, "2023-04-01", "30")
    ledger.record("order-cancelled", "2023-06-01", {"order_id": "o1", "reason": "export rules"})
    assert units(ledger, date(2023, 5, 31), status="open") == {"nvidia": ("70", "70", "70")}
    assert units(ledger, date(2023, 6, 1)) == {"nvidia": ("30", "30", "30")}
    assert units(ledger, date(2023, 6, 1), status="open") == {}
    row = vendor_dependence(ledger.events, buyer=["baidu"], effective_on=YEAR_END, measure="units")["rows"][0]
    assert (row["first_effective_on"], row["last_effective_on"]) == ("2023-04-01", "2023-04-01")


def test_a_window_takes_orders_by_their_placing_and_deliveries_by_their_own_day(ledger: Ledger) -> None:
    ledger.order("o1", "2022-12-31", [line("100")])
    received(ledger, "2023-01-01", "30")
    ledger.order("o2", "2023-01-01", [line("7")])
    ledger.record("order-amended", "2023-09-01", {"order_id": "o2", "changes": [{"line": "1", "quantity": "2"}]})
    assert units(ledger, window="P1Y") == {"nvidia": ("9", "9", "9")}
    assert units(ledger, window="P1Y", status="delivered") == {"nvidia": ("30", "30", "30")}
    assert units(ledger, window="P364D", status="delivered") == {}
    with pytest.raises(ValueError, match="no window"):
        units(ledger, window="P1Y", status="open")


def test_more_returned_than_received_in_a_window_counts_as_nothing(ledger: Ledger) -> None:
    ledger.order("o1", "2022-06-01", [line("100")])
    received(ledger, "2022-07-01", "30")
    returned(ledger, "2023-02-01", "10")
    assert units(ledger, window="P1Y", status="delivered") == {}
    assert units(ledger, status="delivered") == {"nvidia": ("20", "20", "20")}


def test_a_cancelled_order_in_the_window_counts_all_its_deliveries(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")], known_on="2023-03-01")
    received(ledger, "2023-02-01", "30")
    ledger.record("order-cancelled", "2023-03-02", {"order_id": "o1", "reason": "export rules"})
    assert units(ledger, date(2023, 3, 20), window="P1M") == {"nvidia": ("30", "30", "30")}
    assert units(ledger, date(2023, 3, 20), window="P1M", status="delivered") == {}


# Joint orders


@pytest.fixture
def joint(ledger: Ledger) -> Ledger:
    """Baidu, Tencent and Alibaba order 120 together."""
    ledger.order("o1", "2023-03-01", [line("120")], buyers=["baidu", "tencent", "alibaba"])
    return ledger


def allocate(ledger: Ledger, effective_on: str, **shares: Any) -> None:
    """Say who gets what of order o1."""
    allocations = [{"buyer_id": buyer, "share": share} for buyer, share in shares.items()]
    basis = "assumed" if effective_on >= "2023-06" else "reported"
    ledger.record("order-allocated", effective_on, {"order_id": "o1", "allocations": allocations}, basis=basis)


def test_a_joint_order_counts_once_for_the_market_and_whole_for_all_its_buyers(joint: Ledger) -> None:
    whole = {"nvidia": ("120", "120", "120")}
    assert units(joint, buyer=[]) == whole
    assert units(joint, buyer=["baidu", "tencent", "alibaba"]) == whole
    assert units(joint, buyer=["huawei"]) == {}


def test_without_an_allocation_some_of_the_buyers_have_between_nothing_and_the_whole(joint: Ledger) -> None:
    assert units(joint) == {"nvidia": (None, "0", "120")}
    assert units(joint, exclude=("unquantified",)) == {}


def test_an_allocation_gives_the_named_their_shares_and_the_unnamed_what_is_left(joint: Ledger) -> None:
    allocate(joint, "2023-04-01", baidu={"value": "0.5", "low": "0.4", "high": "0.6"}, tencent="0.25")
    assert units(joint) == {"nvidia": ("60", "48", "72")}
    assert units(joint, buyer=["baidu", "tencent"]) == {"nvidia": ("90", "78", "102")}
    # 1 - 0.4 - 0.25 = 0.35 of 120 may be Alibaba's.
    assert units(joint, buyer=["alibaba"]) == {"nvidia": (None, "0", "42")}
    # Both: Baidu's 0.6 at most, and with Alibaba no more than Tencent leaves, 1 - 0.25 = 0.75; 0.15 of 120 is 18.
    assert units(joint, buyer=["baidu", "alibaba"]) == {"nvidia": ("60", "48", "90")}
    assert units(joint, buyer=["baidu", "alibaba"], exclude=("unquantified",)) == {"nvidia": ("60", "48", "72")}
    answer = vendor_dependence(joint.events, buyer=["baidu", "alibaba"], measure="units", effective_on=YEAR_END)
    assert not answer["rows"][0]["quantified"]


def test_nothing_is_left_for_the_unnamed_where_all_is_allocated(joint: Ledger) -> None:
    allocate(joint, "2023-04-01", baidu="0.75", tencent="0.25")
    assert units(joint, buyer=["alibaba"]) == {}


def test_a_share_of_nothing_is_nothing_even_of_what_is_unbounded(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line(None)], buyers=["baidu", "tencent"])
    allocate(ledger, "2023-04-01", baidu="0", tencent="1")
    assert units(ledger) == {}
    assert units(ledger, buyer=["tencent"]) == {"nvidia": (None, "0", None)}


def test_the_latest_allocation_speaks_and_an_excluded_one_lets_the_earlier_speak(joint: Ledger) -> None:
    allocate(joint, "2023-04-01", baidu="0.5")
    allocate(joint, "2023-07-01", baidu="0.25")
    assert units(joint, date(2023, 6, 30)) == {"nvidia": ("60", "60", "60")}
    assert units(joint) == {"nvidia": ("30", "30", "30")}
    assert units(joint, exclude=("assumed",)) == {"nvidia": ("60", "60", "60")}


def test_a_group_is_the_buyer_and_its_subsidiaries_on_the_day(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("10")], buyers=["kunlunxin"])
    ledger.order("o2", "2023-03-01", [line("5")], buyers=["baidu", "tencent"])
    assert units(ledger, exclude=("unquantified",)) == {}
    assert units(ledger, buyer_scope="group") == {"nvidia": ("10", "10", "15")}
    sold = {"organization_id": "kunlunxin", "parent_id": "tencent"}
    ledger.record("organization-changed", "2023-06-01", sold)
    assert units(ledger, buyer_scope="group") == {"nvidia": (None, "0", "5")}


# Measures


def rates(ledger: Ledger, effective_on: str, base: str, **quoted: str) -> None:
    """Publish rates."""
    ledger.record("exchange-rates-published", effective_on, {"base": base, "rates": quoted})


def spend(ledger: Ledger, **query: Any) -> dict[Any, tuple[str | None, ...]]:
    """Spend by row for Baidu at the end of 2023."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "effective_on": YEAR_END}
    return figures(vendor_dependence(ledger.events, **asked | query))


def test_an_order_converts_at_the_last_rate_published_by_its_placing(ledger: Ledger) -> None:
    rates(ledger, "2023-02-01", "EUR", USD="1.2", CNY="8")
    rates(ledger, "2023-03-01", "EUR", USD="1.1", CNY="8.8")
    rates(ledger, "2023-03-01", "EUR", USD="1.3")
    rates(ledger, "2023-03-02", "EUR", USD="1", CNY="1")
    ledger.order("o1", "2023-03-01", [line("1", "800")], currency="CNY")
    received(ledger, "2023-04-01", "1", "400")
    assert spend(ledger) == {"nvidia": ("100", "100", "100")}
    assert spend(ledger, status="delivered") == {"nvidia": ("50", "50", "50")}
    # The base itself is named, at 1.
    assert spend(ledger, currency="EUR") == {"nvidia": ("90.909091", "90.909091", "90.909091")}
    assert spend(ledger, currency="CNY") == {"nvidia": ("800", "800", "800")}


def test_without_a_rate_money_is_unquantified_and_nothing_stays_nothing(ledger: Ledger) -> None:
    rates(ledger, "2023-03-02", "EUR", USD="1.1", CNY="8.8")
    ledger.order("o1", "2023-03-01", [line("1", "800"), line("1", "0", number="2")], currency="CNY")
    assert spend(ledger) == {"nvidia": (None, "0", None)}
    assert spend(ledger, exclude=("unquantified",)) == {}
    assert spend(ledger, status="delivered") == {}


def test_capacity_multiplies_bounds_by_bounds(ledger: Ledger) -> None:
    ledger.product("910b", "huawei", tpp={"value": "6000", "low": "4500", "high": "6400"}, foundry={"text": "SMIC"})
    ledger.order("o1", "2023-03-01", [line({"value": "10", "low": "8", "high": "12"}, None, "910b")])
    assert units(ledger, measure="capacity") == {"nvidia": ("60000", "36000", "76800")}
    unknown = {"nvidia": (None, "0", None)}
    assert units(ledger, measure="capacity", attribute="foundry") == unknown
    assert units(ledger, measure="capacity", attribute="memory_gb") == unknown
    change = {"product_id": "910b", "attributes": {"tpp": None}}
    ledger.record("product-changed", "2023-06-01", change)
    assert units(ledger, measure="capacity") == unknown


def test_no_attribute_bounds_what_is_unbounded(ledger: Ledger) -> None:
    ledger.product("abacus", "nvidia", tpp="0")
    ledger.order("o1", "2023-03-01", [line(None, None, "abacus")])
    assert units(ledger, measure="capacity") == {"nvidia": (None, "0", None)}


def test_a_line_without_a_product_has_no_capacity_and_is_the_vendors_own_make(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("10", None, None)], vendor_id="huawei")
    ledger.order("o2", "2023-03-01", [line("3")], vendor_id="huawei")
    assert units(ledger, measure="capacity") == {"huawei": ("14966.4", "14966.4", None)}
    assert units(ledger, by="maker") == {"huawei": ("10", "10", "10"), "nvidia": ("3", "3", "3")}
    assert units(ledger, by="category") == {None: ("10", "10", "10"), "accelerator": ("3", "3", "3")}


# Supply assertions


def test_an_assertion_is_ordered_and_delivered_and_never_open(ledger: Ledger) -> None:
    ledger.supply("2023-03-01", [line("20")])
    whole = {"kunlunxin": ("20", "20", "20")}
    assert units(ledger) == whole
    assert units(ledger, status="delivered") == whole
    assert units(ledger, status="open") == {}
    # Money without a currency is not money that one could add up.
    assert spend(ledger) == {"kunlunxin": (None, "0", None)}


def test_a_later_assertion_replaces_the_earlier_unless_it_is_excluded(ledger: Ledger) -> None:
    ledger.supply("2022-03-01", [line("20")])
    ledger.supply("2023-03-01", [], basis="estimated")
    assert units(ledger) == {"kunlunxin": (None, "0", None)}
    assert units(ledger, exclude=("estimated",)) == {"kunlunxin": ("20", "20", "20")}
    assert units(ledger, exclude=("estimated",), window="P1Y") == {}
    assert units(ledger, exclude=("unquantified",)) == {}


# Rows and metrics


def test_what_the_buyer_makes_itself_is_captive_and_can_be_left_out(ledger: Ledger) -> None:
    ledger.supply("2023-03-01", [line("30", None, None)])
    ledger.order("o1", "2023-03-01", [line("10")])
    answer = vendor_dependence(ledger.events, buyer=["baidu"], effective_on=YEAR_END, measure="units")
    assert [(row["key"], row["captive"], row["share"]) for row in answer["rows"]] == [
        ("kunlunxin", True, 0.75),
        ("nvidia", False, 0.25),
    ]
    assert answer["total"] == {"value": "40", "low": "40", "high": "40", "unit": "unit"}
    # 0.75^2 + 0.25^2 = 0.625, and all of it exact: no bound differs from its value.
    exact = {"hhi": 6250.0, "effective_vendors": 1.6, "cr1": 0.75, "cr3": 1.0, "captive_share": 0.75}
    exact |= {"domestic_share": 0.75, "at_risk": 0.0}
    assert answer["metrics"] == exact | {f"{name}_{end}": exact[name] for name in exact for end in ("low", "high")} | {
        "single_source": False,
        "coverage": {"quantified": 2, "active": 2},
        "at_risk_undetermined": 0.0,
    }
    assert units(ledger, captive="exclude").keys() == {"nvidia"}


def test_an_order_is_captive_only_where_all_its_buyers_in_scope_are_of_the_vendors_house(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("10")], buyers=["baidu", "tencent"], vendor_id="kunlunxin")
    assert units(ledger, captive="exclude") == {}
    assert units(ledger, buyer=[], captive="exclude") == {"kunlunxin": ("10", "10", "10")}


def test_shares_have_the_bounds_that_the_other_rows_leave(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line({"value": "60", "low": "50", "high": "90"})])
    ledger.order("o2", "2023-03-01", [line({"value": "40", "low": "10", "high": "50"})], vendor_id="huawei")
    answer = vendor_dependence(ledger.events, buyer=["baidu"], effective_on=YEAR_END, measure="units")
    shares = {row["key"]: (row["share"], row["share_low"], row["share_high"]) for row in answer["rows"]}
    # 50 / (50 + 50), 90 / (90 + 10); 10 / (10 + 90), 50 / (50 + 50)
    assert shares == {"nvidia": (0.6, 0.5, 0.9), "huawei": (0.4, 0.1, 0.5)}


def test_a_single_unquantified_row_has_no_share_and_yet_is_all_there_is(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line(None)])
    answer = vendor_dependence(ledger.events, buyer=["baidu"], effective_on=YEAR_END, measure="units")
    (row,) = answer["rows"]
    # Its share of the whole is 0 / 0; there may be something of it, and there is nothing else.
    assert (row["share"], row["share_low"], row["share_high"], row["quantified"]) == (None, 1.0, 1.0, False)
    assert answer["total"]["value"] is None
    assert answer["metrics"]["hhi"] is answer["metrics"]["captive_share"] is answer["metrics"]["domestic_share"] is None
    assert answer["metrics"]["single_source"]
    assert answer["metrics"]["coverage"] == {"quantified": 0, "active": 1}


def test_an_empty_answer_totals_exactly_nothing(ledger: Ledger) -> None:
    answer = vendor_dependence(ledger.events, buyer=["baidu"], effective_on=YEAR_END)
    assert answer["total"] == {"value": "0", "low": "0", "high": "0", "unit": "USD"}
    assert answer["rows"] == []
    assert answer["metrics"]["hhi"] is None
    assert not answer["metrics"]["single_source"]


def test_a_home_country_is_needed_only_for_several_buyers_or_none(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("10")])

    def domestic(**query: Any) -> float | None:
        answer = vendor_dependence(ledger.events, effective_on=YEAR_END, measure="units", **query)
        share: float | None = answer["metrics"]["domestic_share"]
        return share

    assert domestic(buyer=["baidu"]) == 0.0
    assert domestic(buyer=["baidu", "tencent"]) is None
    assert domestic(buyer=[]) is None
    assert domestic(buyer=[], home="US") == 1.0


def test_rows_come_by_value_then_key_with_the_unquantified_and_the_nameless_last(ledger: Ledger) -> None:
    ledger.product("h800", "nvidia")
    ledger.product("h20", "nvidia")
    lines = [
        line("5", number="1"),
        line("5", None, None, "2"),
        line(None, None, "h20", "3"),
        line("9", None, "h800", "4"),
    ]
    ledger.order("o1", "2023-03-01", lines)
    answer = vendor_dependence(ledger.events, buyer=["baidu"], effective_on=YEAR_END, measure="units", by="product")
    assert [row["key"] for row in answer["rows"]] == ["h800", "a800", None, "h20"]
