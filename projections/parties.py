"""What organisations and products are to a set of rules and licences, found out once: one bit a rule or licence."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from domain.evaluation import (
    CompiledConditions,
    Party,
    Product,
    attributes_of,
    compile_conditions,
    parties_of,
    predicate_of,
)
from domain.rules import Comparison, Not, Predicate
from domain.truth import Finding, Truth
from projections import statements
from projections.parameters import Moment

#: Stands among numbers of organisations for all of whom nothing is known.
NOBODY = -1
#: Stands among numbers of products for that of a line that names none.
NO_PRODUCT = -1


@dataclass(frozen=True, slots=True)
class Terms:
    """Rules and licences, each at its place, and what they speak of."""

    conditions: tuple[CompiledConditions, ...]
    #: Ids.
    organizations: frozenset[str]
    products: frozenset[str]
    #: Names of attributes.
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What an organisation is to them: as a buyer, and as a vendor or maker. A bit is set where the condition ..."""

    #: The same for organisations of which, as buyers, all conditions say the same, missing facts included.
    kind: int
    #: ... on buyers holds, and where it is not out of the question.
    buyer_certain: int
    buyer_possible: int
    #: ... on vendors holds; that is never undetermined.
    named: int
    #: ... on vendors' countries holds, and where it is not out of the question.
    country_certain: int
    country_possible: int


@dataclass(frozen=True, slots=True)
class Goods:
    """What a product is to them. A bit is set where the conditions on products hold, or are not out of the question."""

    certain: int
    possible: int


@dataclass(frozen=True, slots=True)
class People:
    """All organisations."""

    #: By number; one object for all that are alike.
    parties: dict[int, Party]
    standing: dict[int, Standing]
    #: By kind, one for all of it.
    buyers: list[Party]


STRANGER = Party(frozenset(), None, None)
#: What organisations are where there are no rules.
UNKNOWN = People({NOBODY: STRANGER}, {NOBODY: Standing(0, 0, 0, 0, 0, 0)}, [STRANGER])


def terms_of(rules: Iterable[Mapping[str, Any]]) -> Terms:
    """What rules or licences, as they stand in recorded events, speak of."""
    listed = list(rules)
    organizations = {name for rule in listed for part in ("vendors", "buyers") for name in rule.get(part, ())}
    products = {name for rule in listed for name in rule.get("products", ())}
    predicates = (predicate_of(rule["when"]) for rule in listed if "when" in rule)
    attributes = {name for predicate in predicates for name in _attributes(predicate)}
    conditions = tuple(compile_conditions(rule) for rule in listed)
    return Terms(conditions, frozenset(organizations), frozenset(products), frozenset(attributes))


def _attributes(predicate: Predicate) -> set[str]:
    if isinstance(predicate, Comparison):
        return {predicate.attribute}
    parts = (predicate.part,) if isinstance(predicate, Not) else predicate.parts
    return set().union(*(_attributes(part) for part in parts))


def people_of(connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms) -> People:
    """What everybody of whom something is known is to these terms, and NOBODY."""
    block = statements.blocks("restrictions.sql")
    joined = {
        row["record"]: row["organization"] for row in statements.rows(connection, block["records"], moment.bindings())
    }
    spoken_of = {joined.get(name, name) for name in terms.organizations}
    found = statements.rows(connection, block["organizations"], moment.bindings() | {"named": sorted(spoken_of)})
    parents = {row["id"]: row["parent"] for row in found}
    countries = {row["id"]: row["country"] for row in found}
    parties_by_id = parties_of(parents, parents, countries, spoken_of)
    if not terms.organizations.isdisjoint(joined):
        # Rules name records, too.
        names: dict[str, set[str]] = defaultdict(set)
        for name in terms.organizations:
            names[joined.get(name, name)].add(name)
        parties_by_id = {
            identifier: replace(party, lineage=frozenset().union(*(names[one] for one in party.lineage)))
            for identifier, party in parties_by_id.items()
        }
    parties = {row["number"]: parties_by_id[row["id"]] for row in found}
    parties[NOBODY] = STRANGER
    # One for all whom no condition can tell apart, and what conditions say of that one.
    alike: dict[tuple[frozenset[str], str | None, str | None], Party] = {}
    standings: dict[Party, Standing] = {}
    kinds: dict[tuple[Finding, ...], int] = {}
    people = People({}, {}, [])
    for number, party in parties.items():
        one = alike.setdefault((party.lineage, party.country, party.ultimate_country), party)
        if one not in standings:
            as_buyer = tuple(conditions.of_buyer(one) for conditions in terms.conditions)
            kind = kinds.setdefault(as_buyer, len(kinds))
            if kind == len(people.buyers):
                people.buyers.append(one)
            countries_of = [conditions.of_country(one) for conditions in terms.conditions]
            named = _bits(conditions.names(one) for conditions in terms.conditions)
            standings[one] = Standing(
                kind, *_certain_and_possible(as_buyer), named, *_certain_and_possible(countries_of)
            )
        people.parties[number], people.standing[number] = one, standings[one]
    return people


