"""What contributions are held against: the rules in force at a moment, or those of the days when each was placed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import duckdb

from domain.evaluation import RuleName
from domain.instruments import Instrument, instruments
from domain.rulebook import Assessment
from domain.truth import NO, Truth
from projections import contributions
from projections.contributions import Grouping
from projections.explanations import Vain
from projections.parameters import Moment, RegulatoryExposure
from projections.parties import NO_PRODUCT
from projections.plain_lines import added_up
from projections.resolved import Footing
from projections.restrictions import VERDICTS, Restrictions, Verdicts, by_stretch
from projections.rules_by_day import RulesByDay, RulesOfStretch, Supply

#: By vendor, product, who of the buyers there are among those asked for, and what the verdict on them follows from.
SUPPLIES = Grouping(
    {"vendor": "counted.vendor", "product": "counted.product", "buyers": "buyers", "verdict": "verdict"}
)
#: The same by day.
SUPPLIES_BY_DAY = Grouping(
    {"vendor": "counted.vendor", "product": "counted.product", "buyers": "buyers", "day": "counted.placed_on"}
)


@dataclass(frozen=True, slots=True)
class JudgedSupply:
    """What some buyers get of a product from a vendor, as far as it is all judged alike."""

    #: Numbers; no product: NO_PRODUCT.
    vendor: int
    product: int
    #: Their kinds, or themselves.
    buyers: tuple[int, ...]
    #: What the verdict follows from: its place among VERDICTS, or a stretch of days.
    mark: int
    #: Follows from the others.
    truth: Truth = field(hash=False)

    @property
    def supply(self) -> Supply:
        """Who gets what from whom."""
        return self.buyers, self.vendor, None if self.product == NO_PRODUCT else self.product


class Judge(Protocol):
    """Says of supplies whether they are barred."""

    #: What is put into statements that add contributions up, for `truth` to judge by.
    verdicts: Verdicts
    #: The instruments in force at the moment of the question, by id.
    in_force: list[Instrument]

    def meet(self, supplies: Iterable[Mapping[str, Any]]) -> None:
        """Look at everything that will be judged, as statements say it, before anything is."""

    def truth(self, buyers: tuple[int, ...], vendor: int, product: int, mark: int) -> Truth:
        """The verdict on a supply, given what statements say of it."""

    def assess(self, supplies: Iterable[JudgedSupply]) -> dict[JudgedSupply, Assessment]:
        """What each rule says of supplies."""

    def in_vain(self, rule: RuleName, missing: str, found: Mapping[JudgedSupply, Assessment]) -> list[Vain]:
        """When a rule looked in vain for something about supplies of one vendor and product, in the order of days."""


def judge_of(
    connection: duckdb.DuckDBPyConnection, parameters: RegulatoryExposure, footing: Footing | None = None
) -> Judge:
    """Who judges as it is asked (rule 62); `footing`: what is kept of the moment."""
    return (
        JudgeWhenPlaced(connection, parameters)
        if parameters.judged == "placed"
        else JudgeOfToday(connection, parameters, footing)
    )


class JudgeOfToday:
    """Holds all contributions against what is in force at effective_on."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, parameters: Moment, footing: Footing | None = None
    ) -> None:
        self._restrictions = footing.restrictions(connection) if footing else Restrictions(connection, parameters)
        self.verdicts = self._restrictions.verdicts
        self.in_force = self._restrictions.in_force

    def meet(self, supplies: Iterable[Mapping[str, Any]]) -> None:
        """Statements have found all that there is to know."""

    def truth(self, buyers: tuple[int, ...], vendor: int, product: int, mark: int) -> Truth:
        """The verdict on a supply, which statements have found."""
        return VERDICTS[mark]

    def assess(self, supplies: Iterable[JudgedSupply]) -> dict[JudgedSupply, Assessment]:
        """What each rule says of supplies."""
        wanted = list(supplies)
        if wanted:
            self._restrictions.get_to_know({supply.product for supply in wanted})
        return {one: self._restrictions.assess(one.buyers, one.vendor, one.product) for one in wanted}

    def in_vain(self, rule: RuleName, missing: str, found: Mapping[JudgedSupply, Assessment]) -> list[Vain]:
        """What is known today."""
        one = next(iter(found))
        kinds = {kind for supply in found for kind in supply.buyers}
        strangers = self._restrictions.strangers(kinds, one.vendor, one.product) if missing == "country" else ()
        return [Vain(self._restrictions.product(one.product), strangers)]


