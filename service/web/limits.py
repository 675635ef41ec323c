"""What a request may take: parameters, and the size and time of its body."""

import asyncio
import re
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.problems import HttpProblem

#: Parameters in a query.
MOST_PARAMETERS = 1_000
#: Where the files of the transparency log lie.
LOG_PATH = re.compile(r"(/api/v1)?/log/")
#: Whoever sends at least so much is only slow, and not cut off.
SLOWEST_BYTES_PER_S = 65_536


class Limits:
    """Holds every request to its limits before its route sees what goes beyond."""

    def __init__(
        self,
        app: ASGIApp,
        body_limit_bytes: int,
        body_timeout_s: float,
        uploads: Mapping[str, tuple[int, float]] | None = None,
    ) -> None:
        """`uploads`: by path, limits of size in bytes and of time in seconds where they are other ones."""
        self.app = app
        self.uploads = uploads or {}
        self.body_limit_bytes = body_limit_bytes
        self.body_timeout_s = body_timeout_s

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
        limit_bytes, timeout_s = self.uploads.get(scope["path"], (self.body_limit_bytes, self.body_timeout_s))
        body = _Body(receive, limit_bytes, timeout_s)
        await self.app(scope, body.receive, send)


class _Body:
    """A body as it comes in."""

    def __init__(self, receive: Receive, limit_bytes: int, timeout_s: float) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._give_up_at = time.monotonic() + timeout_s
        self._size = 0
        self._complete = False

    async def receive(self) -> Message:
        """The next of it; HttpProblem where it is too large or too slow."""
        # Afterwards it is the caller's leaving that is waited for, which may take as long as the answer.
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._give_up_at - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            detail = f"the body was not sent within {self._timeout_s:g} s: {self._size} bytes came"
            raise HttpProblem("request-timeout", detail, headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._size += size
            self._give_up_at += size / SLOWEST_BYTES_PER_S
            self._complete = not message.get("more_body", False)
            if self._size > self._limit_bytes:
                raise HttpProblem("too-large", f"the body has more than {self._limit_bytes} bytes")
        return message
