"""How many single orders a second are posted over HTTP by many writers, beside the same endpoint built plainly.

    ./run bench posting [--seconds 5] [--writers 64]

Both services run on the same PostgreSQL with durable commits, each in a process of its own and one at a time. The plain
one is FastAPI with models of an order and the eventsourcing library's own Application, saving one aggregate a request.
The writers are connections that are kept open, from a third process over the loopback; each sends its next order, of
two lines, when the one before is answered.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import uvicorn
import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from pydantic.types import StringConstraints

from bench.appending import stock_environment
from bench.harness.table import print_table
from service.cli.seed import SEED
from service.daybook import Daybook, open_daybook
from service.postgres.database import database
from service.settings import Settings
from service.web.bodies import read_events

PATH = "/api/v1/events"

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Figure = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$")]


class Line(BaseModel):
    """A line of an order, as a plain service would have it."""

    line: Identifier
    product_id: Identifier
    quantity: Figure
    amount: Figure
    deliver_by: str | None = None


class Order(BaseModel):
    """An order, as a plain service would have it."""

    order_id: Identifier
    buyers: Annotated[list[Identifier], Field(min_length=1)]
    vendor_id: Identifier
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    lines: Annotated[list[Line], Field(min_length=1)]


class Placing(BaseModel):
    """What is posted."""

    type: Literal["order-placed"]
    effective_on: str
    data: Order


class PlainOrder(Aggregate):
    """The aggregate of the plain service."""

    @event("Placed")
    def __init__(self, effective_on: str, data: dict[str, Any]) -> None:
        self.effective_on = effective_on
        self.data = data


def plain_service(conninfo: str, token: str) -> FastAPI:
    """The same endpoint on FastAPI and the library's own application."""
    os.environ |= {"POSTGRES_POOL_SIZE": "10", "POSTGRES_MAX_OVERFLOW": "40"}
    orders: Application[Any] = Application(stock_environment(conninfo))
    app, bearer = FastAPI(), HTTPBearer()

    @app.post(PATH, status_code=201)
    def place(placing: Placing, sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
        """Record one order."""
        if not secrets.compare_digest(sent.credentials, token):
            raise HTTPException(401)
        order = PlainOrder(effective_on=placing.effective_on, data=placing.data.model_dump())
        recordings = orders.save(order)
        return {"id": str(order.id), "position": recordings[0].notification.id}

    return app


class Writer(asyncio.Protocol):
    """A client that posts one order after another over one connection."""

    def __init__(self, head: bytes, name: str, until: float) -> None:
        self.head, self.name, self.until = head, name, until
        self.turn = 0
        self.sent_at = 0.0
        self.seconds: list[float] = []
        self.refused: list[bytes] = []
        self.ended = asyncio.get_running_loop().create_future()
        self.answer = b""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.post()

    def post(self) -> None:
        """Send the next order."""
        self.turn += 1
        lines = [
            {
                "line": line,
                "product_id": "nv-a800",
                "quantity": "10",
                "amount": f"{self.turn}.50",
                "deliver_by": "2024-03",
            }
            for line in ("1", "2")
        ]
        data = {"order_id": f"{self.name}-{self.turn}", "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD"}
        sent = {"type": "order-placed", "effective_on": "2024-01-15", "data": data | {"lines": lines}}
        body = json.dumps(sent).encode()
        self.sent_at = time.perf_counter()
        self.transport.write(self.head % len(body) + body)

    def data_received(self, data: bytes) -> None:
        """Take the answer, and go on."""
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if not found or length is None or len(body) < int(length[1]):
            return
        now = time.perf_counter()
        self.seconds.append(now - self.sent_at)
        if not self.answer.startswith(b"HTTP/1.1 201 "):
            self.refused.append(self.answer)
        self.answer = b""
        if now < self.until:
            self.post()
        else:
            self.transport.close()
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever hangs up too early is said to."""
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the service closed the connection"))


async def load(port: int, token: str, writers: int, seconds: float) -> dict[str, Any]:
    """Post from so many connections for so long; how many were recorded, and how long each took."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    name = secrets.token_hex(4)
    made = []
    for number in range(writers):
        writer = Writer(head, f"{name}-{number}", start + seconds)
        await loop.create_connection(lambda writer=writer: writer, "127.0.0.1", port)
        made.append(writer)
    await asyncio.gather(*(writer.ended for writer in made))
    took = time.perf_counter() - start
    if refused := [answer for writer in made for answer in writer.refused]:
        raise SystemExit(f"{len(refused)} were refused, the first: {refused[0]!r}")
    each = sorted(second for writer in made for second in writer.seconds)
    return {
        "rate": len(each) / took,
        "median_ms": statistics.median(each) * 1000,
        "p99_ms": each[int(len(each) * 0.99)] * 1000,
    }


def posted(port: int, token: str, writers: int, seconds: float) -> dict[str, Any]:
    """Load a service from a process of its own."""
    command = [sys.executable, "-m", "bench.posting", "--load", str(port), token, str(writers), str(seconds)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@contextmanager
def serving(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """Run a service that takes --port, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*command, str(port)], env=os.environ | environment, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()


def record_seed(daybook: Daybook) -> None:
    """Record what the orders name."""
    daybook.committer.record(read_events(SEED.read_bytes(), "application/x-ndjson").requests)


def compare(writers: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Load both services, twice each and in turn; the better of each."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as home, database(Settings(home=Path(home))) as conninfo:
        settings = Settings(home=Path(home), database_url=conninfo)  # type: ignore[arg-type]
        with open_daybook(settings, follow=False) as daybook:
            record_seed(daybook)
        token = secrets.token_hex(16)
        own = {"DAYBOOK_HOME": home, "DAYBOOK_DATABASE_URL": conninfo, "DAYBOOK_ADMIN_TOKEN": token}
        services = {
            "Daybook": [sys.executable, "-m", "service", "serve", "--port"],
            "FastAPI and the library's own save": [sys.executable, "-m", "bench.posting", "--plain", conninfo, token],
        }
        for name, command in [*services.items()] * 2:
            with serving(command, own) as port:
                posted(port, token, writers, 1)
                measured = posted(port, token, writers, seconds)
            if name not in found or measured["rate"] > found[name]["rate"]:
                found[name] = measured
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--load", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        conninfo, token, port = arguments.plain
        uvicorn.run(plain_service(conninfo, token), port=int(port), log_level="warning", access_log=False)
    elif arguments.load:
        port, token, writers, seconds = arguments.load
        print(json.dumps(uvloop.run(load(int(port), token, int(writers), float(seconds)))))
    else:
        found = compare(arguments.writers, arguments.seconds)
        slowest = min(one["rate"] for one in found.values())
        print_table(
            f"Single orders of two lines posted by {arguments.writers} writers",
            ("what", "orders/s", "of the slower", "median ms", "99th of 100 ms"),
            [
                (
                    name,
                    f"{one['rate']:,.0f}",
                    f"{one['rate'] / slowest:.2f}",
                    f"{one['median_ms']:.1f}",
                    f"{one['p99_ms']:.1f}",
                )
                for name, one in found.items()
            ],
        )


if __name__ == "__main__":
    main()
