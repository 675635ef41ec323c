"""What the rules in force say in a world: of who buys what from whom, found out once for all that are alike."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

from domain.comparisons import Attribute
from domain.evaluation import Party, Product, attributes_of
from domain.events import Recorded
from domain.instruments import Instrument, instruments
from domain.rulebook import Assessment, Rulebook, agreed
from domain.truth import Finding, Truth
from domain.values import UNKNOWN_COUNTRY
from projections.few.world import WorldThen
from projections.parties import Terms, terms_of
from projections.restrictions import licences_of, rules_of

#: Where a world keeps its rules.
RULES = "rules"


@dataclass(frozen=True, slots=True)
class Binding:
    """The bits of an instrument's rules, and those of its licences."""

    rules: int
    licences: int


@dataclass(frozen=True, slots=True, eq=False)
class PartyBits:
    """What a party is to the rules and licences: bits are set where conditions hold, or are not out of the question."""

    buyer_certain: int
    buyer_possible: int
    named: int
    country_certain: int
    country_possible: int


@dataclass(frozen=True, slots=True, eq=False)
class ProductBits:
    """What a product is to them; one object for all that are alike."""

    certain: int
    possible: int


NOTHING = ProductBits(0, 0)
NO_PARTY = PartyBits(0, 0, 0, 0, 0)


