"""One service process for all hostile inputs of a test run."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from service.postgres.embedded import EmbeddedPostgres
from tests.hostile.watching import Watched
from tests.service.processes import serving

DATABASE = "of_the_hostile"


@pytest.fixture(scope="session")
def watched(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A service on a database of its own, and what it uses."""
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    settings = {"DAYBOOK_DATABASE_URL": postgres_server.conninfo_of(DATABASE), "DAYBOOK_LOG_REQUESTS": "false"}
    home = tmp_path_factory.mktemp("hostile") / "home"
    with serving(home, settings) as service, service.client() as client:
        yield Watched(service, client)
