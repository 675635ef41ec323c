"""Projection files: kept from one run to the next, one a process, and thrown away where the ledger is another."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from projections.engine import Projection, batch_of
from service.daybook import open_projection
from service.following.follower import Follower
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from tests.service.purchases import amendment, market, note, order, record, retraction


def at_once(ledger: Ledger) -> dict[str, str]:
    """The digest of a projection that reads the whole ledger as one batch."""
    with Projection.open() as projection:
        projection.apply(batch_of(ledger.recorder.rows_after(0, 1_000_000)))
        return projection.digest()


def test_a_projection_goes_on_where_it_was_closed(
    committer: Committer, ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(committer, *market(), order("po-1", id="of-po-1"))
    with open_projection(tmp_path, ledger) as projection:
        Follower(ledger, projection).catch_up()
    record(committer, amendment("po-1", "-100"), retraction("of-po-1"), order("po-1", "7"), note("of-baidu", "?"))
    with open_projection(tmp_path, ledger) as projection:
        assert projection.position == 4
        Follower(ledger, projection).catch_up()
        assert projection.position == 9
        assert projection.digest() == at_once(ledger)
    assert caplog.records == []


def test_each_process_on_one_home_has_a_projection_of_its_own(
    committer: Committer, ledger: Ledger, tmp_path: Path
) -> None:
    record(committer, *market())
    with open_projection(tmp_path, ledger) as one, open_projection(tmp_path, ledger) as other:
        Follower(ledger, one).catch_up()
        assert (one.position, other.position) == (3, 0)
    with open_projection(tmp_path, ledger) as projection:
        assert projection.position == 3


def test_projections_of_other_code_are_removed(ledger: Ledger, tmp_path: Path) -> None:
    with open_projection(tmp_path, ledger):
        pass
    (made,) = (tmp_path / "projections").glob("*.duckdb")
    identity = made.name.partition("-")[0]
    for suffix in ("duckdb", "duckdb.wal", "lock"):
        (tmp_path / "projections" / f"{identity}-0123456789abcdef-0.{suffix}").touch()
    with open_projection(tmp_path, ledger):
        left = [name for name in os.listdir(tmp_path / "projections") if "0123456789abcdef" in name]
        # The lock stays: a process may just be opening it.
        assert [Path(name).suffix for name in left] == [".lock"]


@pytest.fixture
def restored(database: str, ledger: Ledger, committer: Committer) -> Iterator[Ledger]:
    """The ledger as a backup holds it, made when it had four events."""
    record(committer, *market(), order("po-1"))
    committer.close()
    ledger.close()
    name = urlsplit(database).path.lstrip("/")
    copy_name = f"{name}_restored"
    with psycopg.connect(database.replace(f"/{name}?", "/postgres?"), autocommit=True) as server:
        server.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(copy_name), sql.Identifier(name))
        )
        copy = Ledger(database.replace(f"/{name}?", f"/{copy_name}?"))
        yield copy
        copy.close()
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(copy_name)))


@pytest.mark.parametrize("recorded_since", [0, 1, 2, 5])
def test_a_projection_ahead_of_a_restored_ledger_begins_anew(
    restored: Ledger, database: str, tmp_path: Path, recorded_since: int, caplog: pytest.LogCaptureFixture
) -> None:
    original = Ledger(database)
    writer = Committer(original)
    record(writer, order("po-2", id="of-po-2"), order("po-3", id="of-po-3"))
    with open_projection(tmp_path, original) as projection:
        Follower(original, projection).catch_up()
        assert projection.position == 6
    writer.close()
    original.close()
    # The same ids again, as senders repeat what was lost; recorded at another time, so it is another history.
    writer = Committer(restored)
    for n in range(recorded_since):
        record(writer, order(f"po-{n + 2}", id=f"of-po-{n + 2}"))
    writer.close()
    with open_projection(tmp_path, restored) as projection:
        assert projection.position == 0
        Follower(restored, projection).catch_up()
        assert projection.digest() == at_once(restored)
    (warning,) = caplog.records
    assert "does not belong to this ledger as it is now: building it anew" in warning.getMessage()
