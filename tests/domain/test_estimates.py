"""Figures as clients write them and as events hold them."""

from decimal import Decimal
from typing import Any

import pytest

from domain.estimates import UNQUANTIFIED, Estimate, parse_decimal, parse_estimate, plain


def estimate(value: str, low: str, high: str) -> Estimate:
    """An estimate from texts."""
    return Estimate(Decimal(value), Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("1600", estimate("1600", "1600", "1600")),
        ("0", estimate("0", "0", "0")),
        ("0.5", estimate("0.5", "0.5", "0.5")),
        ("999999999999999.9999", estimate("999999999999999.9999", "999999999999999.9999", "999999999999999.9999")),
        ({"value": "1000", "low": "961", "high": "1000"}, estimate("1000", "961", "1000")),
        ({"value": "1000"}, estimate("1000", "1000", "1000")),
        ({"value": "1000", "low": "0"}, estimate("1000", "0", "1000")),
        ({"value": "0", "high": "3"}, estimate("0", "0", "3")),
        (None, UNQUANTIFIED),
    ],
)
def test_an_estimate_is_exact_or_between_bounds_or_unquantified(given: Any, read: Estimate) -> None:
    assert parse_estimate(given, 15, 4) == read


def test_unquantified_is_between_nothing_and_no_bound() -> None:
    assert Estimate(None, Decimal(0), None) == UNQUANTIFIED
    assert not UNQUANTIFIED.exact


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "1E3",
        "+5",
        "05",
        "00",
        ".5",
        "5.",
        "1,600",
        "1 600",
        " 1",
        "1\n",
        "",
        "NaN",
        "Infinity",
        "0x10",
        "１",
        "--1",
    ],
)
def test_a_decimal_is_plain(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not a plain decimal such as "1600\.50"$'):
        parse_decimal(text, 15, 4)


@pytest.mark.parametrize(
    ("given", "called"),
    [
        (1600, "the number 1600"),
        (0.1, "the number 0.1"),
        (True, "true or false"),
        (None, "null"),
        (["1"], "a list"),
        ({"value": "1"}, "an object"),
    ],
)
def test_a_decimal_is_a_string(given: Any, called: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_decimal(given, 15, 4)
    assert str(caught.value) == f'must be a decimal string such as "1600.50", not {called}'


@pytest.mark.parametrize("text", ["1000000000000000", "0.00001", "1.23456"])
def test_a_decimal_has_at_most_so_many_digits(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_decimal(text, 15, 4)
    assert str(caught.value) == f"'{text}' has more than 15 digits before or 4 behind the point"


def test_a_minus_is_for_differences() -> None:
    assert parse_decimal("-40.5", 15, 4, signed=True) == Decimal("-40.5")
    with pytest.raises(ValueError, match=r"^'-40.5' is negative$"):
        parse_decimal("-40.5", 15, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"value": "5", "low": "6"}, "low 6 is above value 5"),
        ({"value": "5", "low": "5.0001", "high": "9"}, "low 5.0001 is above value 5"),
        ({"value": "5", "high": "4"}, "high 4 is below value 5"),
        ({"low": "1", "high": "4"}, "an estimate needs a value (null stands for an unquantified figure)"),
        ({}, "an estimate needs a value (null stands for an unquantified figure)"),
        ({"value": "5", "mid": "5"}, "an estimate has value, low and high, not 'mid'"),
        ({"value": None}, 'value: must be a decimal string such as "1600.50", not null'),
        ({"value": "5", "low": 4}, 'low: must be a decimal string such as "1600.50", not the number 4'),
        ({"value": "5", "low": "-1"}, "low: '-1' is negative"),
        (5, 'must be a decimal string such as "1600.50", not the number 5'),
        (["5"], 'must be a decimal string such as "1600.50", not a list'),
    ],
)
def test_bounds_hold_the_value_between_them(given: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_estimate(given, 15, 4)
    assert str(caught.value) == message


def test_a_long_text_is_quoted_in_part() -> None:
    with pytest.raises(ValueError) as caught:
        parse_decimal("x" * 5_000, 15, 4)
    assert str(caught.value) == f"'{'x' * 37}...' is not a plain decimal such as \"1600.50\""


@pytest.mark.parametrize(
    ("number", "text"),
    [("1600.00", "1600"), ("0.50", "0.5"), ("-0.0", "0"), ("1E+3", "1000"), ("1E-4", "0.0001"), ("100", "100")],
)
def test_a_figure_is_written_without_exponent_or_trailing_zeros(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@pytest.mark.parametrize("stored", [None, "1600.5", {"value": "10", "low": "9", "high": "12"}])
def test_an_estimate_is_stored_as_it_is_read(stored: Any) -> None:
    assert Estimate.of(stored).stored() == stored


def test_equal_bounds_are_stored_as_a_plain_decimal() -> None:
    assert Estimate.of({"value": "10.0", "low": "10", "high": "10"}).stored() == "10"
