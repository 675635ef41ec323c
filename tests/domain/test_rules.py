"""Reading the rules of an instrument: conditions and predicates, and what is wrong with them."""

from typing import Any

import pytest

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.regulations import RegulationEnacted
from domain.rules import DEEPEST_PREDICATE, Comparison, Every, Not, Predicate, Some
from domain.values import AttributeText
from tests.ledgers import CODES, Event, request

TPP = {"attribute": "tpp", "op": ">=", "value": "4800"}


def enacted(*rules: Any) -> Event:
    """A request to enact an instrument with these rules."""
    about = {"jurisdiction": "US", "authority": "BIS", "title": "Advanced computing", "citation": "87 FR 62186"}
    return request("regulation-enacted", "2022-10-21", {"regulation_id": "ear", **about, "rules": list(rules)})


def rule(**conditions: Any) -> Event:
    """A rule that prohibits."""
    return {"rule_id": "3a090", "effect": "prohibited", **conditions}


def predicate(given: Any) -> Predicate | None:
    """A predicate as it is read."""
    body = read_request(enacted(rule(when=given)), CODES).body
    assert isinstance(body, RegulationEnacted)
    return body.rules[0].when


def problems(sent: Event) -> list[tuple[str, str]]:
    """What is wrong with a request."""
    with pytest.raises(Invalid) as caught:
        read_request(sent, CODES)
    return [(problem.pointer, problem.message) for problem in caught.value.problems]


def nested(depth: int) -> Event:
    """A predicate nested that deep, the comparison included."""
    given: Event = TPP
    for _ in range(depth - 1):
        given = {"not": given}
    return given


def test_predicates_nest() -> None:
    word = {"attribute": "node", "op": "!=", "value": {"text": "N7"}}
    truth = {"attribute": "datacentre", "op": "==", "value": False}
    read = predicate({"any": [TPP, {"all": [word, {"not": truth}]}]})
    assert isinstance(read, Some)
    first, second = read.parts
    assert isinstance(first, Comparison)
    assert (first.attribute, first.op, str(first.value)) == ("tpp", ">=", "4800")
    assert second == Every((Comparison("node", "!=", AttributeText("N7")), Not(Comparison("datacentre", "==", False))))


@pytest.mark.parametrize("op", [">=", ">", "<=", "<", "==", "!="])
def test_numbers_are_compared_in_six_ways(op: str) -> None:
    read = predicate({"attribute": "margin", "op": op, "value": "-0.5"})
    assert isinstance(read, Comparison)
    assert (read.op, str(read.value)) == (op, "-0.5")


def test_a_predicate_nests_at_most_sixteen_deep() -> None:
    assert isinstance(predicate(nested(DEEPEST_PREDICATE)), Not)
    deepest = "/not" * DEEPEST_PREDICATE
    assert problems(enacted(rule(when=nested(DEEPEST_PREDICATE + 1)))) == [
        (f"/data/rules/0/when{deepest}", "nested deeper than 16")
    ]


def test_every_way_down_counts_for_itself() -> None:
    wide = {"all": [nested(15), {"any": [nested(14), nested(15)]}]}
    assert problems(enacted(rule(when=wide))) == [
        (f"/data/rules/0/when/all/1/any/1{'/not' * 14}", "nested deeper than 16")
    ]


def test_a_predicate_without_a_bottom_is_refused() -> None:
    endless: Event = {}
    endless["not"] = endless
    assert problems(enacted(rule(when=endless)))[0][1] == "nested deeper than 16"


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        (None, "", "must not be null: leave the field out"),
        ("tpp >= 4800", "", "must be a comparison, all, any or not"),
        ([TPP], "", "must be a comparison, all, any or not"),
        ({}, "", 'must be {"attribute", "op", "value"}, {"all": [...]}, {"any": [...]} or {"not": ...}'),
        ({"none": [TPP]}, "", 'must be {"attribute", "op", "value"}, {"all": [...]}, {"any": [...]} or {"not": ...}'),
        (
            {"all": [TPP], "any": [TPP]},
            "",
            'must be {"attribute", "op", "value"}, {"all": [...]}, {"any": [...]} or {"not": ...}',
        ),
        ({"all": []}, "/all", "must be a list with at least one predicate"),
        ({"any": TPP}, "/any", "must be a list with at least one predicate"),
        ({"not": [TPP]}, "/not", "must be a comparison, all, any or not"),
        ({"any": [TPP, {"not": "tpp"}]}, "/any/1/not", "must be a comparison, all, any or not"),
        ({"attribute": "tpp", "value": "4800"}, "", "a comparison needs op"),
        ({"attribute": "tpp", "op": ">="}, "", "a comparison needs value"),
        ({"op": ">=", "value": "4800"}, "", "a comparison needs attribute"),
        (TPP | {"unit": "TOPS"}, "/unit", "a comparison has attribute, op and value, nothing else"),
        (TPP | {"a/b": 1}, "/a~1b", "a comparison has attribute, op and value, nothing else"),
        (TPP | {"\ud800": 1}, "/?", "a comparison has attribute, op and value, nothing else"),
        (TPP | {"all": [TPP]}, "/all", "a comparison has attribute, op and value, nothing else"),
        (TPP | {"op": "=>"}, "/op", "unknown operator '=>': use one of >= > <= < == !="),
        (TPP | {"op": "="}, "/op", "unknown operator '=': use one of >= > <= < == !="),
        (TPP | {"op": None}, "/op", "unknown operator None: use one of >= > <= < == !="),
        (TPP | {"op": [">="]}, "/op", "unknown operator ['>=']: use one of >= > <= < == !="),
        (TPP | {"attribute": ""}, "/attribute", "must be an attribute's name"),
        (TPP | {"attribute": "性能"}, "/attribute", "must be an attribute's name"),
        (TPP | {"attribute": "t p p"}, "/attribute", "must be an attribute's name"),
        (TPP | {"attribute": "tpp\x00"}, "/attribute", "must be an attribute's name"),
        (TPP | {"attribute": "tpp\n"}, "/attribute", "must be an attribute's name"),
        (TPP | {"attribute": 5}, "/attribute", "must be an attribute's name"),
        (TPP | {"value": 4800}, "/value", 'must be a decimal string such as "1600.50", not the number 4800'),
        (TPP | {"value": None}, "/value", 'must be a decimal string such as "1600.50", not null'),
        (TPP | {"value": "4.8e3"}, "/value", "'4.8e3' is not a plain decimal such as \"1600.50\""),
        (
            TPP | {"value": "1234567890"},
            "/value",
            "'1234567890' has more than 9 digits before or 6 behind the point",
        ),
        (TPP | {"value": {"value": "4800"}}, "/value", 'a text attribute is {"text": "..."} and nothing else'),
        (
            {"attribute": "node", "op": "==", "value": {"text": "\ud800"}},
            "/value",
            "a text attribute must be text, not blank, without NUL or lone surrogates",
        ),
        (
            {"attribute": "node", "op": "==", "value": {"text": "N\x007"}},
            "/value",
            "a text attribute must be text, not blank, without NUL or lone surrogates",
        ),
    ],
)
def test_a_predicate_says_what_is_wrong_with_it(given: Any, pointer: str, message: str) -> None:
    assert problems(enacted(rule(when=given))) == [(f"/data/rules/0/when{pointer}", message)]


