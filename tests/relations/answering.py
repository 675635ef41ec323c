"""Who answers the questions of these tests, and how answers are added up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any, Protocol
from weakref import finalize

from domain.events import canonical
from projections.differences import difference
from projections.engine import Projection, batch_of
from projections.evidence import evidence
from projections.exposed_lines import exposed_lines
from projections.parameters import RegulatoryExposure, SoleSource, VendorDependence
from projections.regulatory_exposure import regulatory_exposure
from projections.series import series
from projections.sole_source import sole_source
from projections.vendor_dependence import vendor_dependence
from service.audit import verifier
from tests.ledgers import Event
from tests.random_ledgers import random_ledger
from tests.reference import differences

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
    """The fast views."""

    #: Its differences are printed, and what is left over is put on the largest.
    tiny = Decimal("0.00001")

    def __init__(self, events: list[Event]) -> None:
        super().__init__(events)
        self._projection = Projection.open()
        finalize(self, self._projection.close)
        self._projection.apply(batch_of((event["position"], canonical(event)) for event in events))

    def dependence(self, query: Query) -> Answer:
        """vendor-dependence."""
        with self._projection.cursor() as connection:
            return vendor_dependence(connection, _parameters(query), country_name=verifier.no_name)

    def evidence(self, query: Query, key: str | None) -> list[Answer]:
        """The contributions of a row of it."""
        with self._projection.cursor() as connection:
            return evidence(connection, _parameters(query), key)

    def series(self, query: Query, from_on: date, to_on: date, step: str | None) -> list[Answer]:
        """The points of it over time."""
        with self._projection.cursor() as connection:
            answer = series(connection, _parameters(query), from_on, to_on, step, country_name=verifier.no_name)
        points: list[Answer] = answer["points"]
        return points

    def difference(self, query: Query, before: Query, after: Query) -> Difference:
        """What changed in vendor-dependence between two moments, and by which classes of events."""
        sides = [_parameters(query | moment) for moment in (before, after)]
        with self._projection.cursor() as connection:
            answer = difference(connection, *sides, country_name=verifier.no_name)
        rows = {row["key"]: Decimal(row["difference"]) for row in answer["rows"]}
        explained = {
            (row["key"], part["class"]): Decimal(part["value"]) for row in answer["rows"] for part in row["explained"]
        }
        return rows, explained

    def exposure(self, query: Query) -> Answer:
        """regulatory-exposure."""
        with self._projection.cursor() as connection:
            return regulatory_exposure(connection, RegulatoryExposure(**_given(query)))

    def orders(self, query: Query) -> list[Answer]:
        """The orders behind it."""
        with self._projection.cursor() as connection:
            return exposed_lines(connection, RegulatoryExposure(**_given(query)))

    def sole_source(self, query: Query) -> Answer:
        """sole-source."""
        with self._projection.cursor() as connection:
            return sole_source(connection, SoleSource(**_given(query)))


def _parameters(query: Query) -> VendorDependence:
    return VendorDependence(**_given(query))


def _given(query: Query) -> Query:
    return query | {"buyer": tuple(query["buyer"]), "exclude": frozenset(query["exclude"])}


#: Who answers on ledgers of which seeds.
ANSWERING: list[tuple[int, type[Plain]]] = [
    *((seed, Plain) for seed in range(8)),
    *((seed, Fast) for seed in range(8, 14)),
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
