"""The lines of orders and assertions behind regulatory-exposure: each with what bars it, or may."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from domain.rulebook import CLEAR, Assessment
from domain.truth import Truth
from projections import contributions, statements
from projections.contributions import Tally
from projections.figures import PRECISE, SNAP, ZERO, Figure
from projections.judging import JudgedSupply, buyers_of, judge_of, key_of
from projections.parameters import RegulatoryExposure
from projections.parties import NO_PRODUCT
from projections.regulatory_exposure import hits_of, rule_of, words_of
from projections.vendor_dependence import written

#: A line of an order or of an assertion: which of the two, and its number.
LineKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class WeighedLine:
    """A contribution with the verdict on it."""

    key: LineKey
    figure: Figure
    supply: JudgedSupply
    #: As text, for answers.
    placed_on: str


@dataclass(frozen=True, slots=True)
class RankedLines:
    """Lines of regulatory-exposure in their order, or a stretch of them: what pages are cut from.

    Numbers are those of the projection that it was read from.
    """

    lines: list[WeighedLine]
    #: The place of the first of these among all, and how many there are of all.
    start: int
    count: int
    #: What the rules say of those that are not clear.
    assessed: dict[JudgedSupply, Assessment]

    def holds(self, offset: int, limit: int) -> bool:
        """Whether all lines of a page are among these."""
        return self.start <= offset and min(offset + limit, self.count) <= self.start + len(self.lines)


def exposed_lines(connection: duckdb.DuckDBPyConnection, parameters: RegulatoryExposure) -> list[dict[str, Any]]:
    """All lines of regulatory-exposure (docs/semantics.md, rule 63).

    Each has order_id or assertion_id (the other is null), line, buyers, vendor, vendor_name, product, value, low, high,
    placed_on, deliver_by, restricted, rules and missing. By value, largest first, nulls last, then order (assertions
    last) and line.
    """
    with statements.snapshot(connection):
        ranked = ranked_lines(connection, parameters)
        return page_of_lines(connection, parameters, ranked, 0, ranked.count)


def ranked_lines(
    connection: duckdb.DuckDBPyConnection, parameters: RegulatoryExposure, start: int = 0, most: int | None = None
) -> RankedLines:
    """All lines in their order, from a place on and at most so many: what `page_of_lines` takes pages from."""
    with statements.snapshot(connection):
        judge = judge_of(connection, parameters)
        values = contributions.bindings(connection, parameters) | {"home": None} | judge.verdicts.bindings
        block = statements.blocks("regulatory_exposure.sql")
        reading = f"{statements.blocks('vendor_dependence.sql')['whole-numbers']},\n{judge.verdicts.judged()}"
        statement = contributions.query(parameters, reading + block["lines"], "every-line")
        found: list[WeighedLine] = []
        supplies: dict[JudgedSupply, JudgedSupply] = {}
        read = statements.rows(connection, statement, values)
        judge.meet(read)
        for row in read:
            key, buyers, mark = key_of(row), buyers_of(row), row["verdict"]
            truth = judge.truth(buyers, *key, mark)
            if parameters.wants(truth.value):
                tally = Tally()
                tally.add(row)
                supply = JudgedSupply(*key, buyers, mark, truth)
                # Lines that are kept hold each supply once.
                supply = supplies.setdefault(supply, supply)
                line = row["source"], row["line_key"]
                found.append(WeighedLine(line, tally.figure(), supply, row["placed_on"].isoformat()))
        named = _places(connection, found)
        found.sort(key=lambda one: (*by_value(one.figure), named[one.key]))
        lines = found[start:] if most is None else found[start : start + most]
        assessed = judge.assess({one.supply: None for one in lines if one.supply.truth is not Truth.NO})
        return RankedLines(lines, start, len(found), assessed)


def page_of_lines(
    connection: duckdb.DuckDBPyConnection,
    parameters: RegulatoryExposure,
    ranked: RankedLines,
    offset: int,
    limit: int,
) -> list[dict[str, Any]]:
    """The lines of a page that `ranked` holds, as `exposed_lines` has them; the cost is that of the page."""
    page = ranked.lines[offset - ranked.start : offset - ranked.start + limit]
    with statements.snapshot(connection):
        words = words_of(connection, {number for one in page for number in (one.supply.vendor, one.supply.product)})
        said = _said(connection, parameters, page, contributions.bindings(connection, parameters))
    return [_row(one, ranked.assessed, words, said[one.key]) for one in page]


def by_value(figure: Figure) -> tuple[bool, Decimal]:
    """Largest value first, unknown values last."""
    value = figure.value
    # A quotient of rates is cut off behind many places: what is the same is the same again.
    return value is None, ZERO if value is None else PRECISE.minus(value.quantize(SNAP, context=PRECISE))


def _places(connection: duckdb.DuckDBPyConnection, found: Collection[WeighedLine]) -> dict[LineKey, tuple[Any, ...]]:
    """By order and line; assertions come behind them."""
    block = statements.blocks("regulatory_exposure.sql")
    places: dict[LineKey, tuple[Any, ...]] = {}
    for source in ("order", "supply"):
        keys = [one.key[1] for one in found if one.key[0] == source]
        for row in statements.rows(connection, block[f"{source}-places"], {"lines": keys}):
            line = row["line"]
            places[source, row["line_key"]] = source == "supply", row["id"], line is None, line or "", row["line_key"]
    return places


def _said(
    connection: duckdb.DuckDBPyConnection,
    parameters: RegulatoryExposure,
    page: Collection[WeighedLine],
    values: dict[str, Any],
) -> dict[LineKey, dict[str, Any]]:
    """What is said of lines: ids, the buyers asked for by id, and names of vendors."""
    block = statements.blocks("regulatory_exposure.sql")
    said: dict[LineKey, dict[str, Any]] = {}
    for source in ("order", "supply"):
        keys = [one.key[1] for one in page if one.key[0] == source]
        for row in statements.rows(connection, block[f"{source}-said"], values | {"lines": keys}):
            said[source, row.pop("line_key")] = row
    vendors = sorted({one.supply.vendor for one in page})
    names = {
        row["organization"]: row["name"]
        for row in statements.rows(connection, block["vendor-names"], values | {"vendors": vendors})
    }
    for one in page:
        said[one.key]["vendor_name"] = names.get(one.supply.vendor)
    return said


def _row(
    one: WeighedLine, assessed: dict[JudgedSupply, Assessment], words: dict[int, str], said: dict[str, Any]
) -> dict[str, Any]:
    hits = hits_of([assessed.get(one.supply, CLEAR)])
    return {
        "order_id": said["order_id"],
        "assertion_id": said["assertion_id"],
        "line": said["line"],
        "buyers": said["buyers"],
        "vendor": words[one.supply.vendor],
        "vendor_name": said["vendor_name"],
        "product": None if one.supply.product == NO_PRODUCT else words[one.supply.product],
        **written(one.figure),
        "placed_on": one.placed_on,
        "deliver_by": said["deliver_by"],
        "restricted": one.supply.truth.value,
        "rules": [rule_of(hit) for hit in hits],
        "missing": sorted({missing for hit in hits for missing in hit.missing}),
    }
