"""Tables of organisations, products and rates: recognised by their columns, recorded once, faults by row."""

import io
from pathlib import Path
from typing import Any

import pytest

from service.importing.formats import guess_format
from service.importing.orders.suggesting.suggestion import suggest
from service.importing.plans import Summary
from service.importing.rows import BadFile, BadMapping
from service.importing.streaming import Options
from tests.service.importing.conftest import EXAMPLES, Desk

ORGANIZATIONS, PRODUCTS = EXAMPLES / "organizations.csv", EXAMPLES / "products.csv"
RATES, PORTAL, PORTAL_XML = (EXAMPLES / name for name in ("rates.csv", "ecb-data-portal.csv", "ecb-data-portal.xml"))


def said(desk: Desk, *types: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What is recorded: type without its kind, period, data."""
    return [(event.type, event.effective_on.text, dict(event.data)) for event in desk.events(*types)]


def faults(desk: Desk, text: str, name: str | None = None) -> list[tuple[int, str]]:
    """What is wrong with a table, of which nothing is recorded."""
    head = desk.head
    with pytest.raises(BadFile) as caught:
        desk.imports(text.encode(), name)
    assert desk.head == head
    return [(fault.line, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (ORGANIZATIONS, "organizations"),
        (PRODUCTS, "products"),
        (RATES, "rates"),
        (PORTAL, "rates"),
        (PORTAL_XML, "ecb-xml"),
    ],
)
def test_a_table_is_known_by_its_columns(path: Path, kind: str) -> None:
    assert guess_format(io.BytesIO(path.read_bytes())) == kind


def test_order_lines_are_no_register() -> None:
    for header in ("PO,Supplier,Country,Amount", "Order;Pos;Supplier;Land;Article;Qty;Net"):
        with pytest.raises(BadFile, match="is the header of no known format"):
            guess_format(io.BytesIO(header.encode()))


def test_organisations_come_with_countries_owners_and_their_dates(desk: Desk) -> None:
    rehearsed = desk.imports(ORGANIZATIONS, dry_run=True)
    assert desk.head == 0
    assert rehearsed.overview is not None
    assert rehearsed.overview.records is not None
    assert (rehearsed.overview.rows, rehearsed.overview.records.new, rehearsed.overview.records.changed) == (4, 4, 3)
    assert desk.imports(ORGANIZATIONS).recorded == 7
    registered = {data["organization_id"]: data for _, _, data in said(desk, "organization-registered")}
    assert {name: data["country"] for name, data in registered.items()} == {
        "V-100": "GB",
        "V-101": "KR",
        "V-102": "KE",
        "V-103": "TR",
    }
    assert registered["V-101"]["names"] == {"de": "Eichenfeld Bedarf"}
    assert registered["V-103"]["identifiers"] == [{"scheme": "LEI", "id": "254900OPPU84GM83MG36"}]
    owners = [(day, data["organization_id"], data["parent_id"]) for _, day, data in said(desk, "organization-changed")]
    assert owners == [
        ("2019-04-01", "V-100", "V-103"),
        ("2020-01", "V-102", "V-100"),
        ("2023-07-01", "V-102", None),
    ]


def test_a_table_imported_twice_records_nothing_and_a_changed_one_what_has_changed(desk: Desk) -> None:
    desk.imports(ORGANIZATIONS)
    again = desk.imports(ORGANIZATIONS)
    assert (again.recorded, len(again.plan.known)) == (0, 7)
    changed = ORGANIZATIONS.read_text().replace("Oakfield Supplies;South Korea", "Oakfield Supply;Japan")
    assert desk.imports(changed.encode()).recorded == 1
    *_, (_, _, data) = said(desk, "organization-changed")
    assert data == {"organization_id": "V-101", "name": "Oakfield Supply", "country": "JP"}


def test_owners_stand_before_what_they_own_and_those_of_no_row_are_registered(desk: Desk) -> None:
    table = "Name,Country,Parent\nA GmbH,DE,B AG\nB AG,Germany,C SE\n"
    assert desk.imports(table.encode()).recorded == 3
    assert [(data["organization_id"], data["country"]) for _, _, data in said(desk, "organization-registered")] == [
        ("c-se", "ZZ"),
        ("b-ag", "DE"),
        ("a-gmbh", "DE"),
    ]


def test_a_name_means_who_the_ledger_has_by_it(desk: Desk) -> None:
    desk.know("Huawei Technologies Co., Ltd.")
    summary = desk.imports(b'Company;Country\n"Huawei Technologies Co., Ltd.";China\n')
    assert (summary.recorded, summary.plan.known[0].row) == (0, "huawei")


def test_what_is_wrong_with_organisations_is_named_by_row(desk: Desk) -> None:
    table = (
        "Id,Name,Country,Parent,Owned since\n1,A,Korea,,\n2,,DE,,\n3,C,DE,A,soon\n4,D,DE,,2020\n5,E,DE,,\n5,E,FR,,\n"
    )
    assert faults(desk, table) == [
        (2, "Country: 'Korea' is no country that ISO 3166-1 names"),
        (3, "Name is empty"),
        (4, "Owned since: 'soon' is no date such as 2024-03-31, 2024-03 or 2024"),
        (5, "Parent is empty, and the row says since or until when it owns"),
        (7, "organization 5 has the country 'FR', and 'DE' on line 6"),
    ]


def test_products_come_with_makers_and_attributes(desk: Desk) -> None:
    assert desk.imports(PRODUCTS).recorded == 5
    found = {data["product_id"]: data for _, _, data in said(desk, "product-registered")}
    assert found["P-200"] == {
        "product_id": "P-200",
        "category": "pumps",
        "name": "Pump P-200",
        "vendor_id": "brightwater-tools-ltd",
        "attributes": {"mass_kg": "1250.5", "hazardous": False, "material": {"text": "steel"}},
    }
    assert "hazardous" not in found["V-1"]["attributes"]
    assert desk.imports(PRODUCTS).recorded == 0
    heavier = PRODUCTS.read_text().replace("0.2,yes", "0.3,yes")
    assert desk.imports(heavier.encode()).recorded == 1
    changed = said(desk, "product-changed")[0][2]
    assert (changed["product_id"], changed["attributes"]["mass_kg"]) == ("S-9", "0.3")


def test_rates_of_months_are_published_together(desk: Desk) -> None:
    assert desk.imports(RATES).recorded == 2
    assert said(desk) == [
        ("exchange-rates-published", "2024-01", {"base": "EUR", "rates": {"KES": "174.95", "USD": "1.0905"}}),
        ("exchange-rates-published", "2024-02", {"base": "EUR", "rates": {"KES": "158.8", "USD": "1.0795"}}),
    ]
    assert desk.imports(RATES).recorded == 0


def test_the_data_portal_says_the_same_in_csv_and_xml(desk: Desk) -> None:
    assert desk.imports(PORTAL).recorded == 2
    assert said(desk)[0] == (
        "exchange-rates-published",
        "2024-01-02",
        {"base": "EUR", "rates": {"JPY": "155.68", "USD": "1.0956"}},
    )
    summary = desk.imports(PORTAL_XML)
    assert (summary.format, summary.recorded, summary.replayed) == ("ecb-xml", 0, 2)


def test_the_reference_rates_come_as_xml_too(desk: Desk) -> None:
    xml = """<?xml version="1.0"?><gesmes:Envelope xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
    <Cube><Cube time='2024-01-02'><Cube currency='USD' rate='1.0956'/></Cube></Cube></gesmes:Envelope>"""
    xml = xml.replace("<gesmes:Envelope", "<gesmes:Envelope xmlns:gesmes='g'")
    assert desk.imports(xml.encode()).recorded == 1
    document_type = xml.replace("<gesmes", "<!DOCTYPE a [<!ENTITY b 'c'>]><gesmes", 1)
    assert faults(desk, document_type) == [(1, "has a document type, which no such file has")]
    assert faults(desk, xml[:200])[0][1].startswith("is not XML: ")


def test_what_is_wrong_with_rates_is_named_by_row(desk: Desk) -> None:
    rows = ("2024-01,USD,1.1", "2024-01,USD,1.2", "2024-01,DOLLAR,1", "2024-01,EUR,1", ",USD,1", "2024-02,USD,x")
    table = "\n".join(["Month,Currency,Rate", *rows, "2024-02,CHF,0"])
    assert faults(desk, table) == [
        (3, "USD is 1.2 in 2024-01, and 1.1 on line 2"),
        (4, "Currency: 'DOLLAR' is not an ISO 4217 currency code"),
        (5, "Currency: EUR is the base, whose rate is 1"),
        (6, "Month is empty"),
        (7, "Rate: 'x' is not a number such as 1600.50"),
        (8, "Rate: 0 is no rate: it is more than 0"),
    ]


def test_a_mapping_names_columns_that_are_called_otherwise(desk: Desk, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('kind = "rates"\nname = "budget"\nbase = "USD"\n[columns]\nday = "When"\nrate = "Plan"\n')
    table = b"When,Currency,Plan\n2024-01,EUR,0.9\n"
    summary = desk.imports(table, options=Options(mapping=str(mapping)))
    assert (summary.format, said(desk)[0][2]) == ("rates", {"base": "USD", "rates": {"EUR": "0.9"}})
    mapping.write_text('kind = "rates"\n[columns]\nday = "Then"\nprice = "Plan"\n')
    with pytest.raises(BadMapping) as caught:
        desk.imports(table, options=Options(mapping=str(mapping)))
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "columns.day",
        "columns.price",
    ]


def test_a_suggested_mapping_of_such_a_table_reads_it(desk: Desk, tmp_path: Path) -> None:
    for path, recorded in ((ORGANIZATIONS, 7), (RATES, 2)):
        mapping = tmp_path / "m.toml"
        mapping.write_text(suggest(io.BytesIO(path.read_bytes()), path.name))
        summary: Summary = desk.imports(path, options=Options(mapping=str(mapping)))
        assert (summary.format, summary.recorded) == (path.stem, recorded)
