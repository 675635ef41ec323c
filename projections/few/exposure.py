"""regulatory-exposure of few lines, and the lines behind it: contributions held against the rules of their day."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.evaluation import RuleName
from domain.rulebook import CLEAR, Assessment
from domain.truth import NO, Truth
from projections.contributions import Tally
from projections.explanations import Vain, explained
from projections.exposed_lines import by_value
from projections.few.contributions import Contribution, Remarks, contributions_of
from projections.few.look import Viewpoint
from projections.few.rules import WorldRules, rules_in
from projections.figures import PRECISE, ZERO, Figure, total_of
from projections.metrics import at_risk
from projections.parameters import RegulatoryExposure
from projections.regulations import described
from projections.regulatory_exposure import hits_of, rule_of
from projections.vendor_dependence import together, written


@dataclass(frozen=True, slots=True)
class HeldSupply:
    """What some buyers get of a product from a vendor, and the rules that it is held against."""

    vendor: str
    product: str | None
    buyers: frozenset[str]
    rules: "RulesThen"
    truth: Truth

    @property
    def assessment(self) -> Assessment:
        """What each rule says of it."""
        if self.truth is Truth.NO:
            return CLEAR
        return self.rules.found.assess(self.buyers, self.vendor, self.product)


@dataclass(frozen=True, slots=True, eq=False)
class RulesThen:
    """The rules of a stretch of days; compared by object."""

    found: WorldRules


@dataclass(slots=True)
class RowOfSupplies:
    """One row in the making."""

    vendor: str
    product: str | None
    tallies: dict[Truth, Tally] = field(default_factory=lambda: defaultdict(Tally))
    #: Each sort of its contributions once.
    supplies: dict[HeldSupply, None] = field(default_factory=dict)
    #: What was bought on which days.
    bought: list[tuple[Contribution, HeldSupply]] = field(default_factory=list)
    figure: Figure = field(default_factory=Figure)
    by_verdict: dict[Truth, Figure] = field(default_factory=dict)

    def add(self, one: Contribution, supply: HeldSupply) -> None:
        """Take in a contribution."""
        self.tallies[supply.truth].add(one)
        self.supplies[supply] = None
        self.bought.append((one, supply))

    def close(self) -> None:
        """Take what it comes to."""
        self.by_verdict = {truth: tally.figure() for truth, tally in self.tallies.items()}
        self.figure = total_of(self.by_verdict.values())

    @property
    def restricted(self) -> str:
        """The verdict that its contributions have in common."""
        return together(self.by_verdict)


class FewJudge:
    """Says of contributions whether they are barred, as it is asked (rule 62)."""

    def __init__(self, look: Viewpoint, parameters: RegulatoryExposure) -> None:
        self.look = look
        self.when_placed = parameters.judged == "placed"
        self.today = RulesThen(rules_in(look.world))
        self._then: dict[int, RulesThen] = {id(look.world): self.today}

    def supply(self, one: Contribution) -> HeldSupply:
        """What a contribution is to the rules."""
        standing = self.today
        if self.when_placed:
            look = self.look
            world = look.worlds.at(look.held.registers, one["placed_on"], look.known_on, look.position)
            # Whoever is asked about is kept here, so that an id is that of one world.
            standing = self._then.setdefault(id(world), RulesThen(rules_in(world)))
        truth = Truth.NO
        if standing.found.bar_something:
            truth = standing.found.verdict(one["buyers"], one["vendor"], one["product"])
        return HeldSupply(one["vendor"], one["product"], one["buyers"], standing, truth)

    def in_vain(
        self, row: RowOfSupplies, assessed: dict[HeldSupply, Assessment], rule: RuleName, missing: str
    ) -> list[Vain]:
        """When a rule looked in vain for something about a row, in the order of days."""
        if not self.when_placed:
            return [self._known(row, self.today, frozenset().union(*(one.buyers for one in row.supplies)), missing)]
        lacking = {one for one, said in assessed.items() if missing in said.findings.get(rule, NO).missing}
        if missing != "country":
            stretches = {one.rules.found.world.effective_on: one for one in lacking}
            return [self._known(row, one.rules, frozenset(), missing) for _, one in sorted(stretches.items())]
        days: dict[Any, list[HeldSupply]] = defaultdict(list)
        for one, supply in row.bought:
            days[one["placed_on"]].append(supply)
        return [
            self._known(row, several[0].rules, frozenset().union(*(one.buyers for one in several)), missing)
            for _, several in sorted(days.items())
            if not lacking.isdisjoint(several)
        ]

    def _known(self, row: RowOfSupplies, standing: RulesThen, buyers: frozenset[str], missing: str) -> Vain:
        rules = standing.found
        strangers = rules.strangers(buyers, row.vendor, row.product) if missing == "country" else ()
        return Vain(None if row.product is None else rules.product(row.product), strangers)


def exposure(look: Viewpoint, parameters: RegulatoryExposure) -> dict[str, Any]:
    """The view, as `regulatory_exposure` answers it."""
    judge, remarks = FewJudge(look, parameters), Remarks(parameters)
    rows: dict[tuple[str, str | None], RowOfSupplies] = {}
    for one in contributions_of(look, remarks):
        key = one["vendor"], one["product"]
        if key not in rows:
            rows[key] = RowOfSupplies(*key)
        rows[key].add(one, judge.supply(one))
    verdicts: dict[Truth, Figure] = defaultdict(Figure)
    for row in rows.values():
        row.close()
        for truth, figure in row.by_verdict.items():
            verdicts[truth] = verdicts[truth].plus(figure)
    shown = [row for row in rows.values() if parameters.wants(row.restricted)]
    return {
        "total": {**written(total_of(verdicts.values())), "unit": parameters.unit},
        "rows": [_row(row, judge) for row in sorted(shown, key=_rank)],
        **at_risk(verdicts),
        "instruments": [described(instrument) for instrument in judge.today.found.in_force],
        "remarks": remarks.listed(),
    }


def _rank(row: RowOfSupplies) -> tuple[bool, Decimal, str, bool, str]:
    """Largest value first, unknown values last, then by vendor and product, no product last."""
    value = row.figure.value
    negated = ZERO if value is None else PRECISE.minus(value)
    return value is None, negated, row.vendor, row.product is None, row.product or ""


def _row(row: RowOfSupplies, judge: FewJudge) -> dict[str, Any]:
    assessed = {supply: supply.assessment for supply in row.supplies}
    hits = hits_of(assessed.values())
    return {
        "vendor": row.vendor,
        "product": row.product,
        "restricted": row.restricted,
        **written(row.figure),
        "barred": written(row.by_verdict.get(Truth.YES, Figure())),
        "undetermined": written(row.by_verdict.get(Truth.UNDETERMINED, Figure())),
        "rules": [rule_of(hit) for hit in hits],
        "explanation": explained(
            hits, row.vendor, row.product, lambda rule, missing: judge.in_vain(row, assessed, rule, missing)
        ),
    }


# Line by line


@dataclass(frozen=True, slots=True)
class HeldExposure:
    """A contribution with the verdict on it."""

    one: Contribution
    figure: Figure
    supply: HeldSupply

    @property
    def place(self) -> tuple[Any, ...]:
        """By value, then by order and line; assertions come behind orders."""
        line, is_supply = self.one["line"].name, self.one["source"] == "supply"
        return *by_value(self.figure), is_supply, _thing(self.one), line is None, line or "", self.one["line_key"]


def exposed_lines(
    look: Viewpoint, parameters: RegulatoryExposure, offset: int, limit: int | None
) -> tuple[list[dict[str, Any]], bool]:
    """The lines behind it from a place on, and whether others follow, as `exposed_lines` answers them."""
    found = sorted(_weighed(look, parameters), key=lambda one: one.place)
    end = len(found) if limit is None else offset + limit
    return [_line(look, one) for one in found[offset:end]], end < len(found)


def _weighed(look: Viewpoint, parameters: RegulatoryExposure) -> Iterator[HeldExposure]:
    judge = FewJudge(look, parameters)
    for one in contributions_of(look):
        supply = judge.supply(one)
        if parameters.wants(supply.truth.value):
            tally = Tally()
            tally.add(one)
            yield HeldExposure(one, tally.figure(), supply)


def _thing(one: Contribution) -> str:
    found: str = one["order"].order_id if one["source"] == "order" else one["assertion"].assertion_id
    return found


def _line(look: Viewpoint, weighed: HeldExposure) -> dict[str, Any]:
    one = weighed.one
    is_order = one["source"] == "order"
    hits: Collection[Any] = hits_of([weighed.supply.assessment])
    return {
        "order_id": _thing(one) if is_order else None,
        "assertion_id": None if is_order else _thing(one),
        "line": one["line"].name,
        "buyers": sorted(one["buyers"]),
        "vendor": one["vendor"],
        "vendor_name": look.world.organization(one["vendor"]).name,
        "product": one["product"],
        **written(weighed.figure),
        "placed_on": one["placed_on"].isoformat(),
        "deliver_by": one["line"].deliver_by,
        "restricted": weighed.supply.truth.value,
        "rules": [rule_of(hit) for hit in hits],
        "missing": sorted({missing for hit in hits for missing in hit.missing}),
    }
