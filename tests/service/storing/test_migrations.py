"""How a database becomes a ledger: once, whoever comes together, and never another's."""

import itertools
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import Connection, sql

from service.daybook import open_daybook
from service.postgres.binaries import find_binaries
from service.postgres.embedded import EmbeddedPostgres
from service.recording.committer import Committer
from service.settings import Settings
from service.storing.ledger import Ledger
from service.storing.migrations import WrongLedger, migrate, migrations
from service.storing.migrations.roles import as_service, powers
from tests.service.purchases import market, record, stored
from tests.service.storing.schemas import schemas

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


def schema(conninfo: str) -> list[str]:
    """All that a database has besides rows: tables, functions, triggers, rights."""
    command = [find_binaries().folder / "pg_dump", "--schema-only", conninfo]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    # A dump has a word of its own in it, which is another each time.
    return sorted(line for line in dumped.splitlines() if "restrict" not in line)


def test_a_ledger_of_any_schema_of_before_comes_to_have_todays(empty: str, server: Connection[Any]) -> None:
    migrate(empty)
    wanted = schema(empty)
    for name, scripts in schemas().items():
        with older(server, empty, scripts) as conninfo:
            migrate(conninfo)
            assert schema(conninfo) == wanted, name
            assert_records(conninfo)


@contextmanager
def older(server: Connection[Any], beside: str, scripts: Mapping[str, bytes]) -> Iterator[str]:
    """A database that an earlier version migrated."""
    name = sql.Identifier(f"older_{next(_numbers)}")
    conninfo = psycopg.conninfo.make_conninfo(beside, dbname=name.as_string(server).strip('"'))
    server.execute(sql.SQL("create database {}").format(name))
    with psycopg.connect(conninfo) as owner:
        owner.execute(
            "create table ledger_migrations (name text primary key,"
            " applied_at timestamptz not null default clock_timestamp())"
        )
        for script_name, script in scripts.items():
            owner.execute(script)
            owner.execute("insert into ledger_migrations (name) values (%s)", (script_name,))
        owner.execute("insert into ledger_identity (origin) values ('daybook')")
    yield conninfo
    server.execute(sql.SQL("drop database {} with (force)").format(name))


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


def session_of(ledger: Ledger) -> Any:
    """As whom a ledger's connections logged in, and whom they have become."""
    with ledger.recorder.datastore.get_connection() as connection:
        return tuple(connection.execute("select session_user as s, current_user as c").fetchone().values())  # type: ignore[union-attr]


def test_a_service_with_a_login_of_its_own_is_let_in_by_the_owner(new_home: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    rules.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    with EmbeddedPostgres(new_home, settings={"fsync": "off", "hba_file": str(rules)}) as server:
        for user, password in (("daybook_service", "first"), ("daybook_service", "second"), ("erp's own", "third")):
            service = psycopg.conninfo.make_conninfo(server.conninfo, user=user, password=password)
            assert migrate(server.conninfo, service=service) == "daybook"
            ledger = Ledger(service)
            assert session_of(ledger) == (user, "daybook_service")
            with ledger.recorder.datastore.get_connection() as connection:
                assert powers(connection) == []
            ledger.close()
            # Nothing is left to do, so that the owner is not needed.
            assert migrate(service) == "daybook"
        with psycopg.connect(server.conninfo) as connection:
            kept = connection.execute("select rolpassword from pg_authid where rolpassword is not null").fetchall()
        assert [password.partition("$")[0] for (password,) in kept] == ["SCRAM-SHA-256"] * 2


def test_who_does_not_own_the_database_says_what_is_missing(empty: str) -> None:
    with pytest.raises(WrongLedger, match="holds no ledger, and daybook_service does not own the database"):
        migrate(as_service(empty))
    migrate(empty, service=as_service(empty))
    assert migrate(as_service(empty)) == "daybook"
    with pytest.raises(WrongLedger, match="holds the ledger 'daybook', not 'customs'"):
        migrate(as_service(empty), "customs")
    with psycopg.connect(empty) as owner:
        owner.execute("delete from ledger_migrations where name = '0006_roles'")
    with pytest.raises(WrongLedger, match=r"0006_roles is not applied yet, and .* run daybook init with DAYBOOK_MIGR"):
        migrate(as_service(empty))


def test_an_owner_who_may_not_make_the_services_role_says_so(server: Connection[Any], procurement: str) -> None:
    service = psycopg.conninfo.make_conninfo(procurement, user="erp")
    with pytest.raises(WrongLedger, match=r"procurement, may not provide the role erp .* an administrator has to"):
        migrate(procurement, service=service)


#: What the version before did not do.
BEFORE = """
    drop trigger access_tokens_final on access_tokens;
    drop function access_tokens_final();
    alter function ledger_extend() set search_path = pg_catalog, public;
    revoke select on ledger_migrations from daybook_service;
    delete from ledger_migrations where name = '0006_roles';
    grant temporary on database daybook to public;
    alter role daybook_service nologin;
"""


def test_a_home_of_the_version_before_gets_a_service_that_owns_nothing(ledger_home: Path) -> None:
    with EmbeddedPostgres(ledger_home) as server, psycopg.connect(server.conninfo, autocommit=True) as owner:
        owner.execute(BEFORE)
    with open_daybook(Settings(home=ledger_home)) as daybook:
        record(daybook.committer, *market())
        assert session_of(daybook.ledger) == ("daybook_service", "daybook_service")
        with daybook.ledger.recorder.datastore.get_connection() as connection:
            assert powers(connection) == []
            users = "select distinct usename from pg_stat_activity where datname = 'daybook'"
            assert connection.execute(users).fetchall() == [{"usename": "daybook_service"}]
