"""Between what shares and metrics lie, worked out by hand (rules 25, 27, 40 and 64)."""

from decimal import Decimal, localcontext
from itertools import product
from random import Random
from typing import Any

import pytest

from service.audit.verifier import (
    EXACT,
    UNBOUNDED,
    Figure,
    greatest_concentration,
    least_concentration,
    part_bounds,
)
from tests.reference.asking import whole
from tests.reference.ledger import Ledger, line


def figure(low: str | int, high: str | int | None) -> Figure:
    """Something between two bounds."""
    bound = UNBOUNDED if high is None else Decimal(high)
    return Figure(Decimal(low), Decimal(low), bound, quantified=1)


def market_of(ledger: Ledger, *bounds: Any) -> dict[str, Any]:
    """The metrics of Baidu's units where it buys such figures of one vendor each."""
    for number, quantity in enumerate(bounds):
        vendor_id = ledger_vendor(ledger, number)
        ledger.order(f"o{number}", "2023-03-01", [line(quantity, None, None)], vendor_id=vendor_id)
    metrics: dict[str, Any] = whole(ledger, measure="units")["metrics"]
    return metrics


def ledger_vendor(ledger: Ledger, number: int) -> str:
    """A vendor by its number."""
    ledger.organization(f"v{number}", "US")
    return f"v{number}"


def between(value: str, low: str, high: str) -> dict[str, str]:
    """A quantity that is not exact."""
    return {"value": value, "low": low, "high": high}


# A part of a whole


@pytest.mark.parametrize(
    ("part", "rest", "low", "high"),
    [
        # 50 / (50 + 50), 90 / (90 + 10)
        ((50, 90), (10, 50), "0.5", "0.9"),
        ((50, None), (10, 50), "0.5", "1"),
        # Whatever the rest has above, the part can be next to nothing of it.
        ((50, 90), (10, None), "0", "0.9"),
        ((0, 0), (0, 10), "0", "0"),
        ((0, 10), (0, 0), "1", "1"),
        ((0, None), (0, 0), "1", "1"),
        ((0, 0), (0, None), "0", "0"),
        # 0 / (0 + 10), 10 / (10 + 0): all or nothing.
        ((0, 10), (0, 10), "0", "1"),
        ((0, 0), (0, 0), None, None),
    ],
)
def test_a_part_lies_between_its_least_with_most_beside_it_and_its_most_with_least_beside_it(
    part: Any, rest: Any, low: str | None, high: str | None
) -> None:
    expected = tuple(None if bound is None else Decimal(bound) for bound in (low, high))
    assert part_bounds(figure(*part), figure(*rest)) == expected


# Concentration


def test_the_least_concentration_has_all_rows_as_much_alike_as_they_can_be() -> None:
    with localcontext(EXACT):
        # All of them can be 30.
        assert least_concentration([figure(10, 30), figure(30, 50), figure(20, 40)]) == 1 / Decimal(3)
        # 60 is 60 at least. The level t of the other is at most 30: it stands there. (60^2 + 30^2) / 90^2
        assert least_concentration([figure(60, 90), figure(10, 30)]) == Decimal(4500) / 8100
        # 80 at least, 10 at most, and one that may be anything from 0 to 100: at t = (80^2 + 10^2) / (80 + 10).
        level = Decimal(6500) / 90
        squares, total = 6500 + level * level, 90 + level
        assert least_concentration([figure(80, 120), figure(5, 10), figure(0, 100)]) == squares / (total * total)


def test_the_least_concentration_of_rows_that_may_all_be_next_to_nothing_is_that_of_equals() -> None:
    assert least_concentration([figure(0, 7), figure(0, None), figure(0, 1000)]) == 1 / Decimal(3)


def test_the_greatest_concentration_has_every_row_at_one_of_its_ends() -> None:
    with localcontext(EXACT):
        # 90 and 10: 8200 / 10000. The others: (60, 10), (60, 40), (90, 40).
        assert greatest_concentration([figure(60, 90), figure(10, 40)]) == Decimal("0.82")
        # With the large one at its high and all others at their low: (100^2 + 3 x 10^2) / 130^2
        rows = [figure(20, 100), *(figure(10, 30) for _ in range(3))]
        assert greatest_concentration(rows) == Decimal(10_300) / 16_900
    # One is there and the other is not.
    assert greatest_concentration([figure(0, 5), figure(0, 5)]) == 1
    assert greatest_concentration([figure(10, None), figure(1000, 1000)]) == 1


