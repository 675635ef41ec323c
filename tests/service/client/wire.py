"""The wire between a client and a service, which loses what the test says, or answers by itself."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

#: What becomes of the next request: it never arrives, its answer is lost, or so many bytes of the answer come through.
Fault = Literal["request", "answer"] | int


@dataclass
class Wire:
    """Carries what is said between clients and a service, one request on each connection."""

    upstream: tuple[str, int]
    faults: "deque[Fault]" = field(default_factory=deque)
    #: Answers that are given without asking the service.
    answers: "deque[bytes]" = field(default_factory=deque)
    #: The head of every request.
    heads: list[str] = field(default_factory=list)
    address: str = ""
    _sockets: set[socket.socket] = field(default_factory=set)

    def carry(self, client: socket.socket) -> None:
        """One connection to its end."""
        with contextlib.suppress(OSError):
            request = _request(client)
            self.heads.append(request.partition(b"\r\n\r\n")[0].decode())
            if self.answers:
                client.sendall(self.answers.popleft())
                return
            fault = self.faults.popleft() if self.faults else None
            if fault == "request":
                return
            with socket.create_connection(self.upstream, timeout=60) as service:
                self._sockets.add(service)
                # One request a connection, so that each has a fault of its own.
                service.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                left = fault if isinstance(fault, int) else None
                while piece := service.recv(1 << 14):
                    if fault == "answer":
                        continue
                    client.sendall(piece if left is None else piece[:left])
                    if left is not None and (left := left - len(piece)) <= 0:
                        return

    def cut(self) -> None:
        """Break every connection to the service."""
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _request(client: socket.socket) -> bytes:
    """One whole request."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < size:
        piece = client.recv(1 << 16)
        data, body = data + piece, body + piece
    return data


@contextmanager
def wire_to(address: str) -> Iterator[Wire]:
    """A wire to a service."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    door = socket.create_server(("127.0.0.1", 0))
    wire = Wire((parts.hostname, parts.port), address=f"http://127.0.0.1:{door.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def serve(client: socket.socket) -> None:
        with client:
            wire.carry(client)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                threads.append(threading.Thread(target=serve, args=(client,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield wire
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        accepting.join()
        wire.cut()
        for thread in threads:
            thread.join()
