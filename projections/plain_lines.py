"""The sums of plain lines: what most of a market is, added up without looking at any line by itself."""

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
WINDOWED = {"ordered": "placed_on", "delivered": "ends_on", "open": "ends_on"}
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
    """What the contributions of plain order lines come to. duckdb.OutOfRangeException where a sum leaves 128 bits."""
    sums, occurring = [], []
    statement = verdicts.into(grouping.into(_query(parameters, by), KEYS[by]))
    for group in statements.rows(connection, statement, values | verdicts.bindings):
        if grouping.occurs(group):
            occurring.append({name: group[name] for name in grouping.occurring})
        else:
            alike = {name: group[name] for name in grouping.columns}
            sums.append(Sum(alike, _figure(group, parameters), group["first_on"], group["last_on"]))
    return Sums(sums, occurring)


def _query(parameters: ContributionParameters, by: str) -> str:
    block = statements.blocks("plain_lines.sql")
    joined = (
        contributions.dimensions(by),
        statements.blocks("restrictions.sql")["standing"],
        block["sides"],
        block[f"aside-{parameters.status}"],
        block[f"price-{parameters.measure}"],
        block["movements"].replace("SIGN", SIGNS[parameters.status]).replace("WINDOWED", WINDOWED[parameters.status]),
        block[f"sums-{parameters.measure}"],
    )
    return contributions.measured(parameters, "".join(joined))


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
