"""What was barred when it was bought, and the orders behind it, worked out by hand (rules 39, 62 and 63)."""

from datetime import date
from typing import Any

import pytest

from service.audit.verifier import regulatory_exposure, regulatory_exposure_orders
from tests.reference.asking import YEAR_END
from tests.reference.ledger import Ledger, line


def enact(ledger: Ledger, effective_on: str, *rules: dict[str, Any], regulation_id: str = "r1", **rest: Any) -> None:
    """Enact a regulation; its rules are r1, r2 ..., and prohibit unless they say otherwise."""
    numbered = [{"rule_id": f"r{n}", "effect": "prohibited"} | rule for n, rule in enumerate(rules, 1)]
    about = {"regulation_id": regulation_id, "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "C"}
    known = {"known_on": rest.pop("known_on")} if "known_on" in rest else {}
    ledger.record("regulation-enacted", effective_on, about | {"rules": numbered} | rest, **known)


def regulate(ledger: Ledger, event_type: str, effective_on: str, **data: Any) -> None:
    """Something happens to regulation r1."""
    ledger.record(event_type, effective_on, {"regulation_id": "r1"} | data)


def exposure(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> dict[str, Any]:
    """The exposure of Baidu's orders."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "effective_on": effective_on, "status": "ordered"}
    return regulatory_exposure(ledger.events, **asked | query)


def behind(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> list[dict[str, Any]]:
    """The orders behind it."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "effective_on": effective_on, "status": "ordered"}
    return regulatory_exposure_orders(ledger.events, **asked | query)


def verdicts(ledger: Ledger, **query: Any) -> dict[Any, str]:
    """By row what is restricted."""
    return {(row["vendor"], row["product"]): row["restricted"] for row in exposure(ledger, **query)["rows"]}


A800 = ("nvidia", "a800")


@pytest.fixture
def bought(ledger: Ledger) -> Ledger:
    """A800 for 100 in March, for 300 in May, and for 600 in August."""
    for number, (on, amount) in enumerate([("2023-03-01", "100"), ("2023-05-15", "300"), ("2023-08-01", "600")], 1):
        ledger.order(f"o{number}", on, [line("1", amount)])
    return ledger


def test_a_rule_bars_what_was_bought_while_it_was_in_force(bought: Ledger) -> None:
    enact(bought, "2023-05-01", {"vendors": ["nvidia"]}, until="2023-06-30")
    assert verdicts(bought) == {A800: "no"}
    answer = exposure(bought, judged="placed")
    (row,) = answer["rows"]
    assert row["restricted"] == "partly"
    assert (row["value"], row["barred"], row["undetermined"]["value"]) == (
        "1000",
        {"value": "300", "low": "300", "high": "300"},
        "0",
    )
    assert [(rule["rule_id"], rule["verdict"]) for rule in row["rules"]] == [("r1", "partly")]
    assert (answer["at_risk"], answer["at_risk_low"], answer["at_risk_high"]) == (0.3, 0.3, 0.3)
    # What is in force is that of the day that is asked about.
    assert answer["instruments"] == []


def test_a_rule_that_came_later_bars_now_what_it_did_not_bar_then(bought: Ledger) -> None:
    enact(bought, "2023-10-01", {"vendors": ["nvidia"]})
    assert verdicts(bought) == {A800: "yes"}
    answer = exposure(bought, judged="placed")
    assert answer["rows"][0]["restricted"] == "no"
    assert answer["rows"][0]["rules"] == []
    assert [one["regulation_id"] for one in answer["instruments"]] == ["r1"]


def test_what_was_in_force_is_judged_by_what_is_known_now(bought: Ledger) -> None:
    # Of a rule of May the world was told in November.
    enact(bought, "2023-05-01", {"vendors": ["nvidia"]}, known_on="2023-11-01")
    placed = [exposure(bought, judged="placed", known_on=date(2023, month, 1))["at_risk"] for month in (10, 11)]
    assert placed == [0.0, 0.9]


def test_suspensions_and_licences_hold_on_the_days_on_which_they_held(bought: Ledger) -> None:
    enact(bought, "2023-01-01", {"vendors": ["nvidia"]})
    regulate(bought, "regulation-suspended", "2023-02-15", until="2023-03-01")
    regulate(bought, "licence-granted", "2023-08-01", licence_id="l1", products=["a800"])
    # March: suspended, on its last day. May: barred. August: licensed, and so it is now.
    assert exposure(bought, judged="placed")["rows"][0]["barred"]["value"] == "300"
    assert verdicts(bought) == {A800: "no"}


def test_countries_parents_and_attributes_are_those_of_the_day(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("1", "100")])
    ledger.order("o2", "2023-09-01", [line("1", "100")])
    enact(ledger, "2022-01-01", {"when": {"attribute": "tpp", "op": ">=", "value": "4800"}, "buyers": ["huawei"]})
    assert verdicts(ledger, judged="placed") == {A800: "no"}
    # Baidu is Huawei's from June, and the A800 is held back from October on.
    ledger.record("organization-changed", "2023-06-01", {"organization_id": "baidu", "parent_id": "huawei"})
    ledger.record("product-changed", "2023-10-01", {"product_id": "a800", "attributes": {"tpp": "1200"}})
    assert verdicts(ledger, judged="placed") == {A800: "partly"}
    assert [row["restricted"] for row in behind(ledger, judged="placed")] == ["no", "yes"]
    assert verdicts(ledger) == {A800: "no"}


def test_an_assertion_is_judged_on_its_own_day(ledger: Ledger) -> None:
    ledger.supply("2023-03-01", [line("1", "100")], currency="USD")
    enact(ledger, "2023-05-01", {"vendors": ["kunlunxin"]})
    row = ("kunlunxin", "a800")
    assert verdicts(ledger) == {row: "yes"}
    assert verdicts(ledger, judged="placed") == {row: "no"}


def test_rules_that_changed_their_effect_are_told_apart(bought: Ledger) -> None:
    enact(bought, "2023-01-01", {"vendors": ["nvidia"], "effect": "licence-required"})
    rules = [{"rule_id": "r1", "effect": "prohibited", "vendors": ["nvidia"]}]
    regulate(bought, "regulation-amended", "2023-07-01", citation="C", rules=rules)
    (row,) = exposure(bought, judged="placed")["rows"]
    assert row["restricted"] == "yes"
    assert [(rule["effect"], rule["verdict"]) for rule in row["rules"]] == [
        ("licence-required", "partly"),
        ("prohibited", "partly"),
    ]
    assert row["explanation"] == [
        "r1 r1 applies to a part of it: licence required",
        "r1 r1 applies to a part of it: prohibited",
    ]


def test_what_was_not_known_of_the_day_is_missing(bought: Ledger) -> None:
    enact(bought, "2023-05-01", {"when": {"attribute": "memory_gb", "op": ">=", "value": "80"}})
    bought.record("product-changed", "2023-06-01", {"product_id": "a800", "attributes": {"memory_gb": "80"}})
    (row,) = exposure(bought, judged="placed")["rows"]
    # March: not in force. May: not known. August: yes.
    assert row["restricted"] == row["rules"][0]["verdict"] == "undetermined"
    assert row["rules"][0]["missing"] == ["memory_gb"]
    assert (row["barred"]["value"], row["undetermined"]["value"]) == ("600", "300")
    assert row["explanation"] == ["memory_gb of a800 unknown"]
    assert [(line["order_id"], line["restricted"], line["missing"]) for line in behind(bought, judged="placed")] == [
        ("o3", "yes", []),
        ("o2", "undetermined", ["memory_gb"]),
        ("o1", "no", []),
    ]


def test_another_word_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="judged is one of"):
        exposure(ledger, judged="now")
    ledger.order("o1", "2023-03-01", [line("1", "100")])
    with pytest.raises(ValueError, match="restricted is one of"):
        exposure(ledger, restricted=["maybe"])


