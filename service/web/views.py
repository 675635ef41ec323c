"""The views over HTTP, as of any time."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from service.questions import Questions, Raw
from service.web.bodies import JSON
from service.web.events import accepted

router = APIRouter(prefix="/api/v1", tags=["views"])


def raw_parameters(request: Request) -> dict[str, list[str]]:
    """Every query parameter with all its values."""
    raw: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        raw.setdefault(name, []).append(value)
    return raw


async def _answer(request: Request, ask: Callable[[Raw], dict[str, Any]]) -> Response:
    media_type = accepted(request, (JSON,))
    answer = await run_in_threadpool(ask, raw_parameters(request))
    return Response(json.dumps(answer, ensure_ascii=False).encode(), media_type=media_type)


def _questions(request: Request) -> Questions:
    questions: Questions = request.app.state.questions
    return questions


@router.get("/views/vendor-dependence")
async def vendor_dependence(request: Request) -> Response:
    """How much of what was bought depends on whom, at any point in the three clocks."""
    return await _answer(request, _questions(request).vendor_dependence)


@router.get("/views/vendor-dependence/evidence")
async def evidence(request: Request) -> Response:
    """The postings that make the figure of one row, with their events."""
    return await _answer(request, _questions(request).evidence)


@router.get("/views/organizations")
@router.get("/organizations")
async def organizations(request: Request) -> Response:
    """Every organisation as of any time."""
    return await _answer(request, _questions(request).organizations)


@router.get("/views/organizations/{identifier}")
@router.get("/organizations/{identifier}")
async def organization(request: Request, identifier: str) -> Response:
    """One organisation as of any time."""
    return await _answer(request, lambda raw: _questions(request).organization(raw, identifier))


@router.get("/views/products")
@router.get("/products")
async def products(request: Request) -> Response:
    """Every product as of any time."""
    return await _answer(request, _questions(request).products)


@router.get("/views/products/{identifier}")
@router.get("/products/{identifier}")
async def product(request: Request, identifier: str) -> Response:
    """One product as of any time."""
    return await _answer(request, lambda raw: _questions(request).product(raw, identifier))


@router.get("/views/partnerships")
@router.get("/partnerships")
async def partnerships(request: Request) -> Response:
    """Every partnership as of any time."""
    return await _answer(request, _questions(request).partnerships)


@router.get("/views/partnerships/{identifier}")
@router.get("/partnerships/{identifier}")
async def partnership(request: Request, identifier: str) -> Response:
    """One partnership as of any time."""
    return await _answer(request, lambda raw: _questions(request).partnership(raw, identifier))


@router.get("/views/orders/{identifier}")
@router.get("/orders/{identifier}")
async def order(request: Request, identifier: str) -> Response:
    """One order as of any time, with its history."""
    return await _answer(request, lambda raw: _questions(request).order(raw, identifier))
