"""Mappings suggested for tables: their forms are decided from all rows, and said where no row decides them."""

import io
import time
import tomllib
from typing import Any

import openpyxl
import pytest

from service.importing.orders.suggesting.headers import assigned
from service.importing.orders.suggesting.suggestion import suggest
from service.importing.rows import BadFile
from tests.service.importing.order_tables import events, faults, placed, read, rows_csv

BARE = "order placed vendor product quantity amount currency"
FULL = f"{BARE} line category"


def suggested(data: bytes, name: str = "orders.csv") -> dict[str, Any]:
    """What a suggested mapping says."""
    return tomllib.loads(suggest(io.BytesIO(data), name))


def lines(*rows: str, header: str = "PO;Date;Supplier;Product;Qty;Amount") -> bytes:
    """A table in text."""
    return "\r\n".join((header, *rows)).encode()


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("Order no.,Order date,Supplier,Description,Quantity,Net value,Currency", BARE),
        ("Bestellnummer,Bestelldatum,Lieferant,Bezeichnung,Menge,Nettowert,Währung,Position,Warengruppe", FULL),
        ("N° de commande,Date de commande,Fournisseur,Désignation,Quantité,Montant HT,Devise", BARE),
        ("Número de pedido,Fecha de pedido,Proveedor,Descripción,Cantidad,Importe,Moneda", BARE),
        ("采购订单号,订单日期,供应商,物料描述,数量,净价值,币种,行号,物料组", FULL),
    ],
)
def test_columns_are_known_by_their_names_in_five_languages(header: str, roles: str) -> None:
    found = assigned(header.split(","), lambda role, place: True)
    assert {role: found.get(role) for role in roles.split()} == {role: n for n, role in enumerate(roles.split())}


def test_day_and_month_are_told_apart_by_any_row_of_all() -> None:
    rows = [f"{n};0{n % 9 + 1}/0{n % 7 + 1}/2024;KSB;Pump;1;2" for n in range(3_000)]
    assert suggested(lines(*rows, "9999;02/28/2024;KSB;Pump;1;2"))["dates"]["placed"]["formats"] == ["%m/%d/%Y"]
    assert suggested(lines(*rows, "9999;28/02/2024;KSB;Pump;1;2"))["dates"]["placed"]["formats"] == ["%d/%m/%Y"]
    open_still = suggest(io.BytesIO(lines(*rows)), "orders.csv")
    assert "# 'Date': no row tells %d/%m/%Y from %m/%d/%Y: say which it is" in open_still


def test_separators_of_numbers_are_told_apart_by_any_row_of_all() -> None:
    rows = [f"{n};2024-03-01;KSB;Pump;1;1,234" for n in range(500)]
    assert suggested(lines(*rows, "9;2024-03-01;KSB;Pump;1;1,234.50"))["line"]["amount"]["thousands"] == ","
    assert suggested(lines(*rows, "9;2024-03-01;KSB;Pump;1;1.234,50"))["line"]["amount"]["decimal"] == ","
    text = suggest(io.BytesIO(lines(*rows)), "orders.csv")
    assert "# 'Amount': no row tells whether a separator stands before decimals" in text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_the_encoding_and_the_delimiter_are_found_out(encoding: str) -> None:
    for delimiter in ",;\t|":
        data = rows_csv({}, {"PO": "PO-2"}).decode().replace(",", delimiter).encode(encoding)
        declared = suggested(data)
        found = read(data, declared, declared["read"]["format"])
        assert [one.entries[0].sent["data"]["vendor_id"] for one in found] == ["muller-sohne-gmbh"] * 2  # type: ignore[union-attr]


def test_a_header_below_a_title_and_rows_of_totals_are_found() -> None:
    body = lines("1;01.03.2024;KSB;Pump;1;1.000,50", "2;02.03.2024;KSB;Seal;2;20,25", "Total;;;;3;1.020,75")
    declared = suggested(b"Purchases of March\r\n\r\n" + body)
    assert declared["read"]["header"] == 3
    assert declared["rows"] == {"unless": {"PO": ["Total"]}}
    assert faults(b"Purchases of March\r\n\r\n" + body, declared) == []


