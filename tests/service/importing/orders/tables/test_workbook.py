"""Workbooks: typed cells, no formula taken for a value, and no zip taken on trust."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from openpyxl.utils.datetime import MAC_EPOCH

from service.importing.orders.tables import workbook_parts
from service.importing.orders.tables.workbook import Workbook
from tests.effort import Act, assert_no_dearer
from tests.service.importing.order_tables import COLUMNS, ROW, events, faults, mapping, placed

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
        (
            "K3",
            "=J3*2",
            "cell K3 holds a formula (=J3*2) whose result is not stored:"
            " open the workbook in a spreadsheet and save it",
        ),
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


def test_a_formula_is_read_by_its_stored_result() -> None:
    data = xlsx({})
    part = "xl/worksheets/sheet1.xml"
    stored = with_part(data, part, lambda sheet: sheet.replace(b"<v>1600.5</v>", b"<f>J2*533.5</f><v>1600.5</v>"))
    assert placed(events(stored, kind="xlsx"))["data"]["lines"][0]["amount"] == "1600.5"
    broken = with_part(data, part, lambda sheet: sheet.replace(b"<v>1600.5</v>", b"<f>J2*0</f><v>oops</v>"))
    assert "the sheet cannot be read" in faults(broken, kind="xlsx")[0][1]


def test_dates_that_are_dates_need_no_format_in_either_calendar() -> None:
    declared = mapping(dates__ordered="Ordered", dates__due={"column": "Due"}, dates__arrived="Arrived")

    def count_from_1904(sheet: Any) -> None:
        sheet.parent.epoch = MAC_EPOCH

    for data in (xlsx({}), xlsx({}, change=count_from_1904)):
        order = placed(events(data, declared, "xlsx"))
        assert (order["effective_on"], order["data"]["lines"][0]["deliver_by"]) == ("2024-03-01", "2024-04-30")


def test_a_workbook_without_a_header_has_the_columns_that_the_mapping_names() -> None:
    read = {"columns": [*COLUMNS], "header": 1, "skip": 1}
    renamed = xlsx({"Qty": "pieces", "Value": "EUR", "Line": None}, {"Line": 2}, above=["one", "two"])
    lines = placed(events(renamed, mapping(read={**read, "header": 3}), "xlsx"))["data"]["lines"]
    assert [line["line"] for line in lines] == ["2"]


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
    monkeypatch.setattr(workbook_parts, "EXPANDED_BYTES", 100_000)
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


def with_texts(data: bytes, texts: bytes) -> bytes:
    """A workbook with texts that its cells may refer to."""
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    named = b'<Override PartName="/%s" ContentType="%s"/></Types>' % (TEXTS.encode(), kind)
    file = io.BytesIO(with_part(data, "[Content_Types].xml", lambda types: types.replace(b"</Types>", named)))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(TEXTS, texts)
    return file.getvalue()


STYLES, TEXTS, SHEET = "xl/styles.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def parsing(content: bytes) -> Act:
    """What reads XML and makes nothing of it."""
    return lambda: [element.clear() for _, element in ElementTree.iterparse(io.BytesIO(content))]


def test_sixty_thousand_styles_take_no_longer_than_their_xml() -> None:
    styles = b"<styleSheet %s><cellXfs>%s</cellXfs></styleSheet>" % (MAIN, b'<xf numFmtId="14"/>' * 60_000)
    data = with_part(xlsx({}), STYLES, lambda old: styles)
    assert_no_dearer(lambda: faults(data, kind="xlsx"), parsing(styles), times=16)


def test_millions_of_texts_take_no_longer_than_their_xml() -> None:
    texts = b"<sst %s>%s</sst>" % (MAIN, b"<si/>" * 100_000)
    data = with_texts(xlsx({}), texts)
    assert_no_dearer(lambda: Workbook(io.BytesIO(bytes(data))).close(), parsing(texts), times=16)


def test_texts_in_pieces_are_joined_without_how_they_are_pronounced() -> None:
    texts = b"<si><r><rPr/><t>Grund</t></r><r><t>fos</t></r><rPh sb='0' eb='1'><t>gu</t></rPh></si>"
    written = b't="inlineStr"><is><t>Grundfos</t></is>'
    sheet = with_part(xlsx({}), SHEET, lambda old: old.replace(written, b't="s"><v>0</v>'))
    data = with_texts(sheet, b"<sst %s>%s</sst>" % (MAIN, texts))
    assert "Grundfos" in {one["data"].get("name") for one in events(data, kind="xlsx")}
    shown = with_texts(sheet, b"<sst %s>%s</sst>" % (MAIN, texts.replace(b"fos", b"foz")))
    assert "Grundfoz" in {one["data"].get("name") for one in events(shown, kind="xlsx")}


def rows_of(*rows: bytes) -> bytes:
    """A sheet with these rows below the header."""

    def change(old: bytes) -> bytes:
        before, _, _ = old.partition(b'<row r="2"')
        return before + b"".join(rows) + b"</sheetData></worksheet>"

    return with_part(xlsx({}), SHEET, change)


def test_a_cell_in_the_last_column_takes_no_row_of_empty_ones() -> None:
    def far(column: bytes) -> bytes:
        return rows_of(*(b'<row r="%d"><c r="%s%d"><v>1</v></c></row>' % (n, column, n) for n in range(2, 500)))

    last, near = far(b"XFD"), far(b"M")
    [(line, message), *_] = faults(last, kind="xlsx")
    assert (line, message) == (2, "cell XFD2 lies beyond the 12 columns that the header names")
    assert_no_dearer(lambda: faults(last, kind="xlsx"), lambda: faults(near, kind="xlsx"), times=5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'<row r="99999999999"><c r="A2"><v>1</v></c></row>', "row 99999999999 follows row 1"),
        (b'<row r="3"/><row r="2"/>', "row 2 follows row 3"),
        (b'<row r="2"><c r="AAAA2"><v>1</v></c></row>', "the sheet cannot be read: "),
        (b'<row r="2" x="' + b"x" * 3_000_000 + b'"/>', "a tag or a text of the workbook takes more than 1,048,576"),
        (b'<row r="2">' + b"<c/>" * 120_000 + b"</row>", "a row of the workbook has more cells than a row can have"),
        (b'<row r="2"><c r="A2"><v>' + b"9" * 5_000 + b"</v></c></row>", "the sheet cannot be read: "),
        (b'<row r="2"><c r="A2"><v>1e999</v></c></row>', "cell A2 holds inf, which is no number"),
        (b'<row r="2"><c r="A2" t="s"><v>99</v></c></row>', "the sheet cannot be read: "),
    ],
)
def test_a_row_that_no_spreadsheet_has_is_refused(monkeypatch: pytest.MonkeyPatch, row: bytes, message: str) -> None:
    monkeypatch.setattr(workbook_parts, "EXPANDED_BYTES", 1 << 30)
    [(line, said), *_] = faults(rows_of(row), kind="xlsx")
    assert line >= 1
    assert message in said


def test_a_long_text_in_a_cell_is_refused_by_its_address() -> None:
    text = b'<row r="2"><c r="A2" t="inlineStr"><is><t>%s</t></is></c></row>' % (b"x" * 32_768)
    assert faults(rows_of(text), kind="xlsx") == [(2, "cell A2 has 32,768 characters, more than 32,767")]


@pytest.mark.parametrize("merged", [b"A1:A1048576", b"A2:B99999999", b'" x="' * 100_000])
def test_merged_cells_without_end_are_refused_or_nothing(monkeypatch: pytest.MonkeyPatch, merged: bytes) -> None:
    monkeypatch.setattr(workbook_parts, "EXPANDED_BYTES", 1 << 30)
    part = b'</sheetData><mergeCells><mergeCell ref="%s"/></mergeCells>' % merged
    data = with_part(xlsx({}), SHEET, lambda old: old.replace(b"</sheetData>", part))
    found = faults(data, kind="xlsx")
    assert all("unmerge them" in message for _, message in found)


def test_cells_that_are_merged_again_and_again_are_counted_again_and_again() -> None:
    part = b"</sheetData><mergeCells>" + b'<mergeCell ref="A2:A1001"/>' * 300 + b"</mergeCells>"
    data = with_part(xlsx({}), SHEET, lambda old: old.replace(b"</sheetData>", part))
    assert faults(data, kind="xlsx") == [(1, "cells A2:A1001 and others are merged: unmerge them")]


LAUGHS = '<!DOCTYPE a [<!ENTITY b "c">]>'


@pytest.mark.parametrize(
    "laughs",
    [
        LAUGHS.encode(),
        b"<!--" + b" " * 5_000 + b"-->" + LAUGHS.encode(),
        ('<?xml version="1.0" encoding="UTF-16"?>' + LAUGHS + "<a/>").encode("utf-16"),
    ],
)
@pytest.mark.parametrize("part", [STYLES, SHEET, "[Content_Types].xml", "xl/_rels/workbook.xml.rels"])
def test_a_document_type_is_found_wherever_it_hides(laughs: bytes, part: str) -> None:
    def hidden(old: bytes) -> bytes:
        return laughs + (b"" if laughs.startswith(b"\xff\xfe") else old.partition(b"?>")[2] or old)

    data = with_part(xlsx({}), part, hidden)
    assert faults(data, kind="xlsx") == [(1, f"part {part} has a document type, which no workbook needs")]


def test_what_is_small_stays_small() -> None:
    sheets = b'<sheet name="x" sheetId="1"/>' * 50_000
    data = with_part(xlsx({}), "xl/workbook.xml", lambda book: book.replace(b"<sheets>", b"<sheets>" + sheets))
    assert faults(data, kind="xlsx") == [
        (1, "part xl/workbook.xml of the workbook has more than 16,777,216 bytes or 20,000 elements: refused")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda zip_: zip_.writestr("xl/workbook.xml", b"<x/>"), "the workbook has two parts of one name: refused"),
        (
            lambda zip_: zip_.writestr("xl/other.xml", b"<x/>" * 100, zipfile.ZIP_LZMA),
            "part xl/other.xml of the workbook is compressed as no workbook is: refused",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_no_spreadsheet_writes_is_refused(change: Callable[[Any], None], message: str) -> None:
    file = io.BytesIO(xlsx({}))
    with zipfile.ZipFile(file, "a") as archive:
        change(archive)
    assert faults(file.getvalue(), kind="xlsx") == [(1, message)]


def test_parts_that_lie_within_one_another_are_refused() -> None:
    data = bytearray(xlsx({}))
    place = -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        struct.pack_into("<I", data, place + 20, len(data) // 2)
    assert faults(bytes(data), kind="xlsx") == [(1, "the workbook's parts lie within one another: refused")]


# Days as numbers

SERIAL = mapping(dates__ordered={"column": "Ordered", "formats": ["%Y-%m-%d", "excel"]})


def of_1904(sheet: Any) -> None:
    sheet.parent.epoch = MAC_EPOCH


@pytest.mark.parametrize(
    ("given", "change", "day"),
    [
        (45_352, None, "2024-03-01"),
        (45_352.75, None, "2024-03-01"),
        (43_890, of_1904, "2024-03-01"),
        (43_890.999, of_1904, "2024-03-01"),
        (date(2024, 3, 1), of_1904, "2024-03-01"),
        (datetime(2024, 3, 1, 23, 59), None, "2024-03-01"),  # noqa: DTZ001  # cells have no zone
        (18_264, None, "1950-01-01"),
        (73_050, None, "2099-12-31"),
        (71_588, of_1904, "2099-12-31"),
    ],
)
def test_a_serial_number_counts_from_the_workbooks_own_first_day(given: Any, change: Any, day: str) -> None:
    data = xlsx({"Ordered": given}, **({"change": change} if change else {}))
    assert placed(events(data, SERIAL, "xlsx"))["effective_on"] == day


@pytest.mark.parametrize("given", [-1, 0, 60, 18_263, 73_051, 1e300, -0.5])
def test_a_serial_number_of_no_day_that_an_order_could_have_is_refused(given: float) -> None:
    [(line, message)] = faults(xlsx({"Ordered": given}), SERIAL, "xlsx")
    assert line == 2
    assert message.endswith("is no serial number of a day from 1950 to 2099")


def test_the_hint_at_a_serial_number_counts_as_the_workbook_does() -> None:
    [(_, message)] = faults(xlsx({"Ordered": 43_890}, change=of_1904), kind="xlsx")
    assert "it may be a serial number (2024-03-01)" in message


@pytest.mark.parametrize(
    ("serial", "said"),
    [
        (60, "holds 29 February 1900, a day that there was not"),
        (-3, "holds -3, which is before the first day that a spreadsheet has"),
        (0.25, "holds 0.25, a time of no day"),
        (9e9, "holds 9000000000, which is no day"),
    ],
)
def test_a_number_that_is_shown_as_a_date_and_is_none_is_named_by_its_cell(serial: float, said: str) -> None:
    def change(sheet: Any) -> None:
        sheet["C2"] = serial
        sheet["C2"].number_format = "yyyy-mm-dd"

    assert faults(xlsx({}, change=change), kind="xlsx") == [(2, f"cell C2 {said}")]
