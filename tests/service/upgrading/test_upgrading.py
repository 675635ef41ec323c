"""Data of an older PostgreSQL becomes data of a newer one, whole, and at every instant the home starts."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from service.daybook import Daybook, open_daybook
from service.doctor.installation import of_this_machine
from service.postgres.binaries import installations
from service.postgres.database import database as served
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.folder import PostgresFolder
from service.recording.receipts import IdempotencyKey
from service.settings import Settings
from service.storing.migrations.roles import powers
from service.storing.tokens import Tokens
from service.upgrading.comparing import compare
from service.upgrading.errors import NotTheSame, UpgradeFailed, UpgradeRefused
from service.upgrading.planning import UpgradePlan, planned
from service.upgrading.steps import discard, kept_versions, renames, upgrade
from service.webhooks.registry import WebhookRegistry
from tests.service.postgres_owner import ROOT, processes_of, wait_until
from tests.service.processes import command, environment
from tests.service.purchases import market, order, read

#: The oldest programs that are here, such as the system's; the package of the lock file has two versions.
OLD = min(installations(), key=lambda binaries: binaries.major)
NEW = max(installations(), key=lambda binaries: binaries.major)
EVENTS = 23


@pytest.fixture(scope="module")
def made_old_home() -> Iterator[Path]:
    """A home with data of the old version, only ever copied: events, checkpoints, a token, a webhook, keys."""
    with tempfile.TemporaryDirectory(prefix="old-") as folder:
        home = Path(folder) / "home"
        with (
            EmbeddedPostgres(home, OLD.folder) as server,
            open_daybook(Settings(home=home, database_url=SecretStr(server.conninfo)), follow=False) as daybook,
        ):
            daybook.committer.record(read(market()))
            daybook.log.publisher.publish_all()
            key = IdempotencyKey("token:erp", "batch-1", bytes(32))
            daybook.committer.record(read([order(f"po-{number}", id=f"of-{number}") for number in range(20)]), [key])
            Tokens(daybook.ledger.recorder.datastore).create("the ERP", "recorder")
            WebhookRegistry(daybook.ledger.recorder.datastore).create(
                "https://example.com/told", ["order-placed"], [], 2
            )
        yield home


@pytest.fixture
def old_home(made_old_home: Path) -> Iterator[Path]:
    """A copy of `made_old_home` of this test's own, on which nothing may run afterwards."""
    with tempfile.TemporaryDirectory(prefix="old-") as folder:
        home = shutil.copytree(made_old_home, Path(folder) / "home")
        yield home
        assert wait_until(lambda: processes_of(home) == []), processes_of(home)


def the_plan(home: Path) -> UpgradePlan:
    plan = planned(home, None, None, None)
    assert isinstance(plan, UpgradePlan)
    return plan


def stored(daybook: Daybook) -> list[bytes]:
    return [row.state for row in daybook.ledger.recorder.rows_after(0, 1_000)]


def count(home: Path, programs: Path | None = None) -> tuple[int, int]:
    """The version of a home's server, as `serve` starts it, and the events that it has."""
    with EmbeddedPostgres(home, programs) as server, psycopg.connect(server.conninfo) as connection:
        (events,) = connection.execute("select count(*) from ledger_events").fetchone() or (0,)
        return connection.info.server_version // 10000, events


def assert_fits(said: str) -> None:
    """Every line has at most 80 columns, but for a path on a line of its own."""
    for line in said.splitlines():
        assert len(line) <= 80 or len(line.split()) == 1, line


