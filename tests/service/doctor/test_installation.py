"""What the doctor says of installations that are well, and of those that are not."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from pydantic import SecretStr

from domain.catalogue import EVENT_TYPES
from domain.orders import OrderCancelled
from service.daybook import open_daybook
from service.doctor.installation import InstallationFinding, examine, of_database, of_this_machine
from service.log.signatures import SigningKey
from service.settings import Settings
from service.storing.migrations.roles import as_service

NO_CHECKPOINT = "log: no checkpoint was issued yet: daybook init issues the first"


def sentences(findings: list[InstallationFinding], verdict: str) -> list[str]:
    """What was found of this verdict, settings of durability aside: the tests' own server is not durable."""
    return [
        f"{one.subject}: {one.sentence}" for one in findings if one.verdict == verdict and one.subject != "durability"
    ]


def test_a_ledger_in_use_is_well(database: str, tmp_path: Path) -> None:
    own = SecretStr(as_service(database))
    settings = Settings(home=tmp_path / "home", database_url=own, migrations_url=SecretStr(database))
    with open_daybook(settings):
        found = list(examine(settings, lambda: database))
    assert sentences(found, "bad") == []
    assert sentences(found, "warning") == []
    assert {one.subject for one in found} >= {"python", "home", "space", "postgresql", "schema", "protection", "log"}


def test_a_server_that_may_lose_what_it_acknowledged_is_bad(database: str) -> None:
    found = [one for one in of_database(database) if one.subject == "durability"]
    assert [one.sentence.partition(":")[0] for one in found] == [
        "fsync is off",
        "full_page_writes is off",
        "synchronous_commit is off",
    ]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("alter table ledger_events disable trigger ledger_refuse", "protection: the trigger ledger_refuse"),
        ("grant delete on ledger_events to daybook_service", "protection: the service's role may DELETE ledger_events"),
        ("update ledger_head set position = 7", "ledger: the head says 7, the last event is 0"),
        ("drop schema public cascade; create schema public", "schema: there is no ledger in this database"),
    ],
)
def test_what_was_done_to_a_database_is_found(database: str, owner: Connection[Any], harm: str, said: str) -> None:
    owner.execute(harm.encode())
    assert any(one.startswith(said) for one in sentences(list(of_database(database)), "bad"))


def test_a_service_that_logs_in_as_the_owner_is_told(database: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(database))
    with open_daybook(settings):
        found = list(examine(settings, lambda: database))
    assert [one for one in sentences(found, "warning") if one.startswith("connection: postgres is a superuser")]
    assert sentences(found, "bad") == []


@pytest.mark.parametrize(
    ("harm", "mending", "said"),
    [
        ("alter role daybook_service createrole", "alter role daybook_service nocreaterole", "may make roles"),
        ("grant pg_write_server_files to daybook_service", "revoke pg_write_server_files from daybook_service",
         "is a member of pg_write_server_files"),
        ("grant create on schema public to daybook_service", "select 1", "may make objects in the schema public"),
        ("grant temporary on database {} to daybook_service", "select 1", "may make temporary objects"),
    ],
)  # fmt: skip
def test_a_role_of_the_services_that_may_more_than_it_should_is_told(
    database: str, owner: Connection[Any], harm: str, mending: str, said: str
) -> None:
    assert sentences(list(of_database(database, as_service(database))), "warning") == [NO_CHECKPOINT]
    owner.execute(harm.format(owner.info.dbname).encode())
    found = sentences(list(of_database(database, as_service(database))), "warning")
    owner.execute(mending.encode())
    assert [one for one in found if one.startswith(f"connection: daybook_service {said}")]


def test_a_service_that_cannot_log_in_is_told(database: str, owner: Connection[Any]) -> None:
    owner.execute("alter role daybook_service nologin")
    try:
        found = sentences(list(of_database(database, as_service(database))), "bad")
    finally:
        # The role is shared by the tests to come.
        owner.execute("alter role daybook_service login")
    assert [one for one in found if one.startswith("connection: the service cannot log in")]