def test_a_workbook_with_a_title_and_notes_is_read_by_the_sheet_and_row_of_its_table() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Read me"])
    sheet = book.create_sheet("Orders")
    names = ["PO", "Date", "Supplier", "Product", "Qty", "Amount"]
    for row in (["Our orders"], [], names, [1, "2024-03-01", "KSB", "Pump", 2, 9.5]):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    declared = suggested(file.getvalue(), "orders.xlsx")
    assert (declared["read"]["sheet"], declared["read"]["header"]) == ("Orders", 3)
    assert placed(events(file.getvalue(), declared, "xlsx"))["data"]["lines"][0]["amount"] == "9.5"


def test_what_does_not_fit_is_mended_and_said() -> None:
    rows = (
        "7;01.03.2024;KSB;Pump;1;10",
        "7;02.03.2024;Grundfos;Pump;1;-2",
        "8;02.03.2024;Grundfos;;;0,123456",
        ";02.03.2024;Grundfos;Pump;1;5",
    )
    text = suggest(io.BytesIO(lines(*rows)), "orders.csv")
    declared = tomllib.loads(text)
    assert declared["order"]["id"]["template"].startswith("{PO} {Supplier}")
    assert declared["credit"] == {"kind": "discount"}
    assert declared["line"]["quantity"]["optional"] is True
    assert "# 1 rows without 'PO' are left out, the first on line 5" in text


def test_where_nothing_names_them_columns_are_known_by_what_stands_in_them() -> None:
    rows = [f"A-{n};{n % 28 + 1:02}.03.2024;Partner {n} GmbH;{n}.000,50;EUR" for n in range(1, 40)]
    declared = suggested(lines(*rows, header="a;b;c;d;e"))
    assert declared["dates"]["placed"]["column"] == "b"
    assert (declared["vendor"]["name"], declared["line"]["amount"]["column"]) == ({"column": "c"}, "d")
    assert declared["order"]["currency"] == {"column": "e"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"a" * 2_000_000, "is longer than 1,048,576 bytes"),
        (b",".join([b"x"] * 100_000) + b"\n1\n", "the header names 100,000 columns"),
        (b"PO,Date,Supplier,Amount\n" + b"\0" * 100, "no column looks like"),
        (b"PO,Date,Supplier,Amount\n", "no row stands below the columns"),
        (b"colour,size\nred,1\n", "no column looks like a date of orders"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is a PNG image"),
        (b'"' * 5_000, "line 1"),
        (bytes(5_000), "line 1"),
    ],
)
def test_what_is_no_such_table_is_said(data: bytes, message: str) -> None:
    with pytest.raises(BadFile, match=message):
        suggest(io.BytesIO(data), "orders.csv")


def test_names_and_texts_of_a_file_stay_names_and_texts() -> None:
    header = 'PO;Date;"Supplier ""x"" \\ #";Product\u2028[rows];Qty;Amount = 1'
    row = "1;2024-03-01;KSB;Pump;1;2"
    assert suggested(lines(row, header=header))["vendor"]["name"]["column"] == 'Supplier "x" \\ #'
    name = "na\nme]\n[rows]\x7f.csv"
    assert suggested(lines(row), name)["citation"] == name


def test_looking_at_a_wide_table_takes_time_in_proportion_to_its_cells() -> None:
    def taken(columns: int) -> float:
        names = ["PO", "Date", "Supplier", "Amount", *(f"c{n}" for n in range(columns))]
        row = ["1", "2024-03-01", "KSB", "2", *(f"x{n}" for n in range(columns))]
        data = "\n".join([";".join(names), *[";".join(row)] * 20]).encode()
        began = time.process_time()
        suggest(io.BytesIO(data), "orders.csv")
        return time.process_time() - began

    taken(10)
    assert taken(8_000) < 20 * taken(2_000) + 0.5
