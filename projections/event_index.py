"""Which events speak of something, or of some time."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb

from projections import statements

#: Positions that are read at once.
PAGE = 10_000


def positions(
    connection: duckdb.DuckDBPyConnection,
    after: int,
    upto: int,
    subject: str | None = None,
    effective_from: date | None = None,
    effective_to: date | None = None,
) -> Iterator[int]:
    """The positions after one, in order, of events that name a subject and end between two days; None: any."""
    block = statements.blocks("event_index.sql")
    days = {"effective_from": effective_from, "effective_to": effective_to}
    dated = effective_from is not None or effective_to is not None
    while True:
        values = {"subject": subject, "after": after, "upto": upto, "most": PAGE, **days}
        first = block["effective"] if subject is None else block["mentions"]
        found = [row["position"] for row in statements.rows(connection, first, values)]
        yield from _within(connection, found, days) if subject is not None and dated else found
        if len(found) < PAGE:
            return
        after = found[-1]


def _within(connection: duckdb.DuckDBPyConnection, found: list[int], days: dict[str, Any]) -> list[int]:
    """Of some positions those whose events end between two days."""
    statement = statements.blocks("event_index.sql")["within"]
    values = {"positions": found, **days}
    return [row["position"] for row in statements.rows(connection, statement, values)]