# The orders behind an exposure


def test_each_line_stands_behind_its_row_with_what_bars_it(ledger: Ledger) -> None:
    lines = [line("2", "500") | {"deliver_by": "2024-06"}, line(None, None, None, "2")]
    ledger.order("o1", "2023-03-01", lines, buyers=["baidu", "tencent"])
    ledger.supply("2023-04-01", [])
    enact(ledger, "2023-05-01", {"products": ["a800"]})
    rule = {"regulation_id": "r1", "rule_id": "r1", "effect": "prohibited"}
    unnamed = [rule | {"verdict": "undetermined", "missing": ["product_id"]}]
    nothing_known = {"value": None, "low": "0", "high": None}
    assert behind(ledger, buyer=["baidu", "tencent"]) == [
        {
            "order_id": "o1",
            "assertion_id": None,
            "line": "1",
            "buyers": ["baidu", "tencent"],
            "vendor": "nvidia",
            "vendor_name": "Nvidia",
            "product": "a800",
            "value": "500",
            "low": "500",
            "high": "500",
            "placed_on": "2023-03-01",
            "deliver_by": "2024-06",
            "restricted": "yes",
            "rules": [rule | {"verdict": "yes", "missing": []}],
            "missing": [],
        },
        {
            "order_id": "o1",
            "assertion_id": None,
            "line": "2",
            "buyers": ["baidu", "tencent"],
            "vendor": "nvidia",
            "vendor_name": "Nvidia",
            "product": None,
            **nothing_known,
            "placed_on": "2023-03-01",
            "deliver_by": None,
            "restricted": "undetermined",
            "rules": unnamed,
            "missing": ["product_id"],
        },
        {
            "order_id": None,
            "assertion_id": "s1",
            "line": None,
            "buyers": ["baidu"],
            "vendor": "kunlunxin",
            "vendor_name": "Kunlunxin",
            "product": None,
            **nothing_known,
            "placed_on": "2023-04-01",
            "deliver_by": None,
            "restricted": "undetermined",
            "rules": unnamed,
            "missing": ["product_id"],
        },
    ]


def test_rows_are_filtered_by_verdict_and_totals_stay_those_of_all(bought: Ledger) -> None:
    bought.order("o4", "2023-05-15", [line("1", "1000", None)], vendor_id="huawei")
    bought.order("o5", "2023-05-15", [line("1", "2000", None)])
    enact(bought, "2023-05-01", {"vendors": ["nvidia"], "products": ["a800"]}, until="2023-06-30")
    asked: dict[str, Any] = {"judged": "placed"}
    whole = exposure(bought, **asked)
    assert {(row["vendor"], row["product"]): row["restricted"] for row in whole["rows"]} == {
        A800: "partly",
        ("huawei", None): "no",
        ("nvidia", None): "undetermined",
    }
    for words, kept in (
        (["yes"], {A800}),
        (["no"], {A800, ("huawei", None)}),
        (["undetermined"], {("nvidia", None)}),
        (["undetermined", "yes"], {A800, ("nvidia", None)}),
    ):
        answer = exposure(bought, **asked, restricted=words)
        assert {(row["vendor"], row["product"]) for row in answer["rows"]} == kept
        assert answer | {"rows": whole["rows"]} == whole
    assert [line["order_id"] for line in behind(bought, **asked, restricted=["yes"])] == ["o2"]
    assert [line["order_id"] for line in behind(bought, **asked, restricted=["no"])] == ["o4", "o3", "o1"]
