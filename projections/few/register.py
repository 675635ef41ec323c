"""The registers in memory: all that was ever said of organisations, products, rates and instruments, and taken back."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

from domain.events import Recorded
from projections.few.records import (
    AttributeSaid,
    HappeningSaid,
    OrganizationSaid,
    ProductSaid,
    RateSaid,
    RetractionSaid,
    Said,
)

Fact = TypeVar("Fact", bound=Said)

#: Days and positions between which nothing changes, in order.
Edges = Sequence[Any]
NO_RATES: tuple[list[date], list[RateSaid]] = ([], [])


@dataclass(frozen=True, slots=True)
class Law:
    """The days and positions between which nothing changes of instruments and licences."""

    days: tuple[date, ...] = ()
    known: tuple[date, ...] = ()
    positions: tuple[int, ...] = ()

    def segment(self, effective_on: date, known_on: date, position: int) -> tuple[date, date, int]:
        """As `HeldRegisters.segment`."""
        return (
            _last(self.days, effective_on, date.min),
            _last(self.known, known_on, date.min),
            _last(self.positions, position, 0),
        )

    def with_further(self, said: Iterable[Said | Recorded], over: Iterable[date]) -> "Law":
        """The same with further events, and days on which something is over."""
        listed = list(said)
        return Law(
            tuple(sorted({*self.days, *over, *(one.ends_on for one in listed)})),
            tuple(sorted({*self.known, *(one.known_on for one in listed)})),
            tuple(sorted({*self.positions, *(one.position for one in listed)})),
        )


@dataclass(slots=True)
class HeldRegisters:
    """What was said, as it grows with the ledger.

    Lists are never changed in place, so that whoever reads one meanwhile reads all of it. What is of a position is
    found there once the ledger is read as far; what came later is left out by whoever asks as of a position.
    """

    #: By id, the latest (rule 5) last; attributes by product and name.
    organizations: dict[str, list[OrganizationSaid]] = field(default_factory=dict)
    products: dict[str, list[ProductSaid]] = field(default_factory=dict)
    attributes: dict[tuple[str, str], list[AttributeSaid]] = field(default_factory=dict)
    #: By currency, with the days on which they end.
    rates: dict[str, tuple[list[date], list[RateSaid]]] = field(default_factory=dict)
    #: By position of a publication, what it says of currencies.
    publications: dict[int, dict[str, int]] = field(default_factory=dict)
    #: Attributes of products, by product.
    named: dict[str, frozenset[str]] = field(default_factory=dict)
    #: What happened to each instrument (True) and partnership, by id.
    happenings: dict[tuple[bool, str], list[HappeningSaid]] = field(default_factory=dict)
    #: In the order of the ledger: instruments and licences, and what takes back any event.
    instruments: list[Recorded] = field(default_factory=list)
    retractions: list[RetractionSaid] = field(default_factory=list)
    #: What takes back events about instruments, as those read it.
    withdrawals: list[Recorded] = field(default_factory=list)
    #: Organisations that were ever said to belong to one, and records that were ever said to stand for another.
    children: dict[str, frozenset[str]] = field(default_factory=dict)
    joined: frozenset[str] = frozenset()
    #: The days from which something holds, or no more; the days on which something could be known; positions.
    days: Edges = field(default_factory=list)
    known: Edges = field(default_factory=list)
    positions: Edges = field(default_factory=list)
    #: The same of instruments and licences alone.
    law: Law = field(default_factory=Law)

    def segment(self, effective_on: date, known_on: date, position: int) -> tuple[date, date, int]:
        """The earliest moment at which the same holds: from the last edge of each clock on.

        What is recorded later may lie between two edges, but behind every position that is asked about: a segment
        means the same for ever.
        """
        return (
            _last(self.days, effective_on, date.min),
            _last(self.known, known_on, date.min),
            _last(self.positions, position, 0),
        )

    def say_organizations(self, said: Mapping[str, list[OrganizationSaid]]) -> None:
        """Take in what further events say of organisations."""
        _merge(self.organizations, said)
        children: dict[str, set[str]] = defaultdict(set)
        for organization, facts in said.items():
            for fact in facts:
                if fact.parent is not None:
                    children[fact.parent].add(organization)
                if fact.same_as is not None:
                    self.joined |= {organization}
        for parent, organizations in children.items():
            self.children[parent] = self.children.get(parent, frozenset()) | organizations
        self._turn(fact for facts in said.values() for fact in facts)

    def say_products(
        self, said: Mapping[str, list[ProductSaid]], attributes: Mapping[tuple[str, str], list[AttributeSaid]]
    ) -> None:
        """Take in what further events say of products."""
        _merge(self.products, said)
        _merge(self.attributes, attributes)
        names: dict[str, set[str]] = defaultdict(set)
        for product, name in attributes:
            names[product].add(name)
        for product, found in names.items():
            self.named[product] = self.named.get(product, frozenset()) | found
        self._turn(fact for facts in said.values() for fact in facts)
        self._turn(fact for listed in attributes.values() for fact in listed)

    def say_rates(self, said: Mapping[str, list[RateSaid]]) -> None:
        """Take in further publications; rates are looked up by day, and need no edges."""
        for currency, facts in said.items():
            for fact in facts:
                self.publications.setdefault(fact.position, {})[currency] = fact.rate
            known = sorted([*self.rates.get(currency, NO_RATES)[1], *facts])
            self.rates[currency] = [one.ends_on for one in known], known

    def say_instruments(self, said: Iterable[tuple[Said, date | None, Recorded]]) -> None:
        """Take in further events about instruments and licences, each with its last day."""
        listed = list(said)
        self.instruments = [*self.instruments, *(recorded for _, _, recorded in listed)]
        self._turn(fact for fact, _, _ in listed)
        over = {until + timedelta(1) for _, until, _ in listed if until is not None and until < date.max}
        self.days = sorted({*self.days, *over})
        self.law = self.law.with_further((fact for fact, _, _ in listed), over)

    def say_happenings(self, said: Mapping[tuple[bool, str], list[HappeningSaid]]) -> None:
        """Take in what further happened to instruments and partnerships."""
        _merge(self.happenings, said)

    def say_retractions(self, said: Iterable[RetractionSaid], withdrawals: Iterable[Recorded]) -> None:
        """Take in further retractions."""
        listed = list(said)
        self.retractions = [*self.retractions, *listed]
        taken_back = list(withdrawals)
        self.withdrawals = [*self.withdrawals, *taken_back]
        self.law = self.law.with_further(taken_back, ())
        self.known = sorted({*self.known, *(one.known_on for one in listed)})
        self.positions = sorted({*self.positions, *(one.position for one in listed)})

    def retracted(self, known_on: date, position: int) -> frozenset[int]:
        """The positions that are taken back, as of known_on and position."""
        return frozenset(
            one.retracts for one in self.retractions if one.position <= position and one.known_on <= known_on
        )

    def days_between(self, first: date, last: date) -> list[date]:
        """The days behind a first one, up to a last one, from which something else may hold."""
        days = self.days
        return [*days[bisect_right(days, first) : bisect_right(days, last)]]

    def _turn(self, said: Iterable[Said]) -> None:
        listed = list(said)
        self.days = sorted({*self.days, *(one.ends_on for one in listed)})
        self.known = sorted({*self.known, *(one.known_on for one in listed)})
        self.positions = sorted({*self.positions, *(one.position for one in listed)})


def _merge(held: dict[Any, list[Fact]], said: Mapping[Any, list[Fact]]) -> None:
    for thing, facts in said.items():
        held[thing] = sorted([*held.get(thing, ()), *facts])


def _last(edges: Edges, at: Any, before: Any) -> Any:
    place = bisect_right(edges, at)
    return edges[place - 1] if place else before
