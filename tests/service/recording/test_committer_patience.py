"""Nobody waits for an answer for ever: behind long decisions, a held lock, a silent wire, or a shut database."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

import service.recording.groups
from domain.lots import Sent
from service.postgres.connections import settings_of
from service.recording.committer import Committer
from service.recording.receipts import CommandReceipt
from service.recording.waiting import RecordingUnavailable
from service.storing.ledger import Ledger
from tests.service.postgres_owner import wait_until
from tests.service.purchases import Event, appends_wait, events, head_held, organization, read, record
from tests.service.wire import wire_to

#: No answer that a test waits for takes longer.
LONG_S = 60


class Slow(list[Sent]):
    """Requests that take their time to be decided, until somebody says that it is enough."""

    def __init__(self, sent: list[Event], pause_s: float = 0.01) -> None:
        self.begun, self.enough = threading.Event(), threading.Event()
        super().__init__(replace(one, sent=Pausing(one.sent, self, pause_s)) for one in read(sent))


class Pausing(dict[str, Any]):
    """What was sent, of which a decision reads the data after a while."""

    def __init__(self, sent: Mapping[str, Any], slow: Slow, pause_s: float) -> None:
        super().__init__(sent)
        self._slow, self._pause_s = slow, pause_s

    def __getitem__(self, name: str) -> Any:
        self._slow.begun.set()
        self._slow.enough.wait(self._pause_s)
        return super().__getitem__(name)


def many(name: str, count: int = 600) -> list[Event]:
    """So many organisations."""
    return [organization(f"{name}-{number}") for number in range(count)]


@pytest.fixture
def hasty(ledger: Ledger) -> Iterator[Committer]:
    """A committer whose senders wait a second, and a little more for each event."""
    committer = Committer(ledger, patience_s=1.0)
    yield committer
    committer.close()


def error_of(future: "Future[CommandReceipt]") -> str:
    """Why a command was not recorded in time."""
    error = future.exception(LONG_S)
    assert isinstance(error, RecordingUnavailable), error
    return str(error)


def test_who_waits_behind_a_long_decision_is_told_and_not_recorded(hasty: Committer, ledger: Ledger) -> None:
    slow = Slow(many("slow"))
    first = hasty.submit(slow)
    assert slow.begun.wait(LONG_S)
    behind = hasty.submit(read([organization("behind")]))
    assert "nothing of it was recorded" in error_of(behind)
    assert not first.done()
    slow.enough.set()
    assert first.result(LONG_S).recorded == 600
    assert record(hasty, organization("after")).recorded == 1
    assert "organization/behind" not in {event["stream"] for event in events(ledger)}


def test_a_decision_for_which_nobody_waits_any_more_is_broken_off(hasty: Committer, ledger: Ledger) -> None:
    endless = Slow(many("endless", 50), pause_s=1.0)
    assert "whether it will be is not known" in error_of(hasty.submit(endless))
    assert record(hasty, organization("after")).recorded == 1
    assert len(events(ledger)) == 1


def test_what_came_with_a_long_decision_is_recorded_before_it(
    ledger: Ledger, database: str, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.recording.groups, "SLOW_S", 0.2)
    committer = Committer(ledger)
    slow = Slow(many("slow", 100), pause_s=0.1)
    with head_held(database):
        committer.submit(read([organization("just-before")]))
        assert appends_wait(owner)
        before = committer.submit(read([organization("before")]))
        long = committer.submit(slow)
        behind = committer.submit(read([organization("behind")]))
    assert before.result(LONG_S).recorded == 1
    assert not long.done()
    slow.enough.set()
    assert long.result(LONG_S).recorded == 100
    assert behind.result(LONG_S).first == long.result().last_position + 1
    committer.close()


def test_closing_does_not_wait_for_a_long_decision(ledger: Ledger) -> None:
    committer = Committer(ledger)
    endless = Slow(many("endless"), pause_s=1.0)
    deciding = committer.submit(endless)
    assert endless.begun.wait(LONG_S)
    waiting = committer.submit(read([organization("waiting")]))
    committer.close(patience_s=0.2)
    assert error_of(deciding)
    assert error_of(waiting)
    assert events(ledger) == []


def test_a_lock_that_a_stopped_process_holds_keeps_nobody_waiting(
    hasty: Committer, ledger: Ledger, database: str
) -> None:
    with head_held(database):
        first = hasty.submit(read([organization("baidu")]))
        assert wait_until(lambda: hasty.waiting == 0)
        behind = [hasty.submit(read([organization(f"vendor-{number}")])) for number in range(3)]
        assert "not known" in error_of(first)
        # From when it came, not from when its turn came.
        assert all("nothing of it was recorded" in error_of(future) for future in behind)
    assert record(hasty, organization("huawei")).recorded == 1
    assert not {event["stream"] for event in events(ledger)} & {f"organization/vendor-{n}" for n in range(3)}


def test_a_wire_that_says_nothing_any_more_is_given_up(database: str, tmp_path: Path) -> None:
    folder = Path(tmp_path)
    with wire_to(database, folder) as (wire, conninfo):
        ledger = Ledger(conninfo)
        committer = Committer(ledger, patience_s=1.0)
        record(committer, organization("baidu"))
        wire.silent = True
        assert "not known" in error_of(committer.submit(read([organization("huawei", id="of-huawei")])))
        wire.silent = False
        assert wait_until(lambda: is_recorded(committer, organization("huawei", id="of-huawei")), LONG_S)
        assert [event["stream"] for event in events(ledger)] == ["organization/baidu", "organization/huawei"]
        committer.close()
        ledger.close()


def is_recorded(committer: Committer, event: Event) -> bool:
    """Whether an event is recorded, now or before."""
    try:
        return bool(record(committer, event).events)
    except RecordingUnavailable:
        return False


def test_a_database_that_is_shut_is_waited_for_and_written_to_again(
    hasty: Committer, ledger: Ledger, owner: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    record(hasty, organization("baidu"))
    (name,) = owner.execute("select current_database()").fetchone() or ("",)
    owner.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    let_go(owner)
    assert "the database is read-only" in error_of(hasty.submit(read([organization("huawei")])))
    assert hasty.trouble == "the database is read-only"
    assert ledger.recorder.is_read_only()
    # It was tried again and again, and said so where the reason was another than before: each connection was lost once.
    assert 1 <= caplog.text.count("recording failed and is tried again: BrokenOff: the database is read-only") <= 4
    owner.execute(f"alter database {name} reset default_transaction_read_only".encode())
    assert record(hasty, organization("nvidia")).recorded == 1
    assert (hasty.trouble, ledger.recorder.is_read_only()) == (None, False)


def let_go(owner: Connection[Any]) -> None:
    """End every other connection to the database."""
    owner.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )


def test_no_thread_is_started_where_something_is_recorded(
    committer: Committer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(committer, organization("baidu"))
    monkeypatch.setattr(service.recording.groups, "LARGE_GROUP_EVENTS", 2)

    def full(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    futures = []
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", full)
        for turn in range(4):
            futures.append(committer.submit(read(many(f"of-{turn}", 5))))
            assert futures[-1].exception(LONG_S) is None
    assert record(committer, organization("huawei")).recorded == 1
    assert len(events(ledger)) == 22


def test_a_writer_that_has_ended_is_noticed(ledger: Ledger) -> None:
    committer = Committer(ledger)
    assert committer.trouble is None
    committer._writer.close(LONG_S)  # as if it had died
    assert "the thread that records has ended" in str(committer.trouble)
    committer.close()


def test_every_connection_notices_that_the_other_end_is_gone(ledger: Ledger) -> None:
    settings = settings_of(
        "postgresql://somebody@database.example/ledger?keepalives_idle=60&options=-c%20a.b%3D1", "daybook_service"
    )
    assert (settings["keepalives_idle"], settings["tcp_user_timeout"], settings["connect_timeout"]) == ("60", 14_000, 5)
    assert settings["options"].startswith("-c a.b=1 -c role=")
    with psycopg.connect(**{**ledger.connection_settings, "row_factory": None}) as connection:
        assert connection.execute("show lock_timeout").fetchone() == ("5s",)


def full(owner: Connection[Any], errcode: str = "disk_full") -> None:
    """From now on the database says what it says where there is no room for an event."""
    owner.execute(
        "create or replace function no_room() returns trigger language plpgsql as $$"
        f" begin raise exception 'could not extend file: No space left' using errcode = '{errcode}'; end $$;"
        " drop trigger if exists no_room on ledger_events;"
        " create trigger no_room before insert on ledger_events for each row execute function no_room()".encode()
    )


@pytest.mark.parametrize(
    ("errcode", "said"), [("disk_full", "the database has no space left"), ("internal_error", "recording failed")]
)
def test_after_a_failed_append_nothing_is_well_until_one_would_succeed_though_nobody_writes(
    hasty: Committer, ledger: Ledger, owner: Connection[Any], errcode: str, said: str
) -> None:
    full(owner, errcode)
    assert hasty.submit(read([organization("baidu")])).exception(LONG_S) is not None
    before = hasty.last.at
    # It is looked at again and again, and nothing else is said meanwhile.
    assert wait_until(lambda: hasty.last.at > before, LONG_S)
    assert hasty.trouble == said
    owner.execute("drop trigger no_room on ledger_events")
    assert wait_until(lambda: hasty.trouble is None, LONG_S)
    # No trace is left of it.
    assert (ledger.recorder.head().position, events(ledger)) == (0, [])
    assert record(hasty, organization("baidu")).recorded == 1


def test_a_rehearsal_that_hears_nothing_keeps_nobody_waiting(
    hasty: Committer, database: str, owner: Connection[Any]
) -> None:
    full(owner)
    assert hasty.submit(read([organization("baidu")])).exception(LONG_S) is not None
    with head_held(database):
        assert appends_wait(owner)
        before = hasty.last.at
        assert wait_until(lambda: hasty.last.at > before, LONG_S)
        owner.execute("drop trigger no_room on ledger_events")
    assert record(hasty, organization("baidu")).recorded == 1


@pytest.mark.parametrize("name", ["committer", "writer"])
def test_where_a_thread_that_records_has_ended_everybody_is_refused_at_once(
    ledger: Ledger, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    committer = Committer(ledger)
    record(committer, organization("baidu"))
    endless = Slow(many("endless", 50), pause_s=1.0)
    first = committer.submit(endless)
    assert endless.begun.wait(LONG_S)
    behind = committer.submit(read([organization("behind")]))

    def broken(*given: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    if name == "committer":
        monkeypatch.setattr(committer, "_next_group", broken)
        endless.enough.set()
        assert first.result(LONG_S).recorded == 50
    else:
        monkeypatch.setattr(committer._writer.routine, "alive", broken)
        committer._writer.submit(lambda: None)
    assert "the thread that records has ended: start the service again: its turn" in error_of(behind)
    with pytest.raises(RecordingUnavailable, match="the thread that records has ended"):
        committer.submit(read([organization("after")]))
    assert "the thread that records has ended" in str(committer.trouble)
    assert wait_until(lambda: [one.life.name for one in committer.routines if not one.life.is_well] == [name])
    assert f"{name} has ended" in caplog.text
    endless.enough.set()
    committer.close()
    assert "organization/behind" not in {event["stream"] for event in events(ledger)}
