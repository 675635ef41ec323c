"""The Consolidated Screening List becomes instruments: one for each entry, naming the organisation that is listed.

One instrument an entry, not one a notice: an entry whose organisation the ledger does not know yet is left out, and
recorded once it does, without touching what was recorded of the same notice. Its id is made of the list's abbreviation,
the name, and a digest of list, name, notice and start date, which stay while addresses and other names change.

What being listed means depends on the list. For the Entity List, what vendors of the United States ("items subject to
the EAR") sell to the organisation needs a licence, and what it sells itself is marked. Where a licence requirement
is narrower than all items, the rule is advisory: it cannot say which items are meant.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.events import Recorded
from domain.names import comparable, written
from domain.periods import parse_day
from domain.rules import Effect
from service.importing.causes import FaultsByCause
from service.importing.directory import ALIAS, Directory
from service.importing.names import ascii_words, slug
from service.importing.places import country_of_addresses
from service.importing.plans import Entry, ImportPlan, RowRemark
from service.importing.regulations.chains import InstrumentChain
from service.importing.regulations.readings import listing_rules
from service.importing.regulations.renewals import again, renewals
from service.importing.rows import FileFault, Row
from service.importing.standing import LedgerStanding

#: Others may be there.
OTHER_COLUMNS = None
COLUMNS = (
    "source",
    "type",
    "name",
    "addresses",
    "federal_register_notice",
    "start_date",
    "end_date",
    "license_requirement",
    "license_policy",
    "alt_names",
    "source_list_url",
    "ids",
)
#: A column that only lists without addresses have: the code of the country, ZZ where it is not known.
COUNTRY_CODE = "country_code"
PREFIX = "screening-list"
JURISDICTION = "US"
#: What stands between a title and an authority: "Entity List (EL) - Bureau of Industry", "Military End User (MEU) List
#: - ...", in a text with single spaces.
LIST = re.compile(r" ?\(([^()]+)\)(?: List)? ?- ?")
#: What the lists do to what is sold to those on them; a list that is not here marks them, and bars nothing.
EFFECTS: dict[str, Effect] = {
    "EL": "licence-required",
    "MEU": "licence-required",
    "DPL": "prohibited",
    "SDN": "prohibited",
    "UVL": "notification",
}
#: Lists that forbid buyers of the country to buy from those on them, too.
BUYING_PROHIBITED = ("SDN",)
#: A requirement for everything, with at most a reference to the section that says so.
ALL_ITEMS = re.compile(
    r"For all items subject to the EAR\.?\s*(?:\(See[^()]*(?:\([^()]*\)[^()]*)?\)\.?)?", re.IGNORECASE
)
#: Types of entries that are no organisations.
OTHERWISE = ("individual", "vessel", "aircraft")
#: What may stand in front of the last of several names.
AND = re.compile(r"^(?:and|or)\s+", re.IGNORECASE)
DIGEST_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Listing:
    """One entry, read."""

    line: int
    #: Of the list, the name and a digest; the id of its instrument.
    key: str
    list_title: str
    list_name: str
    authority: str
    name: str
    other_names: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...]
    is_organization: bool
    type: str
    country: str | None
    notice: str
    start_on: date | None
    end_on: date | None
    requirement: str
    policy: str
    url: str

    @property
    def event_id(self) -> str:
        """Of the entry's main event."""
        return f"{PREFIX}:{self.key}"

    @property
    def effect(self) -> Effect:
        """What the list does to what is sold to the organisation."""
        effect = EFFECTS.get(self.list_name, "advisory")
        return effect if not self.requirement or ALL_ITEMS.fullmatch(self.requirement) else "advisory"


def plan(rows: Sequence[Row], standing: LedgerStanding, *, register: bool) -> ImportPlan:
    """What to record for these rows; BadFile lists what is wrong with them.

    `register`: an organisation that the ledger does not know is registered; else its entry is left out and reported.
    """
    return _Planner(_read(rows), standing, register=register).plan()


