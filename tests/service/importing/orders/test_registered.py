"""Tables find the organisations that the ledger has by name: nobody is made twice, in whatever form a name is sent."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from service.importing.names import as_sent_slug, slug
from service.importing.orders.registered import Bearer, Registered
from service.importing.regulations.screening_list import COLUMNS
from service.importing.streaming import Options
from tests.effort import Act, assert_in_proportion
from tests.service.importing.conftest import Desk, table
from tests.service.importing.order_tables import as_toml, faults, mapping, rows_csv
from tests.service.importing.regulations.test_screening_list import ENTRY

MULLER = "Müller & Söhne GmbH"
#: In Cyrillic, Hangul and kana letters are taken apart that slugs hash.
NAMES = ["Йошкар-Олинский завод", "한국전력공사", "ガス株式会社", MULLER]


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.fixture
def erp(desk: Desk, tmp_path: Path) -> Any:
    """Imports rows of the small table into the desk's ledger."""

    def imports(*rows: dict[str, str], **changes: Any) -> Any:
        path = tmp_path / "pumps.toml"
        path.write_text(as_toml(mapping(**changes)), encoding="utf-8")
        return desk.imports(rows_csv(*rows), "csv", options=Options(mapping=str(path)))

    return imports


def vendors(desk: Desk) -> dict[str, str]:
    return {event.data["order_id"]: event.data["vendor_id"] for event in desk.events("order-placed")}


@pytest.mark.parametrize("name", NAMES)
def test_one_supplier_in_two_unicode_forms_is_one_vendor(desk: Desk, erp: Any, name: str) -> None:
    erp({"Supplier": name}, {"PO": "PO-2", "Supplier": nfd(name)})
    assert set(vendors(desk).values()) == {slug(name)}
    names = [event.data["name"] for event in desk.events("organization-registered")]
    assert (names.count(name), len(names)) == (1, 3)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_once_registered_in_another_form_stays_the_same(desk: Desk, erp: Any, name: str) -> None:
    before = as_sent_slug(nfd(name))
    registered = {"organization_id": before, "name": nfd(name), "country": "DE"}
    desk.record(
        [
            {
                "type": "organization-registered",
                "id": f"pumps:organization:{before}",
                "effective_on": "../2024-01-01",
                "known_on": "2024-01-01",
                "data": registered,
            }
        ]
    )
    erp({"Supplier": nfd(name)}, {"PO": "PO-2", "Supplier": name})
    assert set(vendors(desk).values()) == {before}


def test_texts_of_a_mapping_and_a_table_meet_in_any_unicode_form() -> None:
    rows = rows_csv({"Supplier": nfd("Müller"), "Maker": nfd("Ærø Pumper Å/S")})
    declared = mapping(
        vendor__name={"column": "Supplier", "values": {"Müller": "Müller AG"}},
        maker__name={"column": "Maker", "replace": {"Ærø Pumper Å/S": "Ærø"}},
    )
    assert faults(rows, declared) == []
    headers = rows_csv({}).replace(b"Supplier", nfd("Lieferantin für Säfte").encode())
    assert faults(headers, mapping(vendor__name="Lieferantin für Säfte")) == []
    assert faults(rows_csv({"Due": nfd("fällig")}), mapping(dates__due__nulls=["fällig"])) == []


def test_a_purchase_meets_the_listing_of_its_vendor(desk: Desk, erp: Any) -> None:
    entries = table(COLUMNS, [{**ENTRY, "name": MULLER}])
    desk.imports(entries, register=True)
    erp({})
    (instrument,) = desk.events("regulation-enacted")
    assert instrument.data["rules"][0]["buyers"] == [vendors(desk)["PO-1"]] == ["muller-sohne-gmbh"]


def test_a_purchase_meets_a_listing_under_an_id_of_before(desk: Desk, erp: Any) -> None:
    # What lists made of this name until they made the ids that tables make.
    data = {"organization_id": "muller-and-sohne-gmbh", "name": MULLER, "country": "DE"}
    desk.record(
        [{"type": "organization-registered", "effective_on": "../2016-01-01", "known_on": "2016-01-01", "data": data}]
    )
    desk.imports(table(COLUMNS, [{**ENTRY, "name": MULLER}]), register=True)
    erp({})
    erp({})
    (instrument,) = desk.events("regulation-enacted")
    assert instrument.data["rules"][0]["buyers"] == [vendors(desk)["PO-1"]] == ["muller-and-sohne-gmbh"]


def test_a_listing_meets_the_purchases_before_it(desk: Desk, erp: Any) -> None:
    erp({})
    desk.imports(table(COLUMNS, [{**ENTRY, "name": MULLER}]), register=True)
    (instrument,) = desk.events("regulation-enacted")
    assert instrument.data["rules"][0]["buyers"] == [vendors(desk)["PO-1"]] == ["muller-sohne-gmbh"]


def test_importing_again_says_the_same_after_somebody_was_registered_by_that_name(desk: Desk, erp: Any) -> None:
    erp({})
    desk.know("muller Pumpen", country="DE", names={"de": MULLER})
    again = erp({})
    assert (again.recorded, set(vendors(desk).values())) == (0, {"muller-sohne-gmbh"})


def test_of_several_by_a_name_the_first_is_meant_and_the_import_says_so(desk: Desk, erp: Any) -> None:
    desk.know("first Company", country="DE", names={"de": MULLER})
    desk.know("second Company", country="DE", names={"de": MULLER})
    summary = erp({})
    assert vendors(desk) == {"PO-1": "first"}
    assert [(one.row, one.message) for one in summary.plan.noted] == [
        (MULLER, "2 organisations of the ledger are called so: first, the first, is meant")
    ]


def test_an_alias_names_somebody_where_only_one_bears_it() -> None:
    bearers = [
        Bearer("acme", "e-1", ("Acme",), ("AMC", "Acme Intl")),
        Bearer("other", "e-2", ("Other",), ("AMC",)),
    ]
    registered = Registered("erp", lambda: bearers)
    assert registered.organization("Acme  Intl", "") == ("acme", "Acme")
    assert registered.organization("AMC", "") == ("amc", "AMC")


def test_a_prefix_is_a_space_of_its_own() -> None:
    registered = Registered("erp", lambda: [Bearer("acme-corp", "e-1", ("Acme",))])
    assert registered.organization("Acme", "site-") == ("site-acme", "Acme")


def test_what_an_import_that_broke_off_registered_under_other_ids_does_not_count() -> None:
    bearers = [Bearer("V-17", "erp:organization:V-17", ("Acme",))]
    assert Registered("erp", lambda: bearers).organization("Acme", "") == ("acme", "Acme")
    assert Registered("crm", lambda: bearers).organization("Acme", "") == ("V-17", "Acme")


def test_a_product_keeps_the_id_that_its_name_once_made() -> None:
    name = "Насосы йод"
    registered = Registered("erp", products=lambda: {as_sent_slug(nfd(name))})
    assert registered.product(nfd(name), "")[0] == as_sent_slug(nfd(name)) != slug(name)
    assert registered.product(name, "") == (slug(name), name)


def test_looking_names_up_takes_time_in_proportion_to_their_number() -> None:
    def prepare(count: int) -> Act:
        def act() -> None:
            for n in range(count):
                registered.organization(f"Vendor {n} Ö", "")
                registered.organization(f"Another {n} Ö", "")

        bearers = [Bearer(f"v-{n}", f"e-{n}", (f"Vendor {n} Ö",), (f"alias {n}",)) for n in range(count)]
        registered = Registered("erp", lambda: bearers)
        return act

    assert_in_proportion(prepare, 2_000)
