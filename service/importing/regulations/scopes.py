"""Scope texts of regulation changes taken apart: who, what, where to, above which threshold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from service.importing.places import codes_in, countries_in, leading_countries
from service.importing.regulations.thresholds import Predicate, Unreadable, read_threshold

#: A number of the US control list, such as 3A090.a.
CONTROL = r"\d[A-E]\d{3}(?:\.[a-z](?:\.\d+)?)?"
#: What a clause may name outright; each word stands for the first of its line.
KEYS = {
    "party": "party",
    "parties": "party",
    "exporter": "vendor",
    "vendor": "vendor",
    "buyer": "buyers",
    "buyers": "buyers",
    "items": "items",
    "item": "items",
    "destination": "destinations",
    "destinations": "destinations",
    # How licences are decided bars nothing by itself.
    "policy": "policy",
}
#: What may end a clause, and what keeps it from ending.
PARTING = re.compile(r"[();]")
# Clauses are read with single spaces, so that no pattern has two ways to share out a run of them.
KEYED = re.compile(rf"({'|'.join(KEYS)}) ?= ?(.+)", re.IGNORECASE)
LABELLED = re.compile(rf"({CONTROL}) ?[:=] ?(.+)")
ITEMS_WITH = re.compile(r"(?:items?|any IC|ICs) with ([^:]+)(:.*)?", re.IGNORECASE)
EXCLUDED = re.compile(rf"(?:Note \d+: ?)?(.+?) ?=> ?not {CONTROL}", re.IGNORECASE)
DESTINED = re.compile(r"destinations? (.+)", re.IGNORECASE)
ADDED = re.compile(r"adds (.+)", re.IGNORECASE)
WORLDWIDE = re.compile(rf"worldwide licence requirement for ({CONTROL})\b(.*)", re.IGNORECASE)
TO = re.compile(r"\bto (?=[A-Z])")
#: Words that leave nothing else to say of a clause that begins with countries.
MORE_THAN_COUNTRIES = re.compile(r"[:<>=]|\bHQ\b|\bD:|\bcompanies\b")


@dataclass(slots=True)
class Scope:
    """What a title and a scope text say, as far as it is understood."""

    #: What is named outright, by the words of KEYS.
    named: dict[str, str] = field(default_factory=dict)
    #: The clauses that do so, as written.
    clauses: dict[str, str] = field(default_factory=dict)
    #: Thresholds by their control number.
    labelled: dict[str, Predicate] = field(default_factory=dict)
    #: A threshold without one.
    threshold: Predicate | None = None
    #: What is said not to be meant after all.
    excluded: list[Predicate] = field(default_factory=list)
    #: Country codes.
    destinations: list[str] = field(default_factory=list)
    #: Countries that are destinations from now on, besides those that are.
    added: list[str] = field(default_factory=list)
    #: The control number whose threshold is meant everywhere; None: there is none.
    worldwide: str | None = None
    #: Clauses, or what they say besides, that none of these holds.
    unread: list[str] = field(default_factory=list)
    #: Clauses that matched nothing at all; they are not in `unread`.
    other: list[str] = field(default_factory=list)


def take_apart(title: str, scope: str) -> Scope:
    """Read a scope text clause by clause, and the title for destinations that the scope does not name."""
    taken = Scope()
    title, scope = " ".join(title.split()), " ".join(scope.split())
    for clause in filter(None, map(str.strip, _clauses(scope))):
        if not any(read(clause, taken) for read in (_keyed, _labelled, _excluded, _threshold, _placed)):
            taken.other.append(clause)
    if not taken.destinations and not taken.added:
        taken.destinations = _destined_to(scope) or _destined_to(title)
    return taken


def _clauses(scope: str) -> Iterator[str]:
    """What stands between semicolons, but for those in brackets: those that a closing bracket follows first."""
    ends = []
    following = ""
    for match in reversed(list(PARTING.finditer(scope))):
        if match[0] != ";":
            following = match[0]
        elif following != ")":
            ends.append(match.start())
    begin = 0
    for end in reversed(ends):
        yield scope[begin:end]
        begin = end + 1
    yield scope[begin:]


def _keyed(clause: str, taken: Scope) -> bool:
    match = KEYED.fullmatch(clause)
    if match is None:
        return False
    key, value = KEYS[match[1].lower()], match[2].strip()
    if key == "destinations":
        taken.destinations += codes_in(value)
        if not codes_in(value):
            taken.unread.append(clause)
    taken.named[key], taken.clauses[key] = value, clause
    return True


def _labelled(clause: str, taken: Scope) -> bool:
    match = LABELLED.fullmatch(clause)
    if match is None:
        return False
    try:
        taken.labelled[match[1]] = read_threshold(match[2])
    except Unreadable:
        taken.unread.append(clause)
    return True


def _excluded(clause: str, taken: Scope) -> bool:
    match = EXCLUDED.fullmatch(clause)
    if match is None:
        return False
    try:
        taken.excluded.append(read_threshold(match[1]))
    except Unreadable:
        taken.unread.append(clause)
    return True


def _threshold(clause: str, taken: Scope) -> bool:
    match = ITEMS_WITH.fullmatch(clause)
    if match is None:
        return False
    try:
        taken.threshold = read_threshold(match[1])
    except Unreadable:
        taken.unread.append(clause)
    return True


def _placed(clause: str, taken: Scope) -> bool:
    if match := WORLDWIDE.fullmatch(clause):
        taken.worldwide = match[1]
        if match[2].strip():
            taken.unread.append(clause)
    elif match := ADDED.fullmatch(clause):
        taken.added += countries_in(match[1])
        if not countries_in(match[1]):
            taken.unread.append(clause)
    elif match := DESTINED.fullmatch(clause):
        taken.destinations += codes_in(match[1])
        if not codes_in(match[1]):
            taken.unread.append(clause)
    elif leading_countries(clause):
        taken.destinations += leading_countries(clause)
        if MORE_THAN_COUNTRIES.search(clause):
            taken.unread.append(clause)
    else:
        return False
    return True


def _destined_to(text: str) -> list[str]:
    """Countries after "to": A100 and H100 to China/Hong Kong."""
    found = (leading_countries(text, match.end()) for match in TO.finditer(text))
    return next((countries for countries in found if countries), [])
