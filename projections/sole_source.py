"""Who could be bought from instead: other makers of products of a category that nothing bars."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import duckdb

from domain.truth import Truth
from projections import statements
from projections.parameters import VendorDependence
from projections.restrictions import VERDICTS, Restrictions

#: A category, and for which kinds of buyers it is looked at.
Market = tuple[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Offer:
    """Products of one maker, one category and one sort."""

    maker: str
    #: Whether they reach the threshold.
    reach: Truth
    sort: int
    #: Numbers.
    products: tuple[int, ...]


def sole_sources(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    restrictions: Restrictions,
    occurring: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Whether each maker of what is bought is the only one that it could be bought from (rule 46).

    `occurring`: makers, categories and kinds of buyers that contributions have together. The answer is by vendor and
    category: sole_source yes, no or undetermined, and who makes it so: the alternatives (no) or perhaps alternatives.
    """
    buyers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in occurring:
        if one["category"] is not None:
            kinds = one["buyers"]
            buyers[one["maker"], one["category"]].update(kinds if isinstance(kinds, list) else [kinds])
    markets = {bought: (bought[1], frozenset(kinds)) for bought, kinds in sorted(buyers.items())}
    offers = _offers(connection, parameters, restrictions, sorted({category for category, _ in markets.values()}))
    offered = _offered(restrictions, offers, set(markets.values()))
    return [_told(maker, category, offered[market]) for (maker, category), market in markets.items()]


def _told(maker: str, category: str, offered: Mapping[str, Truth]) -> dict[str, Any]:
    others = {other: truth for other, truth in offered.items() if other != maker}
    best = max(others.values(), default=Truth.NO)
    alternatives = [] if best is Truth.NO else sorted(other for other, truth in others.items() if truth is best)
    return {"vendor": maker, "category": category, "sole_source": (~best).value, "alternatives": alternatives}


def _offers(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    restrictions: Restrictions,
    categories: list[str],
) -> dict[str, list[Offer]]:
    """By category, what is on the market and reaches the threshold, perhaps at least."""
    values = parameters.bindings() | {
        "categories": categories,
        "threshold": parameters.threshold,
        "threshold_attribute": parameters.threshold_attribute,
    }
    offers: dict[str, list[Offer]] = defaultdict(list)
    for row in statements.rows(connection, statements.blocks("sole_source.sql")["offers"], values):
        by_sort = defaultdict(list)
        for product in row["products"]:
            by_sort[restrictions.sort_of.get(product, 0)].append(product)
        offers[row["category"]] += [
            Offer(row["maker"], VERDICTS[row["reach"]], sort, tuple(products)) for sort, products in by_sort.items()
        ]
    return offers


def _offered(
    restrictions: Restrictions, offers: Mapping[str, list[Offer]], markets: Iterable[Market]
) -> dict[Market, dict[str, Truth]]:
    """By market, whether each maker has anything to offer to all of its buyers."""
    doubtful = restrictions.look_at(
        (buyer, maker, offer.sort)
        for category, buyers in markets
        for offer in offers.get(category, ())
        if (maker := restrictions.maker_of(offer.sort)) is not None
        for buyer in buyers
    )

    def available(offer: Offer, buyers: frozenset[int]) -> Truth:
        maker = restrictions.maker_of(offer.sort)
        if maker is None or not any((buyer, maker) in doubtful.get(offer.sort, ()) for buyer in buyers):
            return offer.reach
        barred = (restrictions.assess(buyers, maker, product).verdict for product in offer.products)
        return offer.reach & reduce(or_, (~verdict for verdict in barred))

    offered: dict[Market, dict[str, Truth]] = {}
    for category, buyers in markets:
        found = offered[category, buyers] = defaultdict(lambda: Truth.NO)
        for offer in offers.get(category, ()):
            found[offer.maker] |= available(offer, buyers)
    return offered
