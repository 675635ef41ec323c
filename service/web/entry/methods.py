"""HEAD wherever there is GET, and what may be done at a path where something else was tried."""

import re
from typing import Any

import anyio
import anyio.lowlevel
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: What would change or remove a fact.
CHANGING = frozenset({"PUT", "PATCH", "DELETE"})


class Heads:
    """Answers HEAD as it would answer GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}
        ended = False

        async def send_start(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                # What would stream for long, or for ever, need not begin.
                working.cancel()
                await anyio.lowlevel.checkpoint()

        with anyio.CancelScope() as working:
            await self.app(asked, receive, send_start)
        if "route" in asked:
            scope["route"] = asked["route"]


def allowed(request: Request) -> list[str]:
    """The methods that the path of a request takes."""
    routes: list[Any] = request.app.routes
    found = []
    for method in METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] == Match.FULL for route in routes):
            found += [method, "HEAD"] if method == "GET" else [method]
    return found


#: How facts are corrected, by the form of their path; the first that fits is said.
CORRECTING = (
    (
        r"/api/v1/events(/[^/]+)?",
        "what is recorded stays: record what is different as a further event, or take back what was wrong by POST of an"
        " event-retracted, and record what replaces it with `corrects`",
    ),
    (
        r"/api/v1/(orders|organizations|products|partnerships|regulations|supply-assertions|exchange-rates)",
        "what is recorded stays: POST here records another one",
    ),
    (
        r"(/api/v1/(?:orders|organizations|products|partnerships|regulations|supply-assertions|exchange-rates)/[^/]+).*",
        "what is recorded stays. Where the world has changed, record the change by POST to one of {changes}. Where the"
        " record was wrong, take it back by POST to {resource}/corrections with `retracts` (the event's id), `reason`"
        " and the `replacement`",
    ),
)


def instead(request: Request, changes: dict[str, list[str]]) -> str:
    """What to do instead of a method that a path does not take; `changes`: by collection, what follows a resource."""
    path: str = request.scope["path"]
    if request.method in CHANGING:
        for form, words in CORRECTING:
            if match := re.fullmatch(form, path):
                resource = match[1] if match.lastindex and "{resource}" in words else ""
                collection = path.split("/")[3]
                listed = ", ".join(f"{resource}/{name}" for name in changes.get(collection, ())) or "none"
                return f"{request.method} {path}: " + words.format(resource=resource, changes=listed)
    return f"{request.method} {path}: there is no such method here"
