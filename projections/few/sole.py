"""sole-source of few lines: who each category is bought from, and who else could sell it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.truth import Truth
from projections.contributions import Tally
from projections.few.contributions import Remarks, contributions_of
from projections.few.look import Viewpoint, look_at
from projections.few.records import AttributeSaid
from projections.few.rules import rules_in
from projections.parameters import SoleSource
from projections.sole_source import CategorySource, as_row
from projections.vendor_dependence import RankedRow, rank, written

#: What sole-source asks of the market for those who sold what nobody is known to make.
MARKET = {"buyer": (), "window": None, "period": None, "captive": "include"}


@dataclass(slots=True)
class CategoryBought:
    """What is bought of a category."""

    tally: Tally = field(default_factory=Tally)
    vendors: set[str] = field(default_factory=set)
    makers: set[str] = field(default_factory=set)
    buyers: set[str] = field(default_factory=set)


def sole_source(look: Viewpoint, parameters: SoleSource) -> dict[str, Any]:
    """The view, as `sole_source` answers it."""
    remarks, total = Remarks(parameters), Tally()
    bought: dict[str, CategoryBought] = defaultdict(CategoryBought)
    for one in contributions_of(look, remarks):
        total.add(one)
        product = None if one["product"] is None else look.world.product(one["product"])
        if product is None or product.category is None:
            continue
        row = bought[product.category]
        row.tally.add(one)
        row.vendors.add(one["vendor"])
        row.buyers |= one["buyers"]
        if product.maker is not None:
            row.makers.add(product.maker)
    sources = _sources(look, parameters, bought)
    ranked = sorted((RankedRow(category, row.tally.figure()) for category, row in bought.items()), key=rank)
    return {
        "total": {**written(total.figure()), "unit": parameters.unit},
        "rows": [
            {"category": one.key, **written(one.figure), **_row(bought[one.key], sources[one.key])}
            for one in ranked
            if one.key is not None
        ],
        "remarks": remarks.listed(),
    }


def _row(row: CategoryBought, sources: list[CategorySource]) -> dict[str, Any]:
    return as_row(sorted(row.vendors), row.vendors | row.makers, sources)


def _sources(
    look: Viewpoint, parameters: SoleSource, bought: dict[str, CategoryBought]
) -> dict[str, list[CategorySource]]:
    """By category who may sell it, by id."""
    found: dict[str, dict[str, Truth]] = {category: {} for category in bought}
    world, rules = look.world, rules_in(look.world)
    for product, source in [*_made(look), *_sold(look, parameters)]:
        category = world.product(product).category
        if category not in found:
            continue
        reach = _reach(parameters, world.attribute(product, parameters.threshold_attribute))
        barred = rules.verdict(bought[category].buyers, source, product) if rules.bar_something else Truth.NO
        available = reach & ~barred
        found[category][source] = found[category].get(source, Truth.NO) | available
    return {
        category: [
            CategorySource(source, source, available)
            for source, available in sorted(sources.items())
            if not _shares_parent(look, parameters, bought[category], source)
        ]
        for category, sources in found.items()
    }


def _shares_parent(look: Viewpoint, parameters: SoleSource, row: CategoryBought, source: str) -> bool:
    """Whether it shares the ultimate parent of every one of the buyers, where captive purchases are left out."""
    if parameters.captive == "include":
        return False
    return {look.world.family(buyer) for buyer in row.buyers} == {look.world.family(source)}


def _made(look: Viewpoint) -> Iterator[tuple[str, str]]:
    """Products whose registration counts, with their makers."""
    for product, said in list(look.held.registers.products.items()):
        maker = look.world.product(product).maker
        if maker is not None and any(one.registers and look.counts(one) for one in said):
            yield product, maker


def _sold(look: Viewpoint, parameters: SoleSource) -> set[tuple[str, str]]:
    """Products that nobody is known to make, with who sold them, to anybody at any time."""
    unmade = {
        product
        for product in list(look.held.registers.products)
        if (then := look.world.product(product)).maker is None and then.category is not None
    }
    if not unmade:
        return set()
    sold = set()
    for status in ("ordered", "delivered"):
        asked = parameters.model_copy(update=MARKET | {"status": status})
        market = look_at(look.held, look.worlds, asked)
        sold |= {(one["product"], one["vendor"]) for one in contributions_of(market) if one["product"] in unmade}
    return sold


def _reach(parameters: SoleSource, attribute: AttributeSaid | None) -> Truth:
    """Whether a product reaches the threshold (rule 52)."""
    if parameters.threshold is None:
        return Truth.YES
    threshold = int(parameters.threshold.scaleb(6))
    if attribute is None or attribute.low is None:
        return Truth.UNDETERMINED
    if attribute.low >= threshold:
        return Truth.YES
    return Truth.NO if attribute.high is not None and attribute.high < threshold else Truth.UNDETERMINED