def _read(rows: Sequence[Row]) -> list[Listing]:
    faults = FaultsByCause(mends=())
    listings: list[Listing] = []
    for row in rows:
        wrong = [f"{column} is empty" for column in ("source", "name") if not row[column]]
        days: dict[str, date | None] = {}
        for column in ("start_date", "end_date"):
            try:
                days[column] = parse_day(row[column]) if row[column] else None
            except ValueError as error:
                wrong.append(f"{column}: {error}")
        if not wrong and days["start_date"] and days["end_date"] and days["end_date"] < days["start_date"]:
            wrong.append(f"end_date {days['end_date']} is before start_date {days['start_date']}")
        faults.add_all(FileFault(row.line, message) for message in wrong)
        if not wrong:
            listings.append(_listing(row, days["start_date"], days["end_date"]))
    faults.refuse()
    return listings


def _listing(row: Row, start_on: date | None, end_on: date | None) -> Listing:
    title, list_name, authority = _source(row["source"])
    identity = "\n".join((row["source"], row["entity_number"], row["name"], row["federal_register_notice"]))
    identity = unicodedata.normalize("NFC", f"{identity}\n{row['start_date']}")
    digest = hashlib.sha256(identity.encode()).hexdigest()[:DIGEST_DIGITS]
    return Listing(
        line=row.line,
        key="-".join(filter(None, (ascii_words(list_name, 24).upper() or "LIST", ascii_words(row["name"]), digest))),
        list_title=title,
        list_name=list_name,
        authority=authority,
        name=row["name"],
        other_names=tuple(_listed(row["alt_names"])),
        identifiers=tuple(_identifiers(row["ids"])),
        is_organization=row["type"].lower() not in OTHERWISE,
        type=row["type"],
        country=country_of_addresses(row["addresses"]) or row[COUNTRY_CODE] or None,
        notice=row["federal_register_notice"],
        start_on=start_on,
        end_on=end_on,
        requirement=row["license_requirement"],
        policy=row["license_policy"],
        url=row["source_list_url"],
    )


def _source(source: str) -> tuple[str, str, str]:
    """A list's title, its abbreviation and its authority; the text itself for each where it is not written so."""
    text = " ".join(source.split())
    match = LIST.search(text, 1)
    if match is None or match.end() == len(text):
        return source, source, source
    return text[: match.start()], match[1], text[match.end() :]


def _listed(names: str) -> list[str]:
    parts = (AND.sub("", part.strip()) for part in names.split(";"))
    return [part for part in parts if comparable(part)]


def _identifiers(ids: str) -> list[tuple[str, str]]:
    """Identifiers, written `kind, number` and perhaps a country, parted by semicolons."""
    parts = ([value.strip() for value in part.split(",")] for part in ids.split(";"))
    return [(values[0], values[1]) for values in parts if len(values) > 1 and values[0] and values[1]]


