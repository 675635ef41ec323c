"""Partnerships as of any time: who works with whom, on what, since when and until when."""

from typing import Any

import duckdb

from projections import statements
from projections.parameters import Moment


def partnerships(
    connection: duckdb.DuckDBPyConnection, moment: Moment, *, party: str | None = None
) -> list[dict[str, Any]]:
    """Every partnership that was formed, by id; with `party`, those that this organisation is a party of.

    Each has partnership_id, parties, kind, scope, status (formed or ended), since, ended_on and reason (null unless
    ended); days are the ends of the events that say so.
    """
    return _read(connection, moment, None, party)


def partnership(connection: duckdb.DuckDBPyConnection, moment: Moment, partnership_id: str) -> dict[str, Any] | None:
    """One partnership as `partnerships` has it, or None where none of that id was formed."""
    found = _read(connection, moment, partnership_id, None)
    return found[0] if found else None


def _read(
    connection: duckdb.DuckDBPyConnection, moment: Moment, only: str | None, party: str | None
) -> list[dict[str, Any]]:
    statement = statements.blocks("partnerships.sql")["partnerships"]
    return statements.rows(connection, statement, moment.bindings() | {"only": only, "party": party})
