"""The views over HTTP, as of any time: routes, and what is said of them, made from the table of views."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.asking.clocks import Raw
from service.asking.comparisons import CannotBeSupposed
from service.asking.scenarios import MOST_EVENTS
from service.asking.views import MARKET, VIEWS, Scenario, View
from service.exporting.formats import FORMATS
from service.web.accepting import accepted
from service.web.bodies import JSON, NDJSON, read_events
from service.web.conditions import linked, tagged, tagged_resource
from service.web.context import MOST_SUPPOSING, Context, Current
from service.web.description.answers import (
    ALWAYS,
    ASKED,
    BINARY,
    BODY,
    KEPT,
    NOT_MODIFIED,
    Answer,
    Described,
    as_line,
    events_body,
    in_json,
    in_query,
    query,
    ref,
)
from service.web.description.examples import WHAT_IF
from service.web.entry.permissions import READ
from service.web.formats import choice_of, chosen, rendered
from service.web.parameters import Identifier, raw_parameters
from service.web.problems import HttpProblem

router = APIRouter(prefix="/api/v1", tags=["views"], dependencies=[READ])

#: What a view is answered in besides JSON.
IN_FORMS = {
    one.media_type: {"type": "string"} if one.is_text else BINARY for one in FORMATS.values() if one.name != "json"
}
#: Parameters of the form, which are no part of what is asked.
FORMING = ("table", "bom")
BUSY = f"{MOST_SUPPOSING} scenarios are being worked out"


async def _answer(request: Request, context: Context, view: View, identifier: str = "") -> Response:
    """A view's answer in the format that is asked for (JSON, CSV, NDJSON, Parquet, Arrow or XLSX)."""
    raw = raw_parameters(request)
    form = chosen(request, raw)
    # What is asked stays what it was in the answer's own address.
    view, own = view.turned(raw)
    choice = choice_of(view, own, form)
    raw = {name: values for name, values in raw.items() if name not in FORMING}

    def made() -> Response:
        answer = view.ask(context.questions, context.comparisons, own, identifier)
        response = linked(request, rendered(answer, form, choice, request, raw), answer)
        if not view.is_of_one:
            return tagged(request, response, raw)

        def as_of(clocks: Raw) -> dict[str, Any]:
            return view.ask(context.questions, context.comparisons, clocks, identifier)

        return tagged_resource(
            request, context.questions.registers.histories, response, raw, f"{view.kind}/{identifier}", answer, as_of
        )

    return await context.rooms.for_views().run(made)


async def _suppose(request: Request, context: Context, scenario: Scenario) -> Response:
    media_type = accepted(request, (JSON,))
    body, content_type = await request.body(), request.headers.get("content-type", "")
    if context.supposing.available_tokens < 1:
        raise HttpProblem("unavailable", BUSY, headers={"Retry-After": "1"})
    async with context.supposing:
        batch = await context.rooms.for_views().run(read_events, body, content_type, MOST_EVENTS)
        if not batch.requests:
            raise HttpProblem("invalid", "there is no event to suppose in the request")
        try:
            asked = raw_parameters(request)
            answer = await context.rooms.for_views().run(scenario.ask, context.comparisons, asked, batch.requests)
        except CannotBeSupposed as refused:
            raise batch.problem(refused.refusal) from None
    return Response(json.dumps(answer, ensure_ascii=False).encode(), media_type=media_type)


def _described(name: str, view: View, example: Mapping[str, Any]) -> Described:
    """A view, in every format."""
    headers = (*KEPT, "Content-Location", *(("Link",) if view.page else ()))
    tables = [table.name for table in view.tables]
    shapes = [ref(one.shape) for one in (view, *(VIEWS[path] for path in view.instead.values()))]
    shape = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    forms = [
        query("format", {"enum": list(FORMATS)}, "The format, before what Accept says."),
        query("table", {"enum": tables, "default": tables[0]}, "The table, of formats that hold one."),
        query("bom", {"type": "boolean", "default": False}, "Of CSV: a byte order mark, for Excel."),
    ]
    return Described(
        name,
        {200: Answer("The view.", {JSON: shape, **IN_FORMS}, headers), 304: NOT_MODIFIED},
        (*ALWAYS, *((404,) if view.is_of_one else ()), 406, 422),
        [*map(in_query, view.parameters), *forms],
        headers=ASKED,
        asks=example,
    )


def _add_view(path: str, view: View, described: Described) -> None:
    async def answer_all(request: Request, context: Current) -> Response:
        return await _answer(request, context, view)

    async def answer_one(request: Request, context: Current, identifier: Identifier) -> Response:
        return await _answer(request, context, view, identifier)

    answer = answer_one if view.is_of_one else answer_all
    router.add_api_route(path, answer, name=view.name, description=view.words, **described.route())


def _add_scenario(view: View, scenario: Scenario) -> None:
    async def suppose(request: Request, context: Current) -> Response:
        return await _suppose(request, context, scenario)

    body = events_body()
    body["content"][JSON]["example"] = WHAT_IF
    body["content"][NDJSON[0]]["example"] = as_line(WHAT_IF)
    described = Described(
        f"suppose_{view.name}",
        {200: in_json(scenario.shape)},
        (*ALWAYS, 406, 409, *BODY),
        # It follows the ledger as it is now.
        [in_query(one) for one in view.parameters if one.name not in ("position", "recorded_at")],
        headers=("Prefer",),
        body=body,
        asks=MARKET,
    )
    router.add_api_route(
        f"/scenarios/{view.path}",
        suppose,
        methods=["POST"],
        name=f"suppose_{view.name}",
        description=scenario.words,
        **described.route(),
    )


def _add_things(view: View, kind: str) -> None:
    """The two routes of a view that lists or shows things: below /views and outside."""
    named = kind if view.is_of_one else f"{kind}s"
    _add_view(f"/views/{view.path}", view, _described(f"view_{named}", view, view.example))
    verb, some = ("read", {}) if view.is_of_one else ("list", {"limit": 1})
    _add_view(f"/{view.path}", view, _described(f"{verb}_{named}", view, {**view.example, **some}))


for _view in VIEWS.values():
    if _view.kind is None:
        _add_view(f"/views/{_view.path}", _view, _described(_view.name, _view, _view.example))
    else:
        _add_things(_view, _view.kind)
    if _view.scenario is not None:
        _add_scenario(_view, _view.scenario)
