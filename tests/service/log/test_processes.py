"""Service processes that publish one log together, and one that is killed."""

import signal
import threading
from pathlib import Path

import httpx2
import psycopg

from service.postgres.embedded import EmbeddedPostgres
from tests.service.log.ledgers import contradictions, issued
from tests.service.postgres_owner import wait_until
from tests.service.processes import Service, serving
from tests.service.purchases import note, organization

EVENTS = "/api/v1/events"
#: Acknowledged batches, by each service, before one is killed and by the other after it.
ENOUGH = 20


def send(service: Service, name: str, acknowledged: list[str], enough: threading.Event) -> None:
    """Record batch after batch, until the service is gone or enough are acknowledged."""
    with service.client() as client:
        turn = 0
        while not enough.is_set():
            turn += 1
            batch = [note("of-baidu", f"{name} {turn}", id=f"{name}-{turn}-{part}") for part in range(10)]
            try:
                answer = client.post(EVENTS, json=batch)
            except httpx2.TransportError:
                return
            assert answer.status_code in (201, 503), answer.text
            if answer.status_code == 201:
                acknowledged.append(name)


def size(client: httpx2.Client) -> int:
    """How many events the last checkpoint covers."""
    return int(client.get("/log/checkpoint").text.split("\n")[1])


def covered(client: httpx2.Client) -> bool:
    """Whether the last checkpoint covers all that is recorded."""
    covered_events, ready = size(client), client.get("/readyz")
    return ready.status_code == 200 and covered_events == ready.json()["head"]


def test_two_services_publish_one_log_and_go_on_when_one_is_killed(ledger_home: Path) -> None:
    acknowledged: dict[str, list[str]] = {"first": [], "second": []}
    enough = threading.Event()
    with serving(ledger_home) as first, serving(ledger_home) as second, second.client() as client:
        assert client.post(EVENTS, json=organization("baidu", id="of-baidu")).status_code == 201
        threads = [
            threading.Thread(target=send, args=(service, f"{name}{number}", acknowledged[name], enough))
            for name, service in (("first", first), ("second", second))
            for number in range(2)
        ]
        for thread in threads:
            thread.start()
        try:
            assert wait_until(lambda: all(len(some) >= ENOUGH for some in acknowledged.values()), 60)
            assert wait_until(lambda: size(client) > 0, 60)
            first.tell(signal.SIGKILL)  # and the database server with it, which the second starts again
            before = len(acknowledged["second"])
            assert wait_until(lambda: len(acknowledged["second"]) >= before + ENOUGH, 60)
        finally:
            enough.set()
            for thread in threads:
                thread.join()
        assert wait_until(second.is_ready, 60)
        assert wait_until(lambda: covered(client), 60)
        second.tell(signal.SIGTERM)
        second.process.wait(60)
    with EmbeddedPostgres(ledger_home) as server, psycopg.connect(server.conninfo, autocommit=True) as owner:
        assert contradictions(owner) == []
        last = owner.execute("select position from ledger_head").fetchone()
        assert last == (issued(owner)[-1][0],)
        assert len(issued(owner)) >= 2
