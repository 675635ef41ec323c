"""Tables of order lines: rows become orders, whole or not at all, and every fault is named by its line."""

import io
from typing import Any

import pytest

from service.importing.formats import guess_format
from service.importing.items import EventGroup, Reject
from service.importing.orders.mapping import mapping_text
from tests.service.importing.order_tables import events, faults, mapping, placed, read, rows_csv


def test_a_row_becomes_registrations_an_order_and_a_receipt() -> None:
    vendor, buyer, maker, product, order, receipt = events(rows_csv({}))
    shared = {"basis": "reported", "source": {"citation": "Extract of the purchasing system"}}
    heard = {"effective_on": "../2024-03-01", "known_on": "2024-03-01", **shared}
    assert vendor == {
        "type": "organization-registered",
        "id": "pumps:organization:muller-sohne-gmbh",
        **heard,
        "data": {"organization_id": "muller-sohne-gmbh", "name": "Müller & Söhne GmbH", "country": "DE"},
    }
    assert buyer["data"] == {"organization_id": "branch-kenya", "name": "Branch Kenya", "country": "KE"}
    assert maker["data"]["organization_id"] == "grundfos"
    assert product["data"] == {
        "product_id": "pump-p-200",
        "name": "Pump P-200",
        "vendor_id": "grundfos",
        "category": "pump",
    }
    assert order == {
        "type": "order-placed",
        "id": "pumps:PO-1:placed",
        "effective_on": "2024-03-01",
        "known_on": "2024-03-01",
        **shared,
        "data": {
            "order_id": "PO-1",
            "buyers": ["branch-kenya"],
            "vendor_id": "muller-sohne-gmbh",
            "currency": "EUR",
            "lines": [
                {
                    "line": "1",
                    "product_id": "pump-p-200",
                    "quantity": "3",
                    "amount": "1600.5",
                    "deliver_by": "2024-04-30",
                }
            ],
        },
    }
    assert receipt == {
        "type": "goods-received",
        "id": "pumps:PO-1:1:received",
        "effective_on": "2024-05-02",
        "known_on": "2024-05-02",
        **shared,
        "data": {"order_id": "PO-1", "receipts": [{"line": "1", "quantity": "3"}]},
    }


def test_rows_of_one_order_are_put_together_wherever_they_stand() -> None:
    found = read(rows_csv({}, {"PO": "PO-2"}, {"Line": "2", "Qty": "5"}))
    assert [[entry.sent["id"] for entry in group.entries] for group in found if isinstance(group, EventGroup)] == [
        ["pumps:PO-1:placed", "pumps:PO-1:1:received", "pumps:PO-1:2:received"],
        ["pumps:PO-2:placed", "pumps:PO-2:1:received"],
    ]


def test_an_organisation_counts_from_the_first_date_on_which_any_row_names_it() -> None:
    found = read(rows_csv({}, {"PO": "PO-2", "Ordered": "2023-12-24"}))
    assert isinstance(found[0], EventGroup)
    assert {need.sent["effective_on"] for need in found[0].needs} == {"../2023-12-24"}


def test_an_order_without_a_date_was_placed_on_or_before_the_first_other_date_of_its_rows() -> None:
    undated = {"Ordered": "", "Due": "2024-04-30"}
    order = placed(events(rows_csv(undated, {**undated, "Line": "2", "Arrived": "2024-04-20"})))
    assert (order["effective_on"], order["known_on"]) == ("../2024-04-20", "2024-04-20")


def test_a_date_that_one_row_of_an_order_has_is_the_orders() -> None:
    order = placed(events(rows_csv({"Ordered": ""}, {"Line": "2"})))
    assert (order["effective_on"], order["known_on"]) == ("2024-03-01", "2024-03-01")


def test_an_order_of_which_no_date_is_known_is_refused_not_dated() -> None:
    assert faults(rows_csv({"Ordered": "", "Due": "", "Arrived": ""})) == [
        (2, "Ordered: has no date, and no date before which it must have been placed")
    ]


def test_goods_that_have_not_arrived_have_no_receipt() -> None:
    assert [sent["type"] for sent in events(rows_csv({"Arrived": ""}))][-1] == "order-placed"


def test_rows_without_line_ids_are_numbered_within_their_order() -> None:
    declared = mapping(line__id=None)
    lines = placed(events(rows_csv({}, {"Qty": "4"}), declared))["data"]["lines"]
    assert [(line["line"], line["quantity"]) for line in lines] == [("1", "3"), ("2", "4")]


