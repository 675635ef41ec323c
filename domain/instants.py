"""Instants as clients and files write them: RFC 3339, and nothing else that ISO 8601 allows."""

import re
from datetime import UTC, datetime, timedelta, timezone

INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,100}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
#: Of a leap second, the last instant of the minute that it makes longer: the day stays the one that was written.
LAST_OF_MINUTE = (59, 999_999)


def parse_instant(text: str) -> datetime:
    """Read an instant such as `2026-01-31T12:00:00Z` or `2026-01-31t12:00:00.5-04:00`, in UTC to the microsecond.

    Further decimals are cut off. A leap second, :60 at the end of a day in UTC, is read as the last microsecond before
    it. ValueError says what is wrong; so does an instant that lies in UTC before the year 1 or after 9999.
    """
    match = INSTANT.fullmatch(text)
    if match is None:
        if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt][\d:.]{1,30}", text, re.ASCII):
            raise ValueError(f"{text!r:.50} does not say its time zone: end it with Z")
        raise ValueError(f"{text!r:.50} is not an instant such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    microsecond = int((match[7] or "").ljust(6, "0")[:6])
    is_leap = second == 60
    if is_leap:
        second, microsecond = LAST_OF_MINUTE
    try:
        written = datetime(year, month, day, hour, minute, second, microsecond, _zone(match))
    except ValueError as error:
        raise ValueError(f"{text!r:.50} is not an instant: {error}") from None
    try:
        moment = written.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r:.50} is, in UTC, not between the years 1 and 9999") from None
    if is_leap and (moment.hour, moment.minute) != (23, 59):
        raise ValueError(f"{text!r:.50} is not an instant: second 60 is there at the end of a day in UTC alone")
    return moment


def _zone(match: re.Match[str]) -> timezone:
    if match[8] is not None:
        return UTC
    hours, minutes = int(match[10]), int(match[11])
    if hours > 23 or minutes > 59:
        raise ValueError(f"no place is {match[10]}:{match[11]} away from UTC")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if match[9] == "-" else offset)
