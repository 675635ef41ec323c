"""How a browser signs in and out, and the files that pages load."""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.pages import assets
from service.pages.models import fault_of_token
from service.web.entry.permissions import OPEN_PAGE
from service.web.entry.sessions import LONGEST_KEPT, clear_session, is_of_other_page, keep_session
from service.web.page_reader import FOR_EVER, PageReader, form_of
from service.web.problems import HttpProblem

router = APIRouter(include_in_schema=False)


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
    given = await form_of(request)
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
