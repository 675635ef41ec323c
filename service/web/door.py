"""What every request passes on its way in and every answer on its way out."""

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.values import IDENTIFIER_PATTERN
from service.web.access import Access
from service.web.problems import respond, translate
from service.web.rates import RateLimit

REQUEST_ID = "X-Request-Id"
#: Headers that every answer has, unless its route set them.
STANDING_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Door:
    """Names each request, lets in who may come in, turns faults into problems, and adds the standing headers."""

    def __init__(self, app: ASGIApp, access: Access, rate_limit: RateLimit | None = None) -> None:
        self.app = app
        self.access = access
        self.rate_limit = rate_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = _request_id(request)
        further: dict[str, str] = {REQUEST_ID: request.state.request_id}
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in (*STANDING_HEADERS.items(), *further.items()):
                    headers.setdefault(name, value)
            await send(message)

        try:
            request.state.actor = await self.access.admit(request)
            if self.rate_limit is not None:
                further |= self.rate_limit.take(request.state.actor.id)
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            await respond(translate(error, request.state.request_id))(scope, receive, send_with_headers)


def _request_id(request: Request) -> str:
    """The caller's own name for the request where it is one, else a new one."""
    given = request.headers.get(REQUEST_ID, "")
    return given if re.fullmatch(IDENTIFIER_PATTERN, given) else uuid.uuid4().hex
