"""Many rules held against many contributions: the same verdicts as one by one, agreed on, quickly."""

from datetime import date
from typing import Any

import pytest

from domain.estimates import Estimate
from domain.evaluation import Party, Product, RuleName
from domain.instruments import Instrument, instruments
from domain.rulebook import CLEAR, Assessment, Rulebook, agreed
from domain.truth import YES, Finding, Truth, undetermined
from tests.domain_rules.events import history, said

BAIDU = Party(frozenset({"baidu"}), "CN", "CN")
TENCENT = Party(frozenset({"tencent"}), "CN", "CN")
SAP = Party(frozenset({"sap"}), "DE", "DE")
UNHEARD_OF = Party(frozenset({"unheard-of"}), None, None)
NVIDIA = Party(frozenset({"nvidia"}), "US", "US")
A800 = Product("nv-a800", NVIDIA, "ai-accelerator", {"tpp": Estimate.of("4988.8")})
TO_CHINA = {"rule_id": "to-china", "effect": "licence-required", "vendor_countries": ["US"], "destinations": ["CN"]}
DENSE = {
    "rule_id": "dense",
    "effect": "prohibited",
    "when": {"attribute": "performance_density", "op": ">=", "value": "5.92"},
}
NOTICE = {"rule_id": "notice", "effect": "notification", "destinations": ["CN"]}


def enacted(*rules: dict[str, Any], regulation_id: str = "us-3a090", also: tuple[Any, ...] = ()) -> list[Instrument]:
    events = history(said("regulation-enacted", "2022-10-21", rules=[*rules]), *also, regulation_id=regulation_id)
    return instruments(events, date(2023, 12, 31))


def named(rule: dict[str, Any], regulation_id: str = "us-3a090") -> RuleName:
    return RuleName(regulation_id, rule["rule_id"], rule["effect"])


def test_a_contribution_is_barred_where_one_rule_says_so() -> None:
    found = Rulebook.of(enacted(TO_CHINA, DENSE)).assess(BAIDU, NVIDIA, A800)
    assert found == Assessment(Truth.YES, {named(TO_CHINA): YES, named(DENSE): undetermined("performance_density")})


def test_rules_that_say_no_are_not_listed() -> None:
    book = Rulebook.of(enacted(TO_CHINA))
    assert book.assess(SAP, NVIDIA, A800) == CLEAR
    assert Rulebook.of([]).assess(BAIDU, NVIDIA, A800) == CLEAR


def test_notices_and_advice_bar_nothing_unless_they_are_asked_for() -> None:
    found = enacted(NOTICE)
    assert Rulebook.of(found).assess(BAIDU, NVIDIA, A800) == CLEAR
    asked = Rulebook.of(found, effects={"notification"}).assess(BAIDU, NVIDIA, A800)
    assert asked.findings == {named(NOTICE): YES}


@pytest.mark.parametrize(
    "ended",
    [
        said("regulation-suspended", "2023-12-31", until="2023-12-31"),
        said("regulation-repealed", "2023-12-31"),
        said("regulation-amended", "2023-01-01", rules=[TO_CHINA], until="2023-12-30"),
        said("regulation-amended", "2023-12-31", rules=[]),
    ],
)
def test_rules_of_an_instrument_that_is_not_in_force_bar_nothing(ended: Any) -> None:
    assert Rulebook.of(enacted(TO_CHINA, also=(ended,))).assess(BAIDU, NVIDIA, A800) == CLEAR


def test_a_licence_applies_to_every_rule_of_its_instrument_and_to_no_other() -> None:
    licence = said("licence-granted", "2023-01-01", licence_id="for-baidu", buyers=["baidu"])
    first = enacted(TO_CHINA, DENSE, also=(licence,))
    second = enacted(TO_CHINA, regulation_id="us-letter")
    book = Rulebook.of([*first, *second])
    assert book.assess(BAIDU, NVIDIA, A800).findings == {named(TO_CHINA, "us-letter"): YES}
    assert book.assess(TENCENT, NVIDIA, A800).findings == {
        named(TO_CHINA): YES,
        named(DENSE): undetermined("performance_density"),
        named(TO_CHINA, "us-letter"): YES,
    }


