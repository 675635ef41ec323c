"""Backups made and restored as docs/operations.md says: what comes back is the same ledger, and goes on."""

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from service.cli.verify import home_keys
from service.daybook import Daybook, open_daybook
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.folder import PostgresFolder
from service.settings import Settings
from service.verification.ledger import VerificationScope, verify_ledger
from tests.service.documented import Shell
from tests.service.postgres_owner import wait_until
from tests.service.processes import serving
from tests.service.purchases import market, note, order, read
from tests.service.writers import EVENTS, Writers, assert_nothing_lost_or_doubled, recorded

FOUND_SO = "Backup"
CHECKPOINT = "First, the checkpoint"
AFTERWARDS = "Then, always"
HOLDS = "verified: no event was changed, removed, inserted or moved"

_numbers = itertools.count(1)

NewDatabase = Callable[[], str]


@pytest.fixture
def backup(tmp_path: Path) -> Iterator[Path]:
    """The folder that takes a backup, removed at the end."""
    folder = tmp_path / "backup"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_database(postgres_server: EmbeddedPostgres) -> Iterator[NewDatabase]:
    """Makes empty databases on the test run's server, dropped at the end."""
    names: list[str] = []
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:

        def make() -> str:
            names.append(f"restored_{next(_numbers)}")
            # From template0: what other tests leave in the usual template does not matter here.
            connection.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8' strategy file_copy").format(
                    sql.Identifier(names[-1])
                )
            )
            return postgres_server.conninfo_of(names[-1])

        yield make
        for name in names:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def short_home() -> Iterator[Path]:
    """The path of a home that is not there yet, short enough for a server's socket."""
    with tempfile.TemporaryDirectory(prefix="again-") as folder:
        yield Path(folder) / "home"


def settings_of(database: str, home: Path) -> Settings:
    """A home's settings on a database of the operator's own."""
    return Settings(home=home, database_url=SecretStr(database))


def record(daybook: Daybook, *names: str) -> None:
    """Record orders, each with a note, under these names."""
    for name in names:
        daybook.committer.record(read([order(name, id=f"of-{name}"), note("of-baidu", name, id=f"note-{name}")]))


def began(database: str, home: Path) -> list[str]:
    """A ledger of 103 events; the roots at every position."""
    with open_daybook(settings_of(database, home)) as daybook:
        daybook.committer.record(read(market()))
        record(daybook, *(f"po-{number}" for number in range(50)))
        return roots(daybook)


def roots(daybook: Daybook) -> list[str]:
    """The root of the log at every position."""
    return [daybook.log.root_hash(position) for position in range(daybook.ledger.recorder.head().position + 1)]


def stored(daybook: Daybook) -> list[bytes]:
    """Every event's bytes."""
    return [row.state for row in daybook.ledger.recorder.rows_after(0, 1_000_000)]


def holds(database: str, home: Path, backup: Path) -> bool:
    """Whether the ledger as it is now verifies against the checkpoint of the backup, and all that came since."""
    wanted = VerificationScope(home_keys(Settings(home=home)), lambda origin, created_at: [], (backup / "checkpoint",))
    return verify_ledger(database, wanted, lambda read, there, closer: None).holds


def test_a_dump_makes_the_same_ledger_in_another_database(
    database: str, new_database: NewDatabase, backup: Path, tmp_path: Path
) -> None:
    before = began(database, tmp_path / "home")
    shell = Shell(
        tmp_path / "bin",
        {"BACKUP": str(backup), "DAYBOOK_HOME": str(tmp_path / "home"), "DAYBOOK_DATABASE_URL": database},
    )
    shell.succeed(FOUND_SO, CHECKPOINT, "By pg_dump")
    with open_daybook(settings_of(database, tmp_path / "home")) as original:
        bytes_before = stored(original)
        record(original, "po-lost")

    restored = new_database()
    shell.variables |= {"RESTORED": restored, "DAYBOOK_HOME": str(tmp_path / "again")}
    said = shell.succeed("From pg_dump", AFTERWARDS)
    assert HOLDS in said
    assert "103 events read, 103 events covered by signed checkpoints" in said
    with open_daybook(settings_of(restored, tmp_path / "again")) as again:
        assert stored(again) == bytes_before
        assert roots(again) == before
        record(again, "po-next")
        assert [json.loads(state)["position"] for state in stored(again)[-2:]] == [104, 105]
        # Who sent the lost order again is told that it is new here.
        assert again.committer.record(read([order("po-lost", id="of-po-lost")])).recorded == 1
        assert again.committer.record(read([order("po-1", id="of-po-1")])).recorded == 0
        again.follower.wait_for(106, 20)
        again.log.publisher.publish_all()
        assert again.log.publisher.hindrance is None
        assert again.log.issued(106).size == 106
        assert holds(restored, tmp_path / "again", backup)