class JudgeWhenPlaced:
    """Holds each contribution against what was in force when it was placed.

    What is judged is a supply in a stretch of days on which neither law nor registers change, not a line.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, parameters: RegulatoryExposure) -> None:
        self._connection = connection
        self._parameters = parameters
        self._rules = RulesByDay(connection, parameters)
        self.in_force = [one for one in instruments(self._rules.recorded, parameters.effective_on) if one.in_force]
        self.verdicts = by_stretch(self._rules.turnings)
        self._stretches: dict[int, RulesOfStretch] = {}
        self._bought: dict[tuple[int, int], dict[date, list[tuple[int, ...]]]] | None = None

    def meet(self, supplies: Iterable[Mapping[str, Any]]) -> None:
        """Read what there is to know of those who supply and are supplied, and of what, on any day."""
        self._rules.meet((buyers_of(alike), alike["vendor"], alike["product"]) for alike in supplies)

    def truth(self, buyers: tuple[int, ...], vendor: int, product: int, mark: int) -> Truth:
        """The verdict on a supply in a stretch of days."""
        return self._on(mark).verdict((buyers, vendor, None if product == NO_PRODUCT else product))

    def assess(self, supplies: Iterable[JudgedSupply]) -> dict[JudgedSupply, Assessment]:
        """What each rule says of supplies."""
        return {one: self._on(one.mark).assess(one.supply) for one in supplies}

    def in_vain(self, rule: RuleName, missing: str, found: Mapping[JudgedSupply, Assessment]) -> list[Vain]:
        """What was known on each of the days."""
        lacking = {one for one, said in found.items() if missing in said.findings.get(rule, NO).missing}
        one = next(iter(found))
        if missing != "country":
            return [self._on(mark).known(one.supply, ()) for mark in sorted({one.mark for one in lacking})]
        by_buyers = {(supply.buyers, supply.mark) for supply in lacking}
        vain = []
        for day, several in sorted(self._days()[one.vendor, one.product].items()):
            mark = self._rules.stretch_of(day)
            if any((buyers, mark) in by_buyers for buyers in several):
                everybody = {buyer for buyers in several for buyer in buyers}
                vain.append(self._on(mark).known(one.supply, everybody))
        return vain

    def _on(self, mark: int) -> RulesOfStretch:
        if mark not in self._stretches:
            self._stretches[mark] = self._rules.on(mark)
        return self._stretches[mark]

    def _days(self) -> dict[tuple[int, int], dict[date, list[tuple[int, ...]]]]:
        """By vendor and product the days on which something was placed, with the buyers of each."""
        if self._bought is None:
            self._bought = defaultdict(lambda: defaultdict(list))
            values = contributions.bindings(self._connection, self._parameters) | {"home": None}
            found = added_up(self._connection, self._parameters, SUPPLIES_BY_DAY, values, verdicts=self.verdicts)
            for part in found.sums:
                alike = part.alike
                self._bought[key_of(alike)][alike["day"]].append(buyers_of(alike))
        return self._bought


def key_of(alike: Mapping[str, Any]) -> tuple[int, int]:
    """Vendor and product."""
    return alike["vendor"], NO_PRODUCT if alike["product"] is None else alike["product"]


def buyers_of(alike: Mapping[str, Any]) -> tuple[int, ...]:
    """The buyers."""
    return numbers_in(alike["buyers"])


def numbers_in(column: Any) -> tuple[int, ...]:
    """The numbers in a column of which plain lines have one, and others a list."""
    return tuple(column) if isinstance(column, list | tuple) else (column,)
