"""Databases that hold an empty ledger, and what the service puts on top of one."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from service.postgres.embedded import EmbeddedPostgres
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from service.storing.migrations import migrate
from service.storing.migrations.roles import as_service
from tests.service.postgres_owner import processes_of, wait_until


@pytest.fixture(scope="session")
def prepare_template() -> Callable[[str], None]:
    """Every test's database starts with an empty ledger named daybook."""

    def prepare(conninfo: str) -> None:
        migrate(conninfo, service=as_service(conninfo))

    return prepare


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    """The ledger of this test's database, as the service's role."""
    ledger = Ledger(as_service(database))
    yield ledger
    ledger.close()


@pytest.fixture
def committer(ledger: Ledger) -> Iterator[Committer]:
    """The one writer of `ledger`."""
    committer = Committer(ledger)
    yield committer
    committer.close()


@pytest.fixture
def owner(database: str) -> Iterator[Connection[Any]]:
    """A connection of the database's owner, a superuser; every statement is a transaction."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that holds an empty ledger and is only ever copied; see `ledger_home`."""
    path = tmp_path_factory.mktemp("made-home")
    with EmbeddedPostgres(path) as server:
        migrate(server.conninfo)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def ledger_home(made_home: Path) -> Iterator[Path]:
    """A home of this test's own with an empty, durable ledger; nothing runs there before, and nothing may afterwards.

    Its path is short enough for the server's socket to lie in it, so that a restarted server is found where it was.
    """
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        home = shutil.copytree(made_home, Path(folder) / "home")
        yield home
        assert wait_until(lambda: processes_of(home) == []), processes_of(home)
