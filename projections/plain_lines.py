"""Contributions added up as a view asks: plain lines without looking at any by itself, and the others line by line."""

from decimal import Decimal
from typing import Any

import duckdb

from projections import contributions, statements
from projections.blocks import without_comment
from projections.contributions import Grouping, Sum, Sums
from projections.figures import PRECISE, Figure
from projections.parameters import ContributionParameters
from projections.resolved import Footing
from projections.restrictions import HELD_AGAINST, UNRESTRICTED, Verdicts

#: Which movements a status looks at; ordered ones are positive, received ones negative.
SIGNS = {"ordered": ">", "delivered": "<", "open": "<>"}
#: Which end decides whether a movement lies in the window (rule 15).
WINDOW_ENDS = {"ordered": "placed_on", "delivered": "ends_on", "open": "ends_on"}
KEYS = contributions.KEYS | {"vendor": "counted.vendor", "product": "counted.product"}
KEYS["maker"] = "coalesce(product.maker, counted.vendor)"
#: Joins what is known of a movement's product.
MADE = "left join product on product.product = counted.product"
#: The parts in which a product with a rate is summed, each so many times as fine as the one before; and the places of
#: the last.
RATE_PARTS = ("whole", "first_decimals", "second_decimals", "third_decimals")
RATE_PART = 10**12
RATE_PLACES = 40


def added_up(
    connection: duckdb.DuckDBPyConnection,
    parameters: ContributionParameters,
    grouping: Grouping,
    values: dict[str, Any],
    by: str = "vendor",
    verdicts: Verdicts = UNRESTRICTED,
    footing: Footing | None = None,
) -> Sums:
    """What all contributions come to.

    `values` are those of `contributions.bindings` and the home; `by` names the key of a row, where the grouping has one
    (contributions.KEYS).
    """

    def line_by_line(lines: str) -> Sums:
        return contributions.added_up(connection, parameters, grouping, values, lines, by, verdicts, footing)

    try:
        # Both statements must see the same lines as plain: a batch applied between them would count some twice.
        with statements.snapshot(connection):
            plain = _plain_lines(connection, parameters, grouping, values, by, verdicts, footing)
            return plain.plus(line_by_line("irregular-lines"))
    except duckdb.OutOfRangeException:
        if statements.UNDER_WAY.get() is connection:
            # The transaction is the caller's, and answers nothing any more.
            raise
        # Sums that leave 128 bits: line by line, nothing is multiplied before it is summed.
        return line_by_line("every-line")


def _plain_lines(
    connection: duckdb.DuckDBPyConnection,
    parameters: ContributionParameters,
    grouping: Grouping,
    values: dict[str, Any],
    by: str,
    verdicts: Verdicts,
    footing: Footing | None,
) -> Sums:
    """What those of plain order lines come to. duckdb.OutOfRangeException where a sum leaves 128 bits."""
    sums, occurring, is_wanting = [], [], parameters.measure != "units" and "unquantified" in parameters.exclude
    words = contributions.measured(parameters) | verdicts.words() | grouping.clauses(KEYS[by])
    values = values | verdicts.bindings
    for group in statements.rows(connection, _query(parameters, by, words, verdicts, footing), values):
        together = grouping.occurring_in(group)
        if together is not None:
            occurring.append(together)
        else:
            alike = {name: group[name] for name in grouping.columns}
            sums.append(Sum(alike, _figure(group, parameters), group["first_on"], group["last_on"]))
            is_wanting = is_wanting or group["unconvertible"] > 0 or group["stale"] > 0
    remarks = []
    if is_wanting:
        statement = _query(parameters, by, words, verdicts, footing, "remarks")
        remarks = contributions.remarked(statements.rows(connection, statement, values))
    return Sums(sums, occurring, remarks)


def sold_unmade(connection: duckdb.DuckDBPyConnection, parameters: ContributionParameters) -> list[dict[str, Any]]:
    """Vendor and product (numbers) of plain lines that add anything, ordered or delivered, where the product's maker is
    not known but its category is. `parameters` ask for the whole market and all days.
    """
    values = contributions.bindings(connection, parameters) | UNRESTRICTED.bindings | {"home": None}
    words = contributions.measured(parameters.model_copy(update={"status": "delivered"})) | UNRESTRICTED.words()
    words |= {"sign": "<>", "window_end": "ends_on"}
    names = ["sides", "aside", f"price-{parameters.measure}", "movements", f"unmade-{parameters.measure}"]
    filled = statements.filled("plain_lines.sql", names, words)
    statement = contributions.dimensions("vendor") + UNRESTRICTED.before_plain_lines() + filled
    return statements.rows(connection, statement, values)


def _query(
    parameters: ContributionParameters,
    by: str,
    words: dict[str, str],
    verdicts: Verdicts,
    footing: Footing | None,
    reading: str = "sums",
) -> str:
    status, measure = parameters.status, parameters.measure
    words |= {"sign": SIGNS[status], "window_end": WINDOW_ENDS[status]}
    words["lines"] = "*" if status == "ordered" else "distinct line_key"
    words["made"] = MADE if "product." in words["grouped"] else ""
    if footing is not None and verdicts.against == HELD_AGAINST:
        words["held_against"] = without_comment(statements.blocks("restrictions.sql")[f"{HELD_AGAINST}-all"])
    aside = statements.filled("plain_lines.sql", "aside-open" if status == "open" else "aside", words)
    reading = statements.filled("plain_lines.sql", ("movements", f"{reading}-{measure}"), words)
    if footing is not None:
        price = footing.rated("price") if measure == "spend" else _price(measure)
        return footing.dimensions(by) + verdicts.before_plain_lines("") + aside + price + reading
    sides = statements.filled("plain_lines.sql", "sides", words)
    return contributions.dimensions(by) + verdicts.before_plain_lines() + sides + aside + _price(measure) + reading


def _price(measure: str) -> str:
    """What figures are multiplied with."""
    return statements.blocks("plain_lines.sql")[f"price-{measure}"]


def _figure(group: dict[str, Any], parameters: ContributionParameters) -> Figure:
    """The sums of one group as a figure. What is received is summed below nothing."""
    sign = -1 if parameters.status == "delivered" else 1
    if parameters.measure == "capacity":
        value, low, high = (Decimal(sign * (group[bound] or 0)).scaleb(-10) for bound in ("value", "low", "high"))
    elif parameters.measure == "units":
        value = low = high = Decimal(sign * group["value"]).scaleb(-4)
    else:
        whole = 0
        for name in RATE_PARTS:
            whole = whole * RATE_PART + int(group[name] or 0)
        value = low = high = Decimal(sign * whole).scaleb(-RATE_PLACES, PRECISE)
    unconvertible = int(group["unconvertible"])
    return Figure(value, low, None if unconvertible else high, int(group["quantified"]), unconvertible)
