"""A service under load whose database restarts, is slow or out of reach, and whose clients are slow or not there."""

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import Connection

from service.cli import serving as ending
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.folder import PostgresFolder
from service.storing.ledger import Ledger
from tests.service.postgres_owner import wait_until
from tests.service.processes import TOKEN, Service, command, serving
from tests.service.purchases import appends_wait, events, head_held, market, note, order, receipt, retraction
from tests.service.wire import Wire, wire_to
from tests.service.writers import EVENTS, VIEW, Readers, Writers, assert_nothing_lost_or_doubled, recorded

SCENARIO = "/api/v1/scenarios/vendor-dependence"
JSON = {"Content-Type": "application/json"}
#: How long a client may take to send a request here.
PATIENCE_S = 2


def record_market(service: Service) -> None:
    """Record what the writers' orders build on."""
    with service.client() as client:
        assert client.post(EVENTS, json=market()).status_code == 201


def units(service: Service, position: int) -> str:
    """What all orders up to a position come to."""
    with service.client() as client:
        answer = client.get(VIEW, params={"measure": "units", "position": position})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["total"]["value"])


# The database


@pytest.fixture
def server(ledger_home: Path) -> Iterator[EmbeddedPostgres]:
    """An operator's own PostgreSQL, with an empty ledger."""
    with EmbeddedPostgres(ledger_home) as server:
        yield server


