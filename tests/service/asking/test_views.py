"""A view in a file is the view of the API: the same rows, and of every figure the same digits."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.errors import Invalid
from service.asking.columns import Column, ColumnKind, Table
from service.asking.questions import NothingThere
from service.asking.views import VIEWS, parse_question
from service.exporting.formats import FORMATS, Choice
from service.exporting.spreadsheets import is_kept
from tests.service.exporting.conftest import AWKWARD, Desk

DEPENDENCE = "vendor-dependence?buyer=baidu&effective_on=2023-12-31"
QUESTIONS = (
    DEPENDENCE,
    "vendor-dependence?buyer=baidu&measure=units&by=product&status=open&effective_on=2023-12-31",
    "vendor-dependence/evidence?buyer=baidu&key=nvidia&currency=EUR&effective_on=2023-12-31",
    "vendor-dependence/evidence?buyer=baidu&key=huawei&effective_on=2023-12-31",
    "vendor-dependence/series?buyer=baidu&measure=units&from=2023-01-01&to=2024-06-30",
    "vendor-dependence/diff?buyer=baidu&effective_on=2023-01-31&effective_on=2023-12-31",
    "regulatory-exposure?buyer=baidu&effective_on=2023-10-31&known_on=2023-11-08",
    "regulations",
    "regulations/us-3a090",
    "organizations",
    "organizations/huawei",
    "products",
    "products/hw-910b",
    "partnerships",
    "partnerships/baidu-huawei-ai",
    "orders/baidu-huawei-2023-08",
    "order-lines?status=open",
)


def written(desk: Desk, question: str, name: str, table: str | None = None, **choices: Any) -> tuple[bytes, Any]:
    """A question's answer in a format, and as the API gives it."""
    asked = parse_question(question)
    answer, output = desk.answer(question), io.BytesIO()
    FORMATS[name].write(output, answer, Choice(asked.view, asked.view.table(table), **choices))
    return output.getvalue(), answer


def tables_of(question: str) -> tuple[Table, ...]:
    """The tables that a question's answer makes."""
    return parse_question(question).view.tables


def agrees(found: Any, value: Any, kind: ColumnKind) -> bool:
    """Whether a value read back from Arrow or Parquet is the API's."""
    if value is None or found is None:
        return found is value
    match kind:
        case ColumnKind.FIGURE:
            return isinstance(found, Decimal) and found == Decimal(value)
        case ColumnKind.DAY:
            return isinstance(found, date) and found.isoformat() == value
        case ColumnKind.INSTANT:
            return isinstance(found, datetime) and found == datetime.fromisoformat(value)
        case ColumnKind.STRUCTURE:
            return bool(json.loads(found) == value)
        case _:
            return bool(found == value)


def agrees_as_text(text: str, value: Any, column: Column) -> bool:
    """Whether a field of a CSV file is the API's value."""
    if value is None:
        return text == ""
    if column.kind is ColumnKind.FLAG:
        return text == json.dumps(value)
    if column.kind in (ColumnKind.RATIO, ColumnKind.WHOLE):
        return text == json.dumps(value)
    return bool(json.loads(text) == value) if column.kind is ColumnKind.STRUCTURE else text == value


def unequal(
    table: Table, answer: Any, found: Iterable[Iterable[Any]], agree: Callable[[Any, Any, Column], bool]
) -> list[tuple[str, Any, Any]]:
    """Where what was read back is not what the answer says."""
    expected = list(table.rows(answer))
    return [
        (column.name, one, value)
        for row, values in zip(found, expected, strict=True)
        for one, value, column in zip(row, values, table.columns, strict=True)
        if not agree(one, value, column)
    ]


def test_every_format_holds_the_figures_of_the_api(desk: Desk) -> None:
    for question in QUESTIONS:
        for table in tables_of(question):
            text, answer = written(desk, question, "csv", table.name, guarded=False)
            header, *rows = csv.reader(io.StringIO(text.decode(), newline=""))
            assert header == [column.name for column in table.columns]
            assert unequal(table, answer, rows, agrees_as_text) == [], question

            data, answer = written(desk, question, "parquet", table.name)
            read = pq.read_table(io.BytesIO(data))
            found = zip(*read.to_pydict().values(), strict=True)
            assert unequal(table, answer, found, lambda a, b, c: agrees(a, b, c.kind)) == [], question

            data, answer = written(desk, question, "arrow", table.name)
            assert pa.ipc.open_stream(data).read_all().equals(read, check_metadata=False)


