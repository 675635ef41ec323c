"""A sound ledger for a whole module, which its tests damage and leave as it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from service.postgres.embedded import EmbeddedPostgres
from tests.service.verification.ledgers import Sound, damaging, make_sound


@pytest.fixture(scope="module")
def sound(
    request: pytest.FixtureRequest,
    postgres_server: EmbeddedPostgres,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sound]:
    """The ledger, in a database of this module's own."""
    name = f"sound_{request.module.__name__.rpartition('.')[2]}"
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template_database)
            )
        )
        home: Path = tmp_path_factory.mktemp("verified-home")
        yield make_sound(postgres_server.conninfo_of(name), home)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def attacker(sound: Sound) -> Iterator[Connection[Any]]:
    """A superuser for whom no trigger works."""
    with damaging(sound.conninfo) as connection:
        yield connection
