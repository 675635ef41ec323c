"""Recording events, and reading them back as they are stored."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from domain.errors import Refusal
from domain.merkle import leaf_hash
from domain.notes import write_base64
from domain.values import IDENTIFIER_PATTERN
from service.asking.clocks import PATIENCE_S, day, instant_of
from service.asking.selection import Selection
from service.daybook import Daybook
from service.recording.receipts import CommandReceipt, IdempotencyKey
from service.shapes import answers as shapes
from service.shapes import cloud_events
from service.storing.ledger import StoredRow
from service.web.accepting import accepted
from service.web.bodies import JSON, NDJSON, SentEvents, read_events
from service.web.conditions import labelled, matches, not_modified, tag_of_body
from service.web.context import Context, Current
from service.web.description.answers import (
    ALWAYS,
    BODY,
    NOT_MODIFIED,
    RECORDING,
    REPLAYED,
    Answer,
    Described,
    Schema,
    events_body,
    in_json,
    ref,
)
from service.web.entry.permissions import READ, RECORD
from service.web.idempotency import key_of
from service.web.parameters import AFTER, AtLeastOne, Behind, Day, Instant, Position, Streams, Types
from service.web.problems import HttpProblem
from service.web.remarks import with_remarks

PATH = "/api/v1/events"
router = APIRouter(prefix="/api/v1", tags=["events"])

#: Events that one answer lists, recorded or read.
MOST_LISTED = 1_000
STREAM_PAGE = 5_000
#: Bodies larger than this are read in a thread of their own, so that other requests are answered meanwhile.
SMALL_BODY_BYTES = 16_384


@router.post(
    "/events",
    status_code=201,
    dependencies=[RECORD],
    **Described(
        "record_events",
        {
            201: in_json(shapes.Receipt, "Location", words="Recorded, all of it."),
            200: in_json(shapes.Receipt, "Location", REPLAYED, words="Recorded before: the first answer again."),
        },
        (*ALWAYS, *BODY, 409),
        headers=RECORDING,
        body=events_body(),
    ).route(),
)
async def record_events(request: Request, context: Current) -> Response:
    """Record one event, an array of events, or NDJSON: all of them or none."""
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if len(body) <= SMALL_BODY_BYTES:
        batch = read_events(body, content_type)
    else:
        batch = await context.rooms.recording.run(read_events, body, content_type)
    if not batch.requests:
        raise HttpProblem("invalid", "there is no event in the request")
    if "if-match" in request.headers:
        raise HttpProblem("malformed", "If-Match goes with one resource: this is the ledger as a whole")
    receipt = await record(context.daybook, batch, request, key_of(request, body))
    return answer(receipt, await with_remarks(context, receipt))


def correlation_of(request: Request) -> str | None:
    """What the caller says that its requests belong together by."""
    correlation_id = request.headers.get("x-correlation-id")
    if correlation_id is not None and not re.fullmatch(IDENTIFIER_PATTERN, correlation_id):
        raise HttpProblem("malformed", f"X-Correlation-Id must match {IDENTIFIER_PATTERN.strip('^$')}")
    return correlation_id


async def record(
    daybook: Daybook, batch: SentEvents, request: Request, key: IdempotencyKey | None = None
) -> CommandReceipt:
    """Record a batch for the one who asks; a refusal names the event's place in the body."""
    actor: str = request.state.actor.id
    future = daybook.committer.submit(batch.requests, actor, correlation_of(request), key=key)
    try:
        return await asyncio.wrap_future(future)
    except Refusal as refusal:
        raise batch.problem(refusal) from None


def answer(receipt: CommandReceipt, remarks: Mapping[str, Any]) -> Response:
    """What was recorded, or had been before, with what there is to remark on it."""
    placed = receipt.events
    content = {
        "count": receipt.count,
        "first_position": receipt.first_position,
        "last_position": receipt.last_position,
        "events": [event._asdict() for event in placed[:MOST_LISTED]],
        **remarks,
    }
    headers = {"Idempotent-Replayed": "true"} if receipt.replayed else {}
    if len(placed) == 1:
        headers["Location"] = f"/api/v1/events/{placed[0].position}"
    return Response(json.dumps(content), 200 if receipt.replayed else 201, headers, JSON)


CLOUD_EVENTS, CLOUD_EVENTS_BATCH = cloud_events.MEDIA_TYPE, "application/cloudevents-batch+json"
#: The media types in which events are given, with the schema of each.
PAGES: dict[str, Schema] = {
    JSON: ref(shapes.EventPage),
    NDJSON[0]: {"type": "string"},
    CLOUD_EVENTS_BATCH: {"type": "array", "items": ref("CloudEvent")},
}
SINGLE: dict[str, Schema] = {JSON: ref(shapes.StoredEvent), CLOUD_EVENTS: ref("CloudEvent")}