def test_a_killed_upgrade_leaves_the_old_data_and_the_next_carries_all_of_it_over(old_home: Path) -> None:
    with (
        EmbeddedPostgres(old_home, OLD.folder) as server,
        open_daybook(Settings(home=old_home, database_url=SecretStr(server.conninfo)), follow=False) as daybook,
    ):
        before, root = stored(daybook), daybook.log.root_hash(len(stored(daybook)))
        note = daybook.log.issued().note
        tokens = Tokens(daybook.ledger.recorder.datastore).all()
        webhooks = WebhookRegistry(daybook.ledger.recorder.datastore).all()
    killed = subprocess.Popen(
        [sys.executable, "-m", "service", "--home", str(old_home), "upgrade"],
        cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with killed:
        assert killed.stderr is not None
        assert any("carrying everything over" in line for line in killed.stderr)
        killed.send_signal(signal.SIGKILL)
    assert wait_until(lambda: processes_of(old_home) == [], 60), processes_of(old_home)
    assert count(old_home) == (OLD.major, len(before))
    assert not PostgresFolder.below(old_home).upgrading.exists()

    told = command(old_home, "upgrade", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert f"of PostgreSQL {OLD.major}" in told.stdout
    assert "MiB are needed" in told.stdout
    done = command(old_home, "upgrade")
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} events, all the same" in done.stdout.replace("\n ", "")
    for said in (told.stdout, done.stdout, done.stderr):
        assert_fits(said)
    folder = PostgresFolder.below(old_home)
    assert folder.data_major() == NEW.major
    assert not folder.upgrading.exists()
    assert [f"data-{OLD.major} is kept" in one.sentence for one in of_this_machine(Settings(home=old_home))].count(
        True
    ) == 1
    assert planned(old_home, None, None, None) == NEW.major

    with open_daybook(Settings(home=old_home), follow=False) as daybook:
        assert stored(daybook) == before
        assert daybook.log.issued().note == note
        assert daybook.log.root_hash(len(before)) == root
        assert Tokens(daybook.ledger.recorder.datastore).all() == tokens
        assert WebhookRegistry(daybook.ledger.recorder.datastore).all() == webhooks
        with daybook.ledger.recorder.datastore.get_connection() as connection:
            assert powers(connection) == []
        daybook.committer.record(read([order("po-next", id="of-next")]))
        assert json.loads(stored(daybook)[-1])["position"] == len(before) + 1
    # While the ledger does not have every event of before, the old data is not removed.
    kept = folder.path / f"data-{OLD.major}.json"
    noted = json.loads(kept.read_text())
    kept.write_text(json.dumps({**noted, "digest": "0" * 64}))
    with (
        served(Settings(home=old_home)) as conninfo,
        pytest.raises(NotTheSame, match=f"does not have the {EVENTS} events"),
    ):
        discard(folder, conninfo, lambda _conninfo: None, lambda _sentence: None)
    assert list(kept_versions(folder)) == [OLD.major]
    kept.write_text(json.dumps(noted))
    discarded = command(old_home, "upgrade", "--discard")
    assert discarded.returncode == 0, discarded.stderr
    assert f"{EVENTS + 1} events verified" in discarded.stderr
    assert kept_versions(folder) == {}


def test_between_any_two_renames_the_home_starts_on_the_old_data_or_the_new(old_home: Path) -> None:
    plan = the_plan(old_home)
    upgrade(plan, lambda conninfo: None, lambda sentence: None)
    folder, (made, upgraded, data) = plan.folder, [step[0] for step in renames(plan)]
    assert (upgraded, data) == (folder.data, folder.upgraded_data)
    new, old = folder.path / "whole-new", folder.path / "whole-old"
    folder.data.rename(new)
    plan.kept.rename(old)
    for killed_after in range(1, 4):
        # As it stands before the first rename: the old data in use, and the new one made.
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(new, made)
        shutil.copytree(old, folder.data)
        for before, after in renames(plan)[:killed_after]:
            before.rename(after)
        assert folder.holds_data
        assert count(old_home) == (OLD.major if killed_after < 2 else NEW.major, EVENTS)
        assert folder.data.exists()
        assert not folder.upgraded_data.exists()
        assert plan.kept.exists() == (killed_after >= 2)
        for path in (made, folder.data, plan.kept):
            shutil.rmtree(path, ignore_errors=True)


def test_what_does_not_verify_is_not_put_in_place(old_home: Path) -> None:
    def fail(_conninfo: str) -> None:
        raise NotTheSame("position 7 was changed")

    plan = the_plan(old_home)
    with pytest.raises(NotTheSame, match=r"verifying the ledger: position 7 was changed\. The home has its old data"):
        upgrade(plan, fail, lambda sentence: None)
    assert not plan.passing.exists()
    assert not plan.kept.exists()
    assert count(old_home) == (OLD.major, EVENTS)


def test_a_home_that_is_in_use_and_one_without_space_are_refused(
    old_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = the_plan(old_home)
    with pytest.raises(UpgradeRefused, match=r"MiB are needed beside .*, and 1 MiB are free there"):
        upgrade(replace(plan, free_bytes=1 << 20), lambda conninfo: None, lambda sentence: None)
    with served(Settings(home=old_home), keep=True):
        # As a service starts it, which names the command.
        assert "`daybook upgrade` carries it over" in caplog.text
        refused = command(old_home, "upgrade")
        assert refused.returncode == 4
        assert "is in use by process" in refused.stderr
    assert not plan.passing.exists()
    # Programs that do not start what they find: the step is named, and nothing is left of it.
    broken = replace(plan.old, folder=NEW.folder)
    with pytest.raises(UpgradeFailed, match=f"starting PostgreSQL {OLD.major} on the data failed"):
        upgrade(replace(plan, old=broken), lambda conninfo: None, lambda sentence: None)
    assert not plan.passing.exists()
    assert plan.folder.data_major() == OLD.major


def test_a_row_that_differs_is_found_whichever_table_it_is_in(database: str, postgres_server: EmbeddedPostgres) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("insert into access_tokens (id, digest, name, role) values ('a', sha256('a'), 'ERP', 'viewer')")
        template = sql.Identifier(owner.info.dbname)
        name = sql.Identifier("compared")
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("create database {} template {}").format(name, template))
        other = postgres_server.conninfo_of("compared")
        try:
            compare(database, other)
            with psycopg.connect(other, autocommit=True) as changing:
                changing.execute("update access_tokens set name = 'erp'")
            with pytest.raises(NotTheSame, match=r"access_tokens: 1 row .* became 1"):
                compare(database, other)
            with psycopg.connect(other, autocommit=True) as changing:
                changing.execute("update access_tokens set name = 'ERP'")
                changing.execute("create table stray ()")
            with pytest.raises(NotTheSame, match="stray"):
                compare(database, other)
        finally:
            server.execute(sql.SQL("drop database {} with (force)").format(name))
