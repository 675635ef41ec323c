"""Who could be bought from instead: other makers of products of a category that nothing bars."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from domain.truth import Truth
from projections import statements
from projections.parameters import SoleSource
from projections.restrictions import VERDICTS, Restrictions

#: A category, and for which kinds of buyers it is looked at.
Market = tuple[str, frozenset[int]]


def sole_sources(
    connection: duckdb.DuckDBPyConnection,
    parameters: SoleSource,
    restrictions: Restrictions,
    occurring: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Whether each maker of what is bought is the only one it could be bought from (docs/semantics.md, rules 51 to 53).

    `occurring`: makers, categories and kinds of buyers that contributions have together. The answer is by vendor and
    category: sole_source yes, no or undetermined, and who makes it so: the alternatives (no), or perhaps alternatives.
    """
    buyers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in occurring:
        if one["category"] is not None:
            kinds = one["buyers"]
            buyers[one["maker"], one["category"]].update(kinds if isinstance(kinds, list) else [kinds])
    markets = {bought: (bought[1], frozenset(kinds)) for bought, kinds in sorted(buyers.items())}
    offered = _offered(connection, parameters, restrictions, list(dict.fromkeys(markets.values())))
    return [_written(maker, category, offered[market]) for (maker, category), market in markets.items()]


def _written(maker: str, category: str, offered: Mapping[str, Truth]) -> dict[str, Any]:
    others = {other: truth for other, truth in offered.items() if other != maker}
    best = max(others.values(), default=Truth.NO)
    alternatives = [other for other, truth in others.items() if truth is best]
    return {"vendor": maker, "category": category, "sole_source": (~best).value, "alternatives": sorted(alternatives)}


def _offered(
    connection: duckdb.DuckDBPyConnection,
    parameters: SoleSource,
    restrictions: Restrictions,
    markets: list[Market],
) -> dict[Market, dict[str, Truth]]:
    """By market, the makers that have something, or may have something, for all of its buyers."""
    wanted = [(number, category, kind) for number, (category, kinds) in enumerate(markets) for kind in kinds]
    values: dict[str, Any] = parameters.bindings() | restrictions.verdicts.bindings
    for place, name in enumerate(("market", "category", "kind")):
        values[f"wanted_{name}"] = [one[place] for one in wanted]
    values |= {"threshold": parameters.threshold, "threshold_attribute": parameters.threshold_attribute}
    words = restrictions.verdicts.words()
    standing = statements.filled("restrictions.sql", "standing", words)
    statement = statements.filled("sole_source.sql", "offers", words | {"standing": standing})
    offered: dict[Market, dict[str, Truth]] = {market: {} for market in markets}
    for row in statements.rows(connection, statement, values):
        offered[markets[row["market"]]][row["maker"]] = VERDICTS[row["available"]]
    return offered
