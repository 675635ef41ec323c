"""How a database becomes a ledger: once, whoever comes together, and never another's."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import Connection, sql

from service.committer import Committer
from service.migrations import WrongLedger, migrate, migrations
from service.postgres.embedded import EmbeddedPostgres
from service.store import Ledger
from tests.service.purchases import market, record, stored

_numbers = itertools.count(1)


@pytest.fixture
def server(postgres_server: EmbeddedPostgres) -> Iterator[Connection[Any]]:
    """A connection that may make databases and roles."""
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty(postgres_server: EmbeddedPostgres, server: Connection[Any]) -> Iterator[str]:
    """The connection string of a database with nothing in it."""
    name = f"empty_{next(_numbers)}"
    server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield postgres_server.conninfo_of(name)
    server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def scalar(conninfo: str, query: str) -> Any:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_second_migration_changes_nothing(empty: str) -> None:
    assert migrate(empty, "customs") == "customs"
    applied = scalar(empty, "select array_agg(row(m.*) order by name) from ledger_migrations m")
    made_at = scalar(empty, "select created_at from ledger_identity")
    assert migrate(empty, "customs") == "customs"
    assert migrate(empty) == "customs"
    assert scalar(empty, "select array_agg(row(m.*) order by name) from ledger_migrations m") == applied
    assert scalar(empty, "select created_at from ledger_identity") == made_at


def test_a_migration_leaves_what_is_recorded_alone(database: str, committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    before = stored(ledger)
    migrate(database)
    assert stored(ledger) == before


def test_services_that_come_together_make_one_ledger(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, [empty] * 4)) == ["daybook"] * 4
    assert scalar(empty, "select array_agg(name order by name) from ledger_migrations") == list(migrations())
    assert scalar(empty, "select position from ledger_head") == 0


def test_of_two_who_name_a_new_ledger_one_gives_way(empty: str) -> None:
    def name(origin: str) -> str:
        try:
            return migrate(empty, origin)
        except WrongLedger as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = set(pool.map(name, ["north", "south"]))
    kept = scalar(empty, "select origin from ledger_identity")
    other = ({"north", "south"} - {kept}).pop()
    assert said == {kept, f"the database holds the ledger {kept!r}, not {other!r}"}


def test_a_ledger_without_a_name_is_called_daybook(empty: str) -> None:
    assert migrate(empty) == "daybook"


def test_the_name_of_a_ledger_is_fixed(empty: str) -> None:
    migrate(empty, "customs")
    with pytest.raises(WrongLedger, match="the database holds the ledger 'customs', not 'treasury'"):
        migrate(empty, "treasury")
    assert migrate(empty) == "customs"


def test_a_ledger_of_a_newer_daybook_is_left_alone(empty: str) -> None:
    migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("insert into ledger_migrations (name) values ('9999_a_later_idea')")
    with pytest.raises(WrongLedger, match="migrated by a newer Daybook: 9999_a_later_idea is unknown here"):
        migrate(empty)


@pytest.fixture
def procurement(server: Connection[Any], empty: str) -> Iterator[str]:
    """The empty database in the words of an owner who is no superuser and may not make roles."""
    name = sql.Identifier(urlsplit(empty).path.lstrip("/"))
    server.execute("create role procurement login")
    server.execute(sql.SQL("alter database {} owner to procurement").format(name))
    yield empty.replace("//postgres@", "//procurement@")
    server.execute(sql.SQL("alter database {} owner to postgres").format(name))
    with psycopg.connect(empty) as connection:
        connection.execute("drop owned by procurement")
    server.execute("drop role procurement")


def assert_records(conninfo: str) -> None:
    ledger = Ledger(conninfo)
    committer = Committer(ledger)
    record(committer, *market())
    committer.close()
    assert len(stored(ledger)) == 3
    ledger.close()


def test_an_owner_who_was_given_the_services_role_need_not_be_a_superuser(
    server: Connection[Any], procurement: str, template_database: str
) -> None:
    assert template_database, "made the service's role"
    server.execute("grant daybook_service to procurement")
    assert migrate(procurement, "procurement") == "procurement"
    assert_records(procurement)


def test_an_owner_who_may_make_roles_makes_the_services_own(new_home: Path) -> None:
    with EmbeddedPostgres(new_home, settings={"fsync": "off"}) as server:
        with psycopg.connect(server.conninfo_of("postgres"), autocommit=True) as connection:
            connection.execute("create role founder login createrole")
            connection.execute("alter database daybook owner to founder")
        own = server.conninfo.replace("//postgres@", "//founder@")
        assert migrate(own, "customs") == "customs"
        assert migrate(own, "customs") == "customs"
        assert_records(own)
