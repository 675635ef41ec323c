"""How vendor-dependence changed over time: the view on many days, made of what each day adds to it and takes off."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from domain.truth import Truth
from domain.values import UNKNOWN_COUNTRY
from projections import contributions, spans, statements
from projections.blocks import without_comment
from projections.contributions import PLACES
from projections.figures import PRECISE, Figure, cross_rate, ratio, share_of
from projections.metrics import Split, at_risk, metrics_of, shares_of
from projections.parameters import LAST_DAY, VendorDependence, months_away, parse_duration
from projections.rules_by_day import RulesByDay, RulesOfStretch, Supply
from projections.vendor_dependence import Named, RankedRow, names_of, rank, together, written

#: Points that one answer holds.
MOST_POINTS = 1_000

#: The key of a row, as an expression over a contribution and what holds of its vendor and its product (rule 22).
KEYS = {
    "vendor": "held.vendor",
    "maker": "coalesce(product.maker, held.vendor)",
    "parent": "coalesce(seller.family, held.vendor)",
    "country": "seller.country",
    "product": "held.product",
    "category": "product.category",
    "attribute": "product.label",
}
#: The block that says what holds of products, by the sort of keys; others do not look at products.
FACTS = {"maker": "product-facts", "category": "product-facts", "attribute": "product-labels"}
#: How an event says them, and whether it does.
SAID = {
    "maker": {"fact_of": "coalesce(record.organization, said.maker) as maker", "says": "said.says_maker"},
    "category": {"fact_of": "said.category", "says": "said.category is not null"},
}
#: Where amounts are derived (rule 30): what this takes of a movement, each of which is added up by line.
IS_ARRIVAL = "unpriced and quantity_unquantified = 0"
DERIVING = {
    **{f"priced_{name}": f"if(kind <= 2, {name}_value, 0)" for name in ("quantity", "amount")},
    **{
        f"priced_{name}_{bound}": f"if(kind <= 2, {name}_{bound}, 0)"
        for name in ("quantity", "amount")
        for bound in ("low", "high")
    },
    "priced_unquantified": "if(kind <= 2, quantity_unquantified + amount_unquantified, 0)::integer",
    **{f"arrived_{bound}": f"if({IS_ARRIVAL}, quantity_{bound}, 0)" for bound in ("value", "low", "high")},
    "arrivals": f"({IS_ARRIVAL})::integer",
}
#: Columns of a change that say whose supply it is.
SUPPLY = ", vendor, product, buyers"

Change = dict[str, Any]


@dataclass(slots=True)
class RunningSum:
    """Contributions added up and taken off again, in whole numbers of 1e-52 as in `contributions.Tally`."""

    value: int = 0
    low: int = 0
    high: int = 0
    unbounded: int = 0
    quantified: int = 0
    unquantified: int = 0
    contributions: int = 0
    #: What it comes to, once asked for and as long as nothing is added.
    _figure: Figure | None = None

    def add(self, change: Change) -> None:
        """Add contributions that share their factors; where they are taken off, their counts are negative."""
        rate = cross_rate(change["target_rate"], change["source_rate"])
        high = rate * change["high"] * change["attribute_high"]
        if change["share_value"] is not None:
            self.value += rate * change["value"] * change["attribute_value"] * change["share_value"]
            self.low += rate * change["low"] * change["attribute_low"] * change["share_low"]
            self.high += high * change["share_high"]
            self.quantified += change["quantified"]
            self.unquantified += change["unquantified"]
        if change["remainder"] is not None:
            self.high += high * change["remainder"]
            self.unquantified += change["contributions"]
        # What leaves nothing bounds even what is unbounded.
        if change["share_high"] or change["remainder"]:
            self.unbounded += change["unbounded"]
        self.contributions += change["contributions"]
        self._figure = None

    def take(self, other: "RunningSum", times: int = 1) -> "RunningSum":
        """Add another sum, or take it off (-1); itself."""
        self.value += times * other.value
        self.low += times * other.low
        self.high += times * other.high
        self.unbounded += times * other.unbounded
        self.quantified += times * other.quantified
        self.unquantified += times * other.unquantified
        self.contributions += times * other.contributions
        self._figure = None
        return self

    def without(self, *others: "RunningSum") -> "RunningSum":
        """What is left of it without parts of it."""
        left = RunningSum().take(self)
        for other in others:
            left.take(other, -1)
        return left

    def figure(self) -> Figure:
        """What it comes to."""
        if self._figure is None:
            value, low, high = (Decimal(part).scaleb(-PLACES, PRECISE) for part in (self.value, self.low, self.high))
            bound = None if self.unbounded else high
            self._figure = Figure(value, low, bound, self.quantified, self.unquantified)
        return self._figure


@dataclass
class State:
    """The figures as they stand on a day."""

    unit: str
    rows: dict[str | None, RunningSum] = field(default_factory=lambda: defaultdict(RunningSum))
    total: RunningSum = field(default_factory=RunningSum)
    captive: RunningSum = field(default_factory=RunningSum)
    #: by the number of the vendor's country
    of_country: dict[int | None, RunningSum] = field(default_factory=lambda: defaultdict(RunningSum))
    #: by supply and row, where rules may bar any
    supplies: dict[Supply, dict[str | None, RunningSum]] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        """Take in one change."""
        row = self.rows[change["key"]]
        row.add(change)
        if not row.contributions:
            del self.rows[change["key"]]
        self.total.add(change)
        if change["captive"]:
            self.captive.add(change)
        self.of_country[change["country"]].add(change)
        if "buyers" in change:
            supply = supply_of(change)
            by_row = self.supplies.setdefault(supply, defaultdict(RunningSum))
            by_row[change["key"]].add(change)
            if not by_row[change["key"]].contributions:
                del by_row[change["key"]]
            if not by_row:
                del self.supplies[supply]

    def point(self, home: int | None, judge: RulesOfStretch | None) -> dict[str, Any]:
        """The point without its day; `judge`: None where no rule bars anything."""
        ranked = sorted((RankedRow(key, row.figure()) for key, row in self.rows.items()), key=rank)
        verdicts = self._judge(ranked, judge)
        figures = [row.figure for row in ranked]
        shares = shares_of(figures)
        total = self.total.figure()
        captive = Split(self.captive.figure(), self.total.without(self.captive).figure())
        domestic = None
        if home is not None:
            inside = self.of_country[home]
            domestic = Split(inside.figure(), self.total.without(inside).figure())
        return {
            "total": {**written(total), "unit": self.unit},
            "rows": [
                {
                    "key": row.key,
                    **written(row.figure),
                    "share": ratio(share_of(row.figure, total)),
                    "share_low": ratio(share_low),
                    "share_high": ratio(share_high),
                    "restricted": together(row.verdicts),
                }
                for row, (share_low, share_high) in zip(ranked, shares, strict=True)
            ],
            "metrics": {**metrics_of(figures, shares, total, captive, domestic), **at_risk(verdicts)},
        }

    def _judge(self, ranked: list[RankedRow], judge: RulesOfStretch | None) -> dict[Truth, Figure]:
        """Give each row the verdicts on its contributions; what those with each verdict come to."""
        sums = {Truth.YES: RunningSum(), Truth.UNDETERMINED: RunningSum()}
        judged: dict[str | None, int] = defaultdict(int)
        found: dict[str | None, set[Truth]] = defaultdict(set)
        for supply, by_row in self.supplies.items():
            truth = Truth.NO if judge is None else judge.verdict(supply)
            if truth is not Truth.NO:
                for key, part in by_row.items():
                    sums[truth].take(part)
                    judged[key] += part.contributions
                    found[key].add(truth)
        for row in ranked:
            row.verdicts = found[row.key] | (
                {Truth.NO} if judged[row.key] < self.rows[row.key].contributions else set()
            )
        free = self.total.without(*sums.values())
        return {truth: part.figure() for truth, part in sums.items()} | {Truth.NO: free.figure()}


def supply_of(change: Change) -> Supply:
    """Whose supply a change is about."""
    return tuple(change["buyers"]), change["vendor"], change["product"]


def series(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    from_on: date,
    to_on: date,
    step: str | None,
    *,
    country_name: Callable[[str], str | None],
) -> dict[str, Any]:
    """vendor-dependence at one effective_on after another (docs/semantics.md, rules 42 to 45).

    That of `parameters` is not looked at.

    `points`: by `step`, an ISO 8601 duration, at from_on, every step after it and to_on; without one, at from_on and at
    every day on which the answer differs from that of the day before. Each has effective_on, total, rows (key, value,
    low, high, share, share_low, share_high, restricted) and metrics as the view has them on that day. `keys`: of every
    row its name and country as of to_on. `annotations`: what happened to regulations and partnerships from from_on to
    to_on.

    ValueError: a range that ends before it begins, a step that is no duration, more than 1,000 points.
    """
    days = stepped(from_on, to_on, step)
    asked = parameters.model_copy(update={"effective_on": to_on})
    values = _bindings(connection, asked, from_on)
    # Every statement must see the same events.
    with statements.snapshot(connection):
        judges = _Judges(connection, asked, from_on)
        query = _query(asked, stepped=days is not None, judged=judges.any)
        changes = statements.rows(connection, query, values | {"points": days})
        judges.meet(changes)
        points = list(_points(asked, days, from_on, changes, values["homes"], judges))
    annotations = statements.rows(connection, statements.blocks("series.sql")["annotations"], values)
    return told(
        asked, (from_on, step), points, lambda keys: names_of(connection, asked, keys, country_name), annotations
    )


def stepped(from_on: date, to_on: date, step: str | None) -> list[date] | None:
    """The days on which points are asked for; None: wherever something changes. ValueError as `series`."""
    if from_on > to_on:
        raise ValueError(f"from {from_on} is after to {to_on}")
    return None if step is None else _days(from_on, to_on, step)


def told(
    asked: VendorDependence,
    course: tuple[date, str | None],
    points: list[dict[str, Any]],
    named: Named,
    annotations: list[dict[str, Any]],
) -> dict[str, Any]:
    """The answer, from its points; `course`: the first day and the step, `asked` being as of the last."""
    (from_on, step), to_on = course, asked.effective_on
    if len(points) > MOST_POINTS:
        raise _too_many(len(points), from_on, to_on, "ask for a step, such as P1M")
    keys = {row["key"]: None for point in points for row in point["rows"]}
    names = named([key for key in keys if key is not None])
    return {
        "from": from_on.isoformat(),
        "to": to_on.isoformat(),
        "step": step,
        "keys": [_named(key, asked, names) for key in keys],
        "points": points,
        "annotations": annotations,
    }


def _named(
    key: str | None, parameters: VendorDependence, named: dict[str, tuple[str | None, str | None]]
) -> dict[str, str | None]:
    """A row's name and country (rule 23)."""
    name, country = (None, None) if key is None else named.get(key, (None, None))
    return {"key": key, "name": key if parameters.names_itself else name, "country": country}


