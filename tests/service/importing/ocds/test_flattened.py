"""A flattened workbook of open contracting data comes to what its JSON does."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from openpyxl import Workbook

from service.importing.formats import guess_format
from service.importing.ocds.documents import Document
from service.importing.ocds.flattened import unflattened
from service.importing.ocds.orders import read_documents
from service.importing.plans import Summary
from tests.service.importing.conftest import EXAMPLES, Desk
from tests.service.importing.ocds_samples import (
    BUYER,
    EMPTY,
    OCID,
    PARTIES,
    SUPPLIER,
    contract,
    item,
    jsonl,
    package,
    read,
    release,
)

EXAMPLE = EXAMPLES / "ocds-flattened.xlsx"
Rows = Sequence[Sequence[Any]]


def workbook(**sheets: Rows) -> bytes:
    """Sheets with rows, the first of which names the columns."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def of(entry: str, fields: str) -> tuple[str, ...]:
    """Columns of an entry of a list."""
    return ("ocid", "id", *(f"{entry}/{field}" for field in fields.split()))


ID = "2016-07-01-contract"
MAIN = [
    ("ocid", "id", "date", "tag", "initiationType", "buyer/id", "buyer/name"),
    (OCID, ID, "2016-07-01T10:00:00Z", "contract", "tender", BUYER["id"], BUYER["name"]),
]
SHEETS: dict[str, Rows] = {
    "releases": MAIN,
    "parties": [
        (
            "ocid",
            "id",
            "parties/0/id",
            "parties/0/name",
            "parties/0/roles",
            "parties/0/identifier/scheme",
            "parties/0/identifier/id",
        ),
        *(
            (
                OCID,
                ID,
                one["id"],
                one["name"],
                ";".join(one["roles"]),
                one["identifier"]["scheme"],
                one["identifier"]["id"],
            )
            for one in PARTIES
        ),
    ],
    "awards": [
        (
            "ocid",
            "id",
            "awards/0/id",
            "awards/0/status",
            "awards/0/date",
            "awards/0/value/amount",
            "awards/0/value/currency",
        ),
        (OCID, ID, "a-1", "active", "2016-05-02T09:00:00-04:00", 650000, "PYG"),
    ],
    "awards_suppliers": [
        ("ocid", "id", "awards/0/id", "awards/0/suppliers/0/id", "awards/0/suppliers/0/name"),
        (OCID, ID, "a-1", SUPPLIER["id"], SUPPLIER["name"]),
    ],
    "contracts": [
        of("contracts/0", "id awardID status dateSigned value/amount value/currency"),
        (OCID, ID, "c-1", "a-1", "active", "2016-06-28T12:00:00-04:00", 650000, "PYG"),
    ],
    "contracts_items": [
        of(
            "contracts/0",
            "id items/0/id items/0/description items/0/quantity items/0/classification/scheme"
            " items/0/classification/id items/0/unit/name items/0/unit/value/amount items/0/unit/value/currency",
        ),
        (OCID, ID, "c-1", "i-1", "Item i-1", 4, "UNSPSC", "43211507", "Unidad", 65000, "PYG"),
        (OCID, ID, "c-1", "i-2", "Item i-2", 6, "UNSPSC", "43211507", "Unidad", 65000, "PYG"),
    ],
}


def sent(groups: Any) -> list[Any]:
    return [entry.sent for group in groups for entry in (*group.needs, *group.entries)]


def flattened(data: bytes) -> tuple[list[Any], list[str]]:
    """Groups and what is rejected."""
    found = list(read_documents(unflattened(io.BytesIO(data)), Summary("f", "ocds-workbook", 0, True), EMPTY))
    return [one for one in found if hasattr(one, "entries")], [one.message for one in found if hasattr(one, "message")]


def test_a_flattened_workbook_comes_to_the_orders_of_its_releases() -> None:
    data = workbook(notes=[], **SHEETS)
    assert guess_format(io.BytesIO(data)) == "ocds-workbook"
    groups, rejects = flattened(data)
    assert rejects == []
    items = [item("i-1", 4), item("i-2", 6)]
    same, _, _ = read(jsonl(package(release(id=ID, contracts=[contract(items=items)]))))
    assert sent(groups) == sent(same)


def test_rows_that_name_no_process_or_contradict_others_are_named_by_sheet_and_row() -> None:
    bad = {**SHEETS, "awards": [*SHEETS["awards"], ("", ID, "a-2"), (OCID, ID, "a-1", "pending")]}
    _, rejects = flattened(workbook(**bad))
    assert rejects[:2] == [
        "sheet 'awards', row 3: names no ocid",
        "sheet 'awards', row 4: awards/0/status is 'pending' here, and 'active' before",
    ]


def test_entries_of_one_sheet_may_stand_side_by_side() -> None:
    main = [(*MAIN[0], "awards/0/id", "awards/1/id"), (*MAIN[1], "a-1", "a-2")]
    [document] = unflattened(io.BytesIO(workbook(releases=main)))
    assert isinstance(document, Document)
    assert document.value["releases"][0]["awards"] == [{"id": "a-1"}, {"id": "a-2"}]


@pytest.mark.parametrize("again", [False, True])
def test_the_example_imports_once(desk: Desk, again: bool) -> None:
    summary = desk.imports(EXAMPLE)
    assert (summary.format, summary.recorded > 0) == ("ocds-workbook", True)
    if again:
        assert desk.imports(EXAMPLE).recorded == 0