def test_an_order_of_many_lines_is_placed_with_the_first_and_amended_with_the_rest() -> None:
    sent = events(rows_csv(*({"Line": str(number)} for number in range(1, 251))))
    ordering = [one for one in sent if one["type"] in ("order-placed", "order-amended")]
    assert [(one["id"], len(one["data"]["lines"])) for one in ordering] == [
        ("pumps:PO-1:placed", 120),
        ("pumps:PO-1:placed:2", 120),
        ("pumps:PO-1:placed:3", 10),
    ]


def test_several_receipts_of_one_line_stand_in_rows_of_their_own() -> None:
    columns = {"receipt__quantity": "Qty", "receipt__id": "Arrived", "line__quantity": {"constant": "8"}}
    sent = events(rows_csv({}, {"Arrived": "2024-06-01", "Qty": "5"}), mapping(**columns))
    assert len(placed(sent)["data"]["lines"]) == 1
    assert [(one["id"], one["data"]["receipts"][0]["quantity"]) for one in sent[-2:]] == [
        ("pumps:PO-1:1:received:2024-05-02", "3"),
        ("pumps:PO-1:1:received:2024-06-01", "5"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"Value": "1,600.50"}, "Value: '1,600.50' has separators in it: the mapping would say thousands and decimal"),
        ({"Value": "1600,50"}, """Value: '1600,50' has a comma: the mapping would say decimal = "," or"""),
        ({"Value": "1.6e3"}, "Value: '1.6e3' has an exponent: the mapping would say exponent = true"),
        ({"Value": "NaN"}, "Value: 'NaN' is not a number such as 1600.50"),
        ({"Value": "-5"}, "Value: -5 is negative"),
        ({"Value": "0.00005"}, "Value: 0.00005 has more than 4 digits behind the point"),
        ({"Value": "1" * 16}, "Value: 1111111111111111 has more than 15 digits before the point"),
        ({"Qty": ""}, "Qty: is empty"),
        ({"Qty": "=3*4"}, "Qty: '=3*4' is not a number such as 1600.50"),
        ({"Due": "30.04.2024"}, "Due: '30.04.2024' is no date of the form %Y-%m-%d or %d/%m/%Y"),
        ({"Due": "31/04/2024"}, "Due: '31/04/2024' is no date of the form"),
        ({"Ordered": "45352"}, 'it may be a serial number (2024-03-01), which the format "excel" reads'),
        ({"Currency": "EURO"}, "Currency: 'EURO' is not an ISO 4217 currency code"),
        ({"Unit": "Utopia"}, "Unit: 'Utopia' is no country that ISO 3166-1 names: say its code in values"),
        ({"PO": "PO 1/2"}, "PO: 'PO 1/2' is no id (letters, digits and . _ : -): slug = true makes one"),
        ({"Supplier": ""}, "Supplier: is empty"),
        ({"Item": "a\0b"}, "has a NUL character"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_with_its_line_and_column(row: dict[str, str], message: str) -> None:
    [(line, found)] = faults(rows_csv({}, {"PO": "PO-2", **row}))
    assert line == 3
    assert message in found


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{}, {"Line": "2", "Supplier": "KSB"}], "order PO-1 has the vendor ksb, and muller-sohne-gmbh on line 2"),
        ([{}, {"Line": "2", "Currency": "USD"}], "order PO-1 has the currency USD, and EUR on line 2"),
        (
            [{}, {"Line": "2", "Ordered": "2024-03-02"}],
            "order PO-1 was placed on 2024-03-02, and on 2024-03-01 on line 2",
        ),
        ([{}, {"Qty": "4"}], "line 1 of order PO-1 has the quantity 4, and 3 on line 2"),
        ([{}, {"Arrived": "2024-05-03"}], "line 1 of order PO-1 has another receipt than on line 2"),
        ([{}, {"Line": "2", "Maker": "KSB"}], "product pump-p-200 has the vendor_id 'ksb', and 'grundfos' on line 2"),
        ([{}, {"PO": "PO-2", "Supplier": "Muller & Sohne GmbH"}], "has the name 'Muller & Sohne GmbH', and 'Müller"),
    ],
)
def test_rows_that_contradict_each_other_are_named(rows: list[dict[str, str]], message: str) -> None:
    [(line, found)] = faults(rows_csv(*rows))
    assert line == 3
    assert message in found


def test_of_names_that_differ_the_first_can_be_taken() -> None:
    rows = rows_csv({}, {"PO": "PO-2", "Supplier": "Muller & Sohne GmbH"})
    assert faults(rows, mapping(vendor__differing="first")) == []