@router.get(
    "/events",
    dependencies=[READ],
    **Described(
        "list_events",
        {200: Answer("The events, as stored.", PAGES, ("Link",))},
        (*ALWAYS, 406, 422),
        headers=("Prefer",),
        asks={"after": 0, "limit": 10, "type": ["order-placed", "goods-received"]},
    ).route(),
)
async def list_events(
    request: Request,
    context: Current,
    after: Annotated[Behind, AFTER] = 0,
    limit: Annotated[AtLeastOne, Query(description="At most 1,000, but in NDJSON.")] = MOST_LISTED,
    type: Types = (),  # noqa: A002
    stream: Streams = (),
    subject: Annotated[
        str | None,
        Query(
            pattern=IDENTIFIER_PATTERN,
            description="An organisation, product, partnership or instrument that the event names.",
        ),
    ] = None,
    effective_from: Annotated[
        Day | None, Query(description="The first day on which the event's own time ends.")
    ] = None,
    effective_to: Annotated[Day | None, Query(description="The last day on which the event's own time ends.")] = None,
    recorded_from: Annotated[Instant | None, Query(description="Recorded from this instant on.")] = None,
    recorded_to: Annotated[Instant | None, Query(description="Recorded up to this instant.")] = None,
) -> Response:
    """Events after a position, in order: a JSON page, or as NDJSON any number, the stored bytes one a line.

    `subject`: events that name an organisation, a product, a partnership or an instrument by this id. `effective_from`,
    `effective_to`: the days between which their own time ends. As CloudEvents a page is a batch.
    """
    daybook = context.daybook
    media_type = accepted(request, tuple(PAGES))
    selection = Selection(
        type,
        stream,
        subject,
        day("effective_from", effective_from),
        day("effective_to", effective_to),
        None if recorded_from is None else instant_of("recorded_from", recorded_from),
        None if recorded_to is None else instant_of("recorded_to", recorded_to),
    )
    head = await context.rooms.for_views().run(_reached, context, selection)
    if media_type == NDJSON[0]:
        explicit = limit if "limit" in request.query_params else head
        return StreamingResponse(_lines(context, selection, after, explicit, head), media_type=media_type)
    most = min(limit, MOST_LISTED)
    # One more than the page holds shows whether there is another.
    rows = await context.rooms.reading.run(selection.page, daybook, after, most + 1, head)
    page = rows[:most]
    headers = _links(request, page[-1].position) if len(rows) > most else {}
    if media_type == CLOUD_EVENTS_BATCH:
        content = cloud_events.batch([row.state for row in page], cloud_events.source_of(daybook.origin))
    else:
        content = _page(page, after)
    return Response(content, media_type=media_type, headers={**headers, "Vary": "Accept"})


def _reached(context: Context, selection: Selection) -> int:
    """The ledger's end, up to which the projection has been waited for where it is asked."""
    daybook = context.daybook
    head = daybook.ledger.recorder.head().position
    if selection.by_projection:
        asked = PATIENCE_S.get()
        daybook.follower.wait_for(head, context.settings.wait_s if asked is None else asked)
    return head


def _links(request: Request, last: int) -> dict[str, str]:
    """The page behind a position, asked as this one was."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    return {"Link": f'<{request.scope["path"]}?{urlencode([*kept, ("after", last)])}>; rel="next"'}


def _page(rows: list[StoredRow], after: int) -> bytes:
    last = rows[-1].position if rows else after
    events = b",".join(row.state for row in rows)
    return b'{"events":[' + events + b'],"last_position":' + str(last).encode() + b"}"


async def _lines(context: Context, selection: Selection, after: int, limit: int, head: int) -> AsyncIterator[bytes]:
    left = limit
    while left > 0:
        most = min(left, STREAM_PAGE)
        rows = await context.rooms.reading.go_on(selection.page, context.daybook, after, most, head)
        if rows:
            yield b"\n".join(row.state for row in rows) + b"\n"
        if len(rows) < most:
            return
        after, left = rows[-1].position, left - len(rows)


@router.get(
    "/events/{position}",
    dependencies=[READ],
    **Described(
        "read_event",
        {
            200: Answer("The event, as stored.", SINGLE, ("ETag", "Cache-Control", "Daybook-Leaf-Hash")),
            304: NOT_MODIFIED,
        },
        (*ALWAYS, 404, 406, 422),
        headers=("If-None-Match",),
        asks={"position": 1},
    ).route(),
)
async def read_event(request: Request, context: Current, position: Position) -> Response:
    """One event, the stored bytes; the header Daybook-Leaf-Hash has its leaf in the transparency log, in base64.

    As a CloudEvent it is `data` of one.
    """
    media_type = accepted(request, tuple(SINGLE))
    daybook = context.daybook
    rows: list[Any] = []
    if 1 <= position < 2**62:
        rows = await context.rooms.reading.run(daybook.ledger.recorder.rows_after, position - 1, 1)
    if not rows or rows[0].position != position:
        raise HttpProblem("not-found", f"the ledger has no position {position}")
    state = rows[0].state
    leaf = leaf_hash(state)
    if media_type == CLOUD_EVENTS:
        state = cloud_events.structured(state, cloud_events.source_of(daybook.origin))
    response = Response(
        state, media_type=media_type, headers={"Vary": "Accept", "Daybook-Leaf-Hash": write_base64(leaf)}
    )
    tag = tag_of_body(state)
    labelled(response, tag, pinned=True)
    return not_modified(response) if matches(request, tag) else response
