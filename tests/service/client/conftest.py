"""A service process that the client's tests share, and clients of it."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from service.client import Client
from service.postgres.embedded import EmbeddedPostgres
from tests.service.client.wire import Wire, wire_to
from tests.service.processes import TOKEN, Service, serving

DATABASE = "of_the_client"


@pytest.fixture(scope="session")
def service(
    postgres_server: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service process on a database of its own."""
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        made = sql.SQL("create database {} template {}")
        connection.execute(made.format(sql.Identifier(DATABASE), sql.Identifier(template_database)))
    settings = {"DAYBOOK_DATABASE_URL": postgres_server.conninfo_of(DATABASE)}
    with serving(tmp_path_factory.mktemp("client") / "home", settings) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """A client of the service."""
    with Client(service.address, TOKEN) as opened:
        yield opened


@pytest.fixture
def wire(service: Service) -> Iterator[Wire]:
    """A wire to the service that can break."""
    with wire_to(service.address) as opened:
        yield opened
