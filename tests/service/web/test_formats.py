"""Views over HTTP in the format that is asked for, by ?format= or by what Accept likes best."""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from service.exporting.formats import FORMATS, XLSX
from service.web.accepting import liked_best

VIEW = "/api/v1/views/vendor-dependence?buyer=baidu&measure=units&effective_on=2023-08-31"
EVIDENCE = "/api/v1/views/vendor-dependence/evidence?buyer=baidu&key=huawei"
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize(
    ("header", "offered", "liked"),
    [
        ("*/*", ("application/json", CSV), "application/json"),
        ("", ("application/json", CSV), "application/json"),
        (CSV, ("application/json", CSV), CSV),
        ("text/*", ("application/json", CSV), CSV),
        ("TEXT/CSV; charset=utf-8", ("application/json", CSV), CSV),
        ("application/json;q=0.5, text/csv", ("application/json", CSV), CSV),
        ("text/csv;q=0.5, application/json;q=0.6", ("application/json", CSV), "application/json"),
        # Liked alike: the one that is named, then the one named first.
        ("*/*, text/csv", ("application/json", CSV), CSV),
        ("text/csv, application/json", ("application/json", CSV), CSV),
        # Refused by name, whatever the rest may be.
        ("application/json;q=0, */*", ("application/json", CSV), CSV),
        ("text/csv;q=0", ("application/json", CSV), None),
        ("image/png", ("application/json", CSV), None),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", ("application/json", CSV), "application/json"),
        ("text/csv;q=much", ("application/json", CSV), CSV),
        # A comma, or a weight, in the value of a parameter is a part of it.
        ('text/csv;x="a,b";q=0.1, application/json;q=0.2', ("application/json", CSV), "application/json"),
        ('text/csv;x="\\";q=0;";q=0.3, application/json;q=0.2', ("application/json", CSV), CSV),
        # What is offered has no parameters: the range that has none, either, decides.
        ("text/csv;header=absent;q=0.9, text/csv;q=0", ("application/json", CSV), None),
        # The most specific range decides, however the wider ones are liked.
        ("text/*;q=0.9, text/csv;q=0.1, application/*;q=0.2", ("application/json", CSV), "application/json"),
        ("*/*;q=0.1, text/csv;q=0", ("application/json", CSV), "application/json"),
        ("*/*;q=0", ("application/json", CSV), None),
    ],
)
def test_the_format_that_is_liked_best_is_given(header: str, offered: tuple[str, ...], liked: str | None) -> None:
    assert liked_best(header, offered) == liked


def test_every_format_gives_the_same_figures(reader: TestClient) -> None:
    rows = {row["key"]: row["value"] for row in reader.get(VIEW).json()["rows"]}
    assert rows["huawei"] == "1600"

    answer = reader.get(VIEW, headers={"Accept": CSV})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="vendor-dependence-at-56.csv"'
    assert answer.headers["vary"] == "Accept"
    assert {row["key"]: row["value"] for row in csv.DictReader(io.StringIO(answer.text))} == rows

    exact = {key: Decimal(value) for key, value in rows.items()}
    table = pq.read_table(io.BytesIO(reader.get(VIEW, headers={"Accept": PARQUET}).content)).to_pydict()
    assert dict(zip(table["key"], table["value"], strict=True)) == exact
    stream = pa.ipc.open_stream(reader.get(f"{VIEW}&format=arrow").content).read_all().to_pydict()
    assert dict(zip(stream["key"], stream["value"], strict=True)) == exact
    answer = reader.get(f"{VIEW}&format=xlsx")
    assert answer.headers["content-type"] == XLSX
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["rows"]
    assert {row[0]: Decimal(str(row[2])) for row in sheet.iter_rows(min_row=2, values_only=True)} == exact


def test_a_csv_for_excel_begins_with_a_byte_order_mark(reader: TestClient) -> None:
    plain = reader.get(f"{VIEW}&format=csv").content
    assert reader.get(f"{VIEW}&format=csv&bom=true").content == b"\xef\xbb\xbf" + plain
    assert reader.get(f"{VIEW}&bom=true", headers={"Accept": CSV}).content == b"\xef\xbb\xbf" + plain
    assert reader.get(f"{VIEW}&format=csv&bom=false").content == plain


def test_the_parameter_wins_over_the_header(reader: TestClient) -> None:
    answer = reader.get(f"{VIEW}&format=json", headers={"Accept": CSV})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == reader.get(VIEW).json()


