"""Dates as tables write them."""

import pytest

from service.importing.orders.day_formats import from_serial, reader_of


@pytest.mark.parametrize(
    ("form", "text", "meant"),
    [
        ("%d-%b-%y", "02-Jun-06", "2006-06-02"),
        ("%d-%b-%y", "2-JUN-06", "2006-06-02"),
        ("%m/%d/%y", "8/27/14", "2014-08-27"),
        ("%d %B %Y", "13 April 2026", "2026-04-13"),
        ("%Y-%m-%d %H:%M:%S", "2024-03-01 23:59:59", "2024-03-01"),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-03-01T08:00:00Z", "2024-03-01"),
        ("%Y%m%d", "20240229", "2024-02-29"),
        ("%m/%Y", "8/2014", "2014-08"),
        ("%Y", "2014", "2014"),
        ("%d.%m.%y", "31.12.68", "2068-12-31"),
        ("%d.%m.%y", "31.12.69", "1969-12-31"),
    ],
)
def test_a_date_is_read_by_its_format(form: str, text: str, meant: str) -> None:
    assert reader_of([form])(text).text == meant


def test_a_month_ends_with_its_last_day() -> None:
    assert reader_of(["%m/%Y"])("2/2024").last == "2024-02-29"


def test_formats_are_tried_in_turn() -> None:
    read = reader_of(["%m/%d/%y", "%Y-%m-%d"])
    assert [read(text).text for text in ("10/29/09", "2011-03-09")] == ["2009-10-29", "2011-03-09"]


def test_a_date_that_two_formats_read_differently_is_refused() -> None:
    read = reader_of(["%d/%m/%Y", "%m/%d/%Y"])
    assert read("27/8/2014").text == "2014-08-27"
    assert read("5/5/2014").text == "2014-05-05"
    with pytest.raises(ValueError, match=r"'3/4/2014' could be 2014-04-03 \(%d/%m/%Y\) or 2014-03-04 \(%m/%d/%Y\)"):
        read("3/4/2014")


@pytest.mark.parametrize("text", ["2023-02-29", "2023-13-01", "2023-1-1 ", "23-01-01", "٢٠٢٣-01-01", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date of the form %Y-%m-%d"):
        reader_of(["%Y-%m-%d"])(text)


def test_serial_numbers_are_days_since_1900_and_only_days_that_orders_have() -> None:
    assert from_serial(45_352).text == "2024-03-01"
    with pytest.raises(ValueError, match="1600 is no serial number of a day from 1950 to 2099"):
        from_serial(1600)
