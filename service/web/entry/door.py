"""What every request passes on its way in and every answer on its way out."""

import re
import uuid
from collections.abc import Callable, Sequence
from functools import partial

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.values import IDENTIFIER_PATTERN
from service.web.entry.access import ANYBODY, Access, Actor
from service.web.entry.callers import Network, caller
from service.web.entry.permissions import Declarations
from service.web.entry.rate_limit import RateLimit
from service.web.problems import HttpProblem, respond, translate

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

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        declarations: Declarations,
        rate_limit: RateLimit | None = None,
        proxies: Sequence[Network] = (),
        page_of: Callable[[Request, HttpProblem], Response | None] = lambda request, problem: None,
    ) -> None:
        """`declarations`: who may use which route. `proxies`: who is believed about whom they speak for.

        `page_of` makes the page that says what is wrong where a page was asked for; None: it is said as elsewhere.
        """
        self.app = app
        self.access = access
        self.declarations = declarations
        self.rate_limit = rate_limit
        self.proxies = proxies
        self.page_of = page_of

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
            request.state.is_still_admitted = partial(self.access.is_still_admitted, request)
            request.state.admit_token = partial(self._admit_token, request)
            further |= await self._admitted(request)
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            problem = translate(error, request.state.request_id)
            answer = self._as_page(request, problem) or respond(problem)
            await answer(scope, receive, send_with_headers)

    def _as_page(self, request: Request, problem: HttpProblem) -> Response | None:
        permission = getattr(request.state, "permission", None)
        return self.page_of(request, problem) if permission is not None and permission.is_page else None

    async def _admit_token(self, request: Request, token: str) -> Actor:
        """Whose token was given in a form; counted as one in a header is. HttpProblem where it is not let in."""
        limit, address = self.rate_limit, caller(request.scope, self.proxies)
        if limit is None:
            return await self.access.actor_of(request, token)
        return await self.access.actor_of(request, token, partial(limit.refuse_spent, address))

    async def _admitted(self, request: Request) -> dict[str, str]:
        """Note who asks, and count it; the headers that say what is left. HttpProblem where they may not, or not now.

        A caller without a token that is let in is counted by where they come from, before a token costs a look-up.
        """
        permission = self.declarations.find(request.scope)
        request.state.permission = permission
        limit = self.rate_limit
        if limit is None:
            request.state.actor = await self.access.admit(request, permission)
            return {}
        address = caller(request.scope, self.proxies)
        try:
            actor = await self.access.admit(request, permission, partial(limit.refuse_spent, address))
        except HttpProblem as problem:
            if problem.name == "unauthenticated":
                problem.headers |= limit.take_address(address)
            raise
        request.state.actor = actor
        if permission is not None and permission.is_probe:
            return {}
        return limit.take_address(address) if actor is ANYBODY else limit.take(actor.id)


def _request_id(request: Request) -> str:
    """The caller's own name for the request where it is one, else a new one."""
    given = request.headers.get(REQUEST_ID, "")
    return given if re.fullmatch(IDENTIFIER_PATTERN, given) else uuid.uuid4().hex
