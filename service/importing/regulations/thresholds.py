"""Technical thresholds as regulations write them, read into predicates over product attributes."""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from domain.rules import DEEPEST_PREDICATE, Comparison, Every, Misplaced, Not, Some, parse_predicate
from domain.rules import Predicate as ReadPredicate

#: A predicate as events hold it.
Predicate = dict[str, Any]

#: What a text calls an attribute, and what the ledger calls it; the figures are in the ledger's units.
ATTRIBUTES = {
    "aggregate bidirectional transfer rate": "interconnect_gbs",
    "interconnect bandwidth": "interconnect_gbs",
    "bit length x TOPS": "tpp",
    "total processing performance": "tpp",
    "TPP": "tpp",
    "performance density": "performance_density",
    "PD": "performance_density",
    "memory bandwidth": "memory_bandwidth_gbs",
    "total DRAM bandwidth": "memory_bandwidth_gbs",
}
#: What a text says of a product in words.
DESCRIPTIONS = {
    "not designed/marketed for datacentres": ("datacentre", False),
    "not designed or marketed for datacentres": ("datacentre", False),
    "non-datacentre": ("datacentre", False),
    "designed/marketed for datacentres": ("datacentre", True),
    "designed or marketed for datacentres": ("datacentre", True),
}
#: Units in which the ledger's attributes are recorded. Any other makes a text unreadable: it would need converting.
UNITS = ("GB/s",)
OPERATORS = {">=": ">=", "<=": "<=", ">": ">", "<": "<", "≥": ">=", "≤": "<="}
TURNED = {">=": "<=", "<=": ">=", ">": "<", "<": ">"}


def _words(texts: Iterator[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))


TOKEN = re.compile(
    rf"\s*(?:(?P<number>\d[\d,]*(?:\.\d+)?)(?:\s*(?:{_words(iter(UNITS))})(?![\w/]))?"
    r"|(?P<op>>=|<=|≥|≤|>|<)|(?P<open>\()|(?P<close>\))|(?P<and>AND\b|&)|(?P<or>OR\b)"
    rf"|(?P<description>(?:{_words(iter(DESCRIPTIONS))})\b)|(?P<attribute>(?:{_words(iter(ATTRIBUTES))})\b))",
    re.IGNORECASE,
)
#: Words in brackets that compare nothing: they explain, and say no more.
REMARK = re.compile(r"\([^()<>=≥≤]*\)")
NAMED = re.compile(rf"\b(?:{_words(iter(ATTRIBUTES))}|{_words(iter(set(ATTRIBUTES.values())))})\b")


class Unreadable(ValueError):
    """A text that is no threshold over known attributes."""


def attributes_in(text: str) -> set[str]:
    """The attributes that a text names, in a regulation's words or the ledger's."""
    return {ATTRIBUTES.get(name, name) for name in NAMED.findall(text)}


def read_threshold(text: str) -> Predicate:
    """The predicate that a text such as `TPP>=4800 OR (TPP>=1600 AND PD>=5.92)` states; Unreadable otherwise."""
    text = REMARK.sub(" ", text)
    if text.count("(") > DEEPEST_PREDICATE:
        raise Unreadable(f"more than {DEEPEST_PREDICATE} brackets")
    reader = _Reader(list(_tokens(text)))
    read = reader.either()
    if reader.tokens:
        raise Unreadable(f"{reader.tokens[0][1]!r} does not continue a threshold")
    try:
        parse_predicate(read)
    except Misplaced as error:
        raise Unreadable(str(error)) from None
    return read


def attributes_of(predicate: Predicate) -> set[str]:
    """The attributes that a predicate compares."""
    return set(_compared(parse_predicate(predicate)))


def _compared(predicate: ReadPredicate) -> Iterator[str]:
    match predicate:
        case Comparison(attribute=attribute):
            yield attribute
        case Not(part=part):
            yield from _compared(part)
        case Every(parts=parts) | Some(parts=parts):
            for part in parts:
                yield from _compared(part)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    text = text.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise Unreadable(f"{text[place : place + 40]!r} is not a threshold")
        kind = str(match.lastgroup)
        yield kind, match[kind]
        place = match.end()


class _Reader:
    """Reads tokens from the left: OR binds least, then AND, which two descriptions side by side mean too."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = deque(tokens)

    def either(self) -> Predicate:
        parts = [self.all()]
        while self._take("or"):
            parts.append(self.all())
        return _joined("any", parts)

    def all(self) -> Predicate:
        parts = [self.atom()]
        while self._take("and") or self._next() == "description":
            parts.append(self.atom())
        return _joined("all", parts)

    def atom(self) -> Predicate:
        if self._take("open"):
            inner = self.either()
            self._want("close")
            return inner
        if description := self._take("description"):
            attribute, truth = DESCRIPTIONS[description.lower()]
            return {"attribute": attribute, "op": "==", "value": truth}
        low = None
        if number := self._take("number"):
            low = TURNED[OPERATORS[self._want("op")]], number
        attribute = _attribute(self._want("attribute"))
        bounds = [low] if low else []
        if low is None or self._next() == "op":
            bounds.append((OPERATORS[self._want("op")], self._want("number")))
        return _joined(
            "all",
            [{"attribute": attribute, "op": op, "value": figure.replace(",", "")} for op, figure in bounds],
        )

    def _next(self) -> str:
        return self.tokens[0][0] if self.tokens else ""

    def _take(self, kind: str) -> str:
        return self.tokens.popleft()[1] if self._next() == kind else ""

    def _want(self, kind: str) -> str:
        if self._next() != kind:
            raise Unreadable(f"{self.tokens[0][1] if self.tokens else 'the end'!r} stands where {kind} is expected")
        return self.tokens.popleft()[1]


def _attribute(name: str) -> str:
    return next(attribute for known, attribute in ATTRIBUTES.items() if known.lower() == name.lower())


def _joined(form: str, parts: list[Predicate]) -> Predicate:
    flat = [inner for part in parts for inner in part.get(form, [part])]
    return flat[0] if len(flat) == 1 else {form: flat}
