"""A client's connection: what may be sent on it before there is a request, and how long that may take."""

import asyncio
from typing import Any

import httptools
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.web.entry.door import STANDING_HEADERS
from service.web.problems import PROBLEM_TYPES, HttpProblem, respond

logger = structlog.stdlib.get_logger("daybook.http")

#: The line of a request and its headers together, and how many these are.
LARGEST_HEAD_BYTES = 65_536
MOST_HEADERS = 100
#: Beyond what chunks need: what may stand around the content of a body (RFC 9112, 7.1), trailers included.
LARGEST_FRAMING_BYTES = 16_384
#: What each chunk may have around it; net/http of Go reckons so.
CHUNK_BYTES = 16
#: Requests that may wait on one connection for the answer to an earlier one.
MOST_WAITING = 32
#: What is parsed at once, so that no limit is passed by more.
BLOCK_BYTES = 16_384
#: At the end, a client who takes nothing of what is on its way to it for so long does not hold the service up.
STUCK_S = 2.0
#: So long a refused client may go on sending, unheard: a connection that is closed at once may lose it the answer.
LINGERING_S = 1.0


class _Refused(Exception):
    """Ends the parsing of what is refused."""


class HttpConnection(HttpToolsProtocol):
    """A connection of HTTP/1.1; without a word between two requests, uvicorn itself closes it.

    The work is linear in what is sent, in any pieces: lines of the head are parsed once they are whole.
    """

    #: How long the line and the headers of a request may take.
    patience_s = 30.0

    def __init__(self, *arguments: Any, **further: Any) -> None:
        super().__init__(*arguments, **further)
        #: Runs while a request is awaited that has begun, or is the first.
        self._awaiting: asyncio.TimerHandle | None = None
        #: Runs while the service ends and this client has not gone.
        self._ending: asyncio.TimerHandle | None = None
        #: Runs while a refused client is not heard any more.
        self._lingering: asyncio.TimerHandle | None = None
        self._is_deaf = False
        #: Why the parser was ended, where it was not by the parser itself.
        self._problem: HttpProblem | None = None
        #: Whether the line or the headers of a request are being read, and not its body.
        self._in_head = True
        #: Whether a request has begun.
        self._has_begun = False
        #: The beginning of a header's line whose end has not come.
        self._line = bytearray()
        self._target: list[bytes] = []
        self._head_bytes = 0
        self._parsed_bytes = 0
        self._content_bytes = 0
        self._chunks = 0
        self._framing_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self._await()

    def data_received(self, data: bytes) -> None:
        """Something was sent; where it is no whole request and belongs to none, the time for one runs."""
        self._unset_keepalive_if_required()
        for start in range(0, len(data), BLOCK_BYTES):
            if self._is_deaf:
                return
            self._take(data[start : start + BLOCK_BYTES])
        if not self._is_deaf and self._awaiting is None and (self.cycle is None or self.cycle.response_complete):
            self._await()

    def _take(self, block: bytes) -> None:
        try:
            if self._in_head:
                self._take_head(block)
            else:
                self._take_body(block)
        except httptools.HttpParserUpgrade:
            # To another protocol, which is none of ours: the request is answered as if it had not been asked for.
            self._is_deaf = True
            self.cycle.keep_alive = False
        except (httptools.HttpParserError, _Refused):
            self._refuse(self._problem or HttpProblem("malformed", "this is no request of HTTP/1.1"))

    def _take_head(self, block: bytes) -> None:
        self._head_bytes += len(block)
        end = block.rfind(b"\n") + 1
        if not end and self._line:
            self._line += block
        else:
            whole, rest = bytes(self._line) + block[:end], block[end:]
            self._line.clear()
            if whole:
                self.parser.feed_data(whole)
            # What follows a line is the beginning of a header, unless it is a body's, or a request's.
            if self._in_head and self._has_begun and whole:
                self._line += rest
            elif rest:
                self.parser.feed_data(rest)
        if self._in_head and self._head_bytes > LARGEST_HEAD_BYTES:
            self._end(_too_large())

    def _take_body(self, block: bytes) -> None:
        self._content_bytes = self._chunks = 0
        self.parser.feed_data(block)
        around = len(block) - self._content_bytes
        self._framing_bytes = max(
            0, self._framing_bytes + around - CHUNK_BYTES * self._chunks - 2 * self._content_bytes
        )
        if not self._in_head and self._framing_bytes > LARGEST_FRAMING_BYTES:
            detail = f"more than {LARGEST_FRAMING_BYTES:,} bytes stand around what is in the body"
            self._end(HttpProblem("malformed", detail))

    def _end(self, problem: HttpProblem) -> None:
        """End the parsing: from within the parser an exception comes out as one of its own."""
        self._problem = problem
        raise _Refused

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._has_begun = True
        self._target = []
        self._parsed_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target.append(url)
        self._parsed_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes behind the body as a trailer says nothing to us."""
        if not self._in_head:
            return
        self._parsed_bytes += len(name) + len(value) + 4
        if len(self.headers) == MOST_HEADERS or self._parsed_bytes > LARGEST_HEAD_BYTES:
            self._end(_too_large())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A request is there; for its body, the application looks at the clock."""
        self._forget()
        self._in_head = False
        self._framing_bytes = 0
        self.url = b"".join(self._target)
        if self._parsed_bytes > LARGEST_HEAD_BYTES:
            self._in_head = True
            self._end(_too_large())
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._in_head = True
            self._end(HttpProblem("malformed", f"a request of HTTP/1.1 has one Host, this one has {hosts}"))
        if self.parser.should_upgrade() and self._get_upgrade() == b"websocket":
            self._in_head = True
            self._end(HttpProblem("malformed", "no websocket is opened here: GET /api/v1/events/stream sends events"))
        if len(self.pipeline) == MOST_WAITING:
            self._in_head = True
            self._end(HttpProblem("malformed", f"more than {MOST_WAITING} requests wait on this connection"))
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """A chunk of the body begins."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._content_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._in_head, self._has_begun = True, False
        self._head_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._forget()
        for timer in (self._ending, self._lingering):
            if timer is not None:
                timer.cancel()
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

    def on_response_complete(self) -> None:
        """An answer is out; who is not heard any more gets those to the requests that came before, and no other."""
        is_last = not self.pipeline
        super().on_response_complete()
        if self._is_deaf and is_last and not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, problem: HttpProblem) -> None:
        """Hear nothing more, and say why, unless answers to earlier requests are still to be given."""
        logger.info("refused", status=PROBLEM_TYPES[problem.name].status, detail=problem.detail)
        self._is_deaf = True
        self._forget()
        self._line.clear()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self._say(problem)
        elif self._in_head:
            cycle.keep_alive = False
        elif self.pipeline:
            # The turn of the one whose body is broken has not come.
            self.pipeline.popleft()
        else:
            # No 100 Continue for what was refused.
            cycle.waiting_for_100_continue = False
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
            else:
                self._say(problem)

    def _say(self, problem: HttpProblem) -> None:
        response = respond(problem)
        headers = {**response.headers, **STANDING_HEADERS, "Connection": "close"}
        lines = [f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n", bytes(response.body)]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._lingering = self.loop.call_later(LINGERING_S, self.transport.close)

    def _await(self) -> None:
        if not self.transport.is_closing():
            self._awaiting = self.loop.call_later(self.patience_s, self.timeout_keep_alive_handler)

    def _forget(self) -> None:
        if self._awaiting is not None:
            self._awaiting.cancel()
            self._awaiting = None


def configured(app: ASGIApp, patience_s: float, grace_s: int) -> uvicorn.Config:
    """How an application is served: who sends no whole head within `patience_s` is given up."""
    return uvicorn.Config(
        app,
        http=type("HttpConnection", (HttpConnection,), {"patience_s": patience_s}),
        ws="none",
        # Its lines go where all others go, in their form.
        log_config=None,
        log_level="warning",
        access_log=False,
        # Whom a proxy speaks for is read by the door, and only from those that the operator names.
        proxy_headers=False,
        timeout_graceful_shutdown=grace_s,
        lifespan="off",
    )


def _too_large() -> HttpProblem:
    return HttpProblem(
        "headers-too-large",
        f"the request begins with more than {LARGEST_HEAD_BYTES:,} bytes or {MOST_HEADERS} headers",
    )