def test_a_row_that_repeats_another_is_one_line_and_is_named() -> None:
    lines = placed(events(rows_csv({}, {})))["data"]["lines"]
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"", 1, "is empty: the first line names the columns"),
        (
            rows_csv({}).replace(b",", b";"),
            1,
            "is a semicolon between its columns? The mapping's read.delimiter says so",
        ),
        (rows_csv({}).decode().encode("latin-1"), 2, "not UTF-8: byte 42 of line 2 is 0xfc"),
        (rows_csv({}).decode().encode("utf-32"), 1, "is UTF-32: save it as UTF-8"),
        (rows_csv({}).decode().encode("utf-16") + b"\x00", 3, "not UTF-16-LE: truncated data; the mapping's"),
        (rows_csv({}) + b"PO-2,1,2024-03-01\r\n", 3, "has 3 values, and the header names 12 columns"),
        (rows_csv({}) + b'PO-2,"1,2024-03-01\r\n', 3, "not CSV: unexpected end of data"),
        (rows_csv({}, {"Item": "x" * 2_000_000}), 3, "is longer than 1,048,576 bytes"),
        (rows_csv({}) + b'PO-2,"' + b"x\n" * 200_000, 3, "not CSV: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_by_line(data: bytes, line: int, message: str) -> None:
    found = faults(data)
    assert found[0][0] == line
    assert message in found[0][1]


def test_other_encodings_delimiters_and_separators_are_declared() -> None:
    data = rows_csv({"Value": "1.600,50"}).decode().replace(",", ";").replace("1.600;50", "1.600,50")
    declared = mapping(
        read={"encoding": "latin-1", "delimiter": ";"},
        line__amount={"column": "Value", "thousands": ".", "decimal": ","},
    )
    data = data.replace('"', "")
    order = placed(events(data.encode("latin-1"), declared))
    assert (order["data"]["vendor_id"], order["data"]["lines"][0]["amount"]) == ("muller-sohne-gmbh", "1600.5")


def test_a_byte_order_mark_and_blank_lines_are_no_matter() -> None:
    assert len(read(b"\xef\xbb\xbf" + rows_csv({}) + b"\r\n\r\n")) == 1


def test_an_order_with_one_bad_row_is_left_out_whole() -> None:
    found = read(rows_csv({}, {"PO": "PO-2"}, {"Line": "2", "Qty": "many"}, {"PO": ""}), raw=True)
    rejects = [one for one in found if isinstance(one, Reject)]
    assert [(one.line, one.row, one.rows) for one in rejects] == [(4, "PO-1", 2), (5, "", 1)]
    assert rejects[0].message == "Qty: 'many' is not a number such as 1600.50 (and with it the order's 1 other row)"
    assert [raw["Qty"] for raw in rejects[0].raw] == ["3", "many"]
    assert len(found) == 3


def test_a_ragged_row_takes_the_order_that_it_names_along() -> None:
    found = read(rows_csv({}, {"PO": "PO-2"}) + b"PO-1,2\r\n")
    assert [(type(one), one.rows) for one in found] == [(Reject, 2), (EventGroup, 1)]


def test_units_are_multiplied_out_exactly() -> None:
    factor = {"column": "Currency", "values": {"EUR": "12", "USD": "0.5"}}
    declared = mapping(line__quantity={"column": "Qty", "times": factor})
    order = placed(events(rows_csv({"Qty": "2.5"}), declared))
    assert order["data"]["lines"][0]["quantity"] == "30"


def test_a_quantity_may_be_unknown_where_the_mapping_says_so() -> None:
    declared = mapping(line__quantity={"column": "Qty", "optional": True, "nulls": ["?"]})
    assert placed(events(rows_csv({"Qty": "?"}), declared))["data"]["lines"][0]["quantity"] is None
    assert faults(rows_csv({"Qty": "?"}), mapping(line__quantity={"column": "Qty", "nulls": ["?"]})) == [
        (2, "Qty: has no value ('?')")
    ]


def test_attributes_are_texts_numbers_and_truths_and_left_out_where_the_row_has_none() -> None:
    declared: dict[str, Any] = mapping(
        attributes={
            "model": "Item",
            "power_kw": {"column": "Qty", "kind": "number"},
            "imported": {"column": "Line", "kind": "truth"},
            "colour": {"column": "Due", "nulls": ["2024-04-30"]},
        }
    )
    [product] = [one for one in events(rows_csv({}), declared) if one["type"] == "product-registered"]
    assert product["data"]["attributes"] == {"model": {"text": "Pump P-200"}, "power_kw": "3", "imported": True}


def test_without_a_product_a_line_has_none() -> None:
    declared = mapping(product=None, maker=None)
    assert placed(events(rows_csv({}), declared))["data"]["lines"][0]["product_id"] is None


def test_tabs_part_the_columns_of_tsv() -> None:
    data = rows_csv({}).replace(b",", b"\t")
    assert placed(events(data, kind="tsv"))["data"]["order_id"] == "PO-1"
    assert guess_format(io.BytesIO(data), ("scms", mapping_text("scms"))) == "tsv"
