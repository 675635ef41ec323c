"""How much a buyer, or the market, depends on whom: the view and the postings behind each of its rows."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from domain.truth import Truth
from domain.values import UNKNOWN_COUNTRY
from projections import contributions, statements
from projections.contributions import ROW_KEY, Grouping, Sum, Sums
from projections.explanations import PARTLY
from projections.figures import PRECISE, ZERO, Figure, plain, ratio, share_of, total_of
from projections.metrics import Bounds, Split, at_risk, metrics_of, shares_of
from projections.parameters import VendorDependence
from projections.plain_lines import added_up
from projections.resolved import Footing
from projections.restrictions import VERDICTS, Restrictions

#: By row, and what decides whether a contribution is captive, domestic or barred.
ROWS = Grouping(
    {"key": ROW_KEY, "captive": "captive", "domestic": "domestic", "verdict": "verdict"}, words=frozenset({"key"})
)

#: Names and countries of the keys of rows (rule 23).
Named = Callable[[list[str]], dict[str, tuple[str | None, str | None]]]


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


def remarks_of(
    connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, footing: Footing | None = None
) -> list[dict[str, Any]]:
    """The remarks of the view alone (rule 61)."""
    if parameters.measure == "units":
        return []
    values = contributions.bindings(connection, parameters) | {"home": None}
    return added_up(connection, parameters, ROWS, values, footing=footing).remarks


def vendor_dependence(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    *,
    country_name: Callable[[str], str | None],
    footing: Footing | None = None,
) -> dict[str, Any]:
    """The view: `total`, `rows` and `metrics` as docs/semantics.md has them (rules 22 to 29, 50, 61
    and 64).

    Figures are decimal strings, shares and metrics numbers, days dates. `country_name` gives the English name of a
    country code, or None. `footing`: what is kept of the moment.
    """
    home = _home(connection, parameters)
    values = contributions.bindings(connection, parameters) | {"home": home}
    restrictions = Restrictions(connection, parameters) if footing is None else footing.restrictions(connection)
    found = added_up(connection, parameters, ROWS, values, parameters.key, restrictions.verdicts, footing)
    return answered(parameters, found, home, lambda keys: names_of(connection, parameters, keys, country_name))


def answered(parameters: VendorDependence, found: Sums, home: str | None, named: Named) -> dict[str, Any]:
    """The view, from contributions added up by ROWS and the names and countries of keys."""
    rows: dict[str | None, RankedRow] = {}
    for part in found.sums:
        key = part.alike["key"]
        rows.setdefault(key, RankedRow(key)).add(part)
    ranked = sorted(rows.values(), key=rank)
    total = total_of(row.figure for row in ranked)
    figures = [row.figure for row in ranked]
    shares = shares_of(figures)
    domestic = None if home is None else split_of(found.sums, "domestic")
    return {
        "total": {**written(total), "unit": parameters.unit},
        "rows": _rows(ranked, shares, total, named([row.key for row in ranked if row.key is not None]), parameters),
        "metrics": {
            **metrics_of(figures, shares, total, split_of(found.sums, "captive"), domestic),
            **at_risk(by_verdict(found.sums)),
        },
        "remarks": found.remarks,
    }


def split_of(sums: Iterable[Sum], name: str) -> Split:
    """What has a mark among what sums are alike in, and what has not."""
    parts: dict[bool, Figure] = {True: Figure(), False: Figure()}
    for part in sums:
        parts[part.alike[name]] = parts[part.alike[name]].plus(part.figure)
    return Split(parts[True], parts[False])


def by_verdict(sums: Iterable[Sum]) -> dict[Truth, Figure]:
    """What sums with each verdict come to."""
    verdicts: dict[Truth, Figure] = defaultdict(Figure)
    for part in sums:
        truth = VERDICTS[part.alike["verdict"]]
        verdicts[truth] = verdicts[truth].plus(part.figure)
    return verdicts


def together(verdicts: Collection[Truth]) -> str:
    """What contributions have in common; where they differ partly, or undetermined if any is (rule 38)."""
    if len(verdicts) == 1:
        return next(iter(verdicts)).value
    return Truth.UNDETERMINED.value if Truth.UNDETERMINED in verdicts else PARTLY


def _home(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence) -> str | None:
    """The country that counts as domestic; None: there is none, or it is not known (rule 58)."""
    home = _said_home(connection, parameters)
    return None if home == UNKNOWN_COUNTRY else home


def _said_home(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence) -> str | None:
    if parameters.home is not None or not parameters.buyer:
        return parameters.home
    values = parameters.bindings() | {"buyer": list(dict.fromkeys(parameters.buyer))}
    found = statements.rows(connection, statements.blocks("vendor_dependence.sql")["home"], values)
    return found[0]["country"] if found else None


def rank(row: RankedRow) -> tuple[bool, Decimal, bool, str]:
    """Largest value first, unknown values last, then by key, no key last."""
    value = row.figure.value
    return value is None, ZERO if value is None else PRECISE.minus(value), row.key is None, row.key or ""


def written(figure: Figure) -> dict[str, str | None]:
    """A figure as answers have it: plain decimals, null where there is no value or no bound."""
    value, low, high = figure.value, figure.low, figure.high
    text = plain(low)
    # Most figures are exact, and writing takes its time.
    return {
        "value": text if value == low else plain(value),
        "low": text,
        "high": text if high == low else plain(high),
    }


def _rows(
    ranked: list[RankedRow],
    shares: list[Bounds],
    total: Figure,
    names: dict[str, tuple[str | None, str | None]],
    parameters: VendorDependence,
) -> list[dict[str, Any]]:
    answer = []
    for row, (share_low, share_high) in zip(ranked, shares, strict=True):
        figure = row.figure
        name, country = names.get(row.key, (None, None)) if row.key is not None else (None, None)
        answer.append(
            {
                "key": row.key,
                "name": row.key if parameters.names_itself else name,
                **written(figure),
                "share": ratio(share_of(figure, total)),
                "share_low": ratio(share_low),
                "share_high": ratio(share_high),
                "quantified": figure.unquantified == 0,
                "captive": row.captive,
                "restricted": together(row.verdicts),
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
