"""What some of the buyers of a joint order have of it, worked out by hand (rules 19 and 20)."""

from typing import Any

import pytest

from tests.reference.asking import exactly, only, whole
from tests.reference.ledger import Ledger, line

THREE = ["baidu", "tencent", "alibaba"]


@pytest.fixture
def joint(ledger: Ledger) -> Ledger:
    """Baidu, Tencent and Alibaba order 100 together."""
    ledger.order("o1", "2023-03-01", [line("100")], buyers=THREE)
    return ledger


def allocate(ledger: Ledger, **shares: Any) -> None:
    """Say who gets what of order o1."""
    allocations = [{"buyer_id": buyer, "share": share} for buyer, share in shares.items()]
    ledger.record("order-allocated", "2023-04-01", {"order_id": "o1", "allocations": allocations})


def between(value: str, low: str, high: str) -> dict[str, str]:
    """A share that is not exact."""
    return {"value": value, "low": low, "high": high}


def units(ledger: Ledger, *buyer: str, **query: Any) -> Any:
    """What these buyers have."""
    return only(ledger, buyer=list(buyer), measure="units", **query)


def test_some_buyers_never_have_more_than_the_others_leave(joint: Ledger) -> None:
    allocate(joint, baidu=between("0.5", "0.3", "0.9"), tencent=between("0.3", "0.2", "0.6"), alibaba="0.2")
    # Baidu: at most 1 - 0.2 - 0.2 = 0.6, though it may be said to have 0.9.
    assert units(joint, "baidu") == ("50", "30", "60")
    # Tencent: at most 1 - 0.3 - 0.2 = 0.5.
    assert units(joint, "tencent") == ("30", "20", "50")
    # Both: 0.9 + 0.6 = 1.5, and no more than Alibaba leaves, 0.8.
    assert units(joint, "baidu", "tencent") == ("80", "50", "80")
    # All: the whole, whatever is allocated.
    assert units(joint, *THREE) == exactly("100")


def test_what_the_unnamed_may_have_is_what_the_named_may_leave(joint: Ledger) -> None:
    allocate(joint, baidu=between("0.5", "0.4", "0.7"), tencent="0.2")
    # Alibaba: nothing for certain, at most 1 - 0.4 - 0.2 = 0.4.
    assert units(joint, "alibaba") == (None, "0", "40")
    # With Baidu: 0.7 at most is Baidu's, and 0.8 at most is left by Tencent: 70 + 10.
    assert units(joint, "baidu", "alibaba") == ("50", "40", "80")
    # With Tencent: 0.2, and at most what Baidu leaves, 0.6: 20 + 40.
    assert units(joint, "tencent", "alibaba") == ("20", "20", "60")


def test_where_the_named_may_have_all_that_is_left_the_unnamed_add_nothing(joint: Ledger) -> None:
    allocate(joint, baidu=between("0.5", "0.4", "1"), tencent="0.2")
    # min(1, 0.8) = 0.8 of 100, and 0.8 - 0.8 = 0 for Alibaba: still unknown, and no more.
    assert units(joint, "baidu", "alibaba") == ("50", "40", "80")
    (row,) = whole(joint, buyer=["baidu", "alibaba"], measure="units")["rows"]
    assert not row["quantified"]


def test_even_of_what_is_unbounded_the_unnamed_may_have_nothing_more(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line(None)], buyers=THREE)
    allocate(ledger, baidu=between("0.5", "0.4", "1"), tencent="0.2")
    assert units(ledger, "baidu", "alibaba") == (None, "0", None)


def test_a_buyer_that_gets_nothing_has_nothing_and_one_that_may_get_something_has(joint: Ledger) -> None:
    allocate(joint, baidu="0", tencent=between("0", "0", "0.5"), alibaba="0.5")
    assert units(joint, "baidu") == exactly("0")
    # Named, with a value: 0.
    assert units(joint, "tencent") == ("0", "0", "50")
    assert units(joint, "baidu", "tencent") == ("0", "0", "50")


def test_named_at_nothing_and_not_named_leave_the_unnamed_part_alone(joint: Ledger) -> None:
    allocate(joint, baidu="0", tencent="0.25")
    # The named part is no posting, so there is no value: between 0 and 1 - 0.25.
    assert units(joint, "baidu", "alibaba") == (None, "0", "75")
    assert units(joint, "baidu", "alibaba", exclude=("unquantified",)) == exactly("0")


def test_without_what_is_unquantified_the_named_part_is_left_as_it_is(joint: Ledger) -> None:
    allocate(joint, baidu=between("0.5", "0.4", "0.9"), tencent="0.2")
    assert units(joint, "baidu", "alibaba", exclude=("unquantified",)) == ("50", "40", "80")


def test_bounds_of_the_order_are_multiplied_by_bounds_of_the_share(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line({"value": "100", "low": "80", "high": "120"})], buyers=["baidu", "tencent"])
    allocate(ledger, baidu=between("0.5", "0.25", "0.75"), tencent=between("0.5", "0.25", "0.75"))
    # 100 x 0.5, 80 x 0.25 and 120 x min(0.75, 1 - 0.25).
    assert units(ledger, "baidu") == ("50", "20", "90")
    # Together they have the whole, no more: not 180.
    assert units(ledger, "baidu", "tencent") == ("100", "80", "120")
    assert units(ledger) == ("100", "80", "120")


def test_an_open_part_is_shared_as_the_whole_is(joint: Ledger) -> None:
    allocate(joint, baidu=between("0.5", "0.4", "0.9"), tencent="0.2", alibaba="0.1")
    receipts = [{"line": "1", "quantity": "60"}]
    joint.record("goods-received", "2023-05-01", {"order_id": "o1", "receipts": receipts})
    # 40 are open: x 0.5, x 0.4, and x (1 - 0.2 - 0.1).
    assert units(joint, "baidu", status="open") == ("20", "16", "28")
