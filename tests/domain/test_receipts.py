"""Amounts that receipts do not state, figured out by hand (docs/semantics.md, 30)."""

from typing import Any

import pytest

from domain.errors import Invalid
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, line, market


def ordered(quantity: Any, amount: Any) -> Book:
    """A book with an order of one line."""
    book = market()
    book.order("po-1", "2023-08-31", [line(quantity, amount)])
    return book


def receives(book: Book, quantity: Any, **amount: Any) -> Any:
    """Goods arrive; the amount as recorded."""
    event = book.receive("po-1", "2023-10-01", {"line": "1", "quantity": quantity} | amount)
    return event["data"]["receipts"][0]["amount"]


def test_an_amount_is_pro_rata_of_the_line() -> None:
    book = ordered("1600", "450000000")
    # 281,250 each: 961 to 1,000 of them, as in the seed.
    assert receives(book, {"value": "1000", "low": "961", "high": "1000"}) == {
        "value": "281250000",
        "low": "270281250",
        "high": "281250000",
    }


def test_the_last_of_three_thirds_takes_the_remainder() -> None:
    book = ordered("3", "100")
    # 33.3333, then 66.6667 - 33.3333, then 100 - 66.6667.
    assert [receives(book, "1") for _ in range(3)] == ["33.3333", "33.3334", "33.3333"]


def test_sevenths_add_up_to_the_whole() -> None:
    book = ordered("7", "1")
    # 1/7 = 0.142857..., 2/7 = 0.285714..., 3/7 = 0.428571..., 4/7, 5/7 = 0.714285..., 6/7 = 0.857142...
    parts = ["0.1429", "0.1428", "0.1429", "0.1428", "0.1429", "0.1428", "0.1429"]
    assert [receives(book, "1") for _ in range(7)] == parts


def test_rounding_is_half_to_even() -> None:
    # 0.00005 and 0.00015 at four places.
    assert receives(ordered("2", "0.0001"), "1") == "0"
    assert receives(ordered("2", "0.0003"), "1") == "0.0002"


def test_a_stated_amount_leaves_the_rest_to_the_next() -> None:
    book = ordered("10", "1000")
    assert receives(book, "4", amount="450") == "450"
    assert receives(book, "6") == "550"


def test_an_amount_is_never_below_nothing() -> None:
    book = ordered("10", "1000")
    assert receives(book, "1", amount="900") == "900"
    assert receives(book, "2") == "0"
    # 1,000 of the whole less 900 and 0.
    assert receives(book, "7") == "100"


def test_an_amount_stated_as_unknown_counts_as_its_share() -> None:
    book = ordered("3", "100")
    assert receives(book, "1", amount=None) is None
    assert receives(book, "2") == "66.6667"


def test_more_than_ordered_goes_on_at_the_price_of_the_line() -> None:
    book = ordered("10", "1000")
    assert receives(book, "10") == "1000"
    assert receives(book, {"value": "2", "low": "0", "high": "2.5"}) == {"value": "200", "low": "0", "high": "250"}


def test_bounds_are_cumulative_as_the_value_is() -> None:
    book = ordered("10", "1000")
    assert receives(book, {"value": "5", "low": "4", "high": "6"}) == {"value": "500", "low": "400", "high": "600"}
    # Of all: 10 (9 to 11) make 1,000 (900 to 1,100), less 500 (400 to 600).
    assert receives(book, "5") == "500"


def test_bounds_are_widened_to_hold_the_value() -> None:
    book = ordered("10", "1000")
    # 300 is stated for what would make 500: value 500 + 200, low and high as if nothing had been said of them.
    assert receives(book, "5", amount={"value": "300", "low": "100", "high": "800"}) == {
        "value": "300",
        "low": "100",
        "high": "800",
    }
    # value 1,000 - 300, low 1,000 - 100, high 1,000 - 800: the low is brought down and the high up to the value.
    assert receives(book, "5") == "700"


