"""What releases say of an order, from one day to another: spells in which they say the same."""

from dataclasses import dataclass
from datetime import datetime

from service.importing.ocds.purchases import Purchase, Verdict
from service.importing.ocds.spool import SpooledRelease


def stamp_of(moment: datetime) -> str:
    """An instant as event ids hold it."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


@dataclass(frozen=True, slots=True)
class Stated:
    """What the releases up to an instant say of one order."""

    published_at: datetime
    #: None: it is given up, or contracts took its place.
    purchase: Purchase | None
    #: Where the release stands, and what it is called.
    line: int
    citation: str
    #: Why it is given up.
    reason: str = ""
    #: The orders that took its place.
    contracted: tuple[str, ...] = ()
    #: The placing, retracted in the same group, that this order takes the place of.
    corrects: str | None = None

    @property
    def stamp(self) -> str:
        """The instant as event ids hold it."""
        return stamp_of(self.published_at)

    @property
    def known_on(self) -> str:
        """The day of publication."""
        return self.published_at.date().isoformat()


class Days:
    """The days on which releases of a process came out."""

    def __init__(self, ocid: str) -> None:
        self.ocid = ocid
        #: The last release of each.
        self.releases: list[SpooledRelease] = []
        #: Their instants as event ids hold them.
        self.stamps: list[str] = []

    def __len__(self) -> int:
        return len(self.releases)

    def add(self, release: SpooledRelease) -> None:
        """Put the next day behind the others."""
        self.releases.append(release)
        self.stamps.append(stamp_of(release.published_at))


@dataclass(slots=True)
class Spell:
    """What releases say of one order from a day on, day after day, until they say something else."""

    days: Days
    order: str
    verdict: Verdict
    first: int
    #: The day on which they do; None: to the last.
    end: int | None = None

    @property
    def last(self) -> int:
        """The last of the days."""
        return (len(self.days) if self.end is None else self.end) - 1

    def at(self, day: int) -> Stated:
        """What is said on one of the days."""
        release, found = self.days.releases[day], self.verdict
        citation = f"OCDS release {release.release_id[:200]} of {self.days.ocid}"
        return Stated(release.published_at, found.purchase, release.line, citation, found.given_up, found.contracted)
