"""How vendor-dependence changed over time: the view on many days, made of what each day adds to it and takes off."""

from bisect import bisect_right
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from domain.values import UNKNOWN_COUNTRY
from projections import contributions, spans, statements
from projections.contributions import PLACES
from projections.figures import PRECISE, Figure, cross_rate, ratio, share_of
from projections.parameters import VendorDependence, parse_duration
from projections.vendor_dependence import RankedRow, metrics_of, names_of, rank, written

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
        self.unbounded += change["unbounded"]
        self.contributions += change["contributions"]
        self._figure = None

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

    def point(self, home: int | None) -> dict[str, Any]:
        """The point without its day."""
        ranked = sorted((RankedRow(key, row.figure()) for key, row in self.rows.items()), key=rank)
        total = self.total.figure()
        domestic = None if home is None else self.of_country[home].figure()
        return {
            "total": {**written(total), "unit": self.unit},
            "rows": [
                {"key": row.key, **written(row.figure), "share": ratio(share_of(row.figure, total))} for row in ranked
            ],
            "metrics": metrics_of(ranked, total, self.captive.figure(), domestic),
        }


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
    low, high, share) and metrics as the view has them on that day. `keys`: of every row its name and country as of
    to_on. `annotations`: what happened to regulations and partnerships from from_on to to_on.

    ValueError: a range that ends before it begins, a step that is no duration, more than 1,000 points.
    """
    if from_on > to_on:
        raise ValueError(f"from {from_on} is after to {to_on}")
    days = None if step is None else _days(from_on, to_on, step)
    asked = parameters.model_copy(update={"effective_on": to_on})
    values = _bindings(connection, asked, from_on)
    changes = statements.rows(connection, _query(asked, days is not None), values | {"points": days})
    points = list(_points(asked, days, from_on, changes, values["homes"]))
    if len(points) > MOST_POINTS:
        raise _too_many(len(points), from_on, to_on, "ask for a step, such as P1M")
    keys = {row["key"]: None for point in points for row in point["rows"]}
    named = names_of(connection, asked, [key for key in keys if key is not None], country_name)
    return {
        "from": from_on.isoformat(),
        "to": to_on.isoformat(),
        "step": step,
        "keys": [_named(key, asked, named) for key in keys],
        "points": points,
        "annotations": statements.rows(connection, statements.blocks("series.sql")["annotations"], values),
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

    def is_beyond(number: int) -> bool:
        day = _later(from_on, number * months, number * days)
        return day is None or day > to_on

    count = bisect_right(range((to_on - from_on).days + 1), False, key=is_beyond)
    last = _later(from_on, (count - 1) * months, (count - 1) * days)
    if count + (last != to_on) > MOST_POINTS:
        raise _too_many(count + (last != to_on), from_on, to_on, "ask for a longer step")
    reached = [_later(from_on, number * months, number * days) for number in range(count)]
    return sorted({day for day in reached if day is not None} | {to_on})


def _later(start: date, months: int, days: int) -> date | None:
    """The day so many months (a day that the month lacks is its last) and then days later; None: there is none."""
    year, month = divmod(12 * start.year + start.month - 1 + months, 12)
    if year > date.max.year:
        return None
    moved = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
    return moved + timedelta(days) if days <= (date.max - moved).days else None


def _bindings(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, from_on: date) -> dict[str, Any]:
    """What the statements have as parameters; `homes`: the number of the home country from each of some days on."""
    block = statements.blocks("series.sql")
    values = parameters.bindings() | {"status": parameters.status, "from_on": from_on}
    words = [*parameters.buyer, UNKNOWN_COUNTRY, *([parameters.home] if parameters.home else [])]
    found = statements.rows(connection, block["numbers"], {"words": words})
    numbers = {row["word"]: row["number"] for row in found}
    buyers = {numbers[buyer] for buyer in parameters.buyer if buyer in numbers}
    facts = statements.rows(connection, block["organizations"], values)
    known = spans.organizations(facts, from_on, buyers)
    asked = [span for span in known.asked if parameters.buyer_scope == "group" or span.thing in buyers]
    if parameters.home is not None or len(parameters.buyer) != 1:
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


def _query(parameters: VendorDependence, stepped: bool) -> str:
    """The statement that answers all changes, by day or, where the series has steps, by point."""
    capacity = parameters.measure == "capacity"
    figures = [
        "facts",
        FACTS.get(parameters.key, "no-product-facts"),
        *(["attributes"] if capacity else []),
        *("plain", f"plain-{parameters.status}", "irregular", f"line-{parameters.status}", "supply"),
        *(["converted-capacity"] if capacity else []),
    ]
    factors = "" if capacity else statements.blocks("contributions.sql")[f"factor-{parameters.measure}"]
    turning = ["joint", "turning", "shown-at-points" if stepped else "shown-at-once", "changes"]
    words = contributions.measured(parameters) | {"fact": parameters.key, "key": KEYS[parameters.key]}
    before, after = (statements.filled("series.sql", names, words) for names in (figures, turning))
    return before + factors + after


def _points(
    parameters: VendorDependence,
    days: list[date] | None,
    from_on: date,
    changes: list[Change],
    homes: list[tuple[date, int | None]],
) -> Iterator[dict[str, Any]]:
    """The points on these days; without days, wherever the answer becomes another."""
    state = State(parameters.unit)
    before = None
    done = 0
    for day in days or sorted({from_on, *(change["day"] for change in changes), *(since for since, _ in homes)}):
        while done < len(changes) and changes[done]["day"] <= day:
            state.apply(changes[done])
            done += 1
        home = next((country for since, country in reversed(homes) if since <= day), None)
        point = state.point(home)
        if days is not None or point != before:
            yield {"effective_on": day.isoformat(), **point}
        before = point
