"""Predicates, conditions and rules, compiled once and held against who buys what from whom."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain.comparisons import Attribute, Attributes, Judge, any_of, compared, opposite
from domain.estimates import Estimate
from domain.rules import Comparison, Every, Not, Predicate, Some
from domain.truth import NO, YES, Finding, Truth, decided, every, negation, some, undetermined
from domain.values import UNKNOWN_COUNTRY, AttributeText


@dataclass(frozen=True, slots=True, eq=False)
class Party:
    """An organisation as buyer, vendor or maker, as of a (T, K, P). Make one and keep it: rulebooks remember it."""

    #: Its own id and those of all its ancestors.
    lineage: frozenset[str]
    #: None: not known.
    country: str | None
    #: Of its ultimate parent, which is itself where it has no parent; None: not known.
    ultimate_country: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A product as of a (T, K, P). Make one and keep it: rulebooks remember it."""

    product_id: str
    #: None: not known.
    maker: Party | None
    #: None: not known.
    category: str | None
    attributes: Attributes


def party_of(organization_id: str, parents: Mapping[str, str | None], countries: Mapping[str, str | None]) -> Party:
    """An organisation from everybody's parents and countries as of a (T, K, P); absent or None: none, not known."""
    path = {organization_id: None}
    last = organization_id
    while (parent := parents.get(last)) is not None and parent not in path:
        path[parent] = None
        last = parent
    return Party(frozenset(path), _known(countries.get(organization_id)), _known(countries.get(last)))


def parties_of(
    organization_ids: Iterable[str],
    parents: Mapping[str, str | None],
    countries: Mapping[str, str | None],
    named: Set[str],
) -> dict[str, Party]:
    """Organisations by id, as `party_of` has each; of their lineages what is named is kept, which conditions ask about.

    Each is looked at once, however many are above it.
    """
    parties: dict[str, Party] = {}
    none: frozenset[str] = frozenset()
    for identifier in organization_ids:
        path: dict[str, None] = {}
        one: str | None = identifier
        while one is not None and one not in parties and one not in path:
            path[one] = None
            one = parents.get(one)
        if one in path:
            # A circle, which recording refuses.
            for member in path:
                party = party_of(member, parents, countries)
                parties[member] = replace(party, lineage=party.lineage & named)
            continue
        higher = None if one is None else parties[one]
        for member in reversed(path):
            country = _known(countries.get(member))
            lineage, ultimate = (none, country) if higher is None else (higher.lineage, higher.ultimate_country)
            if member in named:
                lineage |= {member}
            higher = parties[member] = Party(lineage, country, ultimate)
    return parties


def _known(country: str | None) -> str | None:
    return None if country == UNKNOWN_COUNTRY else country


def attributes_of(stored: Mapping[str, Any]) -> dict[str, Attribute]:
    """Attributes as they stand in recorded events (trusted, never refused)."""
    return {name: _attribute(value) for name, value in stored.items()}


def _attribute(stored: Any) -> Attribute:
    if isinstance(stored, bool):
        return stored
    if isinstance(stored, dict) and "text" in stored:
        return AttributeText(stored["text"])
    return Estimate.of(stored)


# Predicates: docs/semantics.md, rule 37


def evaluate(predicate: Predicate, attributes: Attributes) -> Finding:
    """A predicate over a product's attributes."""
    return compile_predicate(predicate)(attributes)


def compile_predicate(predicate: Predicate) -> Judge:
    """A predicate as a function of a product's attributes.

    Of the comparisons that stand beside one another, those of one attribute are made one.
    """
    return _compiled(_straight(predicate, turned=False))


def _straight(predicate: Predicate, *, turned: bool) -> Predicate:
    """The same without "not" (De Morgan's laws hold in three values too) and without an "all" in an "all"."""
    if isinstance(predicate, Comparison):
        return opposite(predicate) if turned else predicate
    if isinstance(predicate, Not):
        return _straight(predicate.part, turned=not turned)
    form = Every if isinstance(predicate, Every) != turned else Some
    parts: dict[Predicate, None] = {}
    for part in predicate.parts:
        found = _straight(part, turned=turned)
        parts |= dict.fromkeys(found.parts if isinstance(found, form) else (found,))
    # One part alone is neither.
    return form(tuple(parts)) if len(parts) > 1 else next(iter(parts))


def _compiled(predicate: Predicate) -> Judge:
    assert not isinstance(predicate, Not)
    if isinstance(predicate, Comparison):
        return compared(predicate)
    combine = every if isinstance(predicate, Every) else some
    beside: dict[str, list[Comparison]] = {}
    nested = []
    for part in predicate.parts:
        if isinstance(part, Comparison):
            beside.setdefault(part.attribute, []).append(part)
        else:
            nested.append(_compiled(part))
    judges = [_beside(name, comparisons, predicate) for name, comparisons in beside.items()] + nested
    return judges[0] if len(judges) == 1 else lambda attributes: combine(judge(attributes) for judge in judges)


def _beside(name: str, comparisons: list[Comparison], within: Every | Some) -> Judge:
    """Comparisons of one attribute that stand in the same "all" or "any"."""
    if len(comparisons) == 1:
        return compared(comparisons[0])
    if isinstance(within, Some):
        return any_of(name, comparisons)
    return _negated(any_of(name, map(opposite, comparisons)))


