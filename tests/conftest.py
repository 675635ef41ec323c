"""One PostgreSQL server for a test run, and a fresh database for each test that asks for one."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from service.postgres.embedded import EmbeddedPostgres
from tests.service.postgres_owner import processes_of, wait_until

TEMPLATE = "daybook_template"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that lives as long as the test run (with pytest-xdist: as its worker) and is quick, not durable."""
    settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    path = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(path, settings=settings) as server:
        yield server
    shutil.rmtree(path)


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """An empty home, removed at the end: data takes 46 MB, which pytest would keep for three runs."""
    path = tmp_path / "home"
    path.mkdir()
    yield path
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="session")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose embedded database is made already, since that is what takes long; see `home`."""
    path = tmp_path_factory.mktemp("used-home")
    with EmbeddedPostgres(path):
        pass
    yield path
    shutil.rmtree(path)


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    """A home that other tests have used and will use again; nothing runs there before, and nothing may afterwards."""
    yield used_home
    assert wait_until(lambda: processes_of(used_home) == []), processes_of(used_home)


@pytest.fixture(scope="session")
def prepare_template() -> Callable[[str], None]:
    """What makes an empty database (its connection string is the argument) into one that tests start from.

    It must close every connection it opens: a template in use cannot be copied.
    """
    return lambda _conninfo: None


@pytest.fixture(scope="session")
def template_database(postgres_server: EmbeddedPostgres, prepare_template: Callable[[str], None]) -> str:
    """The name of the database that each test's own is a copy of."""
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
    prepare_template(postgres_server.conninfo_of(TEMPLATE))
    return TEMPLATE


@contextmanager
def fresh_database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The connection string of a copy of the template, which is dropped at the end."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(
            # Copying files beats copying through the log once the template has tables.
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        # As its owner does (`close_doors`); a copy does not take it along.
        connection.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))
        yield server.conninfo_of(name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """The connection string of a database of this test's own; it takes about 20 ms, and is dropped at the end."""
    with fresh_database(postgres_server, template_database) as conninfo:
        yield conninfo
