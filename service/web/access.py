"""Who may come in, and as what: bearer tokens of ours or an identity provider's; to a demonstration, this machine."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from service.tokens import Role, Token, TokenRefused, Tokens, digest, id_of
from service.web.identities import LONGEST_TOKEN, IdentityProvider
from service.web.permissions import ROLES, Capability, required
from service.web.problems import HttpProblem

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="daybook"'}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking."""

    #: Opaque; events that are recorded carry it.
    id: str
    role: Role

    def refuse_without(self, capability: Capability) -> None:
        """HttpProblem where the role may not do this."""
        if capability not in ROLES[self.role]:
            able = ", ".join(role for role, capabilities in ROLES.items() if capability in capabilities)
            raise HttpProblem("forbidden", f"a token of role {self.role} may not {capability}; these may: {able}")


#: Who asks for what is open to anybody.
ANYBODY = Actor("anybody", "viewer")


@dataclass(frozen=True)
class Access:
    """The rule of the door.

    `settled`: SHA-256 digests of the tokens from the settings, each with its actor. `tokens`: those kept in the
    ledger's database. `provider`: whose JWTs are let in. `open`: nobody needs a token, and only requests addressed to
    this machine itself are answered, so that no page of another site can reach it. `open_paths`: what begins with one
    of these may be read by anybody.
    """

    settled: tuple[tuple[bytes, Actor], ...] = ()
    tokens: Tokens | None = None
    provider: IdentityProvider | None = None
    open: bool = False
    open_paths: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, tokens: Sequence[tuple[str, str]], role: Role = "admin") -> "Access":
        """From (token, actor id) pairs."""
        return cls(tuple((digest(token), Actor(actor, role)) for token, actor in tokens))

    async def admit(self, request: Request) -> Actor:
        """Who is asking, once it is sure that they may; HttpProblem where they may not."""
        path = request.url.path
        capability = required(request.method, path)
        if self.open:
            _refuse_other_hosts(request)
            return Actor("demo", "admin")
        if capability is None or (request.method in ("GET", "HEAD") and path.startswith(self.open_paths)):
            return ANYBODY
        actor = await self.identify(request)
        actor.refuse_without(capability)
        return actor

    async def identify(self, request: Request) -> Actor:
        """Whose token a request carries; HttpProblem where it carries none that is let in."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise HttpProblem("unauthenticated", "no token was sent", headers=CHALLENGE)
        if len(token) > LONGEST_TOKEN:
            raise HttpProblem("unauthenticated", "the token is too long to be one", headers=CHALLENGE)
        try:
            return self._settled(token) or self._remembered(token) or await self._look_up(token)
        except TokenRefused as refused:
            raise HttpProblem("unauthenticated", str(refused), headers=CHALLENGE) from None

    def _settled(self, token: str) -> Actor | None:
        given = digest(token)
        admitted = None
        # Every token is compared, each in constant time, so that the time taken tells nothing.
        for known, actor in self.settled:
            if hmac.compare_digest(known, given):
                admitted = actor
        return admitted

    def _remembered(self, token: str) -> Actor | None:
        found = self.tokens.remembered(token) if self.tokens is not None else None
        return None if found is None else _actor_of(found)

    async def _look_up(self, token: str) -> Actor:
        if self.tokens is not None and id_of(token) is not None:
            return _actor_of(await run_in_threadpool(self.tokens.admit, token))
        if self.provider is not None and token.count(".") == 2:
            subject, role = await self.provider.admit_soon(token)
            return Actor(subject, role)
        raise TokenRefused("the token is not known here")


def _actor_of(token: Token) -> Actor:
    return Actor(token.actor, token.role)


def _refuse_other_hosts(request: Request) -> None:
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    if host not in LOOPBACK:
        raise HttpProblem("forbidden", "this demonstration answers on the loopback address only")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HttpProblem("forbidden", "this demonstration answers its own pages only")
