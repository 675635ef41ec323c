"""Two records of one organisation, worked out by hand (rule 59)."""

from datetime import date
from typing import Any

import pytest

from service.audit.verifier import World, regulatory_exposure
from tests.reference.asking import YEAR_END, exactly, only, rows, whole
from tests.reference.ledger import Ledger, line


def join(ledger: Ledger, one: str, other: str | None, effective_on: str = "2023-06-01", **envelope: Any) -> None:
    """Say that one record stands for another organisation; None: that it does not."""
    ledger.record("organization-changed", effective_on, {"organization_id": one, "same_as": other}, **envelope)


@pytest.fixture
def double(ledger: Ledger) -> Ledger:
    """Nvidia is recorded twice, the second time as of Singapore and with Huawei above it."""
    ledger.organization("nvidia-sg", "SG", "huawei")
    return ledger


def test_what_was_sold_by_one_record_was_sold_by_the_other(double: Ledger) -> None:
    double.order("o1", "2023-03-01", [line("10")])
    double.order("o2", "2023-03-01", [line("5")], vendor_id="nvidia-sg")
    assert rows(double, measure="units") == {"nvidia": exactly("10"), "nvidia-sg": exactly("5")}
    join(double, "nvidia-sg", "nvidia")
    (row,) = whole(double, measure="units")["rows"]
    assert (row["key"], row["value"], row["name"], row["country"]) == ("nvidia", "15", "Nvidia", "US")
    # The parents of the joined record are ignored, and so is its country.
    assert rows(double, measure="units", by="parent") == {"nvidia": exactly("15")}
    assert rows(double, measure="units", by="country") == {"US": exactly("15")}
    join(double, "nvidia-sg", None, "2023-07-01")
    assert rows(double, measure="units") == {"nvidia": exactly("10"), "nvidia-sg": exactly("5")}


def test_two_records_of_one_are_one_on_every_day_and_to_those_who_know(double: Ledger) -> None:
    double.order("o1", "2021-03-01", [line("5")], vendor_id="nvidia-sg")
    join(double, "nvidia-sg", "nvidia", "2030-01-01", known_on="2023-06-01")
    assert rows(double, date(2021, 12, 31), measure="units").keys() == {"nvidia"}
    assert rows(double, date(2021, 12, 31), measure="units", known_on=date(2023, 5, 31)).keys() == {"nvidia-sg"}
    position = len(double.events) - 1
    assert rows(double, date(2021, 12, 31), measure="units", position=position).keys() == {"nvidia-sg"}


def test_the_latest_by_its_end_speaks_on_all_days(double: Ledger) -> None:
    join(double, "nvidia-sg", "nvidia", "2023-06-01")
    join(double, "nvidia-sg", "huawei", "2023-05-01", known_on="2023-08-01")
    assert World(double.events, date(2000, 1, 1)).stands_for("nvidia-sg") == "nvidia"
    join(double, "nvidia-sg", "huawei", "2023-07-01")
    assert World(double.events, date(2000, 1, 1)).stands_for("nvidia-sg") == "huawei"


def test_a_chain_is_followed_to_its_end(double: Ledger) -> None:
    double.organization("nvda", "US")
    join(double, "nvda", "nvidia-sg")
    join(double, "nvidia-sg", "nvidia")
    world = World(double.events, YEAR_END)
    assert [world.stands_for(name) for name in ("nvda", "nvidia-sg", "nvidia")] == ["nvidia"] * 3
    assert world.lineage("nvda") == ["nvidia"]


def test_a_record_in_a_circle_stands_for_itself_and_ends_the_chains_that_lead_to_it(double: Ledger) -> None:
    double.organization("nvda", "US")
    join(double, "nvidia", "nvidia-sg")
    join(double, "nvidia-sg", "nvidia")
    join(double, "nvda", "nvidia")
    world = World(double.events, YEAR_END)
    assert [world.stands_for(name) for name in ("nvidia", "nvidia-sg", "nvda")] == ["nvidia", "nvidia-sg", "nvidia"]


def test_a_lineage_through_joined_records_ends_before_what_it_has_met(double: Ledger) -> None:
    # Huawei above Nvidia in Singapore, Nvidia above Huawei, and the two of Nvidia one: only some can know all of it.
    double.record("organization-changed", "2023-01-01", {"organization_id": "huawei", "parent_id": "nvidia-sg"})
    double.record("organization-changed", "2023-01-01", {"organization_id": "nvidia", "parent_id": "huawei"})
    join(double, "nvidia-sg", "nvidia")
    world = World(double.events, YEAR_END)
    assert world.lineage("nvidia-sg") == world.lineage("nvidia") == ["nvidia", "huawei"]
    assert world.lineage("huawei") == ["huawei", "nvidia"]


def test_ids_of_one_organisation_are_one_buyer(ledger: Ledger) -> None:
    ledger.organization("baidu-netcom", "HK")
    ledger.order("o1", "2023-03-01", [line("10")])
    ledger.order("o2", "2023-03-01", [line("5", None, None)], buyers=["baidu-netcom"], vendor_id="huawei")
    join(ledger, "baidu-netcom", "baidu")
    both = {"nvidia": exactly("10"), "huawei": exactly("5")}
    for buyer in (["baidu"], ["baidu-netcom"], ["baidu", "baidu-netcom"]):
        answer = whole(ledger, buyer=buyer, measure="units")
        assert {row["key"]: row["value"] for row in answer["rows"]} == {"nvidia": "10", "huawei": "5"}
        # Of one buyer the home is its country: China's.
        assert answer["metrics"]["domestic_share"] == 0.333333
    # Its subsidiaries are those of both records.
    ledger.organization("netcom-lab", "CN", "baidu-netcom")
    ledger.order("o3", "2023-03-01", [line("1")], buyers=["netcom-lab"])
    assert rows(ledger, buyer_scope="group", measure="units") == both | {"nvidia": exactly("11")}