def test_bounds_that_are_not_crossed_stand() -> None:
    book = ordered("10", "1000")
    assert receives(book, "5", amount={"value": "300", "low": "300", "high": "400"})
    # value 700, low 1,000 - 300 = 700, high 1,000 - 400 = 600 brought up to 700.
    assert receives(book, "5") == "700"
    # All 12 to 14: 1,300 (1,200 to 1,400), less 1,000 (1,000 to 1,100).
    assert receives(book, {"value": "3", "low": "2", "high": "4"}) == {"value": "300", "low": "200", "high": "300"}


def test_the_line_counts_as_amended_so_far() -> None:
    book = ordered("10", "1000")
    assert receives(book, "5") == "500"
    book.amend("po-1", "2023-10-02", {"line": "1", "quantity": "-2", "amount": "-400"})
    # 600 for 8 are 75 each: 8 of them less the 500 before.
    assert receives(book, "3") == "100"


def test_a_line_of_which_less_is_due_than_was_booked_yields_nothing() -> None:
    book = ordered("10", "1000")
    assert receives(book, "8") == "800"
    book.amend("po-1", "2023-10-02", {"line": "1", "amount": "-500"})
    assert receives(book, "1") == "0"


def test_returns_do_not_enter() -> None:
    book = ordered("10", "1000")
    assert receives(book, "5") == "500"
    book.give_back("po-1", "2023-10-02", {"line": "1", "quantity": "5", "amount": "500"})
    assert receives(book, "5") == "500"


def test_retracted_receipts_and_amendments_do_not_enter() -> None:
    book = ordered("10", "1000")
    wrong = book.receive("po-1", "2023-10-01", {"line": "1", "quantity": "5", "amount": "999"})
    book.retract(wrong["id"])
    amended = book.amend("po-1", "2023-10-02", {"line": "1", "amount": "500"})
    book.retract(amended["id"], known_on="2024-01-01")
    assert receives(book, "5") == "500"


def test_receipts_count_in_the_order_recorded_whatever_their_dates() -> None:
    book = ordered("3", "100")
    first = book.receive("po-1", "2024-01-01", {"line": "1", "quantity": "1"})
    second = book.receive("po-1", "2023-09-01", {"line": "1", "quantity": "1"})
    amounts = [event["data"]["receipts"][0]["amount"] for event in (first, second)]
    assert amounts == ["33.3333", "33.3334"]


def test_two_receipts_of_one_event_follow_one_another() -> None:
    book = ordered("3", "100")
    event = book.receive("po-1", "2023-10-01", *({"line": "1", "quantity": "1"} for _ in range(3)))
    assert [receipt["amount"] for receipt in event["data"]["receipts"]] == ["33.3333", "33.3334", "33.3333"]


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
def test_a_line_without_an_exact_price_yields_no_amount(quantity: Any, amount: Any) -> None:
    assert receives(ordered(quantity, amount), "5") is None


def test_an_exact_price_may_be_given_with_bounds_that_coincide() -> None:
    assert receives(ordered({"value": "10", "low": "10", "high": "10"}, {"value": "1000"}), "5") == "500"


def test_a_receipt_of_unknown_quantity_yields_no_amount() -> None:
    book = ordered("10", "1000")
    assert receives(book, None) is None
    assert receives(book, "5") == "500"


def test_nothing_received_costs_nothing() -> None:
    assert receives(ordered("10", "1000"), "0") == "0"


def test_a_line_that_is_free_yields_nothing() -> None:
    assert receives(ordered("10", "0"), "5") == "0"


def test_an_amount_longer_than_events_hold_is_to_be_stated() -> None:
    book = ordered("1", "999999999999999")
    message = "makes the receipt worth 1999999999999998, beyond 15 digits: state its amount"
    with refuses(book, Invalid, "/data/receipts/0/quantity", message):
        receives(book, "2")
    assert receives(book, "2", amount=None) is None


def test_what_is_stated_is_recorded_as_sent() -> None:
    sent: Event = {"value": "10.50", "low": "9"}
    assert receives(ordered("10", "1000"), "5", amount=sent) == sent
