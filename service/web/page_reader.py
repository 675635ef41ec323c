"""Who looks at a page, in which language and theme; what pages are answered with; and what is wrong, as a page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.pages.addresses import THEMES, Address
from service.pages.languages import Language, chosen_language, language
from service.pages.models import Visitor, framed
from service.pages.rendering import render
from service.web.entry.access import ANYBODY, DEMONSTRATOR
from service.web.entry.permissions import ROLES, Capability
from service.web.entry.sessions import is_of_other_page, takes_sessions
from service.web.parameters import raw_parameters
from service.web.problems import PROBLEM_TYPES, HttpProblem

HTML = "text/html; charset=utf-8"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none';"
    " require-trusted-types-for 'script'; trusted-types daybook"
)
#: Of a chart, which brings its styles, and runs and loads nothing.
CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
FRAGMENT = "daybook-fragment"
VARY = "Daybook-Fragment, Accept-Language, Cookie"
YEAR_S = 365 * 86_400
FOR_EVER = {"Cache-Control": f"public, max-age={YEAR_S}, immutable"}
#: Of an answer to a form that signs in.
LONGEST_FORM = 16_384


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
            visitor = Visitor(
                actor.id, Capability.PROVE in capabilities, takes_sessions(request), actor is DEMONSTRATOR
            )
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


async def form_of(request: Request) -> dict[str, list[str]]:
    """The fields of a form that a page of this service sent."""
    if is_of_other_page(request):
        raise HttpProblem("forbidden", "the form was sent from a page of another site")
    body = await request.body()
    if len(body) > LONGEST_FORM:
        raise HttpProblem("too-large", f"the form has more than {LONGEST_FORM} bytes")
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=8)
    except ValueError as error:
        raise HttpProblem("malformed", f"the form cannot be read: {error}") from None


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
