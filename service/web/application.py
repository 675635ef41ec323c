"""The HTTP application: routes, the door, and answers when something is wrong."""

import json

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.comparisons import Comparisons
from service.daybook import Daybook
from service.questions import Questions
from service.settings import Settings
from service.store import Unreachable
from service.version import VERSION
from service.web import events, views
from service.web.access import Access
from service.web.problems import PROBLEM_TYPES, HttpProblem, respond, translate

#: What anybody may ask: whether the service lives, and what a problem means.
OPEN_PATHS = ("/livez", "/readyz", "/version", "/problems/")
#: A projection further behind than this many events is not ready to answer.
READY_LAG_EVENTS = 10_000


def application(daybook: Daybook, settings: Settings, access: Access) -> FastAPI:
    """The application over an open ledger."""
    app = FastAPI(title="Daybook", version=VERSION, openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    app.state.daybook = daybook
    app.state.settings = settings
    app.state.questions = Questions(daybook, settings.wait_s)
    app.state.comparisons = Comparisons(daybook, settings.wait_s)
    app.include_router(events.router)
    app.include_router(views.router)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_bad_parameter)
    app.add_middleware(Door, access=access)
    _add_operations(app, daybook)
    return app


class Door:
    """Lets in who may come in, turns what goes wrong into a problem, and adds the headers that every answer has."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            request = Request(scope)
            if not request.url.path.startswith(OPEN_PATHS):
                request.state.actor = self.access.admit(request)
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            await respond(translate(error))(scope, receive, send_with_headers)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    names = {404: "not-found", 405: "method-not-allowed"}
    name = names.get(error.status_code, "malformed" if error.status_code < 500 else "internal")
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return respond(HttpProblem(name, detail, headers=error.headers))


async def _on_bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"pointer": f"/{fault['loc'][-1]}", "detail": str(fault["msg"])} for fault in error.errors()]
    return respond(HttpProblem("invalid", f"{faults[0]['pointer']}: {faults[0]['detail']}", faults))


def _add_operations(app: FastAPI, daybook: Daybook) -> None:
    @app.get("/livez", tags=["operations"])
    async def livez() -> Response:
        """Whether the process answers."""
        return JSONResponse({"status": "alive"})

    @app.get("/readyz", tags=["operations"])
    async def readyz() -> Response:
        """Whether the database is reached and the projection is up with it."""
        try:
            head = (await run_in_threadpool(daybook.ledger.recorder.head)).position
        except Unreachable:
            return JSONResponse({"status": "the database cannot be reached"}, 503)
        failure = daybook.follower.failure
        if failure is not None:
            return JSONResponse({"status": f"the projection stopped: {failure}"}, 503)
        lag = head - daybook.follower.position
        ready = lag <= READY_LAG_EVENTS
        status = "ready" if ready else "the projection is catching up"
        return JSONResponse({"status": status, "head": head, "lag_events": lag}, 200 if ready else 503)

    @app.get("/version", tags=["operations"])
    async def version() -> Response:
        """What runs here."""
        return JSONResponse({"daybook": VERSION, "origin": daybook.origin})

    @app.get("/problems/{name}", tags=["operations"])
    async def problem(name: str) -> Response:
        """What a type of problem means, and what to do about it."""
        kind = PROBLEM_TYPES.get(name)
        if kind is None:
            raise HttpProblem("not-found", f"there is no problem type {name}")
        content = {"type": f"/problems/{name}", "title": kind.title, "status": kind.status, "remedy": kind.remedy}
        return Response(json.dumps(content), media_type="application/json")
