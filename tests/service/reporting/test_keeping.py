"""Reports that a service keeps level by its settings."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from pydantic import ValidationError

from domain.catalogue import read_request
from service.cli.reporting import publish_again
from service.codes import codes
from service.daybook import Daybook
from service.reporting.keeping import keeping
from service.settings import Settings
from tests.service.postgres_owner import wait_until
from tests.service.reporting.conftest import order


def test_a_service_keeps_reports_level_where_it_is_set_to(
    daybook: Daybook, owner: Connection[Any], tmp_path: Path
) -> None:
    def published() -> Any:
        return owner.execute("select position, currency from reporting.published").fetchone()

    routine = keeping(daybook, Settings(home=tmp_path, reporting_every_s=1, reporting_currency="EUR"))
    assert routine is not None
    routine.start()
    try:
        assert wait_until(lambda: published() == (66, "EUR"))
        daybook.committer.record([read_request(order("later", "2024-02-01", "1", "2"), codes())])
        assert wait_until(lambda: published() == (67, "EUR"))
        assert routine.life.is_well
    finally:
        assert routine.stop()
    (count,) = owner.execute("select count(*) from reporting.order_lines where order_id = 'later'").fetchone() or (0,)
    assert count == 1


def test_a_publisher_that_loses_its_connection_tries_again(
    daybook: Daybook, owner: Connection[Any], tmp_path: Path
) -> None:
    # Somebody else publishes and is not done: it waits, and then its connection is cut.
    with psycopg.connect(**daybook.ledger.connection_settings) as other:
        other.execute("select pg_advisory_xact_lock(32199680925529203)")
        routine = keeping(daybook, Settings(home=tmp_path, reporting_every_s=1))
        assert routine is not None
        routine.start()
        waiting = (
            "select pid from pg_locks join pg_database on pg_database.oid = database"
            " where locktype = 'advisory' and not granted and datname = current_database()"
        )
        assert wait_until(lambda: owner.execute(waiting.encode()).fetchone() is not None)
        owner.execute(f"select pg_terminate_backend(pid) from ({waiting}) as waiting".encode())
        assert wait_until(lambda: not routine.life.is_well or routine.life.failures > 0)
    try:
        assert wait_until(lambda: owner.execute("select from reporting.published").fetchone() is not None)
    finally:
        assert routine.stop()


def test_a_publication_that_the_database_does_not_take_is_said_and_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    def lost() -> None:
        raise psycopg.OperationalError("the connection is lost")

    publish_again(lost)
    assert "not published this time: " in capsys.readouterr().err

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_again(broken)


def test_without_the_setting_reports_are_left_alone(daybook: Daybook, tmp_path: Path) -> None:
    assert keeping(daybook, Settings(home=tmp_path)) is None
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, reporting_every_s=0)
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, reporting_currency="euro")
