"""A service process that is killed or told to end, and a second process beside it."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from service.postgres.embedded import EmbeddedPostgres, attach
from service.postgres.folder import PostgresFolder
from service.storing.ledger import Ledger
from tests.service.postgres_owner import owner, processes_of, wait_until
from tests.service.processes import NDJSON, Service, command, serving
from tests.service.purchases import Event, appends_wait, events, head_held, market, note, order

EVENTS = "/api/v1/events"
VIEW = "/api/v1/views/vendor-dependence"
CLIENTS = 6
#: Acknowledged batches that make "under load".
ENOUGH = 60


class Clients:
    """Clients that send one batch after the other, each event under an id, until the service is gone."""

    def __init__(self, service: Service) -> None:
        self.service = service
        #: What was sent, by a name that is the id of its first event.
        self.sent: dict[str, list[Event]] = {}
        #: What was answered, as far as it was.
        self.answers: dict[str, dict[str, Any]] = {}
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(CLIENTS)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send in the block, which must end the service, and until nobody gets through any more."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            for thread in self._threads:
                thread.join()

    def _send(self, number: int) -> None:
        turn = 0
        with self.service.client() as client:
            while True:
                turn += 1
                name = f"{number}-{turn}"
                self.sent[name] = [note("of-baidu", name, id=name), order(name, id=f"of-{name}")]
                try:
                    answer = client.post(EVENTS, json=self.sent[name])
                except httpx2.TransportError:
                    return
                assert answer.status_code == 201, answer.text
                self.answers[name] = answer.json()


def recorded(client: httpx2.Client) -> list[Event]:
    """Every event of the ledger."""
    answer = client.get(EVENTS, headers=NDJSON)
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


def accepts(service: Service) -> bool:
    """Whether a new client gets through to a service."""
    try:
        with service.client() as client:
            return client.get("/livez").status_code == 200
    except httpx2.TransportError:
        return False


def server_pid(home: Path) -> int | None:
    """The process of the server that runs under a home; None where none says that it does."""
    try:
        return int(json.loads(PostgresFolder.below(home).state.read_text())["server_pid"])
    except FileNotFoundError:
        return None


def test_a_service_killed_under_load_loses_and_doubles_nothing(ledger_home: Path) -> None:
    with serving(ledger_home) as service:
        with service.client() as client:
            assert client.post(EVENTS, json=market()).status_code == 201
        clients = Clients(service)
        with clients.running():
            assert wait_until(lambda: len(clients.answers) >= ENOUGH, 60)
            service.tell(signal.SIGKILL)
        assert service.ended() == -signal.SIGKILL
    assert processes_of(ledger_home) == []

    with serving(ledger_home) as service, service.client() as client:
        every = recorded(client)
        assert [event["position"] for event in every] == list(range(1, len(every) + 1))
        place = {event["id"]: event["position"] for event in every}
        for name, answer in clients.answers.items():
            assert [event["position"] for event in answer["events"]] == [place[name], place[f"of-{name}"]]
        # What nobody acknowledged is there whole or not at all, and sending it again tells which.
        for name in clients.sent.keys() - clients.answers.keys():
            again = client.post(EVENTS, json=clients.sent[name])
            assert (name in place) == (f"of-{name}" in place)
            assert again.status_code == (200 if name in place else 201)
        for name, answer in list(clients.answers.items())[:5]:
            again = client.post(EVENTS, json=clients.sent[name])
            assert (again.status_code, again.json()["events"]) == (200, answer["events"])
        ids = Counter(event["id"] for event in recorded(client))
        sent = [event for batch in (market(), *clients.sent.values()) for event in batch]
        assert ids == Counter(event["id"] for event in sent)
        asked = client.get(VIEW, params={"measure": "units", "position": len(sent)})
        assert asked.json()["total"]["value"] == str(1600 * len(clients.sent))


def test_a_second_process_on_the_home_reads_what_the_service_recorded(ledger_home: Path) -> None:
    with serving(ledger_home) as service, service.client() as client:
        assert client.post(EVENTS, json=[*market(), order("po-1")]).status_code == 201
        found = command(ledger_home, "query", "dependence", "--measure", "units", "--json")
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout) == client.get(VIEW, params={"measure": "units"}).json()
        assert command(ledger_home, "events").stdout == client.get(EVENTS, headers=NDJSON).text
        assert service.is_ready()


def test_a_service_whose_database_ends_starts_it_again(ledger_home: Path) -> None:
    with owner(ledger_home) as other, serving(ledger_home) as service, service.client() as client:
        assert client.post(EVENTS, json=market()).status_code == 201
        # The server belonged to another process, which ends.
        gone = server_pid(ledger_home)
        other.process.communicate()
        assert wait_until(lambda: server_pid(ledger_home) not in (gone, None), 60), service.said
        assert wait_until(service.is_ready, 60), service.said
        assert client.post(EVENTS, json=order("po-1")).status_code == 201
        # Now it is the service's own, and somebody kills it.
        gone = server_pid(ledger_home)
        assert gone is not None
        os.kill(gone, signal.SIGKILL)
        assert wait_until(lambda: server_pid(ledger_home) not in (gone, None), 60), service.said
        assert wait_until(service.is_ready, 60), service.said
        assert client.post(EVENTS, json=order("po-2")).status_code == 201
        assert [event["position"] for event in recorded(client)] == [1, 2, 3, 4, 5]
        service.tell(signal.SIGTERM)
        assert service.ended() == 0


def test_a_service_told_to_end_finishes_what_it_accepted(ledger_home: Path) -> None:
    with serving(ledger_home) as service, ThreadPoolExecutor(1) as pool:
        with service.client() as client:
            assert client.post(EVENTS, json=market()).status_code == 201
        conninfo = attach(ledger_home)
        assert conninfo is not None
        with service.client() as client, psycopg.connect(conninfo, autocommit=True) as owner:
            with head_held(conninfo):
                answer = pool.submit(client.post, EVENTS, json=[order("po-1", id="of-po-1")])
                assert appends_wait(owner)
                service.tell(signal.SIGTERM)
                # Nobody new gets in, while what was taken is still to be recorded.
                assert wait_until(lambda: not accepts(service), 30)
                assert service.process.poll() is None
            assert answer.result().status_code == 201
        assert service.ended() == 0, service.said
    with EmbeddedPostgres(ledger_home) as server:
        ledger = Ledger(server.conninfo)
        assert [event["id"] for event in events(ledger)][3:] == ["of-po-1"]
        ledger.close()
