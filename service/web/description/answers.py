"""How a route is described: what it may be asked, and how it answers and refuses; and the recording of facts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.catalogue import EVENT_TYPES
from service.web.bodies import JSON, NDJSON
from service.web.description.examples import ACME, NAMED, NOTES_ON_ACME
from service.web.description.query_parameters import IDENTIFIER, Parameter, Schema
from service.web.resources import Kind

TEXT = "text/plain; charset=utf-8"
BINARY: Schema = {"type": "string", "format": "binary"}

#: What any request may be refused for: unreadable, without a token, not allowed, too many; or the service is at fault.
ALWAYS = (400, 401, 403, 429, 431, 500, 503)
#: What is answered without a token.
OPEN = (400, 403, 429, 431, 500)
#: What a body may be refused for.
BODY = (408, 413, 415, 422)


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


@dataclass(frozen=True)
class Described:
    """One route."""

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


def ref(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def in_json(name: str, *headers: str, words: str = "The answer.") -> Answer:
    return Answer(words, {JSON: ref(name)}, headers)


NOT_MODIFIED = Answer("It is as the client has it (If-None-Match).", headers=("ETag", "Cache-Control"))
KEPT = ("ETag", "Cache-Control", "Preference-Applied")
ASKED = ("If-None-Match", "Prefer")

RECORDING = ("Idempotency-Key", "X-Correlation-Id")
REPLAYED = "Idempotent-Replayed"


def recording(name: str, kind: Kind, *, change: bool, many: bool) -> Described:
    """A route that records facts about a thing."""
    content = {JSON: {"anyOf": [ref("Placed"), ref("Receipt")]} if many else ref("Placed")}
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
        parts={"identifier": IDENTIFIER} if change else {},
        headers=(*RECORDING, "If-Match", *(() if change else ("If-New",))),
        asks={"identifier": NAMED[kind.name]} if change else {},
    )


def events_body() -> dict[str, Any]:
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
    return json.dumps(event, ensure_ascii=False) + "\n"
