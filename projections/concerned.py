"""What was ever said of the organisations and products that purchases are of: read once, and looked up by day."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Generic, TypeVar

import duckdb

from projections import statements
from projections.few.records import AttributeSaid
from projections.few.register import HeldRegisters
from projections.few.world import OrganizationThen, ProductThen, WorldThen
from projections.parameters import Moment

#: Who is above the organisations that purchases are of is read so many times; then everybody is read.
MOST_CLIMBS = 8
UNHEARD_OF = OrganizationThen(None, None, None)
UNREGISTERED = ProductThen(None, None, None)

Held = TypeVar("Held")


@dataclass(slots=True)
class ThroughDays(Generic[Held]):
    """What holds of one thing, each from a day on until the next."""

    days: list[date] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    def on(self, day: date, before: Held) -> Held:
        """What holds on a day; `before` the first."""
        place = bisect_right(self.days, day)
        return self.held[place - 1] if place else before

    def last(self, before: Held) -> Held:
        """What holds in the end."""
        return self.held[-1] if self.held else before

    def say(self, day: date, held: Held) -> None:
        """From this day on it is so. Days come in order, and of one day the last counts."""
        self.days.append(day)
        self.held.append(held)


@dataclass(slots=True)
class Concerned:
    """What was ever said of some organisations and products, and of whom these belong to. Names are not among it."""

    #: By number.
    words: dict[int, str] = field(default_factory=dict)
    #: By id, as are the others: records, each with the organisation that it stands for.
    records: dict[str, str] = field(default_factory=dict)
    organizations: dict[str, ThroughDays[OrganizationThen]] = field(default_factory=dict)
    products: dict[str, ThroughDays[ProductThen]] = field(default_factory=dict)
    attributes: dict[tuple[str, str], ThroughDays[AttributeSaid | None]] = field(default_factory=dict)
    #: Which products there are, for all worlds.
    registers: HeldRegisters = field(default_factory=HeldRegisters)


@dataclass(slots=True, kw_only=True)
class WorldOfConcerned(WorldThen):
    """A world of which nothing else is known."""

    concerned: Concerned

    def _looked_up(self, identifier: str) -> OrganizationThen:
        said = self.concerned.organizations.get(identifier)
        return UNHEARD_OF if said is None else said.on(self.effective_on, UNHEARD_OF)

    def product(self, identifier: str) -> ProductThen:
        """What is known of a product's maker and category."""
        said = self.concerned.products.get(identifier)
        return UNREGISTERED if said is None else said.on(self.effective_on, UNREGISTERED)

    def attribute(self, product: str, name: str) -> AttributeSaid | None:
        """What is known of an attribute as recorded; None: nothing."""
        said = self.concerned.attributes.get((product, name))
        return None if said is None else said.on(self.effective_on, None)


def world_of(concerned: Concerned, moment: Moment, day: date) -> WorldOfConcerned:
    """The world on a day, as known and recorded at a moment."""
    return WorldOfConcerned(
        concerned.registers,
        day,
        date.max if moment.known_on is None else moment.known_on,
        moment.position,
        _records=concerned.records,
        _retracted=frozenset(),
        concerned=concerned,
    )


def concerned_by(
    connection: duckdb.DuckDBPyConnection,
    moment: Moment,
    organizations: Collection[int],
    products: Collection[int],
    attributes: Collection[str],
) -> Concerned:
    """Read what was ever said of organisations and products (numbers), and of these attributes of the products."""
    return _Reading(connection, moment).read(organizations, products, attributes)


class _Reading:
    """One reading."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, moment: Moment) -> None:
        self._connection = connection
        self._moment = moment
        self._found = Concerned()
        self._standing: dict[int, int] = {}

    def read(self, organizations: Collection[int], products: Collection[int], attributes: Collection[str]) -> Concerned:
        found = self._found
        for row in self._rows("records"):
            self._standing[row["record"]] = row["organization"]
            found.records[row["record_id"]] = row["organization_id"]
        makers = self._rows("products", products=list(products))
        climbed = self._climbed({*organizations, *(row["maker"] for row in makers if row["maker"] is not None)})
        numbers = {*organizations, *products}
        numbers.update(row[name] for row in makers for name in ("product", "maker") if row[name] is not None)
        numbers.update(row[name] for row in climbed for name in ("organization", "parent") if row[name] is not None)
        numbers.update(self._standing[number] for number in tuple(numbers) if number in self._standing)
        found.words = {row["number"]: row["word"] for row in self._rows("words", numbers=list(numbers))}
        # Products that are asked about were mentioned at least, whatever is visible of them.
        found.registers.products.update({found.words[number]: [] for number in products})
        self._take_organizations(climbed)
        self._take_products(makers)
        if attributes:
            self._take_attributes(self._rows("attributes", products=list(products), attributes=sorted(attributes)))
        return found

    def _rows(self, block: str, **values: Any) -> list[dict[str, Any]]:
        text = statements.blocks("concerned.sql")[block]
        return statements.rows(self._connection, text, self._moment.bindings() | values)

    def _stands_for(self, number: int) -> int:
        return self._standing.get(number, number)

    def _climbed(self, feet: Iterable[int]) -> list[dict[str, Any]]:
        """What is said of organisations and of all above them, on any day."""
        wanted, known, said = set(map(self._stands_for, feet)), set[int](), list[dict[str, Any]]()
        for _ in range(MOST_CLIMBS):
            if not wanted:
                return said
            rows = self._rows("organizations", organizations=list(wanted))
            said += rows
            known |= wanted
            wanted = {self._stands_for(row["parent"]) for row in rows if row["parent"] is not None} - known
        return self._rows("organizations", organizations=None) if wanted else said

    def _take_organizations(self, rows: Iterable[dict[str, Any]]) -> None:
        said: dict[int, ThroughDays[OrganizationThen]] = defaultdict(ThroughDays)
        for row in rows:
            course = said[row["organization"]]
            then = course.last(UNHEARD_OF)
            if row["country"] is not None:
                then = replace(then, country=row["country"])
            # A record that stands for another has no parent of its own, and nobody looks it up.
            if row["says_parent"]:
                then = replace(then, parent=self._word(row["parent"]))
            course.say(row["ends_on"], then)
        self._found.organizations = {self._found.words[number]: course for number, course in said.items()}

    def _take_products(self, rows: Iterable[dict[str, Any]]) -> None:
        said: dict[int, ThroughDays[ProductThen]] = defaultdict(ThroughDays)
        for row in rows:
            course = said[row["product"]]
            then = course.last(UNREGISTERED)
            if row["category"] is not None:
                then = replace(then, category=row["category"])
            if row["says_maker"]:
                then = replace(then, maker=self._word(row["maker"]))
            course.say(row["ends_on"], then)
        self._found.products = {self._found.words[number]: course for number, course in said.items()}

    def _take_attributes(self, rows: Iterable[dict[str, Any]]) -> None:
        said: dict[tuple[str, str], ThroughDays[AttributeSaid | None]] = defaultdict(ThroughDays)
        for row in rows:
            days = row["ends_on"], row["known_on"], row["position"]
            one = AttributeSaid(*days, value=None, low=None, high=None, label=None, stated=row["stated"])
            said[self._found.words[row["product"]], row["attribute"]].say(row["ends_on"], one)
        self._found.attributes = dict(said)

    def _word(self, number: int | None) -> str | None:
        """The id of an organisation, given it or a record of it."""
        return None if number is None else self._found.words[self._stands_for(number)]
