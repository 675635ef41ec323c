"""Reading things over HTTP beyond the views: the history of each, supply assertions, exchange rates."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.resources import KINDS, ResourceKind
from service.asking.parameters import PageParameters, clocks, parameters_of
from service.asking.views import MOMENT
from service.shapes.things import ExchangeRates, History, SupplyAssertion
from service.web.accepting import accepted
from service.web.bodies import JSON, NDJSON
from service.web.conditions import Raw, linked, tagged, tagged_resource
from service.web.context import Current
from service.web.description.answers import ALWAYS, ASKED, KEPT, NOT_MODIFIED, Answer, Described, in_json, in_query, ref
from service.web.description.examples import NAMED
from service.web.entry.permissions import READ
from service.web.parameters import Identifier, raw_parameters
from service.web.resources import stream_of

router = APIRouter(prefix="/api/v1", tags=["resources"], dependencies=[READ])


def _add_history(kind: ResourceKind) -> None:
    async def history(request: Request, context: Current, identifier: Identifier) -> Response:
        stream = stream_of(kind, identifier)
        media_type = accepted(request, (JSON, NDJSON[0]))
        raw = raw_parameters(request)
        described, states = await context.rooms.for_views().run(context.questions.registers.history, raw, stream)
        if media_type == JSON:
            opening = json.dumps(described, ensure_ascii=False).encode()[:-1]
            content = opening + b', "events": [' + b",".join(states) + b"]}"
        else:
            content = b"".join(state + b"\n" for state in states)
        response = Response(content, media_type=media_type, headers={"Vary": "Accept"})
        return tagged(request, linked(request, response, described), raw)

    router.add_api_route(
        f"/{kind.plural}/{{identifier}}/history",
        history,
        name=f"{kind.name}-history",
        description="Its events as they are stored, in the order of their versions, the retracted ones among them.",
        **Described(
            f"{kind.name}_history",
            {
                200: Answer("Its events.", {JSON: ref(History), NDJSON[0]: {"type": "string"}}, (*KEPT, "Link")),
                304: NOT_MODIFIED,
            },
            (*ALWAYS, 404, 406, 422),
            [in_query(one) for one in (*clocks(), *parameters_of(PageParameters))],
            headers=ASKED,
            asks={"identifier": NAMED[kind.name], "limit": 10},
        ).route(),
    )


def _add_reading(kind: ResourceKind, name: str, shape: type) -> None:
    async def read(request: Request, context: Current, identifier: Identifier) -> Response:
        stream = stream_of(kind, identifier)
        media_type = accepted(request, (JSON,))
        raw = raw_parameters(request)
        ask: Callable[[Raw, str], dict[str, Any]] = getattr(context.questions.registers, name)

        def made() -> Response:
            answer = ask(raw, identifier)
            response = Response(json.dumps(answer, ensure_ascii=False).encode(), media_type=media_type)
            return tagged_resource(
                request,
                context.questions.registers.histories,
                response,
                raw,
                stream,
                answer,
                lambda clocks: ask(clocks, identifier),
            )

        return await context.rooms.for_views().run(made)

    router.add_api_route(
        f"/{kind.plural}/{{identifier}}",
        read,
        name=kind.name,
        description="What was last said of it, as of any time.",
        **Described(
            f"read_{kind.name}",
            {200: in_json(shape, *KEPT), 304: NOT_MODIFIED},
            (*ALWAYS, 404, 406, 422),
            [in_query(one) for one in clocks()],
            headers=ASKED,
            asks={"identifier": NAMED[kind.name], **MOMENT},
        ).route(),
    )


for _kind in KINDS:
    _add_history(_kind)
    # The others are read as views.
    if _kind.name == "supply":
        _add_reading(_kind, "supply_assertion", SupplyAssertion)
    elif _kind.name == "rates":
        _add_reading(_kind, "exchange_rates", ExchangeRates)
