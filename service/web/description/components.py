"""What the interface's description says once and its routes refer to: schemas, headers, refusals, who may ask."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from domain.catalogue import EVENT_TYPES
from domain.events import Envelope
from service.shapes import answers, things
from service.web.conditions import FOR_EVER
from service.web.facts import ENVELOPE, resolved
from service.web.problems import MEDIA_TYPE, PROBLEM_TYPES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
#: What every answer may carry, by name.
HEADERS: dict[str, Schema] = {
    name: {"description": words, "schema": {**TEXT, **schema}}
    for name, words, schema in (
        ("ETag", "Names this version: for If-None-Match, and of a thing as it is now for If-Match.", {}),
        ("Cache-Control", f"Of a question whose moment is pinned: {FOR_EVER}.", {}),
        ("Content-Location", "Where the same answer is found for ever.", {}),
        ("Link", 'The next page and the first (RFC 8288): rel="next", rel="first".', {}),
        ("Location", "Where what was made can be read.", {}),
        ("Idempotent-Replayed", "Nothing was recorded again.", {"const": "true"}),
        ("Preference-Applied", "How long the answer was waited for at most.", {}),
        ("Daybook-Leaf-Hash", "The event's leaf in the transparency log, base64.", {}),
        ("Retry-After", "Seconds after which it may be sent again.", {"pattern": "^[0-9]+$"}),
        ("X-Request-Id", "The name of the request in the service's logs: the client's own, or a new one.", {}),
        ("WWW-Authenticate", "How to say who asks.", {}),
        ("RateLimit", "What is left of the limit, where there is one.", {}),
    )
}

PARAMETERS: dict[str, Schema] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A name for this request: sent again under it, nothing is recorded again.",
        "schema": {**TEXT, "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag that was read: where the resource has changed since, nothing is recorded.",
        "schema": {**TEXT, "pattern": '^(\\*|"[0-9]{1,18}")$'},
    },
    "X-Correlation-Id": {
        "name": "X-Correlation-Id",
        "in": "header",
        "description": "What the events of several requests belong together by; it is recorded with them.",
        "schema": {**TEXT, "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that the client has: where it still holds, the answer is 304.",
        "schema": {**TEXT, "pattern": r'^(\*|(W/)?"[!#-~]*")$'},
    },
    "If-New": {
        "name": "If-None-Match",
        "in": "header",
        "description": "Only if there is no such thing yet.",
        "schema": {"const": "*"},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "How many seconds the client is willing to wait until the views have what it asks for.",
        "schema": {**TEXT, "pattern": "^wait=[0-9]{1,2}$"},
    },
    "Last-Event-ID": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The position behind which it begins, before the parameter after.",
        "schema": {**TEXT, "pattern": "^[0-9]{1,18}$"},
    },
}


def refusals() -> dict[str, Schema]:
    """By status, what a route refuses with: Problem400 and so on."""
    found: dict[str, Schema] = {}
    for status in sorted({kind.status for kind in PROBLEM_TYPES.values()}):
        kinds = [kind for kind in PROBLEM_TYPES.values() if kind.status == status]
        headers = ["X-Request-Id", *{401: ["WWW-Authenticate"], 429: ["Retry-After", "RateLimit"]}.get(status, [])]
        if status == 503:
            headers.append("Retry-After")
        schema = {
            "allOf": [
                {"$ref": "#/components/schemas/Problem"},
                {"properties": {"type": {"enum": [f"/problems/{kind.name}" for kind in kinds]}}},
            ]
        }
        found[f"Problem{status}"] = {
            "description": "\n".join(f"- `{kind.name}`: {kind.title}. {kind.remedy}" for kind in kinds),
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
    return found


def schemas() -> dict[str, Schema]:
    """What is sent and answered."""
    return {**_answers(), **dict(_events()), "CloudEvent": CLOUD_EVENT}


def _answers() -> dict[str, Schema]:
    shapes = [
        shape
        for module in (answers, things)
        for shape in vars(module).values()
        if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and shape is not msgspec.Struct
    ]
    _, found = msgspec.json.schema_components(dict.fromkeys(shapes), ref_template="#/components/schemas/{name}")
    # Tuples and the like become plain JSON.
    made: dict[str, Schema] = json.loads(json.dumps(found))
    return made


def _events() -> Iterator[tuple[str, Schema]]:
    """Every event type as it is sent to the ledger as a whole."""
    envelope = resolved(Envelope.model_json_schema())["properties"]
    mapping = {}
    for name, definition in EVENT_TYPES.items():
        title = definition.__name__
        mapping[name] = f"#/components/schemas/{title}Event"
        yield f"{title}Data", resolved(definition.model_json_schema())
        yield (
            f"{title}Event",
            {
                "type": "object",
                "description": (definition.__doc__ or "").strip(),
                "additionalProperties": False,
                "required": ["type", "effective_on", "data"],
                "properties": {
                    "type": {"const": name},
                    **{field: envelope[field] for field in ENVELOPE},
                    "data": {"$ref": f"#/components/schemas/{title}Data"},
                },
            },
        )
    yield (
        "Event",
        {
            "description": "An event as it is sent.",
            "oneOf": [{"$ref": place} for place in mapping.values()],
            "discriminator": {"propertyName": "type", "mapping": mapping},
        },
    )


CLOUD_EVENT: Schema = {
    "type": "object",
    "description": "An event as a CloudEvent 1.0; data is the stored event.",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        **dict.fromkeys(("id", "source", "type", "subject", "dataschema", "position", "effectiveon"), TEXT),
        "time": {"type": "string", "format": "date-time"},
        "data": {"$ref": "#/components/schemas/StoredEvent"},
    },
}