def _too_many(count: int, from_on: date, to_on: date, advice: str) -> ValueError:
    return ValueError(
        f"{count:,} points from {from_on} to {to_on}, of at most {MOST_POINTS:,}: {advice}, or for a shorter time"
    )


def _days(from_on: date, to_on: date, step: str) -> list[date]:
    """The days at which a series by steps is read, each counted from the first, so that ends of months stay there."""
    months, days = parse_duration(step)

    def reached(number: int) -> date | None:
        """The day that so many steps lead to; None: there is none."""
        moved = months_away(from_on, number * months, from_end_to_end=days == 0)
        if moved is None or number * days > (date.max - moved).days:
            return None
        return moved + timedelta(number * days)

    def is_beyond(number: int) -> bool:
        day = reached(number)
        return day is None or day > to_on

    count = bisect_right(range((to_on - from_on).days + 1), False, key=is_beyond)
    last = reached(count - 1)
    if count + (last != to_on) > MOST_POINTS:
        raise _too_many(count + (last != to_on), from_on, to_on, "ask for a longer step")
    return sorted({day for day in map(reached, range(count)) if day is not None} | {to_on})


def _bindings(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, from_on: date) -> dict[str, Any]:
    """What the statements have as parameters; `homes`: the number of the home country from each of some days on."""
    block = statements.blocks("series.sql")
    values = parameters.bindings() | {"status": parameters.status, "from_on": from_on}
    if parameters.period is None:
        # What leaves a window does so while the series goes on.
        values |= {"first_on": date.min, "last_on": LAST_DAY}
    words = [*parameters.buyer, UNKNOWN_COUNTRY, *([parameters.home] if parameters.home else [])]
    found = statements.rows(connection, block["numbers"], values | {"words": words})
    numbers = {row["word"]: row["number"] for row in found}
    organizations = {row["word"]: row["organization"] for row in found}
    buyers = {organizations[buyer] for buyer in parameters.buyer if buyer in organizations}
    unheard_of = {buyer for buyer in parameters.buyer if buyer not in organizations}
    facts = statements.rows(connection, block["organizations"], values)
    known = spans.organizations(facts, from_on, buyers)
    asked = [span for span in known.asked if parameters.buyer_scope == "group" or span.thing in buyers]
    if parameters.home is not None or len(buyers) + len(unheard_of) != 1:
        # 0: a country that no organisation has.
        homes = [(from_on, None if parameters.home is None else numbers.get(parameters.home, 0))]
    else:
        homes = sorted((span.since, span.held[1]) for span in known.standing if span.thing in buyers)
    nowhere = numbers.get(UNKNOWN_COUNTRY)
    homes = [(since, None if home == nowhere else home) for since, home in homes]
    left = {}
    if parameters.window is not None:
        ends = [row["ends_on"] for row in statements.rows(connection, block["ends"], values)]
        left = spans.leaving(ends, parameters.window, from_on, parameters.effective_on)
    standing, askings = spans.columns(known.standing), spans.columns(asked)
    return values | {
        # None: the whole market.
        "asked": askings["thing"] if parameters.buyer else None,
        "asked_buyers": askings["thing"],
        "asked_since": askings["since"],
        "asked_until": askings["until"],
        "organizations": standing["thing"],
        "organizations_since": standing["since"],
        "organizations_until": standing["until"],
        "families": [family for family, _ in standing["held"]],
        "countries": [country for _, country in standing["held"]],
        "leaving_ends": list(left),
        "leaving_on": list(left.values()),
        "homes": homes,
    }


