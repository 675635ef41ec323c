"""What OCDS releases come to as orders: who, how much, on which lines, and what later releases change."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from service.importing.ocds.purchases import lines
from tests.service.importing.ocds_samples import (
    AWARD_ORDER,
    BUYER,
    OCID,
    ORDER,
    OTHER_SUPPLIER,
    PARTIES,
    SUPPLIER,
    award,
    contract,
    events,
    item,
    jsonl,
    needs,
    one_order,
    package,
    party,
    read,
    release,
)

FICTIONAL = Path(__file__).parents[3] / "golden" / "ocds" / "fictional"


def test_a_contract_is_an_order_of_its_buyer_with_its_supplier() -> None:
    (placed,) = events(jsonl(package(release())))
    assert placed == {
        "type": "order-placed",
        "id": f"ocds:{ORDER}:20160701T100000Z",
        "effective_on": "2016-06-28",
        "known_on": "2016-07-01",
        "source": {"citation": f"OCDS release 2016-07-01-contract of {OCID}"},
        "data": {
            "order_id": ORDER,
            "buyers": ["PY-RUC-80000001-1"],
            "vendor_id": "PY-RUC-80023118-0",
            "currency": "PYG",
            "lines": [
                {
                    "line": "i-1",
                    "product_id": "UNSPSC:43211507:PY-RUC-80023118-0",
                    "quantity": "10",
                    "amount": "650000",
                }
            ],
        },
    }


def test_it_needs_its_organisations_by_scheme_and_id_and_its_products_by_classification_and_supplier() -> None:
    file = jsonl(package(release()))
    assert needs(file, "organization") == [
        {
            "organization_id": "PY-RUC-80000001-1",
            "name": "Municipalidad de Pirapó",
            "country": "PY",
            "identifiers": [{"scheme": "PY-RUC", "id": "80000001-1"}],
        },
        {
            "organization_id": "PY-RUC-80023118-0",
            "name": "Infocenter SA",
            "country": "PY",
            "identifiers": [{"scheme": "PY-RUC", "id": "80023118-0"}],
        },
    ]
    assert needs(file, "product") == [
        {
            "product_id": "UNSPSC:43211507:PY-RUC-80023118-0",
            "name": "Item i-1",
            "vendor_id": "PY-RUC-80023118-0",
            "category": "UNSPSC:43211507",
        }
    ]


#: The items, the value, and the lines as (name, quantity, amount).
SPLITS: list[tuple[str, list[dict[str, Any]], str | None, list[tuple[str, str | None, str | None]]]] = [
    ("prices add up", [item("a", "2", "10"), item("b", "3", "5")], "35", [("a", "2", "20"), ("b", "3", "15")]),
    ("no items", [], "35", [("value", None, "35")]),
    ("one item without a price", [item("a", "2", None)], "35", [("a", "2", "35")]),
    (
        "the rest is the one without a price",
        [item("a", "2", "10"), item("b", "3", None)],
        "35",
        [("a", "2", "20"), ("b", "3", "15")],
    ),
    (
        "several without a price share the rest",
        [item("a", "2", "10"), item("b", "1", None), item("c", "1", None, "9")],
        "35",
        [("a", "2", "20"), ("value", None, "15")],
    ),
    (
        "nothing is left for those without a price",
        [item("a", "2", "10"), item("b", "1", None), item("c", "1", None)],
        "20",
        [("a", "2", "20"), ("b", "1", "0"), ("c", "1", "0")],
    ),
    ("the value is more", [item("a", "2", "10")], "35", [("a", "2", "20"), ("value", "0", "15")]),
    (
        "the value is less: no price holds",
        [item("a", "2", "10"), item("b", "3", "5", "9")],
        "34.99",
        [("value", None, "34.99")],
    ),
    ("the value is less, of one item", [item("a", "2", "10")], "19", [("a", "2", "19")]),
    (
        "of one product and unit they are counted together",
        [item("a", "2", "10"), item("b", "3", "5")],
        "1",
        [("value", "5", "1")],
    ),
    (
        "no value: that of the items",
        [item("a", "2", "10"), item("b", "3", None)],
        None,
        [("a", "2", "20"), ("b", "3", None)],
    ),
    ("neither", [], None, [("value", None, None)]),
    ("a price of 1 / 8 comes out even", [item("a", "4", "0.125")], "0.5", [("a", "4", "0.5")]),
    (
        "a price that does not is none",
        [item("a", "1", "0.00005"), item("b", "1", "1")],
        "2",
        [("a", "1", "1"), ("b", "1", "1")],
    ),
    (
        "a price in another currency is none",
        [{**item("a", "1", "5"), "unit": {"value": {"amount": "5", "currency": "USD"}}}],
        "2",
        [("a", "1", "2")],
    ),
    ("an item of the line's own name", [item("value", "1", "5")], "7", [("item-value", "1", "5"), ("value", "0", "2")]),
]


def _read_item(told: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it is after reading."""
    price = told.get("unit", {}).get("value")
    return {**told, "unit": "Unidad"} | ({"price": price} if price else {})


