"""Reading things over HTTP beyond the views: the history of each, supply assertions, exchange rates."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.web.accepting import accepted
from service.web.bodies import JSON, NDJSON
from service.web.context import Current
from service.web.entry.permissions import READ
from service.web.resources import KINDS, Kind, stream_of
from service.web.validators import Raw, linked, tagged, tagged_resource
from service.web.views import raw_parameters

router = APIRouter(prefix="/api/v1", tags=["resources"], dependencies=[READ])


def _add_history(kind: Kind) -> None:
    async def history(request: Request, context: Current, identifier: str) -> Response:
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
        operation_id=f"{kind.name}_history",
        description="Its events as they are stored, in the order of their versions, the retracted ones among them.",
    )


def _add_reading(kind: Kind, name: str) -> None:
    async def read(request: Request, context: Current, identifier: str) -> Response:
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
        operation_id=f"read_{kind.name}",
        description="What was last said of it, as of any time.",
    )


for _kind in KINDS:
    _add_history(_kind)
    if _kind.name in ("supply", "rates"):
        _add_reading(_kind, "supply_assertion" if _kind.name == "supply" else "exchange_rates")
