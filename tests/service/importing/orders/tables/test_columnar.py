"""Parquet: exact decimals, dates of its own, and floats only where they are accepted."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.importing.orders.tables import columnar
from service.importing.rows import BadMapping
from tests.service.importing.order_tables import COLUMNS, ROW, events, faults, mapping, placed

TYPED: dict[str, Any] = {
    **ROW,
    "Line": 1,
    "Ordered": date(2024, 3, 1),
    "Due": datetime(2024, 4, 30, 12, 30),  # noqa: DTZ001  # cells have no zone
    "Arrived": datetime(2024, 5, 2, tzinfo=UTC),
    "Qty": 3,
    "Value": Decimal("1600.5000"),
}


def parquet(*rows: dict[str, Any], **types: pa.DataType) -> bytes:
    """A Parquet file with these rows, each the typed row but for what is given."""
    found = [{**TYPED, **row} for row in rows]
    columns = {column: pa.array([row[column] for row in found], type=types.get(column)) for column in COLUMNS}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_decimals_stay_exact_and_dates_are_days() -> None:
    order = placed(events(parquet({}), kind="parquet"))
    assert (order["effective_on"], order["data"]["lines"][0]) == (
        "2024-03-01",
        {"line": "1", "product_id": "pump-p-200", "quantity": "3", "amount": "1600.5", "deliver_by": "2024-04-30"},
    )


def test_a_decimal_with_more_places_than_are_kept_is_refused_not_rounded() -> None:
    assert faults(parquet({}, {"PO": "PO-2", "Value": Decimal("0.00001")}), kind="parquet") == [
        (2, "Value: 0.00001 has more than 4 digits behind the point")
    ]


def test_floats_are_refused_unless_the_mapping_accepts_their_shortest_form() -> None:
    data = parquet({"Value": 1600.1})
    [(_, message)] = faults(data, kind="parquet")
    assert message.startswith("column 'Value' holds binary floating point numbers (double), which are not exact")
    declared = mapping(read={"float": "accept"})
    assert placed(events(data, declared, "parquet"))["data"]["lines"][0]["amount"] == "1600.1"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_even_where_floats_are_accepted(value: float) -> None:
    [(line, message)] = faults(parquet({"Value": value}), mapping(read={"float": "accept"}), "parquet")
    assert (line, message) == (1, f"Value: {value} is no number that can be recorded")


def test_a_missing_value_is_an_empty_cell() -> None:
    assert faults(parquet({"Qty": None}, Qty=pa.int64()), kind="parquet") == [(1, "Qty: is empty")]


def test_words_kept_as_a_dictionary_and_nanoseconds_are_no_matter() -> None:
    data = parquet({}, Supplier=pa.dictionary(pa.int8(), pa.string()), Due=pa.timestamp("ns"))
    assert placed(events(data, kind="parquet"))["data"]["vendor_id"] == "muller-sohne-gmbh"


def test_a_column_of_lists_is_refused_where_it_is_needed() -> None:
    [(_, message)] = faults(parquet({"Item": ["a", "b"]}), kind="parquet")
    assert message.startswith("column 'Item' holds list<")


def test_a_row_group_that_declares_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "LARGEST_ROW_GROUP_BYTES", 100)
    [(_, message)] = faults(parquet({}), kind="parquet")
    assert message.startswith("row group 1 takes ")


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"PAR1", lambda data: data[:4] + data[300:]])
def test_what_is_no_parquet_is_refused(damage: Any) -> None:
    [(line, message)] = faults(damage(parquet({})), kind="parquet")
    assert (line, message[:11]) == (1, "not Parquet")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())]
)
def test_one_long_text_in_every_row_is_held_once_and_refused_by_row(kind: pa.DataType) -> None:
    text = "x" * 200_000
    rows = 2_000
    table = pa.table({"PO": pa.array([f"PO-{n}" for n in range(rows)]), "Item": pa.array([text] * rows, kind)})
    file = io.BytesIO()
    pq.write_table(table, file)
    del table
    assert len(file.getvalue()) < 200_000
    before = pa.total_allocated_bytes()
    most = 0
    found = columnar.Columnar(file)
    for row in found.rows([0, 1]):
        most = max(most, pa.total_allocated_bytes() - before)
        assert row.message == "Item: has 200,000 bytes, more than 32,767 characters"  # type: ignore[union-attr]
    assert most < 10 * len(text)


def test_a_text_as_long_as_a_cell_may_be_is_read_and_one_more_is_not() -> None:
    def read(text: str, kind: pa.DataType) -> Any:
        file = io.BytesIO()
        pq.write_table(pa.table({"Item": pa.array([text], kind)}), file)
        return next(columnar.Columnar(file).rows([0]))

    for kind in (pa.string(), pa.binary()):
        assert read("ü" * 32_767, kind).cells == ["ü" * 32_767]
        assert read("ü" * 32_768, kind).message == "Item: has 32,768 characters, more than 32,767"


def described(table: pa.Table, **changes: Any) -> list[tuple[int, str]]:
    file = io.BytesIO()
    pq.write_table(table, file, **changes)
    return faults(file.getvalue(), kind="parquet")


def test_what_a_file_claims_is_bounded_before_it_is_read() -> None:
    assert described(pa.table({f"c{n}": [1] for n in range(16_385)})) == [(1, "has 16,385 columns, more than 16,384")]
    [(_, message)] = described(pa.table({"PO": pa.nulls(4_000_000, pa.int8())}))
    assert message.startswith("claims 4,000,000 rows in ")
    fixed = {"Item": pa.array([bytes(100)], pa.binary(100))}
    others = {column: ["x"] for column in COLUMNS if column != "Item"}
    assert described(pa.table({**others, **fixed})) == [(1, "column 'Item' holds values of 100 bytes each")]


@pytest.mark.parametrize(
    ("footer", "message"),
    [
        (b"\xff\xff\xff\x7fPAR1", "not Parquet: it says that its description has 2,147,483,647 bytes, and has "),
        (b"\x00\x00\x00\x00PAR1", "not Parquet: "),
        (b"\x10\x00\x00\x00PARE", "not Parquet: its end is missing"),
    ],
)
def test_a_description_that_the_file_has_not_is_refused(footer: bytes, message: str) -> None:
    [(line, said)] = faults(parquet({})[:-8] + footer, kind="parquet")
    assert line == 1
    assert said.startswith(message)


def test_a_column_that_stands_twice_is_not_guessed() -> None:
    columns = [pa.array([TYPED[column]]) for column in COLUMNS]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([*columns, columns[0]], [*COLUMNS, "PO"]), file)
    with pytest.raises(BadMapping, match="names the column 'PO', which the file has twice"):
        faults(file.getvalue(), kind="parquet")