@pytest.mark.parametrize(("items", "value", "expected"), [split[1:] for split in SPLITS], ids=[s[0] for s in SPLITS])
def test_the_lines_are_worth_the_value_and_no_split_is_made_up(
    items: list[dict[str, Any]], value: str | None, expected: list[tuple[str, str | None, str | None]]
) -> None:
    found = list(lines([_read_item(one) for one in items], value, "PYG", "m"))
    assert [(line.line, line.quantity, line.amount) for line in found] == expected
    if value is not None:
        assert sum(Decimal(line.amount or "0") for line in found) == Decimal(value)


def test_a_line_of_several_items_is_of_a_product_only_if_they_all_are() -> None:
    alike = [_read_item(item("a", "1", None)), _read_item(item("b", "1", None))]
    unlike = [_read_item(item("a", "1", None)), _read_item(item("b", "1", None, "9"))]
    assert [line.product and line.product.category for line in lines(alike, "5", "PYG", "m")] == ["UNSPSC:43211507"]
    assert [line.product for line in lines(unlike, "5", "PYG", "m")] == [None]


def test_an_item_without_classification_is_of_a_product_by_its_description() -> None:
    bare = item()
    del bare["classification"]
    (product,) = needs(jsonl(package(release(contracts=[contract(items=[bare])]))), "product")
    assert (product["name"], product["category"]) == ("Item i-1", "unclassified")


def test_an_award_without_a_contract_is_an_order() -> None:
    data = one_order(release(contracts=...))
    assert (data["order_id"], data["lines"][0]["amount"]) == (AWARD_ORDER, "650000")


def test_an_award_is_an_order_as_long_as_its_contract_is_pending() -> None:
    data = one_order(release(contracts=[contract(status="pending")]))
    assert data["order_id"] == AWARD_ORDER


@pytest.mark.parametrize("status", ["pending", "cancelled", "unsuccessful"])
def test_awards_that_buy_nothing_are_no_orders_and_that_is_said(status: str) -> None:
    groups, rejects, summary = read(jsonl(package(release(contracts=..., awards=[award(status=status)]))))
    assert (groups, rejects) == ([], [])
    assert status in summary.plan.noted[0].message


def test_a_contract_cancelled_before_it_was_told_of_is_no_order_and_neither_is_its_award() -> None:
    groups, rejects, summary = read(jsonl(package(release(contracts=[contract(status="cancelled")]))))
    assert (groups, rejects) == ([], [])
    assert [remark.message for remark in summary.plan.noted] == ["The contract's status is cancelled."]


def test_an_order_without_a_date_was_placed_on_or_before_the_release() -> None:
    (placed,) = events(jsonl(package(release(contracts=[contract(dateSigned=...)]))))
    assert (placed["effective_on"], placed["known_on"]) == ("../2016-07-01", "2016-07-01")


def test_days_are_those_that_are_written_and_known_on_is_of_utc() -> None:
    late = release(at="22:30:00-04:00", contracts=[contract(dateSigned="2016-06-28T23:00:00-04:00")])
    (placed,) = events(jsonl(package(late)))
    assert (placed["effective_on"], placed["known_on"]) == ("2016-06-28", "2016-07-02")


ENTITY = {"id": "PY-RUC-3", "name": "Central Purchasing"}
OTHER_BUYER = {"id": "PY-RUC-2", "name": "Hospital"}
BUYERS = [
    ("the buyer", {"buyer": BUYER, "parties": [*PARTIES, party(OTHER_BUYER, "buyer")]}, ["PY-RUC-80000001-1"]),
    (
        "parties with that role, jointly",
        {"buyer": ..., "parties": [*PARTIES, party(OTHER_BUYER, "buyer")]},
        ["PY-RUC-80000001-1", "PY-RUC-2"],
    ),
    (
        "the procuring entity",
        {
            "buyer": ...,
            "parties": [party(SUPPLIER, "supplier"), party(ENTITY, "procuringEntity")],
            "tender": {"id": "t", "procuringEntity": ENTITY},
        },
        ["PY-RUC-3"],
    ),
    (
        "parties with that role",
        {"buyer": ..., "parties": [party(SUPPLIER, "supplier"), party(ENTITY, "procuringEntity")]},
        ["PY-RUC-3"],
    ),
]


