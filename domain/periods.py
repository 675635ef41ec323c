"""Dates as recorders know them: an EDTF subset, and the end from which an event counts."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

PERIOD = re.compile(r"(?:(\.\./)(\d{4})-(\d\d)-(\d\d)|(\d{4})(?:-(\d\d)(?:-(\d\d))?)?)", re.ASCII)


@dataclass(frozen=True)
class Period:
    """A day, a month, a year, or everything up to a day, as EDTF (ISO 8601-2) writes them."""

    text: str
    #: None: no beginning (`../`)
    first: date | None
    #: the last day, included
    last: date

    def end(self, known_on: date) -> date:
        """The day from which the fact counts: the last day, or the day it became known where that falls inside."""
        inside = known_on <= self.last and (self.first is None or known_on >= self.first)
        return known_on if inside else self.last


@lru_cache(maxsize=65_536)
def parse_period(text: str) -> Period:
    """Read `YYYY-MM-DD`, `YYYY-MM`, `YYYY` or `../YYYY-MM-DD`; ValueError says what is wrong."""
    match = PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date: use YYYY-MM-DD, YYYY-MM, YYYY or ../YYYY-MM-DD")
    before, *parts = match.groups()
    try:
        if before:
            year, month, day = (int(part) for part in parts[:3])
            return Period(text, None, date(year, month, day))
        year, month, day = (int(part) if part else 0 for part in parts[3:])
        if parts[5]:
            return Period(text, date(year, month, day), date(year, month, day))
        if parts[4]:
            return Period(text, date(year, month, 1), date(year, month, monthrange(year, month)[1]))
        return Period(text, date(year, 1, 1), date(year, 12, 31))
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is not a date: {error}") from None


@lru_cache(maxsize=65_536)
def parse_day(text: str) -> date:
    """Read one day, `YYYY-MM-DD`; ValueError says what is wrong."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(f"{text[:40]!r} is not a day: use YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is not a day: {error}") from None
