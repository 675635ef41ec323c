"""The description of the interface: OpenAPI 3.1 of every route."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from domain.resources import API
from service.version import VERSION
from service.web.conditions import matches, not_modified, tag_of_body
from service.web.description import components
from service.web.description.answers import ASKS
from service.web.entry.permissions import OPEN, SCHEMES, Permission, permission_of
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
    "webhooks": "Addresses to which new events are sent.",
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
    """The description: what FastAPI says of the routes, put into the words and the places that clients know."""
    app = FastAPI(openapi_url=None)
    for one in ROUTERS:
        app.include_router(one)
    made = get_openapi(title="Daybook", version=VERSION, openapi_version="3.1.0", routes=app.routes)
    own = {name: schema for name, schema in made["components"]["schemas"].items() if "ValidationError" not in name}
    schemas = {**components.schemas(), **own}
    permissions = {
        (method.lower(), one.path_format): permission_of(one)
        for one in iter_route_contexts(app.routes)
        for method in one.methods or ()
    }
    paths = {
        path: {
            method: _operation(path, given, permissions[method, path], schemas) for method, given in operations.items()
        }
        for path, operations in made["paths"].items()
    }
    used = {tag for operations in paths.values() for operation in operations.values() for tag in operation["tags"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Daybook", "version": VERSION, "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SCHEMES],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": components.refusals(),
            "parameters": components.PARAMETERS,
            "headers": components.HEADERS,
            "securitySchemes": {
                name: jsonable_encoder(scheme, by_alias=True, exclude_none=True) for name, scheme in SCHEMES.items()
            },
        },
    }


def _operation(path: str, given: Mapping[str, Any], permission: Permission, schemas: dict[str, Any]) -> dict[str, Any]:
    words = given.get("description", given["summary"])
    operation: dict[str, Any] = {
        "operationId": given["operationId"],
        "tags": [_tag(path, given["tags"])],
        "summary": words.split("\n\n")[0].replace("\n", " ").strip().rstrip("."),
        "description": words,
        **_permission(permission),
        "parameters": _parameters(given.get("parameters", ()), given.get(ASKS, {})),
    }
    if "requestBody" in given:
        operation["requestBody"] = _named_schemas(given["requestBody"], given["operationId"], schemas)
    operation["responses"] = {
        status: _response(answer)
        for status, answer in sorted(given["responses"].items())
        # How FastAPI itself would answer a parameter that is wrong.
        if status != "422" or "$ref" in answer
    }
    return operation


def _tag(path: str, given: list[str]) -> str:
    part = path.removeprefix(f"{API}/").partition("/")[0]
    return part if part in TAGS else given[0]


def _permission(permission: Permission) -> dict[str, Any]:
    if permission.capability is None:
        return {"security": []}
    return {"x-required-capability": str(permission.capability), "x-roles": permission.roles}


def _parameters(given: Sequence[Mapping[str, Any]], asks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parameters with the examples of their route; what is said of one later is said instead."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in given:
        key = one.get("in", "header"), one.get("name", one.get("$ref", ""))
        found[key] = dict(one) if "$ref" in one else _parameter(one)
        if one.get("name") in asks:
            found[key]["example"] = asks[one["name"]]
    return list(found.values())


def _parameter(given: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter whose value, as it is sent, is never null; what FastAPI calls it by, it is called by already."""
    schema = {name: value for name, value in given["schema"].items() if name not in ("title", "anyOf")}
    for one in given["schema"].get("anyOf", ()):
        if one != {"type": "null"}:
            schema = {**one, **schema}
    if schema.get("default") in (None, [], ()):
        schema.pop("default", None)
    if schema.get("description") == given.get("description"):
        schema.pop("description", None)
    parameter = {**given, "schema": schema}
    return {**parameter, "style": "form", "explode": True} if schema.get("type") == "array" else parameter


def _response(given: Mapping[str, Any]) -> dict[str, Any]:
    """An answer; nothing is said beside a reference, and no media type of which nothing is known."""
    if "$ref" in given:
        return {"$ref": given["$ref"]}
    content = {name: said for name, said in given.get("content", {}).items() if said.get("schema")}
    said = {name: value for name, value in given.items() if name != "content"}
    return {**said, "content": content} if content else said


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
