"""Recording events, and reading them back as they are stored."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from domain.errors import Refusal
from domain.merkle import leaf_hash
from domain.notes import write_base64
from domain.values import IDENTIFIER_PATTERN
from service.committer import Receipt
from service.daybook import Daybook
from service.store import StoredRow
from service.web.bodies import JSON, NDJSON, Batch, read_body, read_events
from service.web.problems import HttpProblem

router = APIRouter(prefix="/api/v1", tags=["events"])

#: Events that one answer lists, recorded or read.
MOST_LISTED = 1_000
STREAM_PAGE = 5_000
#: Bodies larger than this are read in a thread of their own, so that other requests are answered meanwhile.
SMALL_BODY_BYTES = 16_384


@router.post("/events", status_code=201)
async def record_events(request: Request) -> Response:
    """Record one event, an array of events, or NDJSON: all of them or none."""
    daybook: Daybook = request.app.state.daybook
    body = await read_body(request, request.app.state.settings.body_limit_bytes)
    content_type = request.headers.get("content-type", "")
    if len(body) <= SMALL_BODY_BYTES:
        batch = read_events(body, content_type)
    else:
        batch = await run_in_threadpool(read_events, body, content_type)
    if not batch.requests:
        raise HttpProblem("invalid", "there is no event in the request")
    receipt = await record(daybook, batch, request)
    return answer(receipt)


async def record(daybook: Daybook, batch: Batch, request: Request) -> Receipt:
    """Record a batch for the one who asks; a refusal names the event's place in the body."""
    correlation_id = request.headers.get("x-correlation-id")
    if correlation_id is not None and not re.fullmatch(IDENTIFIER_PATTERN, correlation_id):
        raise HttpProblem("malformed", f"X-Correlation-Id must match {IDENTIFIER_PATTERN.strip('^$')}")
    actor: str = request.state.actor.id
    future = daybook.committer.submit(batch.requests, actor, correlation_id)
    try:
        return await asyncio.wrap_future(future)
    except Refusal as refusal:
        raise batch.problem(refusal) from None


def answer(receipt: Receipt) -> Response:
    """What was recorded, or had been before."""
    placed = receipt.events
    recorded = [event.position for event in placed] if receipt.replayed else _newest(receipt)
    content = {
        "count": len(recorded),
        "first_position": min(recorded),
        "last_position": max(recorded),
        "events": [
            {"id": event.id, "position": event.position, "stream": event.stream, "version": event.version}
            for event in placed[:MOST_LISTED]
        ],
    }
    headers = {"Idempotent-Replayed": "true"} if receipt.replayed else {}
    if len(placed) == 1:
        headers["Location"] = f"/api/v1/events/{placed[0].position}"
    return Response(json.dumps(content), 200 if receipt.replayed else 201, headers, JSON)


def _newest(receipt: Receipt) -> list[int]:
    """The positions given just now: the highest ones, as many as were recorded."""
    return sorted({event.position for event in receipt.events})[-receipt.recorded :]


@router.get("/events")
async def list_events(
    request: Request,
    after: int = Query(0, ge=0, le=2**62),
    limit: int = Query(MOST_LISTED, ge=1),
    type: list[str] = Query(default=[]),  # noqa: A002, B008
    stream: list[str] = Query(default=[]),  # noqa: B008
) -> Response:
    """Events after a position, in order: a JSON page, or as NDJSON any number, the stored bytes one a line."""
    daybook: Daybook = request.app.state.daybook
    media_type = accepted(request, (JSON, NDJSON[0]))
    if media_type == NDJSON[0]:
        explicit = limit if "limit" in request.query_params else None
        return StreamingResponse(_lines(daybook, after, explicit, type, stream), media_type=media_type)
    rows = await run_in_threadpool(daybook.ledger.recorder.page, after, min(limit, MOST_LISTED), type, stream)
    return Response(_page(rows, after), media_type=JSON)


def _page(rows: list[StoredRow], after: int) -> bytes:
    last = rows[-1].position if rows else after
    events = b",".join(row.state for row in rows)
    return b'{"events":[' + events + b'],"last_position":' + str(last).encode() + b"}"


async def _lines(
    daybook: Daybook, after: int, limit: int | None, types: list[str], streams: list[str]
) -> AsyncIterator[bytes]:
    head = (await run_in_threadpool(daybook.ledger.recorder.head)).position
    left = limit if limit is not None else head
    while left > 0:
        page = min(left, STREAM_PAGE)
        rows = await run_in_threadpool(daybook.ledger.recorder.page, after, page, types, streams, head)
        if rows:
            yield b"\n".join(row.state for row in rows) + b"\n"
        if len(rows) < page:
            return
        after, left = rows[-1].position, left - len(rows)


@router.get("/events/{position}")
async def read_event(request: Request, position: int) -> Response:
    """One event, the stored bytes; the header Daybook-Leaf-Hash has its leaf in the transparency log, in base64."""
    daybook: Daybook = request.app.state.daybook
    rows: list[Any] = []
    if 1 <= position < 2**62:
        rows = await run_in_threadpool(daybook.ledger.recorder.rows_after, position - 1, 1)
    if not rows or rows[0].position != position:
        raise HttpProblem("not-found", f"the ledger has no position {position}")
    headers = {
        "Cache-Control": "private, immutable, max-age=31536000",
        "Daybook-Leaf-Hash": write_base64(leaf_hash(rows[0].state)),
    }
    return Response(rows[0].state, media_type=JSON, headers=headers)


def accepted(request: Request, offered: tuple[str, ...]) -> str:
    """The first of the offered media types that the Accept header takes; HttpProblem where it takes none."""
    wanted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    for media_type in wanted:
        for offer in offered:
            if media_type in (offer, "*/*", f"{offer.partition('/')[0]}/*"):
                return offer
    raise HttpProblem("not-acceptable", f"this is offered as {', '.join(offered)}")