@pytest.mark.parametrize(("told", "expected"), [case[1:] for case in BUYERS], ids=[case[0] for case in BUYERS])
def test_who_buys(told: dict[str, Any], expected: list[str]) -> None:
    assert one_order(release(**told))["buyers"] == expected


def test_several_suppliers_without_a_split_are_a_consortium_that_is_ordered_from_once() -> None:
    joint = release(contracts=..., awards=[award(suppliers=[SUPPLIER, OTHER_SUPPLIER])])
    formed, placed = events(jsonl(package(joint)))
    assert formed["type"] == "partnership-formed"
    assert formed["data"]["parties"] == ["PY-RUC-80023118-0", "PY-RUC-80026314-6"]
    assert formed["data"]["kind"] == "consortium"
    consortium = formed["data"]["partnership_id"]
    assert placed["data"]["vendor_id"] == consortium
    assert [line["amount"] for line in placed["data"]["lines"]] == ["650000"]
    registered = {one["organization_id"]: one for one in needs(jsonl(package(joint)), "organization")}
    assert registered[consortium]["name"] == "Infocenter SA + Trafosur SA"
    assert registered[consortium]["country"] == "PY"


def test_the_same_suppliers_are_the_same_consortium_in_any_order_and_are_formed_once() -> None:
    one = release(contracts=..., awards=[award(suppliers=[SUPPLIER, OTHER_SUPPLIER])])
    other = release(
        ocid="ocds-213czf-0043", id="2", contracts=..., awards=[award(suppliers=[OTHER_SUPPLIER, SUPPLIER])]
    )
    found = events(jsonl(package(one, other)))
    assert [event["type"] for event in found] == ["partnership-formed", "order-placed", "order-placed"]
    assert len({event["data"]["vendor_id"] for event in found[1:]}) == 1


def test_a_contracts_own_suppliers_go_before_those_of_its_award() -> None:
    # An extension has a list there, and some publishers one object.
    awards = [award(suppliers=[SUPPLIER, OTHER_SUPPLIER])]
    for suppliers in (OTHER_SUPPLIER, [OTHER_SUPPLIER]):
        data = one_order(release(awards=awards, contracts=[contract(suppliers=suppliers)]))
        assert data["vendor_id"] == "PY-RUC-80026314-6"


def test_suppliers_that_stand_twice_are_one() -> None:
    data = one_order(release(awards=[award(suppliers=[SUPPLIER, SUPPLIER])]))
    assert data["vendor_id"] == "PY-RUC-80023118-0"


def _vendor(name: str, **told: Any) -> Mapping[str, Any]:
    supplier = {"name": name, **told}
    file = jsonl(package(release(parties=[party(BUYER, "buyer")], awards=[award(suppliers=[supplier])])))
    (placed,) = events(file)
    by_id = {one["organization_id"]: one for one in needs(file, "organization")}
    return by_id[placed["data"]["vendor_id"]]


LONG_SCHEME = "Registro Único de Contribuyente emitido por el Ministerio de Hacienda del Gobierno de Paraguay"
IDENTITIES: list[tuple[dict[str, Any], str, str]] = [
    ({"identifier": {"scheme": "GB-COH", "id": "00012345"}}, "GB-COH-00012345", "GB"),
    ({"identifier": {"scheme": "XI-LEI", "id": "5299000J2N45DDNE4Y28"}}, "XI-LEI-5299000J2N45DDNE4Y28", "ZZ"),
    (
        {"identifier": {"scheme": LONG_SCHEME, "id": "80023118-0"}},
        "registro-unico-de-contribuyente-emitido-80023118-0-4c0c6acffe3f",
        "ZZ",
    ),
    ({"identifier": {"id": 77}, "address": {"countryName": "Paraguay"}}, "77", "PY"),
    ({"identifier": {"scheme": "PY-RUC", "id": "null"}}, "ocds-213czf:acme", "ZZ"),
    ({"id": "7", "address": {"countryName": "URY"}}, "ocds-213czf:7:acme", "UY"),
    ({"address": {"countryName": "bo"}}, "ocds-213czf:acme", "BO"),
    ({"address": {"countryName": "Utopia"}}, "ocds-213czf:acme", "ZZ"),
]


@pytest.mark.parametrize(("told", "organization_id", "country"), IDENTITIES)
def test_an_organisations_id_and_country(told: dict[str, Any], organization_id: str, country: str) -> None:
    vendor = _vendor("Acme S.A.", **told)
    assert vendor["organization_id"] == organization_id
    assert (vendor["name"], vendor["country"]) == ("Acme S.A.", country)


