"""A database in which nothing was made yet."""

from collections.abc import Iterator

import psycopg
import pytest

from service.postgres.embedded import EmbeddedPostgres


@pytest.fixture
def database_without_ledger(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The connection string of an empty database of this test's own."""
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute("create database log_of_nothing")
        yield postgres_server.conninfo_of("log_of_nothing")
        connection.execute("drop database log_of_nothing with (force)")