def test_a_joint_order_of_two_records_of_one_is_no_joint_order(ledger: Ledger) -> None:
    ledger.organization("baidu-netcom", "CN")
    ledger.order("o1", "2023-03-01", [line("100")], buyers=["baidu", "baidu-netcom"])
    assert only(ledger, measure="units") == (None, "0", "100")
    join(ledger, "baidu-netcom", "baidu")
    assert only(ledger, measure="units") == exactly("100")


def test_in_an_allocation_the_shares_of_one_organisations_records_add_up(ledger: Ledger) -> None:
    ledger.organization("baidu-netcom", "CN")
    ledger.order("o1", "2023-03-01", [line("100")], buyers=["baidu", "baidu-netcom", "tencent"])
    shares = [
        {"buyer_id": "baidu", "share": {"value": "0.25", "low": "0.2", "high": "0.5"}},
        {"buyer_id": "baidu-netcom", "share": {"value": "0.25", "low": "0.1", "high": "0.5"}},
        {"buyer_id": "tencent", "share": {"value": "0.5", "low": "0.3", "high": "0.5"}},
    ]
    ledger.record("order-allocated", "2023-04-01", {"order_id": "o1", "allocations": shares})
    join(ledger, "baidu-netcom", "baidu")
    # 0.25 + 0.25, 0.2 + 0.1, and min(0.5 + 0.5, 1 - 0.3).
    assert only(ledger, measure="units") == ("50", "30", "70")
    assert only(ledger, buyer=["baidu", "tencent"], measure="units") == exactly("100")


def test_an_organisation_is_named_where_each_of_its_records_is(ledger: Ledger) -> None:
    ledger.organization("baidu-netcom", "CN")
    ledger.order("o1", "2023-03-01", [line("100")], buyers=["baidu", "baidu-netcom", "tencent"])
    shares = [{"buyer_id": "baidu", "share": "0.25"}, {"buyer_id": "tencent", "share": "0.25"}]
    ledger.record("order-allocated", "2023-04-01", {"order_id": "o1", "allocations": shares})
    assert only(ledger, measure="units") == exactly("25")
    join(ledger, "baidu-netcom", "baidu")
    # What the other record gets is not said: between nothing and what Tencent leaves.
    assert only(ledger, measure="units") == (None, "0", "75")
    assert only(ledger, buyer=["tencent"], measure="units") == exactly("25")


def test_what_one_sells_itself_is_captive_whichever_record_sells(ledger: Ledger) -> None:
    ledger.organization("baidu-netcom", "CN")
    ledger.order("o1", "2023-03-01", [line("5", None, None)], vendor_id="baidu-netcom")
    assert only(ledger, measure="units", captive="exclude") == exactly("5")
    join(ledger, "baidu-netcom", "baidu")
    assert only(ledger, measure="units", captive="exclude") == exactly("0")


def test_makers_and_assertions_and_parents_are_of_the_organisation(double: Ledger) -> None:
    double.product("a100", "nvidia-sg")
    double.order("o1", "2023-03-01", [line("5", None, "a100")], vendor_id="huawei")
    double.organization("mellanox", "IL", "nvidia-sg")
    double.order("o2", "2023-03-01", [line("1", None, None)], vendor_id="mellanox")
    double.organization("kunlun-chip", "CN")
    double.supply("2023-03-01", [line("2", None, None)])
    join(double, "nvidia-sg", "nvidia")
    join(double, "kunlunxin", "kunlun-chip")
    assert rows(double, measure="units", by="maker") == {
        "nvidia": exactly("5"),
        "kunlun-chip": exactly("2"),
        "mellanox": exactly("1"),
    }
    assert rows(double, measure="units", by="parent").keys() == {"huawei", "nvidia", "kunlun-chip"}


@pytest.mark.parametrize(
    "condition", [{"vendors": ["nvidia-sg"]}, {"vendors": ["nvidia"]}, {"vendor_countries": ["US"]}]
)
def test_a_rule_that_names_one_record_means_the_organisation(condition: dict[str, Any], double: Ledger) -> None:
    double.order("o1", "2023-03-01", [line("5", "10", None)], vendor_id="nvidia-sg")
    double.order("o2", "2023-03-01", [line("5", "10", None)])
    join(double, "nvidia-sg", "nvidia")
    about = {"regulation_id": "r1", "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "C"}
    rules = [{"rule_id": "r1", "effect": "prohibited"} | condition]
    double.record("regulation-enacted", "2023-05-01", about | {"rules": rules})
    answer = regulatory_exposure(double.events, buyer=["baidu"], effective_on=YEAR_END)
    assert [(row["vendor"], row["restricted"], row["value"]) for row in answer["rows"]] == [("nvidia", "yes", "20")]


def test_a_rule_on_buyers_means_all_records_of_them(ledger: Ledger) -> None:
    ledger.organization("baidu-netcom", "CN")
    ledger.order("o1", "2023-03-01", [line("5", "10")])
    join(ledger, "baidu-netcom", "baidu")
    about = {"regulation_id": "r1", "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "C"}
    rules = [{"rule_id": "r1", "effect": "prohibited", "buyers": ["baidu-netcom"]}]
    ledger.record("regulation-enacted", "2023-05-01", about | {"rules": rules})
    answer = regulatory_exposure(ledger.events, buyer=["baidu"], effective_on=YEAR_END)
    assert [row["restricted"] for row in answer["rows"]] == ["yes"]
