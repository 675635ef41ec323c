"""Figures as people read them."""

from service.pages.figures import MISSING, NARROW, THIN, ReadableFigures

FIGURES = ReadableFigures("en")


def test_bounds_are_rounded_outwards() -> None:
    assert FIGURES.bounds(0.93986, 1.0) == f"93.9{THIN}100.0{NARROW}%"
    assert FIGURES.bounds(0.00001, 0.06001) == f"0.0{THIN}6.1{NARROW}%"
    assert FIGURES.within("1600.2", "1600.8") == f"1,600{THIN}1,601"


def test_equal_ends_are_printed_once() -> None:
    assert FIGURES.bounds(1.0, 1.0) == f"100.0{NARROW}%"
    assert FIGURES.within("1600", "1600") == "1,600"
    assert FIGURES.within("1600", None) == "1,600+"


def test_nothing_and_not_known_look_different() -> None:
    assert FIGURES.share(0.0) == f"0.0{NARROW}%"
    assert FIGURES.share(None) == MISSING == FIGURES.amount(None)


def test_no_digit_of_money_goes_through_a_float() -> None:
    assert FIGURES.amount("99999999999999999999999999.5", 1) == "99,999,999,999,999,999,999,999,999.5"
    assert FIGURES.quantity("0.0001") == "0.0001"
