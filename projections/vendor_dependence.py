"""How much a buyer, or the market, depends on whom: the view and the postings behind each of its rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from domain.truth import Finding, Truth, agreement
from domain.values import UNKNOWN_COUNTRY
from projections import contributions, statements
from projections.contributions import ROW_KEY, Grouping, Sum
from projections.figures import (
    PRECISE,
    ZERO,
    Figure,
    plain,
    product_of,
    quotient,
    ratio,
    share_high_of,
    share_low_of,
    share_of,
    sum_of,
    total_of,
)
from projections.parameters import VendorDependence
from projections.plain_lines import added_up
from projections.restrictions import VERDICTS, Restrictions
from projections.sole_source import sole_sources

#: By row, and what decides whether a contribution is captive, domestic or barred.
ROWS = Grouping(
    {"key": ROW_KEY, "captive": "captive", "domestic": "domestic", "verdict": "verdict"},
    {"maker": "coalesce(product.maker, counted.vendor)", "category": "product.category", "buyers": "buyers"},
    frozenset({"key", "maker", "category"}),
)


@dataclass
class RankedRow:
    """One row in the making."""

    key: str | None
    figure: Figure = field(default_factory=Figure)
    captive: bool = True
    first_on: date = date.max
    last_on: date = date.min
    verdicts: set[Truth] = field(default_factory=set)

    def add(self, part: Sum) -> None:
        """Take in some of its contributions."""
        self.figure = self.figure.plus(part.figure)
        self.captive = self.captive and part.alike["captive"]
        self.verdicts.add(VERDICTS[part.alike["verdict"]])
        self.first_on = min(self.first_on, part.first_on)
        self.last_on = max(self.last_on, part.last_on)


def vendor_dependence(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    *,
    country_name: Callable[[str], str | None],
) -> dict[str, Any]:
    """The view: `total`, `rows` and `metrics` as docs/semantics.md has them (rules 22 to 29 and 50 to 53).

    Figures are decimal strings, shares and metrics numbers, days dates. `country_name` gives the English name of a
    country code, or None.
    """
    home = _home(connection, parameters)
    rows: dict[str | None, RankedRow] = {}
    captive, domestic = [], []
    values = contributions.bindings(connection, parameters) | {"home": home}
    restrictions = Restrictions(connection, parameters)
    found = added_up(connection, parameters, ROWS, values, parameters.key, restrictions.verdicts)
    for part in found.sums:
        key = part.alike["key"]
        rows.setdefault(key, RankedRow(key)).add(part)
        if part.alike["captive"]:
            captive.append(part.figure)
        if part.alike["domestic"]:
            domestic.append(part.figure)
    ranked = sorted(rows.values(), key=rank)
    total = total_of(row.figure for row in ranked)
    names = names_of(connection, parameters, [row.key for row in ranked if row.key is not None], country_name)
    return {
        "total": {**written(total), "unit": parameters.unit},
        "rows": _rows(ranked, total, names, parameters),
        "metrics": {
            **metrics_of(ranked, total, total_of(captive), None if home is None else total_of(domestic)),
            **at_risk(found.sums, total),
            "sole_source": sole_sources(connection, parameters, restrictions, found.occurring),
        },
    }


def _home(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence) -> str | None:
    """The country that counts as domestic; None: there is none, or it is not known (rule 58)."""
    home = _said_home(connection, parameters)
    return None if home == UNKNOWN_COUNTRY else home


def _said_home(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence) -> str | None:
    if parameters.home is not None or len(parameters.buyer) != 1:
        return parameters.home
    values = parameters.bindings() | {"buyer": parameters.buyer[0]}
    found = statements.rows(connection, statements.blocks("vendor_dependence.sql")["home"], values)
    return found[0]["country"] if found else None


def rank(row: RankedRow) -> tuple[bool, Decimal, bool, str]:
    """Largest value first, unknown values last, then by key, no key last."""
    value = row.figure.value
    return value is None, ZERO if value is None else PRECISE.minus(value), row.key is None, row.key or ""


def written(figure: Figure) -> dict[str, str | None]:
    """A figure as answers have it: plain decimals, null where there is no value or no bound."""
    return {"value": plain(figure.value), "low": plain(figure.low), "high": plain(figure.high)}


def _rows(
    ranked: list[RankedRow],
    total: Figure,
    names: dict[str, tuple[str | None, str | None]],
    parameters: VendorDependence,
) -> list[dict[str, Any]]:
    unbounded = sum(row.figure.high is None for row in ranked)
    bounded = sum_of(row.figure.high for row in ranked if row.figure.high is not None)
    answer = []
    for row in ranked:
        figure = row.figure
        others = Figure(
            low=PRECISE.subtract(total.low, figure.low),
            high=None
            if unbounded > (figure.high is None)
            else PRECISE.subtract(bounded, ZERO if figure.high is None else figure.high),
        )
        name, country = names.get(row.key, (None, None)) if row.key is not None else (None, None)
        answer.append(
            {
                "key": row.key,
                "name": row.key if parameters.names_itself else name,
                **written(figure),
                "share": ratio(share_of(figure, total)),
                "share_low": ratio(share_low_of(figure, others)),
                "share_high": ratio(share_high_of(figure, others)),
                "quantified": figure.unquantified == 0,
                "captive": row.captive,
                "restricted": agreement(map(Finding, row.verdicts)).truth.value,
                "country": country,
                "first_effective_on": row.first_on.isoformat(),
                "last_effective_on": row.last_on.isoformat(),
            }
        )
    return answer


def names_of(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    keys: list[str],
    country_name: Callable[[str], str | None],
) -> dict[str, tuple[str | None, str | None]]:
    """Of every key its name and its country (rule 23)."""
    if parameters.names_itself:
        return {}
    if parameters.key == "country":
        return {key: ("unknown" if key == UNKNOWN_COUNTRY else country_name(key), key) for key in keys}
    block = "product-names" if parameters.key == "product" else "organization-names"
    statement = statements.blocks("vendor_dependence.sql")[block]
    found = statements.rows(connection, statement, parameters.bindings() | {"keys": keys})
    return {row["key"]: (row["name"], row["country"]) for row in found}


def at_risk(sums: Iterable[Sum], total: Figure) -> dict[str, float | None]:
    """What part of a total is barred, and what part of it may be (rule 40)."""
    values: dict[Truth, list[Decimal]] = defaultdict(list)
    for part in sums:
        values[VERDICTS[part.alike["verdict"]]].append(part.figure.sum)
    barred, perhaps = sum_of(values[Truth.YES]), sum_of(values[Truth.UNDETERMINED])
    return {
        "at_risk_low": ratio(quotient(barred, total.sum)),
        "at_risk_high": ratio(quotient(PRECISE.add(barred, perhaps), total.sum)),
    }


def metrics_of(ranked: list[RankedRow], total: Figure, captive: Figure, domestic: Figure | None) -> dict[str, Any]:
    """The metrics over the rows that have a value (rule 27)."""
    shares = [share for row in ranked if (share := share_of(row.figure, total)) is not None]
    squares = sum_of(product_of(share, share) for share in shares)
    largest = sorted(shares, reverse=True)
    known = bool(shares)
    return {
        "hhi": ratio(product_of(Decimal(10_000), squares)) if known else None,
        "effective_vendors": ratio(quotient(Decimal(1), squares)) if known else None,
        "cr1": ratio(largest[0]) if known else None,
        "cr3": ratio(sum_of(largest[:3])) if known else None,
        "captive_share": ratio(quotient(captive.sum, total.sum)) if known else None,
        "domestic_share": ratio(quotient(domestic.sum, total.sum)) if known and domestic is not None else None,
        "single_source": len(ranked) == 1,
        "coverage": {"quantified": sum(row.figure.unquantified == 0 for row in ranked), "active": len(ranked)},
    }