def test_more_than_twelve_uncertain_rows_are_bounded_by_more_than_they_can_be() -> None:
    rows = [figure(10, 30) for _ in range(14)]
    with localcontext(EXACT):
        # Twelve as they are worst: k of them at 30. Two more: 2 x 30^2 to the squares, and 2 x 10 to the sum.
        ways = [(1800 + k * 900 + (12 - k) * 100, 20 + k * 30 + (12 - k) * 10) for k in range(13)]
        worst = max(Decimal(squares) / (total * total) for squares, total in ways)
        assert greatest_concentration(rows) == worst
        # What it truly can be is less: the same with all fourteen at one of their ends.
        true = max(Decimal(k * 900 + (14 - k) * 100) / (k * 30 + (14 - k) * 10) ** 2 for k in range(15))
        assert true < worst


def test_exact_rows_beside_twelve_uncertain_ones_count_as_they_are() -> None:
    rows = [figure(5, 5)] * 3 + [figure(1, 2)] * 12
    with localcontext(EXACT):
        ways = [(75 + 4 * k + (12 - k), 15 + 2 * k + (12 - k)) for k in range(13)]
        assert greatest_concentration(rows) == max(Decimal(squares) / total**2 for squares, total in ways)


def test_no_more_than_one_seller_is_ever_bounded() -> None:
    # Fourteen rows that may be nothing: the squares of two are there without anything in the sum.
    assert greatest_concentration([figure(0, 30)] * 14) == 1


@pytest.mark.parametrize("seed", range(20))
def test_no_point_of_a_grid_is_outside_the_bounds_and_some_come_near(seed: int) -> None:
    random = Random(seed)
    rows = []
    for _ in range(random.choice((1, 2, 3))):
        low, high = sorted((random.choice((0, 1, 5, 20)), random.choice((1, 5, 20, 60))))
        rows.append(figure(low, high))
    grid = [[row.low + (row.high - row.low) * step / 20 for step in range(21)] for row in rows]
    found = [sum(one * one for one in point) / sum(point) ** 2 for point in product(*grid) if sum(point) > 0]
    with localcontext(EXACT):
        least, greatest = least_concentration(rows), greatest_concentration(rows)
    assert max(found) == pytest.approx(greatest, abs=Decimal("1e-20"))
    tolerance = Decimal("1e-20")
    assert least - tolerance <= min(found) <= least + Decimal("0.02")


def test_metrics_of_two_uncertain_vendors(ledger: Ledger) -> None:
    metrics = market_of(ledger, between("60", "50", "90"), between("40", "10", "50"))
    # Shares: 0.5 to 0.9 and 0.1 to 0.5. Least: both at 50. Greatest: 90 and 10. Value: 0.6^2 + 0.4^2 = 0.52.
    assert {name: metrics[name] for name in ("hhi", "hhi_low", "hhi_high")} == {
        "hhi": 5200.0,
        "hhi_low": 5000.0,
        "hhi_high": 8200.0,
    }
    # 1 / 0.82 and 1 / 0.5
    assert (metrics["effective_vendors_low"], metrics["effective_vendors_high"]) == (1.219512, 2.0)
    # m = 50: 50 / (50 + 50).
    assert (metrics["cr1_low"], metrics["cr1"], metrics["cr1_high"]) == (0.5, 0.6, 0.9)
    assert (metrics["cr3_low"], metrics["cr3"], metrics["cr3_high"]) == (1.0, 1.0, 1.0)


def test_the_largest_three_of_five_are_bounded(ledger: Ledger) -> None:
    metrics = market_of(ledger, between("30", "20", "40"), "20", "20", between("20", "0", "40"), "10")
    # Sum of lows 70, of highs 130. Lows: 20 / (20 + 90), 20 / (20 + 110) twice, 0, 10 / 130.
    # Highs: 40 / (40 + 50), 20 / (20 + 50) twice, 40 / (40 + 70), 10 / (10 + 60).
    assert metrics["cr1_high"] == 0.444444
    assert metrics["cr3_high"] == 1.0  # 0.444444 + 0.363636 + 0.285714 = 1.093795
    # m = 20: 20 / (20 + 20 + 20 + 20 + 10)
    assert metrics["cr1_low"] == 0.222222
    # 0.181818 + 0.153846 + 0.153846 = 0.489510; 0.222222; 3 / 5
    assert metrics["cr3_low"] == 0.6


def test_the_largest_three_have_at_least_what_each_of_them_has_at_least(ledger: Ledger) -> None:
    metrics = market_of(ledger, "40", "30", between("20", "20", "30"), "5", "5")
    # 40 / 110 + 30 / 110 + 20 / (20 + 80); 40 / 110 and 3 / 5 are less.
    assert metrics["cr3_low"] == 0.836364


