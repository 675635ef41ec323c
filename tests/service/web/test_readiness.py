"""What /readyz says of a service that is well, and of one that is not, in each of the ways there are."""

import json
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import psycopg
import pytest
from psycopg import Connection
from pydantic import SecretStr
from starlette.testclient import TestClient

from domain.catalogue import read_request
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.doctor.installation import of_database
from service.importing.queue.worker import Worker
from service.observing import work
from service.recording import committer
from service.settings import Settings
from service.shapes.things import Readiness
from service.web import readiness
from service.web.application import application
from service.web.entry.access import Access
from service.webhooks.delivery import Deliveries
from tests.service.postgres_owner import wait_until
from tests.service.purchases import head_held, market, note, order, read
from tests.service.web.conftest import EVENTS
from tests.service.webhooks.receiving import receiving
from tests.service.wire import Wire, wire_to

MAPPINGS = "/api/v1/mappings"
WEBHOOKS = "/api/v1/webhooks"


def ready(client: TestClient) -> tuple[int, dict[str, Any]]:
    """Whether it is, and what it says; whoever is turned away is told when to come back."""
    answer = client.get("/readyz", headers={"Authorization": ""})
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503)
    return answer.status_code, answer.json()


def test_a_service_that_is_up_with_its_ledger_is_ready(client: TestClient, daybook: Daybook) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    daybook.follower.wait_for(3, 20)
    status, told = ready(client)
    assert (status, told["status"], told["head"], told["lag_events"]) == (200, "ready", 3, 0)


