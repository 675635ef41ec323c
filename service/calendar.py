"""Whose day it is: an instant is of one day here and of another elsewhere."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Names under which a machine keeps the zone that it is set to, or rules for zones without one.
OF_THE_MACHINE = frozenset(("localtime", "posixrules"))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one time zone."""

    #: In the IANA database, such as Asia/Shanghai.
    name: str = "UTC"
    zone: tzinfo = field(default=UTC, compare=False)

    @classmethod
    def of(cls, name: str) -> "Calendar":
        """The calendar of a zone; ValueError where this machine knows none of that name."""
        if name == "UTC":
            return cls()
        if name.rpartition("/")[2] in OF_THE_MACHINE:
            raise ValueError(f"{name!r} is another zone on every machine: name one, such as Asia/Shanghai")
        try:
            return cls(name, ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r:.80} is no time zone that is known here, such as Asia/Shanghai") from None

    def day_of(self, moment: datetime) -> date:
        """The day that an instant is of."""
        return moment.astimezone(self.zone).date()

    def today(self) -> date:
        """The day that it is by this machine's clock."""
        return self.day_of(datetime.now(UTC))


#: Unless an operator decides otherwise.
OF_UTC = Calendar()
