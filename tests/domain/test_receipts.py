"""Receipts and returns hold what was sent; what a return is credited with is held against what arrived."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.catalogue import read_stored
from domain.errors import Rejected
from domain.json_text import parse_json
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, line, market

FIRST = Path(__file__).parent.parent / "golden" / "stored-events-v1.ndjson"


def ordered(quantity: Any, amount: Any) -> Book:
    """A book with an order of one line."""
    book = market()
    book.order("po-1", "2023-08-31", [line(quantity, amount)])
    return book


def of(quantity: Any, **amount: Any) -> Event:
    """So much of line 1."""
    return {"line": "1", "quantity": quantity} | amount


@pytest.mark.parametrize(
    "sent",
    [
        of("5"),
        of(None),
        of({"value": "5", "low": "4.5"}),
        of("5", amount=None),
        of("5", amount="0"),
        of("5", amount={"value": "10.50", "low": "9"}),
    ],
)
def test_a_receipt_is_recorded_as_it_was_sent(sent: Event) -> None:
    event = ordered("10", "1000").receive("po-1", "2023-10-01", sent)
    assert (event["v"], event["data"]["receipts"]) == (2, [sent])


def test_a_return_is_recorded_as_it_was_sent() -> None:
    book = ordered("10", "1000")
    book.receive("po-1", "2023-10-01", of("5"))
    event = book.give_back("po-1", "2023-10-02", of("2"))
    assert (event["v"], event["data"]["returns"]) == (2, [of("2")])
    assert book.give_back("po-1", "2023-10-02", of("2", amount="0"))["data"]["returns"] == [of("2", amount="0")]


def test_however_much_it_would_be_worth_it_is_recorded() -> None:
    # 2 of what costs 999,999,999,999,999 each is more than an event may state.
    ordered("1", "999999999999999").receive("po-1", "2023-10-01", of("2"))


# Credits


def test_no_more_is_credited_than_what_arrived_is_worth_at_the_price_of_the_line() -> None:
    book = ordered("10", "1000")
    book.receive("po-1", "2023-10-01", of("4"))
    with refuses(book, Rejected, "/data/returns/0/amount", "401 returned of line 1, 400 received"):
        book.give_back("po-1", "2023-10-02", of("1", amount="401"))
    assert book.give_back("po-1", "2023-10-02", of("1", amount="400"))
    with refuses(book, Rejected, "/data/returns/0/amount", "400.0001 returned of line 1, 400 received"):
        book.give_back("po-1", "2023-10-03", of("1", amount="0.0001"))


def test_what_states_its_amount_and_what_does_not_are_worth_both() -> None:
    book = ordered("3", "100")
    book.receive("po-1", "2023-10-01", of("1", amount="50"))
    book.receive("po-1", "2023-10-02", of({"value": "1", "high": "2"}))
    # 50, and 66.6667 at most.
    with refuses(book, Rejected, "/data/returns/0/amount", "116.6668 returned of line 1, 116.6667 received"):
        book.give_back("po-1", "2023-10-03", of("1", amount="116.6668"))
    assert book.give_back("po-1", "2023-10-03", of("1", amount="116.6667"))


def test_the_line_costs_what_it_costs_as_amended_so_far() -> None:
    book = ordered("10", "1000")
    book.receive("po-1", "2023-10-01", of("4"))
    book.amend("po-1", "2025-01-01", {"line": "1", "quantity": "-2", "amount": "-200"}, id="cheaper")
    assert book.give_back("po-1", "2023-10-02", of("1", amount="400"))
    book.amend("po-1", "2025-01-01", {"line": "1", "amount": "800"}, id="dearer")
    # 1,600 for 8.
    assert book.give_back("po-1", "2023-10-02", of("1", amount="400"), id="credited")
    message = "credited (goods-returned) builds on dearer: 800 returned of line 1, 400 received"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract("dearer")
    book.retract("credited")
    assert book.retract("dearer")


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        (None, "1000"),
        ("10", None),
        ({"value": "10", "low": "9"}, "1000"),
        ("10", {"value": "1000", "high": "1200"}),
        ("0", "1000"),
    ],
)
def test_where_the_line_has_no_exact_price_nothing_bounds_a_credit(quantity: Any, amount: Any) -> None:
    book = ordered(quantity, amount)
    book.receive("po-1", "2023-10-01", of("5"))
    assert book.give_back("po-1", "2023-10-02", of("1", amount="99999"))


def test_where_nobody_knows_what_arrived_nothing_bounds_a_credit() -> None:
    for unknown in (of(None), of("5", amount=None)):
        book = ordered("10", "1000")
        book.receive("po-1", "2023-10-01", unknown)
        assert book.give_back("po-1", "2023-10-02", of("1", amount="99999"))


def test_a_receipt_on_which_a_credit_relies_is_not_retracted() -> None:
    book = ordered("10", "1000")
    book.receive("po-1", "2023-10-01", of("4"), id="first")
    book.receive("po-1", "2023-10-01", of("4"), id="second")
    book.give_back("po-1", "2023-10-02", of("1", amount="500"), id="credited")
    message = "credited (goods-returned) builds on first: 500 returned of line 1, 400 received"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract("first")
    book.retract("credited")
    assert book.retract("first")


# As they were first recorded


def first(name: str) -> Mapping[str, Any]:
    """What an event of the first version says."""
    stored = [parse_json(line) for line in FIRST.read_bytes().splitlines()]
    return read_stored(next(event for event in stored if event["id"] == name)).data


def test_a_receipt_of_the_first_version_keeps_the_amount_that_it_was_given() -> None:
    assert first("received")["receipts"] == [
        {
            "line": "1",
            "quantity": {"value": "1000", "low": "961"},
            "amount": {"value": "281337918.0994", "low": "270365739.2935", "high": "281337918.0994"},
        }
    ]


def test_a_return_of_the_first_version_without_an_amount_gave_no_credit() -> None:
    assert first("returned")["returns"] == [{"line": "1", "quantity": "0.25", "amount": "0"}]
    assert first("credited")["returns"] == [{"line": "1", "quantity": "0.25", "amount": "10"}]
