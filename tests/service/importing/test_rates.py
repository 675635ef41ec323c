"""Rates of the European Central Bank: a publication a day, the oldest first."""

import gzip
import io

import pytest

from service.importing.plans import Summary
from service.importing.rates import read_rates
from service.importing.rows import BadFile
from service.importing.streaming import Options
from tests.service.importing.conftest import Desk

#: As the bank writes it: the newest first, a comma at each line's end, currencies come and gone.
HISTORY = (
    b"Date,USD,JPY,CYP,EEK,\n"
    b"2011-01-03,1.3348,108.65,N/A,N/A,\n"
    b"2008-01-02,1.4688,163.57,N/A,15.6466,\n"
    b"1999-01-04,1.1789,133.73,0.58231,15.6466,\n"
)


def test_each_day_is_a_publication_and_the_oldest_is_recorded_first(desk: Desk) -> None:
    summary = desk.imports(gzip.compress(HISTORY))
    assert (summary.format, summary.rows, summary.recorded) == ("ecb-rates", 3, 3)
    published = desk.events("exchange-rates-published")
    assert [(event.id, event.effective_on.text, event.known_on.isoformat()) for event in published] == [
        ("ecb:EUR:1999-01-04", "1999-01-04", "1999-01-04"),
        ("ecb:EUR:2008-01-02", "2008-01-02", "2008-01-02"),
        ("ecb:EUR:2011-01-03", "2011-01-03", "2011-01-03"),
    ]
    rates = {"USD": "1.1789", "JPY": "133.73", "CYP": "0.58231", "EEK": "15.6466"}
    assert published[0].data == {"base": "EUR", "rates": rates}
    assert published[2].data["rates"] == {"USD": "1.3348", "JPY": "108.65"}


def test_tomorrows_file_adds_a_day_and_the_file_of_one_day_is_the_same_day(desk: Desk) -> None:
    desk.imports(HISTORY)
    more = HISTORY.replace(b"2011-01-03", b"2011-01-04,1.3337,109.37,N/A,N/A,\n2011-01-03")
    assert (desk.imports(more).recorded, desk.imports(more).recorded) == (1, 0)
    one_day = b"Date, USD, JPY, \n04 January 2011, 1.3337, 109.37, \n"
    assert desk.imports(one_day).replayed == 1


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        ((b"163.57", b"163,57"), 3, "has 7 values, and the header names 6 columns"),
        ((b"163.57", b"1.6e2"), 3, "JPY: '1.6e2' is not a plain decimal such as 1.1789"),
        ((b"2008-01-02", b"02/01/08"), 3, "'02/01/08' is no date of the form"),
        ((b"2008-01-02", b"2011-01-03"), 3, "2011-01-03 has other rates than on line 2"),
        ((b"1.4688,163.57,N/A,15.6466", b"N/A,N/A,N/A,N/A"), 3, "2008-01-02 has no rate at all"),
        ((b"CYP", b"XYZ"), 1, "columns are no currencies that the euro has a rate to: XYZ"),
        ((b"CYP", b"USD"), 1, "columns stand twice: USD"),
        ((b"Date", b"Day"), 1, "the header is not Date and then currencies"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_given(change: tuple[bytes, bytes], line: int, message: str) -> None:
    source = read_rates(io.BytesIO(HISTORY.replace(*change)), Summary("a file", "ecb-rates", 0, False))
    with pytest.raises(BadFile) as caught:
        next(source)
    [fault] = caught.value.faults
    assert (fault.line, fault.message[: len(message)]) == (line, message)


def test_a_wrong_day_can_be_left_out(desk: Desk) -> None:
    summary = desk.imports(HISTORY.replace(b"163.57", b"-1"), options=Options(continue_on_error=True))
    assert (summary.recorded, summary.rejected, summary.plan.reported[0].line) == (2, 1, 3)
