"""The largest figures that a view can give: every format has every digit, or is refused."""

import csv
import io
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.testclient import TestClient

EVENTS, VIEWS = "/api/v1/events", "/api/v1/views"
ASKED = "currency=EUR&status=delivered"
#: Of an amount or a quantity that is recorded.
LARGEST = "999999999999999.9999"
#: What is derived for LARGEST goods of which 0.0001 cost LARGEST: 38 digits.
DERIVED = "9999999999999999998000000000000000.0001"
QUESTIONS = (
    ("vendor-dependence", "rows", "value"),
    ("vendor-dependence/series", "points", "value"),
    ("vendor-dependence/diff", "rows", "after"),
    ("regulatory-exposure", "rows", "value"),
    ("regulatory-exposure/orders", "rows", "value"),
)
OTHERS = {
    "vendor-dependence/series": "&from=2024-02-01&to=2024-02-02",
    "vendor-dependence/diff": "&effective_on=2024-01-01&effective_on=2024-03-01",
}


def bought(quantity: str, received: str, lines: int = 1) -> list[dict[str, Any]]:
    """Lines of so many goods at the largest amount, and a receipt of another quantity, without an amount."""
    named = [str(number) for number in range(1, lines + 1)]
    placed = {
        "order_id": "po-1",
        "buyers": ["works"],
        "vendor_id": "foundry",
        "currency": "EUR",
        "lines": [{"line": line, "product_id": None, "quantity": quantity, "amount": LARGEST} for line in named],
    }
    received_data = {"order_id": "po-1", "receipts": [{"line": line, "quantity": received} for line in named]}
    organizations = (
        {"organization_id": "works", "name": "Works", "country": "DE"},
        {"organization_id": "foundry", "name": "Foundry", "country": "DE"},
    )
    return [
        *({"type": "organization-registered", "effective_on": "2020", "data": data} for data in organizations),
        {"type": "order-placed", "effective_on": "2024-01-01", "data": placed},
        {"type": "goods-received", "effective_on": "2024-02-01", "data": received_data},
    ]


def in_sheet(content: bytes, table: str, column: str) -> list[str]:
    """The values of a column of a workbook's sheet, as they stand in it."""
    header, *rows = openpyxl.load_workbook(io.BytesIO(content))[table].iter_rows(values_only=True)
    return [str(row[header.index(column)]) for row in rows]


def test_the_largest_figure_is_exact_in_text_and_refused_where_there_is_no_room(client: TestClient) -> None:
    assert client.post(EVENTS, json=bought("0.0001", LARGEST)).status_code == 201
    for path, table, column in QUESTIONS:
        question = f"{VIEWS}/{path}?{ASKED}{OTHERS.get(path, '')}"
        assert f'"{DERIVED}"' in client.get(question).text, path
        rows = list(csv.DictReader(io.StringIO(client.get(f"{question}&format=csv").text)))
        assert {row[column] for row in rows} == {DERIVED}, path
        # A cell with more digits than a double keeps is a text.
        assert {*in_sheet(client.get(f"{question}&format=xlsx").content, table, column)} == {DERIVED}, path
        for name in ("parquet", "arrow"):
            answer = client.get(f"{question}&format={name}")
            (fault,) = answer.json()["errors"]
            assert (answer.status_code, fault["pointer"]) == (422, "/format"), path
            assert (
                fault["detail"] == f"{DERIVED} of {column} has more than this format's 32 digits: ask for csv or json"
            )


def test_a_figure_of_all_digits_of_a_format_is_exact_in_it(client: TestClient) -> None:
    # 32 digits before the point.
    assert client.post(EVENTS, json=bought("0.01", LARGEST)).status_code == 201
    exact = client.get(f"{VIEWS}/vendor-dependence?{ASKED}").json()["rows"][0]["value"]
    assert exact == "99999999999999999980000000000000"
    question = f"{VIEWS}/vendor-dependence?{ASKED}&format"
    table = pq.read_table(io.BytesIO(client.get(f"{question}=parquet").content)).to_pydict()
    stream = pa.ipc.open_stream(client.get(f"{question}=arrow").content).read_all().to_pydict()
    for found in (table, stream):
        assert [f"{value.normalize():f}" for value in found["value"]] == [exact]
    assert in_sheet(client.get(f"{question}=xlsx").content, "rows", "value") == [exact]


def test_a_sum_of_more_digits_than_there_is_room_for_is_refused_in_words(client: TestClient) -> None:
    assert client.post(EVENTS, json=bought("0.0001", LARGEST, lines=12)).status_code == 201
    for path, _, _ in QUESTIONS:
        if path != "regulatory-exposure/orders":
            answer = client.get(f"{VIEWS}/{path}?{ASKED}{OTHERS.get(path, '')}")
            assert (answer.status_code, "more than 38 digits" in answer.text) == (422, True), answer.text
            (fault,) = answer.json()["errors"]
            what = "spend delivered comes to more than 38 digits in EUR"
            assert fault == {
                "pointer": "/measure",
                "detail": f"{what}: ask for a part of it, by buyer, window or period",
            }
