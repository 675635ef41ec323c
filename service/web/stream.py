"""Events as they are recorded, pushed to listeners (server-sent events)."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from service.asking.clocks import BeyondTheLedger
from service.asking.wholes import parse_whole
from service.storing.ledger import EventFilter, Unreachable
from service.web.context import Context, Current
from service.web.description.answers import ALWAYS, Answer, Described
from service.web.entry.permissions import READ
from service.web.parameters import AFTER, Behind, Streams, Types
from service.web.problems import HttpProblem

router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[READ])

#: A comment is sent after so long without an event, so that no proxy in between gives the connection up.
HEARTBEAT_S = 15.0
#: Whether a listener is still let in is checked so often: one that is not is let go.
ADMITTED_S = 5.0
#: How long a browser waits before it connects again.
RETRY_MS = 2_000
#: A listener who takes nothing for so long is let go: its connection is half open.
SEND_TIMEOUT_S = 60.0


@router.get(
    "/events/stream",
    **Described(
        "stream_events",
        {200: Answer("Events for as long as one listens.", {"text/event-stream": {"type": "string"}})},
        (*ALWAYS, 422),
        headers=("Last-Event-ID",),
        asks={"after": 0},
    ).route(),
)
async def stream_events(
    request: Request,
    context: Current,
    after: Annotated[Behind | None, AFTER] = None,
    type: Types = (),  # noqa: A002
    stream: Streams = (),
) -> Response:
    """Every event behind a position as it comes: its id is the position, its name the type, its data the stored bytes.

    `Last-Event-ID` goes before `after`; with neither, the stream begins at the ledger's end.
    """
    head = (await context.head()).position
    start = _last_event_id(request)
    if start is None:
        start = head if after is None else after
    if start > head:
        raise BeyondTheLedger(f"position {start} is beyond the head, {head}")
    wanted = EventFilter(frozenset(type), frozenset(stream))
    return EventSourceResponse(
        _messages(request, context, start, wanted),
        ping=3600,  # the messages have a heartbeat of their own, with the position
        send_timeout=SEND_TIMEOUT_S,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _last_event_id(request: Request) -> int | None:
    given = request.headers.get("last-event-id")
    if given is None or given == "":
        return None
    try:
        return parse_whole(given)
    except ValueError:
        raise HttpProblem("malformed", f"Last-Event-ID is a position, not {given!r:.40}") from None


async def _messages(
    request: Request, context: Context, start: int, wanted: EventFilter
) -> AsyncIterator[ServerSentEvent]:
    is_still_admitted: Callable[[], Awaitable[bool]] = request.state.is_still_admitted
    tail, in_thread = context.daybook.tail, context.rooms.listening.go_on
    yield ServerSentEvent(comment=f"listening after {start}", retry=RETRY_MS)
    said_at = asked_at = time.monotonic()
    async for events in tail.listen(start, wanted, ADMITTED_S, in_thread):
        now = time.monotonic()
        if now - asked_at >= ADMITTED_S:
            asked_at = now
            # A database that is away has no events, either.
            with suppress(*Unreachable):
                if not await is_still_admitted():
                    return
        if not events and now - said_at >= HEARTBEAT_S:
            yield ServerSentEvent(comment=f"nothing new up to {tail.position}")
            said_at = now
        for event in events:
            yield ServerSentEvent(data=event.state.decode(), event=event.type, id=str(event.position))
            said_at = now
