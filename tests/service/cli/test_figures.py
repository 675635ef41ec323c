"""Numbers as people read them."""

import pytest

from service.cli.figures import Figures, figures, percentage


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0.0%"),
        (0.000001, "<0.1%"),
        (0.0005, "0.1%"),
        (0.536481, "53.6%"),
        (0.9994, "99.9%"),
        (0.999999, ">99.9%"),
        (1.0, "100.0%"),
    ],
)
def test_shares_are_percentages_and_almost_nothing_is_not_nothing(share: float, shown: str) -> None:
    assert percentage(share) == shown
    assert Figures().ratio(share) == shown


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (["61753118.84438608010505581089954038045", "1250000000"], ["61,753,119", "1,250,000,000"]),
        (["1000.5", "0.4", "0"], ["1,001", "<1", "0"]),
        (["-1000", "-0.2"], ["-1,000", ">-1"]),
        (["600", "20", None], ["600", "20", "?"]),
        (["12.345", "0.001", "3"], ["12.35", "<0.01", "3.00"]),
        (["123456789012345678901234567890.5", "1"], ["123,456,789,012,345,678,901,234,567,890.5", "1"]),
    ],
)
def test_large_figures_are_whole_and_small_ones_have_two_places(column: list[str | None], shown: list[str]) -> None:
    written = figures(column, exact=False)
    assert [written.figure(text) for text in column] == shown


def test_metrics_are_shown_with_the_places_that_they_deserve() -> None:
    assert Figures().ratio(4731.897806, "hhi") == "4,732"
    assert Figures().ratio(1.098564, "effective_vendors") == "1.10"
    assert Figures().ratio(None, "hhi") == "?"


def test_every_digit_is_there_on_request() -> None:
    written = figures(["61753118.844386"], exact=True)
    assert written.figure("61753118.844386") == "61,753,118.844386"
    assert written.ratio(0.536481) == "0.536481"
    assert written.ratio(4731.897806, "hhi") == "4731.897806"


@pytest.mark.parametrize(
    ("low", "high", "shown"), [("5", "5", "exact"), ("5", "7", "5 .. 7"), ("5", None, "5 or more")]
)
def test_a_range_of_equal_ends_is_exact(low: str, high: str | None, shown: str) -> None:
    assert Figures().bounds(low, high) == shown
    assert Figures().ratios(0.5, 0.5) == "exact"
    assert Figures().ratios(0.5, 0.7) == "50.0% .. 70.0%"
