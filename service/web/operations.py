"""What operators and machines ask of the process: whether it lives and is ready, its measurements, its problems."""

import json

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from service.observing.metrics import CONTENT_TYPE
from service.version import VERSION
from service.web.context import Current
from service.web.entry.permissions import OPEN, OPEN_TO_PROBES, READ_BY_PROBES
from service.web.problems import PROBLEM_TYPES, HttpProblem

router = APIRouter(tags=["operations"])


@router.get("/livez", dependencies=[OPEN_TO_PROBES])
async def livez() -> Response:
    """Whether the process answers."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", dependencies=[OPEN_TO_PROBES])
async def readyz(context: Current) -> Response:
    """Whether something can be recorded and the views are up with it; how each kind of work goes, and why."""
    return await context.readiness.answer()


@router.get("/metrics", dependencies=[READ_BY_PROBES])
async def metrics(context: Current) -> Response:
    """What Prometheus scrapes."""
    collected = await to_thread.run_sync(context.metrics.text, limiter=context.scraping)
    return Response(collected, media_type=CONTENT_TYPE)


@router.get("/version", dependencies=[OPEN_TO_PROBES])
async def version(context: Current) -> Response:
    """What runs here."""
    return JSONResponse({"daybook": VERSION, "origin": context.daybook.origin})


@router.get("/problems/{name}", dependencies=[OPEN])
async def problem(name: str) -> Response:
    """What a type of problem means, and what to do about it."""
    kind = PROBLEM_TYPES.get(name)
    if kind is None:
        raise HttpProblem("not-found", f"there is no problem type {name}")
    content = {"type": f"/problems/{name}", "title": kind.title, "status": kind.status, "remedy": kind.remedy}
    return Response(json.dumps(content), media_type="application/json")
