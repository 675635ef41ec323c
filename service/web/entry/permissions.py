"""Who may do what: the capabilities of each role, and the capability that each route takes. The one table of both."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi.routing import APIRoute
from starlette._utils import get_route_path  # what the framework matches on
from starlette.routing import compile_path
from starlette.types import Scope

from domain.resources import KINDS
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


@dataclass(frozen=True, slots=True)
class Rule:
    """What routes take that have one of these methods and a path of this form."""

    methods: frozenset[str]
    path: re.Pattern[str]
    #: None: anybody may ask, without a token.
    capability: Capability | None
    #: Whether requests are not counted: machines ask, and must be answered whoever else asks.
    is_probe: bool = False


API = "/api/v1"
#: A part of a path that a request fills in.
PART = "[^/]+"
KIND = f"({'|'.join(kind.plural for kind in KINDS)})"
SUBJECT = f"({'|'.join(sorted({subject for kind in KINDS for subject in kind.subjects}))})"
REGISTERS = "(orders|organizations|partnerships|products|regulations)"


def _rule(methods: str, path: str, capability: Capability | None, *, is_probe: bool = False) -> Rule:
    return Rule(frozenset(methods.split()), re.compile(path), capability, is_probe)


#: Every route stands here: what has no rule is not served. The first that fits decides.
RULES = (
    _rule("GET", "/(livez|readyz|version)", None, is_probe=True),
    _rule("GET", f"/problems/{PART}|/openapi\\.json|/docs(/{PART})?", None),
    _rule("GET", "/metrics", Capability.READ, is_probe=True),
    _rule("GET", f"({API})?/log/.+", Capability.PROVE),
    _rule("GET", f"{API}/events/{PART}/proof|{API}/projection/digest", Capability.PROVE),
    _rule("GET POST", f"{API}/webhooks", Capability.MANAGE),
    _rule("GET DELETE", f"{API}/webhooks/{PART}", Capability.MANAGE),
    _rule("POST", f"{API}/webhooks/{PART}/(pause|resume|replay|rotate-secret|test)", Capability.MANAGE),
    _rule("GET POST", f"{API}/imports", Capability.RECORD),
    _rule("GET DELETE", f"{API}/imports/{PART}", Capability.RECORD),
    _rule("GET", f"{API}/imports/{PART}/rejects", Capability.RECORD),
    _rule("GET", f"{API}/mappings(/{PART})?", Capability.READ),
    _rule("PUT DELETE", f"{API}/mappings/{PART}", Capability.RECORD),
    _rule("GET", f"{API}/events(/{PART})?", Capability.READ),
    _rule("POST", f"{API}/events", Capability.RECORD),
    _rule("GET", f"{API}/{KIND}(/{PART}(/history)?)?", Capability.READ),
    _rule("POST", f"{API}/{KIND}(/{PART}/{SUBJECT})?", Capability.RECORD),
    _rule("GET", f"{API}/views/{REGISTERS}(/{PART})?", Capability.READ),
    _rule("GET", f"{API}/views/vendor-dependence(/(evidence|series|diff))?", Capability.READ),
    _rule("GET", f"{API}/views/regulatory-exposure", Capability.READ),
    # What would be is only asked.
    _rule("POST", f"{API}/scenarios/(vendor-dependence|regulatory-exposure)", Capability.READ),
)


class Undeclared(Exception):
    """A route of which no rule says who may use it."""


def rule_for(method: str, path: str) -> Rule | None:
    """The rule that decides on a route by its method and path or template; None: it has none."""
    asked = "GET" if method == "HEAD" else method
    for rule in RULES:
        if asked in rule.methods and rule.path.fullmatch(path):
            return rule
    return None


def required(method: str, path: str) -> Capability | None:
    """What a route takes; None: nothing, not even a token. Raises Undeclared."""
    rule = rule_for(method, path)
    if rule is None:
        raise Undeclared(f"no rule says who may {method} {path}")
    return rule.capability


@dataclass(frozen=True, slots=True)
class Declared:
    """One route of an application with the rule of who may use it."""

    template: str
    methods: frozenset[str]
    form: re.Pattern[str]
    #: By method.
    rules: dict[str, Rule]


class Declarations:
    """Every route of an application, in the order in which the framework tries them."""

    def __init__(self, routes: Iterable[Any]) -> None:
        """Raises Undeclared where one of them has no rule."""
        self.routes = [_declared(template, methods) for template, methods in _walk(routes, "")]

    def find(self, scope: Scope) -> tuple[str, Rule] | None:
        """The template and the rule of the route that answers a request; None: none does."""
        path = get_route_path(scope)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        for route in self.routes:
            if method in route.methods and route.form.match(path):
                return route.template, route.rules[method]
        return None


def _declared(template: str, methods: frozenset[str]) -> Declared:
    rules = {}
    for method in methods:
        rule = rule_for(method, template)
        if rule is None:
            raise Undeclared(f"no rule says who may {method} {template}")
        rules[method] = rule
    return Declared(template, methods, compile_path(template)[0], rules)


def _walk(routes: Iterable[Any], prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, frozenset(route.methods or ()) - {"HEAD"}
        elif hasattr(route, "original_router"):
            yield from _walk(route.original_router.routes, prefix + route.include_context.prefix)
        else:
            raise Undeclared(f"{route!r} is no route of which it can be said who may use it")
