"""The pages over HTTP: what people see, whole or the part of it that a script swaps, and how they sign in and out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.pages import assets
from service.pages.addresses import THEMES, Address
from service.pages.bars import PageSources
from service.pages.dependence import dependence
from service.pages.difference import difference
from service.pages.evidence import evidence
from service.pages.exposure import exposure
from service.pages.journal import event, journal
from service.pages.languages import Language, chosen_language, language
from service.pages.models import Visitor, fault_of_token, framed
from service.pages.registers import KINDS, Kind, listed, shown
from service.pages.rendering import render
from service.pages.sole import sole_source
from service.web.context import Context, Current
from service.web.entry.access import ANYBODY
from service.web.entry.permissions import OPEN_PAGE, READ_PAGE, ROLES, Capability
from service.web.entry.sessions import LONGEST_KEPT, clear_session, is_of_other_page, keep_session, takes_sessions
from service.web.parameters import Identifier, Position, raw_parameters
from service.web.problems import PROBLEM_TYPES, HttpProblem

router = APIRouter(include_in_schema=False)

HTML = "text/html; charset=utf-8"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none';"
    " require-trusted-types-for 'script'; trusted-types daybook"
)
FRAGMENT = "daybook-fragment"
VARY = "Daybook-Fragment, Accept-Language, Cookie"
YEAR_S = 365 * 86_400
FOR_EVER = {"Cache-Control": f"public, max-age={YEAR_S}, immutable"}
#: Of an answer to a form that signs in.
LONGEST_FORM = 16_384

MakeModel = Callable[[PageSources, Address, Language], dict[str, Any]]


@dataclass(frozen=True)
class PageReader:
    """Who looks at a page, and how."""

    request: Request
    language: Language
    theme: str | None
    visitor: Visitor | None

    @classmethod
    def of(cls, request: Request) -> "PageReader":
        """From a request that was let in, or one that was not."""
        query, cookies = request.query_params, request.cookies
        code = chosen_language(
            query.get("lang"), cookies.get("daybook-lang"), request.headers.get("accept-language", "")
        )
        theme = next((one for one in (query.get("theme"), cookies.get("daybook-theme")) if one in THEMES), None)
        actor = getattr(request.state, "actor", None)
        visitor = None
        if actor is not None and actor is not ANYBODY:
            capabilities = ROLES[actor.role]
            visitor = Visitor(actor.id, Capability.PROVE in capabilities, takes_sessions(request))
        return cls(request, language(code), theme, visitor)

    @property
    def may_prove(self) -> bool:
        """Whether proofs are for them."""
        return self.visitor is not None and self.visitor.may_prove

    @property
    def wants_part(self) -> bool:
        """Whether a script asks for a part."""
        return FRAGMENT in self.request.headers

    def answer(self, template: str, model: dict[str, Any], status: int = 200) -> Response:
        """A page or its part. A choice of language or theme is kept."""
        name = f"{template}-main.html.jinja" if self.wants_part else f"{template}.html.jinja"
        text = render(
            name, self.language, framed(self.request.scope["path"], self.visitor, self.theme, self.language, model)
        )
        return self.page(text, status)

    def page(self, text: str, status: int = 200) -> Response:
        """A page of this text."""
        response = Response(text, status, {"Content-Security-Policy": POLICY, "Vary": VARY}, HTML)
        for name, chosen in (("lang", self.language.code), ("theme", self.theme)):
            if self.request.query_params.get(name) == chosen and chosen:
                response.set_cookie(f"daybook-{name}", chosen, max_age=YEAR_S, samesite="lax")
        return response


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


@router.get("/assets/{name}", name="page_asset", dependencies=[OPEN_PAGE])
async def asset(name: str) -> Response:
    """A file that pages load. Its name changes with its content."""
    own = assets.served().get(name)
    if own is None:
        raise HttpProblem("not-found", f"there is no file {name:.80}")
    return Response(assets.content_of(own), headers=FOR_EVER, media_type=assets.MEDIA_TYPES[own.rpartition(".")[2]])


@router.get("/sign-in", name="page_sign_in", dependencies=[OPEN_PAGE])
async def show_sign_in(request: Request) -> Response:
    """Where a token is given."""
    reader = PageReader.of(request)
    return reader.answer("sign-in", {"next": _next(request.query_params.get("next")), "fault": None})


@router.post("/sign-in", name="page_signed_in", dependencies=[OPEN_PAGE])
async def sign_in(request: Request) -> Response:
    """Take a token and keep it in a cookie, where it is let in."""
    reader = PageReader.of(request)
    body = await request.body()
    if len(body) > LONGEST_FORM:
        raise HttpProblem("too-large", f"the form has more than {LONGEST_FORM} bytes")
    if is_of_other_page(request):
        raise HttpProblem("forbidden", "the form was sent from a page of another site")
    given = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
    where = _next(given.get("next", [""])[0])
    token = given.get("token", [""])[0].strip()
    if (fault := fault_of_token(token, LONGEST_KEPT, reader.language)) is not None:
        return reader.answer("sign-in", {"next": where, "fault": fault}, 422)
    try:
        await request.state.admit_token(token)
    except HttpProblem as problem:
        return reader.answer("sign-in", {"next": where, "fault": problem.detail}, 401)
    response = RedirectResponse(where, 303)
    keep_session(request, response, token)
    return response


@router.post("/sign-out", name="page_signed_out", dependencies=[OPEN_PAGE])
async def sign_out(request: Request) -> Response:
    """Forget the cookie."""
    if is_of_other_page(request):
        raise HttpProblem("forbidden", "the form was sent from a page of another site")
    response = RedirectResponse("/sign-in", 303)
    clear_session(response)
    return response


def _next(address: str | None) -> str:
    """A page of this service; the first one, where it is none."""
    parts = urlsplit(address or "/")
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith("/") and not parts.path.startswith("//")
    return address if address and is_own and "\\" not in address else "/"


def page_of(request: Request, problem: HttpProblem) -> Response | None:
    """What is wrong, as a page; None: whoever asks does not look at pages."""
    reads_pages = FRAGMENT in request.headers or "text/html" in request.headers.get("accept", "")
    if not reads_pages:
        return None
    reader = PageReader.of(request)
    path = request.scope["path"]
    query = request.scope.get("query_string", b"").decode("latin-1")
    if problem.name == "unauthenticated" and not reader.wants_part:
        where = Address("/sign-in", {"next": [f"{path}?{query}" if query else path]}).href()
        return RedirectResponse(where, 303)
    kind = PROBLEM_TYPES[problem.name]
    faults = [{"field": str(one["pointer"]).lstrip("/"), "detail": one["detail"]} for one in problem.errors or ()]
    model = {
        "address": Address.of("/dependence" if path == "/" else path, raw_parameters(request)),
        "detail": problem.detail,
        "faults": faults,
        "title": kind.title,
        "wrong": {one["field"] for one in faults},
    }
    response = reader.answer("problem", model, kind.status)
    response.headers.update(problem.headers)
    return response
