"""Who may come in: bearer tokens, and for an open demonstration the loopback host alone."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

from service.web.problems import HttpProblem

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


@dataclass(frozen=True)
class Actor:
    """Who is asking: an opaque id that recorded events carry."""

    id: str


@dataclass(frozen=True)
class Access:
    """The rule of the door.

    `tokens`: SHA-256 digests of the tokens that are let in, each with its actor's id. `open`: nobody needs a token,
    and only requests addressed to this machine itself are answered, so that no page of another site can reach it.
    """

    tokens: tuple[tuple[bytes, str], ...] = ()
    open: bool = False

    @classmethod
    def of(cls, tokens: Sequence[tuple[str, str]], *, open_: bool = False) -> "Access":
        """From (token, actor id) pairs."""
        return cls(tuple((digest(token), actor) for token, actor in tokens), open_)

    def admit(self, request: Request) -> Actor:
        """Who is asking; HttpProblem where nobody may."""
        if self.open:
            _refuse_other_hosts(request)
            return Actor("demo")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = digest(token.strip())
        admitted = None
        # Every token is compared, each in constant time, so that the time taken tells nothing.
        for known, actor in self.tokens:
            if hmac.compare_digest(known, given):
                admitted = actor
        if scheme.lower() != "bearer" or admitted is None:
            challenge = 'Bearer realm="daybook"'
            detail = "no token was sent" if not token else "the token is not known here"
            raise HttpProblem("unauthenticated", detail, headers={"WWW-Authenticate": challenge})
        return Actor(admitted)


def digest(token: str) -> bytes:
    """The form in which tokens are kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _refuse_other_hosts(request: Request) -> None:
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    if host not in LOOPBACK:
        raise HttpProblem("forbidden", "this demonstration answers on the loopback address only")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HttpProblem("forbidden", "this demonstration answers its own pages only")
