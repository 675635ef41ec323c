"""Dates as tables write them, read by formats in the letters of strftime, in English with any locale."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from domain.periods import parse_period

#: A spreadsheet's serial number is days after this one, from March 1900 on (of the calendar that begins in 1900).
EXCEL_EPOCH = date(1899, 12, 30)
#: The day that this calendar has and no other, 29 February 1900.
NO_DAY = 60
#: More days than there are.
MOST_DAYS = 10_000_000
#: A serial number of another year is another number in the wrong column.
FIRST_YEAR, LAST_YEAR = 1950, 2099
#: Seen in a text: four digits could be a year.
SERIAL = re.compile(r"\d{5}(?:\.\d{1,15})?", re.ASCII)
EXCEL = "excel"
#: What texts are read by where no format is given: ISO 8601, which means one day to everybody.
ISO = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")

#: The months in English, with any locale.
MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
DIRECTIVES = {
    "d": r"(?P<d>\d{1,2})",
    "m": r"(?P<m>\d{1,2})",
    "b": rf"(?P<b>{'|'.join(month[:3] for month in MONTHS)})",
    "B": rf"(?P<B>{'|'.join(MONTHS)})",
    "y": r"(?P<y>\d\d)",
    "Y": r"(?P<Y>\d{4})",
    # Times of day are read and left out: the day is what is recorded.
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d\d",
    "S": r"\d\d(?:\.\d+)?",
    "p": r"[AaPp][Mm]",
    "z": r"(?:Z|[+-]\d\d:?\d\d)",
    "%": "%",
}
#: No date with a time of day and a month's name is longer.
LONGEST_DATE = 100
#: Two digits below this are years after 2000, as POSIX has it.
PIVOT = 69


class WrittenPeriod(NamedTuple):
    """A day, month or year as events write it, and its last day."""

    text: str
    last: str


@lru_cache
def compile_format(form: str) -> "re.Pattern[str] | None":
    """The pattern of a format, None for a spreadsheet's serial number; ValueError says what is wrong with it."""
    if form == EXCEL:
        return None
    pattern, rest = "", form
    taken: set[str] = set()
    while rest:
        before, sign, behind = rest.partition("%")
        pattern += re.escape(before)
        if sign:
            if behind[:1] not in DIRECTIVES:
                raise ValueError(f"{form!r} has %{behind[:1]}: there are {' '.join(f'%{one}' for one in DIRECTIVES)}")
            # Twice would be ambiguous, and of many such the ways to read a text are without number.
            if behind[0] in taken:
                raise ValueError(f"{form!r} names a part of the date twice")
            taken.update(behind[0].replace("%", ""))
            pattern += DIRECTIVES[behind[0]]
        rest = behind[1:]
    compiled = re.compile(pattern, re.ASCII | re.IGNORECASE)
    named = compiled.groupindex.keys()
    if (
        len(named & {"y", "Y"}) != 1
        or len(named & {"m", "b", "B"}) > 1
        or ("d" in named and not named & {"m", "b", "B"})
    ):
        raise ValueError(f"{form!r} is no date: it needs a year, a month before a day, and each of them once")
    return compiled


def reader_of(formats: list[str], first_day: date = EXCEL_EPOCH) -> Callable[[str], WrittenPeriod]:
    """Reads a text by the first format that fits; ValueError where none does, or where two mean different days.

    Without formats texts are read as ISO 8601 has them. `first_day`: of a spreadsheet's serial numbers, which are
    hinted at.
    """
    patterns = [(form, pattern) for form in formats or ISO if (pattern := compile_format(form)) is not None]

    @lru_cache(maxsize=20_000)
    def read(text: str) -> WrittenPeriod:
        found: dict[str, str] = {}
        if len(text) > LONGEST_DATE:
            raise ValueError(f"{text[:40]!r}... is no date: it has {len(text):,} characters")
        for form, pattern in patterns:
            match = pattern.fullmatch(text)
            if match is not None and (written := _written(match)) is not None:
                found.setdefault(written, form)
        if not found:
            shown = f"{text[:40]!r} is no date of the form {' or '.join(formats or ISO[:1])}"
            if not formats:
                shown += ": the mapping would say formats"
            if EXCEL not in formats and SERIAL.fullmatch(text):
                with suppress(ValueError):
                    day = from_serial(Decimal(text), first_day).text
                    shown += f': it may be a serial number ({day}), which the format "excel" reads'
            raise ValueError(shown)
        if len(found) > 1:
            meanings = " or ".join(f"{written} ({form})" for written, form in found.items())
            raise ValueError(f"{text[:40]!r} could be {meanings}: these formats read it differently")
        return period(next(iter(found)))

    return read


def from_serial(serial: Decimal, first_day: date = EXCEL_EPOCH) -> WrittenPeriod:
    """A spreadsheet's serial number of a day, the time of day left out, counted from the workbook's own first day.

    ValueError where it is no day that an order could have.
    """
    try:
        day = day_of_serial(serial, first_day)
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{str(serial)[:40]} is no serial number of a day from {FIRST_YEAR} to {LAST_YEAR}")
    return period(day.isoformat())


def day_of_serial(serial: Decimal, first_day: date) -> date:
    """The day of a spreadsheet's serial number; ValueError where it is none."""
    if serial < 0:
        raise ValueError(f"holds {serial}, which is before the first day that a spreadsheet has")
    if serial < 1 and first_day == EXCEL_EPOCH:
        raise ValueError(f"holds {serial}, a time of no day")
    days = int(serial) if serial < MOST_DAYS else MOST_DAYS
    if first_day == EXCEL_EPOCH and days <= NO_DAY:
        if days == NO_DAY:
            raise ValueError("holds 29 February 1900, a day that there was not")
        # Before that day its calendar is one day behind.
        days += 1
    try:
        return first_day + timedelta(days=days)
    except OverflowError:
        raise ValueError(f"holds {serial}, which is no day") from None


@lru_cache(maxsize=20_000)
def period(text: str) -> WrittenPeriod:
    """A date as events write it, with its last day."""
    return WrittenPeriod(text, parse_period(text).last.isoformat())


def _written(match: "re.Match[str]") -> str | None:
    """The date that was matched, as events write it; None where there is no such day."""
    parts = match.groupdict()
    if parts.get("Y"):
        year = int(parts["Y"])
    else:
        short = int(parts["y"])
        year = short + (2000 if short < PIVOT else 1900)
    month = 0
    if parts.get("m"):
        month = int(parts["m"])
    elif name := parts.get("b") or parts.get("B"):
        month = next(number for number, full in enumerate(MONTHS, 1) if full.startswith(name.lower()))
    text = f"{year:04}"
    if month:
        text += f"-{month:02}"
    if parts.get("d"):
        text += f"-{int(parts['d']):02}"
    try:
        parse_period(text)
    except ValueError:
        return None
    return text
