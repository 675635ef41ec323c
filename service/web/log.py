"""The transparency log over HTTP: checkpoint, tiles and entries as C2SP tlog-tiles lays them out, and proofs."""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import Invalid
from domain.tiles import Bundle, Tile, pack_bundle, parse_tile_path
from service.asking.clocks import BeyondTheLedger, single, whole
from service.log.transparency import TransparencyLog
from service.log.transparency import consistency as consistency_between
from service.shapes.things import Consistency
from service.web.accepting import likings
from service.web.context import Current
from service.web.description.answers import ALWAYS, BINARY, POSITION, TEXT, Answer, Described, in_json, query
from service.web.entry.permissions import PROVE
from service.web.parameters import Position, raw_parameters
from service.web.problems import HttpProblem

router = APIRouter(tags=["log"], dependencies=[PROVE])

#: Query parameters that are still to be read, each with its values.
Raw = dict[str, Sequence[str]]

BYTES = "application/octet-stream"
TilePath = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "description": "L/N or entries/N, with .p/W a partial one (c2sp.org/tlog-tiles).",
        }
    ),
]
#: The log is laid out below each of these.
PREFIXES = ("/log", "/api/v1/log")
NOT_CACHED = {"Cache-Control": "no-cache"}
YEAR_S = 365 * 24 * 60 * 60

_HASHES = tuple(f"{prefix}/{name}" for prefix in PREFIXES for name in ("checkpoint", *(f"tile/{n}" for n in range(10))))
_ENTRIES = tuple(f"{prefix}/tile/entries/" for prefix in PREFIXES)
#: What paths that anybody may read begin with, by the setting `open_log`.
OPEN_PATHS: dict[str, tuple[str, ...]] = {"none": (), "hashes": _HASHES, "all": (*_HASHES, *_ENTRIES)}


async def checkpoint(context: Current) -> Response:
    """The last checkpoint: a signed note with the log's origin, size and root, and the cosignatures of witnesses."""
    note = await context.rooms.reading.run(context.daybook.log.checkpoint)
    return Response(note, media_type=TEXT, headers=NOT_CACHED)


async def tile(request: Request, context: Current, path: TilePath) -> Response:
    """A tile of 256 hashes, or a bundle of as many entries; with .p/W a partial one, of W."""
    # One address for each: what is percent-encoded is another.
    if b"%" in request.scope.get("raw_path", b""):
        raise _nothing_at(request)
    try:
        named = parse_tile_path(f"tile/{path}")
    except ValueError as error:
        raise HttpProblem("not-found", str(error)) from None
    data = await context.rooms.reading.run(_read, context.daybook.log, named)
    if data is None:
        raise HttpProblem("not-found", f"the last checkpoint does not reach as far as {named.path}")
    headers = {"Cache-Control": _kept_for_ever(request.scope["path"], context.settings.open_log)}
    if isinstance(named, Bundle):
        headers["Vary"] = "Accept-Encoding"
        if _takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            data = await context.rooms.reading.run(gzip.compress, data, 6, mtime=0)
    return Response(data, media_type=BYTES, headers=headers)


def _read(log: TransparencyLog, named: Tile | Bundle) -> bytes | None:
    if isinstance(named, Tile):
        return log.tile(named)
    entries = log.entries(named)
    return None if entries is None else pack_bundle(entries)


def _kept_for_ever(path: str, open_log: str) -> str:
    """A shared cache may keep what anybody may read."""
    shared = "public" if path.startswith(OPEN_PATHS[open_log]) else "private"
    return f"{shared}, max-age={YEAR_S}, immutable"


def _takes_gzip(request: Request) -> bool:
    named = likings(",".join(request.headers.getlist("accept-encoding")))
    return "gzip" in named and named["gzip"].weight > 0


async def nothing(request: Request, path: str) -> Response:
    """Nothing else is laid out below the log."""
    raise _nothing_at(request)


def _nothing_at(request: Request) -> HttpProblem:
    return HttpProblem("not-found", f"the log has nothing at {request.scope['path']}")


@router.get(
    "/api/v1/log/consistency",
    **Described(
        "log_consistency",
        {200: in_json(Consistency)},
        (*ALWAYS, 404, 422),
        [
            query("from", POSITION, "The size of the smaller tree.", required=True),
            query("to", POSITION, "The size of the larger one; that of the last checkpoint unless given."),
        ],
        asks={"from": 1},
    ).route(),
)
async def consistency(request: Request, context: Current) -> Response:
    """The proof that the tree of size `to` (default: the last checkpoint's) begins with that of size `from`."""
    raw: Raw = dict(raw_parameters(request))
    given_from, given_to = single(raw, "from"), single(raw, "to")
    _refuse_others(raw)
    if given_from is None:
        raise Invalid.at("/from", "is required")
    old, new = whole("from", given_from, 0), None if given_to is None else whole("to", given_to, 0)
    return JSONResponse(await context.rooms.reading.run(consistency_between, context.daybook.log, old, new))


@router.get(
    "/api/v1/events/{position}/proof",
    tags=["events"],
    **Described(
        "prove_event",
        {200: Answer("The proof (c2sp.org/tlog-proof).", {TEXT: {"type": "string"}})},
        (*ALWAYS, 404, 422),
        [query("size", POSITION, "Of the tree; that of the last checkpoint unless given.")],
        asks={"position": 1},
    ).route(),
)
async def proof(request: Request, context: Current, position: Position) -> Response:
    """The proof that an event is in the log (C2SP tlog-proof), by the last checkpoint or that of a `size`."""
    raw: Raw = dict(raw_parameters(request))
    given = single(raw, "size")
    _refuse_others(raw)
    size = None if given is None else whole("size", given, 0)
    log, patience_s = context.daybook.log, context.settings.wait_s
    head = await context.rooms.reading.run(log.storage.head)
    if not 1 <= position <= head:
        raise HttpProblem("not-found", f"the ledger has no position {position}")
    if size is not None and size < position:
        raise BeyondTheLedger(f"position {position} is beyond a tree of size {size}")
    found = await context.rooms.awaiting.run(log.proof, position, size, patience_s=patience_s)
    return Response(found.encode(), media_type=TEXT)


def _refuse_others(raw: Iterable[str]) -> None:
    for name in raw:
        raise Invalid.at(f"/{name}", "unknown parameter")


CHECKPOINT = Described(
    "log_checkpoint",
    {200: Answer("The note (c2sp.org/tlog-checkpoint).", {TEXT: {"type": "string"}}, ("Cache-Control",))},
    (*ALWAYS, 404),
)
TILE = Described(
    "log_tile",
    {200: Answer("Hashes, or entries.", {BYTES: BINARY}, ("Cache-Control",))},
    (*ALWAYS, 404),
    asks={"path": "0/000.p/1"},
)
for _prefix, _suffix in zip(PREFIXES, ("_at_root", ""), strict=True):
    for _path, _answer, _described in (("checkpoint", checkpoint, CHECKPOINT), ("tile/{path:path}", tile, TILE)):
        _named = replace(_described, name=_described.name + _suffix)
        router.add_api_route(f"{_prefix}/{_path}", _answer, **_named.route())
    # A path that is almost one of these is not there: there is no redirection to what was perhaps meant.
    router.add_api_route(f"{_prefix}/{{path:path}}", nothing, include_in_schema=False)