def goods_of(connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms) -> dict[int, Goods]:
    """What products are to these terms, by number, and NO_PRODUCT; those that are out of the question are left out.

    Attributes only decide what is undetermined without them, and for most products nothing is.
    """
    statement = statements.blocks("restrictions.sql")["sorts"]
    goods = {NO_PRODUCT: _looked_at(None, terms.conditions)}
    doubtful: dict[int, tuple[Product, Goods]] = {}
    for row in statements.rows(connection, statement, moment.bindings() | {"named": sorted(terms.products)}):
        example = Product(row["named"] or "", None, row["category"], {})
        found = _looked_at(example, terms.conditions)
        if found.certain == found.possible:
            goods |= dict.fromkeys(row["products"], found)
        else:
            doubtful |= dict.fromkeys(row["products"], (example, found))
    alike: dict[tuple[Product, tuple[tuple[str, str], ...]], Goods] = {}
    for number, stated in _stated(connection, moment, terms, list(doubtful)).items():
        example, found = doubtful[number]
        if (example, stated) not in alike:
            alike[example, stated] = _decided(replace(example, attributes=_read(stated)), found, terms)
        goods[number] = alike[example, stated]
    return {number: found for number, found in goods.items() if found.possible}


def products_of(
    connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms, people: People, numbers: list[int]
) -> dict[int, Product]:
    """Some products by number, with those attributes that the terms speak of."""
    stated = _stated(connection, moment, terms, numbers)
    block = statements.blocks("restrictions.sql")["makers"]
    return {
        row["product"]: Product(
            row["id"],
            None if row["maker"] is None else people.parties.get(row["maker"], people.parties[NOBODY]),
            row["category"],
            _read(stated[row["product"]]),
        )
        for row in statements.rows(connection, block, moment.bindings() | {"products": numbers})
    }


def _stated(
    connection: duckdb.DuckDBPyConnection, moment: Moment, terms: Terms, numbers: list[int]
) -> dict[int, tuple[tuple[str, str], ...]]:
    """The attributes of some products that the terms speak of, as recorded."""
    stated: dict[int, tuple[tuple[str, str], ...]] = dict.fromkeys(numbers, ())
    if numbers and terms.attributes:
        statement = statements.blocks("restrictions.sql")["attributes"]
        values = moment.bindings() | {"products": numbers, "attributes": sorted(terms.attributes)}
        for row in statements.rows(connection, statement, values):
            stated[row["product"]] += ((row["attribute"], row["stated"]),)
    return stated


def _read(stated: Iterable[tuple[str, str]]) -> Mapping[str, Any]:
    return attributes_of({name: json.loads(text) for name, text in stated})


def _decided(product: Product, found: Goods, terms: Terms) -> Goods:
    """What is found of a product with attributes, after what was found of its like without."""
    certain, possible = found.certain, found.possible
    for place, conditions in enumerate(terms.conditions):
        bit = 1 << place
        if possible & ~certain & bit:
            truth = conditions.of_product(product).truth
            certain |= bit if truth is Truth.YES else 0
            possible &= ~bit if truth is Truth.NO else -1
    return Goods(certain, possible)


def _looked_at(product: Product | None, conditions: Iterable[CompiledConditions]) -> Goods:
    return Goods(*_certain_and_possible(one.of_product(product) for one in conditions))


def _certain_and_possible(findings: Iterable[Finding]) -> tuple[int, int]:
    listed = list(findings)
    return (
        _bits(finding.truth is Truth.YES for finding in listed),
        _bits(finding.truth is not Truth.NO for finding in listed),
    )


def _bits(flags: Iterable[bool]) -> int:
    return sum(flag << place for place, flag in enumerate(flags))
