"""Who may do what: the capabilities of each role, and the permission that each route takes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Security
from fastapi.openapi.models import HTTPBase, HTTPBearer
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security.base import SecurityBase
from starlette._utils import get_route_path  # what the framework matches on
from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import Scope

from service.storing.tokens import Role


class Capability(StrEnum):
    """Something that a role may do."""

    READ = "read"
    RECORD = "record"
    #: The transparency log, proofs, digests of projections.
    PROVE = "prove"
    #: The ledger as a whole, and bundles for auditors.
    EXPORT = "export"
    #: Webhooks and what else an operator decides.
    MANAGE = "manage"


ROLES: dict[Role, frozenset[Capability]] = {
    "viewer": frozenset({Capability.READ}),
    "recorder": frozenset({Capability.READ, Capability.RECORD}),
    # An auditor records nothing: what is proved must not be the prover's own.
    "auditor": frozenset({Capability.READ, Capability.PROVE, Capability.EXPORT}),
    "admin": frozenset(Capability),
}


class Permission(SecurityBase):
    """What a route takes of the one who asks. The door checks it before a request is read; the route only confirms it.

    `capability`: None where no token is needed. `is_probe`: requests are not counted, since machines send them and
    must be answered however many others ask. `is_page`: people look at what is answered, and at what is wrong, too.
    """

    scheme_name = "bearer"
    model = HTTPBearer(
        description="A token of this service (daybook token create), or a JWT of the operator's identity provider."
    )

    def __init__(self, capability: Capability | None, *, is_probe: bool = False, is_page: bool = False) -> None:
        self.capability = capability
        self.is_probe = is_probe
        self.is_page = is_page

    @property
    def roles(self) -> list[Role]:
        """The roles that have it."""
        return [role for role, capabilities in ROLES.items() if self.capability in capabilities]

    async def __call__(self, request: Request) -> None:
        """Refuse to answer by a route that is not the one for which the request was let in."""
        if request.state.permission is not self:
            raise RuntimeError(f"{request.scope['path']!r} was let in for another route")


#: A router, or each of its routes, names exactly one of these among its dependencies.
OPEN = Security(Permission(None))
OPEN_TO_PROBES = Security(Permission(None, is_probe=True))
OPEN_PAGE = Security(Permission(None, is_page=True))
PROVE_PAGE = Security(Permission(Capability.PROVE, is_page=True))
READ_PAGE = Security(Permission(Capability.READ, is_page=True))
READ = Security(Permission(Capability.READ))
READ_BY_PROBES = Security(Permission(Capability.READ, is_probe=True))
RECORD = Security(Permission(Capability.RECORD))
PROVE = Security(Permission(Capability.PROVE))
MANAGE = Security(Permission(Capability.MANAGE))


class Undeclared(Exception):
    """A route that does not say by exactly one permission who may use it."""


#: By which schemes a token is sent, as the description of the interface names them.
SCHEMES = {
    Permission.scheme_name: Permission.model,
    "basic": HTTPBase(
        scheme="basic",
        description="The same token as the password, for programs that know no other way; any user name is taken.",
    ),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One route of an application with what it takes."""

    methods: frozenset[str]
    form: re.Pattern[str]
    permission: Permission


class Declarations:
    """Every route of an application, in the order in which the framework tries them."""

    def __init__(self, routes: Iterable[Any]) -> None:
        """Raises Undeclared where one of them does not say who may use it."""
        self.routes = [_declared(route) for route in iter_route_contexts(list(routes))]

    def find(self, scope: Scope) -> Permission | None:
        """The permission that a request takes; None: no route answers it."""
        return self.at(scope["method"], get_route_path(scope))

    def at(self, method: str, path: str) -> Permission | None:
        """The permission for a method (HEAD as GET) at a path; None: no route answers it."""
        asked = "GET" if method == "HEAD" else method
        for route in self.routes:
            if asked in route.methods and route.form.match(path):
                return route.permission
        return None


def permission_of(route: RouteContext) -> Permission:
    """What a route takes; raises Undeclared where it, or its router, does not name exactly one permission."""
    if not isinstance(route.original_route, APIRoute):
        raise Undeclared(f"{route.original_route!r} is no route of which it can be said who may use it")
    named = [one.call for one in route.dependant.dependencies if isinstance(one.call, Permission)]
    if len(named) != 1:
        raise Undeclared(f"{sorted(route.methods or ())} {route.path} names {len(named)} permissions, not one")
    return named[0]


def _declared(route: RouteContext) -> Declared:
    permission = permission_of(route)
    assert route.path is not None
    return Declared(frozenset(route.methods or ()) - {"HEAD"}, compile_path(route.path)[0], permission)
