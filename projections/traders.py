"""Who ever bought or sold, up to a position: for whoever has to choose among them."""

import json
from typing import Any

import duckdb

from projections import statements


def traders(connection: duckdb.DuckDBPyConnection, position: int) -> list[dict[str, Any]]:
    """Every organisation that an order or assertion names, those that buy most first.

    Each has organization_id, name, names (by language), and, as `bought` and `sold`, how many orders and
    assertions name it.
    """
    found = statements.rows(connection, statements.blocks("traders.sql")["traders"], {"position": position})
    return [row | {"names": json.loads(row["names"]) if row["names"] else {}} for row in found]
