"""Which organisations may be two records of one: pairs by likeness of names, identifiers and country, with a score.

Not all pairs are looked at, which would take the square of their number: only those that share an identifier or a word
that few have, and neighbours where names are sorted, forwards and backwards.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from rapidfuzz.distance import Indel

from domain.duplicates import told_apart_id
from domain.legal_forms import without_legal_forms
from domain.names import BRACKETED, words_of

#: The score from which a pair is listed.
LEAST = 0.85
#: What an identifier that both have comes to; the likeness of their names adds the rest, up to 1.
SAME_IDENTIFIER = 0.9
#: What is taken off the likeness of the names: for countries that differ, identifiers of one scheme that differ, and
#: numbers in the names that differ (School No 12, School No 13).
OTHER_COUNTRY, OTHER_IDENTIFIER, OTHER_NUMBERS = 0.1, 0.1, 0.3
#: A country that nobody knows.
UNKNOWN = "ZZ"
#: The scheme of identifiers that are further names.
ALIAS = "alias"
#: A word of more names than this is no reason to look at two of them.
MOST_OF_A_WORD = 50
#: Of names that share something, each is compared with so many that follow it in their order.
NEIGHBOURS = 10
#: Names of one organisation that are looked at.
MOST_NAMES = 8
#: Scripts beyond this letter are written without spaces: each two letters are a word.
UNSPACED_FROM = "\u2e80"

Row = Mapping[str, Any]
#: Of two texts: 1 less the letters to take out and put in, by the letters of both.
_similar = Indel.normalized_similarity


@dataclass(frozen=True, slots=True)
class Form:
    """A name without legal forms, in the ways in which it is compared."""

    #: As it is written.
    name: str
    words: str
    #: Its words sorted, so that their order says nothing.
    ordered: str
    #: Without spaces.
    joined: str
    #: Its words with digits, sorted.
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, name: str, words: str) -> "Form":
        """From a name, and its words."""
        ordered = sorted(words.split())
        numbers = tuple(word for word in ordered if any(letter.isdigit() for letter in word))
        return cls(name, words, " ".join(ordered), words.replace(" ", ""), numbers)


@dataclass(frozen=True, slots=True)
class Likened:
    """An organisation as it is compared: all records that are joined in it, together."""

    organization_id: str
    #: The ids of all records that are joined in it.
    records: tuple[str, ...]
    name: str | None
    forms: tuple[Form, ...]
    country: str | None
    parent_id: str | None
    #: Pairs of scheme and id, as words.
    identifiers: frozenset[tuple[str, str]]
    schemes: frozenset[str]
    #: Everything that owns it.
    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two organisations that may be one, the one with the earlier id first."""

    score: float
    one: Likened
    other: Likened

    def described(self) -> dict[str, Any]:
        """It as it is listed, with why, in sentences."""
        one, other = self.one, self.other
        shared = sorted(one.identifiers & other.identifiers)
        alike, forms = _alike(one, other, 0)
        why = [f"both have {scheme} {code}" for scheme, code in shared]
        if forms is not None:
            names = " and ".join(form.name for form in forms)
            why.append(f"the names {names} are {alike:.0%} alike, legal forms left out")
        if one.country is not None and other.country is not None:
            is_same = one.country == other.country
            why.append(
                f"both are in {one.country}" if is_same else f"one is in {one.country}, the other in {other.country}"
            )
        return {
            "organization_id": one.organization_id,
            "name": one.name,
            "country": one.country,
            "other_id": other.organization_id,
            "other_name": other.name,
            "other_country": other.country,
            "score": self.score,
            "names_alike": round(alike, 4),
            "same_identifiers": [{"scheme": scheme, "id": code} for scheme, code in shared],
            "why": why,
        }


def likely_duplicates(organizations: Iterable[Row], apart: Collection[str] = ()) -> list[Likeness]:
    """Pairs of organisations that may be one, the likeliest first, then by their ids.

    What is joined by same_as is one organisation here. One that owns the other is no duplicate of it unless they share
    an identifier. Takes rows of the register; `apart`: pairs that are not one (domain.duplicates.told_apart_id).
    """
    likened = _likened(list(organizations))
    found = []
    for one, other in _candidates(likened):
        score = round(_score(likened[one], likened[other]), 4)
        if score >= LEAST and not (apart and _are_apart(likened[one], likened[other], apart)):
            found.append((-score, one, other))
    return [Likeness(-score, likened[one], likened[other]) for score, one, other in sorted(found)]


def _are_apart(one: Likened, other: Likened, apart: Collection[str]) -> bool:
    """Whether any record of one is known to be another organisation than any of the other."""
    return any(told_apart_id(first, second) in apart for first, second in product(one.records, other.records))


