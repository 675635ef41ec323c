"""One PostgreSQL server for a test run, and a fresh database for each test that asks for one."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from service.postgres.embedded import EmbeddedPostgres

TEMPLATE = "daybook_template"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that lives as long as the test run (with pytest-xdist: as its worker) and is quick, not durable."""
    settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=settings) as server:
        yield server


@pytest.fixture(scope="session")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose server was started and stopped once, for `home` to copy."""
    path = tmp_path_factory.mktemp("used-home")
    with EmbeddedPostgres(path):
        return path


@pytest.fixture
def home(used_home: Path, tmp_path: Path) -> Path:
    """A home of this test's own whose embedded database is made already, empty and durable; nothing runs there yet."""
    return shutil.copytree(used_home, tmp_path / "home")


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


@pytest.fixture
def database(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """The connection string of a database of this test's own; it takes about 20 ms, and is dropped at the end."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(
            # Copying files beats copying through the log once the template has tables.
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template_database)
            )
        )
        yield postgres_server.conninfo_of(name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
