"""ZZ, the country that nobody knows: undetermined for rules, a row of its own, and never domestic (rules 56 to 58)."""

from datetime import date
from typing import Any

import pytest

from domain.events import canonical
from projections.engine import Projection, batch_of
from projections.parameters import RegulatoryExposure, VendorDependence
from projections.regulatory_exposure import regulatory_exposure
from projections.series import series
from projections.vendor_dependence import vendor_dependence
from service.audit.verifier import regulatory_exposure as reference_exposure
from service.audit.verifier import vendor_dependence as reference
from service.codes import country_name
from tests.ledgers import Book, line, market

YEAR_END = date(2024, 12, 31)


def trade(*, buyer: str = "tencent", vendor: str = "nvidia", product_id: str | None = "a800") -> Book:
    """Somebody orders; `offshore` is registered in ZZ, and so is `holding`, which owns `local` of China."""
    book = market()
    book.organization("offshore", "ZZ")
    book.organization("holding", "ZZ")
    book.organization("local", "CN", "holding")
    book.order("po-1", "2024-03-01", [line("10", "1000", product_id)], buyers=[buyer], vendor_id=vendor)
    return book


def rule(book: Book, **conditions: Any) -> None:
    """A rule that prohibits under these conditions."""
    data = {
        "regulation_id": "ear",
        "jurisdiction": "US",
        "authority": "BIS",
        "title": "Rule",
        "citation": "1 FR 1",
        "rules": [{"rule_id": "r1", "effect": "prohibited"} | conditions],
    }
    book.say("regulation-enacted", "2024-01-01", data)


def projected(book: Book) -> Projection:
    """A projection in memory. The caller closes it."""
    projection = Projection.open()
    projection.apply(batch_of((event["position"], canonical(event)) for event in book.events))
    return projection


def exposed(book: Book, **query: Any) -> dict[str, Any]:
    """The only row of what is barred, which is the reference's, too."""
    told = {"buyer": (), "measure": "units", "effective_on": YEAR_END, "position": len(book.events)} | query
    with projected(book) as projection, projection.cursor() as cursor:
        answer = regulatory_exposure(cursor, RegulatoryExposure(**told))
    plain = reference_exposure(book.events, **told | {"buyer": list(told["buyer"])})
    assert {name: answer[name] for name in plain} == plain
    (row,) = answer["rows"]
    return {"restricted": row["restricted"], "explanation": row["explanation"]} | {
        "missing": [missing for one in row["rules"] for missing in one["missing"]]
    }


def depend(book: Book, **query: Any) -> dict[str, Any]:
    """The dependence of a market, which is the reference's, too."""
    told = {"buyer": (), "measure": "units", "effective_on": YEAR_END, "position": len(book.events)} | query
    with projected(book) as projection, projection.cursor() as cursor:
        answer = vendor_dependence(cursor, VendorDependence(**told), country_name=country_name)
    assert answer == reference(book.events, **told | {"buyer": list(told["buyer"])}, country_name=country_name)
    return answer


UNKNOWN_BUYER = {
    "restricted": "undetermined",
    "explanation": ["country of a buyer unknown"],
    "missing": ["country"],
}


def test_a_destination_is_undetermined_for_a_buyer_in_zz() -> None:
    book = trade(buyer="offshore")
    rule(book, destinations=["CN"])

    assert exposed(book) == UNKNOWN_BUYER


def test_a_destination_is_undetermined_for_a_buyer_whose_ultimate_parent_is_in_zz() -> None:
    book = trade(buyer="local")
    rule(book, destinations=["IR"])

    assert exposed(book) == UNKNOWN_BUYER


def test_a_destination_is_matched_by_the_buyer_s_own_country_whatever_its_parent_s() -> None:
    book = trade(buyer="local")
    rule(book, destinations=["CN"])

    assert exposed(book)["restricted"] == "yes"


@pytest.mark.parametrize("vendor", ["offshore", "local"])
def test_a_vendor_s_country_is_undetermined_where_its_ultimate_parent_is_in_zz(vendor: str) -> None:
    book = trade(vendor=vendor, product_id=None)
    rule(book, vendor_countries=["CN"])

    assert exposed(book) == {
        "restricted": "undetermined",
        "explanation": [f"country of {vendor} unknown"],
        "missing": ["country"],
    }


