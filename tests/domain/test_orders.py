"""Decisions about orders: what the arithmetic of an order forbids, and what is recorded although it surprises."""

from typing import Any

import pytest

from domain.errors import Invalid, Rejected
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, line, market, request


@pytest.fixture
def book() -> Book:
    """Baidu orders 1,600 A800 from Nvidia for 16,000,000 dollars, and some cables whose number is not exact."""
    book = market()
    book.order(
        "po-1", "2023-08-31", [line("1600", "16000000"), line({"value": "40", "low": "30"}, None, None, "cables")]
    )
    return book


def of(name: str, quantity: Any = None, amount: Any = None) -> Event:
    """A change, receipt or return of a line; what is None is left out."""
    figures = {"quantity": quantity, "amount": amount}
    return {"line": name} | {key: figure for key, figure in figures.items() if figure is not None}


# Placing


def test_an_order_is_placed_once(book: Book) -> None:
    with refuses(book, Rejected, "/data/order_id", "order/po-1 is registered already"):
        book.order("po-1", "2023-09-01", [line("1")])


def test_an_order_may_be_for_nothing(book: Book) -> None:
    assert book.order("po-2", "2023-08-31", [line("0", "0")])["stream"] == "order/po-2"


# Amendments


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (of("1", "-1600.0001"), "quantity", "-1600.0001 takes the quantity of line 1 (1600) below zero"),
        (of("1", "-1", "-16000001"), "amount", "-16000001 takes the amount of line 1 (16000000) below zero"),
        (
            of("cables", "5"),
            "quantity",
            "the quantity of line cables is not exact, so a difference to it cannot be taken",
        ),
        (
            of("cables", None, "5"),
            "amount",
            "the amount of line cables is not exact, so a difference to it cannot be taken",
        ),
        (of("9", "5"), "line", "po-1 has no line 9"),
    ],
)
def test_a_difference_is_to_an_exact_figure_and_leaves_it_at_zero_or_above(
    book: Book, change: Event, field: str, message: str
) -> None:
    with refuses(book, Rejected, f"/data/changes/0/{field}", message):
        book.amend("po-1", "2023-09-15", change)


def test_a_difference_may_take_a_line_to_exactly_zero(book: Book) -> None:
    book.amend("po-1", "2023-09-15", of("1", "-1600", "-16000000"))
    with refuses(book, Rejected, "/data/changes/0/quantity", "-0.0001 takes the quantity of line 1 (0) below zero"):
        book.amend("po-1", "2023-09-16", of("1", "-0.0001"))


def test_differences_of_one_amendment_are_taken_one_after_the_other(book: Book) -> None:
    message = "-601 takes the quantity of line 1 (600) below zero"
    with refuses(book, Rejected, "/data/changes/1/quantity", message):
        book.amend("po-1", "2023-09-15", of("1", "-1000"), of("1", "-601"))
    assert book.amend("po-1", "2023-09-15", of("1", "-1000"), of("1", "-600"))


def test_no_difference_to_a_figure_that_is_not_exact_is_no_difference(book: Book) -> None:
    assert book.amend("po-1", "2023-09-15", of("cables", "0", "-0"))


def test_a_difference_does_not_make_a_figure_longer_than_events_hold(book: Book) -> None:
    message = "999999999999999 takes the quantity of line 1 beyond 15 digits"
    with refuses(book, Invalid, "/data/changes/0/quantity", message):
        book.amend("po-1", "2023-09-15", of("1", "999999999999999"))
    assert book.amend("po-1", "2023-09-15", of("1", "999999999998399.9999"))


def test_amendments_count_in_the_order_recorded_whatever_their_dates(book: Book) -> None:
    book.amend("po-1", "2024-03-01", of("1", "-1000"))
    message = "-601 takes the quantity of line 1 (600) below zero"
    with refuses(book, Rejected, "/data/changes/0/quantity", message):
        book.amend("po-1", "2023-09-01", of("1", "-601"))


def test_a_further_line_has_a_name_of_its_own(book: Book) -> None:
    data = {"order_id": "po-1", "lines": [line("5", name="2"), line("5", name="cables")]}
    with refuses(book, Rejected, "/data/lines/1/line", "po-1 has a line cables already"):
        book.say("order-amended", "2023-09-15", data)


