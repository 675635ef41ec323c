"""Who may do what: the capabilities of each role, and the capability that each route takes. The one table of both."""

import re
from dataclasses import dataclass
from enum import StrEnum

from service.tokens import Role


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
    """What requests take that have one of these methods and a path of this form."""

    methods: frozenset[str]
    path: re.Pattern[str]
    #: None: anybody may ask, without a token.
    capability: Capability | None


READING = frozenset({"GET", "HEAD"})
WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
API = "/api/v1"


def _rule(methods: frozenset[str], path: str, capability: Capability | None) -> Rule:
    return Rule(methods, re.compile(path), capability)


#: The first that fits a request decides.
RULES = (
    _rule(READING, r"/(livez|readyz|version)|/problems(/[^/]*)?|/openapi\.json|/docs(/.*)?", None),
    _rule(READING, r"/metrics", Capability.READ),
    _rule(READING, rf"({API})?/log/.*", Capability.PROVE),
    _rule(READING, rf"{API}/events/[^/]+/proof", Capability.PROVE),
    _rule(READING, rf"{API}/projection/.*", Capability.PROVE),
    _rule(READING, rf"{API}/exports/.*", Capability.EXPORT),
    _rule(READING | WRITING, rf"{API}/webhooks(/.*)?", Capability.MANAGE),
    _rule(frozenset({"POST"}), rf"{API}/scenarios/.*", Capability.READ),
    _rule(READING, rf"{API}/imports(/.*)?", Capability.RECORD),
    _rule(READING, rf"{API}/.*", Capability.READ),
    _rule(WRITING, rf"{API}/.*", Capability.RECORD),
)
#: What a request takes that no rule fits, such as one for a path that is not there.
OTHERWISE = Capability.READ


def rule_for(method: str, path: str) -> Rule | None:
    """The rule that decides on a request; None: no rule fits."""
    for rule in RULES:
        if method in rule.methods and rule.path.fullmatch(path):
            return rule
    return None


def required(method: str, path: str) -> Capability | None:
    """What a request takes; None: nothing, not even a token."""
    rule = rule_for(method, path)
    return OTHERWISE if rule is None else rule.capability
