"""Which orders there are as of any time, by id."""

from datetime import date
from typing import Any, Literal

import duckdb
from pydantic import Field

from projections import statements
from projections.parameters import Identifier, Moment

#: What an order is at a moment (docs/semantics.md, 14).
Status = Literal["open", "delivered", "returned", "void", "cancelled"]


class OrderList(Moment):
    """What is asked of the list of orders; None: anything."""

    buyer: Identifier | None = Field(None, description="The id of an organisation, one of the order's buyers.")
    vendor: Identifier | None = Field(None, description="The id of a vendor.")
    product: Identifier | None = Field(None, description="The id of a product, of one of the order's lines.")
    status: Status | None = Field(None, description="What the order is at that moment.")
    placed_from: date | None = Field(None, description="The first day on which the order's placing ends.")
    placed_to: date | None = Field(None, description="The last day on which the order's placing ends.")


def order_ids(connection: duckdb.DuckDBPyConnection, asked: OrderList, after: str, most: int) -> list[str]:
    """The next ids after one ("": from the first) of orders that are there, of any status."""
    values: dict[str, Any] = {
        **asked.bindings(),
        **asked.model_dump(include={"buyer", "vendor", "product", "placed_from", "placed_to"}),
        "after": after,
        "most": most,
    }
    block = statements.blocks("order_list.sql")["orders"]
    return [row["order_id"] for row in statements.rows(connection, block, values)]
