"""Clients that post orders, in a process of their own, each its next when the one before is answered.

python -m bench.harness.writers PORT TOKEN WRITERS SECONDS
"""

import asyncio
import json
import re
import secrets
import statistics
import subprocess
import sys
import time
from functools import partial
from typing import Any

import uvloop

from bench.harness.asked import Service

PATH = "/api/v1/orders"


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
        sent = {"order_id": f"{self.name}-{self.turn}", "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD"}
        body = json.dumps(sent | {"lines": lines, "effective_on": "2024-01-15"}).encode()
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
        """A connection that ends too early is an error."""
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
        making = partial(Writer, head, f"{name}-{number}", start + seconds)
        made.append((await loop.create_connection(making, "127.0.0.1", port))[1])
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


def posted(service: Service, writers: int, seconds: float) -> dict[str, float]:
    """Load a service from a process of its own."""
    arguments = [str(service.port), service.token, str(writers), str(seconds)]
    command = [sys.executable, "-m", "bench.harness.writers", *arguments]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


if __name__ == "__main__":
    port, token, writers, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(load(int(port), token, int(writers), float(seconds)))))