class _Planner:
    """Matches every entry with an organisation, then writes its instrument."""

    def __init__(self, listings: Sequence[Listing], standing: LedgerStanding, *, register: bool) -> None:
        self.listings = listings
        self.standing = standing
        self.register = register
        self.recorded = standing.events(listing.event_id for listing in listings)
        self.streams = standing.streams(before.stream for before in self.recorded.values())
        self.result = ImportPlan()
        self._lines: dict[str, int] = {}

    def plan(self) -> ImportPlan:
        for listing in self.listings:
            if listing.key in self._lines:
                self._know(listing, f"the same entry as on line {self._lines[listing.key]}")
            elif not listing.is_organization:
                self._report(listing, f"of type {listing.type}, which is no organisation")
            elif listing.start_on is not None and listing.start_on > self.standing.today:
                today = self.standing.today
                self._report(listing, f"listed on {listing.start_on}, and today is {today}")
            elif (organization := self._named_before(listing) or self._organization(listing)) is not None:
                self._write(listing, organization)
            self._lines.setdefault(listing.key, listing.line)
        return self.result

    def _named_before(self, listing: Listing) -> str | None:
        """The organisation that the entry's recorded instrument names, also where it is called otherwise today."""
        before = self.recorded.get(listing.event_id)
        rules = before.data.get("rules", ()) if before is not None else ()
        return next((str(buyer) for rule in rules for buyer in rule.get("buyers", ())), None)

    def _organization(self, listing: Listing) -> str | None:
        """The organisation that is listed, by identifier, or else by name; None: left out and reported."""
        directory: Directory = self.standing.directory
        found = directory.identified(listing.identifiers) or directory.named((listing.name, *listing.other_names))
        if len(found) == 1:
            return found.pop()
        if found:
            several = ", ".join(sorted(found))
            self._report(listing, f"the ledger has several organisations of this name: {several}")
            return None
        if not self.register:
            self._report(listing, "the ledger knows no organisation of this name (--unknown register makes one)")
            return None
        if listing.country is None:
            self._report(listing, "no address ends in a country, which a new organisation needs")
            return None
        return self._registered(listing, directory, listing.country)

    def _registered(self, listing: Listing, directory: Directory, country: str) -> str:
        identifier = slug(written(listing.name))
        if identifier in directory.organization_ids:
            identifier = f"{identifier}-{listing.key[-DIGEST_DIGITS:]}"
        identifiers = [{"scheme": ALIAS, "id": name} for name in listing.other_names]
        identifiers += [{"scheme": scheme, "id": one} for scheme, one in listing.identifiers]
        data: dict[str, Any] = {"organization_id": identifier, "name": written(listing.name), "country": country}
        if identifiers:
            data["identifiers"] = identifiers
        self._entry(listing, self._event(listing, "organization-registered", ":organization", data, earlier=True))
        directory.add(data)
        return identifier

    def _write(self, listing: Listing, organization: str) -> None:
        title = f"{listing.list_title}: {listing.name}"
        data: dict[str, Any] = {
            "regulation_id": listing.key,
            "jurisdiction": JURISDICTION,
            "authority": listing.authority,
            "title": title,
            "citation": listing.notice or listing.list_title,
            "rules": listing_rules(
                [organization],
                listing.effect,
                JURISDICTION,
                buying_prohibited=listing.list_name in BUYING_PROHIBITED,
            ),
        }
        if listing.end_on is not None:
            data["until"] = listing.end_on.isoformat()
        wanted = self._event(listing, "regulation-enacted", "", data, earlier=False)
        before = self.recorded.get(listing.event_id)
        if before is None:
            self._entry(listing, wanted)
            self._note(listing)
        else:
            self._repeat(listing, wanted, before)
        if listing.effect == "advisory" and listing.list_name in EFFECTS:
            self.result.unread.append(RowRemark(listing.line, listing.name, listing.requirement))

    def _note(self, listing: Listing) -> None:
        """The words of the requirement, which the rules say only so far."""
        said = (("Licence requirement", listing.requirement), ("Licence policy", listing.policy))
        note = "\n".join(f"{name}: {text}" for name, text in said if text)
        if note:
            data = {"annotates": listing.event_id, "note": note}
            self._entry(listing, self._event(listing, "event-annotated", ":note", data, earlier=False))

    def _repeat(self, listing: Listing, wanted: dict[str, Any], before: Recorded) -> None:
        """The instrument again, and its last day where the list has come to name one; what may change is as it was."""
        assert before.stored is not None
        if listing.start_on is None:
            wanted["effective_on"], wanted["known_on"] = before.effective_on.text, before.known_on.isoformat()
        wanted["source"] = before.stored.get("source", wanted["source"])
        self._entry(listing, again(wanted, before))
        chain = InstrumentChain(
            listing.key, JURISDICTION, listing.authority, before.known_on, events=self.streams[before.stream]
        )
        for renewed in renewals(wanted, before, chain):
            self._entry(listing, renewed)

    def _event(
        self, listing: Listing, name: str, ending: str, data: dict[str, Any], *, earlier: bool
    ) -> dict[str, Any]:
        """An event of the day of listing; without one, on or before today. `earlier`: the fact itself is older."""
        known_on = (listing.start_on or self.standing.today).isoformat()
        effective_on = known_on if listing.start_on is not None and not earlier else f"../{known_on}"
        citation = ", ".join(filter(None, (listing.list_title, listing.notice)))
        source = {"citation": citation, "url": listing.url} if listing.url else {"citation": citation}
        return {
            "type": name,
            "id": f"{listing.event_id}{ending}",
            "effective_on": effective_on,
            "known_on": known_on,
            "basis": "reported",
            "source": source,
            "data": data,
        }

    def _report(self, listing: Listing, message: str) -> None:
        self.result.reported.append(RowRemark(listing.line, listing.name, message))

    def _know(self, listing: Listing, message: str) -> None:
        self.result.known.append(RowRemark(listing.line, listing.name, message))

    def _entry(self, listing: Listing, sent: dict[str, Any]) -> None:
        self.result.entries.append(Entry(listing.line, listing.name, sent))
