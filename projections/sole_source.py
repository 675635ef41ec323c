"""Who a category of products is bought from, who else could sell it, and whether only one could."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from domain.truth import Truth
from projections import contributions, plain_lines, statements
from projections.contributions import Grouping
from projections.figures import Figure, total_of
from projections.judging import numbers_in
from projections.parameters import SoleSource
from projections.regulatory_exposure import words_of
from projections.restrictions import VERDICTS, Restrictions
from projections.vendor_dependence import RankedRow, rank, written

#: Stands among numbers of makers for that of products that nobody is known to make.
NO_MAKER = -1
#: So many ids of vendors and alternatives are listed.
LISTED_IDS = 20

CATEGORY = {"category": "product.category"}
VENDORS = CATEGORY | {"vendor": "counted.vendor"}
MAKERS = CATEGORY | {"maker": f"coalesce(product.maker, {NO_MAKER})"}
KINDS = CATEGORY | {"kinds": "buyers"}
FAMILIES = CATEGORY | {"families": "buyer_families"}


@dataclass
class CategoryRow:
    """What is bought of a category; organisations are numbers."""

    figure: Figure = field(default_factory=Figure)
    vendors: set[int] = field(default_factory=set)
    #: Of what is bought, as far as they are known.
    makers: set[int] = field(default_factory=set)
    #: Of the buyers.
    kinds: set[int] = field(default_factory=set)
    #: The ultimate parents of the buyers, where captive purchases are left out.
    families: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class CategorySource:
    """Who may sell a category."""

    #: Its number, or its id.
    who: int | str
    id: str
    available: Truth


def sole_source(connection: duckdb.DuckDBPyConnection, parameters: SoleSource) -> dict[str, Any]:
    """The view (docs/semantics.md, rules 51 to 53).

    `total` of all that is bought; `rows` by category: value, low, high, vendors and vendor_count, sources (how many are
    available, undetermined and unfit), single_source, sole_source (yes, no, undetermined or none), alternatives and
    alternatives_total; and `remarks`. Figures are decimal strings.
    """
    families = (FAMILIES,) if parameters.captive == "exclude" else ()
    grouping = Grouping(CATEGORY, (VENDORS, MAKERS, KINDS, *families), frozenset(CATEGORY))
    values = contributions.bindings(connection, parameters) | {"home": None}
    with statements.snapshot(connection):
        restrictions = Restrictions(connection, parameters)
        found = plain_lines.added_up(connection, parameters, grouping, values, verdicts=restrictions.verdicts)
        rows: dict[str | None, CategoryRow] = defaultdict(CategoryRow)
        for part in found.sums:
            row = rows[part.alike["category"]]
            row.figure = row.figure.plus(part.figure)
        for one in found.occurring:
            _take_in(rows[one["category"]], one)
        total = total_of(row.figure for row in rows.values())
        bought = {category: row for category, row in rows.items() if category is not None}
        sources = _sources(connection, parameters, restrictions, bought)
        words = words_of(connection, {vendor for row in bought.values() for vendor in row.vendors})
    ranked = sorted((RankedRow(category, row.figure) for category, row in bought.items()), key=rank)
    return {
        "total": {**written(total), "unit": parameters.unit},
        "rows": [
            {"category": one.key, **written(one.figure), **_row(bought[one.key], sources[one.key], words)}
            for one in ranked
            if one.key is not None
        ],
        "remarks": found.remarks,
    }


def _take_in(row: CategoryRow, one: Mapping[str, Any]) -> None:
    if "vendor" in one:
        row.vendors.add(one["vendor"])
    elif "maker" in one:
        row.makers.add(one["maker"])
    elif "kinds" in one:
        row.kinds.update(numbers_in(one["kinds"]))
    else:
        row.families.update(numbers_in(one["families"]))


def _sources(
    connection: duckdb.DuckDBPyConnection,
    parameters: SoleSource,
    restrictions: Restrictions,
    bought: Mapping[str, CategoryRow],
) -> dict[str, list[CategorySource]]:
    """By category who may sell it, by id."""
    sources: dict[str, list[CategorySource]] = {category: [] for category in bought}
    wanted = [(category, kind) for category, row in bought.items() for kind in row.kinds]
    if not wanted:
        return sources
    sold = _sold_unmade(connection, parameters)
    values = parameters.bindings() | restrictions.verdicts.bindings
    values |= {"wanted_category": [one for one, _ in wanted], "wanted_kind": [kind for _, kind in wanted]}
    values |= {"sold_vendor": [vendor for vendor, _ in sold], "sold_product": [product for _, product in sold]}
    values |= {"threshold": parameters.threshold, "threshold_attribute": parameters.threshold_attribute}
    words = restrictions.verdicts.words()
    standing = statements.filled("restrictions.sql", "standing", words)
    statement = statements.filled("sole_source.sql", "sources", words | {"standing": standing})
    for one in statements.rows(connection, statement, values):
        # With captive=exclude none that shares the ultimate parent of every one of the buyers.
        if bought[one["category"]].families != {one["family"]}:
            sources[one["category"]].append(CategorySource(one["source"], one["id"], VERDICTS[one["available"]]))
    return sources


def _sold_unmade(connection: duckdb.DuckDBPyConnection, parameters: SoleSource) -> list[tuple[int, int]]:
    """Who sold, to anybody at any time, products that nobody is known to make: vendor and product."""
    block = statements.blocks("sole_source.sql")
    if not statements.rows(connection, block["unmade"], parameters.bindings()):
        return []
    market = {"buyer": (), "window": None, "period": None, "captive": "include"}
    sold = set[tuple[int, int]]()
    sold.update(_pairs(plain_lines.sold_unmade(connection, parameters.model_copy(update=market))))
    for status in ("ordered", "delivered"):
        asked = parameters.model_copy(update=market | {"status": status})
        statement = contributions.query(asked, block["sold"], "irregular-lines-unmade")
        sold.update(_pairs(statements.rows(connection, statement, contributions.bindings(connection, asked))))
    return sorted(sold)


def _pairs(found: Iterable[Mapping[str, Any]]) -> Iterable[tuple[int, int]]:
    return ((one["vendor"], one["product"]) for one in found)


def _row(row: CategoryRow, sources: list[CategorySource], words: Mapping[int, str]) -> dict[str, Any]:
    return as_row(sorted(words[vendor] for vendor in row.vendors), row.vendors | row.makers, sources)


def as_row(vendors: list[str], used: Collection[int | str], sources: list[CategorySource]) -> dict[str, Any]:
    """What a row says of who sells, and who could: vendors by id, who is used as sources name it, sources by id."""
    counts = {truth: sum(source.available is truth for source in sources) for truth in Truth}
    others = [one.id for one in sources if one.available is Truth.YES and one.who not in used]
    return {
        "vendors": vendors[:LISTED_IDS],
        "vendor_count": len(vendors),
        "sources": {
            "available": counts[Truth.YES],
            "undetermined": counts[Truth.UNDETERMINED],
            "unfit": counts[Truth.NO],
        },
        "single_source": len(vendors) == 1,
        "sole_source": _sole(counts),
        "alternatives": others[:LISTED_IDS],
        "alternatives_total": len(others),
    }


def _sole(counts: Mapping[Truth, int]) -> str:
    """Whether only one could sell it; none: nobody could (rule 53)."""
    if counts[Truth.YES] >= 2:
        return "no"
    possible = counts[Truth.YES] + counts[Truth.UNDETERMINED]
    if not possible:
        return "none"
    return "yes" if possible == 1 else "undetermined"
