"""Tables that fill an order's own columns in its first row alone: what the other rows mean, and where that is lost."""

from typing import Any

from service.importing.items import EventGroup, Reject
from tests.service.importing.order_tables import faults, mapping, read, rows_csv

HEAD = ("PO", "Ordered", "Supplier", "Unit", "Currency")
#: A row that leaves out what the row above says.
REST = dict.fromkeys(HEAD, "")
DECLARED = mapping(rows={"fill_down": list(HEAD)}, receipt=None)


def lines(found: list[EventGroup | Reject]) -> dict[str, list[Any]]:
    """Which lines each order has, with their amounts."""
    placed = [one.entries[0].sent["data"] for one in found if isinstance(one, EventGroup)]
    return {one["order_id"]: [(line["line"], line["amount"]) for line in one["lines"]] for one in placed}


def test_rows_below_the_first_are_lines_of_its_order() -> None:
    rows = rows_csv({}, {**REST, "Line": "2"}, {"PO": "PO-2", "Supplier": "KSB"}, {**REST, "Line": "2", "Value": "7"})
    assert faults(rows, DECLARED) == []
    assert lines(read(rows, DECLARED)) == {
        "PO-1": [("1", "1600.5"), ("2", "1600.5")],
        "PO-2": [("1", "1600.5"), ("2", "7")],
    }


def test_what_a_new_order_leaves_out_is_not_taken_from_the_one_before() -> None:
    rows = rows_csv({}, {"PO": "PO-2", "Supplier": ""})
    assert faults(rows, DECLARED) == [(3, "Supplier: is empty")]


def test_a_column_that_every_row_repeats_may_stand_before_others() -> None:
    declared = mapping(rows={"fill_down": ["Supplier", "PO", "Ordered"]}, receipt=None)
    rows = rows_csv({}, {"PO": "", "Ordered": "", "Line": "2"})
    assert lines(read(rows, declared)) == {"PO-1": [("1", "1600.5"), ("2", "1600.5")]}


def test_the_first_row_says_what_it_means() -> None:
    assert faults(rows_csv(REST, {}), DECLARED) == [(2, "PO: is empty, and no row above it says what it means")]


def test_rows_below_one_that_cannot_be_read_are_of_no_order() -> None:
    good, bad, rest, last = rows_csv({}, {"PO": "PO-2"}, {**REST, "Line": "2"}, {"PO": "PO-3"}).splitlines(True)[1:]
    data = rows_csv().splitlines(True)[0] + good + b"1;" + bad.replace(b",", b";") + rest + last
    lost = "PO: is empty, and a row above it, which may say what it means, cannot be read"
    assert faults(data, DECLARED)[1:] == [(4, lost)]
    # The row below may be of the order before the one that cannot be read: that one is not recorded without it.
    assert lines(read(data, DECLARED)) == {"PO-3": [("1", "1600.5")]}


def test_what_a_rule_leaves_out_is_left_out_with_its_rows() -> None:
    unless = {"Supplier": ["KSB"]}
    declared = mapping(rows={"fill_down": list(HEAD), "unless": unless}, receipt=None)
    rows = rows_csv({}, {"PO": "PO-2", "Supplier": "KSB"}, {**REST, "Line": "2"}, {"PO": "PO-3"})
    assert list(lines(read(rows, declared))) == ["PO-1", "PO-3"]
