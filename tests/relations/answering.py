"""Who answers the questions of these tests, and how answers are added up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any, Protocol
from weakref import finalize

from domain.events import canonical
from projections import roads
from projections.engine import Projection, batch_of
from projections.parameters import RegulatoryExposure, SoleSource, VendorDependence
from service.audit import verifier
from tests.ledgers import Event
from tests.random_ledgers import random_ledger
from tests.reference import differences
from tests.seeds import seeds

#: Parameters of a question, in the words of its view.
Query = dict[str, Any]
Answer = dict[str, Any]
#: A figure as it is added up: a value, 0 where there is none; a low; a high, infinite where there is none.
Sums = tuple[Decimal, Decimal, Decimal]

#: By row how its value changed, and by row and class what explains that.
Difference = tuple[dict[str | None, Decimal], dict[tuple[str | None, str], Decimal]]

#: What a figure may be off by, as it is printed.
PRINTED = Decimal("0.0000005")


class Answering(Protocol):
    """Answers questions on one ledger."""

    #: What sums of its differences may be off by.
    tiny: Decimal

    def dependence(self, query: Query) -> Answer:
        """vendor-dependence."""

    def evidence(self, query: Query, key: str | None) -> list[Answer]:
        """The contributions of a row of it."""

    def series(self, query: Query, from_on: date, to_on: date, step: str | None) -> list[Answer]:
        """The points of it over time."""

    def difference(self, query: Query, before: Query, after: Query) -> Difference:
        """What changed in vendor-dependence between two moments, and by which classes of events."""

    def exposure(self, query: Query) -> Answer:
        """regulatory-exposure."""

    def orders(self, query: Query) -> list[Answer]:
        """The orders behind it."""

    def sole_source(self, query: Query) -> Answer:
        """sole-source."""


class Plain:
    """The plain evaluation."""

    #: Its differences are not rounded.
    tiny = Decimal("1e-20")

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def dependence(self, query: Query) -> Answer:
        """vendor-dependence."""
        return verifier.vendor_dependence(self.events, **query)

    def evidence(self, query: Query, key: str | None) -> list[Answer]:
        """The contributions of a row of it."""
        return verifier.vendor_dependence_evidence(self.events, key, **without(query, "home"))

    def series(self, query: Query, from_on: date, to_on: date, step: str | None) -> list[Answer]:
        """The points of it over time."""
        asked = without(query, "effective_on")
        return verifier.vendor_dependence_series(self.events, from_on=from_on, to_on=to_on, step=step, **asked)

    def difference(self, query: Query, before: Query, after: Query) -> Difference:
        """What changed in vendor-dependence between two moments, and by which classes of events."""
        return differences.difference(self.events, before, after, **without(query, "home", *differences.CLOCKS))

    def exposure(self, query: Query) -> Answer:
        """regulatory-exposure."""
        return verifier.regulatory_exposure(self.events, **query)

    def orders(self, query: Query) -> list[Answer]:
        """The orders behind it."""
        return verifier.regulatory_exposure_orders(self.events, **query)

    def sole_source(self, query: Query) -> Answer:
        """sole-source."""
        return verifier.sole_source(self.events, **query)


class Fast(Plain):
    """The fast views, by their statements."""

    #: Its differences are printed, and what is left over is put on the largest.
    tiny = Decimal("0.00001")
    #: So many lines at most are answered from memory.
    few = 0

    def __init__(self, events: list[Event]) -> None:
        super().__init__(events)
        self._projection = Projection.open()
        finalize(self, self._projection.close)
        self._projection.apply(batch_of((event["position"], canonical(event)) for event in events))
        self._projection.few.most_lines = self.few

    def dependence(self, query: Query) -> Answer:
        """vendor-dependence."""
        return roads.vendor_dependence(self._projection, _parameters(query), country_name=verifier.no_name)

    def evidence(self, query: Query, key: str | None) -> list[Answer]:
        """The contributions of a row of it."""
        contributions, _ = roads.evidence(self._projection, _parameters(query), key)
        return contributions

    def series(self, query: Query, from_on: date, to_on: date, step: str | None) -> list[Answer]:
        """The points of it over time."""
        asked = _parameters(query)
        answer = roads.series(self._projection, asked, from_on, to_on, step, country_name=verifier.no_name)
        points: list[Answer] = answer["points"]
        return points

    def difference(self, query: Query, before: Query, after: Query) -> Difference:
        """What changed in vendor-dependence between two moments, and by which classes of events."""
        sides = [_parameters(query | moment) for moment in (before, after)]
        answer = roads.difference(self._projection, *sides, country_name=verifier.no_name)
        rows = {row["key"]: Decimal(row["difference"]) for row in answer["rows"]}
        explained = {
            (row["key"], part["class"]): Decimal(part["value"]) for row in answer["rows"] for part in row["explained"]
        }
        return rows, explained

    def exposure(self, query: Query) -> Answer:
        """regulatory-exposure."""
        return roads.regulatory_exposure(self._projection, RegulatoryExposure(**_given(query)))

    def orders(self, query: Query) -> list[Answer]:
        """The orders behind it."""
        rows, _ = roads.exposed_lines(self._projection, RegulatoryExposure(**_given(query)))
        return rows

    def sole_source(self, query: Query) -> Answer:
        """sole-source."""
        return roads.sole_source(self._projection, SoleSource(**_given(query)))


class FromMemory(Fast):
    """The fast views of few lines, from what is held in memory."""

    few = 1_000_000


def _parameters(query: Query) -> VendorDependence:
    return VendorDependence(**_given(query))


def _given(query: Query) -> Query:
    return query | {"buyer": tuple(query["buyer"]), "exclude": frozenset(query["exclude"])}


#: Who answers on ledgers of which seeds.
ANSWERING: list[tuple[int, type[Plain]]] = [
    *((seed, Plain) for seed in seeds(0, 8)),
    # A statement takes a quarter of a second on the smallest ledger, thirty times as long as memory does.
    *((seed, Fast) for seed in seeds(8, 2)),
    *((seed, FromMemory) for seed in seeds(14, 6)),
]


@dataclass(frozen=True)
class Case:
    """A random ledger, and who answers on it."""

    random: Random
    events: list[Event]
    answering: Answering


def case_of(seed: int, least: int = 80, most: int = 260, answering: type[Plain] = Plain) -> Case:
    """The case of a seed."""
    random = Random(seed)
    events = random_ledger(random, random.randint(least, most)).events
    return Case(random, events, answering(events))


def without(query: Query, *names: str) -> Query:
    """The query without some of its parameters."""
    return {name: value for name, value in query.items() if name not in names}


def sums(figure: Answer) -> Sums:
    """A printed figure as it is added up."""
    high = Decimal("Infinity") if figure["high"] is None else Decimal(figure["high"])
    return Decimal(figure["value"] or 0), Decimal(figure["low"]), high


def added(figures: Iterable[Answer]) -> Sums:
    """Printed figures, added up."""
    value = low = high = Decimal(0)
    for figure in figures:
        one = sums(figure)
        value, low, high = value + one[0], low + one[1], high + one[2]
    return value, low, high


def distances(one: Sums, other: Sums) -> Iterator[Decimal]:
    """By how much value, low and high differ; what is unbounded on both sides differs by nothing."""
    for here, there in zip(one, other, strict=True):
        yield Decimal(0) if here == there else abs(here - there)


def agree(one: Sums, other: Sums, parts: int) -> bool:
    """Whether sums are the same but for what so many printed figures are rounded by."""
    return all(difference <= (parts + 1) * PRINTED for difference in distances(one, other))
