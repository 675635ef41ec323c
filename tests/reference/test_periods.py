"""Windows, periods and steps, worked out by hand (rules 15, 42 and 60)."""

from datetime import date
from typing import Any

import pytest

from service.audit.verifier import days_of, steps, vendor_dependence_series, window_start
from tests.reference.asking import YEAR_END, exactly, only, rows
from tests.reference.ledger import Ledger, line


def day(text: str) -> date:
    """A day from its text."""
    return date.fromisoformat(text)


# Windows and steps at the ends of months


@pytest.mark.parametrize(
    ("window", "effective_on", "last_before"),
    [
        ("P3M", "2025-06-30", "2025-03-31"),
        ("P1M", "2025-02-28", "2025-01-31"),
        ("P1M", "2024-02-29", "2024-01-31"),
        # Not the last day of February 2024.
        ("P1M", "2024-02-28", "2024-01-28"),
        ("P1Y", "2025-02-28", "2024-02-29"),
        ("P1Y1M", "2025-03-31", "2024-02-29"),
        ("P3M", "2025-06-29", "2025-03-29"),
        # With days it is counted as it was: from the last day that the month has, and then the days.
        ("P1M1D", "2025-02-28", "2025-01-27"),
        ("P2W", "2025-02-28", "2025-02-14"),
        ("P1M0D", "2025-02-28", "2025-01-31"),
        ("P12M", "2025-12-31", "2024-12-31"),
    ],
)
def test_a_window_of_months_from_the_end_of_a_month_begins_after_the_end_of_one(
    window: str, effective_on: str, last_before: str
) -> None:
    assert window_start(window, day(effective_on)) == day(last_before)


@pytest.mark.parametrize("year", [2023, 2024])
def test_the_four_quarters_make_up_the_year(year: int) -> None:
    ends = [date(year, 3, 31), date(year, 6, 30), date(year, 9, 30), date(year, 12, 31)]
    assert [window_start("P3M", end) for end in ends] == [date(year - 1, 12, 31), *ends[:-1]]


def test_a_step_goes_from_the_end_of_a_month_to_the_ends_of_months() -> None:
    days = steps(day("2025-02-28"), day("2025-06-15"), "P1M")
    assert days == [*map(day, ("2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31", "2025-06-15"))]
    assert steps(day("2024-02-29"), day("2026-02-28"), "P1Y") == [*map(day, ("2024-02-29", "2025-02-28", "2026-02-28"))]


def test_a_step_from_within_a_month_stays_within_months() -> None:
    days = steps(day("2025-01-30"), day("2025-04-30"), "P1M")
    assert days == [*map(day, ("2025-01-30", "2025-02-28", "2025-03-30", "2025-04-30"))]
    assert steps(day("2025-02-28"), day("2025-04-30"), "P1M1D") == [
        *map(day, ("2025-02-28", "2025-03-29", "2025-04-30"))
    ]


def test_a_step_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        steps(day("2025-01-30"), day("2025-04-30"), "P0D")


# Periods


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025-Q1", "2025-01-01", "2025-03-31"),
        ("2025-Q4", "2025-10-01", "2025-12-31"),
        ("2025-04-01/2025-04-01", "2025-04-01", "2025-04-01"),
        ("2025-04-01/..", "2025-04-01", None),
        ("../2025-04-01", None, "2025-04-01"),
    ],
)
def test_a_period_is_a_year_a_month_a_quarter_or_its_two_ends(period: str, first: str, last: str | None) -> None:
    assert days_of(period) == (first and day(first), last and day(last))


