"""Mappings over HTTP: what the columns of a table of order lines mean, kept under the names that imports give."""

import io
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from service.importing.bounds import JUDGING_MB, MIB
from service.importing.formats import CSV
from service.importing.orders.kept_mappings import NAME, KeptMappings, NotYours, UnknownMapping
from service.importing.orders.mapping import LARGEST_BYTES
from service.importing.reading.apart import ReaderBounds, ReaderNotStarted, suggested
from service.importing.rows import BadFile, BadMapping
from service.shapes import things
from service.web.bodies import JSON, read_body
from service.web.context import context_of
from service.web.description.answers import ALWAYS, BINARY, Answer, Described, in_json
from service.web.description.examples import ORDERS_MAPPING
from service.web.entry.permissions import READ, RECORD
from service.web.problems import HttpProblem

router = APIRouter(prefix="/api/v1/mappings", tags=["imports"])
#: Apart from the names that mappings have.
SUGGEST_PATH = "/api/v1/mapping-suggestions"
suggestions = APIRouter(prefix=SUGGEST_PATH, tags=["imports"])

TOML = "application/toml"
#: How long a client waits for whose import, or mapping, there is no room.
FULL_S = 60
#: How long looking at it may say nothing.
SUGGESTING_S = 60.0
#: The name of a mapping; what can be none is not found, or not kept.
MappingName = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]


@router.get("", dependencies=[READ], **Described("list_mappings", {200: in_json(things.Mappings)}).route())
async def list_mappings(request: Request) -> Response:
    """The mappings that imports can name."""
    names = await run_in_threadpool(mappings_of(request).names)
    return json_response({"mappings": [{"name": name, "shipped": shipped} for name, shipped in names.items()]})


@router.get(
    "/{name}",
    dependencies=[READ],
    **Described(
        "read_mapping",
        {200: Answer("The mapping.", {TOML: {"type": "string"}})},
        (*ALWAYS, 404),
        asks={"name": "scms"},
    ).route(),
)
async def read_mapping(request: Request, name: MappingName) -> Response:
    """One mapping, in TOML."""
    try:
        return Response(await run_in_threadpool(mappings_of(request).content, name), media_type=TOML)
    except UnknownMapping as error:
        raise HttpProblem("not-found", str(error)) from None


@suggestions.post(
    "",
    dependencies=[RECORD],
    **Described(
        "suggest_mapping",
        {200: Answer("A mapping that reads the table, to be read through.", {TOML: {"type": "string"}})},
        (*ALWAYS, 408, 413, 415, 422),
        body={"required": True, "content": {name: {"schema": BINARY} for name in ("application/octet-stream", CSV)}},
        asks={"file": "orders.csv"},
    ).route(),
)
async def suggest_mapping(
    request: Request,
    file: Annotated[str, Query(min_length=1, max_length=255, description="What the file is called.")] = "table",
) -> Response:
    """Suggest a mapping for a table of order lines, which is the body, compressed by gzip or not; nothing is kept."""
    content = await read_body(request, context_of(request).settings.body_limit_bytes)
    bounds = ReaderBounds(JUDGING_MB * 2 * MIB, SUGGESTING_S)
    try:
        found = await run_in_threadpool(suggested, io.BytesIO(content), file, bounds)
    except BadFile as bad:
        faults = [{"line": fault.line, "pointer": "", "detail": fault.message} for fault in bad.faults]
        raise HttpProblem("invalid", f"line {bad.faults[0].line}: {bad.faults[0].message}", faults) from None
    except ReaderNotStarted as error:
        raise full(error) from None
    return Response(found, media_type=TOML)


@router.put(
    "/{name}",
    status_code=201,
    dependencies=[RECORD],
    **Described(
        "keep_mapping",
        {
            201: in_json(things.Mapping, "Location", words="Kept under a new name."),
            200: in_json(things.Mapping, "Location", words="Kept in the place of another."),
        },
        (*ALWAYS, 408, 413, 415, 422),
        body={"required": True, "content": {TOML: {"schema": {"type": "string"}, "example": ORDERS_MAPPING}}},
        asks={"name": "erp"},
    ).route(),
)
async def keep_mapping(request: Request, name: MappingName) -> Response:
    """Keep a mapping, in TOML, under a name; imports that were sent before keep the one that it had then."""
    content = await read_body(request, LARGEST_BYTES)
    try:
        new = await run_in_threadpool(mappings_of(request).keep, name, content)
    except BadMapping as bad:
        raise bad_mapping(bad, "") from None
    except BadFile as bad:
        # Judging it took too long, or too much memory.
        raise HttpProblem("invalid", f"the mapping is not taken: {bad.faults[0].message}") from None
    except ReaderNotStarted as error:
        raise full(error) from None
    except NotYours as error:
        raise HttpProblem("forbidden", str(error)) from None
    return json_response(
        {"name": name, "shipped": False}, 201 if new else 200, {"Location": f"/api/v1/mappings/{name}"}
    )


@router.delete(
    "/{name}",
    status_code=204,
    dependencies=[RECORD],
    **Described("remove_mapping", {204: Answer("It is forgotten.")}, (*ALWAYS, 404), asks={"name": "erp"}).route(),
)
async def remove_mapping(request: Request, name: MappingName) -> Response:
    """Forget a mapping."""
    try:
        await run_in_threadpool(mappings_of(request).remove, name)
    except UnknownMapping as error:
        raise HttpProblem("not-found", str(error)) from None
    except NotYours as error:
        raise HttpProblem("forbidden", str(error)) from None
    return Response(status_code=204)


def mappings_of(request: Request) -> KeptMappings:
    """The mappings of the service that is asked."""
    return KeptMappings(context_of(request).settings.home)


def full(error: Exception) -> HttpProblem:
    """The answer where there is no room to judge a file."""
    return HttpProblem("unavailable", str(error), headers={"Retry-After": str(FULL_S)})


def bad_mapping(bad: BadMapping, pointer: str) -> HttpProblem:
    """The answer to a mapping that says what it cannot; `pointer`: where the request has it."""
    faults = [{"pointer": pointer, "detail": problem} for problem in bad.problems]
    return HttpProblem("invalid", str(bad), faults)


def json_response(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON; a lone surrogate, which a file may have, is replaced."""
    return Response(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"), status, headers, JSON)
