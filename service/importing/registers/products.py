"""A table of products: names, categories, makers, and every other column an attribute."""

import re
from collections.abc import Sequence
from typing import Any

from service.importing.names import slug
from service.importing.orders.decimals import ATTRIBUTE_DIGITS
from service.importing.orders.fields import TRUTHS
from service.importing.plans import ImportPlan
from service.importing.registers.mapping import RegisterMapping
from service.importing.registers.organizations import OrganizationPlanner
from service.importing.registers.statements import StatedThing, Statement, StatementPlanner, once
from service.importing.registers.tables import RegisterTable
from service.importing.rows import Row
from service.importing.standing import LedgerStanding

#: What registers a product of which no column says the category.
NOT_SAID = "not said"


def plan(rows: Sequence[Row], standing: LedgerStanding, mapping: RegisterMapping) -> ImportPlan:
    """What to record for these rows; BadFile lists what is wrong with them, by line."""
    table = RegisterTable(rows, mapping)
    return _ProductPlanner(table, standing).plan()


class _ProductPlanner:
    def __init__(self, table: RegisterTable, standing: LedgerStanding) -> None:
        self._table, self._standing = table, standing
        self._makers = OrganizationPlanner(table, standing)
        self._things: dict[str, StatedThing] = {}
        #: Columns of attributes, by the attribute's name.
        self._attributes = {name: column for column in table.others if (name := _attribute(column))}

    def plan(self) -> ImportPlan:
        table = self._table
        for row in table.rows:
            try:
                self._read(row)
            except ValueError as error:
                table.faults.add(row.line, str(error))
        for line, message in once(self._things):
            table.faults.add(line, message)
        table.faults.refuse()
        return self._planned()

    def _read(self, row: Row) -> None:
        table = self._table
        name = table.text(row, "name")
        if not name:
            raise ValueError(f"{table.roles['name']} is empty")
        identifier = table.identifier(row, "id") or slug(name)
        data: dict[str, Any] = {"name": name}
        if maker := table.text(row, "maker"):
            data["vendor_id"] = self._makers.owner(maker, row.line)
        for role in ("category", "foundry"):
            if text := table.text(row, role):
                data[role] = text
        attributes = {
            attribute: value
            for attribute, column in self._attributes.items()
            if (value := self._value(row, column)) is not None
        }
        if attributes:
            data["attributes"] = attributes
        since, known = table.period(row, "since"), table.period(row, "known_on")
        said = Statement(row.line, since.text if since else None, known.last if known else None, data)
        self._things.setdefault(identifier, StatedThing("product", identifier)).said.append(said)

    def _value(self, row: Row, column: str) -> Any:
        text = self._table.cell(row, column)
        if not text:
            return None
        contents = self._table.contents(column)
        if contents.texts and not contents.many_texts and all(one.casefold() in TRUTHS for one in contents.texts):
            words = {one.casefold() for one in contents.texts}
            if not words <= {"0", "1"}:
                return TRUTHS[text.casefold()]
        if contents.is_numbers:
            return self._table.figure(row, column, ATTRIBUTE_DIGITS)
        return {"text": text}

    def _planned(self) -> ImportPlan:
        result = ImportPlan()
        planner = StatementPlanner(self._table.mapping.prefix, self._table.envelope, self._standing.today, result)
        makers = [planner.take(maker, (), {"country": "ZZ"})[0] for maker in self._makers.things.values()]
        streams = self._standing.product_streams(self._things)
        changes = []
        for name, thing in self._things.items():
            registering, changing = planner.take(thing, streams.get(name, ()), {"category": NOT_SAID})
            result.entries += registering
            changes += changing
        result.entries = [*(entry for one in makers for entry in one), *result.entries, *changes]
        return result


def _attribute(column: str) -> str:
    """The name of an attribute that a column's name makes; empty: none."""
    return re.sub(r"[^a-z0-9]+", "_", slug(column)).strip("_")[:64] if column else ""