def test_a_workbook_has_a_sheet_for_every_table(desk: Desk) -> None:
    for question in QUESTIONS:
        data, answer = written(desk, question, "xlsx")
        book = openpyxl.load_workbook(io.BytesIO(data))
        tables = tables_of(question)
        drawn = ["chart"] if question.startswith("vendor-dependence?") else []
        assert book.sheetnames == [tables[0].name, "context", *(table.name for table in tables[1:]), *drawn]
        for table in tables:
            header, *rows = book[table.name].iter_rows(values_only=True)
            assert list(header) == [column.name for column in table.columns]
            assert unequal(table, answer, rows, agrees_as_cell) == [], question
        context = {str(row[0]): row[1] for row in book["context"].iter_rows(min_row=2, values_only=True)}
        resolved = answer["resolved"].get("after", answer["resolved"])
        name = "resolved.after.position" if "after" in answer["resolved"] else "resolved.position"
        assert context[name] == resolved["position"]


def test_a_workbook_has_tables_to_filter_percentages_and_a_chart_of_the_shares(desk: Desk) -> None:
    data, answer = written(desk, DEPENDENCE, "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet, rows = book["rows"], len(answer["rows"])
    (table,) = sheet.tables.values()
    assert (table.displayName, table.ref) == ("daybook_rows", f"A1:O{rows + 1}")
    assert table.autoFilter.ref == table.ref
    assert table.column_names == [cell.value for cell in sheet[1]]
    assert sheet.freeze_panes == "A2"
    formats = {column[0].value: {cell.number_format for cell in column[1:]} for column in sheet.iter_cols()}
    assert formats["share"] - {"General"} == {"0.0%"}
    assert formats["value"] & {"#,##0", "#,##0.0#####"}
    metrics = {row[0].value: row[1].number_format for row in book["metrics"].iter_rows(min_row=2)}
    assert (metrics["hhi"], metrics["cr1"]) == ("#,##0.00", "0.0%")
    (chart,) = book["chart"]._charts
    assert chart.series[0].val.numRef.f == f"'rows'!$F$2:$F${min(rows, 20) + 1}"
    assert chart.series[0].cat.numRef.f.startswith("'rows'!$B$2:")


def test_a_workbook_says_how_many_figures_stand_as_text_with_every_digit(desk: Desk) -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(desk, "order-lines?vendor=formula", "xlsx")[0]))
    sheet = book["lines"]
    row = dict(zip((cell.value for cell in sheet[1]), sheet[2], strict=True))
    assert row["ordered_quantity"].value == "999999999999999.9999"
    assert row["ordered_amount"].value == "123456789012345.6789"
    assert (row["ordered_amount"].number_format, row["ordered_amount"].alignment.horizontal) == ("@", "right")
    texts = [cell for cell in sheet[2] if cell.number_format == "@"]
    context = {found[0]: found[1] for found in book["context"].iter_rows(values_only=True)}
    assert context["figures_as_text"] == len(texts) >= 4


def test_ndjson_has_a_row_a_line_with_the_figures_of_the_api(desk: Desk) -> None:
    data, answer = written(desk, DEPENDENCE, "ndjson")
    rows = [json.loads(line) for line in data.splitlines()]
    assert [(row["key"], row["value"], row["share"]) for row in rows] == [
        (row["key"], row["value"], row["share"]) for row in answer["rows"]
    ]


#: Fields of records that further tables, the context or another column hold.
ELSEWHERE = {"explained", "events", "history", "total", "metrics", "rows", "resolved", "lines"}


def test_no_field_of_a_row_is_left_out(desk: Desk) -> None:
    for question in QUESTIONS:
        answer = desk.answer(question)
        for table in tables_of(question):
            known = {(column.path or (column.name,))[0] for column in table.columns}
            said = {name for record in table.records(answer) for name in record}
            assert said - known <= ELSEWHERE, (question, table.name)


def agrees_as_cell(found: Any, value: Any, column: Column) -> bool:
    """Whether a cell is the API's value: a number where a double keeps it, else its text."""
    if value is None or found is None:
        return found is value or value == ""
    if column.kind in (ColumnKind.FIGURE, ColumnKind.EXACT):
        if not is_kept(value):
            return bool(found == value)
        return isinstance(found, int | float) and Decimal(repr(found)) == Decimal(value)
    if column.kind is ColumnKind.DAY:
        return bool(found.date().isoformat() == value)
    if column.kind is ColumnKind.STRUCTURE:
        return bool(json.loads(found) == value)
    return bool(re.sub("_x([0-9A-F]{4})_", lambda it: chr(int(it[1], 16)), str(found)) == str(value))


def test_the_main_tables_are_the_rows_of_the_api(desk: Desk) -> None:
    text, answer = written(desk, DEPENDENCE, "csv")
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    told = [(row["key"], row["value"] or "", row["low"], row["high"] or "") for row in answer["rows"]]
    assert told == [(row["key"], row["value"], row["low"], row["high"]) for row in rows]
    assert len(rows) > 3
    assert {row["high"] for row in rows if row["key"] == "nvidia"} == {""}


