"""A service that is killed while it imports."""

import json
import signal
from contextlib import suppress
from pathlib import Path

import psycopg

from service.postgres.embedded import attach
from tests.service.imports.test_worker import ndjson, purchases
from tests.service.postgres_owner import wait_until
from tests.service.processes import NDJSON, serving
from tests.service.purchases import head_held

IMPORTS = "/api/v1/imports"
EVENTS = "/api/v1/events"


def test_a_service_killed_while_it_imports_goes_on_when_it_is_started_again(ledger_home: Path) -> None:
    sent = purchases(13_000)
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
