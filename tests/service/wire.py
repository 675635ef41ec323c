"""The wire between a service and its database, which can break at a chosen moment, be slow, or carry nothing."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from service.postgres.folder import SOCKET_NAME

#: Where a commit is lost: on its way to the server, or the server's answer on its way back.
Lost = Literal["the commit", "the answer"]


class Wire:
    """Carries what is said between clients and a PostgreSQL server on a unix socket."""

    def __init__(self, folder: Path, server: str) -> None:
        """Clients come to a socket in `folder`; `server` is the path of the server's."""
        self._server = server
        self._lose: Lost | None = None
        #: Commits lost so far.
        self.breaks = 0
        #: How long each piece of what is said takes.
        self.delay_s = 0.0
        #: Whether it carries nothing, and says nothing of it: what is sent is gone.
        self.silent = False
        self._refuses = False
        #: Bytes until all breaks; None: it does not.
        self._left: int | None = None
        self._closed = False
        self._sockets: set[socket.socket] = set()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(os.fspath(folder / SOCKET_NAME))
        self._door.listen()
        threading.Thread(target=self._open, daemon=True).start()

    def break_at_next_commit(self, lose: Lost) -> None:
        """Have the next commit lost, with every connection."""
        self._lose = lose

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Break all connections and let nobody in, in the block."""
        self._refuses = True
        self._break()
        try:
            yield
        finally:
            self._refuses = False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Carry nothing and tell nobody, in the block; connections that it lost something of break afterwards."""
        self.silent = True
        try:
            yield
        finally:
            self._break()
            self.silent = False

    def break_after(self, size: int) -> None:
        """Have every connection broken once so many more bytes were carried, in whatever is being said then."""
        self._left = size

    def close(self) -> None:
        """Break all connections and let nobody in again."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._break()

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.socket(socket.AF_UNIX)
                if self._refuses or server.connect_ex(self._server):
                    client.close()
                    server.close()
                    continue
                self._sockets.update((client, server))
                if self._closed:  # just now, and those two were not among what it broke
                    self._break()
                    return
                threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                if to_server and self._lose is not None and b"COMMIT" in piece:
                    self._lose_commit(target, piece)
                    return
                time.sleep(self.delay_s)
                if self.silent:
                    continue
                if (left := self._left) is not None:
                    self._left = left - len(piece)
                    if self._left <= 0:
                        self._left = None
                        target.sendall(piece[:left])
                        self.breaks += 1
                        self._break()
                        return
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _lose_commit(self, server: socket.socket, piece: bytes) -> None:
        lose, self._lose = self._lose, None
        if lose == "the answer":
            # The server is heard out, so that it has committed; nobody else is told.
            self._sockets.discard(server)
            self._break()
            server.sendall(piece)
            server.recv(1 << 16)
            server.close()
        else:
            self._break()
        self.breaks += 1

    def _break(self) -> None:
        # One by one: whoever connects meanwhile is broken as well, or stays whole, and is not forgotten.
        with contextlib.suppress(KeyError):
            while True:
                end = self._sockets.pop()
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


@contextmanager
def wire_to(conninfo: str, folder: Path) -> Iterator[tuple[Wire, str]]:
    """A wire to the server of a connection string, and the connection string that leads through it."""
    (host,) = parse_qs(urlsplit(conninfo).query)["host"]
    wire = Wire(folder, f"{host}/{SOCKET_NAME}")
    try:
        yield wire, conninfo.replace(quote(host, safe=""), quote(os.fspath(folder), safe=""))
    finally:
        wire.close()