def test_the_age_of_the_last_checkpoint_is_told_and_no_reason_to_be_unready(
    client: TestClient, daybook: Daybook, owner: Connection[Any]
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    assert wait_until(lambda: ready(client)[1]["checkpoint"]["size"] == 3)
    assert ready(client)[1]["checkpoint"]["uncovered_events"] == 0
    # As if the one who publishes had been away since yesterday.
    daybook.log.publisher.close()
    owner.execute("set session_replication_role = replica")
    owner.execute("update log_checkpoints set issued_at = issued_at - interval '1 day'")
    assert client.post(EVENTS, json=note("of-baidu", "not covered")).status_code == 201
    status, told = ready(client)
    assert (status, told["status"]) == (200, "ready")
    assert (told["checkpoint"]["size"], told["checkpoint"]["uncovered_events"]) == (3, 1)
    assert 86_400 <= told["checkpoint"]["age_s"] < 90_000


def test_a_log_without_a_checkpoint_is_told_and_no_reason_to_be_unready(
    client: TestClient, owner: Connection[Any]
) -> None:
    owner.execute("set session_replication_role = replica")
    owner.execute("truncate log_checkpoints cascade")
    status, told = ready(client)
    assert (status, told["checkpoint"]) == (200, None)


@pytest.fixture
def idle(settings: Settings) -> Iterator[tuple[Daybook, TestClient]]:
    """A service whose views stand still."""
    with open_daybook(settings, follow=False) as daybook:
        yield daybook, TestClient(application(daybook, settings, Access.of([("token", "somebody")])))


def test_views_that_are_far_behind_are_not_ready(
    idle: tuple[Daybook, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    daybook, client = idle
    daybook.committer.record([read_request(event, codes()) for event in market()])
    monkeypatch.setattr(readiness, "READY_LAG_EVENTS", 3)
    assert ready(client)[0] == 200
    monkeypatch.setattr(readiness, "READY_LAG_EVENTS", 2)
    status, told = ready(client)
    assert (status, told["status"]) == (503, "the projection is catching up")
    assert (told["head"], told["lag_events"]) == (3, 3)
    daybook.follower.catch_up()
    assert ready(client)[0] == 200


def test_views_that_cannot_go_on_are_not_ready_and_nothing_internal_is_told(
    idle: tuple[Daybook, TestClient],
) -> None:
    daybook, client = idle
    daybook.follower.failure = RuntimeError("/srv/secret/projections is full")
    status, told = ready(client)
    assert status == 503
    assert told["status"] == "the projection cannot go on: it stopped at position 0, and the log says why"


@contextmanager
def served_through(wire: Wire, conninfo: str, home: Path) -> Iterator[TestClient]:
    settings = Settings(home=home, database_url=SecretStr(conninfo))
    with open_daybook(settings) as daybook:
        client = TestClient(application(daybook, settings, Access.of([("token", "somebody")])))
        assert ready(client)[0] == 200
        yield client
        wire.delay_s = 0.0


def test_a_database_that_cannot_be_reached_or_does_not_answer_in_time_is_told(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "wire"
    folder.mkdir()
    with wire_to(database, folder) as (wire, conninfo), served_through(wire, conninfo, tmp_path / "home") as client:
        wire.delay_s = readiness.PATIENCE_S
        assert ready(client) == (503, {"status": "the database does not answer"})
        wire.delay_s = 0.0
        assert wait_until(lambda: ready(client)[0] == 200)
        with wire.refusing():
            status, told = ready(client)
            # While the pool of connections still tries, it cannot say which.
            assert (status, told["status"].partition(" cannot")[0].partition(" does")[0]) == (503, "the database")
        assert wait_until(lambda: ready(client)[0] == 200)


def test_many_who_ask_at_once_cost_one_look_after_the_other(client: TestClient, database: str) -> None:
    answers: list[int] = []
    with psycopg.connect(database) as connection:
        connection.execute("lock table ledger_head in access exclusive mode")
        threads = [threading.Thread(target=lambda: answers.append(ready(client)[0])) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [503] * 10
    assert wait_until(lambda: ready(client)[0] == 200)


def test_views_that_are_tried_again_are_told_with_why_and_ready_once_they_are_level(
    client: TestClient, daybook: Daybook, settings: Settings
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    daybook.follower.wait_for(3, 20)
    (ahead,) = (settings.home / "projections").glob("*.wal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # To the database, a full disk: what it writes ahead may not grow.
    resource.setrlimit(resource.RLIMIT_FSIZE, (ahead.stat().st_size, before[1]))
    try:
        assert client.post(EVENTS, json=order("po-1")).status_code == 201
        assert wait_until(lambda: ready(client)[1]["views"]["state"] == "retrying")
        status, told = ready(client)
        assert (status, told["status"]) == (503, "following is tried again: there is no space left on the disk")
        assert (told["views"]["position"], told["lag_events"]) == (3, 1)
        assert told["threads"] == {"follower": "pausing"}
        answer = client.get("/api/v1/organizations", headers={"Prefer": "wait=0"})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert "there is no space left on the disk" in answer.json()["detail"]
        assert "daybook_projection_retrying 1.0" in client.get("/metrics").text
        assert 'daybook_thread_up{thread="follower"} 0.0' in client.get("/metrics").text
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert wait_until(lambda: ready(client)[0] == 200)
    assert ready(client)[1]["views"]["state"] == "following"
    assert client.get("/api/v1/organizations").json()["resolved"]["position"] == 4
    assert 'daybook_thread_up{thread="follower"} 1.0' in client.get("/metrics").text


def test_a_projection_whose_file_was_removed_is_built_anew_and_the_service_is_ready_again(
    client: TestClient, daybook: Daybook, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    daybook.follower.wait_for(3, 20)
    before = daybook.projection
    (file,) = (settings.home / "projections").glob("*.duckdb")
    file.unlink()
    assert wait_until(lambda: daybook.projection is not before and ready(client)[0] == 200)
    assert "was removed or replaced" in caplog.text
    assert client.get("/api/v1/organizations").json()["resolved"]["position"] == 3


def test_a_question_for_which_memory_does_not_suffice_is_refused_with_why(database: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "home", database_url=SecretStr(database), projection_memory_mb=64, projection_spill_mb=0
    )
    with open_daybook(settings) as daybook:
        # What memory holds of a small ledger would be answered without a statement.
        daybook.projection.few.most_lines = 0
        app = application(daybook, settings, Access.of([("token", "somebody")]))
        client = TestClient(app, headers={"Authorization": "Bearer token"})
        assert client.post(EVENTS, json=market()).status_code == 201
        assert client.get("/api/v1/views/vendor-dependence").status_code == 200
        with daybook.projection.cursor() as greedy:
            # Somebody takes what there is, in smaller and smaller pieces.
            for rows in (1_000_000, 100_000, 10_000, 1_000):
                with suppress(duckdb.OutOfMemoryException):
                    for number in range(1_000):
                        greedy.execute(f"create temp table t{rows}x{number} as select hash(i) from range({rows}) a(i)")
            answer = client.get("/api/v1/views/vendor-dependence")
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/out-of-memory")
            assert answer.json()["detail"].startswith("it needs more memory")
            assert "retry-after" in answer.headers
        assert client.get("/api/v1/views/vendor-dependence").status_code == 200
        assert client.post(EVENTS, json=order("po-1")).status_code == 201
        assert client.get("/api/v1/views/vendor-dependence").json()["resolved"]["position"] == 4


def test_where_nothing_can_be_recorded_a_service_is_not_ready(
    client: TestClient, daybook: Daybook, owner: Connection[Any]
) -> None:
    assert ready(client)[1]["writing"] == "ok"
    with shut(owner):
        assert wait_until(lambda: ready(client)[1]["status"] == "nothing can be recorded: the database is read-only")
    assert wait_until(lambda: ready(client)[0] == 200)
    assert client.post(EVENTS, json=market()).status_code == 201


def test_a_head_that_cannot_be_read_makes_a_service_unready_and_the_rest_is_seen(
    client: TestClient, daybook: Daybook, owner: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    daybook.follower.wait_for(3, 20)
    owner.execute("revoke select on ledger_head from daybook_service")
    why = "the database does not allow the service what it has to do"
    status, told = ready(client)
    assert (status, told["status"]) == (503, f"nothing can be recorded: {why}")
    assert (told["head"], told["lag_events"], told["views"]["position"]) == (None, None, 3)
    assert (told["work"]["writing"]["state"], told["work"]["writing"]["reason"]) == ("failing", why)
    assert "permission denied for table ledger_head" in caplog.text
    text = client.get("/metrics").text
    assert "daybook_database_up 0.0" in text
    assert 'daybook_work_unseen{work="writing"} 1.0' in text
    owner.execute("grant select on ledger_head to daybook_service")
    assert ready(client)[0] == 200
    assert "daybook_database_up 1.0" in client.get("/metrics").text


@pytest.mark.parametrize(("table", "part"), [("webhooks", "webhooks"), ("log_checkpoints", "checkpoints")])
def test_what_cannot_be_looked_at_says_so_and_leaves_a_service_ready(
    client: TestClient, daybook: Daybook, owner: Connection[Any], settings: Settings, table: str, part: str
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    daybook.follower.wait_for(3, 20)
    assert settings.migrations_url is not None
    database = settings.migrations_url.get_secret_value()

    def check(why: str) -> None:
        status, told = ready(client)
        assert (status, told["status"], told["writing"], told["head"]) == (200, "ready", "ok", 3)
        others = {name: doing["state"] for name, doing in told["work"].items() if name not in (part, "checkpoints")}
        assert not {"retrying", "failing"} & set(others.values())
        assert (told["work"][part]["state"], told["work"][part]["reason"]) == ("retrying", why)
        msgspec.convert(told, Readiness, strict=True)
        text = client.get("/metrics").text
        assert f'daybook_work_unseen{{work="{part}"}} 1.0' in text
        assert "daybook_database_up 1.0" in text
        assert "daybook_ledger_events_total 3.0" in text
        found = {one.subject: one for one in of_database(database)}
        subject = "log" if part == "checkpoints" else part
        assert (found[subject].verdict, "this cannot be looked at" in found[subject].sentence) == ("bad", True)
        assert found["ledger"].sentence == "3 events"

    with owner.transaction():
        owner.execute(f"lock table {table} in access exclusive mode".encode())
        check("another process holds a lock of the database")
    owner.execute(f"alter table {table} rename to elsewhere".encode())
    check("a table of the ledger is missing in the database")
    owner.execute(f"alter table elsewhere rename to {table}".encode())
    owner.execute(f"revoke select on {table} from daybook_service".encode())
    assert ready(client)[1]["work"][part]["state"] == "retrying"
    owner.execute(f"grant select on {table} to daybook_service".encode())
    assert wait_until(lambda: ready(client)[1]["work"][part]["reason"] is None)


def test_what_is_recorded_while_the_database_does_not_allow_it_is_put_off_with_why(
    client: TestClient,
    daybook: Daybook,
    owner: Connection[Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    with monkeypatch.context() as hasty:
        hasty.setattr(daybook.committer._waiting, "patience_s", 1.0)
        owner.execute("revoke insert on ledger_events from daybook_service")
        answer = client.post(EVENTS, json=order("po-1"))
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert "the database does not allow the service what it has to do" in answer.json()["detail"]
        assert "permission denied" in caplog.text
        assert wait_until(lambda: ready(client)[0] == 503)
        owner.execute("grant insert on ledger_events to daybook_service")
    assert wait_until(lambda: ready(client)[0] == 200)
    assert client.post(EVENTS, json=order("po-1")).status_code == 201
    for table, path in (("webhooks", WEBHOOKS), ("imports", "/api/v1/imports"), ("log_tiles", "/log/tile/0/000.p/3")):
        owner.execute(f"alter table {table} rename to elsewhere".encode())
        answer = client.get(path)
        owner.execute(f"alter table elsewhere rename to {table}".encode())
        if table != "log_tiles":  # which may be remembered
            assert (answer.status_code, "a table of the ledger is missing" in answer.text) == (503, True), answer.text
            assert f'relation "{table}" does not exist' in caplog.text
        assert answer.status_code < 500 or answer.status_code == 503


def test_whatever_is_to_be_kept_while_the_database_is_read_only_is_put_off_with_why_and_kept_afterwards(
    client: TestClient, daybook: Daybook, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    made = client.post(WEBHOOKS, json={"url": "http://127.0.0.1:9/buying"}).json()["id"]
    other = client.post(WEBHOOKS, json={"url": "http://127.0.0.1:9/selling"}).json()["id"]
    waiting = client.post("/api/v1/imports", json=note("of-baidu", "in a first file")).headers["Location"]
    amd = {"organization_id": "amd", "name": "AMD", "country": "US"}
    requests: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", EVENTS, order("po-1"), {}),
        ("POST", EVENTS, order("po-2"), {"Idempotency-Key": "once"}),
        ("POST", "/api/v1/organizations", {"effective_on": "2020", **amd}, {}),
        ("POST", WEBHOOKS, {"url": "http://127.0.0.1:9/third"}, {}),
        ("POST", WEBHOOKS, {"url": "http://127.0.0.1:9/fourth"}, {"Idempotency-Key": "webhook"}),
        ("POST", f"{WEBHOOKS}/{made}/pause", None, {}),
        ("POST", f"{WEBHOOKS}/{made}/resume", None, {}),
        ("POST", f"{WEBHOOKS}/{made}/replay", {"after": 0}, {}),
        ("POST", f"{WEBHOOKS}/{made}/rotate-secret", None, {}),
        ("DELETE", f"{WEBHOOKS}/{other}", None, {}),
        ("POST", "/api/v1/imports", note("of-baidu", "in a file"), {}),
        ("DELETE", waiting, None, {}),
        ("POST", "/api/v1/imports?format=ndjson", order("po-9"), {"Idempotency-Key": "import"}),
    ]
    with shut(owner), monkeypatch.context() as hasty:
        hasty.setattr(daybook.committer._waiting, "patience_s", 1.0)
        # Whoever comes first finds the connections of before.
        assert wait_until(lambda: "read-only" in client.post(EVENTS, json=order("po-0")).json()["detail"])
        for method, path, body, headers in requests:
            answer = client.request(method, path, json=body, headers=headers)
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True), (path, answer.text)
            assert (answer.json()["type"], "read-only" in answer.json()["detail"]) == ("/problems/unavailable", True)
        assert client.get(EVENTS).status_code == client.get(WEBHOOKS).status_code == 200
    for method, path, body, headers in requests:
        answer = client.request(method, path, json=body, headers=headers)
        assert answer.status_code in (200, 201, 202, 204), (path, answer.text)
    assert client.get("/readyz").json()["head"] == 6


def test_what_needs_files_while_the_system_gives_none_is_put_off_with_why(client: TestClient) -> None:
    assert client.get(MAPPINGS).status_code == 200
    limits, spare = resource.getrlimit(resource.RLIMIT_NOFILE), os.open(os.devnull, os.O_RDONLY)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, limits[1]))
    try:
        for method, path, kind in (
            ("GET", MAPPINGS, "text/plain"),
            ("PUT", f"{MAPPINGS}/erp", "application/toml"),
            ("POST", "/api/v1/imports", "text/csv"),
        ):
            answer = client.request(method, path, content=b"name = 1", headers={"Content-Type": kind})
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True), (path, answer.text)
            assert answer.json()["detail"] == "the system gives no further files"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert client.get(MAPPINGS).status_code == 200


@contextmanager
def shut(owner: Connection[Any]) -> Iterator[None]:
    """The database takes nothing in, in the block; connections that were open before it and in it have ended."""
    (name,) = owner.execute("select quote_ident(current_database())").fetchone() or ("",)
    others = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    owner.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    owner.execute(others)
    yield
    owner.execute(f"alter database {name} reset default_transaction_read_only".encode())
    owner.execute(others)


def test_a_request_that_waits_long_makes_a_service_unready_and_is_measured(
    client: TestClient, daybook: Daybook, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "TROUBLING_WAIT_S", 0.2)
    with head_held(database):
        future = daybook.committer.submit(read(market()))
        assert wait_until(lambda: ready(client)[0] == 503)
        assert ready(client)[1]["status"].startswith("nothing can be recorded: a request has")
        text = client.get("/metrics").text
        assert "daybook_append_failing 1.0" in text
        assert "daybook_append_oldest_waiting_seconds 0.0" not in text
    future.result()
    assert ready(client)[1]["oldest_waiting_s"] == 0
    assert ready(client)[0] == 200
    assert "daybook_append_failing 0.0" in client.get("/metrics").text


def test_what_each_kind_of_work_does_is_told(client: TestClient, daybook: Daybook) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    assert wait_until(lambda: ready(client)[1]["work"]["checkpoints"]["state"] == "level")
    daybook.follower.wait_for(3, 20)
    told = ready(client)[1]["work"]
    read = msgspec.convert(ready(client)[1], Readiness, strict=True)
    assert read.work is not None
    assert (read.work["checkpoints"].state, read.work["views"].waiting) == ("level", 0)
    assert {name: doing["state"] for name, doing in told.items()} == {
        "writing": "idle",
        "views": "following",
        "checkpoints": "level",
        "webhooks": "off",
        "imports": "off",
    }
    assert {doing["reason"] for doing in told.values()} == {None}
    assert {doing["waiting"] for doing in told.values()} == {0}
    assert (told["writing"]["age_s"], told["views"]["age_s"], told["webhooks"]["age_s"]) == (None, None, None)


def test_a_webhook_that_takes_nothing_is_told_with_how_long_the_oldest_event_waits(
    client: TestClient, settings: Settings
) -> None:
    deliveries: Deliveries = client.app.state.context.deliveries  # type: ignore[attr-defined]
    with receiving() as receiver:
        receiver.answer = lambda number: (500, {})
        deliveries.webhooks.create(receiver.url, (), (), 0)
        assert client.post(EVENTS, json=market()).status_code == 201
        assert ready(client)[1]["work"]["webhooks"]["waiting"] == 1
        deliveries.start()
        try:
            assert wait_until(lambda: ready(client)[1]["work"]["webhooks"]["state"] == "failing")
            status, told = ready(client)
            # The others are served as ever.
            assert (status, told["work"]["webhooks"]["last_error"]) == (200, "it answered 500")
            assert told["work"]["webhooks"]["reason"] == "1 of them do not take what they are sent"
            assert (told["work"]["webhooks"]["failing"], told["work"]["webhooks"]["disabled"]) == (1, 0)
            assert told["work"]["webhooks"]["age_s"] > 0
            text = client.get("/metrics").text
            assert "daybook_webhooks_failing 1.0" in text
            assert "daybook_webhooks_oldest_waiting_seconds 0.0\n" not in text
            assert receiver.url not in str(told)
        finally:
            deliveries.close()
    assert "1 do not take what they are sent" in str(list(of_database(settings.migrations_url.get_secret_value())))  # type: ignore[union-attr]


def test_imports_that_run_wait_and_failed_are_told(
    client: TestClient, settings: Settings, database: str, daybook: Daybook
) -> None:
    assert settings.migrations_url is not None
    owner = settings.migrations_url.get_secret_value()
    worker: Worker = client.app.state.context.imports  # type: ignore[attr-defined]

    def imports() -> dict[str, Any]:
        return dict(ready(client)[1]["work"]["imports"])

    assert client.post("/api/v1/imports", params={"format": "ndjson"}, content=b"{\n").status_code == 202
    assert (imports()["state"], imports()["waiting"]) == ("off", 1)
    worker.start()
    try:
        assert wait_until(lambda: imports()["last_failure"] is not None, 60)
        told = imports()
        assert told["last_failure"] in ("the file is wrong", "the ledger refused what the file says")
        assert told["failed_before_s"] >= 0
        assert wait_until(lambda: imports()["state"] == "idle")
        with head_held(database):
            one = json.dumps(order("po-1")).encode()
            assert client.post("/api/v1/imports", params={"format": "ndjson"}, content=one).status_code == 202
            assert wait_until(lambda: imports()["state"] == "running", 60)
            two = json.dumps(order("po-2")).encode()
            assert client.post("/api/v1/imports", params={"format": "ndjson"}, content=two).status_code == 202
            assert wait_until(lambda: (imports()["running"], imports()["waiting"]) == (1, 1))
            assert imports()["age_s"] > 0
            text = client.get("/metrics").text
            assert "daybook_imports_running 1.0" in text
            assert "daybook_imports_waiting 1.0" in text
            assert ["1 wait, 1 run" in one.sentence for one in of_database(owner) if one.subject == "imports"] == [True]
        assert wait_until(lambda: imports()["state"] == "idle", 60)
    finally:
        worker.close()


def test_why_no_checkpoint_is_issued_is_told_and_no_reason_to_be_unready(client: TestClient, daybook: Daybook) -> None:
    daybook.log.publisher.keys = ()
    assert client.post(EVENTS, json=market()).status_code == 201
    assert wait_until(lambda: ready(client)[1]["work"]["checkpoints"]["state"] == "hindered")
    status, told = ready(client)
    assert (status, told["work"]["checkpoints"]["reason"]) == (200, "it has no signing key")
    assert told["work"]["checkpoints"]["waiting"] == 3
    assert "daybook_checkpoint_hindered 1.0" in client.get("/metrics").text


def test_a_clock_that_was_set_back_is_noticed_though_nobody_writes_and_its_mending_too(
    client: TestClient, owner: Connection[Any]
) -> None:
    assert client.post(EVENTS, json=market()).status_code == 201
    owner.execute("update ledger_head set recorded_at = recorded_at + interval '1 hour'")
    status, told = ready(client)
    assert (status, told["status"]) == (503, "nothing can be recorded: the database's clock was set back")
    assert (told["work"]["writing"]["state"], told["writing"]) == ("failing", "the database's clock was set back")
    assert client.post(EVENTS, json=order("po-1")).status_code == 503
    owner.execute("update ledger_head set recorded_at = recorded_at - interval '1 hour'")
    assert wait_until(lambda: ready(client)[0] == 200)
    assert client.post(EVENTS, json=order("po-1")).status_code == 201


def test_a_look_goes_by_keys_however_long_the_ledger_is(owner: Connection[Any]) -> None:
    owner.execute("set enable_seqscan = off")
    plans = (owner.execute(b"explain " + work.SQL[part], {"viewed": 7}) for part in work.PARTS)
    plan = "\n".join(line for found in plans for (line,) in found)
    assert "Scan on ledger_events" not in plan.replace("Index Scan", "")
    assert plan.count("using ledger_events_pkey") == 2
    assert "using log_checkpoints_pkey" in plan