@pytest.mark.parametrize(
    "period",
    [
        "",
        "2025-Q5",
        "2025-Q0",
        "2025-13",
        "2025-00",
        "0000",
        "25",
        "2025-04-01",
        "2025-02-30/2025-03-01",
        "2025-03-01/2025-02-28",
        "../..",
        "2025-01/2025-02",
        "2025-01-01/2025-01-02/2025-01-03",
        "/2025-01-02",
        "2025-01-01/",
        "２０２５",
    ],
)
def test_a_period_that_no_calendar_has_or_that_ends_before_it_begins_is_refused(period: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        days_of(period)


def test_a_period_goes_with_no_window_and_with_nothing_open(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="not for both"):
        rows(ledger, window="P1Y", period="2023")
    with pytest.raises(ValueError, match="no period"):
        rows(ledger, status="open", period="2023")


def test_ordered_in_a_quarter_is_as_it_stands_now(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-31", [line("100")])
    ledger.order("o2", "2023-04-01", [line("7")])
    changes = [{"line": "1", "quantity": "-40"}]
    ledger.record("order-amended", "2023-08-01", {"order_id": "o1", "changes": changes})

    def in_quarter(quarter: str, on: date = YEAR_END) -> Any:
        return only(ledger, on, measure="units", period=quarter)

    assert in_quarter("2023-Q1", day("2023-06-30")) == exactly("100")
    # As amended in August.
    assert in_quarter("2023-Q1") == exactly("60")
    assert in_quarter("2023-Q2") == exactly("7")
    assert only(ledger, measure="units", period="2023") == exactly("67")
    # What lies after the day is not there yet.
    assert only(ledger, day("2023-03-31"), measure="units", period="2023") == exactly("100")


def test_the_end_of_a_period_of_its_own_decides(ledger: Ledger) -> None:
    # An order of March, known in April: it counts from 31 March. One of 2023, known in April 2023: from then on.
    ledger.order("o1", "2023-03", [line("1")], known_on="2023-04-02")
    ledger.order("o2", "2023", [line("10")], known_on="2023-04-02")
    assert only(ledger, measure="units", period="2023-Q1") == exactly("1")
    assert only(ledger, measure="units", period="2023-04-02/2023-04-02") == exactly("10")


def test_receipts_and_returns_count_in_their_own_periods(ledger: Ledger) -> None:
    ledger.order("o1", "2022-12-01", [line("100")])
    for on, quantity in (("2023-01-15", "30"), ("2023-04-15", "20")):
        receipts = [{"line": "1", "quantity": quantity}]
        ledger.record("goods-received", on, {"order_id": "o1", "receipts": receipts})
    returns = [{"line": "1", "quantity": "25"}]
    ledger.record("goods-returned", "2023-05-15", {"order_id": "o1", "returns": returns})

    def delivered(period: str) -> Any:
        return only(ledger, measure="units", status="delivered", period=period)

    assert delivered("2023-Q1") == exactly("30")
    # 20 - 25 is held at nothing: the quarters do not sum to the half-year, 30 + 20 - 25.
    assert delivered("2023-Q2") == exactly("0")
    assert delivered("2023-01-01/2023-06-30") == exactly("25")
    assert delivered("2022") == exactly("0")


def test_an_assertion_counts_in_the_period_of_its_own_end(ledger: Ledger) -> None:
    ledger.supply("2023-03-01", [line("20")])
    ledger.supply("2023-08-01", [line("30")])
    assert only(ledger, measure="units", period="2023-Q1") == exactly("0")
    assert only(ledger, measure="units", period="2023-Q3") == exactly("30")
    assert only(ledger, day("2023-07-31"), measure="units", period="2023-Q1") == exactly("20")


def test_a_cancelled_order_counts_all_that_was_delivered_in_the_period_of_its_placing(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-01", [line("100")])
    receipts = [{"line": "1", "quantity": "30"}]
    ledger.record("goods-received", "2023-05-01", {"order_id": "o1", "receipts": receipts})
    ledger.record("order-cancelled", "2023-06-01", {"order_id": "o1", "reason": "export rules"})
    assert only(ledger, measure="units", period="2023-Q1") == exactly("30")
    assert only(ledger, measure="units", period="2023-Q2") == exactly("0")


# Over time


def test_a_series_shows_its_bounds_and_what_is_barred_on_each_of_its_days(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-15", [line({"value": "60", "low": "50", "high": "90"})])
    ledger.order("o2", "2023-03-15", [line({"value": "40", "low": "10", "high": "50"}, None, None)], vendor_id="huawei")
    rules = [{"rule_id": "r1", "effect": "prohibited", "vendors": ["nvidia"]}]
    about = {"regulation_id": "r1", "jurisdiction": "US", "authority": "BIS", "title": "R", "citation": "87 FR 1"}
    ledger.record("regulation-enacted", "2023-05-01", about | {"rules": rules})
    points = vendor_dependence_series(
        ledger.events, from_on=day("2023-02-28"), to_on=day("2023-05-31"), step="P1M", buyer=["baidu"], measure="units"
    )
    assert [point["effective_on"] for point in points] == ["2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]
    assert points[0]["rows"] == []
    before, after = ({row["key"]: row for row in point["rows"]} for point in points[2:])
    assert (before["nvidia"]["share_low"], before["nvidia"]["share_high"]) == (0.5, 0.9)
    assert (before["nvidia"]["restricted"], after["nvidia"]["restricted"]) == ("no", "yes")
    assert [point["metrics"]["at_risk"] for point in points] == [None, 0.0, 0.0, 0.6]
    assert [point["metrics"]["at_risk_high"] for point in points] == [None, 0.0, 0.0, 0.9]
    assert points[3]["metrics"]["hhi_high"] == 8200.0
    changes = vendor_dependence_series(
        ledger.events, from_on=day("2023-02-28"), to_on=day("2023-05-31"), buyer=["baidu"], measure="units"
    )
    assert [point["effective_on"] for point in changes] == ["2023-02-28", "2023-03-15", "2023-05-01"]
