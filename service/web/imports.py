"""Imports over HTTP: a file is sent, recorded in the background, and asked after."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from service.importing.formats import FORMATS
from service.importing.orders.kept_mappings import UnknownMapping
from service.importing.queue.contents import Arrival
from service.importing.queue.jobs import (
    ImportEnded,
    Job,
    SentFile,
    State,
    StoredFault,
    TooManyImports,
    UnknownImport,
    Wish,
)
from service.importing.queue.registry import LAST_PLACE, ImportRegistry, NoSpace, StoredParts
from service.importing.queue.worker import Worker
from service.importing.reading.messages import ExtractTask
from service.shapes import things
from service.web.bodies import JSON, NDJSON
from service.web.conditions import linked
from service.web.context import context_of
from service.web.description.answers import ALWAYS, BINARY, BODY, REPLAYED, Answer, Described, as_line, in_json, ref
from service.web.description.examples import NOTES_ON_ACME
from service.web.entry.permissions import RECORD
from service.web.extracts import extract_of, invalid_parameter
from service.web.idempotency import key_of
from service.web.import_files import MEDIA_TYPES, judged_wish, possible_formats, refuse_options
from service.web.mappings import FULL_S, json_response, mappings_of
from service.web.parameters import PageSize
from service.web.problems import HttpProblem

PATH = "/api/v1/imports"
router = APIRouter(prefix=PATH, tags=["imports"], dependencies=[RECORD])
LONGEST_NAME = 255
#: Where a page begins: a place in the queue.
CURSOR = re.compile(r"^[0-9]{1,18}$")

LINKS = {
    name: {"operationId": name, "parameters": {"identifier": "$response.body#/id"}}
    for name in ("read_import", "read_import_rejects", "cancel_import")
}
#: Read by the route, which says which formats there are.
FormatName = Annotated[str, WithJsonSchema({"type": "string", "enum": list(FORMATS)})]
#: The id of an import; what can be none is not found.
ImportId = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"})]


def _file() -> dict[str, Any]:
    """A file as a body, as OpenAPI has it."""
    content: dict[str, Any] = {name: {"schema": BINARY} for name in ("application/octet-stream", *MEDIA_TYPES)}
    content[NDJSON[0]] = {"schema": BINARY, "example": "".join(as_line(event) for event in NOTES_ON_ACME)}
    return {"required": True, "description": "The file itself, compressed by gzip or not.", "content": content}


@router.post(
    "",
    status_code=202,
    **Described(
        "begin_import",
        {
            202: Answer("Taken; it is recorded in the background.", {JSON: ref(things.Import)}, ("Location",), LINKS),
            200: Answer("Sent before: that import.", {JSON: ref(things.Import)}, ("Location", REPLAYED), LINKS),
        },
        (*ALWAYS, *BODY, 507),
        headers=("Idempotency-Key",),
        body=_file(),
        asks={"format": "ndjson", "file": "notes.ndjson", "dry_run": True, "continue_on_error": True},
    ).route(),
)
async def begin_import(
    request: Request,
    format: Annotated[  # noqa: A002
        FormatName | None, Query(description="What the file is; found by how it begins, if not given.")
    ] = None,
    mapping: Annotated[
        str | None, Query(max_length=LONGEST_NAME, description="The name of a mapping, for a table.")
    ] = None,
    dry_run: Annotated[bool, Query(description="Only say what would be recorded.")] = False,
    continue_on_error: Annotated[bool, Query(description="Leave out what is refused, and go on.")] = False,
    unknown: Annotated[
        Literal["register", "report"] | None,
        Query(description="Organisations of a screening list that are not known."),
    ] = None,
    lenient: Annotated[
        bool, Query(description="Of open contracting data, take releases with unknown tags by what they hold.")
    ] = False,
    file: Annotated[
        str, Query(min_length=1, max_length=LONGEST_NAME, description="What the file is called.")
    ] = "upload",
    extract: Annotated[ExtractTask | None, Depends(extract_of)] = None,
) -> Response:
    """Send a file to be imported; the answer says where to ask how far it is.

    `format` is found by how the file begins, if not given. `mapping`: the name of one, for tables; those of order
    lines need one. `file`: what the file is called. With `mode=state` the table says how its orders stand on the day
    `as_of`: what differs from the ledger becomes facts of that day. The same file with the same wishes, sent again
    while it is waiting or being recorded, is answered by that import.
    """
    possible = possible_formats(request, format)
    declared_bytes = _declared_bytes(request)
    key_of(request, b"")
    content = None if mapping is None else await _mapping(request, mapping)
    wish = Wish(
        "",
        mapping,
        None if content is None else hashlib.sha256(content).hexdigest(),
        dry_run,
        continue_on_error,
        unknown == "register",
        extract,
        lenient,
    )
    worker, room = _worker(request), context_of(request).rooms.importing
    try:
        with await run_in_threadpool(Arrival, worker.room, declared_bytes) as arrival:
            await _receive(request, arrival)
            wish = await run_in_threadpool(judged_wish, arrival, wish, possible, content)
            refuse_options(wish, unknown_is_given=unknown is not None)
            sent = SentFile(arrival.id, file, wish, request.state.actor.id, arrival.sha256, arrival.size_bytes, content)
            key = key_of(request, f"{arrival.sha256} {json.dumps(_said(wish))}".encode())
            job, added = await room.go_on(worker.add, sent, arrival, key)
    except NoSpace as error:
        raise HttpProblem("no-space", str(error)) from None
    except TooManyImports as error:
        raise HttpProblem("unavailable", str(error), headers={"Retry-After": str(FULL_S)}) from None
    headers = {"Location": f"{PATH}/{job.id}"}
    if not added:
        headers[REPLAYED] = "true"
    return json_response(described(job), 202 if added else 200, headers)


@router.get("", **Described("list_imports", {200: in_json(things.Imports, "Link")}, (*ALWAYS, 422)).route())
async def list_imports(
    request: Request,
    state: Annotated[tuple[State, ...], Query(description="In one of these states.")] = (),
    limit: Annotated[PageSize, Query(description="So many.")] = 100,
    cursor: Annotated[
        str | None,
        Query(
            pattern=CURSOR.pattern,
            description="Where the page begins: from the Link to the next one, or next_cursor.",
        ),
    ] = None,
) -> Response:
    """The imports that are kept, the latest first, by pages."""
    before = LAST_PLACE if cursor is None else int(cursor)
    states = list(dict.fromkeys(state)) or list(get_args(State))
    found = await context_of(request).rooms.managing.run(_imports(request).page, states, limit + 1, before)
    page = found[:limit]
    answer: dict[str, Any] = {"imports": [described(job) for job in page]}
    more = {"next_cursor": str(page[-1].place) if len(found) > limit else None}
    if more["next_cursor"] is not None:
        answer |= more
    return linked(request, json_response(answer), more)


@router.get("/{identifier}", **Described("read_import", {200: in_json(things.Import)}, (*ALWAYS, 404)).route())
async def read_import(request: Request, identifier: ImportId) -> Response:
    """One import: how far it is, what is recorded, and what is wrong."""
    return json_response(described(await _find(request, identifier)))


@router.get(
    "/{identifier}/rejects",
    **Described(
        "read_import_rejects",
        {200: Answer("A rejected row a line.", {NDJSON[0]: {"type": "string"}})},
        (*ALWAYS, 404),
    ).route(),
)
async def read_rejects(request: Request, identifier: ImportId) -> Response:
    """What an import left out, one JSON object a line: line, row, message, and raw as the file has it."""
    job = await _find(request, identifier)
    if not job.wish.continue_on_error:
        raise HttpProblem("not-found", f"import {job.id} leaves nothing out: it was sent without continue_on_error")
    if job.pruned:
        raise HttpProblem("not-found", f"what import {job.id} left out is no longer kept")
    parts = await context_of(request).rooms.managing.run(_imports(request).rejects, job.id)
    named = {"Content-Disposition": f'attachment; filename="rejects-{job.id}.ndjson"'} if parts.sizes else {}
    headers = {"Content-Length": str(parts.size_bytes), **named}
    return StreamingResponse(_content(request, parts), headers=headers, media_type=NDJSON[0])


@router.delete(
    "/{identifier}",
    status_code=202,
    **Described(
        "cancel_import",
        {
            200: in_json(things.Import, words="Called off."),
            202: in_json(things.Import, words="It ends after the batch at hand."),
        },
        (*ALWAYS, 404, 409),
    ).route(),
)
async def cancel_import(request: Request, identifier: ImportId) -> Response:
    """Call an import off: before its turn, or between two batches. What is recorded by then stays."""
    try:
        job = await context_of(request).rooms.managing.run(_imports(request).cancel, identifier)
    except UnknownImport as error:
        raise HttpProblem("not-found", str(error)) from None
    except ImportEnded as error:
        raise HttpProblem("import-ended", str(error)) from None
    return json_response(described(job), 202 if job.open else 200)


def described(job: Job) -> dict[str, Any]:
    """What is answered of an import."""
    wish = job.wish
    return {
        "id": job.id,
        "state": job.state,
        "cancelling": job.state == "running" and job.called_off,
        "file": job.file,
        "format": wish.format,
        "mapping": wish.mapping,
        "dry_run": wish.dry_run,
        "continue_on_error": wish.continue_on_error,
        "unknown": "register" if wish.register else "report",
        "lenient": wish.lenient,
        "mode": "events" if wish.extract is None else "state",
        "as_of": None if wish.extract is None else wish.extract.as_of.isoformat(),
        "missing": None if wish.extract is None else wish.extract.missing,
        "correct": wish.extract is not None and wish.extract.correct,
        "size_bytes": job.size_bytes,
        "sha256": job.sha256,
        "actor": job.actor,
        "created_at": _instant(job.created_at),
        "started_at": _instant(job.started_at),
        "finished_at": _instant(job.finished_at),
        "rows": job.rows,
        "done": job.done,
        "recorded": job.recorded,
        "replayed": job.replayed,
        "rejected": job.rejected,
        "rows_per_s": job.rows_per_s,
        "types": job.outcome.types,
        "faults": [_fault(one) for one in job.faults],
        "remarks": {name: [_fault(one) for one in said] for name, said in job.listed.remarks.items()},
        "causes": msgspec.to_builtins(job.listed.causes),
        "overview": msgspec.to_builtins(job.listed.overview),
        "first": msgspec.to_builtins(job.listed.first),
        "detail": job.detail,
        "rejects": f"{PATH}/{job.id}/rejects" if wish.continue_on_error and not job.pruned else None,
    }


def _declared_bytes(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    size, most = int(declared) if declared.isdigit() else 0, context_of(request).settings.import_limit_bytes
    if size > most:
        raise HttpProblem("too-large", f"the file has {size:,} bytes, more than {most:,}: send it in parts")
    if declared.isdigit() and not size:
        raise invalid_parameter("", "the file is empty")
    return size


async def _mapping(request: Request, name: str) -> bytes:
    try:
        return await run_in_threadpool(mappings_of(request).content, name)
    except UnknownMapping as error:
        raise invalid_parameter("/mapping", str(error)) from None


async def _receive(request: Request, arrival: Arrival) -> None:
    """Bring a body to disk."""
    try:
        async for part in request.stream():
            if arrival.take(part):
                await run_in_threadpool(arrival.write)
    except ClientDisconnect:
        raise HttpProblem("malformed", "the sender left before the file was complete") from None
    await run_in_threadpool(arrival.write)


def _said(wish: Wish) -> dict[str, Any]:
    """A wish as a key is kept for; without what was not asked for, which keys of earlier versions do not have."""
    said: dict[str, Any] = msgspec.to_builtins(wish)
    return {name: value for name, value in said.items() if name not in ("extract", "lenient") or value}


async def _content(request: Request, parts: StoredParts) -> AsyncIterator[bytes]:
    for number in parts.sizes:
        yield await context_of(request).rooms.managing.go_on(_imports(request).part, parts, number)


async def _find(request: Request, identifier: str) -> Job:
    try:
        return await context_of(request).rooms.managing.run(_imports(request).find, identifier)
    except UnknownImport as error:
        raise HttpProblem("not-found", str(error)) from None


def _fault(fault: StoredFault) -> dict[str, Any]:
    return {"line": fault.line, "row": fault.row, "message": fault.message}


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _worker(request: Request) -> Worker:
    return context_of(request).imports


def _imports(request: Request) -> ImportRegistry:
    return _worker(request).imports
