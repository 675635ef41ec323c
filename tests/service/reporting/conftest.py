"""A ledger with the seed, published as reports, and a reader who may see nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from pydantic import SecretStr

from domain.catalogue import read_request
from domain.json_text import parse_json
from service.asking.questions import Questions
from service.cli.seed import SEED
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.reporting.contents import ReportWish
from service.reporting.postgres import let_read, publish
from service.settings import Settings
from service.storing.migrations.roles import as_service

DAY = "2024-06-15"
WISH = ReportWish(buyers=("baidu",), months=24, clocks={"effective_on": DAY})
#: Roles are of all databases of a server: tests share these.
READER, METABASE = "daybook_reporting", "metabase"


def order(order_id: str, day: str, quantity: str, amount: str) -> dict[str, Any]:
    """A request that places an order of Baidu's at Nvidia."""
    line = {"line": "1", "product_id": None, "quantity": quantity, "amount": amount}
    data = {"order_id": order_id, "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD", "lines": [line]}
    return {"type": "order-placed", "effective_on": day, "known_on": day, "data": data}


@pytest.fixture
def daybook(database: str, tmp_path: Path) -> Iterator[Daybook]:
    """An open ledger with the seed, in the service's role."""
    own = Settings(
        home=tmp_path / "home", database_url=SecretStr(as_service(database)), migrations_url=SecretStr(database)
    )
    with open_daybook(own) as opened:
        requests = [parse_json(line) for line in SEED.read_bytes().splitlines()]
        requests += [order(f"o-{month}", f"2023-{month:02}-07", "10", f"{month}.05") for month in range(1, 11)]
        opened.committer.record([read_request(one, codes()) for one in requests])
        yield opened


@pytest.fixture
def questions(daybook: Daybook) -> Questions:
    """Asks the views of the ledger."""
    return Questions(daybook, 10)


@pytest.fixture
def published(daybook: Daybook, questions: Questions, database: str, owner: Connection[Any]) -> Daybook:
    """The ledger with its reports, which a role may read with which Metabase logs in."""
    publish(daybook.ledger.connection_settings, questions, WISH)
    let_read(database, READER)
    there = owner.execute("select from pg_roles where rolname = %s", (METABASE,)).fetchone()
    if there is None:
        owner.execute(f"create role {METABASE} login password 'open sesame' in role {READER}".encode())
    return daybook


@pytest.fixture
def reader(published: Daybook, database: str) -> Iterator[Connection[Any]]:
    """A connection of Metabase's; every statement is a transaction."""
    conninfo = psycopg.conninfo.make_conninfo(database, user=METABASE, password="open sesame")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection
