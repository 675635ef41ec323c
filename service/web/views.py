"""The views over HTTP, as of any time."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.lots import Sent
from domain.resources import KINDS
from service.asking.clocks import Raw
from service.asking.comparisons import CannotBeSupposed
from service.asking.scenarios import MOST_EVENTS
from service.asking.views import VIEWS
from service.web.accepting import accepted
from service.web.bodies import JSON, read_events
from service.web.conditions import linked, tagged, tagged_resource
from service.web.context import MOST_SUPPOSING, Context, Current
from service.web.entry.permissions import READ
from service.web.formats import choice_of, chosen, rendered
from service.web.parameters import raw_parameters
from service.web.problems import HttpProblem

router = APIRouter(prefix="/api/v1", tags=["views"], dependencies=[READ])

BUSY = f"{MOST_SUPPOSING} scenarios are being worked out"

#: The views of one thing, whose events stand in a stream.
OF_VIEWS = {f"{kind.plural}/{{identifier}}": kind for kind in KINDS}


async def _answer(request: Request, context: Context, path: str, identifier: str = "") -> Response:
    """A view's answer in the format that is asked for (JSON, CSV, Parquet, Arrow or XLSX)."""
    view, raw = VIEWS[path], raw_parameters(request)
    form, choice = chosen(request, raw), choice_of(view, raw)

    def made() -> Response:
        answer = view.ask(context.questions, context.comparisons, raw, identifier)
        response = linked(request, rendered(answer, form, choice, request, raw), answer)
        kind = OF_VIEWS.get(path)
        if kind is None:
            return tagged(request, response, raw)

        def as_of(clocks: Raw) -> dict[str, Any]:
            return view.ask(context.questions, context.comparisons, clocks, identifier)

        return tagged_resource(
            request, context.questions.registers.histories, response, raw, f"{kind.name}/{identifier}", answer, as_of
        )

    return await context.rooms.for_views().run(made)


async def _suppose(
    request: Request, context: Context, ask: Callable[[Raw, Sequence[Sent]], dict[str, Any]]
) -> Response:
    media_type = accepted(request, (JSON,))
    body, content_type = await request.body(), request.headers.get("content-type", "")
    if context.supposing.available_tokens < 1:
        raise HttpProblem("unavailable", BUSY, headers={"Retry-After": "1"})
    async with context.supposing:
        batch = await context.rooms.for_views().run(read_events, body, content_type, MOST_EVENTS)
        if not batch.requests:
            raise HttpProblem("invalid", "there is no event to suppose in the request")
        try:
            answer = await context.rooms.for_views().run(ask, raw_parameters(request), batch.requests)
        except CannotBeSupposed as refused:
            raise batch.problem(refused.refusal) from None
    return Response(json.dumps(answer, ensure_ascii=False).encode(), media_type=media_type)


@router.get("/views/vendor-dependence")
async def vendor_dependence(request: Request, context: Current) -> Response:
    """How much of what was bought depends on whom, at any point in the three clocks."""
    return await _answer(request, context, "vendor-dependence")


@router.get("/views/vendor-dependence/evidence")
async def evidence(request: Request, context: Current) -> Response:
    """The postings that make the figure of one row, with their events."""
    return await _answer(request, context, "vendor-dependence/evidence")


@router.get("/views/vendor-dependence/series")
async def series(request: Request, context: Current) -> Response:
    """Vendor dependence over time, by step or at every change, with what happened to rules and partnerships."""
    return await _answer(request, context, "vendor-dependence/series")


@router.get("/views/vendor-dependence/diff")
async def difference(request: Request, context: Current) -> Response:
    """What changed between two values of one clock, and the events that explain it."""
    return await _answer(request, context, "vendor-dependence/diff")


@router.get("/views/regulatory-exposure")
async def regulatory_exposure(request: Request, context: Current) -> Response:
    """How much of what was bought is barred, for whom, by which rule, and what is not known."""
    return await _answer(request, context, "regulatory-exposure")


@router.post("/scenarios/vendor-dependence")
async def suppose_dependence(request: Request, context: Current) -> Response:
    """Vendor dependence as it would be had these events been recorded, beside what it is; nothing is recorded."""
    return await _suppose(request, context, context.comparisons.suppose_dependence)


@router.post("/scenarios/regulatory-exposure")
async def suppose_exposure(request: Request, context: Current) -> Response:
    """Regulatory exposure as it would be had these events been recorded, beside what it is; nothing is recorded."""
    return await _suppose(request, context, context.comparisons.suppose_exposure)


#: What is listed and read one by one, as of any time: the question for all of them, and the one for one by its id.
REGISTERS = (
    ("regulations", "regulation", "instrument, with its history"),
    ("organizations", "organization", "organisation"),
    ("products", "product", "product"),
    ("partnerships", "partnership", "partnership"),
)


def _register(path: str, name: str, described: str, *, one: bool) -> None:
    """A route below /views, and the same without it."""

    async def answer_all(request: Request, context: Current) -> Response:
        return await _answer(request, context, path)

    async def answer_one(request: Request, context: Current, identifier: str) -> Response:
        return await _answer(request, context, path, identifier)

    which = "One" if one else "Every"
    for prefix in ("/views", ""):
        router.add_api_route(
            f"{prefix}/{path}",
            answer_one if one else answer_all,
            name=name,
            description=f"{which} {described}, as of any time.",
        )


for _all, _one, _described in REGISTERS:
    _register(_all, _all, _described, one=False)
    _register(f"{_all}/{{identifier}}", _one, _described, one=True)
_register("orders", "orders", "order", one=False)
_register("orders/{identifier}", "order", "order, with its history", one=True)
