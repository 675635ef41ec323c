"""What the rules in force say of who buys what from whom, found out once for all whom they cannot tell apart.

The verdicts on all that occurs in a market are handed to the statements that add up contributions, so that no order
line is looked at by itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb

from domain.evaluation import Product
from domain.instruments import Instrument
from domain.rulebook import BARRING, CLEAR, Assessment, Rulebook, agreed
from domain.truth import Truth
from projections import statements
from projections.kinds import NAMELESS, Kinds, Sort, kinds_of, products_of, sorts_of, terms_of
from projections.parameters import Moment
from projections.regulations import instruments_as_of

#: How statements write a verdict: by its place here.
VERDICTS = (Truth.NO, Truth.UNDETERMINED, Truth.YES)
STANDING = ("organization", "buyer", "vendor")
BARRED = ("buyer", "vendor", "product", "verdict")
#: A kind of buyers, a kind of vendors and a sort of products.
Combination = tuple[int, int, int]


class Restrictions:
    """The rules in force at a moment and what they say of what these buyers (None: all) get at any time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, moment: Moment, asked: list[int] | None) -> None:
        self._connection = connection
        self._moment = moment
        #: Every instrument in force, by id, whatever its rules do.
        self.in_force = [found for found in instruments_as_of(connection, moment) if found.in_force]
        self._book = Rulebook.of(self.in_force)
        self._kinds = Kinds((), (), {})
        #: Of products; none where no rule could bar anything, for then nothing is looked at.
        self.sorts: list[Sort] = []
        #: By number of a product.
        self.sort_of: dict[int, int] = {}
        self._known: dict[int, Product | None] = {}
        self._first_sights: dict[Combination, Assessment] = {}
        self._assessments: dict[tuple[int, int, Product | None], Assessment] = {}
        #: What statements have as parameters, for the blocks `standing` and `barred`.
        self.bindings = UNRESTRICTED
        if self._book.rules:
            self._terms = terms_of(_conditions(self.in_force))
            self._kinds = kinds_of(connection, moment, self._terms)
            standing = ((number, *both) for number, both in self._kinds.standing.items())
            self.bindings = _columns("standing", STANDING, standing)
            self.sorts = [NAMELESS, *sorts_of(connection, moment, self._terms, self._kinds, self.bindings)]
            self.sort_of = {number: place for place, sort in enumerate(self.sorts) for number in sort.products}
            self.bindings |= _columns("barred", BARRED, self._barred(asked))

    def vendor_kind(self, organization: int) -> int:
        """The kind of an organisation (its number) as a vendor."""
        return self._kinds.standing.get(organization, (0, 0))[1]

    def maker_of(self, sort: int) -> int | None:
        """The kind of the maker of a sort of products; None: not known, or nothing is looked at."""
        return self.sorts[sort].maker if self.sorts else None

    def assess(self, buyers: Iterable[int], vendor: int, product: int) -> Assessment:
        """What the rules say of each of these kinds of buyers getting a product (its number) from a kind of vendors.

        `look_at` was told before that they may.
        """
        if product not in self._known:
            return CLEAR
        return agreed(self._assess(buyer, vendor, self._known[product]) for buyer in buyers)

    def product(self, number: int) -> Product | None:
        """A product with what the rules look at; None: none is named, or nothing bars any like it."""
        return self._known.get(number)

    def strangers(self, buyers: Iterable[int], vendor: int, product: int) -> tuple[str, ...]:
        """Whose country some rule asks for and is not known: "buyer", "vendor", "maker"."""
        found = self.product(product)
        parties = [self._kinds.vendors[vendor], None if found is None else found.maker]
        suppliers = [
            party is not None and any(conditions.of_country(party).missing for conditions in self._terms.conditions)
            for party in parties
        ]
        holders = any(
            conditions.of_buyer(self._kinds.buyers[buyer]).missing
            for buyer in buyers
            for conditions in self._terms.conditions
        )
        return tuple(
            role for role, unknown in zip(("buyer", "vendor", "maker"), (holders, *suppliers), strict=True) if unknown
        )

    def look_at(self, combinations: Iterable[Combination]) -> Mapping[int, set[tuple[int, int]]]:
        """Get to know the products that may be barred where these combinations occur: which sorts, from whom to whom.

        Attributes only decide what is undetermined without them, so that most sorts are clear at first sight.
        """
        doubtful = defaultdict(set)
        for buyer, vendor, place in combinations:
            if self._at_first_sight(buyer, vendor, place) is not CLEAR:
                doubtful[place].add((buyer, vendor))
        unknown = [sort for sort in map(self.sorts.__getitem__, doubtful) if sort.products[0] not in self._known]
        if unknown:
            self._known |= products_of(self._connection, self._moment, self._terms, unknown)
        return doubtful

    def _barred(self, asked: list[int] | None) -> Iterator[tuple[int, int, int, int]]:
        """Every kind of buyers, kind of vendors and product that occur together and are not clear, with the verdict."""
        values = {"asked": asked} | self.bindings | _columns("sorted", ("product", "sort"), self.sort_of.items())
        block = statements.blocks("restrictions.sql")
        found = statements.rows(self._connection, f"with {block['standing']}{block['occurring']}", values)
        doubtful = self.look_at((row["as_buyer"], row["as_vendor"], row["sort"]) for row in found)
        for place, parties in doubtful.items():
            for product in self.sorts[place].products:
                for buyer, vendor in parties:
                    verdict = self._assess(buyer, vendor, self._known[product]).verdict
                    if verdict is not Truth.NO:
                        yield buyer, vendor, product, VERDICTS.index(verdict)

    def _at_first_sight(self, buyer: int, vendor: int, place: int) -> Assessment:
        found = self._first_sights.get((buyer, vendor, place))
        if found is None:
            found = self._ask(buyer, vendor, self.sorts[place].example)
            self._first_sights[buyer, vendor, place] = found
        return found

    def _assess(self, buyer: int, vendor: int, product: Product | None) -> Assessment:
        found = self._assessments.get((buyer, vendor, product))
        if found is None:
            found = self._assessments[buyer, vendor, product] = self._ask(buyer, vendor, product)
        return found

    def _ask(self, buyer: int, vendor: int, product: Product | None) -> Assessment:
        return self._book.assess(self._kinds.buyers[buyer], self._kinds.vendors[vendor], product)


def _conditions(in_force: Iterable[Instrument]) -> Iterator[Mapping[str, Any]]:
    """Of the rules that bar and of the licences."""
    for instrument in in_force:
        yield from (rule for rule in instrument.rules if rule["effect"] in BARRING)
        yield from (licence.conditions for licence in instrument.licences)


def _columns(table: str, names: tuple[str, ...], rows: Iterable[tuple[int, ...]]) -> dict[str, list[int]]:
    """A small table as parameters of a statement, one a column."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {f"{table}_{name}": list(column) for name, column in zip(names, columns, strict=True)}


#: Parameters where nothing is barred.
UNRESTRICTED = _columns("standing", STANDING, ()) | _columns("barred", BARRED, ())
