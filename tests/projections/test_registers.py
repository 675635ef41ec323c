"""Organisations, products and partnerships as of any time."""

from datetime import date
from typing import Any

import pytest

from projections.organizations import organization, organizations
from projections.parameters import Moment
from projections.partnerships import partnership, partnerships
from projections.products import product, products
from tests.projections.ledgers import projected
from tests.reference.ledger import Ledger, market

YEAR_END = date(2023, 12, 31)


@pytest.fixture
def ledger() -> Ledger:
    """Baidu with its Kunlunxin, and others."""
    return market()


def read(view: Any, ledger: Ledger, *what: str, effective_on: date = YEAR_END, **rest: Any) -> Any:
    """A register as of the end of 2023, unless told otherwise."""
    moment = {name: rest.pop(name) for name in ("known_on", "position") if name in rest}
    asked = Moment(**{"effective_on": effective_on, "position": len(ledger.events)} | moment)
    with projected(ledger.events) as projection, projection.cursor() as cursor:
        return view(cursor, asked, *what, **rest)


def test_an_organisation_has_the_latest_of_each_attribute(ledger: Ledger) -> None:
    changes: list[dict[str, Any]] = [
        {"name": "Kunlunxin (Beijing)", "identifiers": [{"scheme": "CN-USCI", "id": "91110108MA0"}]},
        {"names": {"zh": "昆仑芯"}, "parent_id": None},
    ]
    for month, change in enumerate(changes, 4):
        said = {"organization_id": "kunlunxin"} | change
        ledger.record("organization-changed", f"2021-{month:02}-01", said, known_on="2021-05-01")
    expected = {
        "organization_id": "kunlunxin",
        "name": "Kunlunxin",
        "names": None,
        "country": "CN",
        "parent_id": "baidu",
        "ultimate_parent_id": "baidu",
        "same_as": None,
        "identifiers": None,
        "registered_on": "2000-01-01",
    }
    assert read(organization, ledger, "kunlunxin", effective_on=date(2021, 3, 31)) == expected
    assert read(organization, ledger, "kunlunxin", known_on=date(2021, 4, 30)) == expected
    expected |= {"name": "Kunlunxin (Beijing)", "identifiers": changes[0]["identifiers"]}
    assert read(organization, ledger, "kunlunxin", effective_on=date(2021, 4, 30)) == expected
    expected |= {"names": {"zh": "昆仑芯"}, "parent_id": None, "ultimate_parent_id": "kunlunxin"}
    assert read(organization, ledger, "kunlunxin") == expected
    assert read(organization, ledger, "kunlunxin", effective_on=date(1999, 12, 31)) is None


def test_organisations_stand_by_id(ledger: Ledger) -> None:
    found = read(organizations, ledger, position=2)
    assert [each["organization_id"] for each in found] == ["baidu", "tencent"]


def test_the_attributes_of_a_product_merge(ledger: Ledger) -> None:
    change = {"product_id": "a800", "attributes": {"tpp": None, "memory.gb": "80"}, "foundry": "TSMC"}
    ledger.record("product-changed", "2022-12-01", change)
    assert read(product, ledger, "a800") == {
        "product_id": "a800",
        "name": "A800",
        "vendor_id": "nvidia",
        "category": "accelerator",
        "attributes": {"datacentre": True, "memory.gb": "80", "tpp": None},
        "foundry": "TSMC",
        "registered_on": "2000-01-01",
    }
    (before,) = read(products, ledger, effective_on=date(2022, 11, 30))
    assert before["attributes"] == {"datacentre": True, "tpp": "4988.8"}
    assert read(product, ledger, "h20") is None


@pytest.fixture
def partners(ledger: Ledger) -> Ledger:
    """Baidu and Huawei work together from 2020, on more from 2021, and no longer from 2023."""
    formed = {"partnership_id": "p1", "parties": ["baidu", "huawei"], "kind": "technology", "scope": "chips"}
    ledger.record("partnership-formed", "2020", formed, known_on="2023-11-08")
    ledger.record("partnership-changed", "2021-06", {"partnership_id": "p1", "scope": "chips and clouds"})
    ledger.events[-1]["known_on"] = "2023-11-08"
    ledger.record("partnership-ended", "2023-12-01", {"partnership_id": "p1", "reason": "done"})
    return ledger


def test_a_partnership_is_formed_changed_and_ended(partners: Ledger) -> None:
    expected = {
        "partnership_id": "p1",
        "parties": ["baidu", "huawei"],
        "kind": "technology",
        "scope": "chips",
        "status": "formed",
        "since": "2020-12-31",
        "ended_on": None,
        "reason": None,
    }
    assert read(partnership, partners, "p1", effective_on=date(2021, 6, 29)) == expected
    expected["scope"] = "chips and clouds"
    assert read(partnership, partners, "p1", effective_on=date(2023, 11, 30)) == expected
    ended = {"status": "ended", "ended_on": "2023-12-01", "reason": "done"}
    assert read(partnership, partners, "p1") == expected | ended


def test_a_partnership_is_there_once_it_is_formed_and_known(partners: Ledger) -> None:
    assert read(partnerships, partners, effective_on=date(2020, 12, 30)) == []
    assert read(partnerships, partners, known_on=date(2023, 11, 7)) == []
    assert read(partnership, partners, "p2") is None


def test_partnerships_are_found_by_party(partners: Ledger) -> None:
    assert len(read(partnerships, partners, party="huawei")) == 1
    assert read(partnerships, partners, party="nvidia") == []
