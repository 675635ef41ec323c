"""Products as of any time: what they are, who makes them, and their attributes."""

import json
from typing import Any

import duckdb

from projections import statements
from projections.parameters import Moment


def products(connection: duckdb.DuckDBPyConnection, moment: Moment) -> list[dict[str, Any]]:
    """Every product that something is known of, by id.

    Each has product_id, name, vendor_id (its maker), category, attributes (by name, as recorded), foundry and
    registered_on (the end of its registration); null where nothing is said.
    """
    return _read(connection, moment, None)


def product(connection: duckdb.DuckDBPyConnection, moment: Moment, product_id: str) -> dict[str, Any] | None:
    """One product as `products` has it, or None where nothing is known of it."""
    found = _read(connection, moment, product_id)
    return found[0] if found else None


def _read(connection: duckdb.DuckDBPyConnection, moment: Moment, only: str | None) -> list[dict[str, Any]]:
    block = statements.blocks("products.sql")
    values = moment.bindings() | {"only": only}
    attributes: dict[str, dict[str, Any]] = {}
    for row in statements.rows(connection, block["attributes"], values):
        attributes.setdefault(row["product_id"], {})[row["attribute"]] = json.loads(row["stated"])
    return [
        row | {"attributes": attributes.get(row["product_id"], {})}
        for row in statements.rows(connection, block["products"], values)
    ]
