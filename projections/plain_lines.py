"""Contributions added up as a view asks: plain lines without looking at any by itself, and the others line by line."""

from decimal import Decimal
from typing import Any

import duckdb

from projections import contributions, statements
from projections.contributions import Grouping, Sum, Sums
from projections.figures import Figure, sum_of
from projections.parameters import ContributionParameters
from projections.restrictions import UNRESTRICTED, Verdicts

#: Which movements a status looks at; ordered ones are positive, received ones negative.
SIGNS = {"ordered": ">", "delivered": "<", "open": "<>"}
#: Which end decides whether a movement lies in the window (rule 15).
WINDOW_ENDS = {"ordered": "placed_on", "delivered": "ends_on", "open": "ends_on"}
KEYS = contributions.KEYS | {"vendor": "counted.vendor", "product": "counted.product"}
KEYS["maker"] = "coalesce(product.maker, counted.vendor)"
#: The parts in which a product with a rate is summed, and the decimal places of each.
RATE_PARTS = {"whole": 4, "first_decimals": 16, "second_decimals": 28, "third_decimals": 40}


def added_up(
    connection: duckdb.DuckDBPyConnection,
    parameters: ContributionParameters,
    grouping: Grouping,
    values: dict[str, Any],
    by: str = "vendor",
    verdicts: Verdicts = UNRESTRICTED,
) -> Sums:
    """What all contributions come to.

    `values` are those of `contributions.bindings` and the home; `by` names the key of a row, where the grouping has one
    (contributions.KEYS).
    """

    def line_by_line(lines: str) -> Sums:
        return contributions.added_up(connection, parameters, grouping, values, lines, by, verdicts)

    try:
        # Both statements must see the same lines as plain: a batch applied between them would count some twice.
        with statements.snapshot(connection):
            plain = _plain_lines(connection, parameters, grouping, values, by, verdicts)
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
) -> Sums:
    """What those of plain order lines come to. duckdb.OutOfRangeException where a sum leaves 128 bits."""
    sums, occurring, is_wanting = [], [], parameters.measure != "units" and "unquantified" in parameters.exclude
    words = contributions.measured(parameters) | verdicts.words() | grouping.clauses(KEYS[by])
    for group in statements.rows(connection, _query(parameters, by, words, verdicts), values | verdicts.bindings):
        together = grouping.occurring_in(group)
        if together is not None:
            occurring.append(together)
        else:
            alike = {name: group[name] for name in grouping.columns}
            sums.append(Sum(alike, _figure(group, parameters), group["first_on"], group["last_on"]))
            is_wanting = is_wanting or group["unconvertible"] > 0 or group["stale"] > 0
    remarks = []
    if is_wanting:
        statement = _query(parameters, by, words, verdicts, "remarks")
        remarks = contributions.remarked(statements.rows(connection, statement, values | verdicts.bindings))
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
    parameters: ContributionParameters, by: str, words: dict[str, str], verdicts: Verdicts, reading: str = "sums"
) -> str:
    status, measure = parameters.status, parameters.measure
    words |= {"sign": SIGNS[status], "window_end": WINDOW_ENDS[status]}
    names = ("sides", "aside-open" if status == "open" else "aside", f"price-{measure}", "movements")
    filled = statements.filled("plain_lines.sql", [*names, f"{reading}-{measure}"], words)
    return contributions.dimensions(by) + verdicts.before_plain_lines() + filled


def _figure(group: dict[str, Any], parameters: ContributionParameters) -> Figure:
    """The sums of one group as a figure. What is received is summed below nothing."""
    sign = -1 if parameters.status == "delivered" else 1
    if parameters.measure == "capacity":
        value, low, high = (Decimal(sign * (group[bound] or 0)).scaleb(-10) for bound in ("value", "low", "high"))
    elif parameters.measure == "units":
        value = low = high = Decimal(sign * group["value"]).scaleb(-4)
    else:
        value = low = high = sum_of(
            Decimal(sign * (group[name] or 0)).scaleb(-places) for name, places in RATE_PARTS.items()
        )
    unconvertible = int(group["unconvertible"])
    return Figure(value, low, None if unconvertible else high, int(group["quantified"]), unconvertible)
