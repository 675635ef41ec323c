"""How a route is described: what it may be asked, and how it answers and refuses; and the recording of facts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from domain.catalogue import EVENT_TYPES
from domain.resources import ResourceKind
from service.asking import parameters
from service.asking.parameters import LARGEST
from service.shapes.answers import Receipt, RecordedFact
from service.web.bodies import JSON, NDJSON
from service.web.description.examples import ACME, NAMED, NOTES_ON_ACME

Parameter = dict[str, Any]
Schema = dict[str, Any]

POSITION: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
TEXT = "text/plain; charset=utf-8"
BINARY: Schema = {"type": "string", "format": "binary"}

#: What any request may be refused for: unreadable, without a token, not allowed, too many; or the service is at fault.
ALWAYS = (400, 401, 403, 429, 431, 500, 503)
#: What is answered without a token.
OPEN = (400, 403, 429, 431, 500)
#: What a body may be refused for.
BODY = (408, 413, 415, 422)
#: Where a route keeps the examples of its parameters: FastAPI knows only those that are a parameter's own.
ASKS = "x-asks"


@dataclass(frozen=True)
class Answer:
    """One way in which a route answers what it was asked."""

    words: str
    #: By media type the schema.
    content: Mapping[str, Schema] = field(default_factory=dict)
    #: Names of headers in the components.
    headers: Sequence[str] = ()
    #: By name, what may be asked next with what is in the answer.
    links: Mapping[str, Any] = field(default_factory=dict)

    def response(self) -> dict[str, Any]:
        """It as OpenAPI has it."""
        found: dict[str, Any] = {"description": self.words}
        if self.content:
            found["content"] = {media_type: {"schema": schema} for media_type, schema in self.content.items()}
        if self.headers:
            found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in self.headers}
        if self.links:
            found["links"] = dict(self.links)
        return found


class Arguments(TypedDict):
    """What a route of FastAPI takes of a description."""

    operation_id: str
    responses: dict[int | str, dict[str, Any]]
    openapi_extra: dict[str, Any]


@dataclass(frozen=True)
class Described:
    """What one route says of itself besides its own parameters: @router.get(path, **Described(...).route())."""

    name: str
    answers: Mapping[int, Answer]
    refused: Sequence[int] = ALWAYS
    parameters: Sequence[Parameter] = ()
    #: What a path's parts are.
    parts: Mapping[str, Schema] = field(default_factory=dict)
    #: Names of header parameters in the components.
    headers: Sequence[str] = ()
    body: Mapping[str, Any] | None = None
    #: A question that can be asked of the ledger of `examples.STORY`, by parameter.
    asks: Mapping[str, Any] = field(default_factory=dict)

    def route(self) -> Arguments:
        """It as FastAPI takes it."""
        parts = [
            {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in self.parts.items()
        ]
        headers = [{"$ref": f"#/components/parameters/{name}"} for name in self.headers]
        responses: dict[int | str, dict[str, Any]] = {
            status: {"$ref": f"#/components/responses/Problem{status}"} for status in self.refused
        }
        responses |= {status: answer.response() for status, answer in self.answers.items()}
        extra: dict[str, Any] = {ASKS: dict(self.asks), "parameters": [*parts, *self.parameters, *headers]}
        if self.body is not None:
            extra["requestBody"] = self.body
        return {"operation_id": self.name, "responses": responses, "openapi_extra": extra}


def ref(shape: type | str) -> Schema:
    """The schema of a shape, or of that name, which stands in the components."""
    return {"$ref": f"#/components/schemas/{shape if isinstance(shape, str) else shape.__name__}"}


def in_json(shape: type | str, *headers: str, words: str = "The answer.") -> Answer:
    """An answer of a shape in JSON."""
    return Answer(words, {JSON: ref(shape)}, headers)


NOT_MODIFIED = Answer("It is as the client has it (If-None-Match).", headers=("ETag", "Cache-Control"))
KEPT = ("ETag", "Cache-Control", "Preference-Applied")
ASKED = ("If-None-Match", "Prefer")

RECORDING = ("Idempotency-Key", "X-Correlation-Id")
REPLAYED = "Idempotent-Replayed"


def recording(name: str, kind: ResourceKind, body: Mapping[str, Any], *, change: bool, many: bool) -> Described:
    """A route that records facts about a thing. `change`: one that stands already. `many`: perhaps several facts."""
    content = {JSON: {"anyOf": [ref(RecordedFact), ref(Receipt)]} if many else ref(RecordedFact)}
    identity = "path.identifier" if change else f"body#/{EVENT_TYPES[kind.begins].IDENTITY}"
    links = {
        f"read_{kind.name}": {
            "operationId": f"read_{kind.name}",
            "description": "The thing as it is now.",
            "parameters": {"identifier": f"$request.{identity}"},
        }
    }
    headers = ("Location", "ETag")
    return Described(
        name,
        {
            201: Answer("Recorded.", content, headers, links),
            200: Answer("Recorded before: the first answer again.", content, (*headers, REPLAYED), links),
        },
        (*ALWAYS, *((404,) if change else ()), *BODY, 409, 412, *((428,) if change else ())),
        headers=(*RECORDING, "If-Match", *(() if change else ("If-New",))),
        body=body,
        asks={"identifier": NAMED[kind.name]} if change else {},
    )


def events_body() -> dict[str, Any]:
    """A body of events: one, an array, or one a line."""
    lines = "".join(as_line(event) for event in NOTES_ON_ACME)
    return {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "oneOf": [
                        ref("Event"),
                        {"type": "array", "items": ref("Event"), "minItems": 1, "description": "Events, all or none."},
                    ]
                },
                "example": ACME,
            },
            NDJSON[0]: {
                "schema": {
                    "type": "string",
                    "description": "An event (#/components/schemas/Event) a line: all of them, or none.",
                },
                "example": lines,
            },
        },
    }


def as_line(event: Mapping[str, Any]) -> str:
    """An event as a line of NDJSON."""
    return json.dumps(event, ensure_ascii=False) + "\n"


def query(name: str, schema: Schema, words: str, *, required: bool = False) -> Parameter:
    """One parameter of a query."""
    described = {"name": name, "in": "query", "required": required, "description": words, "schema": schema}
    return {**described, "style": "form", "explode": True} if schema.get("type") == "array" else described


def in_query(asked: parameters.Parameter) -> Parameter:
    """A parameter of a question as one of a query."""
    return query(asked.name, asked.schema, asked.words, required=asked.required)
