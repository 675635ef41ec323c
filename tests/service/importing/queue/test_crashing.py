"""A service that is killed while it imports."""

import json
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from service.postgres.embedded import attach
from tests.service.importing.queue.test_worker import ndjson, purchases
from tests.service.postgres_owner import open_within, wait_until
from tests.service.processes import NDJSON, TOKEN, Service, serving
from tests.service.purchases import head_held

IMPORTS = "/api/v1/imports"
EVENTS = "/api/v1/events"


def half_a_file(service: Service) -> None:
    """Begin to send a file, and hang up."""
    address = urlsplit(service.address)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        head = f"POST {IMPORTS} HTTP/1.1\r\nHost: daybook\r\nAuthorization: Bearer {TOKEN}\r\n"
        connection.sendall(f"{head}Content-Length: 2000000\r\n\r\n".encode() + b"x" * 1_500_000)
        assert wait_until(lambda: len(arriving(service)) == 1, 60)


def arriving(service: Service) -> list[Path]:
    """Files of which the end has not come."""
    return open_within(service.home, service.process.pid)


def test_of_a_file_whose_sender_hangs_up_nothing_is_left(ledger_home: Path) -> None:
    with serving(ledger_home) as service, service.client() as client:
        half_a_file(service)
        assert wait_until(lambda: arriving(service) == [], 60)
        assert client.get(IMPORTS).json() == {"imports": []}
        assert [line for line in service.said if "incident" in line] == []


def test_a_service_killed_while_it_imports_goes_on_when_it_is_started_again(ledger_home: Path) -> None:
    sent = purchases(60_000)
    with serving(ledger_home) as service, service.client() as client:
        answer = client.post(IMPORTS, content=ndjson(sent), headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 202, answer.text
        path = answer.headers["Location"]
        assert wait_until(lambda: client.get("/readyz").json()["head"] > 0, 60)
        conninfo = attach(ledger_home)
        assert conninfo is not None
        # The server goes down with the service, and the connection with it.
        with suppress(psycopg.OperationalError), head_held(conninfo):
            before = client.get("/readyz").json()["head"]
            service.tell(signal.SIGKILL)
            service.process.wait()
        assert 0 < before < len(sent)
        service.ended()

    with serving(ledger_home) as service, service.client() as client:
        assert wait_until(lambda: client.get(path).json()["state"] == "done", 60), client.get(path).text
        job = client.get(path).json()
        assert job["recorded"] + job["replayed"] == len(sent)
        assert job["replayed"] >= before
        events = [json.loads(line) for line in client.get(EVENTS, headers=NDJSON).text.splitlines()]
        assert [event["id"] for event in events] == [event["id"] for event in sent]
        assert [event["position"] for event in events] == list(range(1, len(sent) + 1))
        assert {event["actor"] for event in events} == {job["actor"]}
        assert [event["data"] for event in events[3:]] == [event["data"] for event in sent[3:]]
