"""What the rules in force say of who buys what from whom, in a form that statements look up line by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from domain.evaluation import Party, Product
from domain.instruments import Instrument
from domain.rulebook import BARRING, Assessment, Rulebook, agreed
from domain.truth import Truth
from projections import statements
from projections.blocks import without_comment
from projections.parameters import Moment
from projections.parties import (
    NO_PRODUCT,
    NOBODY,
    UNKNOWN,
    Goods,
    Standing,
    goods_of,
    people_of,
    products_of,
    terms_of,
)
from projections.regulations import instruments_as_of

#: How statements write a verdict: by its place here.
VERDICTS = (Truth.NO, Truth.UNDETERMINED, Truth.YES)
#: The rules and licences that mean a purchase, or may: all their conditions hold, or are not out of the question.
HITS = "(holder.buyer_{0} & (seller.named | goods.named) & (seller.country_{0} | goods.country_{0}) & goods.{0})"

#: The block that finds what the product of a plain line is to the rules.
HELD_AGAINST = "held-against"

Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Bits:
    """How statements hold one bit for each of so many rules and licences."""

    count: int

    @property
    def type(self) -> str:
        """The type of DuckDB: the fastest that is wide enough. Its sign bit is never used."""
        return "bigint" if self.count < 64 else "hugeint" if self.count < 128 else "bit"

    def parameter(self, bits: int) -> int | str:
        """The bits as a parameter of a statement."""
        return bits if self.type == "bigint" else format(bits, f"0{self.count}b") if self.type == "bit" else str(bits)

    def literal(self, bits: int) -> str:
        """The bits in the text of a statement."""
        return f"'{self.parameter(bits)}'::{self.type}"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What statements look verdicts up with, or what else contributions are held against."""

    #: The verdict, as an expression.
    expression: str
    bits: Bits
    #: Parameters.
    bindings: dict[str, list[Any]]
    #: The block that finds it for contributions.
    judging: str
    #: The block that finds it for plain lines; "": nothing is to be found.
    against: str = ""
    #: The blocks of what these two look it up in.
    tables: tuple[str, ...] = ()
    #: What stands for the buyer of a plain line, as an expression.
    buyers: str = "holder.kind"

    def judged(self, standing: str | None = None) -> str:
        """The contributions of a statement with their verdicts and what stands for their buyers.

        `standing`: what takes the place of the block of that name.
        """
        return self._filled(self.tables, standing) + statements.filled("restrictions.sql", self.judging, self.words())

    def before_plain_lines(self, standing: str | None = None) -> str:
        """What stands before plain lines, for they are looked up in it: what every organisation is, at least."""
        return self._filled(dict.fromkeys(("standing", *self.tables)), standing)

    def _filled(self, names: Iterable[str], standing: str | None) -> str:
        words = self.words()
        return "".join(
            standing
            if name == "standing" and standing is not None
            else statements.filled("restrictions.sql", name, words)
            for name in names
        )

    def words(self) -> dict[str, str]:
        """What blocks put in to look verdicts up."""
        against = without_comment(statements.blocks("restrictions.sql")[self.against]) if self.against else ""
        return {
            "verdict": self.expression,
            "held_against": against,
            "buyers": self.buyers,
            "mask": self.bits.type,
            "nothing": self.bits.literal(0),
        }


