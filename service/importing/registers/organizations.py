"""A table of organisations: names, countries by any usual name, identifiers, and parents with their dates."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from domain.names import words_of
from domain.values import UNKNOWN_COUNTRY
from service.importing.names import slug
from service.importing.orders.countries import country_code
from service.importing.plans import Entry, ImportPlan
from service.importing.registers.headers import SCHEMES
from service.importing.registers.mapping import RegisterMapping
from service.importing.registers.statements import StatedThing, Statement, StatementPlanner, once
from service.importing.registers.tables import RegisterTable
from service.importing.rows import Row
from service.importing.standing import LedgerStanding

#: A name in another language: "Name (zh)", "name_de".
IN_LANGUAGE = re.compile(r"name[ _-]*\(?([a-z]{2}(?:-[A-Za-z0-9]{2,8})?)\)?", re.IGNORECASE)
#: What stands for no parent, where an empty cell says nothing.
NO_PARENT = frozenset(("none", "-", "no parent", "independent"))


def plan(rows: Sequence[Row], standing: LedgerStanding, mapping: RegisterMapping) -> ImportPlan:
    """What to record for these rows; BadFile lists what is wrong with them, by line."""
    table = RegisterTable(rows, mapping)
    return OrganizationPlanner(table, standing).plan()


class OrganizationPlanner:
    """Reads every row, finds whom it means, and orders what is recorded: owners before what they own."""

    def __init__(self, table: RegisterTable, standing: LedgerStanding) -> None:
        self._table, self._standing = table, standing
        self.things: dict[str, StatedThing] = {}
        #: By name as it is written, the id of the file's organisations.
        self._named: dict[str, str] = {}
        self._languages = {
            column: found[1].lower() for column in table.others if (found := IN_LANGUAGE.fullmatch(column.strip()))
        }
        self._schemes = {column: SCHEMES[words_of(column)] for column in table.others if words_of(column) in SCHEMES}

    def plan(self) -> ImportPlan:
        """What to record; raises BadFile."""
        table, faults = self._table, self._table.faults
        named: list[tuple[Row, str]] = []
        for row in table.rows:
            name = table.text(row, "name")
            if not name:
                faults.add(row.line, f"{table.roles['name']} is empty")
                continue
            identifier = table.identifier(row, "id") or self.meant(name)
            self._named.setdefault(name, identifier)
            named.append((row, identifier))
        for row, identifier in named:
            try:
                self._read(row, identifier)
            except ValueError as error:
                faults.add(row.line, str(error))
        for line, message in once(self.things):
            faults.add(line, message)
        faults.refuse()
        return self._planned()

    def meant(self, name: str) -> str:
        """The id of who is called so: in the file, in the ledger, or else the one that the name makes."""
        if name in self._named:
            return self._named[name]
        directory = self._standing.directory
        own = slug(name)
        return own if own in directory.organization_ids else directory.called(name) or own

    def owner(self, text: str, line: int) -> str:
        """The id of an organisation that a row names by id or name; one that is new is registered by that name."""
        if text in self.things or text in self._named.values() or text in self._standing.directory.organization_ids:
            return text
        identifier = self.meant(text)
        if identifier not in self._named.values() and identifier not in self._standing.directory.organization_ids:
            self._named[text] = identifier
            said = Statement(line, None, None, {"name": text})
            self.things.setdefault(identifier, StatedThing("organization", identifier)).said.append(said)
        return identifier

    def _read(self, row: Row, identifier: str) -> None:
        table = self._table
        data: dict[str, Any] = {"name": table.text(row, "name")}
        if text := table.text(row, "country"):
            code = country_code(text)
            if code is None:
                raise ValueError(f"{table.roles['country']}: {text[:40]!r} is no country that ISO 3166-1 names")
            data["country"] = code
        if names := {tag: text for column, tag in self._languages.items() if (text := table.cell(row, column))}:
            data["names"] = names
        found = [
            {"scheme": scheme, "id": text}
            for column, scheme in self._schemes.items()
            if (text := table.cell(row, column))
        ]
        if found:
            data["identifiers"] = found
        since, known = table.period(row, "since"), table.period(row, "known_on")
        known_on = None if known is None else known.last
        owned, sold = table.period(row, "parent_since"), table.period(row, "parent_until")
        parent: dict[str, Any] = {}
        if text := table.text(row, "parent"):
            parent_id = None if text.casefold() in NO_PARENT else self.owner(text, row.line)
            if parent_id == identifier:
                parent_id = None  # many tables name who owns itself as its own owner
            parent = {"parent_id": parent_id}
        elif owned or sold:
            raise ValueError(
                f"{table.roles.get('parent', 'parent')} is empty, and the row says since or until when it owns"
            )
        thing = self.things.setdefault(identifier, StatedThing("organization", identifier))
        first = None if since is None else since.text
        if parent and owned is None:
            data |= parent
        thing.said.append(Statement(row.line, first, known_on, data))
        if parent and owned is not None:
            thing.said.append(Statement(row.line, owned.text, known_on, parent))
        if sold is not None:
            after = (date.fromisoformat(sold.last) + timedelta(days=1)).isoformat()
            if owned is not None and after <= owned.last:
                raise ValueError(f"the parent ends on {sold.text}, before it begins on {owned.text}")
            thing.said.append(Statement(row.line, after, known_on, {"parent_id": None}))

    def _planned(self) -> ImportPlan:
        result = ImportPlan()
        planner = StatementPlanner(self._table.mapping.prefix, self._table.envelope, self._standing.today, result)
        streams = self._standing.streams(f"organization/{name}" for name in self.things)
        new: dict[str, Entry] = {}
        changes: list[Entry] = []
        for name, thing in self.things.items():
            events = streams.get(f"organization/{name}", ())
            registering, changing = planner.take(thing, events, {"country": UNKNOWN_COUNTRY})
            new.update((name, entry) for entry in registering)
            changes += changing
        result.entries = [*_owners_first(new), *changes]
        return result


def _owners_first(new: dict[str, Entry]) -> list[Entry]:
    """Registrations in an order in which each finds its owner; those that own each other as they stand."""
    ordered: dict[str, Entry] = {}
    for name in new:
        path: list[str] = []
        here: str | None = name
        while here is not None and here in new and here not in ordered and here not in path:
            path.append(here)
            here = new[here].sent["data"].get("parent_id")
        ordered.update((one, new[one]) for one in reversed(path))
    return list(ordered.values())
