"""Rows of a table of regulation changes: what each column means, and what may stand in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from domain.periods import Period, parse_day, parse_period
from domain.values import IDENTIFIER_PATTERN
from service.importing.causes import FaultsByCause
from service.importing.rows import BadFile, FileFault, Row

COLUMNS = (
    "event_id",
    "jurisdiction",
    "authority",
    "instrument",
    "citation",
    "announced_on",
    "published_on",
    "effective_from",
    "effective_to",
    "kind",
    "scope",
    "evidence",
    "source_url",
)
#: `regulation_id` says outright which instrument a row belongs to.
OTHER_COLUMNS = ("doc_no", "subject_type", "note", "regulation_id")
#: Each row is held against every instrument before it, so their number, and what they say, is bounded: 2,000 rows that
#: belong nowhere take 3 seconds, 5,000 some 28.
MOST_ROWS = 2_000
MOST_CHARACTERS = 4_000_000
#: Of the ids of a row's events.
PREFIX = "regulation-events"
LONGEST_EVENT_ID = 96

#: What a row does to an instrument.
Role = Literal["begins", "amends", "suspends", "delays", "resumes", "repeals", "licenses"]
#: What an instrument is about: lists of parties, what may be sold to whom, what may be bought, or mere advice.
About = Literal["listing", "requirement", "ban", "advice"]

NOT_ENFORCED = "RegulationNonEnforcementAnnounced"
KINDS: dict[str, tuple[Role, About]] = {
    "ListingAdded": ("begins", "listing"),
    "ListingAmended": ("amends", "listing"),
    "ListingRemoved": ("repeals", "listing"),
    "RegulationPublished": ("begins", "requirement"),
    "RegulationEffective": ("begins", "requirement"),
    "RegulationAmended": ("amends", "requirement"),
    "RegulationCorrected": ("amends", "requirement"),
    "RegulationDelayed": ("delays", "requirement"),
    "RegulationSuspended": ("suspends", "requirement"),
    "RegulationResumed": ("resumes", "requirement"),
    "RegulationRepealed": ("repeals", "requirement"),
    "RegulationRescinded": ("repeals", "requirement"),
    # It stands in the books, and may be enforced again.
    NOT_ENFORCED: ("suspends", "requirement"),
    "LicenseRequirementNotified": ("begins", "requirement"),
    "LicenseRequirementAccelerated": ("begins", "requirement"),
    "LicenseGranted": ("licenses", "requirement"),
    "ProcurementBanImposed": ("begins", "ban"),
    "ProcurementBanReported": ("begins", "ban"),
    "GuidanceIssued": ("begins", "advice"),
    "RegulatoryInquiryOpened": ("begins", "advice"),
}
#: M: the document itself was read; S: a secondary source was.
BASES = {"M": "reported", "S": "estimated"}
#: A note that says with which effective date the change was announced, before another was published.
ANNOUNCED_OTHERWISE = re.compile(r"\bsaid effective (\d{4}-\d\d-\d\d)")
#: A citation that names a document has a number of three digits or more: 84 FR 22961, MOFCOM 2023-23.
NUMBERED = re.compile(r"\d{3}")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RegulationRow:
    """One row, read."""

    line: int
    row_id: str
    #: The instrument that the row says it belongs to; empty: it does not say.
    regulation_id: str
    jurisdiction: str
    authority: str
    title: str
    #: With the day it was known where it names no document of its own ("NVIDIA 8-K 2022-08-31").
    citation: str
    #: The document's own number; empty: none is given.
    document: str
    #: The day one could know it: the earlier of announcement and publication.
    known_on: date
    published_on: date | None
    #: When it applies.
    effective: Period
    #: The effective date it was announced with, where another was published later; None: the same.
    announced_effective: Period | None
    #: The last day; None: the row names none.
    until: Period | None
    role: Role
    about: About
    scope: str
    basis: str
    url: str
    #: Whether it makes an existing requirement apply earlier to some.
    accelerates: bool
    #: Whether it may be recorded as a repeal, which rows of its kind were once taken for.
    was_repeal: bool
    #: Every word of the row that the columns of an event have no place for.
    words: str

    @property
    def event_id(self) -> str:
        """Of the row's main event."""
        return f"{PREFIX}:{self.row_id}"

    @property
    def end(self) -> date:
        """The day from which the change counts."""
        return self.effective.end(self.settled_on)

    @property
    def settled_on(self) -> date:
        """The day one could know it with this effective date."""
        if self.announced_effective is None:
            return self.known_on
        assert self.published_on is not None
        return self.published_on

    @property
    def text(self) -> str:
        """What the row says in words: title and scope."""
        return f"{self.title}; {self.scope}"