def test_a_maker_in_zz_is_undetermined_and_a_vendor_elsewhere_may_decide() -> None:
    book = trade()
    book.product("clone", "offshore")
    book.order("po-2", "2024-03-01", [line("5", "5", "clone")], buyers=["baidu"])
    rule(book, vendor_countries=["CN"])
    assert exposed(book, buyer=("baidu",)) == {
        "restricted": "undetermined",
        "explanation": ["country of the maker of clone unknown"],
        "missing": ["country"],
    }

    book = trade()
    book.product("clone", "offshore")
    book.order("po-2", "2024-03-01", [line("5", "5", "clone")], buyers=["baidu"])
    rule(book, vendor_countries=["US"])
    assert exposed(book, buyer=("baidu",))["restricted"] == "yes"


def test_a_country_that_becomes_known_decides_from_that_day_on() -> None:
    book = trade(buyer="offshore")
    rule(book, destinations=["CN"])
    book.say("organization-changed", "2024-07-01", {"organization_id": "offshore", "country": "CN"})

    assert exposed(book, effective_on=date(2024, 6, 30))["restricted"] == "undetermined"
    assert exposed(book, effective_on=date(2024, 7, 1))["restricted"] == "yes"


def test_a_country_may_become_unknown() -> None:
    book = trade(buyer="tencent")
    rule(book, destinations=["CN"])
    book.say("organization-changed", "2024-07-01", {"organization_id": "tencent", "country": "ZZ"})

    assert exposed(book, effective_on=date(2024, 6, 30))["restricted"] == "yes"
    assert exposed(book, effective_on=date(2024, 7, 1)) == UNKNOWN_BUYER


def test_by_country_zz_is_a_row_named_unknown() -> None:
    answer = depend(trade(vendor="offshore"), by="country")

    assert [(row["key"], row["name"], row["country"]) for row in answer["rows"]] == [("ZZ", "unknown", "ZZ")]


def test_zz_is_not_the_row_of_vendors_of_whom_nothing_counts_yet() -> None:
    book = trade(vendor="offshore")
    late = {"organization_id": "late", "name": "Late", "country": "ZZ"}
    book.say("organization-registered", "2025-01-01", late)
    book.order("po-2", "2024-04-01", [line("7", "7")], vendor_id="late", known_on="2025-01-01")

    assert [(row["key"], row["name"]) for row in depend(book, by="country")["rows"]] == [
        ("ZZ", "unknown"),
        (None, None),
    ]


def test_a_vendor_in_zz_is_never_domestic() -> None:
    book = trade(vendor="offshore")
    for buyer, home in (("baidu", "CN"), ("tencent", None), ("tencent", "US")):
        book.order(f"po-{buyer}-{home}", "2024-04-01", [line("10", "10", None)], buyers=[buyer], vendor_id="offshore")
        assert depend(book, buyer=(buyer,), home=home)["metrics"]["domestic_share"] == 0


def test_for_a_buyer_in_zz_nothing_is_domestic_because_nobody_knows_what_would_be() -> None:
    book = trade(buyer="offshore", vendor="offshore")
    book.order("po-2", "2024-04-01", [line("10", "10", None)], buyers=["offshore"], vendor_id="holding")

    assert depend(book, buyer=("offshore",))["metrics"]["domestic_share"] is None
    assert depend(book, buyer=("offshore",), home="ZZ")["metrics"]["domestic_share"] is None
    assert depend(book, buyer=("offshore",), home="US")["metrics"]["domestic_share"] == 0


def test_in_a_series_home_is_unknown_while_the_buyer_is_in_zz() -> None:
    book = trade(buyer="offshore", vendor="nvidia")
    book.say("organization-changed", "2024-07-01", {"organization_id": "offshore", "country": "US"})
    book.say("organization-changed", "2024-09-01", {"organization_id": "offshore", "country": "ZZ"})
    parameters = VendorDependence(
        buyer=("offshore",), measure="units", effective_on=YEAR_END, position=len(book.events)
    )
    with projected(book) as projection, projection.cursor() as cursor:
        told = series(cursor, parameters, date(2024, 6, 1), YEAR_END, None, country_name=country_name)
        nowhere = parameters.model_copy(update={"home": "ZZ"})
        never = series(cursor, nowhere, date(2024, 6, 1), YEAR_END, "P1M", country_name=country_name)

    assert [(point["effective_on"], point["metrics"]["domestic_share"]) for point in told["points"]] == [
        ("2024-06-01", None),
        ("2024-07-01", 1),
        ("2024-09-01", None),
    ]
    assert {point["metrics"]["domestic_share"] for point in never["points"]} == {None}
