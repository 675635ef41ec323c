"""The rules of one day after another, and what they say of supplies: what it rests on is read once."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from domain.events import Recorded
from domain.rulebook import Assessment
from domain.truth import Truth
from projections import statements
from projections.concerned import Concerned, concerned_by, world_of
from projections.explanations import Vain
from projections.few.rules import WorldRules, alike_in, law_of, rules_of_law
from projections.parameters import Moment
from projections.parties import terms_of
from projections.regulations import recorded_of_instruments

#: Organisations that stand for themselves, by number: buyers, a vendor; and a product or None.
Supply = tuple[tuple[int, ...], int, int | None]


class RulesByDay:
    """The rules from a day on up to effective_on, as known and recorded at a moment.

    A stretch is of days on which neither law nor registers change; they are counted from 0.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, moment: Moment, from_on: date = date.min) -> None:
        self._connection = connection
        self._moment = moment
        self._from_on = from_on
        #: What could be known of instruments, whatever its day.
        self.recorded = recorded_of_instruments(connection, moment)
        #: The days that begin a further stretch; and those of them on which law changes.
        self.turnings, self._law_turnings = self._days_of("turnings"), self._days_of("law-turnings")
        self._concerned = Concerned()
        #: By stretch of law.
        self._laws: dict[int, WorldRules] = {}

    def meet(self, supplies: Iterable[Supply]) -> None:
        """Read what was ever said of those who supply and are supplied, and of what: of all that is judged later."""
        organizations, products = set[int](), set[int]()
        for buyers, vendor, product in supplies:
            organizations.update((vendor, *buyers))
            if product is not None:
                products.add(product)
        attributes = terms_of(_stated(self.recorded)).attributes
        self._concerned = concerned_by(self._connection, self._moment, organizations, products, attributes)
        self._laws = {}

    def stretch_of(self, day: date) -> int:
        """The stretch that a day lies in."""
        return bisect_right(self.turnings, day)

    def on(self, stretch: int) -> "RulesOfStretch":
        """The rules in force in a stretch, and who everybody was then."""
        day = self.turnings[stretch - 1] if stretch else self._from_on
        world = world_of(self._concerned, self._moment, day)
        of_law = bisect_right(self._law_turnings, day)
        if of_law not in self._laws:
            self._laws[of_law] = rules_of_law(law_of(self.recorded, day), world)
        return RulesOfStretch(alike_in(world, self._laws[of_law]), self._concerned.words)

    def _days_of(self, block: str) -> list[date]:
        if not self.recorded:
            return []
        values = self._moment.bindings() | {"from_on": self._from_on}
        return [row["day"] for row in statements.rows(self._connection, statements.blocks("series.sql")[block], values)]


@dataclass(slots=True)
class RulesOfStretch:
    """The rules of a stretch of days, for supplies that were met."""

    _rules: WorldRules
    #: By number.
    _words: Mapping[int, str]
    _verdicts: dict[Supply, Truth] = field(default_factory=dict)

    def verdict(self, supply: Supply) -> Truth:
        """Whether a supply is barred; undetermined where its buyers differ (rule 38)."""
        if not self._rules.bar_something:
            return Truth.NO
        found = self._verdicts.get(supply)
        if found is None:
            found = self._verdicts[supply] = self._rules.verdict(*self._named(supply))
        return found

    def assess(self, supply: Supply) -> Assessment:
        """What each rule says of a supply."""
        return self._rules.assess(*self._named(supply))

    def known(self, supply: Supply, buyers: Collection[int]) -> Vain:
        """What is known of its product, and whose country is not, these buyers among them; without buyers nobody's."""
        _, vendor, product = self._named(supply)
        strangers = self._rules.strangers([self._words[buyer] for buyer in buyers], vendor, product) if buyers else ()
        return Vain(None if product is None else self._rules.product(product), strangers)

    def _named(self, supply: Supply) -> tuple[list[str], str, str | None]:
        buyers, vendor, product = supply
        return (
            [self._words[one] for one in buyers],
            self._words[vendor],
            None if product is None else self._words[product],
        )


def _stated(recorded: Iterable[Recorded]) -> Iterator[Mapping[str, Any]]:
    """Every rule, and the conditions of every licence, that was ever said to hold."""
    for event in recorded:
        yield from event.data.get("rules", ())
        if event.type == "licence-granted":
            yield event.data
