"""Workbooks: typed cells, no formula taken for a value, and no zip taken on trust."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from service.importers.tables import workbook
from tests.service.importers.order_tables import COLUMNS, ROW, events, faults, mapping, placed

#: The small table's row as a spreadsheet holds it: numbers and dates of its own.
TYPED: dict[str, Any] = {
    **ROW,
    "Line": 1,
    "Ordered": date(2024, 3, 1),
    "Due": datetime(2024, 4, 30, 12, 30),  # noqa: DTZ001  # cells have no zone
    "Arrived": datetime(2024, 5, 2),  # noqa: DTZ001  # cells have no zone
    "Qty": 3,
    "Value": 1600.5,
}


def xlsx(*rows: dict[str, Any], above: Sequence[str] = (), change: Callable[[Any], None] = lambda sheet: None) -> bytes:
    """A workbook of one sheet with these rows below the header, each the typed row but for what is given."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Orders"
    for line in above:
        sheet.append([line])
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append([{**TYPED, **row}[column] for column in COLUMNS])
    change(sheet)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one part of its zip changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            content = old.read(part)
            new.writestr(part, change(content) if part == name else content)
    return file.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_numbers_and_dates_of_a_spreadsheet_are_read_as_they_are_shown(pack: Callable[[bytes], bytes]) -> None:
    order = placed(events(pack(xlsx({"Value": 0.1 + 0.2})), kind="xlsx"))
    assert order["effective_on"] == "2024-03-01"
    assert order["data"]["lines"] == [
        {"line": "1", "product_id": "pump-p-200", "quantity": "3", "amount": "0.3", "deliver_by": "2024-04-30"}
    ]


def test_a_date_that_is_a_bare_number_is_refused_unless_the_mapping_reads_serial_numbers() -> None:
    data = xlsx({"Ordered": 45_352})
    [(line, message)] = faults(data, kind="xlsx")
    assert line == 2
    assert "it may be a serial number (2024-03-01)" in message
    declared = mapping(dates__ordered={"column": "Ordered", "formats": ["%Y-%m-%d", "excel"]})
    assert placed(events(data, declared, "xlsx"))["effective_on"] == "2024-03-01"


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        ("K3", "=J3*2", "cell K3 holds a formula (=J3*2): paste its value"),
        ("K3", "#N/A", "cell K3 holds the error #N/A"),
        ("K3", None, "Value: is empty"),
        ("M3", "a note", "cell M3 lies beyond the 12 columns that the header names"),
        ("J3", 1e16, "Qty: 1E+16 has more than 15 digits before the point"),
    ],
)
def test_a_cell_without_a_value_of_its_own_is_named_by_its_address(cell: str, value: object, message: str) -> None:
    def change(sheet: Any) -> None:
        sheet[cell] = value

    assert faults(xlsx({}, {"PO": "PO-2"}, change=change), kind="xlsx") == [(3, message)]


def test_a_formula_with_a_kept_result_is_refused_too() -> None:
    data = xlsx({})
    part = "xl/worksheets/sheet1.xml"
    kept = with_part(data, part, lambda sheet: sheet.replace(b"<v>1600.5</v>", b"<f>J2*533.5</f><v>1600.5</v>"))
    assert faults(kept, kind="xlsx") == [(2, "cell K2 holds a formula (=J2*533.5): paste its value")]


def test_merged_cells_below_the_header_are_refused_by_row() -> None:
    merged = xlsx({}, {"Line": 2}, change=lambda sheet: sheet.merge_cells("F2:F3"))
    message = "cells F2:F3 are merged, so that only the first of them has a value: unmerge them"
    assert faults(merged, kind="xlsx") == [(2, message), (3, message)]


def test_a_header_further_down_is_declared_and_empty_rows_are_left_out() -> None:
    data = xlsx(
        {},
        dict.fromkeys(COLUMNS),
        {"Line": 2},
        above=["Purchase orders"],
        change=lambda sheet: sheet.merge_cells("A1:C1"),
    )
    order = placed(events(data, mapping(read={"header": 2}), "xlsx"))
    assert [line["line"] for line in order["data"]["lines"]] == ["1", "2"]


def test_of_several_sheets_the_mapping_says_which() -> None:
    data = xlsx({}, change=lambda sheet: sheet.parent.create_sheet("Notes"))
    assert faults(data, kind="xlsx") == [
        (1, "the workbook has the sheets Orders, Notes: the mapping's read.sheet says which")
    ]
    assert faults(data, mapping(read={"sheet": "Orders"}), "xlsx") == []
    assert faults(data, mapping(read={"sheet": "Order"}), "xlsx") == [
        (1, "the workbook has no sheet 'Order', but Orders, Notes")
    ]


def test_a_zip_bomb_is_refused_by_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "EXPANDED_BYTES", 100_000)
    bomb = with_part(xlsx({}), "xl/styles.xml", lambda styles: styles + b" " * 10_000_000)
    [(line, message)] = faults(bomb, kind="xlsx")
    assert line == 1
    assert message.startswith("part xl/styles.xml of the workbook expands from ")
    assert message.endswith("bytes: refused")


def test_a_part_that_holds_more_than_it_declares_is_not_read_further() -> None:
    data = bytearray(with_part(xlsx({}), "xl/worksheets/sheet1.xml", lambda sheet: sheet + b" " * 1_000_000))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    for sign, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = -1
        while (place := data.find(sign, place + 1)) >= 0:
            if struct.unpack_from("<I", data, place + offset)[0] == info.file_size:
                struct.pack_into("<I", data, place + offset, 2_000)
    [(_, message)] = faults(bytes(data), kind="xlsx")
    assert message == "not a workbook: Bad CRC-32 for file 'xl/worksheets/sheet1.xml'"


def test_a_part_with_a_document_type_is_refused() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]>'
    data = with_part(xlsx({}), "xl/workbook.xml", lambda book: laughs + book)
    assert faults(data, kind="xlsx") == [(1, "part xl/workbook.xml has a document type, which no workbook needs")]


@pytest.mark.parametrize("data", [b"PK\x03\x04 no zip", b"PO,Line\n", xlsx({})[:-30], xlsx({})[:3_000]])
def test_what_is_no_workbook_is_refused(data: bytes) -> None:
    [(line, message)] = faults(data, kind="xlsx")
    assert (line, message[:14]) == (1, "not a workbook")
