"""The HTTP application: routes, the door, and answers when something is wrong."""

import json

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.comparisons import Comparisons
from service.daybook import Daybook
from service.observing.metrics import CONTENT_TYPE, Metrics
from service.observing.traces import Traces
from service.questions import Questions
from service.settings import Settings
from service.store import Unreachable
from service.version import VERSION
from service.web import audit, events, histories, log, reference, resources, stream, views, webhooks
from service.web.access import Access
from service.web.conditions import Preferences
from service.web.door import Door
from service.web.limits import Limits
from service.web.methods import Heads, allowed, instead
from service.web.observing import Observed
from service.web.problems import PROBLEM_TYPES, HttpProblem, respond
from service.web.rates import RateLimit
from service.webhooks.delivery import Deliveries

#: A projection further behind than this many events is not ready to answer.
READY_LAG_EVENTS = 10_000


def application(
    daybook: Daybook,
    settings: Settings,
    access: Access,
    traces: Traces | None = None,
    deliveries: Deliveries | None = None,
) -> FastAPI:
    """The application over an open ledger."""
    app = FastAPI(title="Daybook", version=VERSION, openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    app.state.daybook = daybook
    app.state.settings = settings
    app.state.deliveries = deliveries or Deliveries(daybook.ledger, daybook.origin)
    app.state.questions = Questions(daybook, settings.wait_s)
    app.state.comparisons = Comparisons(daybook, settings.wait_s)
    # Before the events, whose paths would take it for a position.
    app.include_router(stream.router)
    app.include_router(events.router)
    app.include_router(resources.router)
    app.include_router(histories.router)
    app.include_router(views.router)
    app.include_router(webhooks.router)
    app.include_router(reference.router)
    app.include_router(log.router)
    app.include_router(audit.router)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_bad_parameter)
    app.add_middleware(Heads)
    app.add_middleware(Preferences, longest_wait_s=settings.longest_wait_s)
    app.add_middleware(
        Limits, body_limit_bytes=settings.body_limit_bytes, body_timeout_s=settings.body_timeout_s
    )
    limit = None if settings.rate_limit is None else RateLimit(settings.rate_limit)
    app.add_middleware(Door, access=access, rate_limit=limit)
    if settings.cors_origins:
        # Outermost: a preflight carries no token.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            expose_headers=["*"],
            max_age=600,
        )
    metrics = Metrics(daybook)
    daybook.committer.on_group = metrics.group_events.observe
    app.state.metrics = metrics
    app.add_middleware(Observed, metrics=metrics, traces=traces)
    _add_operations(app, daybook)
    return app


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, HttpProblem):
        # A fault of the body that was found while the framework read it.
        return respond(error.__cause__)
    if error.status_code == 405:
        headers = {"Allow": ", ".join(allowed(request))}
        return respond(HttpProblem("method-not-allowed", instead(request, resources.SUBJECTS), headers=headers))
    names = {404: "not-found"}
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

    @app.get("/metrics", tags=["operations"])
    async def metrics(request: Request) -> Response:
        """What Prometheus scrapes."""
        collected = await run_in_threadpool(request.app.state.metrics.text)
        return Response(collected, media_type=CONTENT_TYPE)

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