@dataclass(slots=True)
class WorldRules:
    """The rules in force in a world."""

    world: WorldThen
    #: Every instrument in force, by id, barring or not.
    in_force: list[Instrument]
    terms: Terms
    bindings: tuple[Binding, ...]
    _book: Rulebook
    #: Of the ids that rules name, those of each organisation that they stand for.
    _named: Mapping[str, frozenset[str]]
    _parties: dict[str, Party] = field(default_factory=dict)
    _alike: dict[tuple[frozenset[str], str | None, str | None], Party] = field(default_factory=dict)
    _bits: dict[Party, PartyBits] = field(default_factory=dict)
    #: By category and, where a rule names it, id.
    _sorts: dict[tuple[str | None, str], ProductBits] = field(default_factory=dict)
    _goods: dict[str | None, ProductBits] = field(default_factory=dict)
    _kinds: dict[tuple[int, int], ProductBits] = field(default_factory=dict)
    _products: dict[str, Product] = field(default_factory=dict)
    _assessments: dict[tuple[frozenset[Party], Party, Product | None], Assessment] = field(default_factory=dict)
    _verdicts: dict[tuple[PartyBits, PartyBits, PartyBits, ProductBits], Truth] = field(default_factory=dict)

    @property
    def bar_something(self) -> bool:
        """Whether any of them bars anything."""
        return bool(self.bindings)

    def party(self, organization: str) -> Party:
        """An organisation as rules look at it; one object for all that are alike."""
        found = self._parties.get(organization)
        if found is None:
            path: dict[str, None] = {}
            one: str | None = organization
            # Each is looked at once, however many are below it.
            while one is not None and one not in self._parties and one not in path:
                path[one] = None
                one = self.world.organization(one).parent
            if one in path:
                return self._in_circle(organization)
            above = None if one is None else self._parties[one]
            for member in reversed(path):
                country = _known(self.world.organization(member).country)
                named = self._named.get(member, frozenset())
                if above is None:
                    above = self._one_of(named, country, country)
                else:
                    above = self._one_of(above.lineage | named, country, above.ultimate_country)
                self._parties[member] = above
            assert above is not None
            found = above
        return found

    def _in_circle(self, organization: str) -> Party:
        lineage = self.world.lineage(organization)
        named = frozenset[str]().union(*(self._named.get(one, ()) for one in lineage))
        country, ultimate = (_known(self.world.organization(one).country) for one in (organization, lineage[-1]))
        return self._one_of(named, country, ultimate)

    def _one_of(self, named: frozenset[str], country: str | None, ultimate: str | None) -> Party:
        """One object for all that are alike."""
        return self._alike.setdefault((named, country, ultimate), Party(named, country, ultimate))

    def verdict(self, buyers: Iterable[str], vendor: str, product: str | None) -> Truth:
        """Whether a supply to buyers is barred; undetermined where they differ (rule 38)."""
        goods = self._goods_bits(product)
        if not goods.possible:
            return Truth.NO
        seller, maker = self._party_bits(vendor), NO_PARTY
        if product is not None and (made_by := self.world.product(product).maker) is not None:
            maker = self._party_bits(made_by)
        answers = {self._judged(self._party_bits(buyer), seller, maker, goods) for buyer in buyers}
        return answers.pop() if len(answers) == 1 else Truth.UNDETERMINED

    def _judged(self, holder: PartyBits, seller: PartyBits, maker: PartyBits, goods: ProductBits) -> Truth:
        supply = holder, seller, maker, goods
        found = self._verdicts.get(supply)
        if found is None:
            named = (seller.named | maker.named) & goods.possible
            certain = holder.buyer_certain & named & goods.certain
            certain &= seller.country_certain | maker.country_certain
            possible = holder.buyer_possible & named
            possible &= seller.country_possible | maker.country_possible
            found = self._verdicts[supply] = self._of_bits(certain, possible)
        return found

    def _of_bits(self, certain: int, possible: int) -> Truth:
        """Rule and not licence, of each instrument."""
        if not possible:
            return Truth.NO
        if any(certain & one.rules and not possible & one.licences for one in self.bindings):
            return Truth.YES
        if any(possible & one.rules and not certain & one.licences for one in self.bindings):
            return Truth.UNDETERMINED
        return Truth.NO

    def _party_bits(self, organization: str) -> PartyBits:
        party = self.party(organization)
        found = self._bits.get(party)
        if found is None:
            conditions = self.terms.conditions
            found = self._bits[party] = PartyBits(
                *certain_and_possible([one.of_buyer(party) for one in conditions]),
                sum(one.names(party) << place for place, one in enumerate(conditions)),
                *certain_and_possible([one.of_country(party) for one in conditions]),
            )
        return found

    def _goods_bits(self, product: str | None) -> ProductBits:
        found = self._goods.get(product)
        if found is None:
            if product is None:
                found = self._looked_at(None)
            elif product in self.world.registers.products:
                found = self._of_product(product)
            else:
                found = NOTHING
            self._goods[product] = found
        return found

    def _of_product(self, product: str) -> ProductBits:
        """What a product is to them. Attributes only decide what its sort leaves undetermined without them."""
        sort = self.world.product(product).category, product if product in self.terms.products else ""
        found = self._sorts.get(sort)
        if found is None:
            found = self._sorts[sort] = self._looked_at(Product(sort[1], None, sort[0], {}))
        doubtful = found.possible & ~found.certain
        if not doubtful:
            return found
        certain, possible, whole = found.certain, found.possible, self.product(product)
        while doubtful:
            bit = doubtful & -doubtful
            doubtful ^= bit
            truth = self.terms.conditions[bit.bit_length() - 1].of_product(whole).truth
            certain |= bit if truth is Truth.YES else 0
            possible &= ~bit if truth is Truth.NO else -1
        return self._one(certain, possible)

    def _one(self, certain: int, possible: int) -> ProductBits:
        return self._kinds.setdefault((certain, possible), ProductBits(certain, possible))

    def _looked_at(self, product: Product | None) -> ProductBits:
        return self._one(*certain_and_possible([one.of_product(product) for one in self.terms.conditions]))

    def product(self, identifier: str) -> Product:
        """A product with those attributes that the rules speak of; one object, which rulebooks remember."""
        found = self._products.get(identifier)
        if found is None:
            then = self.world.product(identifier)
            maker = None if then.maker is None else self.party(then.maker)
            found = self._products[identifier] = Product(identifier, maker, then.category, self._attributes(identifier))
        return found

    def assess(self, buyers: Iterable[str], vendor: str, product: str | None) -> Assessment:
        """What each rule says of buyers getting a product from a vendor."""
        parties = frozenset(map(self.party, buyers))
        supply = parties, self.party(vendor), None if product is None else self.product(product)
        found = self._assessments.get(supply)
        if found is None:
            found = agreed(self._book.assess(buyer, *supply[1:]) for buyer in parties)
            self._assessments[supply] = found
        return found

    def strangers(self, buyers: Iterable[str], vendor: str, product: str | None) -> tuple[str, ...]:
        """Whose country some rule asks for and is not known: "buyer", "vendor" or "maker"."""
        maker = None if product is None else self.product(product).maker
        suppliers = {"vendor": self.party(vendor), "maker": maker}
        conditions = self.terms.conditions
        found = [
            role
            for role, party in suppliers.items()
            if party is not None and any(one.of_country(party).missing for one in conditions)
        ]
        if any(one.of_buyer(self.party(buyer)).missing for buyer in buyers for one in conditions):
            found.insert(0, "buyer")
        return tuple(found)

    def _attributes(self, product: str) -> Mapping[str, Attribute]:
        said = {name: self.world.attribute(product, name) for name in self.terms.attributes}
        return {name: _read(one.stated) for name, one in said.items() if one is not None}


