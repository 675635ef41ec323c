"""Sessions of browsers: a token in a cookie that no script reads and that no page of another site sends along."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

#: The one is taken over TLS alone and by this host alone; the other is for this machine, where there is no TLS.
SECURE_NAME, LOCAL_NAME = "__Host-daybook", "daybook-local"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: What browsers keep of a cookie is some 4 KiB with its name.
LONGEST_KEPT = 3_900
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def session_token(request: Request) -> str | None:
    """The token in a request's cookie; None: there is none, or the request is not one of our own pages."""
    token = request.cookies.get(SECURE_NAME) or (request.cookies.get(LOCAL_NAME) if _is_local(request) else None)
    if token is None or (request.method not in SAFE and not is_of_own_page(request)):
        return None
    return token


def takes_sessions(request: Request) -> bool:
    """Whether the request came with a session."""
    return "authorization" not in request.headers and session_token(request) is not None


def is_of_own_page(request: Request) -> bool:
    """Whether a browser says that a request was sent by a page of this service."""
    said = "sec-fetch-site" in request.headers or "origin" in request.headers
    return said and not is_of_other_page(request)


def is_of_other_page(request: Request) -> bool:
    """Whether a browser says that a request was sent by a page of another site, or does not say by which."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != request.headers.get("host")
    except ValueError:
        return True


def keep_session(request: Request, response: Response, token: str) -> None:
    """Set the cookie, for as long as the browser runs."""
    local = _is_local(request)
    response.set_cookie(
        LOCAL_NAME if local else SECURE_NAME, token, path="/", httponly=True, samesite="strict", secure=not local
    )


def clear_session(response: Response) -> None:
    """Have the browser forget the cookie, whichever it has."""
    response.delete_cookie(SECURE_NAME, path="/", secure=True, httponly=True, samesite="strict")
    response.delete_cookie(LOCAL_NAME, path="/", httponly=True, samesite="strict")


def _is_local(request: Request) -> bool:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname in LOOPBACK
    except ValueError:
        return False
