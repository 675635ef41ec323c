"""A client's connection, which is given up where no request comes in the time that one may take."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: At the end, a client who takes nothing of what is on its way to it for so long does not hold the service up.
STUCK_S = 2.0


class Connection(HttpToolsProtocol):
    """A connection of HTTP/1.1; without a word between two requests, uvicorn itself closes it."""

    #: How long the line and the headers of a request may take.
    patience_s = 30.0

    def __init__(self, *arguments: Any, **further: Any) -> None:
        super().__init__(*arguments, **further)
        #: Runs while a request is awaited that has begun, or is the first.
        self._awaiting: asyncio.TimerHandle | None = None
        #: Runs while the service ends and this client has not gone.
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self._await()

    def data_received(self, data: bytes) -> None:
        """Something was sent; where it is no whole request and belongs to none, the time for one runs."""
        super().data_received(data)
        if self._awaiting is None and (self.cycle is None or self.cycle.response_complete):
            self._await()

    def on_headers_complete(self) -> None:
        """A request is there; for its body, the application looks at the clock."""
        self._forget()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._forget()
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The service ends: what is being answered is finished, as long as the client takes it."""
        super().shutdown()
        self._look_whether_stuck(0)

    def _look_whether_stuck(self, before_bytes: int) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes == before_bytes != 0:
            self.transport.abort()
        else:
            self._ending = self.loop.call_later(STUCK_S, self._look_whether_stuck, left_bytes)

    def _await(self) -> None:
        if not self.transport.is_closing():
            self._awaiting = self.loop.call_later(self.patience_s, self.timeout_keep_alive_handler)

    def _forget(self) -> None:
        if self._awaiting is not None:
            self._awaiting.cancel()
            self._awaiting = None


def connection_with(patience_s: float) -> type[Connection]:
    """The kind of connection that is given up after so long."""
    return type("Connection", (Connection,), {"patience_s": patience_s})