def test_where_nobody_knows_the_least_largest_share_is_that_of_equals(ledger: Ledger) -> None:
    metrics = market_of(ledger, None, None, None, None)
    assert (metrics["hhi"], metrics["hhi_low"], metrics["hhi_high"]) == (None, 2500.0, 10_000.0)
    assert (metrics["effective_vendors_low"], metrics["effective_vendors_high"]) == (1.0, 4.0)
    assert (metrics["cr1"], metrics["cr1_low"], metrics["cr1_high"]) == (None, 0.25, 1.0)
    assert (metrics["cr3"], metrics["cr3_low"], metrics["cr3_high"]) == (None, 0.75, 1.0)
    # All of it is from abroad and of other houses, however much it is.
    assert (metrics["domestic_share"], metrics["domestic_share_low"], metrics["domestic_share_high"]) == (
        None,
        0.0,
        0.0,
    )
    assert (metrics["captive_share"], metrics["captive_share_low"], metrics["captive_share_high"]) == (None, 0.0, 0.0)
    assert (metrics["at_risk"], metrics["at_risk_low"], metrics["at_risk_high"]) == (None, 0.0, 0.0)


def test_a_row_that_is_nothing_at_most_is_left_out_of_what_bounds_concentration(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("40", None, None)])
    ledger.order("o2", "2023-03-01", [line("60", None, None)], vendor_id="huawei")
    receipts = [{"line": "1", "quantity": quantity} for quantity in ("60", None)]
    for receipt in receipts:
        ledger.record("goods-received", "2023-04-01", {"order_id": "o2", "receipts": [receipt]})
    answer = whole(ledger, measure="units", status="open")
    # Huawei: 60 - 60 - something unknown, at least nothing: 0 at most, and not quantified.
    huawei = next(row for row in answer["rows"] if row["key"] == "huawei")
    assert (huawei["value"], huawei["high"], huawei["quantified"]) == ("0", "0", False)
    assert (huawei["share_low"], huawei["share_high"]) == (0.0, 0.0)
    metrics = answer["metrics"]
    assert (metrics["hhi_low"], metrics["hhi_high"], metrics["cr1_low"], metrics["cr3_low"]) == (1e4, 1e4, 1.0, 1.0)


def test_of_nothing_there_are_no_bounds(ledger: Ledger) -> None:
    metrics = whole(ledger)["metrics"]
    assert {name for name, value in metrics.items() if value is not None} == {"single_source", "coverage"}


def test_captive_and_domestic_shares_are_bounded_by_what_they_stand_against(ledger: Ledger) -> None:
    # Kunlunxin is Baidu's own and Chinese: 20 to 40; Huawei Chinese: 10; Nvidia American: 30 to 60.
    ledger.order("o1", "2023-03-01", [line(between("30", "20", "40"), None, None)], vendor_id="kunlunxin")
    ledger.order("o2", "2023-03-01", [line("10", None, None)], vendor_id="huawei")
    ledger.order("o3", "2023-03-01", [line(between("50", "30", "60"), None, None)])
    metrics = whole(ledger, measure="units")["metrics"]
    # 30 / 90; 20 / (20 + 70); 40 / (40 + 40)
    assert [metrics[f"captive_share{end}"] for end in ("", "_low", "_high")] == [0.333333, 0.222222, 0.5]
    # 40 / 90; 30 / (30 + 60); 50 / (50 + 30)
    assert [metrics[f"domestic_share{end}"] for end in ("", "_low", "_high")] == [0.444444, 0.333333, 0.625]
    assert whole(ledger, measure="units", buyer=[])["metrics"]["domestic_share_high"] is None


def test_what_is_at_risk_is_bounded_by_what_is_not_decided(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line(between("50", "40", "60"))])
    ledger.order("o2", "2023-03-01", [line(between("30", "20", "70"), None, None)])
    ledger.order("o3", "2023-03-01", [line("20", None, None)], vendor_id="huawei")
    rules = [{"rule_id": "r1", "effect": "prohibited", "vendors": ["nvidia"], "products": ["a800"]}]
    about = {"regulation_id": "r1", "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "87 FR 1"}
    ledger.record("regulation-enacted", "2023-05-01", about | {"rules": rules})
    metrics = whole(ledger, measure="units")["metrics"]
    # Barred 50 (40 to 60), undetermined 30 (20 to 70), free 20; 100 in all.
    assert (metrics["at_risk"], metrics["at_risk_undetermined"]) == (0.5, 0.3)
    # 40 / (40 + 70 + 20)
    assert metrics["at_risk_low"] == 0.307692
    # (60 + 70) / (60 + 70 + 20)
    assert metrics["at_risk_high"] == 0.866667
