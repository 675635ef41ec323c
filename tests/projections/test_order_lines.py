"""The lines of an order with what arrived of them, went back and was cancelled."""

from datetime import date
from typing import Any

import pytest

from projections.order_lines import order_lines
from projections.orders import order
from projections.parameters import Moment
from tests.ledgers import Book, line, market

YEAR_END = date(2023, 12, 31)


@pytest.fixture
def book() -> Book:
    """Baidu with an order of ten A800 at Nvidia, of which four arrived and one went back."""
    made = market()
    made.order("o1", "2023-02-01", [line("10", "1000"), line(None, "7.50", None, "2")])
    made.receive("o1", "2023-03-01", {"line": "1", "quantity": "4"})
    made.give_back("o1", "2023-04-01", {"line": "1", "quantity": "1"})
    return made


def lines_of(book: Book, effective_on: date = YEAR_END) -> list[dict[str, Any]]:
    """The lines of the order."""
    moment = Moment(effective_on=effective_on, position=len(book.events))
    return order_lines(book.history("order/o1"), moment)


def best(line_of: dict[str, Any], measure: str = "quantity") -> dict[str, Any]:
    """The best figure of each status."""
    names = ("ordered", "received", "returned", "delivered", "open", "cancelled")
    return {name: line_of[name][measure]["value"] for name in names}


def test_what_arrived_and_what_went_back_stand_apart(book: Book) -> None:
    first, second = lines_of(book)
    expected = {"ordered": "10", "received": "4", "returned": "1", "delivered": "3", "open": "7", "cancelled": "0"}
    assert best(first) == expected
    # At the price of the line.
    assert best(first, "amount") == {name: f"{100 * int(figure)}" for name, figure in expected.items()}
    assert (first["order_id"], first["currency"], first["status"]) == ("o1", "USD", "open")
    assert second["ordered"]["quantity"] == {"value": None, "low": "0", "high": None}
    assert best(second, "amount")["ordered"] == "7.5"


def test_what_was_still_to_come_of_an_order_that_was_cancelled_is_cancelled(book: Book) -> None:
    book.cancel("o1", "2023-05-01")
    (first, second) = lines_of(book)
    assert best(first) == {
        "ordered": "3", "received": "4", "returned": "1", "delivered": "3", "open": "0", "cancelled": "7",
    }  # fmt: skip
    assert best(second, "amount")["cancelled"] == "7.5"
    assert (first["status"], first["cancelled_on"]) == ("cancelled", "2023-05-01")
    before = lines_of(book, date(2023, 4, 30))
    assert (before[0]["status"], best(before[0])["cancelled"]) == ("open", "0")


def test_lines_are_as_the_order_has_them(book: Book) -> None:
    moment = Moment(effective_on=YEAR_END, position=len(book.events))
    whole = order(book.history("order/o1"), moment)
    assert whole is not None
    for found, expected in zip(lines_of(book), whole["lines"], strict=True):
        assert {name: found[name] for name in expected} == expected
        assert {name: found[name] for name in found if name in whole} == {
            name: whole[name] for name in found if name in whole
        }


def test_of_an_order_that_is_not_placed_yet_there_is_no_line(book: Book) -> None:
    assert lines_of(book, date(2023, 1, 31)) == []
