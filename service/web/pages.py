"""The pages over HTTP: what people see, whole or the part of it that a script swaps."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.asking.clocks import NothingThere
from service.asking.views import VIEWS
from service.pages.addresses import Address
from service.pages.audit import audit
from service.pages.bars import PageSources
from service.pages.charts import TEMPLATES, chart, png
from service.pages.dependence import dependence
from service.pages.difference import difference
from service.pages.evidence import evidence
from service.pages.exposure import exposure
from service.pages.journal import event, journal
from service.pages.languages import Language
from service.pages.registers import KINDS, Kind, listed, shown
from service.pages.sole import sole_source
from service.web.context import Context, Current
from service.web.entry.permissions import PROVE_PAGE, READ_PAGE
from service.web.page_reader import CHART_POLICY, VARY, PageReader, form_of
from service.web.parameters import Identifier, Position, Word, raw_parameters
from service.web.problems import HttpProblem

router = APIRouter(include_in_schema=False)

MakeModel = Callable[[PageSources, Address, Language], dict[str, Any]]


def asking_of(context: Context) -> PageSources:
    """What pages ask."""
    return PageSources(context.questions, context.comparisons, context.planes)


def _add_page(path: str, template: str, make: MakeModel) -> None:
    """A page of one view: its model is made from its address."""

    async def show(request: Request, context: Current) -> Response:
        reader = PageReader.of(request)
        address = Address.of("/dependence" if path == "/" else path, raw_parameters(request))

        def made() -> Response:
            return reader.answer(template, make(asking_of(context), address, reader.language))

        return await context.rooms.for_views().run(made)

    router.add_api_route(path, show, name=f"page_{template}_{path.strip('/')}", dependencies=[READ_PAGE])


for _path, _template, _make in (
    ("/", "dependence", dependence),
    ("/dependence", "dependence", dependence),
    ("/difference", "difference", difference),
    ("/exposure", "exposure", exposure),
    ("/sole-source", "sole-source", sole_source),
    ("/events", "events", journal),
):
    _add_page(_path, _template, _make)


def _add_register(kind: Kind) -> None:
    """The page that lists things of a kind, and that of each."""
    _add_page(f"/{kind.path}", "list", lambda asking, address, words: listed(asking, kind, address, words))

    async def show(request: Request, context: Current, identifier: Identifier) -> Response:
        reader = PageReader.of(request)
        address = Address.of(f"/{kind.path}/{identifier}", raw_parameters(request))

        def made() -> Response:
            return reader.answer("thing", shown(asking_of(context), kind, identifier, address, reader.language))

        return await context.rooms.for_views().run(made)

    router.add_api_route(f"/{kind.path}/{{identifier}}", show, name=f"page_{kind.stream}", dependencies=[READ_PAGE])


for _kind in KINDS.values():
    _add_register(_kind)


@router.get("/events/{position}", name="page_event", dependencies=[READ_PAGE])
async def show_event(request: Request, context: Current, position: Position) -> Response:
    """One event."""
    reader = PageReader.of(request)
    address = Address.of(f"/events/{position}", raw_parameters(request))

    def made() -> Response:
        return reader.answer("event", event(asking_of(context), address, position, may_prove=reader.may_prove))

    return await context.rooms.reading.run(made)


@router.get("/dependence/evidence", name="page_evidence", dependencies=[READ_PAGE])
async def show_evidence(request: Request, context: Current) -> Response:
    """The orders behind a share."""
    reader = PageReader.of(request)
    address = Address.of("/dependence/evidence", raw_parameters(request))

    def made() -> Response:
        model = evidence(context.questions, address, reader.language, may_prove=reader.may_prove)
        return reader.answer("evidence", {**model, "is_drawer": reader.wants_part})

    return await context.rooms.for_views().run(made)


@router.get("/charts/{name}", name="page_chart", dependencies=[READ_PAGE])
async def show_chart(request: Request, context: Current, name: Word) -> Response:
    """A chart of the page of dependence as a file: shares, concentration or plane, .svg or .png."""
    reader = PageReader.of(request)
    which, _, form = name.rpartition(".")
    if which not in TEMPLATES or form not in ("svg", "png"):
        known = ", ".join(f"{one}.svg" for one in TEMPLATES)
        raise HttpProblem("not-found", f"there is no chart {name!r:.60}, only {known}, and .png")
    address = Address.of("/dependence", raw_parameters(request))

    def made() -> Response:
        model = dependence(asking_of(context), address, reader.language)
        if which == "plane" and (model["plane"] is None or model["plane"]["chart"] is None):
            raise NothingThere("there is no order to draw a plane of")
        svg = chart(which, model, reader.theme or "light", reader.language)
        headers = {"Content-Security-Policy": CHART_POLICY, "Vary": VARY}
        content, media_type = (svg.encode(), "image/svg+xml") if form == "svg" else (png(svg), "image/png")
        return Response(content, headers=headers, media_type=media_type)

    return await context.rooms.for_views().run(made)


async def _audit(request: Request, context: Context, raw: dict[str, list[str]]) -> Response:
    reader = PageReader.of(request)
    head = await context.rooms.reading.run(context.daybook.log.storage.head)

    def made() -> Response:
        return reader.answer("audit", audit(context.daybook.log, head, Address.of("/audit", raw), reader.language))

    return await context.rooms.reading.run(made)


@router.get("/audit", name="page_audit", dependencies=[PROVE_PAGE])
async def show_audit(request: Request, context: Current) -> Response:
    """The last checkpoint, and how everything is proved."""
    return await _audit(request, context, raw_parameters(request))


@router.post("/audit", name="page_compared", dependencies=[PROVE_PAGE])
async def compare(request: Request, context: Current) -> Response:
    """The same, with a checkpoint that somebody kept."""
    return await _audit(request, context, await form_of(request))


@router.get("/connect", name="page_connect", dependencies=[READ_PAGE])
async def show_connect(request: Request) -> Response:
    """How the figures are taken elsewhere."""
    reader = PageReader.of(request)
    views = [path for path, view in VIEWS.items() if not view.is_of_one]
    base = str(request.base_url).rstrip("/")
    return reader.answer("connect", {"address": Address.of("/connect", {}), "base": base, "views": views})


@router.get("/operate", name="page_operate", dependencies=[READ_PAGE])
async def show_operate(request: Request, context: Current) -> Response:
    """How the service fares."""
    state = json.loads(bytes((await context.readiness.answer()).body))
    model = {"address": Address.of("/operate", {}), "state": {"reason": "", **state}}
    return PageReader.of(request).answer("operate", model)
