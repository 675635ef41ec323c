"""Likely duplicates written to a file, decided, and imported: joined once, told apart, contradictions named."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from service.asking.questions import Questions
from service.importing.plans import RowRefused
from service.importing.rows import BadFile
from tests.service.importing.conftest import Desk, table

COLUMNS = ("organization_id", "name", "other_id", "other_name", "score", "decision", "survives")


@pytest.fixture
def alike(desk: Desk) -> Desk:
    """A ledger with three records of one name, and others."""
    for identifier, name in (("a", "Acme Pumps Ltd"), ("b", "ACME PUMPS"), ("c", "Acme Pumps GmbH"), ("x", "Quart")):
        data = {"organization_id": identifier, "name": name, "country": "DE"}
        desk.record([{"type": "organization-registered", "effective_on": "2023", "data": data}])
    return desk


def pairs(desk: Desk) -> list[tuple[str, str]]:
    """The pairs that are proposed."""
    desk.daybook.follower.wait_for(desk.head, 10)
    found = Questions(desk.daybook, 5.0).likely_duplicates({})["likely_duplicates"]
    return [(pair["organization_id"], pair["other_id"]) for pair in found]


def review(*rows: Sequence[str]) -> bytes:
    """A review with these pairs, decisions and survivors."""
    named = [dict(zip(("organization_id", "other_id", "decision", "survives"), row, strict=False)) for row in rows]
    return table(COLUMNS, named)


def faults(desk: Desk, *rows: Sequence[str]) -> list[tuple[int, str]]:
    """What is wrong with a review, of which nothing is recorded."""
    head = desk.head
    with pytest.raises(BadFile) as caught:
        desk.imports(review(*rows))
    assert desk.head == head
    return [(fault.line, fault.message) for fault in caught.value.faults]


def joined(desk: Desk) -> dict[str, Any]:
    return {event.data["organization_id"]: event.data["same_as"] for event in desk.events("organization-changed")}


def test_what_is_the_same_is_joined_once(alike: Desk) -> None:
    assert pairs(alike) == [("a", "b"), ("a", "c"), ("b", "c")]
    decided = review(("a", "b", "same"), ("a", "c", " Same ", "c"), ("b", "c", ""))
    summary = alike.imports(decided)
    assert (summary.format, summary.rows, summary.recorded) == ("duplicates", 3, 2)
    assert joined(alike) == {"b": "a", "a": "c"}
    assert pairs(alike) == []
    again = alike.imports(decided)
    assert (again.recorded, len(again.plan.known)) == (0, 2)


def test_what_is_different_is_proposed_no_more_until_that_is_taken_back(alike: Desk) -> None:
    decided = review(("a", "b", "different"), ("c", "a", "different"))
    assert alike.imports(decided).recorded == 2
    assert pairs(alike) == [("b", "c")]
    assert alike.imports(decided).recorded == 0
    [first, _] = alike.events("event-annotated")
    assert first.data["note"] == "b is another organisation than a"
    taken_back = {"retracts": first.id, "reason": "They are one after all."}
    alike.record([{"type": "event-retracted", "effective_on": "2024", "data": taken_back}])
    assert pairs(alike) == [("a", "b"), ("b", "c")]
    assert alike.imports(decided).recorded == 1
    assert pairs(alike) == [("b", "c")]


def test_a_pair_stays_told_apart_where_one_of_them_is_joined_with_a_third(alike: Desk) -> None:
    alike.imports(review(("a", "b", "different"), ("b", "c", "same", "c")))
    assert pairs(alike) == []


def test_a_dry_run_says_it_and_records_nothing(alike: Desk) -> None:
    head = alike.head
    summary = alike.imports(review(("a", "b", "same"), ("a", "c", "different")), dry_run=True)
    assert (summary.types, alike.head) == ({"organization-changed": 1, "event-annotated": 1}, head)


def test_rows_that_all_say_the_same_of_three_records_agree(alike: Desk) -> None:
    summary = alike.imports(review(("a", "b", "same"), ("a", "c", "same"), ("b", "c", "same")))
    assert (summary.recorded, joined(alike)) == (2, {"b": "a", "c": "a"})


def test_what_cannot_be_is_named_by_row(alike: Desk) -> None:
    assert faults(
        alike,
        ("a", "nobody", "same"),
        ("a", "b", "perhaps"),
        ("a", "b", "same", "x"),
        ("a", "a", "same"),
        ("a", "c", "different", "a"),
        ("", "c", "same"),
        ("a", "c", "", "a"),
    ) == [
        (2, "the ledger has no organisation nobody"),
        (3, "decision 'perhaps' is neither same nor different"),
        (4, "survives names 'x', and the two are a and b"),
        (5, "a stands in both columns"),
        (6, "survives names 'a', and different organisations both do"),
        (7, "organization_id is empty"),
        (8, "survives names 'a', and decision is empty: same or different?"),
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([("a", "b", "same"), ("a", "b", "different")], (3, "a and b are different by this row, and one by line 2")),
        (
            [("a", "b", "same"), ("b", "c", "same"), ("a", "c", "different")],
            (4, "a and c are different by this row, and one by line 3"),
        ),
        (
            [("a", "b", "same"), ("b", "a", "same")],
            (3, "a is to stand for b, and b stands for a by line 2: say which of them survives"),
        ),
        (
            [("a", "c", "same"), ("b", "c", "same")],
            (3, "c is to stand for b, and c stands for a by line 2: say which of them survives"),
        ),
        (
            [("a", "b", "same"), ("b", "c", "same"), ("c", "a", "same")],
            (4, "a is to stand for c, and c stands for b by line 3: say which of them survives"),
        ),
    ],
)
def test_rows_that_contradict_each_other_are_named(
    alike: Desk, rows: list[tuple[str, ...]], fault: tuple[int, str]
) -> None:
    assert faults(alike, *rows) == [fault]


def test_what_the_ledger_says_otherwise_is_named(alike: Desk) -> None:
    alike.imports(review(("a", "b", "same")))
    assert faults(alike, ("a", "b", "different"), ("b", "a", "same")) == [
        (2, "a and b are different by this row, and one in the ledger"),
        (3, "a is to stand for b, and b stands for a in the ledger: say which of them survives"),
    ]


def test_a_circle_of_owners_and_records_is_refused_with_its_row(alike: Desk) -> None:
    for child, parent in (("a", "x"), ("x", "b")):
        data = {"organization_id": child, "parent_id": parent}
        alike.record([{"type": "organization-changed", "effective_on": "2023", "data": data}])
    with pytest.raises(RowRefused, match=r"line 3: a and b: .*circle"):
        alike.imports(review(("a", "c", "same"), ("a", "b", "same")))
    assert "c" not in {event.data["organization_id"] for event in alike.events("organization-changed")}


def test_a_review_may_come_back_as_a_spreadsheet_saves_it(alike: Desk) -> None:
    rows: list[Mapping[str, str]] = list(csv.DictReader(io.StringIO(review(("a", "b", "same")).decode())))
    text = "\r\n".join([";".join(COLUMNS), *(";".join(row[name] for name in COLUMNS) for row in rows)])
    summary = alike.imports(("\ufeff" + text).encode())
    assert (summary.format, summary.recorded) == ("duplicates", 1)