@pytest.mark.parametrize(
    ("conditions", "verdict"),
    [
        ({"vendors": ["nvidia"]}, Truth.NO),
        ({"vendors": ["amd"]}, Truth.YES),
        ({"vendor_countries": ["US"]}, Truth.NO),
        ({"vendor_countries": ["JP"]}, Truth.YES),
        ({"destinations": ["DE"]}, Truth.YES),
        ({"categories": ["ai-accelerator"], "products": ["nv-h20"]}, Truth.YES),
        ({"when": {"attribute": "tpp", "op": "<", "value": "4988.8"}}, Truth.YES),
        ({"when": {"attribute": "tpp", "op": "<=", "value": "4988.8"}}, Truth.NO),
    ],
)
def test_a_licence_takes_out_what_its_conditions_match(conditions: dict[str, Any], verdict: Truth) -> None:
    licence = said("licence-granted", "2023-01-01", licence_id="some", **conditions)
    assert Rulebook.of(enacted(TO_CHINA, also=(licence,))).assess(BAIDU, NVIDIA, A800).verdict is verdict


def test_one_of_several_licences_is_enough() -> None:
    for_sap = said("licence-granted", "2023-01-01", licence_id="a", buyers=["sap"])
    for_tencent = said("licence-granted", "2023-01-01", licence_id="b", buyers=["tencent"])
    book = Rulebook.of(enacted(TO_CHINA, also=(for_sap, for_tencent)))
    assert book.assess(TENCENT, NVIDIA, A800).verdict is Truth.NO
    assert book.assess(BAIDU, NVIDIA, A800).verdict is Truth.YES


def test_a_licence_that_is_undetermined_leaves_the_rule_so() -> None:
    licence = said("licence-granted", "2023-01-01", licence_id="for-tencent", products=["nv-a800"])
    book = Rulebook.of(enacted(TO_CHINA, also=(licence,)))
    assert book.assess(BAIDU, NVIDIA, A800) == CLEAR
    assert book.assess(BAIDU, NVIDIA, None) == Assessment(
        Truth.UNDETERMINED, {named(TO_CHINA): undetermined("product_id")}
    )


def test_a_party_made_anew_is_judged_by_what_it_now_is() -> None:
    book = Rulebook.of(enacted(TO_CHINA))
    assert book.assess(BAIDU, NVIDIA, A800).verdict is Truth.YES
    moved = Party(BAIDU.lineage, "SG", "SG")
    assert book.assess(moved, NVIDIA, A800).verdict is Truth.NO


# Several buyers, several contributions

BOOK = Rulebook.of(enacted(TO_CHINA))


def verdict_for(*buyers: Party) -> Assessment:
    return agreed(BOOK.assess(buyer, NVIDIA, A800) for buyer in buyers)


def test_buyers_alike_have_their_verdict() -> None:
    assert verdict_for(BAIDU, TENCENT) == Assessment(Truth.YES, {named(TO_CHINA): YES})
    assert verdict_for(SAP, SAP) == CLEAR


def test_buyers_that_differ_are_undetermined_and_nothing_is_missing() -> None:
    assert verdict_for(BAIDU, SAP) == Assessment(Truth.UNDETERMINED, {named(TO_CHINA): Finding(Truth.UNDETERMINED)})


def test_a_buyer_of_no_known_country_says_what_is_missing() -> None:
    for buyers in ((BAIDU, UNHEARD_OF), (UNHEARD_OF, SAP), (UNHEARD_OF,)):
        assert verdict_for(*buyers) == Assessment(Truth.UNDETERMINED, {named(TO_CHINA): undetermined("country")})


def test_barred_by_different_rules_is_barred_all_the_same() -> None:
    for_baidu = {"rule_id": "baidu", "effect": "prohibited", "buyers": ["baidu"]}
    for_tencent = {"rule_id": "tencent", "effect": "prohibited", "buyers": ["tencent"]}
    book = Rulebook.of(enacted(for_baidu, for_tencent))
    found = agreed([book.assess(BAIDU, NVIDIA, A800), book.assess(TENCENT, NVIDIA, A800)])
    assert found.verdict is Truth.YES
    assert found.findings == {
        named(for_baidu): Finding(Truth.UNDETERMINED),
        named(for_tencent): Finding(Truth.UNDETERMINED),
    }


def test_rules_are_listed_by_regulation_and_rule_id() -> None:
    book = Rulebook.of([*enacted(TO_CHINA, DENSE), *enacted(TO_CHINA, regulation_id="a-first")])
    names = list(agreed([book.assess(BAIDU, NVIDIA, A800)]).findings)
    assert [(name.regulation_id, name.rule_id) for name in names] == [
        ("a-first", "to-china"),
        ("us-3a090", "dense"),
        ("us-3a090", "to-china"),
    ]
