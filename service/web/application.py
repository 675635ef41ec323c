"""The HTTP application: routes, the door, and answers when something is wrong."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from domain.resources import SUBJECTS
from service.asking.comparisons import Comparisons
from service.asking.planes import Planes
from service.asking.questions import Questions
from service.daybook import Daybook
from service.importing.queue.worker import Worker
from service.observing.metrics import ServiceMetrics
from service.observing.traces import Traces
from service.observing.work import Work
from service.remarking import RemarkDesk
from service.settings import Settings
from service.version import VERSION
from service.web import events, imports, mappings, page_reader
from service.web.bodies import MOST_FAULTS
from service.web.conditions import Preferences
from service.web.context import Context
from service.web.description import openapi
from service.web.entry.access import Access
from service.web.entry.door import Door
from service.web.entry.ending import Ending
from service.web.entry.limits import Allowance, Limits
from service.web.entry.methods import Heads, allowed, instead
from service.web.entry.observed import Observed
from service.web.entry.permissions import Declarations
from service.web.entry.rate_limit import RateLimit
from service.web.entry.rooms import Rooms
from service.web.looks import SharedLook
from service.web.problems import HttpProblem, respond
from service.web.readiness import ReadinessProbe
from service.web.routes import ROUTERS
from service.webhooks.delivery import Deliveries


def application(
    daybook: Daybook,
    settings: Settings,
    access: Access,
    traces: Traces | None = None,
    deliveries: Deliveries | None = None,
    importing: Worker | None = None,
) -> FastAPI:
    """The application over an open ledger."""
    app = FastAPI(
        title="Daybook",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A path that is almost one is another.
        redirect_slashes=False,
    )
    app.state.context = context = _context(daybook, settings, deliveries, importing)
    daybook.committer.on_group = context.metrics.group_events.observe
    # As they are: of routers that are included, FastAPI matches every route twice.
    app.router.routes.extend(route for router in (*ROUTERS, openapi.router) for route in router.routes)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_bad_parameter)
    app.add_middleware(Heads)
    app.add_middleware(
        Limits,
        body_limit_bytes=settings.body_limit_bytes,
        body_timeout_s=settings.body_timeout_s,
        others={
            events.PATH: Allowance(settings.body_limit_bytes, settings.body_timeout_s),
            mappings.SUGGEST_PATH: Allowance(settings.body_limit_bytes, settings.body_timeout_s),
            imports.PATH: Allowance(settings.import_limit_bytes, settings.import_timeout_s, is_kept=False),
        },
    )
    limit = None if settings.rate_limit is None else RateLimit(settings.rate_limit)
    app.add_middleware(
        Door,
        access=access,
        declarations=Declarations(app.routes),
        rate_limit=limit,
        proxies=settings.trusted_proxies,
        page_of=page_reader.page_of,
    )
    app.add_middleware(Preferences, longest_wait_s=settings.longest_wait_s)
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
    app.add_middleware(Ending)
    app.add_middleware(Observed, metrics=context.metrics, traces=traces)
    return app


def _context(daybook: Daybook, settings: Settings, deliveries: Deliveries | None, importing: Worker | None) -> Context:
    deliveries = deliveries or Deliveries(daybook.ledger, daybook.origin, networks=settings.webhook_networks)
    imports = importing or Worker.of(daybook, settings)
    work = Work(daybook, deliveries, imports)
    rooms = Rooms()
    return Context(
        daybook=daybook,
        settings=settings,
        questions=Questions(daybook, settings.wait_s),
        comparisons=Comparisons(daybook, settings.wait_s),
        planes=Planes(daybook, settings.wait_s),
        deliveries=deliveries,
        imports=imports,
        metrics=ServiceMetrics(daybook, work),
        readiness=ReadinessProbe(daybook, work),
        rooms=rooms,
        remarking=RemarkDesk(daybook),
        head=SharedLook(lambda: rooms.reading.run(daybook.ledger.recorder.head)),
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, HttpProblem):
        # A fault of the body that was found while the framework read it.
        return respond(error.__cause__)
    if error.status_code == 405:
        headers = {"Allow": ", ".join(allowed(request))}
        return respond(HttpProblem("method-not-allowed", instead(request, SUBJECTS), headers=headers))
    names = {404: "not-found"}
    name = names.get(error.status_code, "malformed" if error.status_code < 500 else "internal")
    detail = f"{request.method} {request.scope['path']}: {error.detail}"
    return respond(HttpProblem(name, detail, headers=error.headers))


async def _on_bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A word of ours stands in the context; the message has it behind a name of the library's.
    faults = [
        {"pointer": f"/{fault['loc'][-1]}", "detail": str(fault.get("ctx", {}).get("error") or fault["msg"])}
        for fault in error.errors()
    ]
    return respond(HttpProblem("invalid", f"{faults[0]['pointer']}: {faults[0]['detail']}", faults[:MOST_FAULTS]))
