"""Which orders there are as of any time, by id."""

from datetime import date
from typing import Any, Literal

import duckdb

from projections import statements
from projections.parameters import Identifier, Moment

#: What an order is at a moment (docs/semantics.md, 14).
Status = Literal["open", "delivered", "returned", "void", "cancelled"]


class OrderList(Moment):
    """What is asked of the list of orders; None: anything."""

    #: One of its buyers.
    buyer: Identifier | None = None
    vendor: Identifier | None = None
    #: Of one of its lines.
    product: Identifier | None = None
    status: Status | None = None
    #: The first and the last day on which its placing ends.
    placed_from: date | None = None
    placed_to: date | None = None


def order_ids(connection: duckdb.DuckDBPyConnection, asked: OrderList, after: str, most: int) -> list[str]:
    """The next ids after one ("": from the first) of orders that are there, whatever their status."""
    values: dict[str, Any] = {
        **asked.bindings(),
        **asked.model_dump(include={"buyer", "vendor", "product", "placed_from", "placed_to"}),
        "after": after,
        "most": most,
    }
    block = statements.blocks("order_list.sql")["orders"]
    return [row["order_id"] for row in statements.rows(connection, block, values)]
