"""Where days and shares lie in a drawing."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.scale import DayScale, HeightScale, Reach, area_of, band_of, line_of, reaches

DAYS = DayScale(date(2023, 1, 1), date(2023, 12, 31), 10, 364)
UNIT = HeightScale(0, 1, 0, 100)


def test_a_day_lies_where_its_part_of_the_range_does() -> None:
    assert [DAYS.x(date(2023, 1, 1)), DAYS.x(date(2023, 1, 2)), DAYS.x(date(2023, 12, 31))] == [10, 11, 374]
    assert (DAYS.x(date(2020, 1, 1)), DAYS.x(date(2030, 1, 1))) == (10, 374)


def test_a_step_line_breaks_where_there_is_no_value() -> None:
    points = [
        (date(2023, 1, 1), 1.0, 1.0, 1.0),
        (date(2023, 1, 11), None, 0.0, 1.0),
        (date(2023, 1, 21), 0.5, 0.25, 0.75),
    ]
    found = reaches(points, date(2023, 1, 30))
    assert line_of(found, DAYS, UNIT) == "M10.0 0.0H20.0M30.0 50.0H40.0"
    assert area_of(found, DAYS, UNIT) == "M10.0 100.0V0.0H20.0V100.0ZM30.0 100.0V50.0H40.0V100.0Z"
    assert band_of(found, DAYS, UNIT) == "M20.0 100.0V0.0H30.0V100.0ZM30.0 75.0V25.0H40.0V75.0Z"
    assert [one.says_nothing for one in found] == [False, True, False]


def test_years_are_named_where_there_is_room() -> None:
    narrow = DayScale(date(2010, 6, 1), date(2023, 6, 1), 0, 300)
    named = [(x, year) for x, year in narrow.years() if year]
    assert named
    assert all(b[0] - a[0] >= 44 for a, b in pairwise(named))


SHARES = st.one_of(st.none(), st.floats(0, 1))


@given(
    st.lists(st.tuples(st.integers(0, 900), SHARES, SHARES, SHARES), max_size=12),
    st.integers(0, 900),
)
def test_nothing_is_drawn_beyond_what_was_known(
    said: list[tuple[int, float | None, float | None, float | None]], known: int
) -> None:
    start = date(2020, 1, 1)
    by_day = {day: rest for day, *rest in said}
    points = [(start + timedelta(day), *by_day[day]) for day in sorted(by_day)]
    until = start + timedelta(known)
    found = reaches(points, until)
    assert all(one.begins < one.ends <= until + timedelta(1) for one in found)
    assert all(one.ends <= other.begins for one, other in pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 400), SHARES), min_size=1, max_size=12))
def test_nothing_is_drawn_outside_of_the_box(said: list[tuple[int, float | None]]) -> None:
    start = date(2022, 12, 1)
    points = [(start + timedelta(day), share, share, share) for day, share in sorted(dict(said).items())]
    path = line_of(reaches(points, DAYS.last), DAYS, UNIT)
    numbers = [float(one) for one in path.replace("M", " ").replace("H", " ").replace("V", " ").split()]
    assert all(0 <= one <= 374 for one in numbers)


@pytest.mark.parametrize(("low", "high", "says"), [(0, 1, True), (0, 0.5, False), (None, None, False)])
def test_a_share_that_may_be_anything_says_nothing(low: float | None, high: float | None, says: bool) -> None:
    assert Reach(date(2023, 1, 1), date(2023, 1, 2), None, low, high).says_nothing is says
