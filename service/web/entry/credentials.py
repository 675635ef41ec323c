"""The token that a request carries: a bearer's, the password of Basic authentication, a session; what asks for one."""

import base64

from starlette.requests import Request

from service.web.entry.identities import LONGEST_TOKEN
from service.web.entry.sessions import session_token
from service.web.problems import HttpProblem

BEARER = 'Bearer realm="daybook"'
#: For programs that know no other way in, as spreadsheets do (RFC 7617).
BASIC = 'Basic realm="daybook", charset="UTF-8"'
#: Where somebody arrives who opens the service's address, and how they get in.
FIRST_PATH = "/"
HOW_TO_SIGN_IN = (
    ": send Authorization: Bearer and a token, one that `daybook token create` made, or the admin's"
    " (DAYBOOK_ADMIN_TOKEN, else the file admin-token in DAYBOOK_HOME); the reference at /docs needs none"
)
#: Where a browser says that what it sends comes from: somebody's own hand, or a page of this service.
OWN_SITES = frozenset({"none", "same-origin"})


def token_of(request: Request) -> str:
    """The token that a request carries; HttpProblem where it carries none, or not as it should."""
    if b"access_token" in request.scope.get("query_string", b"") and "access_token" in request.query_params:
        words = "a token in the address is not taken, since addresses are written down: send it in Authorization"
        raise unauthenticated(request, words)
    given = request.headers.getlist("authorization")
    if not given and (kept := session_token(request)) is not None:
        return kept
    if len(given) > 1:
        raise unauthenticated(request, "there is more than one Authorization header")
    scheme, _, sent = "".join(given).partition(" ")
    token = _read(request, scheme.lower(), sent.strip(" "))
    if not token:
        more = HOW_TO_SIGN_IN if request.scope["path"] == FIRST_PATH else ""
        raise unauthenticated(request, f"no token was sent{more}")
    if len(token) > LONGEST_TOKEN:
        raise unauthenticated(request, "the token is too long to be one")
    return token


def unauthenticated(request: Request, words: str) -> HttpProblem:
    """The refusal of a request that carries no token that is let in, with what may be sent instead."""
    return HttpProblem("unauthenticated", words, headers={"WWW-Authenticate": _challenge(request)})


def _challenge(request: Request) -> str:
    """Bearer; and Basic, unless the caller knows Bearer, or is a browser, which would open a window that asks."""
    knows_bearer = request.headers.get("authorization", "").lower().startswith("bearer")
    is_browser = "sec-fetch-mode" in request.headers or "origin" in request.headers
    return BEARER if knows_bearer or is_browser else f"{BEARER}, {BASIC}"


def _read(request: Request, scheme: str, sent: str) -> str:
    """The token of a scheme's credentials; empty: there is none."""
    if scheme == "bearer":
        return sent
    if scheme != "basic" or not sent:
        return ""
    _refuse_pages(request)
    try:
        name, password = base64.b64decode(sent, validate=True).decode().split(":", 1)
    except ValueError:
        raise unauthenticated(request, "what Basic authentication sent cannot be read") from None
    if name and not password.strip():
        raise unauthenticated(request, "Basic authentication sent a user and no password: the token is the password")
    # Whose token it is, the token says: any name is taken, since some programs take none and others want one.
    return password.strip()


def _refuse_pages(request: Request) -> None:
    """Refuse what a page has a browser send: it adds what it once learned, also to what another site makes it send."""
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") not in OWN_SITES:
        raise HttpProblem("forbidden", "Basic authentication is for programs: a page sends Authorization: Bearer")