def test_an_old_backup_beside_newer_copies_of_checkpoints_is_found_out(
    database: str, new_database: NewDatabase, backup: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    began(database, home)
    shell = Shell(
        tmp_path / "bin", {"BACKUP": str(backup), "DAYBOOK_HOME": str(home), "DAYBOOK_DATABASE_URL": database}
    )
    shell.succeed(FOUND_SO, CHECKPOINT, "By pg_dump")
    with open_daybook(settings_of(database, home)) as original:
        record(original, "po-later")
    restored = new_database()
    shell.variables["RESTORED"] = restored
    done = shell.run("From pg_dump", AFTERWARDS)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "covers events that are not there (positions 104 to 105)" in done.stdout
    assert str(home / "checkpoints") in done.stdout
    # A service on it reads and records, and signs nothing in the name of the ledger that was.
    with open_daybook(settings_of(restored, home)) as again:
        record(again, "po-other")
        again.log.publisher.publish_all()
        assert "was put back to an old state" in str(again.log.publisher.hindrance)
        assert again.log.issued().size == 103


def test_a_base_backup_taken_under_load_makes_the_same_ledger_in_another_home(
    ledger_home: Path, short_home: Path, backup: Path, tmp_path: Path
) -> None:
    shell = Shell(tmp_path / "bin", {"BACKUP": str(backup), "DAYBOOK_HOME": str(ledger_home)})
    with serving(ledger_home) as service:
        with service.client() as client:
            assert client.post(EVENTS, json=market()).status_code == 201
        writers = Writers(service, count=2)
        with writers.running():
            assert writers.go_on(20)
            acknowledged = list(writers.acknowledged)
            shell.succeed(FOUND_SO, CHECKPOINT, "By base backup")
        original = recorded(service)
        assert_nothing_lost_or_doubled(original, writers)

    shell.variables["DAYBOOK_HOME"] = str(short_home)
    assert HOLDS in shell.succeed("From a base backup", AFTERWARDS)
    with serving(short_home) as service:
        again = recorded(service)
        assert again == original[: len(again)]
        assert {f"of-{name}" for name in acknowledged} <= {event["id"] for event in again}
        with service.client() as client:
            answer = client.post(EVENTS, json=order("po-next", id="of-po-next"))
            assert answer.json()["last_position"] == len(again) + 1
        assert holds(json.loads(PostgresFolder.below(short_home).state.read_text())["conninfo"], short_home, backup)


def test_archived_write_ahead_log_brings_a_base_backup_up_to_what_came_later(
    ledger_home: Path, short_home: Path, backup: Path, tmp_path: Path
) -> None:
    # Reached by the server's user too, whoever that is.
    with tempfile.TemporaryDirectory(prefix="wal-") as archive:
        Path(archive).chmod(0o777)
        archiving = {"archive_mode": "on", "archive_command": f"cp %p {archive}/%f && chmod a+r {archive}/%f"}
        with EmbeddedPostgres(ledger_home, settings=archiving) as server:
            shell = Shell(
                tmp_path / "bin",
                {"BACKUP": str(backup), "DAYBOOK_HOME": str(ledger_home), "DAYBOOK_DATABASE_URL": server.conninfo},
            )
            began(server.conninfo, ledger_home)
            shell.succeed(FOUND_SO, CHECKPOINT, "By base backup")
            with open_daybook(settings_of(server.conninfo, ledger_home)) as original:
                record(original, "po-after-the-backup")
                bytes_before, roots_before = stored(original), roots(original)
            # A server that is stopped in good order archives what it has.
        shell.variables["DAYBOOK_HOME"] = str(short_home)
        shell.succeed("From a base backup")
        (short_home / "postgres" / "data" / "recovery.signal").touch()
        with EmbeddedPostgres(short_home, settings={"restore_command": f"cp {archive}/%f %p"}) as server:
            shell.variables["DAYBOOK_DATABASE_URL"] = server.conninfo
            assert HOLDS in shell.succeed(AFTERWARDS)
            with psycopg.connect(server.conninfo, autocommit=True) as connection:
                recovering = "select pg_is_in_recovery()"
                assert wait_until(lambda: connection.execute(recovering).fetchone() == (False,), 60)
            with open_daybook(settings_of(server.conninfo, short_home)) as again:
                assert (stored(again), roots(again)) == (bytes_before, roots_before)
                record(again, "po-next")
                assert len(stored(again)) == len(bytes_before) + 2


def test_an_archive_makes_the_same_ledger_in_another_database(
    database: str, new_database: NewDatabase, backup: Path, tmp_path: Path
) -> None:
    before = began(database, tmp_path / "home")
    shell = Shell(
        tmp_path / "bin",
        {"BACKUP": str(backup), "DAYBOOK_HOME": str(tmp_path / "home"), "DAYBOOK_DATABASE_URL": database},
    )
    shell.succeed(CHECKPOINT, "By archive")
    restored = new_database()
    shell.variables |= {"DAYBOOK_HOME": str(tmp_path / "again"), "DAYBOOK_DATABASE_URL": restored}
    assert HOLDS in shell.succeed("From an archive", AFTERWARDS)
    with open_daybook(settings_of(restored, tmp_path / "again")) as again:
        assert roots(again) == before
        record(again, "po-next")
        assert [json.loads(state)["position"] for state in stored(again)[-2:]] == [104, 105]


def test_the_copy_of_a_stopped_service_s_home_is_its_ledger(
    ledger_home: Path, short_home: Path, backup: Path, tmp_path: Path
) -> None:
    shell = Shell(tmp_path / "bin", {"BACKUP": str(backup), "DAYBOOK_HOME": str(ledger_home)})
    with open_daybook(Settings(home=ledger_home)) as daybook:
        daybook.committer.record(read(market()))
        before = roots(daybook)
    shell.succeed(CHECKPOINT, "By copying a home")
    shell.variables["DAYBOOK_HOME"] = str(short_home)
    assert HOLDS in shell.succeed("From the copy of a home", AFTERWARDS)
    with open_daybook(Settings(home=short_home)) as again:
        assert roots(again) == before


def test_tokens_are_made_as_documented(database: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "bin", {"DAYBOOK_HOME": str(tmp_path / "home"), "DAYBOOK_DATABASE_URL": database})
    said = shell.succeed("Who may do what")
    assert said.startswith("daybook_")
    assert "the ERP" in said
