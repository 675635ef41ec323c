"""What operators and machines ask of the process: whether it lives and is ready, its measurements, its problems."""

import json

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from service.observing.metrics import CONTENT_TYPE
from service.shapes import things
from service.version import VERSION
from service.web.context import Current
from service.web.description.answers import OPEN as OPENLY
from service.web.description.answers import Answer, Described, in_json
from service.web.entry.permissions import OPEN, OPEN_TO_PROBES, READ_BY_PROBES
from service.web.parameters import Word
from service.web.problems import PROBLEM_TYPES, HttpProblem

router = APIRouter(tags=["operations"])


@router.get(
    "/livez", dependencies=[OPEN_TO_PROBES], **Described("livez", {200: in_json(things.Liveness)}, OPENLY).route()
)
async def livez() -> Response:
    """Whether the process answers."""
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    dependencies=[OPEN_TO_PROBES],
    **Described(
        "readyz",
        {
            200: in_json(things.Readiness),
            503: in_json(things.Readiness, words="It cannot answer: the status says why."),
        },
        OPENLY,
    ).route(),
)
async def readyz(context: Current) -> Response:
    """Whether something can be recorded and the views are up with it; how each kind of work goes, and why."""
    return await context.readiness.answer()


@router.get(
    "/metrics",
    dependencies=[READ_BY_PROBES],
    **Described("metrics", {200: Answer("In Prometheus' text format.", {CONTENT_TYPE: {"type": "string"}})}).route(),
)
async def metrics(context: Current) -> Response:
    """What Prometheus scrapes."""
    collected = await to_thread.run_sync(context.metrics.text, limiter=context.scraping)
    return Response(collected, media_type=CONTENT_TYPE)


@router.get(
    "/version", dependencies=[OPEN_TO_PROBES], **Described("version", {200: in_json(things.Version)}, OPENLY).route()
)
async def version(context: Current) -> Response:
    """What runs here."""
    return JSONResponse({"daybook": VERSION, "origin": context.daybook.origin})


@router.get(
    "/problems/{name}",
    dependencies=[OPEN],
    **Described("read_problem", {200: in_json(things.ProblemPage)}, (*OPENLY, 404), asks={"name": "invalid"}).route(),
)
async def problem(name: Word) -> Response:
    """What a type of problem means, and what to do about it."""
    kind = PROBLEM_TYPES.get(name)
    if kind is None:
        raise HttpProblem("not-found", f"there is no problem type {name}")
    content = {"type": f"/problems/{name}", "title": kind.title, "status": kind.status, "remedy": kind.remedy}
    return Response(json.dumps(content), media_type="application/json")
