"""Facts recorded in the words of the trade: what is a kind of thing, what happens to it, and where that is posted."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.catalogue import EVENT_TYPES
from domain.errors import Refusal, RequestFault
from domain.events import Recorded
from domain.events import Request as Requested
from domain.orders import OrderPlaced
from domain.resources import ABOUT_EVENTS, API, KINDS, ResourceKind
from domain.values import IDENTIFIER_PATTERN, EventData
from service.recording.receipts import CommandReceipt
from service.storing.ledger import read_bytes
from service.web.bodies import JSON
from service.web.conditions import expected_versions, must_be_new, tag_of_version
from service.web.context import Context, Current
from service.web.description.answers import recording
from service.web.description.examples import CORRECTIONS, EXAMPLES, NOTES
from service.web.entry.permissions import RECORD
from service.web.events import answer, correlation_of
from service.web.facts import Facts, invalid, read_fact, read_object, read_plain, schema_of
from service.web.idempotency import key_of
from service.web.parameters import Identifier
from service.web.problems import HttpProblem
from service.web.remarks import with_remarks

router = APIRouter(prefix=API, tags=["resources"], dependencies=[RECORD])


async def _record_new(request: Request, context: Context, kind: ResourceKind) -> Response:
    body = await _body(request)
    sent = read_object(body, _content_type(request))
    plain = read_plain(sent) if kind.begins == OrderPlaced.NAME else None
    facts = plain or read_fact(sent, EVENT_TYPES[kind.begins])
    stream = facts.stream
    expected = {stream: frozenset({0})} if must_be_new(request) else {}
    if (versions := expected_versions(request, required=False)) is not None:
        expected[stream] = versions
    return await _recorded(request, context, body, facts, kind, stream, expected)


async def _record_change(
    request: Request, context: Context, kind: ResourceKind, event_type: str, identifier: str
) -> Response:
    body = await _body(request)
    stream = stream_of(kind, identifier)
    sent = read_object(body, _content_type(request))
    if event_type == "event-annotated":
        facts = read_fact(sent, EVENT_TYPES[event_type])
        await _event_of(context, stream, sent, "annotates")
    else:
        facts = read_fact(sent, EVENT_TYPES[event_type], identifier)
    return await _recorded(request, context, body, facts, kind, stream, _expected(request, context, stream))


async def _record_correction(request: Request, context: Context, kind: ResourceKind, identifier: str) -> Response:
    body = await _body(request)
    stream = stream_of(kind, identifier)
    sent = read_object(body, _content_type(request))
    corrects = await _event_of(context, stream, sent, "retracts")
    facts = _correction(sent, corrects, kind, identifier)
    return await _recorded(request, context, body, facts, kind, stream, _expected(request, context, stream))


def _correction(sent: Mapping[str, Any], wrong: Recorded, kind: ResourceKind, identifier: str) -> Facts:
    """A retraction, and what replaces the event in the same breath where it is given.

    The retraction is of the wrong event's own time unless it says otherwise: it works for any time. What replaces
    a slip of the pen was known when that was; what replaces something published, when the correction was.
    """
    retraction = {"effective_on": wrong.effective_on.text, **sent}
    replacement = retraction.pop("replacement", None)
    facts = read_fact(retraction, EVENT_TYPES["event-retracted"])
    if "replacement" not in sent:
        return facts
    if wrong.type == "event-annotated":
        raise invalid([RequestFault("/replacement", "a note is replaced by another note")])
    if isinstance(replacement, dict):
        if replacement.get("corrects", wrong.id) != wrong.id:
            named = f"is {replacement['corrects']!r:.150}, and {wrong.id} is retracted"
            raise invalid([RequestFault("/replacement/corrects", named)])
        first = facts.requests[0]
        assert isinstance(first, Requested)
        known_on = first.envelope.known_on or wrong.known_on
        replacement = {"known_on": known_on.isoformat(), **replacement, "corrects": wrong.id}
    definition: type[EventData] = EVENT_TYPES[wrong.type]
    second = read_fact(replacement, definition, identifier, "/replacement")
    return replace(facts, requests=(*facts.requests, *second.requests), places=(*facts.places, *second.places))


async def _event_of(context: Context, stream: str, sent: Mapping[str, Any], name: str) -> Recorded:
    """The event that a field names, which is one of this stream and, once recorded, stays it."""
    identifier = sent.get(name)
    if not isinstance(identifier, str) or not re.fullmatch(IDENTIFIER_PATTERN.strip("^$"), identifier):
        what = "is required" if name not in sent else "must be the id of an event"
        raise invalid([RequestFault(f"/{name}", what)])
    found = await context.rooms.recording.run(context.daybook.ledger.recorder.by_ids, [identifier])
    event = read_bytes(found[identifier]) if identifier in found else None
    if event is None:
        raise invalid([RequestFault(f"/{name}", f"unknown event {identifier}")])
    if event.stream != stream:
        raise invalid([RequestFault(f"/{name}", f"{identifier} is an event of {event.stream}, not of {stream}")])
    return event


async def _recorded(
    request: Request,
    context: Context,
    body: bytes,
    facts: Facts,
    kind: ResourceKind,
    stream: str,
    expected: Mapping[str, frozenset[int]],
) -> Response:
    """Record facts together and answer where they stand."""
    future = context.daybook.committer.submit(
        facts.requests,
        request.state.actor.id,
        correlation_of(request),
        key=key_of(request, body),
        expected=expected,
    )
    try:
        receipt: CommandReceipt = await asyncio.wrap_future(future)
    except Refusal as refusal:
        raise facts.problem(refusal) from None
    remarks = await with_remarks(context, receipt)
    response = answer(receipt, remarks)
    placed = receipt.events
    if len(placed) == 1:
        only = placed[0]
        content = json.dumps({**only._asdict(), **remarks})
        response = Response(content, response.status_code, dict(response.headers), JSON)
        response.headers["Content-Length"] = str(len(response.body))
    # What stands in the path as it is now, which is what the tag is of.
    response.headers["Location"] = kind.path(stream.partition("/")[2])
    response.headers["ETag"] = tag_of_version(max(event.version for event in placed))
    return response


async def _body(request: Request) -> bytes:
    return await request.body()


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "")


def stream_of(kind: ResourceKind, identifier: str) -> str:
    """The stream of one of a kind; HttpProblem for what can be no id."""
    if not re.fullmatch(IDENTIFIER_PATTERN.strip("^$"), identifier):
        raise HttpProblem("not-found", f"{identifier!r:.150} is no id")
    return f"{kind.name}/{identifier}"


def _expected(request: Request, context: Context, stream: str) -> dict[str, frozenset[int]]:
    versions = expected_versions(request, required=context.settings.require_if_match)
    return {} if versions is None else {stream: versions}


# Routes


def _sent(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """A body in JSON, as OpenAPI has it."""
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def _words(event_type: str) -> str:
    return (EVENT_TYPES[event_type].__doc__ or "").splitlines()[0]


def _add_collection(kind: ResourceKind) -> None:
    async def record_new(request: Request, context: Current) -> Response:
        return await _record_new(request, context, kind)

    body = _sent(schema_of(kind.begins), EXAMPLES[kind.begins])
    described = recording(f"record_{kind.begins}".replace("-", "_"), kind, body, change=False, many=False)
    router.add_api_route(
        f"/{kind.plural}",
        record_new,
        methods=["POST"],
        status_code=201,
        name=kind.begins,
        description=_words(kind.begins),
        **described.route(),
    )


def _add_change(kind: ResourceKind, subject: str, event_type: str) -> None:
    async def record_change(request: Request, context: Current, identifier: Identifier) -> Response:
        return await _record_change(request, context, kind, event_type, identifier)

    about = event_type == "event-annotated"
    body = _sent(schema_of(event_type, path_names_it=not about), NOTES[kind.name] if about else EXAMPLES[event_type])
    described = recording(f"record_{kind.name}_{subject}".replace("-", "_"), kind, body, change=True, many=False)
    router.add_api_route(
        f"/{kind.plural}/{{identifier}}/{subject}",
        record_change,
        methods=["POST"],
        status_code=201,
        name=event_type,
        description=_words(event_type),
        **described.route(),
    )


def _add_corrections(kind: ResourceKind) -> None:
    async def record_correction(request: Request, context: Current, identifier: Identifier) -> Response:
        return await _record_correction(request, context, kind, identifier)

    schema = schema_of("event-retracted")
    schema["required"] = ["retracts", "reason"]
    schema["title"] = "Correction"
    types = (kind.begins, *kind.changes.values())
    words = "What replaces it: a fact of the same sort, with `corrects` understood."
    replacement = {"description": words, "anyOf": [schema_of(name, path_names_it=True) for name in types]}
    schema["properties"] = {**schema["properties"], "replacement": replacement}
    body = _sent(schema, CORRECTIONS[kind.name])
    router.add_api_route(
        f"/{kind.plural}/{{identifier}}/corrections",
        record_correction,
        methods=["POST"],
        status_code=201,
        name="correction",
        description="Take back an event that was wrong, and record what replaces it: both, or neither.",
        **recording(f"record_{kind.name}_corrections", kind, body, change=True, many=True).route(),
    )


for _kind in KINDS:
    _add_collection(_kind)
    for _subject, _type in _kind.changes.items():
        _add_change(_kind, _subject, _type)
    _add_change(_kind, "annotations", ABOUT_EVENTS["annotations"])
    _add_corrections(_kind)
