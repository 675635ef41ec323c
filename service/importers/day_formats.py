"""Dates as tables write them, read by formats in the letters of strftime, in English and whatever the locale."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from domain.periods import parse_period

#: A spreadsheet's serial number: days after this one (from March 1900 on, which is all that orders need).
EXCEL_EPOCH = date(1899, 12, 30)
#: Serial numbers of 1950 and 2100: what lies outside is another number in the wrong column.
FIRST_SERIAL, LAST_SERIAL = 18_264, 73_051
SERIAL = re.compile(r"[0-9]{5}")
EXCEL = "excel"

#: The months in English, whatever the locale.
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


class Period(NamedTuple):
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


def reader_of(formats: list[str]) -> Callable[[str], Period]:
    """Reads a text by the first format that fits; ValueError where none does, or where two mean different days."""
    patterns = [(form, pattern) for form in formats if (pattern := compile_format(form)) is not None]

    @lru_cache(maxsize=20_000)
    def read(text: str) -> Period:
        found: dict[str, str] = {}
        if len(text) > LONGEST_DATE:
            raise ValueError(f"{text[:40]!r}... is no date: it has {len(text):,} characters")
        for form, pattern in patterns:
            match = pattern.fullmatch(text)
            if match is not None and (written := _written(match)) is not None:
                found.setdefault(written, form)
        if not found:
            shown = f"{text[:40]!r} is no date of the form {' or '.join(formats)}"
            if EXCEL not in formats and SERIAL.fullmatch(text) and FIRST_SERIAL <= int(text) <= LAST_SERIAL:
                shown += f': it may be a serial number ({from_serial(int(text)).text}), which the format "excel" reads'
            raise ValueError(shown)
        if len(found) > 1:
            meanings = " or ".join(f"{written} ({form})" for written, form in found.items())
            raise ValueError(f"{text[:40]!r} could be {meanings}: formats that cannot be told apart")
        return period(next(iter(found)))

    return read


def from_serial(serial: int) -> Period:
    """A spreadsheet's serial number of a day; ValueError where it is no day that an order could have."""
    if not FIRST_SERIAL <= serial <= LAST_SERIAL:
        raise ValueError(f"{serial} is no serial number of a day from 1950 to 2099")
    return period((EXCEL_EPOCH + timedelta(days=serial)).isoformat())


@lru_cache(maxsize=20_000)
def period(text: str) -> Period:
    """A date as events write it, with its last day."""
    return Period(text, parse_period(text).last.isoformat())


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
