"""Contributions: what each order line or assertion line adds to a figure, and what its parts are multiplied with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from projections import statements
from projections.blocks import without_comment
from projections.figures import PRECISE, RATE_PLACES, Figure, cross_rate
from projections.parameters import ContributionParameters, MarketParameters
from projections.resolved import Footing
from projections.restrictions import UNRESTRICTED, Verdicts

#: The key of a row, as an expression over a contribution, joined with its product for those that need it (rule 22).
KEYS = {
    "vendor": "vendor",
    "maker": "coalesce(product.maker, vendor)",
    "parent": "family",
    "country": "country",
    "product": "theirs.product",
    "category": "product.category",
    "attribute": "product.label",
}


#: Where the movements are that a condition on lines speaks of, if not among all postings.
POSTINGS = {"irregular-lines": "irregular_posting", "irregular-lines-unmade": "irregular_posting"}
#: What movements hold of quantities, and how they are kept: where amounts are derived (rule 30), and where
#: they are not.
DERIVING = {
    "priced": ", unpriced, quantity_value, quantity_low, quantity_high, quantity_unquantified",
    "kept_by": "materialized",
}
UNDERIVING = {"priced": "", "kept_by": "not materialized"}
#: Whether receipts and returns lie in the window or the period.
ARRIVING = "ends_on between $first_on and $last_on"
#: Stands among the columns of a grouping for the key of a row, whichever it is.
ROW_KEY = "key of the row"
#: What the figures of contributions are multiplied with.
FACTORS = (
    "source_rate, target_rate, attribute_value, attribute_low, attribute_high, "
    "share_value, share_low, share_high, remainder"
)


@dataclass(frozen=True, slots=True)
class Grouping:
    """What contributions are added up by."""

    #: Columns by name, each an expression over a contribution (`counted`) and its product; ROW_KEY: the key of a row.
    columns: Mapping[str, str]
    #: Sets of columns of which is only asked in what combinations they occur; the last of a set, which no other has, is
    #: never null.
    occurring: tuple[Mapping[str, str], ...] = ()
    #: Columns of numbers that stand for words, and are answered in words.
    words: frozenset[str] = frozenset()

    def clauses(self, key: str, factors: str = "") -> dict[str, str]:
        """What blocks put in to group by this, and sums by some factors besides; `key` is an expression for the key."""
        columns, *occurring = (
            {name: key if column == ROW_KEY else column for name, column in some.items()}
            for some in (self.columns, *self.occurring)
        )
        every = dict(columns)
        for some in occurring:
            every |= some
        grouped = ", ".join(f"{column} as {name}" for name, column in every.items())
        named = ", ".join(f"word_of({name}) as {name}" if name in self.words else name for name in every)
        sets = "all"
        if occurring:
            # By the expressions: their names may be those of other columns, too.
            further = (f", ({', '.join(some.values())})" for some in occurring)
            sets = f"grouping sets (({', '.join(columns.values())}{factors}){''.join(further)})"
        return {"named": named, "grouped": grouped, "sets": sets}

    def occurring_in(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """What occurs together, where a row of such a statement says that and has no sums; None: it has sums."""
        for some in self.occurring:
            if row[list(some)[-1]] is not None:
                return {name: row[name] for name in some}
        return None


@dataclass(frozen=True, slots=True)
class Sum:
    """Contributions that are alike in the columns of a grouping, added up."""

    alike: Mapping[str, Any]
    figure: Figure
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class Sums:
    """Contributions added up by a grouping; several sums may be of contributions that are alike."""

    sums: list[Sum]
    #: The combinations of its further columns.
    occurring: list[dict[str, Any]]
    #: What is missing, and how old rates are (rule 61): kind, subject, count and, of rates, days.
    remarks: list[dict[str, Any]] = field(default_factory=list)

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        remarks = remarked([*self.remarks, *other.remarks])
        return Sums(self.sums + other.sums, self.occurring + other.occurring, remarks)


def remarked(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Remarks by kind and subject, those of one added up; `days` where the kind has them."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    days: dict[tuple[str, str], int] = defaultdict(int)
    for remark in found:
        about = remark["kind"], remark["subject"]
        counts[about] += remark["count"]
        days[about] = max(days[about], remark.get("days") or 0)
    return [
        {"kind": kind, "subject": subject, "count": counts[kind, subject]}
        | ({"days": days[kind, subject]} if kind == STALE_RATE else {})
        for kind, subject in sorted(counts)
    ]


#: Of what is converted at a rate that was old on the day it is used for.
STALE_RATE = "stale-rate"


@dataclass(slots=True)
class Tally:
    """Contributions being added up, in whole numbers of 1e-52: nothing that they are multiplied with is rounded."""

    value: int = 0
    low: int = 0
    high: int = 0
    unbounded: bool = False
    quantified: int = 0
    unquantified: int = 0
    first_on: date = date.max
    last_on: date = date.min

    def add(self, group: dict[str, Any], contributions: int = 1) -> None:
        """Add contributions that share their factors, given those factors and the sums of their figures (rules 17-20).

        Figures are in units of 1e-4, attributes and shares of 1e-6, rates of 1e-10; the rate between them is cut off
        behind 36 places, which makes 52 in all.
        """
        rate = cross_rate(group["target_rate"], group["source_rate"])
        high = rate * group["high"] * group["attribute_high"]
        if group["share_value"] is not None:
            self.value += rate * group["value"] * group["attribute_value"] * group["share_value"]
            self.low += rate * group["low"] * group["attribute_low"] * group["share_low"]
            self.high += high * group["share_high"]
            self.quantified += group["quantified"]
            self.unquantified += group["unquantified"]
        if group["remainder"] is not None:
            self.high += high * group["remainder"]
            self.unquantified += contributions
        # What leaves nothing bounds even what is unbounded.
        self.unbounded = self.unbounded or (group["unbounded"] > 0 and (group["share_high"] or group["remainder"]))

    def figure(self) -> Figure:
        """What it comes to."""
        value, low, high = (Decimal(number).scaleb(-PLACES, PRECISE) for number in (self.value, self.low, self.high))
        return Figure(value, low, None if self.unbounded else high, int(self.quantified), int(self.unquantified))


#: The decimal places of a tally: 4 of figures, 6 of attributes, 6 of shares, and those of a rate.
PLACES = 16 + RATE_PLACES


def added_up(
    connection: duckdb.DuckDBPyConnection,
    parameters: ContributionParameters,
    grouping: Grouping,
    values: dict[str, Any],
    lines: str,
    by: str = "vendor",
    verdicts: Verdicts = UNRESTRICTED,
    footing: Footing | None = None,
) -> Sums:
    """What the contributions of order lines that `lines` (a block) selects, and of all assertions, come to."""
    groups = statements.filled("vendor_dependence.sql", "groups", grouping.clauses("counted.key", f", {FACTORS}"))
    judged = verdicts.judged(None if footing is None else "")
    reading = f"{statements.blocks('vendor_dependence.sql')['whole-numbers']},\n{judged}{groups}"
    statement = query(parameters, reading, lines, by, footing)
    tallies: dict[tuple[Any, ...], Tally] = defaultdict(Tally)
    occurring = []
    # What is left out wants something, too, and shows in no sum.
    is_wanting = "unquantified" in parameters.exclude
    for group in statements.rows(connection, statement, values | verdicts.bindings):
        together = grouping.occurring_in(group)
        if together is not None:
            occurring.append(together)
            continue
        tally = tallies[tuple(_hashable(group[name]) for name in grouping.columns)]
        tally.add(group, group["contributions"])
        is_wanting = is_wanting or group["wanting"] > 0
        tally.first_on = min(tally.first_on, group["first_on"])
        tally.last_on = max(tally.last_on, group["last_on"])
    sums = [
        Sum(dict(zip(grouping.columns, which, strict=True)), tally.figure(), tally.first_on, tally.last_on)
        for which, tally in tallies.items()
    ]
    is_wanting = is_wanting and parameters.measure != "units"
    missing = remarks(connection, parameters, values, lines, footing) if is_wanting else []
    return Sums(sums, occurring, remarked(missing))


def remarks(
    connection: duckdb.DuckDBPyConnection,
    parameters: ContributionParameters,
    values: dict[str, Any],
    lines: str,
    footing: Footing | None = None,
) -> list[dict[str, Any]]:
    """What those of order lines that `lines` (a block) selects, and of all assertions, lack, and how old rates are."""
    reading = statements.blocks("contributions.sql")["remarks"]
    return statements.rows(connection, query(parameters, reading, lines, footing=footing), values)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def query(
    parameters: ContributionParameters,
    reading: str,
    lines: str,
    by: str = "vendor",
    footing: Footing | None = None,
) -> str:
    """One statement: `reading`, and the contributions that it reads, of order lines that `lines` (a block) selects.

    `by` names the key that they have (KEYS).
    """
    words = measured(parameters) | {"key": KEYS[by], "postings": POSTINGS.get(lines, "posting")}
    words["lines"] = without_comment(statements.filled("contributions.sql", lines, words))
    derives = parameters.measure == "spend" and (footing is None or footing.has_unpriced)
    words |= DERIVING if derives else UNDERIVING
    words["arriving"] = ARRIVING if parameters.status == "delivered" else "true"
    moved = "derived" if derives else "underived"
    scope, supply, contribution = "scope", "supply", "contribution"
    if footing is not None:
        supply = supply if footing.has_assertions else "no-supply"
        if footing.is_whole:
            scope, contribution = "scope-of-all", "contribution-of-all"
            counting = "movement-counts" if footing.has_retractions else "movement-within-clocks"
            words["counting"] = without_comment(statements.blocks("contributions.sql")[counting])
    first = statements.filled("contributions.sql", (scope, moved, f"order-{parameters.status}", supply), words)
    last = factors(parameters.measure, footing) + statements.filled("contributions.sql", contribution, words)
    return f"{dimensions(by, footing)}{first}{last}{reading}"


def factors(measure: str, footing: Footing | None = None) -> str:
    """What figures are multiplied with."""
    block = statements.blocks("contributions.sql")
    rates = ""
    if measure == "spend":
        rates = block["conversion"] if footing is None else footing.rated("conversion")
    return rates + block[f"factor-{measure}"]


def dimensions(by: str, footing: Footing | None = None) -> str:
    """Who is asked for, and who and what there is, where no market has it already; `by` names the key (KEYS)."""
    if footing is not None:
        return footing.dimensions(by)
    block = statements.blocks("contributions.sql")
    products = block["labelled-products" if by == "attribute" else "products"]
    return f"{block['dimensions']}{products}{block['families']}"


def measured(parameters: ContributionParameters) -> dict[str, str]:
    """What blocks put in to be about amounts or about quantities, as is asked: `measure` and `account`."""
    if parameters.measure != "spend":
        return {"measure": "quantity", "account": "1"}
    # What is ordered of a line may be plain where what is received is not.
    return {"measure": "amount", "account": "2" if parameters.status == "ordered" else "6"}


def bindings(connection: duckdb.DuckDBPyConnection, parameters: ContributionParameters) -> dict[str, Any]:
    """What the statements of `query` have as parameters, but for what is barred."""
    asked = buyers_asked(connection, parameters)
    return parameters.bindings() | {"asked": asked, "status": parameters.status}


def buyers_asked(connection: duckdb.DuckDBPyConnection, parameters: MarketParameters) -> list[int] | None:
    """The keys of the buyers asked for, subsidiaries included where groups are; None: the whole market."""
    if not parameters.buyer:
        return None
    statement = statements.blocks("vendor_dependence.sql")["asked"]
    values = parameters.bindings() | {
        "buyer": list(parameters.buyer),
        "group": parameters.buyer_scope == "group",
    }
    return [row["number"] for row in statements.rows(connection, statement, values)]