def test_names_that_no_id_can_hold_are_told_apart() -> None:
    one, other = _vendor("华为技术有限公司"), _vendor("中兴通讯")
    assert one["organization_id"] != other["organization_id"]
    assert (one["name"], other["name"]) == ("华为技术有限公司", "中兴通讯")


def test_who_is_only_named_is_who_alone_bears_the_name_with_an_identifier() -> None:
    named = release(parties=[party(BUYER, "buyer")], awards=[award(suppliers=[{"name": "INFOCENTER S.A."}])])
    elsewhere = release(ocid="ocds-213czf-0043", id="2")
    placed = events(jsonl(package(named, elsewhere)))
    assert {one["data"]["vendor_id"] for one in placed} == {"PY-RUC-80023118-0"}
    namesake = party({"id": "PY-RUC-9", "name": "Infocenter"}, "supplier")
    ambiguous = release(ocid="ocds-213czf-0044", id="3", parties=[*PARTIES, namesake])
    placed = events(jsonl(package(named, elsewhere, ambiguous)))
    assert placed[0]["data"]["vendor_id"] == "ocds-213czf:infocenter"


def _grown(**more: Any) -> dict[str, Any]:
    """The release of a contract, later and changed."""
    return release("2017-02-03", "contractAmendment", contracts=[contract(**more)])


def test_a_later_release_amends_by_the_difference_on_its_day() -> None:
    grown = _grown(
        value={"amount": 780000, "currency": "PYG"},
        items=[item("i-1", 8), item("i-2", 4)],
        amendments=[{"id": "1", "date": "2017-01-15T00:00:00Z"}],
    )
    _, amended = events(jsonl(package(release(), grown)))
    assert (amended["type"], amended["effective_on"], amended["known_on"]) == (
        "order-amended",
        "2017-01-15",
        "2017-02-03",
    )
    assert amended["data"]["changes"] == [{"line": "i-1", "quantity": "-2", "amount": "-130000"}]
    assert [(line["line"], line["quantity"], line["amount"]) for line in amended["data"]["lines"]] == [
        ("i-2", "4", "260000")
    ]


def test_an_amendment_without_a_date_is_of_on_or_before_its_release() -> None:
    _, amended = events(jsonl(package(release(), _grown(value={"amount": 700000, "currency": "PYG"}))))
    assert amended["effective_on"] == "../2017-02-03"
    assert [line["amount"] for line in amended["data"]["lines"]] == ["50000"]


def test_a_release_that_changes_nothing_of_an_order_is_no_event() -> None:
    assert len(events(jsonl(package(release(), _grown(title="Another title"))))) == 1


def test_fields_that_a_later_release_leaves_out_stay_as_they_were() -> None:
    bare = {"id": "c-1", "awardID": "a-1", "value": {"amount": 700000, "currency": "PYG"}}
    later = release("2017-02-03", "contractAmendment", contracts=[bare], awards=..., parties=..., buyer=...)
    _, amended = events(jsonl(package(release(), later)))
    assert [line["amount"] for line in amended["data"]["lines"]] == ["50000"]


def test_the_last_release_of_a_day_is_what_was_known_on_it() -> None:
    morning = release(at="08:00:00Z", id="m", contracts=[contract(value={"amount": 1, "currency": "PYG"}, items=...)])
    (placed,) = events(jsonl(package(release(), morning)))
    assert placed["data"]["lines"][0]["amount"] == "650000"


def test_an_order_is_cancelled_with_its_contract_or_award() -> None:
    for kind, one in (("contracts", contract), ("awards", award)):
        before = release(**({} if kind == "contracts" else {"contracts": ...}))
        after = {**before, "id": "later", "date": "2017-02-03T00:00:00Z", kind: [one(status="cancelled")]}
        _, cancelled = events(jsonl(package(before, after)))
        assert (cancelled["type"], cancelled["effective_on"]) == ("order-cancelled", "../2017-02-03")
        assert cancelled["data"]["reason"] == f"The {kind[:-1]}'s status is cancelled."


def test_a_contract_that_ran_out_is_bought_all_the_same() -> None:
    assert len(events(jsonl(package(release(), _grown(status="terminated"))))) == 1


ANEW = [
    ("the supplier is", {"suppliers": [OTHER_SUPPLIER]}),
    ("the currency is USD, not PYG", {"value": {"amount": 90, "currency": "USD"}, "items": [item(price=None)]}),
    ("the date is 2016-06-29, not 2016-06-28", {"dateSigned": "2016-06-29T12:00:00-04:00"}),
    ("line i-1 is of another product", {"items": [item(code="9")]}),
    ("a figure of line i-1 is known, or not known any more", {"items": [item(quantity=None, price=None)]}),
]


