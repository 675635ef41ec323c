"""The days on which anything changes in a ledger: for whoever has to choose one."""

from datetime import date

import duckdb

from projections import statements


def effective_days(connection: duckdb.DuckDBPyConnection, position: int) -> list[date]:
    """The days on which events up to a position end, in order."""
    return _days(connection, "effective-days", {"position": position})


def known_days(connection: duckdb.DuckDBPyConnection, position: int, first: date, last: date) -> list[date]:
    """The days behind the first, up to the last, on which events up to a position became known, in order."""
    return _days(connection, "known-days", {"position": position, "first": first, "last": last})


def first_order(connection: duckdb.DuckDBPyConnection, position: int) -> date | None:
    """The day on which the first order up to a position was placed; None: there is none."""
    found = connection.execute(statements.blocks("change_days.sql")["first-order"], {"position": position}).fetchone()
    return None if found is None else found[0]


def _days(connection: duckdb.DuckDBPyConnection, block: str, values: dict[str, int | date]) -> list[date]:
    statement = statements.blocks("change_days.sql")[block]
    return [day for (day,) in connection.execute(statement, values).fetchall()]
