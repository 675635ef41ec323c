"""What a view may be asked, and what a window is."""

from datetime import date

import pytest
from pydantic import ValidationError

from projections.parameters import VendorDependence, parse_duration, start_of

YEAR_END = date(2023, 12, 31)


@pytest.mark.parametrize(
    ("duration", "end", "start"),
    [
        ("P1Y", YEAR_END, date(2022, 12, 31)),
        ("P6M", YEAR_END, date(2023, 6, 30)),
        ("P1M", date(2024, 3, 31), date(2024, 2, 29)),
        ("P1Y", date(2024, 2, 29), date(2023, 2, 28)),
        ("P12M", date(2024, 2, 29), date(2023, 2, 28)),
        ("P2W", date(2023, 1, 10), date(2022, 12, 27)),
        ("P30D", date(2023, 3, 1), date(2023, 1, 30)),
        ("P1Y6M", YEAR_END, date(2022, 6, 30)),
        ("P1M1D", date(2023, 3, 31), date(2023, 2, 27)),
        ("P0Y1D", YEAR_END, date(2023, 12, 30)),
        ("P2022Y", YEAR_END, date(1, 12, 31)),
    ],
)
def test_a_window_goes_back_months_first_and_then_days(duration: str, end: date, start: date) -> None:
    assert start_of(duration, end) == start


@pytest.mark.parametrize("duration", ["P2023Y", "P99999Y", "P99999W99999D"])
def test_a_window_longer_than_time_has_no_start(duration: str) -> None:
    assert start_of(duration, date(2023, 12, 31)) is None


@pytest.mark.parametrize(
    "duration",
    ["P", "P0D", "P0Y0M", "PT1H", "P1DT1H", "1Y", "p1y", "P1.5Y", "-P1Y", "P1M1Y", "P100000D", "P1Y ", "P١Y"],
)
def test_what_is_no_duration_of_days_is_refused(duration: str) -> None:
    with pytest.raises(ValueError, match=r"duration|no time"):
        parse_duration(duration)


@pytest.mark.parametrize(
    "rest",
    [
        {"window": "P1Y", "status": "open"},
        {"window": "PT1H"},
        {"currency": "usd"},
        {"home": "USA"},
        {"measure": "weight"},
        {"buyer": ("",)},
        {"position": -1},
        {"exclude": frozenset({"reported"})},
        {"colour": "red"},
    ],
)
def test_what_a_view_cannot_be_asked_is_a_value_error(rest: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VendorDependence(**{"effective_on": YEAR_END, "position": 1, **rest})


def test_parameters_do_not_change() -> None:
    parameters = VendorDependence(effective_on=YEAR_END, position=1)
    with pytest.raises(ValidationError, match="frozen"):
        parameters.position = 2  # type: ignore[misc]
