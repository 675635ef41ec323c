"""A ledger with the seed and some awkward names, questions about it, and a database that holds nothing at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from domain.catalogue import read_request
from domain.json_text import parse_json
from service.asking.comparisons import Comparisons
from service.asking.questions import Questions
from service.asking.views import parse_question
from service.cli.seed import SEED
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings

#: Names that spreadsheets, terminals and XML have trouble with.
AWKWARD = {
    "formula": '=HYPERLINK("https://example.org","cheap")',
    "at-home": "@Home Networks",
    "plus": "+86 Trading",
    "control": "Bell\x07 and _x0007_ Works",
    "quoted": 'Says "so", twice;\nand on a second line',
    "zhongxin": "中芯国际集成电路制造有限公司",
    "cafe": "Société Générale d’Électricité",
}


def organization(identifier: str, name: str) -> dict[str, Any]:
    """A request that registers one."""
    data = {"organization_id": identifier, "name": name, "country": "CN"}
    return {"type": "organization-registered", "effective_on": "2000", "known_on": "2017-01-01", "data": data}


def order(identifier: str, vendor: str, amount: str, quantity: str = "1") -> dict[str, Any]:
    """A request that places an order of Baidu's."""
    line = {"line": "1", "product_id": None, "quantity": quantity, "amount": amount}
    data = {"order_id": identifier, "buyers": ["baidu"], "vendor_id": vendor, "currency": "USD", "lines": [line]}
    return {"type": "order-placed", "effective_on": "2023-08-01", "known_on": "2023-08-02", "data": data}


#: Figures of 15 digits, of more, and of nearly none.
ORDERS = (
    order("o-formula", "formula", "123456789012345.6789", "999999999999999.9999"),
    order("o-zhongxin", "zhongxin", "9.95"),
    order("o-cafe", "cafe", "0.0001"),
)


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a service on the test's own database."""
    return Settings(home=tmp_path / "home", database_url=SecretStr(database))


@pytest.fixture
def daybook(settings: Settings) -> Iterator[Daybook]:
    """An open ledger that holds the seed and the awkward names."""
    with open_daybook(settings) as opened:
        requests = [parse_json(line) for line in SEED.read_bytes().splitlines()]
        requests += [organization(identifier, name) for identifier, name in AWKWARD.items()]
        opened.committer.record([read_request(one, codes()) for one in [*requests, *ORDERS]])
        opened.follower.wait_for(opened.ledger.recorder.head().position, 10)
        yield opened


class Desk:
    """Somebody who asks for views."""

    def __init__(self, daybook: Daybook) -> None:
        self.questions = Questions(daybook, 5.0)
        self.comparisons = Comparisons(daybook, 5.0)

    def answer(self, question: str) -> dict[str, Any]:
        """The answer to a view with its parameters, as HTTP gives it."""
        return parse_question(question).answer(self.questions, self.comparisons)


@pytest.fixture
def desk(daybook: Daybook) -> Desk:
    """Asks about the ledger with the awkward names."""
    return Desk(daybook)


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The connection string of a database in which nobody made a ledger yet."""
    name = "empty"
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield postgres_server.conninfo_of(name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
