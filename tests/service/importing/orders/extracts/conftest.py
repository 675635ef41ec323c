"""Somebody who syncs extracts into a ledger that the tests of this folder share, each with orders of its own."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from domain.periods import parse_day
from service.daybook import open_daybook
from service.importing.plans import RowRemark, Summary
from service.importing.reading.messages import ExtractTask
from service.importing.rows import BadFile
from service.importing.streaming import Options
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings
from tests.service.importing.conftest import Desk, table
from tests.service.importing.order_tables import as_toml

COLUMNS = ("PO", "Pos", "Ordered", "No", "Supplier", "Land", "Group", "Unit", "Item", "Qty", "Value", "In", "Status")
ROW = {
    "PO": "4711",
    "Pos": "10",
    "Ordered": "2024-03-01",
    "No": "S-1",
    "Supplier": "Müller GmbH",
    "Land": "DE",
    "Group": "",
    "Unit": "Kisumu",
    "Item": "Pump",
    "Qty": "10",
    "Value": "1000",
    "In": "",
    "Status": "open",
}
MAPPING: dict[str, Any] = {
    "name": "erp",
    "citation": "ERP",
    "dates": {"ordered": "Ordered"},
    "order": {"id": "PO", "currency": {"constant": "EUR"}, "placed_on": "ordered", "known_on": ["placed_on"]},
    "vendor": {"id": "No", "name": "Supplier", "country": "Land", "parent": {"name": "Group"}},
    "buyer": {"name": "Unit", "country": {"constant": "KE"}},
    "line": {"id": "Pos", "quantity": "Qty", "amount": "Value"},
    "product": {"name": "Item", "category": {"constant": "pumps"}},
    "receipt": {"to_date": "In"},
    "status": {"column": "Status", "placed": ["open"], "cancelled": ["cancelled"], "cancelled_on": ["as_of"]},
}
JUNE, JULY, AUGUST = "2024-06-30", "2024-07-31", "2024-08-31"


class Planner:
    """Somebody who syncs the extracts of a purchasing system."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        #: Begins the ids of its events, and, with a hyphen, of everything else.
        self.name = f"erp{next(NAMES)}"
        self.mapping = folder / "erp.toml"
        self.map()

    def map(self, **changes: Any) -> None:
        """Have the mapping say something else; None takes a table away."""
        said = {name: value for name, value in {**MAPPING, **changes, "name": self.name}.items() if value is not None}
        for part in ("vendor", "buyer", "product"):
            said[part] = {**said[part], "prefix": f"{self.name}-"}
        self.mapping.write_text(as_toml(said), "utf-8")

    def sync(self, as_of: str, *rows: dict[str, str], dry_run: bool = False, **task: Any) -> Summary:
        """Sync rows, each the first of order 4711 but for what is given."""
        extract = ExtractTask(parse_day(as_of), **task)
        options = Options(dry_run, mapping=str(self.mapping), extract=extract)
        return self.desk.imports(self.file(*rows), "csv", options=options)

    def file(self, *rows: dict[str, str]) -> bytes:
        """Rows as a file."""
        return table(COLUMNS, [{**ROW, **row, "PO": self.id(row.get("PO", ROW["PO"]))} for row in rows])

    def id(self, short: str) -> str:
        """What an order, an organisation or a product is called in the shared ledger."""
        return f"{self.name}-{short}"

    def short(self, value: Any) -> Any:
        """Plain values with the ids as they would be in a ledger of its own."""
        text = json.dumps(value, ensure_ascii=False)
        return json.loads(text.replace(f"{self.name}-", "").replace(f"{self.name}:", "erp:"))

    def remarks(self, said: list[RowRemark]) -> list[tuple[str, str]]:
        """Rows and messages of remarks."""
        return [tuple(self.short([one.row, one.message])) for one in said]

    def faults(self, as_of: str, *rows: dict[str, str], **task: Any) -> list[tuple[int, str]]:
        """What is wrong with a file, of which nothing is recorded."""
        head = self.desk.head
        with pytest.raises(BadFile) as caught:
            self.sync(as_of, *rows, **task)
        assert self.desk.head == head
        return [(one.line, self.short(one.message)) for one in caught.value.faults]

    def facts(self, as_of: str, *rows: dict[str, str], **task: Any) -> list[tuple[str, str, dict[str, Any]]]:
        """The facts that a sync records: type, day and data."""
        before = self.desk.head
        self.sync(as_of, *rows, **task)
        return [
            (event.type, event.effective_on.text, self.short(event.data))
            for event in self.desk.events()
            if event.position > before
        ]


NAMES = count(1)


@pytest.fixture(scope="package")
def shared_desk(
    postgres_server: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk with a ledger that several tests use."""
    name = sql.Identifier("extracts")
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        template = sql.Identifier(template_database)
        connection.execute(sql.SQL("create database {} template {} strategy file_copy").format(name, template))
        home = tmp_path_factory.mktemp("extracts")
        with open_daybook(
            Settings(home=home, database_url=SecretStr(postgres_server.conninfo_of("extracts")))
        ) as daybook:
            yield Desk(daybook)
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def planner(shared_desk: Desk, tmp_path: Path) -> Planner:
    """Somebody of whose orders and suppliers the ledger knows nothing."""
    return Planner(shared_desk, tmp_path)