@pytest.mark.parametrize(("cause", "told"), ANEW)
def test_what_no_amendment_can_say_is_taken_back_and_told_anew_on_the_day_of_the_release(
    cause: str, told: dict[str, Any]
) -> None:
    first, retracted, anew = events(jsonl(package(release(), _grown(**told))))
    assert (retracted["type"], retracted["data"]["retracts"]) == ("event-retracted", first["id"])
    assert cause in retracted["data"]["reason"]
    assert (anew["type"], anew["corrects"]) == ("order-placed", first["id"])
    assert {retracted["known_on"], anew["known_on"]} == {"2017-02-03"}


def test_an_order_taken_up_again_after_it_was_cancelled_is_told_anew() -> None:
    cancelled = release("2016-12-01", "contractTermination", contracts=[contract(status="cancelled")])
    types = [event["type"] for event in events(jsonl(package(release(), cancelled, _grown())))]
    assert types == ["order-placed", "order-cancelled", "event-retracted", "order-placed"]


def test_contracts_take_the_place_of_the_award_that_they_carry_out() -> None:
    awarded = release("2016-05-03", "award", contracts=..., awards=[award(suppliers=[SUPPLIER, OTHER_SUPPLIER])])
    shared = [
        contract(suppliers=[SUPPLIER], value={"amount": 400000, "currency": "PYG"}, items=...),
        contract(id="c-2", suppliers=[OTHER_SUPPLIER], value={"amount": 250000, "currency": "PYG"}, items=...),
    ]
    groups, rejects, _ = read(jsonl(package(awarded, release(contracts=shared, awards=...))))
    assert rejects == []
    # Together or not at all.
    (group,) = groups
    found = [entry.sent for entry in group.entries]
    _, placed, retracted, one, other = found
    assert (placed["data"]["order_id"], placed["known_on"]) == (AWARD_ORDER, "2016-05-03")
    assert (retracted["data"]["retracts"], retracted["known_on"]) == (placed["id"], "2016-07-01")
    assert retracted["data"]["reason"] == f"Contracted as {ORDER}, {OCID}:contract:c-2."
    assert one["corrects"] == other["corrects"] == placed["id"]
    assert [event["data"]["vendor_id"] for event in (one, other)] == ["PY-RUC-80023118-0", "PY-RUC-80026314-6"]


def test_a_compiled_release_is_all_there_is_by_its_day() -> None:
    def compiled(day: str, **more: Any) -> dict[str, Any]:
        whole = release(day, "compiled", id="always-the-same", **more)
        return {
            "ocid": OCID,
            "releases": [{"url": "https://example.org", "date": whole["date"]}],
            "compiledRelease": whole,
        }

    grown = compiled(
        "2017-02-03", contracts=[contract(items=[item("i-2", 20)], value={"amount": 1300000, "currency": "PYG"})]
    )
    placed, amended = events(jsonl(compiled("2016-07-01"), compiled("2016-08-01"), grown))
    assert (placed["known_on"], amended["known_on"]) == ("2016-07-01", "2017-02-03")
    assert amended["data"]["changes"] == [{"line": "i-1", "quantity": "-10", "amount": "-650000"}]
    assert [line["line"] for line in amended["data"]["lines"]] == ["i-2"]


def test_long_ids_are_cut_and_stay_distinct() -> None:
    long = "273637-provision-montaje-equipos-rectificadores-accesorios-banco-bateria-acondicionadores-de-aire-"
    both = [contract(id=f"{long}{n}") for n in (1, 2)]
    placed = events(jsonl(package(release(contracts=both))))
    ids = {one["data"]["order_id"] for one in placed}
    assert len(ids) == 2
    assert max(len(one["id"]) for one in placed) <= 128


def test_the_standards_own_example_is_one_order_as_releases_and_as_a_record() -> None:
    releases = b"".join(jsonl(json.loads(file.read_bytes())) for file in sorted(FICTIONAL.glob("*-0*.json")))
    record = (FICTIONAL / "record" / "ocds-213czf-000-00001-withversions.json").read_bytes()
    # Awarded, signed and carried out; the payments of the last release are no amendment.
    (placed,) = events(releases)
    (compiled,) = events(record)
    assert placed["data"] == compiled["data"]
    assert (placed["known_on"], compiled["known_on"]) == ("2010-05-10", "2011-01-10")
    assert [(line["quantity"], line["amount"]) for line in placed["data"]["lines"]] == [
        ("8", "1096000"),
        ("0", "9904000"),
    ]
