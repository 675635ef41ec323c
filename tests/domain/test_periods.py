"""The EDTF subset, and the end from which an event counts (docs/semantics.md, 1)."""

from datetime import date

import pytest

from domain.periods import parse_day, parse_period


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2023-08-31", date(2023, 8, 31), date(2023, 8, 31)),
        ("2024-02-29", date(2024, 2, 29), date(2024, 2, 29)),
        ("2023-02", date(2023, 2, 1), date(2023, 2, 28)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2020", date(2020, 1, 1), date(2020, 12, 31)),
        ("0001", date(1, 1, 1), date(1, 12, 31)),
        ("9999-12", date(9999, 12, 1), date(9999, 12, 31)),
        ("../2023-08-09", None, date(2023, 8, 9)),
    ],
)
def test_a_period_is_a_day_a_month_a_year_or_everything_up_to_a_day(text: str, first: date | None, last: date) -> None:
    period = parse_period(text)
    assert (period.text, period.first, period.last) == (text, first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "23",
        "2023-8",
        "2023-08-1",
        "2023/08/31",
        "20230831",
        "2023-08-31T00:00:00Z",
        "2023-08-31 ",
        "2023-08-31\n",
        "31.08.2023",
        "٢٠٢٣",
        # EDTF, and beyond the subset
        "2023-08-31/..",
        "2023/2024",
        "../2023-08",
        "../2023",
        "..",
        "2023-08~",
        "2023?",
        "202X",
        "2023-21",
        "-2023",
        "Y12023",
        "[2022,2023]",
    ],
)
def test_other_forms_are_refused_with_the_ones_that_are_taken(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_period(text)
    expected = "2023-21" if text == "2023-21" else "use YYYY-MM-DD, YYYY-MM, YYYY or ../YYYY-MM-DD"
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2023-02-29", "day"),
        ("2023-04-31", "day"),
        ("2023-00", "month"),
        ("2023-13", "month"),
        ("2023-13-01", "month"),
        ("../2023-02-30", "day"),
        ("0000", "year"),
    ],
)
def test_days_that_no_calendar_has_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text}' is not a date: .*{why}"):
        parse_period(text)


@pytest.mark.parametrize("text", ["2023", "2023-08", "../2023-08-31", "2023-08-31T00:00", "2023-8-31", "20230831", ""])
def test_a_day_is_written_in_one_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"use YYYY-MM-DD$"):
        parse_day(text)


@pytest.mark.parametrize(
    ("text", "known_on", "end"),
    [
        ("2023-08", "2023-11-07", "2023-08-31"),
        ("2023-08", "2023-09-01", "2023-08-31"),
        ("2023-08", "2023-08-31", "2023-08-31"),
        ("2023-08", "2023-08-09", "2023-08-09"),
        ("2023-08", "2023-08-01", "2023-08-01"),
        ("2023-08", "2023-07-31", "2023-08-31"),
        ("2025", "2025-03-10", "2025-03-10"),
        ("2025", "2024-12-31", "2025-12-31"),
        ("2023-08-31", "2023-08-31", "2023-08-31"),
        ("2023-08-31", "2020-01-01", "2023-08-31"),
        ("../2023-08-09", "2023-08-10", "2023-08-09"),
        ("../2023-08-09", "2023-08-09", "2023-08-09"),
        ("../2023-08-09", "1990-01-01", "1990-01-01"),
    ],
)
def test_the_end_is_the_last_day_or_the_day_of_knowledge_inside_the_period(text: str, known_on: str, end: str) -> None:
    assert parse_period(text).end(date.fromisoformat(known_on)) == date.fromisoformat(end)