def test_a_further_line_can_be_changed_only_afterwards(book: Book) -> None:
    lines = {"order_id": "po-1", "lines": [line("5", "50", name="2")]}
    with refuses(book, Rejected, "/data/changes/0/line", "po-1 has no line 2"):
        book.say("order-amended", "2023-09-15", lines | {"changes": [of("2", "1")]})
    book.say("order-amended", "2023-09-15", lines)
    assert book.amend("po-1", "2023-09-15", of("2", "-5", "-50"))


# Receipts and returns


def test_goods_arrive_on_a_line_of_the_order(book: Book) -> None:
    with refuses(book, Rejected, "/data/receipts/1/line", "po-1 has no line 2"):
        book.receive("po-1", "2023-10-01", of("1", "10"), of("2", "10"))


def test_more_received_than_ordered_is_recorded(book: Book) -> None:
    book.receive("po-1", "2023-10-01", of("1", "1600"))
    (received,) = book.receive("po-1", "2023-10-02", of("1", "400"))["data"]["receipts"]
    assert received == of("1", "400")


def test_goods_may_arrive_before_they_are_ordered(book: Book) -> None:
    assert book.receive("po-1", "2023-01-01", of("1", "10"))


def test_no_more_goes_back_than_was_received(book: Book) -> None:
    book.receive("po-1", "2023-10-01", of("1", "1000"))
    with refuses(book, Rejected, "/data/returns/0/quantity", "1000.0001 returned of line 1, 1000 received"):
        book.give_back("po-1", "2023-11-01", of("1", "1000.0001"))
    book.give_back("po-1", "2023-11-01", of("1", "400"))
    with refuses(book, Rejected, "/data/returns/0/quantity", "1001 returned of line 1, 1000 received"):
        book.give_back("po-1", "2023-11-02", of("1", "601"))
    assert book.give_back("po-1", "2023-11-02", of("1", "600"))


def test_returns_of_one_event_are_taken_together(book: Book) -> None:
    book.receive("po-1", "2023-10-01", of("1", "10"))
    with refuses(book, Rejected, "/data/returns/1/quantity", "11 returned of line 1, 10 received"):
        book.give_back("po-1", "2023-11-01", of("1", "6"), of("1", "5"))


def test_no_more_money_comes_back_than_was_booked(book: Book) -> None:
    book.receive("po-1", "2023-10-01", of("1", "10", "90000"))
    with refuses(book, Rejected, "/data/returns/0/amount", "90000.01 returned of line 1, 90000 received"):
        book.give_back("po-1", "2023-11-01", of("1", "10", "90000.01"))
    assert book.give_back("po-1", "2023-11-01", of("1", "10", "90000"))


def test_as_much_may_go_back_as_may_have_been_received(book: Book) -> None:
    book.receive("po-1", "2023-10-01", of("1", {"value": "10", "low": "8", "high": "12"}))
    assert book.give_back("po-1", "2023-11-01", of("1", "12"))
    with refuses(book, Rejected, "/data/returns/0/quantity", "12.5 returned of line 1, 12 received"):
        book.give_back("po-1", "2023-11-02", of("1", "0.5"))


def test_anything_may_go_back_of_a_receipt_of_unknown_quantity(book: Book) -> None:
    book.receive("po-1", "2023-10-01", {"line": "1", "quantity": None})
    assert book.give_back("po-1", "2023-11-01", of("1", "999999", "999999"))


def test_goods_go_back_of_a_line_of_the_order(book: Book) -> None:
    with refuses(book, Rejected, "/data/returns/0/line", "po-1 has no line 2"):
        book.give_back("po-1", "2023-10-01", of("2", "1"))


# Cancellation


def test_an_order_is_cancelled_once(book: Book) -> None:
    book.cancel("po-1", "2023-10-23")
    with refuses(book, Rejected, "/data/order_id", "po-1 is cancelled already, on 2023-10-23"):
        book.cancel("po-1", "2023-10-24")


@pytest.mark.parametrize(
    ("effective_on", "known_on", "ends_on"),
    [
        ("2023-10-24", "2023-10-24", "2023-10-24"),
        ("2023-10", "2023-11-07", "2023-10-31"),
        ("2023", "2023-10-24", "2023-10-24"),
    ],
)
def test_a_cancelled_order_is_not_amended_as_of_later(
    book: Book, effective_on: str, known_on: str, ends_on: str
) -> None:
    book.cancel("po-1", "2023-10-23")
    message = f"po-1 is cancelled on 2023-10-23 and cannot be amended as of {ends_on}"
    with refuses(book, Rejected, "/effective_on", message):
        book.amend("po-1", effective_on, of("1", "-1"), known_on=known_on)