@lru_cache(maxsize=65_536)
def _read(stated: str) -> Attribute:
    """An attribute as recorded."""
    return attributes_of({"": json.loads(stated)})[""]


def rules_in(world: WorldThen) -> WorldRules:
    """The rules of a world."""
    found = world.kept.get(RULES)
    if found is None:
        found = world.kept[RULES] = _made(world)
    assert isinstance(found, WorldRules)
    return found


def _made(world: WorldThen) -> WorldRules:
    return rules_of_law(_law_of(world), world)


def rules_of_law(law: "LawThen", world: WorldThen) -> WorldRules:
    """What is in force in a world."""

    def named_in(organizations: Iterable[str]) -> dict[str, frozenset[str]]:
        named: dict[str, set[str]] = defaultdict(set)
        for name in organizations:
            named[world.organization_of(name)].add(name)
        return {one: frozenset(names) for one, names in named.items()}

    spoken_of = law.terms.organizations
    named = world.alike(spoken_of, lambda: named_in(spoken_of))
    # What a rulebook remembers is of the parties and products of one world.
    book = replace(law.book, _buyers={}, _suppliers={}, _products={})
    return WorldRules(world, law.in_force, law.terms, law.bindings, book, named)


def alike_in(world: WorldThen, rules: WorldRules) -> WorldRules:
    """The same rules in another world of the same knowledge, with what is known already of parties that are alike."""
    return replace(rules, world=world, _parties={}, _goods={}, _products={})


@dataclass(frozen=True, slots=True)
class LawThen:
    """What is in force in all worlds between whose days nothing changes of instruments and licences."""

    in_force: list[Instrument]
    terms: Terms
    bindings: tuple[Binding, ...]
    book: Rulebook


def _law_of(world: WorldThen) -> LawThen:
    moment = world.registers.law.segment(world.effective_on, world.known_on, world.position)
    return world.share(moment, lambda: _found_law(world))


def _found_law(world: WorldThen) -> LawThen:
    listed = [
        event
        for event in (*world.registers.instruments, *world.registers.withdrawals)
        if event.position <= world.position and event.known_on <= world.known_on
    ]
    return law_of(listed, world.effective_on)


def law_of(listed: Sequence[Recorded], effective_on: date) -> LawThen:
    """What is in force on a day, given all that could be known of instruments."""
    in_force = [one for one in instruments(listed, effective_on) if one.in_force] if listed else []
    barring = [(rules_of(one), licences_of(one)) for one in in_force if rules_of(one)]
    terms = terms_of(one for rules, licences in barring for one in (*rules, *licences))
    bindings = _bindings([(len(rules), len(licences)) for rules, licences in barring])
    return LawThen(in_force, terms, bindings, Rulebook.of(in_force))


def _bindings(counts: Sequence[tuple[int, int]]) -> tuple[Binding, ...]:
    place, found = 0, []
    for rules, licences in counts:
        own = ((1 << rules) - 1) << place
        found.append(Binding(own, ((1 << licences) - 1) << (place + rules)))
        place += rules + licences
    return tuple(found)


def certain_and_possible(findings: Sequence[Finding]) -> tuple[int, int]:
    """The bits of what holds, and of what is not out of the question."""
    certain = sum((finding.truth is Truth.YES) << place for place, finding in enumerate(findings))
    return certain, sum((finding.truth is not Truth.NO) << place for place, finding in enumerate(findings))


def _known(country: str | None) -> str | None:
    return None if country == UNKNOWN_COUNTRY else country
