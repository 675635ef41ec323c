"""The description of the interface: OpenAPI 3.1 of every route."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from service.version import VERSION
from service.web.conditions import matches, not_modified, tag_of_body
from service.web.description import components, described_events, described_operations, described_views
from service.web.description.answers import ALWAYS, Answer, Described, recording
from service.web.entry.permissions import OPEN, Permission, permission_of
from service.web.resources import API, KINDS
from service.web.routes import ROUTERS

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

#: What is understood of every route.
INTRODUCTION = """An event-sourced procurement ledger: what was ordered, received and paid of whom, and on whom a buyer
depends, on any day, knowing what.

What is recorded is never changed or removed; what was wrong is taken back by a further event. Every POST that records
takes an `Idempotency-Key`, under which it is recorded once however often it is sent. Every GET may be asked by HEAD.
Refusals are problems (RFC 9457) whose type has a page; a method that a path does not take is answered by 405, with
`Allow`. Every answer has an `X-Request-Id`."""

TAGS = {
    "events": "The ledger as a whole: recording, reading, listening.",
    "orders": "Purchase orders and what happens to them.",
    "organizations": "Buyers, vendors and who owns them.",
    "products": "What is bought, who makes it, and its attributes.",
    "partnerships": "Who works with whom.",
    "regulations": "Instruments that bar purchases, and licences.",
    "supply-assertions": "Supply that is asserted without an order.",
    "exchange-rates": "Rates as central banks publish them.",
    "views": "Answers as of any point in the three clocks.",
    "scenarios": "Answers as they would be.",
    "imports": "Files that are recorded in the background.",
    "webhooks": "Who is told of new events.",
    "log": "The transparency log: checkpoints, tiles, proofs.",
    "audit": "What an auditor asks of a projection.",
    "operations": "The process itself.",
}


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The description."""
    body, tag = written()
    response = Response(body, headers={"ETag": tag, "Cache-Control": "no-cache"}, media_type="application/json")
    return not_modified(response) if matches(request, tag) else response


@cache
def written() -> tuple[bytes, str]:
    """The description as it is served, and its tag."""
    body = json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()
    return body, tag_of_body(body)


def document() -> dict[str, Any]:
    """The description."""
    app = FastAPI(openapi_url=None)
    for one in ROUTERS:
        app.include_router(one)
    made = get_openapi(title="Daybook", version=VERSION, openapi_version="3.1.0", routes=app.routes)
    own = {name: schema for name, schema in made["components"]["schemas"].items() if "ValidationError" not in name}
    schemas = {**components.schemas(), **own}
    described = described_routes()
    permissions = {
        (method.lower(), one.path_format): permission_of(one)
        for one in iter_route_contexts(app.routes)
        for method in one.methods or ()
    }
    paths = {
        path: {
            method: _operation(path, given, permissions[method, path], described.get((method, path)), schemas)
            for method, given in operations.items()
        }
        for path, operations in made["paths"].items()
    }
    used = {tag for operations in paths.values() for operation in operations.values() for tag in operation["tags"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Daybook", "version": VERSION, "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": components.refusals(),
            "parameters": components.PARAMETERS,
            "headers": components.HEADERS,
            "securitySchemes": made["components"]["securitySchemes"],
        },
    }


def described_routes() -> dict[tuple[str, str], Described]:
    """What is said of each route, by method and path."""
    found = {**described_views.ROUTES, **described_events.ROUTES, **described_operations.ROUTES}
    for kind in KINDS:
        path = f"{API}/{kind.plural}"
        found["post", path] = recording(f"record_{kind.begins}".replace("-", "_"), kind, change=False, many=False)
        for subject in kind.subjects:
            name = f"record_{kind.name}_{subject}".replace("-", "_")
            many = subject == "corrections"
            found["post", f"{path}/{{identifier}}/{subject}"] = recording(name, kind, change=True, many=many)
    return found


def _operation(
    path: str,
    given: Mapping[str, Any],
    permission: Permission,
    described: Described | None,
    schemas: dict[str, Any],
) -> dict[str, Any]:
    """One operation, from what its code says and what is said of it."""
    words = given.get("description", given["summary"])
    operation: dict[str, Any] = {
        "operationId": given["operationId"] if described is None else described.name,
        "tags": [_tag(path, given["tags"])],
        "summary": words.split("\n\n")[0].replace("\n", " ").strip().rstrip("."),
        "description": words,
        **_permission(permission),
    }
    if described is None:
        operation["parameters"] = list(given.get("parameters", ()))
        answers = {status: answer for status, answer in given["responses"].items() if status < "400"}
        refused = {str(status): _refusal(status) for status in (*ALWAYS, 404, 422)}
    else:
        operation["parameters"] = _parameters(path, described)
        answers = {str(status): _answer(answer) for status, answer in described.answers.items()}
        refused = {str(status): _refusal(status) for status in described.refused}
    body = given.get("requestBody") if described is None or described.body is None else described.body
    if body is not None:
        operation["requestBody"] = _named_schemas(body, given["operationId"], schemas)
    operation["responses"] = dict(sorted({**refused, **answers}.items()))
    return operation


def _tag(path: str, given: list[str]) -> str:
    part = path.removeprefix(f"{API}/").partition("/")[0]
    return part if part in TAGS else given[0]


def _permission(permission: Permission) -> dict[str, Any]:
    if permission.capability is None:
        return {"security": []}
    return {"x-required-capability": str(permission.capability), "x-roles": permission.roles}


def _parameters(path: str, described: Described) -> list[dict[str, Any]]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": described.parts[name]}
        for name in re.findall(r"\{([^{}]+)\}", path)
    ]
    asked = [
        {**parameter, "example": described.asks[parameter["name"]]}
        if parameter["name"] in described.asks
        else parameter
        for parameter in (*parts, *described.parameters)
    ]
    return [*asked, *({"$ref": f"#/components/parameters/{name}"} for name in described.headers)]


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.words}
    if answer.content:
        found["content"] = {media_type: {"schema": schema} for media_type, schema in answer.content.items()}
    if answer.headers:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers}
    if answer.links:
        found["links"] = dict(answer.links)
    return found


def _refusal(status: int) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/Problem{status}"}


def _named_schemas(body: Mapping[str, Any], operation_id: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """A body whose schema of a fact is one of the components, under the fact's name."""
    content = dict(body["content"])
    for media_type, said in content.items():
        schema = said.get("schema", {})
        if schema.get("title") == "Correction":
            options = [_named(one, "Replacement", schemas) for one in schema["properties"]["replacement"]["anyOf"]]
            replacement = {**schema["properties"]["replacement"], "anyOf": options}
            schema = {**schema, "title": operation_id.removeprefix("record_").title().replace("_", "")}
            schema["properties"] = {**schema["properties"], "replacement": replacement}
        if "title" in schema:
            content[media_type] = {**said, "schema": _named(schema, "Fact", schemas)}
    return {**body, "content": content}


def _named(schema: Mapping[str, Any], suffix: str, schemas: dict[str, Any]) -> dict[str, Any]:
    name = f"{schema['title']}{suffix}"
    schemas[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}