@pytest.mark.parametrize(
    ("effective_on", "known_on"),
    [
        ("2023-09-01", "2024-01-01"),
        ("2023-10-23", "2023-10-23"),
        ("2023", "2023-10-23"),
        ("../2023-10-23", "2024-01-01"),
    ],
)
def test_an_amendment_of_before_the_cancellation_is_recorded_whenever_it_arrives(
    book: Book, effective_on: str, known_on: str
) -> None:
    book.cancel("po-1", "2023-10-23")
    assert book.amend("po-1", effective_on, of("1", "-1"), known_on=known_on)


@pytest.mark.parametrize("effective_on", ["2023-10-24", "2023-11", "2024"])
def test_nothing_arrives_after_the_cancellation(book: Book, effective_on: str) -> None:
    book.cancel("po-1", "2023-10-23")
    begins = {"2023-11": "2023-11-01", "2024": "2024-01-01"}.get(effective_on, effective_on)
    message = f"received from {begins} on, after po-1 was cancelled on 2023-10-23"
    with refuses(book, Rejected, "/effective_on", message):
        book.receive("po-1", effective_on, of("1", "10"), known_on="2024-12-31")


@pytest.mark.parametrize(
    ("effective_on", "known_on"),
    [
        ("2023-10-23", "2024-01-01"),
        ("2023-10", "2023-11-07"),
        ("2023", "2023-10-24"),
        ("../2023-12-31", "2024-02-01"),
    ],
)
def test_what_may_have_arrived_by_the_day_of_the_cancellation_is_recorded_whenever_it_arrives(
    book: Book, effective_on: str, known_on: str
) -> None:
    book.cancel("po-1", "2023-10-23")
    assert book.receive("po-1", effective_on, of("1", "10"), known_on=known_on)


def test_a_cancellation_may_be_dated_before_goods_that_arrived(book: Book) -> None:
    book.receive("po-1", "2023-11-01", of("1", "10"))
    assert book.cancel("po-1", "2023-10-23")


def test_goods_may_go_back_after_the_cancellation(book: Book) -> None:
    book.receive("po-1", "2023-10-01", of("1", "10"))
    book.cancel("po-1", "2023-10-23")
    assert book.give_back("po-1", "2024-01-15", of("1", "10"))


def test_a_cancellation_retracted_lets_the_order_live_on(book: Book) -> None:
    cancelled = book.cancel("po-1", "2023-10-23")
    book.retract(cancelled["id"])
    assert book.receive("po-1", "2023-11-01", of("1", "10"))
    assert book.amend("po-1", "2023-11-01", of("1", "-10"))
    assert book.cancel("po-1", "2023-12-01")


# Joint orders


def allocated(*shares: tuple[str, Any], effective_on: str = "2023-09-01") -> Event:
    """A request that allocates the joint order."""
    allocations = [{"buyer_id": buyer, "share": share} for buyer, share in shares]
    return request("order-allocated", effective_on, {"order_id": "po-2", "allocations": allocations})


@pytest.fixture
def joint(book: Book) -> Book:
    """Baidu and Tencent order jointly."""
    book.order("po-2", "2023-08-31", [line("100", "1000")], buyers=["baidu", "tencent"])
    return book


def test_only_buyers_of_the_order_get_a_share(joint: Book) -> None:
    message = "alibaba is not a buyer of po-2 (baidu, tencent)"
    with refuses(joint, Invalid, "/data/allocations/1/buyer_id", message):
        joint.record([allocated(("baidu", "0.5"), ("alibaba", "0.5"))])


def test_shares_add_up_to_exactly_one_or_less(joint: Book) -> None:
    assert joint.record([allocated(("baidu", "0.333333"), ("tencent", "0.666667"))])
    assert joint.record([allocated(("baidu", "0.3"))])
    assert joint.record([allocated(("baidu", "0"), ("tencent", "0"))])


def test_bounds_of_shares_may_add_up_to_more_than_one(joint: Book) -> None:
    wide = {"value": "0.5", "low": "0.1", "high": "1"}
    assert joint.record([allocated(("baidu", wide), ("tencent", wide))])


def test_the_only_buyer_of_an_order_may_be_allocated_a_part(book: Book) -> None:
    data = {"order_id": "po-1", "allocations": [{"buyer_id": "baidu", "share": "0.5"}]}
    assert book.say("order-allocated", "2023-09-01", data)