def read_changes(rows: Sequence[Row]) -> list[RegulationRow]:
    """Every row read; BadFile lists what is wrong, by line."""
    if len(rows) > MOST_ROWS:
        message = f"a table of regulation changes has {MOST_ROWS:,} rows at most: part it by date"
        raise BadFile([FileFault(rows[MOST_ROWS].line, message)])
    characters = 0
    for row in rows:
        characters += sum(map(len, row.values.values()))
        if characters > MOST_CHARACTERS:
            message = f"a table of regulation changes has {MOST_CHARACTERS:,} characters at most: part it by date"
            raise BadFile([FileFault(row.line, message)])
    faults = FaultsByCause(mends=())
    changes: list[RegulationRow] = []
    lines: dict[str, int] = {}
    for row in rows:
        reader = _RowReader(row)
        change = reader.read()
        if row["event_id"] in lines:
            reader.faults.append(f"event_id {row['event_id']} stands on line {lines[row['event_id']]} already")
        lines.setdefault(row["event_id"], row.line)
        faults.add_all(FileFault(row.line, message) for message in reader.faults)
        if change is not None:
            changes.append(change)
    faults.refuse()
    return changes


class _RowReader:
    """Reads one row, and collects all that is wrong with it."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.faults: list[str] = []

    def read(self) -> RegulationRow | None:
        row = self.row
        row_id = self._identifier("event_id", LONGEST_EVENT_ID)
        regulation_id = self._identifier("regulation_id", 128) if row["regulation_id"] else ""
        for column in ("jurisdiction", "authority", "instrument", "citation"):
            if not row[column]:
                self.faults.append(f"{column} is empty")
        role, about = self._choice("kind", KINDS, ("begins", "advice"))
        basis = self._choice("evidence", BASES, "estimated")
        days = [self._day(column) for column in ("announced_on", "published_on")]
        if not row["announced_on"] and not row["published_on"]:
            self.faults.append("neither announced_on nor published_on is given: one says since when it is known")
        effective = self._period("effective_from")
        if not row["effective_from"]:
            self.faults.append("effective_from is empty")
        until = self._period("effective_to")
        if until is not None and effective is not None and until.last < (effective.first or effective.last):
            self.faults.append(f"effective_to {until.text} is before effective_from {effective.text}")
        announced = self._announced(effective, days)
        if self.faults or effective is None:
            return None
        known_on = min(day for day in days if day is not None)
        return RegulationRow(
            line=row.line,
            row_id=row_id,
            regulation_id=regulation_id,
            jurisdiction=row["jurisdiction"],
            authority=row["authority"],
            title=row["instrument"],
            citation=row["citation"] if NUMBERED.search(row["citation"]) else f"{row['citation']} {known_on}",
            document=row["doc_no"],
            known_on=known_on,
            published_on=days[1],
            effective=effective,
            announced_effective=announced,
            until=until,
            role=role,
            about=about,
            scope=row["scope"],
            basis=basis,
            url=row["source_url"],
            accelerates=row["kind"] == "LicenseRequirementAccelerated",
            was_repeal=row["kind"] == NOT_ENFORCED,
            words=_words(row),
        )

    def _announced(self, effective: Period | None, days: Sequence[date | None]) -> Period | None:
        """The effective date that the note says was announced, where it differs from the one published."""
        match = ANNOUNCED_OTHERWISE.search(self.row["note"])
        announced_on, published_on = days
        if match is None or effective is None or announced_on is None or published_on is None:
            return None
        try:
            announced = parse_period(match[1])
        except ValueError as error:
            self.faults.append(f"note: {error}")
            return None
        return announced if announced.text != effective.text and announced_on <= published_on else None

    def _identifier(self, column: str, longest: int) -> str:
        text = self.row[column]
        if not re.match(IDENTIFIER_PATTERN, text) or len(text) > longest:
            self.faults.append(
                f"{column} {text!r:.60} is not an id: up to {longest} letters, digits and . _ : -, a letter or digit"
                " first"
            )
        return text

    def _choice(self, column: str, choices: dict[str, T], otherwise: T) -> T:
        text = self.row[column]
        if text not in choices:
            self.faults.append(f"{column} {text!r:.40} is not one of {', '.join(choices)}")
        return choices.get(text, otherwise)

    def _day(self, column: str) -> date | None:
        try:
            return parse_day(self.row[column]) if self.row[column] else None
        except ValueError as error:
            self.faults.append(f"{column}: {error}")
            return None

    def _period(self, column: str) -> Period | None:
        try:
            return parse_period(self.row[column]) if self.row[column] else None
        except ValueError as error:
            self.faults.append(f"{column}: {error}")
            return None


def _words(row: Row) -> str:
    parts = [
        f"{name} {value}"
        for name, value in (
            ("row", row["event_id"]),
            ("kind", row["kind"]),
            ("document", row["doc_no"]),
            ("announced", row["announced_on"]),
            ("published", row["published_on"]),
            ("effective to", row["effective_to"]),
            ("subject", row["subject_type"]),
            ("evidence", row["evidence"]),
        )
        if value
    ]
    named = [f"{name}: {value}" for name, value in (("Scope", row["scope"]), ("Note", row["note"])) if value]
    return "\n".join(["Imported from " + ", ".join(parts), *named])