def _likened(rows: Sequence[Row]) -> list[Likened]:
    """What is compared, by id."""
    by_id = {row["organization_id"]: row for row in rows}
    joined: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        joined[row["same_as"] or row["organization_id"]].append(row)
    made = []
    for identifier, records in sorted(joined.items()):
        itself = by_id.get(identifier, records[0])
        records.sort(key=lambda row: row is not itself)
        names = [name for row in records for name in (row["name"], *(row["names"] or {}).values()) if name]
        identifiers = set()
        for one in (one for row in records for one in row["identifiers"] or ()):
            if one["scheme"] == ALIAS:
                names.append(one["id"])
            elif code := words_of(one["id"]).replace(" ", ""):
                identifiers.add((one["scheme"].casefold(), code))
        made.append(
            Likened(
                identifier,
                tuple(row["organization_id"] for row in records),
                itself["name"],
                _forms(names),
                None if itself["country"] == UNKNOWN else itself["country"],
                itself["parent_id"],
                frozenset(identifiers),
                frozenset(scheme for scheme, _ in identifiers),
                frozenset(_owners(itself, by_id)),
            )
        )
    return made


def _forms(names: Iterable[str]) -> tuple[Form, ...]:
    """Names without legal forms, with and without what stands in brackets."""
    forms: dict[str, Form] = {}
    for name in names:
        for text in dict.fromkeys((name, BRACKETED.sub(" ", name))):
            if len(forms) < MOST_NAMES and (words := without_legal_forms(text)) and words not in forms:
                forms[words] = Form.of(name, words)
    return tuple(forms.values())


def _owners(row: Row, by_id: Mapping[str, Row]) -> Iterator[str]:
    seen: set[str] = set()
    parent = row["parent_id"]
    while parent is not None and parent not in seen:
        seen.add(parent)
        owner = by_id.get(parent)
        stands_for = None if owner is None else owner["same_as"]
        yield from (parent,) if stands_for is None else (parent, stands_for)
        owner = by_id.get(stands_for) if stands_for else owner
        parent = None if owner is None else owner["parent_id"]


def _candidates(likened: Sequence[Likened]) -> set[tuple[int, int]]:
    """The places of the pairs that are looked at: their number grows as that of the organisations."""
    named = sorted((form.words, place) for place, one in enumerate(likened) for form in one.forms)
    backwards = sorted((words[::-1], place) for words, place in named)
    sharing: dict[str, list[int]] = defaultdict(list)
    for words, place in named:
        for word in _words(words):
            sharing[word].append(place)
    groups = [group for group in sharing.values() if len(group) <= MOST_OF_A_WORD]
    by_identifier: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, organization in enumerate(likened):
        for identifier in organization.identifiers:
            by_identifier[identifier].append(place)
    groups += [[place for _, place in named], [place for _, place in backwards], *by_identifier.values()]
    found: set[tuple[int, int]] = set()
    for group in groups:
        for number, one in enumerate(group[:-1], 1):
            for other in group[number : number + NEIGHBOURS]:
                found.add((one, other) if one < other else (other, one))
    return {(one, other) for one, other in found if one != other}


def _words(form: str) -> set[str]:
    words: set[str] = set()
    for word in form.split():
        if word[0] < UNSPACED_FROM:
            words.add(word)
        else:
            words.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
    return words


def _score(one: Likened, other: Likened) -> float:
    """From 0 to 1; less than the least that is listed may be any such figure."""
    shared = one.identifiers & other.identifiers
    if shared:
        return SAME_IDENTIFIER + (1 - SAME_IDENTIFIER) * _alike(one, other, 0)[0]
    if one.organization_id in other.owners or other.organization_id in one.owners:
        return 0
    off = OTHER_IDENTIFIER if one.schemes & other.schemes else 0.0
    if one.country != other.country and None not in (one.country, other.country):
        off += OTHER_COUNTRY
    # Rounded as it will be: what is a hair below the least is still listed.
    least = LEAST + off - 0.0001
    return 0 if least > 1 else _alike(one, other, least)[0] - off


def _alike(one: Likened, other: Likened, least: float) -> tuple[float, tuple[Form, Form] | None]:
    """How alike the names are that are most alike, from 0 to 1, and which; less than `least` is 0."""
    best, forms = 0.0, None
    for first, second in product(one.forms, other.forms):
        if first.words == second.words:
            return 1.0, (first, second)
        bound = max(best, least)
        found = _similar(first.ordered, second.ordered, score_cutoff=bound)
        found = max(found, _similar(first.joined, second.joined, score_cutoff=max(found, bound)))
        if found and first.numbers != second.numbers:
            found -= OTHER_NUMBERS
        if found > best and found >= least:
            best, forms = found, (first, second)
    return best, forms