class _Judges:
    """What the rules say of supplies on each day of a series."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, from_on: date) -> None:
        values = parameters.bindings() | {"from_on": from_on}
        #: None: no rule may bar anything on any of the days.
        self._rules: RulesByDay | None = None
        if statements.rows(connection, statements.blocks("series.sql")["barring"], values):
            self._rules = RulesByDay(connection, parameters, from_on)
        self._last: tuple[int, RulesOfStretch] | None = None

    @property
    def any(self) -> bool:
        """Whether a rule may bar anything on any of the days."""
        return self._rules is not None

    @property
    def turnings(self) -> list[date]:
        """The days on which they may say something else than on the day before."""
        return [] if self._rules is None else self._rules.turnings

    def meet(self, changes: Iterable[Change]) -> None:
        """Read what there is to know of those who supply and are supplied on any of the days."""
        if self._rules is not None:
            self._rules.meet(map(supply_of, changes))

    def on(self, day: date) -> RulesOfStretch | None:
        """What judges on a day; None: no rule bars anything. Days come in order."""
        if self._rules is None:
            return None
        stretch = self._rules.stretch_of(day)
        if self._last is None or self._last[0] != stretch:
            self._last = stretch, self._rules.on(stretch)
        return self._last[1]


def _query(parameters: VendorDependence, *, stepped: bool, judged: bool) -> str:
    """The statement that answers all changes, by day or, where the series has steps, by point."""
    capacity = parameters.measure == "capacity"
    figures = [
        "facts",
        FACTS.get(parameters.key, "no-product-facts"),
        *(["attributes"] if capacity else []),
        *("plain", f"plain-{parameters.status}", "irregular", f"line-{parameters.status}", "supply"),
        *(["converted-capacity"] if capacity else []),
    ]
    factors = "" if capacity else contributions.factors(parameters.measure)
    turning = ["joint", "turning", "shown-at-points" if stepped else "shown-at-once", "changes"]
    words = contributions.measured(parameters) | {"fact": parameters.key, "key": KEYS[parameters.key]}
    words |= SAID.get(parameters.key, {}) | {"supply": SUPPLY if judged else ""}
    words |= _derivation(derives=parameters.measure == "spend" and parameters.status in DERIVED)
    before, after = (statements.filled("series.sql", names, words) for names in (figures, turning))
    return before + factors + after


#: Of what is ordered, what was delivered remains where the order is cancelled.
DERIVED = ("ordered", "delivered", "open")


def _derivation(*, derives: bool) -> dict[str, str]:
    """What blocks put in where amounts are derived, and where they are not."""
    block = statements.blocks("series.sql")
    columns = DERIVING if derives else {}
    return {
        "unknown": " + (unpriced and quantity_unquantified > 0 and $unquantified)::integer" if derives else "",
        "deriving": "".join(f", {expression} as {name}" for name, expression in columns.items()),
        "arrives": "".join(f", {name}" for name in columns),
        "nothing": ", 0" * len(columns),
        "sums": "".join(f", sum(times * {name}) as {name}" for name in columns),
        "adds_up": "".join(f", sum({name}) over line as {name}" for name in columns),
        "derivation": without_comment(block["derivation" if derives else "no-derivation"]),
    }


def _points(
    parameters: VendorDependence,
    days: list[date] | None,
    from_on: date,
    changes: list[Change],
    homes: list[tuple[date, int | None]],
    judges: "_Judges",
) -> Iterator[dict[str, Any]]:
    """The points on these days; without days, wherever the answer becomes another."""
    state = State(parameters.unit)
    before = None
    done = 0
    turning = {change["day"] for change in changes} | {since for since, _ in homes} | set(judges.turnings)
    for day in days or sorted({from_on, *turning}):
        while done < len(changes) and changes[done]["day"] <= day:
            state.apply(changes[done])
            done += 1
        home = next((country for since, country in reversed(homes) if since <= day), None)
        point = state.point(home, judges.on(day))
        if days is not None or point != before:
            yield {"effective_on": day.isoformat(), **point}
        before = point