def test_views_that_do_not_read_every_type_of_event_are_bad(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sentences(list(of_database(database)), "bad") == []
    monkeypatch.setitem(EVENT_TYPES, "order-lost", type("OrderLost", (OrderCancelled,), {"NAME": "order-lost"}))
    (found,) = sentences(list(of_database(database)), "bad")
    assert found.startswith("views: the ledger and its views do not know the same event types: order-lost")


def test_a_migration_that_is_missing_is_named(database: str, owner: Connection[Any]) -> None:
    owner.execute("delete from ledger_migrations where name like '0003%'")
    assert any("0003_access" in one for one in sentences(list(of_database(database)), "warning"))


def opened_home(home: Path) -> None:
    home.chmod(0o755)


def readable_key(home: Path) -> None:
    (home / "signing-key").write_text("secret")
    (home / "signing-key").chmod(0o644)


@pytest.mark.parametrize(
    ("harm", "verdict", "said"),
    [(opened_home, "warning", "home: "), (readable_key, "bad", "signing-key: ")],
)
def test_what_others_could_read_is_told(tmp_path: Path, harm: Callable[[Path], None], verdict: str, said: str) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chmod(home, 0o700)
    harm(home)
    assert [one for one in sentences(list(of_this_machine(Settings(home=home))), verdict) if one.startswith(said)]


def test_a_database_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    unreachable = f"host={tmp_path} dbname=daybook connect_timeout=1"
    found = list(examine(Settings(home=tmp_path), lambda: unreachable))
    assert any(one.startswith("postgresql: cannot be reached") for one in sentences(found, "bad"))


def test_an_identity_provider_that_is_half_named_is_told(tmp_path: Path) -> None:
    found = list(of_this_machine(Settings(home=tmp_path, oidc_issuer="https://login.example")))
    assert "identity provider: an identity provider takes oidc_audience, oidc_jwks as well" in sentences(found, "bad")


def test_damaged_projections_that_were_moved_aside_are_told(tmp_path: Path) -> None:
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "0123456789abcdef-0123456789abcdef-0.damaged-1").touch()
    found = sentences(list(of_this_machine(Settings(home=tmp_path))), "warning")
    assert any(one.startswith("views: 1 damaged projections were moved aside") for one in found)


def without_key(home: Path) -> None:
    (home / "signing-key").unlink()


def another_key(home: Path) -> None:
    (home / "signing-key").write_text(SigningKey.generate("daybook").encode())


def no_key(home: Path) -> None:
    (home / "signing-key").write_text("nothing")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (without_key, "signing-key is missing: this home signs no checkpoints"),
        (another_key, "the key did not sign the last checkpoint"),
        (no_key, "signing-key: key 1: "),
    ],
)
def test_a_home_that_cannot_sign_is_told(
    database: str, tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(database))
    with open_daybook(settings, follow=False):
        pass
    harm(settings.home)
    (found,) = [one for one in examine(settings, lambda: database) if one.subject == "signing key"]
    assert found.verdict == "bad"
    assert said in found.sentence


def test_damaged_copies_of_checkpoints_are_moved_aside_and_said_so(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(database))
    with open_daybook(settings, follow=False) as daybook:
        daybook.log.publisher.keep()
        path = daybook.log.keeping.path
    for harm in (lambda: path.write_bytes(b"\xff[]\n" + path.read_bytes()), lambda: (path.unlink(), path.mkdir())):
        harm()
        (found,) = [one for one in of_this_machine(settings) if one.sentence.startswith(f"{path} is damaged")]
        assert (found.subject, found.verdict) == ("checkpoints", "bad")
        with open_daybook(settings, follow=False):
            assert "moved to" in caplog.text or "they are in" in caplog.text
        (found,) = [one for one in of_this_machine(settings) if one.subject == "checkpoints"]
        assert (found.verdict, "moved aside" in found.sentence) == ("warning", True)
