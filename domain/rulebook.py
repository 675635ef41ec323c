"""All the rules in force on a day, held against any number of contributions."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from domain.evaluation import (
    CompiledConditions,
    CompiledRule,
    Party,
    Product,
    RuleName,
    compile_conditions,
    compile_rule,
    suppliers_of,
)
from domain.instruments import Instrument
from domain.truth import NO, Finding, Truth, agreement, every, negation, some

#: The effects that a verdict on a contribution looks at; docs/semantics.md, rule 38.
BARRING = frozenset({"prohibited", "licence-required"})


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rules in force say of one contribution, or of several that were agreed on."""

    #: Over all the rules, "or".
    verdict: Truth
    #: The rules whose finding is yes or undetermined; all others are no.
    findings: Mapping[RuleName, Finding]


CLEAR = Assessment(Truth.NO, {})


def agreed(assessments: Iterable[Assessment]) -> Assessment:
    """The verdict for several buyers or contributions, undetermined where they differ; ValueError for none.

    So is each rule's. Agreeing by contribution first and by row then gives the same as agreeing on all at once.
    """
    listed = list(assessments)
    verdict = agreement(Finding(assessment.verdict) for assessment in listed).truth
    names = sorted(set().union(*(assessment.findings for assessment in listed)))
    if not names:
        return CLEAR
    return Assessment(
        verdict, {name: agreement(assessment.findings.get(name, NO) for assessment in listed) for name in names}
    )


@dataclass(frozen=True, slots=True)
class _OfBuyer:
    """What a buyer makes of every rule and licence of a book; one bit for each, at its place."""

    findings: tuple[Finding, ...]
    #: Where the finding is not no.
    possible: int


@dataclass(frozen=True, slots=True)
class _OfSupplier:
    """What a vendor or maker makes of every rule and licence of a book; one bit for each, at its place."""

    #: Where the vendors' condition holds.
    named: int
    #: By the condition on countries.
    findings: tuple[Finding, ...]
    #: Where that finding is not no.
    possible: int


@dataclass(slots=True)
class _OfProduct:
    """What a product makes of those rules and licences of a book that somebody asked about so far."""

    findings: dict[int, Finding] = field(default_factory=dict)
    #: Where the finding is no.
    impossible: int = 0


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules in force on a day, with the licences in force.

    What a buyer, a supplier and a product each make of a rule is found out once and remembered (by object, so that a
    Party or Product made anew is merely slower). A combination then looks only at the rules that each of them leaves
    possible, which are few.
    """

    rules: tuple[CompiledRule, ...]
    #: The places in `_conditions` of the licences of each rule's instrument.
    _licences: tuple[range, ...]
    #: Of all the rules, then of all the licences.
    _conditions: tuple[CompiledConditions, ...]
    _buyers: dict[Party, _OfBuyer] = field(default_factory=dict)
    _suppliers: dict[Party, _OfSupplier] = field(default_factory=dict)
    _products: dict[Product | None, _OfProduct] = field(default_factory=dict)

    @classmethod
    def of(cls, instruments: Iterable[Instrument], effects: Container[str] = BARRING) -> "Rulebook":
        """The rules of those instruments that are in force, as far as they have one of these effects."""
        in_force = [instrument for instrument in instruments if instrument.in_force]
        rules = [
            (compile_rule(instrument.regulation_id, stored), instrument)
            for instrument in in_force
            for stored in instrument.rules
            if stored["effect"] in effects
        ]
        conditions = [rule.conditions for rule, _ in rules]
        places = {}
        for instrument in in_force:
            first = len(conditions)
            conditions += [compile_conditions(licence.conditions) for licence in instrument.licences]
            places[instrument.regulation_id] = range(first, len(conditions))
        licences = tuple(places[instrument.regulation_id] for _, instrument in rules)
        return cls(tuple(rule for rule, _ in rules), licences, tuple(conditions))

    def assess(self, buyer: Party, vendor: Party, product: Product | None) -> Assessment:
        """What the rules say of this buyer's purchase of this product (None: none is named) from this vendor."""
        of_buyer = self._of_buyer(buyer)
        of_suppliers = [self._of_supplier(supplier) for supplier in suppliers_of(vendor, product)]
        of_product = self._products.setdefault(product, _OfProduct())
        named = reduce(or_, (supplier.named for supplier in of_suppliers))
        countries = reduce(or_, (supplier.possible for supplier in of_suppliers))
        possible = of_buyer.possible & named & countries & ~of_product.impossible

        def look(place: int) -> Finding:
            if not possible >> place & 1:
                return NO
            found = of_product.findings.get(place)
            if found is None:
                found = of_product.findings[place] = self._conditions[place].of_product(product)
                of_product.impossible |= (found.truth is Truth.NO) << place
            country = some(supplier.findings[place] for supplier in of_suppliers)
            return every((found, of_buyer.findings[place], country))

        findings = {}
        for place in _places(possible & ((1 << len(self.rules)) - 1)):
            finding = look(place)
            if finding.truth is not Truth.NO and self._licences[place]:
                finding = every((finding, negation(some(look(licence) for licence in self._licences[place]))))
            if finding.truth is not Truth.NO:
                findings[self.rules[place].name] = finding
        return Assessment(some(findings.values()).truth, findings) if findings else CLEAR

    def _of_buyer(self, buyer: Party) -> _OfBuyer:
        found = self._buyers.get(buyer)
        if found is None:
            findings = tuple(conditions.of_buyer(buyer) for conditions in self._conditions)
            found = self._buyers[buyer] = _OfBuyer(findings, _possible(findings))
        return found

    def _of_supplier(self, supplier: Party) -> _OfSupplier:
        found = self._suppliers.get(supplier)
        if found is None:
            named = _bits(conditions.names(supplier) for conditions in self._conditions)
            findings = tuple(conditions.of_country(supplier) for conditions in self._conditions)
            found = self._suppliers[supplier] = _OfSupplier(named, findings, _possible(findings))
        return found


def _possible(findings: Iterable[Finding]) -> int:
    return _bits(finding.truth is not Truth.NO for finding in findings)


def _bits(flags: Iterable[bool]) -> int:
    return sum(flag << place for place, flag in enumerate(flags))


def _places(bits: int) -> Iterator[int]:
    """The places of the bits that are set, from the first rule on."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