def _negated(judge: Judge) -> Judge:
    return lambda attributes: negation(judge(attributes))


def predicate_of(stored: Mapping[str, Any]) -> Predicate:
    """Read a predicate as it stands in a recorded event (trusted, never refused)."""
    if "not" in stored:
        return Not(predicate_of(stored["not"]))
    for form, kind in (("all", Every), ("any", Some)):
        if form in stored:
            return kind(tuple(predicate_of(part) for part in stored[form]))
    value = stored["value"]
    bound = value if isinstance(value, bool) else AttributeText(value["text"]) if isinstance(value, dict) else None
    return Comparison(stored["attribute"], stored["op"], Decimal(value) if bound is None else bound)


# Conditions and rules: docs/semantics.md, rules 35 and 36

NO_PRODUCT = undetermined("product_id")
NO_CATEGORY = undetermined("category")
NO_COUNTRY = undetermined("country")


def suppliers_of(vendor: Party, product: Product | None) -> tuple[Party, ...]:
    """Who speaks where vendors are meant: the order's vendor, and the product's maker where it is known."""
    if product is None or product.maker is None or product.maker is vendor:
        return (vendor,)
    return (vendor, product.maker)


def _listed(found: str | None, listed: frozenset[str], unknown: Finding) -> Finding:
    return unknown if found is None else decided(found in listed)


@dataclass(frozen=True, slots=True)
class CompiledConditions:
    """Who and what a rule or a licence means; every condition that is not None must hold.

    Split by what it looks at, for what depends on one party alone need be found out once only.
    """

    destinations: frozenset[str] | None
    buyers: frozenset[str] | None
    vendors: frozenset[str] | None
    vendor_countries: frozenset[str] | None
    products: frozenset[str] | None
    categories: frozenset[str] | None
    when: Judge | None

    def of_buyer(self, buyer: Party) -> Finding:
        """What the buyer's conditions say."""
        findings = []
        if self.buyers is not None:
            findings.append(decided(not self.buyers.isdisjoint(buyer.lineage)))
        if self.destinations is not None:
            countries = (buyer.country, buyer.ultimate_country)
            findings.append(some(_listed(country, self.destinations, NO_COUNTRY) for country in countries))
        return every(findings)

    def names(self, supplier: Party) -> bool:
        """Whether the vendors' condition holds for the order's vendor or the product's maker; one is enough."""
        return self.vendors is None or not self.vendors.isdisjoint(supplier.lineage)

    def of_country(self, supplier: Party) -> Finding:
        """What the condition on their countries says of the order's vendor or the product's maker; one is enough."""
        if self.vendor_countries is None:
            return YES
        return _listed(supplier.ultimate_country, self.vendor_countries, NO_COUNTRY)

    def of_product(self, product: Product | None) -> Finding:
        """What the product's conditions say; None: no product is named."""
        if product is None:
            conditions = (self.products, self.categories, self.when)
            return YES if all(condition is None for condition in conditions) else NO_PRODUCT
        if self.products is not None and product.product_id not in self.products:
            return NO
        category = YES if self.categories is None else _listed(product.category, self.categories, NO_CATEGORY)
        if self.when is None or category.truth is Truth.NO:
            return category
        return every((category, self.when(product.attributes)))

    def judge(self, buyer: Party, vendor: Party, product: Product | None) -> Finding:
        """Whether they mean this buyer, vendor and product."""
        suppliers = suppliers_of(vendor, product)
        named = decided(any(self.names(supplier) for supplier in suppliers))
        country = some(self.of_country(supplier) for supplier in suppliers)
        return every((self.of_buyer(buyer), named, country, self.of_product(product)))


def compile_conditions(stored: Mapping[str, Any]) -> CompiledConditions:
    """Conditions from a rule or a licence as it stands in a recorded event (trusted, never refused)."""

    def listed(name: str) -> frozenset[str] | None:
        return frozenset(stored[name]) if name in stored else None

    return CompiledConditions(
        destinations=listed("destinations"),
        buyers=listed("buyers"),
        vendors=listed("vendors"),
        vendor_countries=listed("vendor_countries"),
        products=listed("products"),
        categories=listed("categories"),
        when=compile_predicate(predicate_of(stored["when"])) if "when" in stored else None,
    )


@dataclass(frozen=True, slots=True, order=True)
class RuleName:
    """Which rule, and what it does to what it matches; sorted by regulation and rule id."""

    regulation_id: str
    rule_id: str
    effect: str


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule, ready to be held against many contributions."""

    name: RuleName
    conditions: CompiledConditions

    def judge(
        self,
        buyer: Party,
        vendor: Party,
        product: Product | None,
        licences: Iterable[CompiledConditions] = (),
    ) -> Finding:
        """Whether it meets this buyer, vendor and product: rule and not (licence or licence ...), rule 33."""
        licensed = some(licence.judge(buyer, vendor, product) for licence in licences)
        return every((self.conditions.judge(buyer, vendor, product), negation(licensed)))


def compile_rule(regulation_id: str, stored: Mapping[str, Any]) -> CompiledRule:
    """A rule as it stands in a recorded event (trusted, never refused)."""
    return CompiledRule(RuleName(regulation_id, stored["rule_id"], stored["effect"]), compile_conditions(stored))