@pytest.mark.parametrize("op", [">=", ">", "<=", "<"])
@pytest.mark.parametrize(("attribute", "value"), [("node", {"text": "N7"}), ("datacentre", True)])
def test_texts_and_truths_have_no_order(op: str, attribute: str, value: Any) -> None:
    given = {"attribute": attribute, "op": op, "value": value}
    message = f"{op} compares numbers: {attribute} cannot be held against a text or a truth"
    assert problems(enacted(rule(when=given))) == [("/data/rules/0/when/value", message)]


NO_CONDITION = (
    "needs at least one condition: destinations, vendors, vendor_countries, buyers, categories, products, when"
)
EMPTY = "must have at least 1 item, not 0"


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        (rule(), "", NO_CONDITION),
        ({"rule_id": "3a090", "destinations": ["CN"]}, "/effect", "is required"),
        ({"effect": "prohibited", "destinations": ["CN"]}, "/rule_id", "is required"),
        (
            rule(destinations=["CN"]) | {"effect": "banned"},
            "/effect",
            "must be 'prohibited', 'licence-required', 'notification' or 'advisory'",
        ),
        (rule(destinations=[]), "/destinations", EMPTY),
        (rule(vendors=[]), "/vendors", EMPTY),
        (rule(vendor_countries=[]), "/vendor_countries", EMPTY),
        (rule(buyers=[]), "/buyers", EMPTY),
        (rule(categories=[]), "/categories", EMPTY),
        (rule(products=[]), "/products", EMPTY),
        (rule(destinations=None), "/destinations", "must not be null: leave the field out"),
        (rule(destinations="CN"), "/destinations", "must be a list"),
        (rule(destinations=["CN", "ZZ"]), "/destinations/1", "'ZZ' is not an ISO 3166-1 alpha-2 country code"),
        (rule(vendor_countries=["us"]), "/vendor_countries/0", "'us' is not an ISO 3166-1 alpha-2 country code"),
        (rule(vendors=["Nvidia Corp."]), "/vendors/0", "must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"),
        (rule(categories=[" "]), "/categories/0", "must be text, not blank, without NUL"),
        (rule(destinations=["CN"], since="2022"), "/since", "unknown field"),
    ],
)
def test_a_rule_says_what_is_wrong_with_it(given: Event, pointer: str, message: str) -> None:
    assert problems(enacted(given)) == [(f"/data/rules/0{pointer}", message)]


def test_rules_of_one_instrument_have_different_names() -> None:
    twice = enacted(rule(destinations=["CN"]), rule(destinations=["HK"]))
    assert problems(twice) == [("/data", "rule 3a090 stands twice")]
    amended = {"regulation_id": "ear", "citation": "88 FR 73458", "rules": twice["data"]["rules"]}
    assert problems(request("regulation-amended", "2023-11-17", amended)) == [("/data", "rule 3a090 stands twice")]


def test_an_instrument_may_have_no_rules() -> None:
    assert read_request(enacted(), CODES).sent["data"]["rules"] == []


def test_a_licence_has_conditions_as_a_rule_has() -> None:
    licence = {"regulation_id": "ear", "licence_id": "veu-1"}
    assert problems(request("licence-granted", "2023-10", licence)) == [("/data", NO_CONDITION)]
    bad = licence | {"when": {"any": [TPP, {"attribute": "tpp", "op": "~", "value": "1"}]}, "buyers": []}
    assert problems(request("licence-granted", "2023-10", bad)) == [
        ("/data/buyers", EMPTY),
        ("/data/when/any/1/op", "unknown operator '~': use one of >= > <= < == !="),
    ]
