"""What a request may take: parameters, and the size, time and coding of its body."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.entry.compression import GZIP, Gunzip
from service.web.problems import HttpProblem

#: Parameters in a query.
MOST_PARAMETERS = 1_000
#: Where the files of the transparency log lie.
LOG_PATH = re.compile(r"(/api/v1)?/log/")
#: A client that sends at least so much is only slow, and not cut off.
SLOWEST_BYTES_PER_S = 65_536
#: What a body may have where it says one thing, or supposes some.
SMALL_BODY_BYTES = 1024 * 1024
#: So many of the largest bodies may be read, or worked on, at once.
LARGEST_AT_ONCE = 2
#: How long somebody waits for whose body there is no room.
FULL_S = 5
#: Methods whose requests say everything in their head.
WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")


class Allowance(NamedTuple):
    """What bodies of some routes may take."""

    limit_bytes: int
    timeout_s: float
    #: Whether it is kept in memory, decoded; else the route takes it as it comes.
    is_kept: bool = True


class BodyMemory:
    """The memory that all bodies together may take, from their first bytes to their answers."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._taken_bytes = 0

    def take(self, size_bytes: int) -> None:
        """HttpProblem where there is not so much left."""
        if self._taken_bytes + size_bytes > self._limit_bytes:
            detail = "other requests' bodies take all the memory that there is for them"
            raise HttpProblem("unavailable", detail, headers={"Retry-After": str(FULL_S)})
        self._taken_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """What was taken is free."""
        self._taken_bytes -= size_bytes


class Limits:
    """Holds every request to its limits before its route sees what goes beyond."""

    def __init__(
        self, app: ASGIApp, body_limit_bytes: int, body_timeout_s: float, others: Mapping[str, Allowance] | None = None
    ) -> None:
        """`others`: by path what bodies may take that are more than small ones."""
        self.app = app
        self.others = others or {}
        self.small = Allowance(min(SMALL_BODY_BYTES, body_limit_bytes), body_timeout_s)
        # Who only reads cannot take the room of those who record.
        self._room, self._small_room = BodyMemory(LARGEST_AT_ONCE * body_limit_bytes), BodyMemory(body_limit_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        parameters = scope["query_string"].count(b"&") + 1
        if parameters > MOST_PARAMETERS:
            raise HttpProblem("malformed", f"the query has {parameters} parameters, more than {MOST_PARAMETERS}")
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            # What is asked of the log is a path of its own strict form, or nothing.
            if LOG_PATH.match(scope["path"]):
                raise HttpProblem("not-found", "no file of the log has a NUL in its name")
            raise HttpProblem("malformed", "there is a NUL in the address, which is in no id and no value")
        if scope["method"] in WITHOUT_BODY:
            await self.app(scope, _Silence(receive).receive, send)
            return
        allowance = self.others.get(scope["path"], self.small)
        room = self._small_room if allowance is self.small else self._room
        body = _Body(receive, allowance, room, _decoder(scope) if allowance.is_kept else None)
        body.refuse_declared(scope)
        try:
            await self.app(scope, body.receive, send)
        finally:
            body.end()


def _header(scope: Scope, wanted: bytes) -> str:
    return b",".join(value for name, value in scope["headers"] if name == wanted).decode("latin-1").strip().lower()


def _decoder(scope: Scope) -> Gunzip | None:
    """What a body is decoded by, of which its headers say how it is compressed; None: it is not."""
    coding = _header(scope, b"content-encoding")
    if coding in ("", "identity"):
        return None
    if coding in GZIP:
        return Gunzip()
    detail = f"a body is compressed by gzip or not at all, not by {coding!r:.80}"
    raise HttpProblem("unsupported-media-type", detail, headers={"Accept-Encoding": "gzip"})


class _Silence:
    """Hears nothing of a body that no route reads."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_first = True

    async def receive(self) -> Message:
        """An empty body, then the caller's leaving."""
        if self._is_first:
            self._is_first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await self._receive())["type"] == "http.request":
            pass
        return message


class _Body:
    """A body as it comes in."""

    def __init__(self, receive: Receive, allowance: Allowance, room: BodyMemory, decoder: Gunzip | None) -> None:
        self._receive = receive
        self._allowance = allowance
        self._room = room
        self._decoder = decoder
        self._give_up_at = time.monotonic() + allowance.timeout_s
        self._sent_bytes = 0
        self._decoded_bytes = 0
        self._taken_bytes = 0
        #: Whether all of it was sent, and whether all of it was handed on.
        self._is_sent = False
        self._is_complete = False

    def refuse_declared(self, scope: Scope) -> None:
        """HttpProblem where its headers say already that it is too large."""
        declared = _header(scope, b"content-length")
        if self._allowance.is_kept and declared.isdigit():
            self._refuse_larger(int(declared))

    def end(self) -> None:
        """It is not needed any more."""
        self._room.give_back(self._taken_bytes)
        self._taken_bytes = 0

    async def receive(self) -> Message:
        """The next of it; HttpProblem where it is too large, too slow, or not what it is said to be."""
        # Afterwards it is the caller's leaving that is waited for, which may take as long as the answer.
        if self._is_complete:
            return await self._receive()
        if self._decoder is None:
            message = await self._next()
            self._is_complete = self._is_sent
            if self._allowance.is_kept:
                self._take(len(message.get("body", b"")))
            return message
        while not (piece := self._decoder.piece()):
            if self._is_sent:
                if self._sent_bytes:
                    self._decoder.end()
                self._is_complete = True
                break
            message = await self._next()
            if message["type"] != "http.request":
                return message
            self._decoder.take(message.get("body", b""))
        self._decoded_bytes += len(piece)
        self._refuse_larger(self._decoded_bytes)
        self._take(len(piece))
        await asyncio.sleep(0)  # others have their turn, however many pieces there are
        return {"type": "http.request", "body": piece, "more_body": not self._is_complete}

    async def _next(self) -> Message:
        """What is sent next, within its time and size."""
        try:
            async with asyncio.timeout(max(0.0, self._give_up_at - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            detail = f"the body was not sent within {self._allowance.timeout_s:g} s: {self._sent_bytes} bytes came"
            raise HttpProblem("request-timeout", detail, headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._sent_bytes += size
            self._give_up_at += size / SLOWEST_BYTES_PER_S
            self._is_sent = not message.get("more_body", False)
            self._refuse_larger(self._sent_bytes)
        return message

    def _refuse_larger(self, size_bytes: int) -> None:
        if size_bytes > self._allowance.limit_bytes:
            raise HttpProblem("too-large", f"the body has more than {self._allowance.limit_bytes} bytes")

    def _take(self, size_bytes: int) -> None:
        self._room.take(size_bytes)
        self._taken_bytes += size_bytes
