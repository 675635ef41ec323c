"""What receipts and returns without an amount are worth, worked out by hand (rule 30)."""

from datetime import date
from typing import Any

import pytest

from tests.reference.asking import UNKNOWN, YEAR_END, exactly, only, whole
from tests.reference.ledger import Ledger, line


def received(ledger: Ledger, effective_on: str, quantity: Any, **rest: Any) -> None:
    """Goods of line 1 of order o1 arrive; `amount`: for so much; what else is given is of the envelope."""
    amount = {"amount": rest.pop("amount")} if "amount" in rest else {}
    receipts = [{"line": "1", "quantity": quantity} | amount]
    ledger.record("goods-received", effective_on, {"order_id": "o1", "receipts": receipts}, **rest)


def returned(ledger: Ledger, effective_on: str, quantity: str, **rest: Any) -> None:
    """Goods of line 1 of order o1 go back."""
    amount = {"amount": rest.pop("amount")} if "amount" in rest else {}
    returns = [{"line": "1", "quantity": quantity} | amount]
    ledger.record("goods-returned", effective_on, {"order_id": "o1", "returns": returns}, **rest)


def amend(ledger: Ledger, effective_on: str, quantity: str, amount: str, **envelope: Any) -> None:
    """Change line 1 of order o1."""
    changes = [{"line": "1", "quantity": quantity, "amount": amount}]
    ledger.record("order-amended", effective_on, {"order_id": "o1", "changes": changes}, **envelope)


def worth(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> Any:
    """What is delivered, in USD."""
    return only(ledger, effective_on, status="delivered", **query)


@pytest.fixture
def ordered(ledger: Ledger) -> Ledger:
    """10 for 100 are ordered."""
    ledger.order("o1", "2023-01-10", [line("10", "100")])
    return ledger


def test_a_price_that_nobody_knew_of_yet_is_not_the_price(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "10")
    # From January 2023 on, it was 200; that was known in 2024.
    amend(ordered, "2023-01-15", "0", "100", known_on="2024-03-01")
    # 100 x 10 / 10, and 200 x 10 / 10.
    assert worth(ordered, known_on=date(2023, 12, 31)) == exactly("100")
    assert worth(ordered, known_on=date(2024, 12, 31)) == exactly("200")


def test_a_price_that_does_not_apply_yet_is_not_the_price(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "4")
    amend(ordered, "2023-06-01", "0", "50")
    # 100 x 4 / 10, and 150 x 4 / 10.
    assert worth(ordered, date(2023, 5, 31)) == exactly("40")
    assert worth(ordered, date(2023, 6, 1)) == exactly("60")


def test_rounding_happens_once_a_line(ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line("3", "100")])
    for day in ("2023-02-01", "2023-03-01"):
        received(ledger, day, "1")
    # 100 x 1 / 3 = 33.33333..., 100 x 2 / 3 = 66.66666...; twice 33.3333 would be 66.6666.
    assert worth(ledger, date(2023, 2, 28)) == exactly("33.3333")
    assert worth(ledger) == exactly("66.6667")
    received(ledger, "2023-04-01", "1")
    assert worth(ledger) == exactly("100")


def test_halves_are_rounded_to_the_even_fourth_place(ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line("8", "0.0004")])
    received(ledger, "2023-02-01", "1")
    # 0.0004 / 8 = 0.00005 is rounded to 0.
    assert worth(ledger) == exactly("0")
    received(ledger, "2023-03-01", "2")
    # 0.0004 x 3 / 8 = 0.00015 is rounded to 0.0002.
    assert worth(ledger) == exactly("0.0002")


def test_a_range_of_goods_is_a_range_of_money(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", {"value": "5", "low": "4", "high": "7"})
    returned(ordered, "2023-03-01", "1")
    # (5, 4, 7) - 1 = (4, 3, 6), at 10 each.
    assert worth(ordered) == ("40", "30", "60")


def test_a_return_without_an_amount_takes_off_what_the_goods_cost(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "6")
    returned(ordered, "2023-03-01", "2")
    assert worth(ordered) == exactly("40")
    # For nothing: the goods are back, and no credit was given. One of 15 was.
    returned(ordered, "2023-04-01", "1", amount="0")
    assert worth(ordered) == exactly("40")
    returned(ordered, "2023-05-01", "1", amount="15")
    assert worth(ordered) == exactly("25")
    assert only(ordered, status="delivered", measure="units") == exactly("2")


def test_goods_that_went_back_for_what_others_cost_leave_no_less_than_nothing(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "3", amount="5")
    returned(ordered, "2023-03-01", "2")
    # 5 - 100 x 2 / 10 = -15
    assert worth(ordered) == exactly("0")


def test_what_was_received_with_an_amount_is_worth_that(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "3", amount="45")
    received(ordered, "2023-03-01", "2")
    assert worth(ordered) == exactly("65")
    received(ordered, "2023-04-01", "1", amount=None)
    assert worth(ordered) == ("65", "65", None)
    assert worth(ordered, exclude=("unquantified",)) == exactly("65")


def test_goods_of_unknown_quantity_are_worth_something_unknown_and_price_no_others(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", None)
    assert worth(ordered) == UNKNOWN
    received(ordered, "2023-03-01", "2")
    assert worth(ordered) == ("20", "20", None)
    assert worth(ordered, exclude=("unquantified",)) == exactly("20")


def test_as_much_back_as_arrived_is_worth_exactly_nothing(ledger: Ledger) -> None:
    # Even where nobody knows the price.
    ledger.order("o1", "2023-01-10", [line("10", None)])
    received(ledger, "2023-02-01", "4")
    assert worth(ledger) == UNKNOWN
    returned(ledger, "2023-03-01", "4")
    assert worth(ledger) == exactly("0")
    # 0 and something unknown: the posting of 0 has a value.
    received(ledger, "2023-04-01", None)
    assert worth(ledger) == ("0", "0", None)


def test_nothing_received_is_worth_nothing(ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line(None, None)])
    received(ledger, "2023-02-01", "0")
    assert worth(ledger) == exactly("0")


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        ("0", "100"),
        (None, "100"),
        ("10", None),
        ({"value": "10", "low": "9"}, "100"),
        ("10", {"value": "100", "high": "120"}),
    ],
)
def test_a_line_without_an_exact_price_prices_nothing(quantity: Any, amount: Any, ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line(quantity, amount)])
    received(ledger, "2023-02-01", "2")
    assert worth(ledger) == UNKNOWN
    assert worth(ledger, exclude=("unquantified",)) == exactly("0")