class Restrictions:
    """The rules in force at a moment."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, moment: Moment) -> None:
        self.connection = connection
        self._moment = moment
        #: Every instrument in force, by id, barring or not.
        self.in_force = [found for found in instruments_as_of(connection, moment) if found.in_force]
        self.verdicts = UNRESTRICTED
        #: Of each instrument that bars something the rules that do, and the licences.
        self.barring = [
            (rules_of(instrument), licences_of(instrument)) for instrument in self.in_force if rules_of(instrument)
        ]
        if not self.barring:
            # No organisation is looked at.
            return
        self._book = Rulebook.of(self.in_force)
        self._terms = terms_of(one for rules, licences in self.barring for one in (*rules, *licences))
        self._people = people_of(connection, moment, self._terms)
        self._products: dict[int, Product | None] = {NO_PRODUCT: None}
        self._assessments: dict[tuple[frozenset[int], Party, Product | None], Assessment] = {}
        goods = goods_of(connection, moment, self._terms)
        bits = Bits(len(self._terms.conditions))
        bindings = _bindings(bits, self._people.standing, goods)
        self.verdicts = Verdicts(_verdict(self.barring, bits), bits, bindings, "judged", HELD_AGAINST, ("standing",))

    def by(self, connection: duckdb.DuckDBPyConnection) -> "Restrictions":
        """The same, looked up by another connection; what either gets to know both know."""
        other = object.__new__(Restrictions)
        vars(other).update(vars(self) | {"connection": connection})
        return other

    @property
    def named(self) -> frozenset[str]:
        """The ids of organisations that the rules name."""
        return self._terms.organizations if self.barring else frozenset()

    def get_to_know(self, products: Iterable[int]) -> None:
        """Read what there is to know of products (their numbers), for `assess`."""
        unknown = sorted(set(products) - self._products.keys())
        self._products |= products_of(self.connection, self._moment, self._terms, self._people, unknown)

    def product(self, number: int) -> Product | None:
        """A product that it got to know; None for NO_PRODUCT."""
        return self._products[number]

    def assess(self, buyers: Iterable[int], vendor: int, product: int) -> Assessment:
        """What each rule says of these kinds of buyers getting a product from a vendor (numbers); see `get_to_know`."""
        seller, goods = self._party(vendor), self._products[product]
        asked = frozenset(buyers), seller, goods
        found = self._assessments.get(asked)
        if found is None:
            found = agreed(self._book.assess(self._people.buyers[kind], seller, goods) for kind in asked[0])
            self._assessments[asked] = found
        return found

    def strangers(self, buyers: Iterable[int], vendor: int, product: int) -> tuple[str, ...]:
        """Whose country some rule asks for and is not known: "buyer", "vendor" or "maker"."""
        goods = self._products[product]
        suppliers = {"vendor": self._party(vendor), "maker": None if goods is None else goods.maker}
        found = [
            role
            for role, party in suppliers.items()
            if party is not None and any(one.of_country(party).missing for one in self._terms.conditions)
        ]
        holders = [self._people.buyers[kind] for kind in buyers]
        if any(one.of_buyer(holder).missing for holder in holders for one in self._terms.conditions):
            found.insert(0, "buyer")
        return tuple(found)

    def _party(self, number: int) -> Party:
        return self._people.parties.get(number, self._people.parties[NOBODY])


def _bindings(bits: Bits, standing: Mapping[int, Standing], goods: Mapping[int, Goods]) -> dict[str, list[Any]]:
    """Two small tables as parameters, one a column."""
    bindings: dict[str, list[Any]] = {
        "standing_organization": list(standing),
        "standing_kind": [found.kind for found in standing.values()],
        "goods_product": list(goods),
    }
    for name in ("buyer_certain", "buyer_possible", "named", "country_certain", "country_possible"):
        bindings[f"standing_{name}"] = [bits.parameter(getattr(found, name)) for found in standing.values()]
    for name in ("certain", "possible"):
        bindings[f"goods_{name}"] = [bits.parameter(getattr(found, name)) for found in goods.values()]
    return bindings


#: No rule bars anything.
UNRESTRICTED = Verdicts("0", Bits(0), _bindings(Bits(0), UNKNOWN.standing, {}), "unjudged")


def by_stretch(turnings: Sequence[date]) -> Verdicts:
    """In place of verdicts how many of these days had come when it was placed, and in place of kinds the buyers."""
    bindings = UNRESTRICTED.bindings | {"turnings": list(turnings)}
    expression = "coalesce(turning.stretch, 0)"
    return Verdicts(expression, Bits(0), bindings, "stretched", "stretches", ("turning",), "holder.organization")


def rules_of(instrument: Instrument) -> Rules:
    """The rules of an instrument that bar a supply."""
    return [rule for rule in instrument.rules if rule["effect"] in BARRING]


def licences_of(instrument: Instrument) -> Rules:
    """What the licences under an instrument are for."""
    return [licence.conditions for licence in instrument.licences]


def _verdict(barring: Iterable[tuple[Rules, Rules]], bits: Bits) -> str:
    """What all rules come to, with the licences of their instruments: rule and not licence (rule 33)."""
    certain, possible = HITS.format("certain"), HITS.format("possible")
    nothing = bits.literal(0)
    unlicensed, place = 0, 0
    certainties, possibilities = list[str](), list[str]()
    for rules, licences in barring:
        own = ((1 << len(rules)) - 1) << place
        place += len(rules)
        if not licences:
            unlicensed |= own
            continue
        permitting = ((1 << len(licences)) - 1) << place
        place += len(licences)
        own_bits, licence_bits = bits.literal(own), bits.literal(permitting)
        certainties.append(f"if({possible} & {licence_bits} = {nothing}, {certain} & {own_bits}, {nothing})")
        possibilities.append(f"if({certain} & {licence_bits} = {nothing}, {possible} & {own_bits}, {nothing})")
    certainties.append(f"({certain} & {bits.literal(unlicensed)})")
    possibilities.append(f"({possible} & {bits.literal(unlicensed)})")
    surely, perhaps = f"({' | '.join(certainties)})", f"({' | '.join(possibilities)})"
    # What most lines are is asked first: the rest is then looked at for few.
    return (
        f"(case when goods.product is null then 0 when {perhaps} = {nothing} then 0 when {surely} <> {nothing} then 2"
        " else 1 end)"
    )
