"""Who else is at a stage: somebody who is told of events, and somebody who sends files; sharing no code with the
service."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Protocol

import httpx2
import psycopg

from tests.service.postgres_owner import wait_until

if TYPE_CHECKING:
    from tests.nightly.faults.stage import Stage

#: What the receiver wants to be told of: a part of what the writers send.
WANTED = "goods-received"
#: Between two bytes of an answer that never ends.
TRICKLE_S = 0.5
#: Orders of a file, unless told otherwise: many enough that something may happen to it.
FILE_ORDERS = 40_000
IMPORTS = "/api/v1/imports"
NDJSON = {"Content-Type": "application/x-ndjson"}

#: How a receiver takes what it is sent: it does, it says that it is broken, it never ends its answer, it is not there.
Manner = Literal["takes", "breaks", "trickles", "away"]


class Company(Protocol):
    """Somebody else at a stage."""

    def open(self, stage: "Stage") -> None:
        """Begin."""

    def expect(self, stage: "Stage") -> None:
        """All that was acknowledged until now is to come."""

    def waits_for(self, stage: "Stage") -> str | None:
        """What is still to come of that, in words; None: all has come."""

    def faults(self, stage: "Stage") -> list[str]:
        """What is wrong in the end."""

    def close(self) -> None:
        """End."""


class Receiver:
    """Is told of the goods received, and keeps account of it."""

    def __init__(self) -> None:
        self.manner: Manner = "takes"
        #: The ids of what was taken, in order, each as often as it came.
        self.taken: list[str] = []
        self._expected: set[str] = set()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._path = ""

    def open(self, stage: "Stage") -> None:
        """Listen, and have it told."""
        self._listen()
        with stage.service.client() as client:
            wanted = {"url": f"http://127.0.0.1:{self._port}/", "types": [WANTED], "after": 0}
            answer = client.post("/api/v1/webhooks", json=wanted)
            assert answer.status_code == 201, answer.text
            self._path = f"/api/v1/webhooks/{answer.json()['id']}"

    def expect(self, stage: "Stage") -> None:
        """All goods received until now are to come."""
        self._expected = {name for name in stage.record().places if name.endswith("-received")}

    def waits_for(self, stage: "Stage") -> str | None:
        """What did not come yet."""
        missing = self._expected - set(self.taken)
        if not missing:
            return None
        with stage.service.client() as client:
            return f"{len(missing)} did not come, {min(missing)} among them: {client.get(self._path).text}"

    def faults(self, stage: "Stage") -> list[str]:
        """What came out of order."""
        # Taken twice is allowed, and happens where the service could not note that it was taken.
        places = stage.record().places
        told = [places[name] for name in dict.fromkeys(self.taken) if name in places]
        return [] if told == sorted(told) else ["they did not come in order"]

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def behaving(self, manner: Manner) -> Iterator[None]:
        """Take it in another manner, in the block."""
        self.manner = manner
        if manner == "away":
            self.close()
        try:
            yield
        finally:
            self.manner = "takes"
            if manner == "away":
                self._listen()

    def _listen(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                if receiver.manner == "trickles":
                    self._trickle()
                    return
                if taken := receiver.manner == "takes":
                    receiver.taken.append(self.headers["webhook-id"])
                self.send_response(204 if taken else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _trickle(self) -> None:
                self.close_connection = True
                try:
                    self.wfile.write(b"HTTP/1.1 204 No Content\r\nX-Slow: ")
                    while receiver.manner == "trickles":
                        self.wfile.write(b"x")
                        time.sleep(TRICKLE_S)
                except OSError:
                    pass  # it was hung up on

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()


class Clerk:
    """Sends files of orders, and asks what became of them."""

    def __init__(self, orders: int = FILE_ORDERS) -> None:
        #: Orders of each file.
        self.orders = orders
        #: By address of the import: the orders of its file.
        self.sent: dict[str, list[str]] = {}
        #: The name of each file.
        self._names: list[str] = []

    def open(self, stage: "Stage") -> None:
        """There is nothing to be done before the first file."""

    def send(self, stage: "Stage", name: str | None = None) -> str:
        """Send a file, a new one or one of before; the address of its import."""
        if name is None:
            name = f"file-{len(self._names)}"
            self._names.append(name)
        orders = [f"{name}-{number}" for number in range(self.orders)]
        lines = b"".join(json.dumps(_order(order)).encode() + b"\n" for order in orders)
        with stage.service.client() as client:
            answer = client.post(IMPORTS, content=lines, headers=NDJSON, params={"file": name})
        assert answer.status_code == 202, answer.text
        self.sent[answer.headers["Location"]] = orders
        return str(answer.headers["Location"])

    def send_last_again(self, stage: "Stage") -> None:
        """Send the last file again, whose import came to nothing."""
        self.sent.popitem()
        self.send(stage, self._names[-1])

    def job(self, stage: "Stage", address: str) -> dict[str, Any]:
        """What the service says of an import; empty: it says nothing just now."""
        try:
            with stage.service.client() as client:
                answer = client.get(address)
        except httpx2.HTTPError:
            return {}
        return dict(answer.json()) if answer.status_code == 200 else {}

    def send_and_catch(self, stage: "Stage", chance: random.Random, part: float = 1.0) -> str:
        """Send a file and wait until as much as some part of it may have been recorded; the address of its import."""
        before = _head(stage)
        address = self.send(stage)
        recorded = chance.randrange(int(part * self.orders))
        assert wait_until(lambda: _head(stage) - before >= recorded, 60), self.job(stage, address)
        return address

    def expect(self, stage: "Stage") -> None:
        """All imports are to end."""

    def waits_for(self, stage: "Stage") -> str | None:
        """An import that has not ended."""
        jobs = [self.job(stage, address) for address in self.sent]
        return next((str(job) for job in jobs if job.get("state") not in ("done", "failed")), None)

    def faults(self, stage: "Stage") -> list[str]:
        """What is not there of the files, or more than once."""
        found = [str(job) for address in self.sent if (job := self.job(stage, address)).get("state") != "done"]
        with psycopg.connect(stage.conninfo()) as connection:
            rows = connection.execute("select state from ledger_events where event_id like 'file-%'")
            seen = Counter(json.loads(state)["data"]["order_id"] for (state,) in rows)
        wanted = {order for orders in self.sent.values() for order in orders}
        if lost := wanted - seen.keys():
            found.append(f"{len(lost)} rows of a file are missing, {min(lost)} among them")
        if doubled := [order for order, count in seen.items() if count > 1]:
            found.append(f"{len(doubled)} rows of a file stand there more than once, {doubled[0]} among them")
        return found

    def close(self) -> None:
        """There is nothing to be done."""


def _head(stage: "Stage") -> int:
    return int(stage.look("select position from ledger_head")[0][0])


def _order(order: str) -> dict[str, Any]:
    line = {"line": "1", "product_id": "910b", "quantity": "2", "amount": "700"}
    data = {"order_id": order, "buyers": ["baidu"], "vendor_id": "huawei", "currency": "CNY", "lines": [line]}
    return {"type": "order-placed", "id": f"{order}-placed", "effective_on": "2023-08-31", "data": data}