def test_the_same_bytes_are_found_again(reader: TestClient) -> None:
    for question in (
        VIEW,
        f"{EVIDENCE}&format=csv&table=postings",
        "/api/v1/views/vendor-dependence/series?buyer=baidu&from=2023-01-01&step=P1M&format=csv",
        "/api/v1/views/vendor-dependence/diff?buyer=baidu&known_on=2023-08-31&known_on=2023-12-31&format=csv",
        "/api/v1/views/organizations?format=parquet",
        "/api/v1/views/order-lines?format=csv&bom=true&limit=3",
        "/api/v1/orders/baidu-huawei-2023-08?table=history&format=csv",
    ):
        first = reader.get(question)
        assert first.status_code == 200, first.text
        again = reader.get(first.headers["content-location"])
        assert again.content == first.content
        assert "position=56" in first.headers["content-location"]


def test_other_tables_are_asked_for_by_name(reader: TestClient) -> None:
    answer = reader.get(f"{EVIDENCE}&format=csv&table=postings")
    assert "evidence-postings-at-56.csv" in answer.headers["content-disposition"]
    assert [row["type"] for row in csv.DictReader(io.StringIO(answer.text))] == ["order-placed"]
    assert reader.get("/api/v1/regulations/us-3a090?format=csv&table=history").text.count("\n") >= 2


@pytest.mark.parametrize(
    ("question", "headers", "status", "words"),
    [
        (VIEW, {"Accept": "image/png"}, 406, "this is offered as application/json, text/csv"),
        (f"{VIEW}&format=pdf", {}, 406, "format is one of json, csv, ndjson, parquet, arrow, xlsx, not 'pdf'"),
        (f"{VIEW}&format=csv&format=json", {}, 422, "is given 2 times"),
        (f"{VIEW}&format=csv&table=postings", {}, 422, "has no table 'postings', only rows, metrics, remarks"),
        (f"{VIEW}&format=csv&bom=yes", {}, 422, "is true or false, not 'yes'"),
        (f"{VIEW}&format=json&bom=true", {}, 422, "is for csv, not json"),
        (f"{VIEW}&format=csv&colour=red", {}, 422, "unknown parameter"),
        ("/api/v1/views/organizations/nobody?format=csv", {}, 404, "organization nobody is not known"),
    ],
)
def test_what_cannot_be_given_is_a_problem(
    reader: TestClient, question: str, headers: Mapping[str, str], status: int, words: str
) -> None:
    answer = reader.get(question, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.text


CAPACITY = "buyer=baidu&measure=capacity&effective_on=2023-08-31&known_on=2023-11-08"
SPENT = "buyer=baidu&status=ordered&effective_on=2023-12-31"


@pytest.mark.parametrize(
    ("question", "kind", "subject"),
    [
        (f"vendor-dependence?{CAPACITY}", "no-product", "nvidia"),
        (f"vendor-dependence/evidence?{CAPACITY}&key=nvidia", "no-product", "nvidia"),
        (
            "vendor-dependence/series?buyer=baidu&measure=capacity&from=2023-08-30&to=2023-08-31",
            "no-product",
            "nvidia",
        ),
        (
            "vendor-dependence/diff?buyer=baidu&measure=capacity&effective_on=2023-08-30&effective_on=2023-08-31",
            "no-product",
            "nvidia",
        ),
        (f"regulatory-exposure?{SPENT}", "no-currency", "baidu-kunlun-1"),
        (f"sole-source?{SPENT}", "no-currency", "baidu-kunlun-1"),
    ],
)
def test_remarks_are_a_table_of_every_format(reader: TestClient, question: str, kind: str, subject: str) -> None:
    asked = f"/api/v1/views/{question}"
    remarks = reader.get(asked).json()["remarks"]
    if isinstance(remarks, dict):
        remarks = [{"side": side, **remark} for side in ("before", "after") for remark in remarks[side]]
    said = [{"days": None, **remark} for remark in remarks]
    assert (kind, subject) in {(remark["kind"], remark["subject"]) for remark in said}

    text = reader.get(f"{asked}&format=csv&table=remarks").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in sorted(remark.items(), key=lambda one: one[0])}
        for remark in said
    ]
    columns = list(rows[0])
    in_order = [[remark[name] for name in columns] for remark in said]
    parquet = pq.read_table(io.BytesIO(reader.get(f"{asked}&format=parquet&table=remarks").content))
    arrow = pa.ipc.open_stream(reader.get(f"{asked}&format=arrow&table=remarks").content).read_all()
    for table in (parquet, arrow):
        assert [[row[name] for name in columns] for row in table.to_pylist()] == in_order
    # A workbook has them beside its other tables.
    sheet = openpyxl.load_workbook(io.BytesIO(reader.get(f"{asked}&format=xlsx").content))["remarks"]
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [columns, *in_order]


def test_every_view_is_given_in_every_format(reader: TestClient) -> None:
    for path in (
        "/api/v1/views/regulatory-exposure?buyer=baidu",
        "/api/v1/regulations",
        "/api/v1/products/hw-910b",
        "/api/v1/views/partnerships?party=huawei",
    ):
        for one in FORMATS.values():
            answer = reader.get(path, headers={"Accept": one.media_type})
            assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, one.media_type)