def test_figures_keep_every_digit(desk: Desk) -> None:
    text, _ = written(desk, DEPENDENCE, "csv")
    assert "formula" in text.decode()
    assert "123456789012345.6789" in text.decode()
    book = openpyxl.load_workbook(io.BytesIO(written(desk, DEPENDENCE, "xlsx")[0]))
    header, *rows = book["rows"].iter_rows()
    value = [cell.value for cell in header].index("value")
    by_key = {row[0].value: row[value] for row in rows}
    # 19 digits are more than a double keeps; three digits and one are not.
    assert (by_key["formula"].data_type, by_key["formula"].value) == ("s", "123456789012345.6789")
    assert (by_key["zhongxin"].data_type, by_key["zhongxin"].value) == ("n", 9.95)
    assert (by_key["cafe"].data_type, by_key["cafe"].value) == ("n", 0.0001)
    read = pq.read_table(io.BytesIO(written(desk, DEPENDENCE, "parquet")[0])).to_pydict()
    assert Decimal("123456789012345.6789") in read["value"]


def test_numbers_stand_in_a_workbook_as_the_digits_they_are(desk: Desk) -> None:
    data, _ = written(desk, DEPENDENCE, "xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert "<v>9.95</v>" in sheet
    assert "<f>" not in sheet


def test_names_never_become_formulas(desk: Desk) -> None:
    def names(text: bytes) -> dict[str, str]:
        rows = csv.DictReader(io.StringIO(text.decode(), newline=""))
        return {row["organization_id"]: row["name"] for row in rows}

    guarded = names(written(desk, "organizations", "csv")[0])
    verbatim = names(written(desk, "organizations", "csv", guarded=False)[0])
    book = openpyxl.load_workbook(io.BytesIO(written(desk, "organizations", "xlsx")[0]))
    cells = {row[0].value: row[1] for row in book["organizations"].iter_rows(min_row=2)}
    for name in ("formula", "at-home", "plus"):
        assert guarded[name] == "'" + AWKWARD[name]
        assert verbatim[name] == AWKWARD[name]
        assert (cells[name].data_type, cells[name].value) == ("s", AWKWARD[name])
    assert guarded["zhongxin"] == AWKWARD["zhongxin"]


def test_what_xml_cannot_hold_is_written_as_spreadsheets_write_it(desk: Desk) -> None:
    data, _ = written(desk, "organizations", "xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert "Bell_x0007_ and _x005F_x0007_ Works" in sheet
    assert AWKWARD["zhongxin"] in sheet


def test_parquet_says_what_it_is_of(desk: Desk) -> None:
    data, answer = written(desk, DEPENDENCE, "parquet")
    told = json.loads(pq.read_schema(io.BytesIO(data)).metadata[b"daybook"])
    assert told == {name: answer[name] for name in ("resolved", "parameters", "total", "metrics")}


def test_a_figure_too_large_for_a_format_is_named(desk: Desk) -> None:
    answer = desk.answer(DEPENDENCE)
    answer["rows"][0]["value"] = "1" * 33
    with pytest.raises(Invalid, match="has more than this format's 32 digits"):
        FORMATS["parquet"].write(io.BytesIO(), answer, Choice(VIEWS["vendor-dependence"], tables_of(DEPENDENCE)[0]))


def test_a_long_text_is_cut_in_a_workbook_and_says_so(desk: Desk) -> None:
    answer = desk.answer("organizations")
    answer["organizations"][0]["name"] = "x" * 40_000
    output = io.BytesIO()
    view = VIEWS["organizations"]
    FORMATS["xlsx"].write(output, answer, Choice(view, view.tables[0]))
    cell = openpyxl.load_workbook(output)["organizations"]["B2"].value
    assert len(str(cell)) == 32_767
    assert str(cell).endswith("(40000 characters: ask for json)")


@pytest.mark.parametrize(
    "text",
    [
        "vendor-dependence?buyer=baidu",
        "/api/v1/views/vendor-dependence?buyer=baidu",
        "http://127.0.0.1:8000/api/v1/views/vendor-dependence?buyer=baidu",
    ],
)
def test_a_question_may_be_given_as_an_address(text: str) -> None:
    asked = parse_question(text)
    assert (asked.view.path, asked.raw) == ("vendor-dependence", {"buyer": ["baidu"]})


@pytest.mark.parametrize("text", ["dependence", "", "organizations/", "vendor-dependence/other", "purchases"])
def test_a_view_that_is_none_is_named(text: str) -> None:
    with pytest.raises(NothingThere, match="there is no view"):
        parse_question(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("999999999999999", True), ("1600000000000000000", True), ("0.000001", True), ("1234567890.123456", False)],
)
def test_a_number_is_kept_where_a_double_has_its_digits(text: str, kept: bool) -> None:
    assert is_kept(text) is kept
