"""Contributions added up as a view asks: plain lines without looking at any by itself, and the others line by line."""

from typing import Any

import duckdb

from projections import contributions, plain_lines, statements
from projections.contributions import Grouping, Sums
from projections.parameters import ContributionParameters
from projections.restrictions import UNRESTRICTED, Verdicts


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
    try:
        # Both statements must see the same lines as plain: a batch applied between them would count some twice.
        with statements.snapshot(connection):
            plain = plain_lines.added_up(connection, parameters, grouping, values, by, verdicts)
            return plain.plus(
                contributions.added_up(connection, parameters, grouping, values, "irregular-lines", by, verdicts)
            )
    except duckdb.OutOfRangeException:
        # Sums that leave 128 bits: line by line, nothing is multiplied before it is summed.
        return contributions.added_up(connection, parameters, grouping, values, "every-line", by, verdicts)
