"""The reference evaluation of regulations against verdicts worked out by hand."""

from datetime import date
from typing import Any

import pytest

from service.audit.verifier import regulatory_exposure
from tests.reference.ledger import Ledger, line, market

YEAR_END = date(2023, 12, 31)
A800 = ("nvidia", "a800")


@pytest.fixture
def ledger() -> Ledger:
    """Baidu with its Kunlunxin, Tencent and Alibaba of China; Nvidia and its A800 of the United States; Huawei."""
    return market()


def enact(ledger: Ledger, *rules: dict[str, Any], **rest: Any) -> None:
    """Enact regulation r1 as of 2023-05-01 with licence-required rules of these conditions."""
    numbered = [{"rule_id": f"r{n}", "effect": "licence-required"} | rule for n, rule in enumerate(rules, 1)]
    about = {"regulation_id": "r1", "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "87 FR 1"}
    ledger.record("regulation-enacted", "2023-05-01", about | {"rules": numbered} | rest)


def verdicts(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> dict[Any, str]:
    """What is restricted by vendor and product, for Baidu unless told otherwise."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "effective_on": effective_on, "measure": "units"}
    answer = regulatory_exposure(ledger.events, **asked | query)
    return {(row["vendor"], row["product"]): row["restricted"] for row in answer["rows"]}


@pytest.fixture
def exposed(ledger: Ledger) -> Ledger:
    """Baidu has ordered 100 A800 of Nvidia and something unnamed for the same money."""
    ledger.order("o1", "2023-03-01", [line("100", "1000"), line(None, "1000", None, "2")])
    return ledger


def test_a_rule_needs_all_its_conditions_and_the_unnamed_product_leaves_it_open(exposed: Ledger) -> None:
    when = {"attribute": "tpp", "op": ">=", "value": "4800"}
    enact(exposed, {"vendor_countries": ["US"], "destinations": ["CN"], "categories": ["accelerator"], "when": when})
    assert verdicts(exposed, date(2023, 4, 30)) == {("nvidia", "a800"): "no", ("nvidia", None): "no"}
    answer = regulatory_exposure(exposed.events, buyer=["baidu"], effective_on=YEAR_END)
    entry = {"regulation_id": "r1", "rule_id": "r1", "effect": "licence-required"}
    thousand = {"value": "1000", "low": "1000", "high": "1000"}
    nothing = {"value": "0", "low": "0", "high": "0"}
    assert answer == {
        "total": {"value": "2000", "low": "2000", "high": "2000", "unit": "USD"},
        "rows": [
            {
                "vendor": "nvidia",
                "product": "a800",
                "restricted": "yes",
                **thousand,
                "barred": thousand,
                "undetermined": nothing,
                "rules": [entry | {"verdict": "yes", "missing": []}],
                "explanation": ["r1 r1 applies: licence required"],
            },
            {
                "vendor": "nvidia",
                "product": None,
                "restricted": "undetermined",
                **thousand,
                "barred": nothing,
                "undetermined": thousand,
                "rules": [entry | {"verdict": "undetermined", "missing": ["product_id"]}],
                "explanation": ["no product of nvidia is named"],
            },
        ],
        "at_risk": 0.5,
        "at_risk_undetermined": 0.5,
        "at_risk_low": 0.5,
        "at_risk_high": 1.0,
        "remarks": [],
        "instruments": [
            {
                "regulation_id": "r1",
                "title": "R",
                "jurisdiction": "US",
                "authority": "BIS",
                "citation": "87 FR 1",
                "status": "in-force",
                "rules": answer["instruments"][0]["rules"],
                "until": None,
            }
        ],
    }
    assert answer["instruments"][0]["rules"][0]["when"] == when


def test_a_condition_that_fails_decides_whatever_is_unknown(exposed: Ledger) -> None:
    enact(exposed, {"destinations": ["RU"], "categories": ["accelerator"]})
    assert set(verdicts(exposed).values()) == {"no"}


def test_advice_and_notifications_bar_nothing(exposed: Ledger) -> None:
    enact(exposed, {"vendors": ["nvidia"], "effect": "advisory"}, {"vendors": ["nvidia"], "effect": "notification"})
    assert set(verdicts(exposed).values()) == {"no"}


@pytest.mark.parametrize(
    ("when", "verdict"),
    [
        ({"attribute": "tpp", "op": ">=", "value": "4988.8"}, "yes"),
        ({"attribute": "tpp", "op": ">", "value": "4988.8"}, "no"),
        ({"attribute": "tpp", "op": "==", "value": "4988.80"}, "yes"),
        ({"attribute": "density", "op": ">=", "value": "6"}, "undetermined"),
        ({"attribute": "density", "op": ">=", "value": "5"}, "yes"),
        ({"attribute": "density", "op": "<", "value": "5"}, "no"),
        ({"attribute": "density", "op": "!=", "value": "7.5"}, "yes"),
        ({"attribute": "density", "op": "==", "value": "6"}, "undetermined"),
        ({"attribute": "memory_gb", "op": ">=", "value": "1"}, "undetermined"),
        ({"attribute": "datacentre", "op": "==", "value": True}, "yes"),
        ({"attribute": "datacentre", "op": "!=", "value": True}, "no"),
        ({"attribute": "foundry", "op": "==", "value": {"text": "TSMC"}}, "yes"),
        ({"attribute": "foundry", "op": "==", "value": "7"}, "undetermined"),
    ],
)
def test_a_range_that_straddles_the_bound_is_undetermined(when: dict[str, Any], verdict: str, exposed: Ledger) -> None:
    attributes = {"density": {"value": "6", "low": "5", "high": "7"}, "foundry": {"text": "TSMC"}}
    exposed.record("product-changed", "2023-02-01", {"product_id": "a800", "attributes": attributes})
    enact(exposed, {"when": when})
    assert verdicts(exposed)[A800] == verdict


def test_the_unknown_part_of_a_predicate_matters_only_where_the_rest_leaves_it_open(exposed: Ledger) -> None:
    known = {"attribute": "tpp", "op": ">=", "value": "4800"}
    unknown = {"attribute": "memory_gb", "op": ">=", "value": "80"}
    enact(exposed, {"when": {"any": [known, unknown]}})
    assert verdicts(exposed)[A800] == "yes"
    enact(exposed, {"when": {"not": {"any": [known, unknown]}}})
    assert verdicts(exposed)[A800] == "no"
    enact(exposed, {"when": {"all": [known, {"not": unknown}]}})
    rows = regulatory_exposure(exposed.events, buyer=["baidu"], effective_on=YEAR_END)["rows"]
    assert rows[0]["rules"][0]["missing"] == ["memory_gb"]


def test_vendors_and_their_countries_match_by_ancestor_of_the_vendor_or_the_maker(exposed: Ledger) -> None:
    exposed.organization("reseller", "CN", "huawei")
    exposed.order("o2", "2023-03-01", [line("1"), line("1", None, None, "2")], vendor_id="reseller")
    enact(exposed, {"vendors": ["huawei"]})
    both = {("reseller", "a800"): "yes", ("reseller", None): "yes"}
    assert verdicts(exposed).items() >= both.items()
    assert verdicts(exposed)[A800] == "no"
    enact(exposed, {"vendor_countries": ["US"]})
    # Of an unnamed product only the vendor speaks.
    assert verdicts(exposed).items() >= {("reseller", "a800"): "yes", ("reseller", None): "no"}.items()


def test_a_vendors_country_is_that_of_its_ultimate_parent(ledger: Ledger) -> None:
    ledger.organization("futurewei", "US", "huawei")
    ledger.order("o1", "2023-03-01", [line("1", None, None)], vendor_id="futurewei")
    enact(ledger, {"vendor_countries": ["US"]})
    assert verdicts(ledger) == {("futurewei", None): "no"}
    enact(ledger, {"vendor_countries": ["CN"]})
    assert verdicts(ledger) == {("futurewei", None): "yes"}


def test_destinations_match_the_buyers_country_or_that_of_its_ultimate_parent(ledger: Ledger) -> None:
    ledger.organization("baidu-usa", "US", "baidu")
    ledger.order("o1", "2023-03-01", [line("1")], buyers=["baidu-usa"])
    enact(ledger, {"destinations": ["CN"]})
    assert verdicts(ledger, buyer=["baidu-usa"]) == {A800: "yes"}
    enact(ledger, {"destinations": ["US"], "buyers": ["baidu"]})
    assert verdicts(ledger, buyer=["baidu-usa"]) == {A800: "yes"}
    enact(ledger, {"destinations": ["TW"]})
    assert verdicts(ledger, buyer=["baidu-usa"]) == {A800: "no"}


def test_an_unknown_country_or_category_is_undetermined(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("1", None, "unregistered")], vendor_id="unheard-of", buyers=["stranger"])
    for condition in ({"destinations": ["CN"]}, {"vendor_countries": ["US"]}, {"categories": ["accelerator"]}):
        enact(ledger, condition)
        assert verdicts(ledger, buyer=["stranger"]) == {("unheard-of", "unregistered"): "undetermined"}
    enact(ledger, {"products": ["a800"]})
    assert verdicts(ledger, buyer=["stranger"]) == {("unheard-of", "unregistered"): "no"}


def test_buyers_that_a_rule_hits_differently_leave_their_order_undetermined(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("1")], buyers=["baidu", "tencent"])
    enact(ledger, {"buyers": ["baidu"]})
    assert verdicts(ledger, buyer=[]) == {A800: "undetermined"}
    assert verdicts(ledger, buyer=["baidu"]) == {A800: "yes"}
    assert verdicts(ledger, buyer=["tencent"]) == {A800: "no"}


def test_a_row_of_differing_contributions_is_partly_barred_and_each_is_at_risk_by_itself(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("1", "300")])
    ledger.order("o2", "2023-03-01", [line("1", "100")], buyers=["tencent"])
    enact(ledger, {"buyers": ["baidu"]})
    answer = regulatory_exposure(ledger.events, buyer=[], effective_on=YEAR_END)
    (row,) = answer["rows"]
    assert row["restricted"] == row["rules"][0]["verdict"] == "partly"
    assert (row["value"], row["barred"]["value"], row["undetermined"]["value"]) == ("400", "300", "0")
    assert row["explanation"] == ["r1 r1 applies to a part of it: licence required"]
    assert (answer["at_risk"], answer["at_risk_low"], answer["at_risk_high"]) == (0.75, 0.75, 0.75)


def test_a_row_with_an_undetermined_contribution_among_differing_ones_is_undetermined(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("1", "300")])
    ledger.order("o2", "2023-03-01", [line("1", "100")], buyers=["tencent"])
    # One of its buyers is hit, and the other is not.
    ledger.order("o3", "2023-03-01", [line("1", "600")], buyers=["baidu", "tencent"])
    enact(ledger, {"buyers": ["baidu"]})
    answer = regulatory_exposure(ledger.events, buyer=[], effective_on=YEAR_END)
    (row,) = answer["rows"]
    assert row["restricted"] == row["rules"][0]["verdict"] == "undetermined"
    assert (row["barred"]["value"], row["undetermined"]["value"]) == ("300", "600")
    # 300, 600 and 900 of 1,000.
    assert (answer["at_risk"], answer["at_risk_undetermined"], answer["at_risk_high"]) == (0.3, 0.6, 0.9)


def regulate(ledger: Ledger, event_type: str, effective_on: str, **data: Any) -> None:
    """Something happens to regulation r1."""
    ledger.record(event_type, effective_on, {"regulation_id": "r1"} | data)


def test_the_rules_of_the_latest_amendment_replace_all_others(exposed: Ledger) -> None:
    enact(exposed, {"vendors": ["nvidia"]}, until="2023-09-30")
    rules = [{"rule_id": "r9", "effect": "prohibited", "vendors": ["huawei"]}]
    regulate(exposed, "regulation-amended", "2023-07-01", citation="88 FR 1", rules=rules)
    assert verdicts(exposed, date(2023, 6, 30))[A800] == "yes"
    assert verdicts(exposed, date(2023, 7, 1))[A800] == "no"
    in_force = [
        [
            instrument["regulation_id"]
            for instrument in regulatory_exposure(exposed.events, buyer=["baidu"], effective_on=day)["instruments"]
        ]
        for day in (date(2023, 9, 30), date(2023, 10, 1))
    ]
    # An amendment that names no last day leaves it unchanged.
    assert in_force == [["r1"], []]


def test_an_amendment_takes_the_last_day_away_where_it_says_null(exposed: Ledger) -> None:
    enact(exposed, {"vendors": ["nvidia"]}, until="2023-09-30")
    rules = [{"rule_id": "r1", "effect": "prohibited", "vendors": ["nvidia"]}]
    regulate(exposed, "regulation-amended", "2023-07-01", citation="88 FR 1", rules=rules, until=None)
    assert verdicts(exposed, date(2023, 10, 1))[A800] == "yes"
    answer = regulatory_exposure(exposed.events, buyer=["baidu"], effective_on=YEAR_END)
    assert [instrument["until"] for instrument in answer["instruments"]] == [None]


def test_a_suspension_lasts_to_its_last_day_and_outlasts_amendments(exposed: Ledger) -> None:
    rule = {"rule_id": "r1", "effect": "prohibited", "vendors": ["nvidia"]}
    enact(exposed, rule)
    regulate(exposed, "regulation-suspended", "2023-06-01", until="2023-08-31")
    regulate(exposed, "regulation-amended", "2023-07-01", citation="88 FR 1", rules=[rule])
    days = [date(2023, 5, 31), date(2023, 6, 1), date(2023, 8, 31), date(2023, 9, 1)]
    assert [verdicts(exposed, day)[A800] for day in days] == ["yes", "no", "no", "yes"]
    regulate(exposed, "regulation-resumed", "2023-07-15")
    days = [date(2023, 7, 14), date(2023, 7, 15)]
    assert [verdicts(exposed, day)[A800] for day in days] == ["no", "yes"]


def test_a_repeal_ends_a_regulation_even_before_it_began(exposed: Ledger) -> None:
    enact(exposed, {"vendors": ["nvidia"]})
    regulate(exposed, "regulation-repealed", "2023-04-15")
    assert set(verdicts(exposed).values()) == {"no"}


def test_a_licence_takes_what_it_matches_out_of_its_regulation_while_it_lasts(exposed: Ledger) -> None:
    enact(exposed, {"vendors": ["nvidia"]})
    licence = {"licence_id": "l1", "products": ["a800"], "until": "2023-08-31"}
    regulate(exposed, "licence-granted", "2023-06-01", **licence)
    unnamed = ("nvidia", None)
    days = [date(2023, 5, 31), date(2023, 6, 1), date(2023, 8, 31), date(2023, 9, 1)]
    assert [verdicts(exposed, day)[A800] for day in days] == ["yes", "no", "no", "yes"]
    # What is unnamed may be licensed.
    assert [verdicts(exposed, day)[unnamed] for day in days] == ["yes", "undetermined", "undetermined", "yes"]
    regulate(exposed, "licence-revoked", "2023-07-01", licence_id="l1")
    assert verdicts(exposed, date(2023, 7, 1))[A800] == "yes"


def test_an_assertion_is_exposed_where_deliveries_are_asked_for(ledger: Ledger) -> None:
    ledger.supply("2023-03-01", [line("20", None, None)])
    enact(ledger, {"vendors": ["kunlunxin"]})
    assert verdicts(ledger) == {}
    assert verdicts(ledger, status="delivered") == {("kunlunxin", None): "yes"}
    assert verdicts(ledger, status="delivered", captive="exclude") == {}
