"""Kinds: organisations and products that a set of rules cannot tell apart, so that what it says is found out once."""

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from domain.evaluation import (
    CompiledConditions,
    Party,
    Product,
    attributes_of,
    compile_conditions,
    party_of,
    predicate_of,
)
from domain.rules import Comparison, Not, Predicate
from projections import statements
from projections.parameters import Moment

#: Stands among numbers of products for that of a line that names none.
NO_PRODUCT = -1
NOBODY = Party(frozenset(), None, None)


@dataclass(frozen=True, slots=True)
class Kinds:
    """What organisations are to a set of rules: as buyers, and as vendors or makers. Kind 0: nothing is known."""

    #: One of each kind stands for all.
    buyers: tuple[Party, ...]
    vendors: tuple[Party, ...]
    #: By number of an organisation, its kind as a buyer and as a vendor; absent: 0 and 0.
    standing: dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Sort:
    """Products that a set of rules cannot tell apart before it looks at their attributes."""

    #: Whatever is known of all of them; None: none is named.
    example: Product | None
    #: The maker's kind; None: not known.
    maker: int | None
    #: Their numbers.
    products: tuple[int, ...]


NAMELESS = Sort(None, None, (NO_PRODUCT,))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a set of rules and licences speaks of."""

    conditions: tuple[CompiledConditions, ...]
    #: Ids.
    organizations: frozenset[str]
    products: frozenset[str]
    #: Names of attributes.
    attributes: frozenset[str]


def terms_of(rules: Iterable[Mapping[str, Any]]) -> Terms:
    """What rules or licences, as they stand in recorded events, speak of."""
    listed = list(rules)
    organizations = {name for rule in listed for part in ("vendors", "buyers") for name in rule.get(part, ())}
    products = {name for rule in listed for name in rule.get("products", ())}
    attributes: set[str] = set()
    for rule in listed:
        if "when" in rule:
            attributes |= _attributes(predicate_of(rule["when"]))
    conditions = tuple(compile_conditions(rule) for rule in listed)
    return Terms(conditions, frozenset(organizations), frozenset(products), frozenset(attributes))


def _attributes(predicate: Predicate) -> set[str]:
    if isinstance(predicate, Comparison):
        return {predicate.attribute}
    parts = (predicate.part,) if isinstance(predicate, Not) else predicate.parts
    return set().union(*(_attributes(part) for part in parts))


def kinds_of(connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms) -> Kinds:
    """Tell apart everybody of whom something is known at a moment."""
    statement = statements.blocks("restrictions.sql")["organizations"]
    values = moment.bindings() | {"named": sorted(terms.organizations)}
    found = statements.rows(connection, statement, values)
    parents = {row["id"]: row["parent"] for row in found}
    countries = {row["id"]: row["country"] for row in found}
    # Two steps, for what the conditions make of somebody takes long to find out and is the same for most.
    alike: dict[Hashable, Party] = {}
    as_buyer, as_vendor = _Numbering(terms.conditions, _to_buyer), _Numbering(terms.conditions, _to_vendor)
    standing = {}
    for row in found:
        party = party_of(row["id"], parents, countries)
        named = party.lineage & terms.organizations
        party = alike.setdefault((named, party.country, party.ultimate_country), party)
        standing[row["number"]] = as_buyer.of(party), as_vendor.of(party)
    return Kinds(as_buyer.examples, as_vendor.examples, standing)


class _Numbering:
    """Numbers for what conditions make of organisations, from 0 for those of which nothing is known."""

    def __init__(
        self, conditions: tuple[CompiledConditions, ...], made: Callable[[CompiledConditions, Party], Hashable]
    ) -> None:
        self._conditions = conditions
        self._made = made
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[Party, int] = {}
        self._examples: list[Party] = []
        self.of(NOBODY)

    @property
    def examples(self) -> tuple[Party, ...]:
        """One of each."""
        return tuple(self._examples)

    def of(self, party: Party) -> int:
        """The number of a party and of all like it."""
        number = self._known.get(party)
        if number is None:
            looks = tuple(self._made(conditions, party) for conditions in self._conditions)
            number = self._known[party] = self._numbers.setdefault(looks, len(self._numbers))
            if number == len(self._examples):
                self._examples.append(party)
        return number


def _to_buyer(conditions: CompiledConditions, party: Party) -> Hashable:
    return conditions.of_buyer(party)


def _to_vendor(conditions: CompiledConditions, party: Party) -> Hashable:
    return conditions.names(party), conditions.of_country(party)


def sorts_of(
    connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms, kinds: Kinds, standing: dict[str, list[int]]
) -> list[Sort]:
    """Tell apart every product there is; `standing` has the kinds as parameters of a statement."""
    block = statements.blocks("restrictions.sql")
    statement = f"with {block['standing']}{block['sorts']}"
    values = moment.bindings() | standing | {"named": sorted(terms.products)}
    return [
        Sort(
            Product(row["named"] or "", _maker(row["maker"], kinds), row["category"], {}),
            row["maker"],
            tuple(row["products"]),
        )
        for row in statements.rows(connection, statement, values)
    ]


def _maker(kind: int | None, kinds: Kinds) -> Party | None:
    return None if kind is None else kinds.vendors[kind]


def products_of(
    connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms, sorts: Iterable[Sort]
) -> dict[int, Product | None]:
    """The products of some sorts by number, with the attributes that matter; one object for all that are alike."""
    listed = list(sorts)
    statement = statements.blocks("restrictions.sql")["attributes"]
    numbers = [number for sort in listed for number in sort.products]
    values = moment.bindings() | {"products": numbers, "attributes": sorted(terms.attributes)}
    known: dict[int, tuple[tuple[str, str], ...]] = dict.fromkeys(numbers, ())
    for row in statements.rows(connection, statement, values):
        known[row["product"]] += ((row["attribute"], row["stated"]),)
    products: dict[int, Product | None] = {}
    for sort in listed:
        example = sort.example
        alike: dict[tuple[tuple[str, str], ...], Product | None] = {(): example}
        for number in sort.products:
            stated = known[number]
            if example is not None and stated not in alike:
                attributes = attributes_of({name: json.loads(text) for name, text in stated})
                alike[stated] = replace(example, attributes=attributes)
            products[number] = alike[stated]
    return products
