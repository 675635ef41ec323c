"""What is ordered, worked out by hand (rule 14)."""

from datetime import date
from typing import Any

from tests.reference.asking import exactly, only, whole
from tests.reference.ledger import Ledger, line


def amend(ledger: Ledger, effective_on: str, quantity: str, amount: str = "0", **envelope: Any) -> None:
    """Change line 1 of order o1."""
    changes = [{"line": "1", "quantity": quantity, "amount": amount}]
    ledger.record("order-amended", effective_on, {"order_id": "o1", "changes": changes}, **envelope)


def test_ordered_is_never_below_nothing(ledger: Ledger) -> None:
    # Recorded in an order in which the line never went below 0: 100 + 100 - 150 = 50.
    ledger.order("o1", "2023-03-01", [line("100", "1000")])
    amend(ledger, "2024-01-01", "100", "1000", known_on="2023-03-02")
    amend(ledger, "2023-06-01", "-150", "-1500")
    assert only(ledger, date(2023, 5, 31), measure="units") == exactly("100")
    # In July it would be 100 - 150 = -50.
    assert only(ledger, date(2023, 7, 1), measure="units") == exactly("0")
    assert only(ledger, date(2023, 7, 1)) == exactly("0")
    assert only(ledger, date(2024, 1, 1), measure="units") == exactly("50")


def test_what_one_line_lacks_is_not_taken_from_another(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100"), line("10", None, "a800", "2")])
    amend(ledger, "2024-01-01", "100", known_on="2023-03-02")
    amend(ledger, "2023-06-01", "-150")
    # max(0, -50) + 10
    assert only(ledger, date(2023, 7, 1), measure="units") == exactly("10")


def test_each_bound_is_held_at_nothing_by_itself(ledger: Ledger) -> None:
    # The domain takes differences to exact figures only. What is recorded otherwise is still evaluated.
    ledger.order("o1", "2023-03-01", [line({"value": "100", "low": "80", "high": "130"})])
    amend(ledger, "2023-06-01", "-100")
    # 100 - 100, 80 - 100 and 130 - 100.
    assert only(ledger, measure="units") == ("0", "0", "30")


def test_what_is_open_begins_from_nothing_where_ordered_would_be_below(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    amend(ledger, "2024-01-01", "100", known_on="2023-03-02")
    amend(ledger, "2023-06-01", "-150")
    receipts = [{"line": "1", "quantity": "20"}]
    ledger.record("goods-received", "2023-07-01", {"order_id": "o1", "receipts": receipts})
    assert only(ledger, measure="units", status="open") == exactly("0")
    # 50 - 20
    assert only(ledger, date(2024, 1, 1), measure="units", status="open") == exactly("30")


def test_an_unknown_part_stays_unknown_where_the_known_part_is_held_at_nothing(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line(None)])
    amend(ledger, "2023-06-01", "-40")
    # -40 of a quantity that nobody knows: no less than nothing, no bound above, and a value that is held at 0.
    assert only(ledger, measure="units") == ("0", "0", None)


def test_shares_lie_between_nothing_and_all(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    ledger.order("o2", "2023-03-01", [line("60")], vendor_id="huawei")
    amend(ledger, "2024-01-01", "100", known_on="2023-03-02")
    amend(ledger, "2023-06-01", "-150")
    answer = whole(ledger, date(2023, 7, 1), measure="units")
    assert [(row["key"], row["share"]) for row in answer["rows"]] == [("huawei", 1.0)]
    assert answer["metrics"]["hhi"] == 10_000.0