def test_what_is_unknown_of_a_line_leaves_it_without_a_price_where_it_is_left_out_too(ledger: Ledger) -> None:
    # The domain takes no differences to what is unknown. What is recorded otherwise is still evaluated.
    ledger.order("o1", "2023-01-10", [line("10", None)])
    amend(ledger, "2023-01-11", "0", "50")
    received(ledger, "2023-02-01", "2")
    assert worth(ledger, exclude=("unquantified",)) == exactly("0")


def test_a_line_below_nothing_has_no_price_though_it_shows_none(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "2")
    amend(ordered, "2024-01-01", "20", "200", known_on="2023-03-01")
    amend(ordered, "2023-06-01", "-5", "-150")
    # 5 ordered for -50, until 25 are ordered for 150.
    assert worth(ordered) == UNKNOWN
    assert worth(ordered, date(2024, 1, 1)) == exactly("12")


def test_a_line_for_nothing_prices_at_nothing(ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line("10", "0")])
    received(ledger, "2023-02-01", {"value": "2", "low": "1", "high": "3"})
    assert worth(ledger) == exactly("0")


def test_what_is_left_out_prices_nothing(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "5")
    amend(ordered, "2023-03-01", "0", "100", basis="estimated")
    assert worth(ordered) == exactly("100")
    assert worth(ordered, exclude=("estimated",)) == exactly("50")


def test_a_window_prices_what_lies_in_it(ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line("3", "100")])
    received(ledger, "2023-02-01", "1")
    received(ledger, "2023-06-01", "1")
    returned(ledger, "2023-07-01", "1")
    # 33.3333 of February; the one of June is back in July; all year, 33.3333 too.
    assert worth(ledger, period="2023-02") == exactly("33.3333")
    assert worth(ledger, period="2023-06") == exactly("33.3333")
    assert worth(ledger, period="2023-06-01/2023-07-31") == exactly("0")
    # One back, and nothing else: below nothing.
    assert worth(ledger, period="2023-07") == exactly("0")
    assert worth(ledger, period="2023") == exactly("33.3333")


def test_its_days_are_those_of_its_receipts_and_returns(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "3", amount="45")
    received(ordered, "2023-03-01", "2")
    returned(ordered, "2023-05-01", "1")
    amend(ordered, "2023-06-01", "0", "50")
    (row,) = whole(ordered, status="delivered", period="2023-03-01/..")["rows"]
    assert (row["first_effective_on"], row["last_effective_on"]) == ("2023-03-01", "2023-05-01")
    (row,) = whole(ordered, status="delivered")["rows"]
    assert (row["first_effective_on"], row["last_effective_on"]) == ("2023-02-01", "2023-05-01")


def test_what_is_open_is_the_order_less_what_the_goods_were_worth(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", {"value": "6", "low": "5", "high": "7"})
    # 100 - 60, 100 - 70 and 100 - 50.
    assert only(ordered, status="open") == ("40", "30", "50")


def test_under_a_cancellation_all_that_arrived_is_ordered_whatever_the_window(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "6")
    ordered.record("order-cancelled", "2023-11-01", {"order_id": "o1", "reason": "export rules"})
    assert only(ordered, period="2023-01") == exactly("60")
    assert only(ordered, period="2023-02") == exactly("0")


def test_as_first_recorded_a_receipt_has_its_amount_and_a_return_without_one_takes_nothing_off(ordered: Ledger) -> None:
    received(ordered, "2023-02-01", "6", amount="60", v=1)
    returned(ordered, "2023-03-01", "2", v=1)
    amend(ordered, "2023-04-01", "0", "100")
    assert worth(ordered) == exactly("60")
    assert whole(ordered, status="delivered")["rows"][0]["last_effective_on"] == "2023-02-01"
    returned(ordered, "2023-05-01", "1", amount="5", v=1)
    assert worth(ordered) == exactly("55")


def test_what_arrived_on_an_earlier_line_of_the_name_is_not_priced_by_the_later(ledger: Ledger) -> None:
    ledger.order("o1", "2023-01-10", [line("10", "100")])
    extra = {"order_id": "o1", "lines": [line("4", "80", "a800", "2")]}
    wrong = ledger.record("order-amended", "2023-01-20", extra)
    receipts = [{"line": "2", "quantity": "1"}]
    early = ledger.record("goods-received", "2023-02-01", {"order_id": "o1", "receipts": receipts})
    for number in (early, wrong):
        ledger.record("event-retracted", "2023-02-02", {"retracts": number, "reason": "never sent"})
    ledger.record("order-amended", "2023-01-20", {"order_id": "o1", "lines": [line("4", "40", "a800", "2")]})
    ledger.record("goods-received", "2023-02-03", {"order_id": "o1", "receipts": receipts})
    assert worth(ledger) == exactly("10")
    # Before the retractions, of the line of 80: a quarter.
    assert worth(ledger, known_on=date(2023, 2, 1)) == exactly("20")