@pytest.fixture
def wire(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[tuple[Wire, str]]:
    """The wire to it, and the connection string that leads through it."""
    folder = tmp_path / "wire"
    folder.mkdir()
    with wire_to(server.conninfo, folder) as made:
        yield made


def test_a_database_that_restarts_is_slow_and_is_out_of_reach_costs_nothing_but_time(
    server: EmbeddedPostgres, wire: tuple[Wire, str], tmp_path: Path
) -> None:
    line, conninfo = wire
    with serving(tmp_path / "home", {"DAYBOOK_DATABASE_URL": conninfo}) as service:
        record_market(service)
        writers, readers = Writers(service), Readers(service)
        with readers.running(), writers.running():
            assert writers.go_on()
            before = server.conninfo
            server.stop()
            assert not service.is_ready()
            assert server.start() == before
            assert writers.go_on(), service.said
            line.delay_s = 0.05
            assert writers.go_on(8), service.said
            line.delay_s = 0.0
            with line.refusing():
                assert wait_until(lambda: not service.is_ready())
                # Whoever asks in vain is told so; what needs no database is answered as ever.
                assert wait_until(lambda: readers.answered[f"{EVENTS}?limit=5", 503] > 0)
                with service.client() as client:
                    assert client.get("/livez").status_code == 200
                    assert "daybook_database_up 0.0" in client.get("/metrics").text
            assert writers.go_on(), service.said
            assert wait_until(service.is_ready)
        assert readers.wrong == []
        events = recorded(service)
        assert_nothing_lost_or_doubled(events, writers)
        # Nobody gave up: everything that was sent is acknowledged.
        assert writers.acknowledged.keys() == writers.sent.keys()
        assert len(events) == len(market()) + 2 * len(writers.sent)
        assert units(service, len(events)) == str(1600 * len(writers.sent))
        assert not any("Traceback" in line for line in service.said), service.said
        service.tell(signal.SIGTERM)
        assert service.ended() == 0


def test_an_embedded_server_that_is_killed_under_load_comes_back_by_itself(ledger_home: Path) -> None:
    with serving(ledger_home) as service:
        record_market(service)
        writers = Writers(service)
        with writers.running():
            assert writers.go_on()
            with psycopg.connect(state_of(ledger_home)["conninfo"]) as connection:
                row = connection.execute("select pg_postmaster_start_time()").fetchone()
            os.kill(int(state_of(ledger_home)["server_pid"]), signal.SIGKILL)
            assert writers.go_on(), service.said
        with psycopg.connect(state_of(ledger_home)["conninfo"]) as connection:
            assert connection.execute("select pg_postmaster_start_time()").fetchone() != row
        events = recorded(service)
        assert_nothing_lost_or_doubled(events, writers)
        assert writers.acknowledged.keys() == writers.sent.keys()


def state_of(home: Path) -> dict[str, Any]:
    """What the server of a home says of itself."""
    told: dict[str, Any] = json.loads(PostgresFolder.below(home).state.read_text())
    return told


# Clients


class Sluggish:
    """A client that says what it likes, when it likes."""

    def __init__(self, service: Service) -> None:
        address = urlsplit(service.address)
        self.socket = socket.create_connection((str(address.hostname), address.port or 80))
        self.opening = f"Host: {address.netloc}\r\nAuthorization: Bearer {TOKEN}\r\n"

    def say(self, text: str) -> bool:
        """Say something; whether anybody is there to hear it."""
        try:
            self.socket.sendall(text.encode())
        except OSError:
            return False
        return True

    def heard(self) -> str:
        """All that the service says until it hangs up."""
        self.socket.settimeout(30)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(65536):
                heard += piece
        return heard.decode()


def test_clients_that_are_slow_or_silent_stop_nobody_and_are_let_go(database: str, tmp_path: Path) -> None:
    settings = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_BODY_TIMEOUT_S": str(PATIENCE_S)}
    with serving(tmp_path / "home", settings) as service, contextlib.ExitStack() as stack:
        record_market(service)
        silent, in_headers, in_body = ([Sluggish(service) for _ in range(60)] for _ in range(3))
        for one in (*silent, *in_headers, *in_body):
            stack.callback(one.socket.close)
        for one in in_headers:
            assert one.say(f"POST {EVENTS} HTTP/1.1\r\n{one.opening}X-Slow: ")
        for one in in_body:
            head = f"POST {EVENTS} HTTP/1.1\r\n{one.opening}Content-Type: application/json\r\nContent-Length: 5000\r\n"
            assert one.say(f"{head}\r\n[")
        ended = threading.Event()
        trickle = threading.Thread(target=_trickle, args=([*in_headers, *in_body], ended))
        trickle.start()
        writers = Writers(service)
        with writers.running():
            assert writers.go_on(100)
        # Each is told, or simply hung up on, while it still says a word now and then.
        assert [one.heard().partition("\r\n")[0] for one in in_body] == ["HTTP/1.1 408 Request Timeout"] * len(in_body)
        assert [one.heard() for one in (*silent, *in_headers)] == [""] * (len(silent) + len(in_headers))
        ended.set()
        trickle.join()
        assert_nothing_lost_or_doubled(recorded(service), writers)
        service.tell(signal.SIGTERM)
        assert service.ended() == 0


def _trickle(clients: list[Sluggish], ended: threading.Event) -> None:
    while not ended.wait(0.2):
        for one in clients:
            one.say(" ")


def test_a_listener_that_never_reads_stops_neither_writers_nor_the_end(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "home", {"DAYBOOK_DATABASE_URL": database}) as service, contextlib.ExitStack() as stack:
        record_market(service)
        for _ in range(5):
            deaf = Sluggish(service)
            stack.callback(deaf.socket.close)
            assert deaf.say(f"GET {EVENTS}/stream?after=0 HTTP/1.1\r\n{deaf.opening}\r\n")
        with service.client() as client:
            # More than the sockets in between hold for each listener.
            for number in range(12):
                batch = [note("of-baidu", "x" * 1900, id=f"long-{number}-{place}") for place in range(400)]
                assert client.post(EVENTS, json=batch).status_code == 201
            with client.stream("GET", f"{EVENTS}/stream", params={"after": 4802}) as hearing:
                lines = hearing.iter_lines()
                assert any(text == "id: 4803" for text in lines)
        writers = Writers(service)
        with writers.running():
            assert writers.go_on()
        assert_nothing_lost_or_doubled(recorded(service), writers)
        service.tell(signal.SIGTERM)
        assert service.ended() == 0, service.said


def test_bodies_in_flight_take_the_memory_that_there_is_for_them_and_who_comes_later_is_told_when(
    database: str, tmp_path: Path
) -> None:
    limit = 200_000
    settings = {
        "DAYBOOK_DATABASE_URL": database,
        "DAYBOOK_BODY_LIMIT_BYTES": str(limit),
        "DAYBOOK_BODY_TIMEOUT_S": "120",
    }
    with serving(tmp_path / "home", settings) as service, contextlib.ExitStack() as stack:
        record_market(service)
        large = json.dumps([note("of-baidu", "large", id="large")]).encode().ljust(limit)
        halves = [Sluggish(service) for _ in range(2)]
        for one in halves:
            stack.callback(one.socket.close)
            head = f"POST {EVENTS} HTTP/1.1\r\n{one.opening}Content-Type: application/json\r\nConnection: close\r\n"
            assert one.say(f"{head}Content-Length: {limit}\r\n\r\n")
            one.socket.sendall(large[:-1])
        with service.client() as client:
            # Both are held but for their last bytes: there is no room for another.
            assert wait_until(lambda: client.post(EVENTS, json=note("of-baidu", "small")).status_code == 503)
            refused = client.post(EVENTS, json=note("of-baidu", "small"))
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert refused.json()["detail"] == "other requests' bodies take all the memory that there is for them"
            # Who only asks has room of its own.
            assert client.post(SCENARIO, json=[order("po-1")]).status_code == 200
            halves[0].socket.close()
            assert wait_until(lambda: client.post(EVENTS, json=note("of-baidu", "small")).status_code == 201)
            assert halves[1].say(" ")
            assert halves[1].heard().startswith("HTTP/1.1 201 ")
            # What both took is free again.
            for _ in range(3):
                assert client.post(EVENTS, content=large, headers=JSON).status_code == 200


# The queue, and the end


def test_what_waits_is_bounded_and_who_comes_later_is_told_when(database: str, tmp_path: Path) -> None:
    settings = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_WAITING_REQUESTS": "5"}
    with serving(tmp_path / "home", settings) as service:
        record_market(service)
        writers = Writers(service, count=20)
        with contextlib.ExitStack() as load:
            with head_held(database):
                load.enter_context(writers.running())
                # One group is being recorded, five requests wait, the others are sent away.
                assert wait_until(lambda: writers.put_off >= 20, 30)
                assert writers.acknowledged == {}
                with service.client() as client:
                    assert client.get(EVENTS).status_code == 200
                    refused = client.post(EVENTS, json=note("of-baidu", "one too many"))
                assert refused.status_code == 503
                assert refused.headers["Retry-After"] == "1"
                assert refused.json()["type"] == "/problems/unavailable"
                assert refused.json()["detail"] == "5 requests wait to be recorded"
            assert writers.go_on()
        assert_nothing_lost_or_doubled(recorded(service), writers)
        assert writers.acknowledged.keys() == writers.sent.keys()


def test_a_service_told_to_end_under_load_finishes_what_it_accepted(database: str, tmp_path: Path) -> None:
    settings = {"DAYBOOK_DATABASE_URL": database}
    with serving(tmp_path / "home", settings) as service:
        record_market(service)
        writers = Writers(service, count=8)
        with writers.running(to_the_end=False):
            assert writers.go_on()
            service.tell(signal.SIGTERM)
            assert service.ended() == 0, service.said
    assert not any("Traceback" in line for line in service.said), service.said
    with serving(tmp_path / "home", settings) as service:
        events = recorded(service)
        assert_nothing_lost_or_doubled(events, writers)
        # Whoever was not told finds out by sending it again.
        place = {event["id"]: event["position"] for event in events}
        with service.client() as client:
            for name in writers.sent.keys() - writers.acknowledged.keys():
                again = client.post(EVENTS, json=writers.sent[name])
                assert again.status_code == (200 if name in place else 201), again.text
        assert len(recorded(service)) == len(market()) + 2 * len(writers.sent)


def test_a_service_told_to_end_behind_a_held_lock_ends_in_its_time_and_says_so(
    database: str, tmp_path: Path, owner: Connection[Any], ledger: Ledger
) -> None:
    home, settings = tmp_path / "home", {"DAYBOOK_DATABASE_URL": database}
    with serving(home, settings) as service, ThreadPoolExecutor(2) as pool:
        looked = command(home, "doctor", "--json", "--url", service.address, settings=settings)
        said = {one["subject"]: one for one in json.loads(looked.stdout)}
        assert (said["service"]["verdict"], said["service"]["sentence"]) == ("good", f"{service.address}: ready")
        assert said["imports"]["verdict"] == said["webhooks"]["verdict"] == said["views"]["verdict"] == "good"
        many = [receipt("po-1", "1", id=f"goods-{number}") for number in range(200)]
        with service.client() as client:
            assert client.post(EVENTS, json=[*market(), order("po-1"), *many]).status_code == 201
        with service.client() as client, head_held(database):
            first = pool.submit(client.post, EVENTS, json=[note("of-baidu", "first")])
            assert appends_wait(owner)
            back = [retraction(f"goods-{number}", id=f"back-{number}") for number in range(200)]
            second = pool.submit(client.post, EVENTS, json=back)
            assert wait_until(lambda: "daybook_append_waiting_commands 1.0" in client.get("/metrics").text)
            service.tell(signal.SIGTERM)
            code = service.process.wait(ending.WHOLE_END_S)
        assert code == 0, service.said
        # Nobody is told that something is recorded which is not, nor that it was our fault.
        for answer in (first, second):
            assert (answer.result().status_code, "retry-after" in answer.result().headers) == (503, True)
            assert "not known" in answer.result().json()["detail"]
    assert len(events(ledger)) == 204


def test_a_service_told_to_end_during_a_long_decision_ends_in_its_time(
    database: str, tmp_path: Path, ledger: Ledger
) -> None:
    count = 1_500
    with serving(tmp_path / "home", {"DAYBOOK_DATABASE_URL": database}) as service, ThreadPoolExecutor(1) as pool:
        received = [receipt("po-1", "1", id=f"goods-{number}") for number in range(count)]
        with service.client() as client:
            assert client.post(EVENTS, json=[*market(), order("po-1"), *received]).status_code == 201
            # Each retraction looks at all that is left of the order.
            back = [retraction(f"goods-{number}", id=f"back-{number}") for number in range(count)]
            answer = pool.submit(client.post, EVENTS, json=back)
            quiet = "daybook_append_oldest_waiting_seconds 0.0"
            assert wait_until(lambda: answer.done() or quiet not in client.get("/metrics").text)
            service.tell(signal.SIGTERM)
            assert service.process.wait(ending.WHOLE_END_S) == 0, service.said
        # Recorded whole, or not at all, and nobody is told otherwise.
        recorded_now = len(events(ledger)) - len(market()) - 1 - count
        assert (answer.result().status_code, recorded_now) in ((201, count), (503, 0))
