"""Who may come in, and as what: tokens of ours or an identity provider's; to a demonstration, this machine."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request

from service.storing.tokens import Role, Token, TokenRefused, Tokens, digest, id_of
from service.web.context import context_of
from service.web.entry.credentials import token_of, unauthenticated
from service.web.entry.identities import IdentityProvider
from service.web.entry.permissions import ROLES, Capability, Permission
from service.web.problems import HttpProblem

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


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
#: Who asks on the machine of a demonstration.
DEMONSTRATOR = Actor("demo", "admin")


@dataclass(frozen=True)
class Access:
    """The rule of the door.

    `settled`: SHA-256 digests of the tokens from the settings, each with its actor. `tokens`: those kept in the
    ledger's database. `provider`: whose JWTs are let in. `open`: no token is needed, and only requests addressed to
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

    async def admit(
        self, request: Request, permission: Permission | None, refuse_spent: Callable[[], None] = lambda: None
    ) -> Actor:
        """Who is asking, once it is sure that they may; HttpProblem where they may not.

        `permission`: what the route takes that answers; None: none does, which is said only to a caller with a token.
        `refuse_spent` is called before anything that costs, and raises HttpProblem where there was too much already.
        """
        if self.open:
            _refuse_other_hosts(request)
            return DEMONSTRATOR
        if permission is not None and (permission.capability is None or self._is_open(request, permission)):
            return ANYBODY
        actor = await self.identify(request, refuse_spent)
        if permission is not None and permission.capability is not None:
            actor.refuse_without(permission.capability)
        return actor

    def _is_open(self, request: Request, permission: Permission) -> bool:
        """Whether anybody may read what is asked, which is a part of the log."""
        path: str = request.scope["path"]
        return permission.capability == Capability.PROVE and path.startswith(self.open_paths)

    async def is_still_admitted(self, request: Request) -> bool:
        """Whether the caller of a long answer is still let in; raises Unreachable where that cannot be looked up."""
        if self.open or request.state.actor is ANYBODY:
            return True
        try:
            await self.identify(request)
        except HttpProblem:
            return False
        return True

    async def identify(self, request: Request, refuse_spent: Callable[[], None] = lambda: None) -> Actor:
        """Whose token a request carries; HttpProblem where it carries none that is let in."""
        return await self.actor_of(request, token_of(request), refuse_spent)

    async def actor_of(self, request: Request, token: str, refuse_spent: Callable[[], None] = lambda: None) -> Actor:
        """Whose token this is; HttpProblem where it is not let in."""
        try:
            return self._settled(token) or self._remembered(token) or await self._look_up(request, token, refuse_spent)
        except TokenRefused as refused:
            raise unauthenticated(request, str(refused)) from None

    def _settled(self, token: str) -> Actor | None:
        given = digest(token)
        admitted = None
        # Every token is compared, each in constant time, so that the time taken gives nothing away.
        for known, actor in self.settled:
            if hmac.compare_digest(known, given):
                admitted = actor
        return admitted

    def _remembered(self, token: str) -> Actor | None:
        found = self.tokens.remembered(token) if self.tokens is not None else None
        return None if found is None else _actor_of(found)

    async def _look_up(self, request: Request, token: str, refuse_spent: Callable[[], None]) -> Actor:
        if self.tokens is not None and id_of(token) is not None:
            if not self.tokens.met(token):
                refuse_spent()
            return _actor_of(await context_of(request).rooms.admitting.run(self.tokens.admit, token))
        if self.provider is not None and token.count(".") == 2:
            if not self.provider.has_key_of(token):
                refuse_spent()
            subject, role = await self.provider.admit_soon(token)
            return Actor(subject, role)
        raise TokenRefused("the token is not known here")


def _actor_of(token: Token) -> Actor:
    return Actor(token.actor, token.role)


def _refuse_other_hosts(request: Request) -> None:
    if _part(f"//{request.headers.get('host', '')}", "hostname") not in LOOPBACK:
        raise HttpProblem("forbidden", "this demonstration answers on the loopback address only")
    origin = request.headers.get("origin")
    if origin is not None and _part(origin, "netloc") != request.headers.get("host"):
        raise HttpProblem("forbidden", "this demonstration answers its own pages only")


def _part(address: str, name: str) -> str | None:
    """A part of an address; None: it is none."""
    try:
        found: str | None = getattr(urlsplit(address), name)
    except ValueError:
        return None
    return found
