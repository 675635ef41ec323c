"""The same endpoint as a plain service would have it: FastAPI, models, a token, and the library's save, or nothing.

    python -m bench.material.plain_service stock|noop CONNINFO TOKEN PORT

`noop` validates and does nothing: what FastAPI itself takes.
"""

import os
import secrets
import sys
from typing import Annotated, Any

import uvicorn
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from pydantic.types import StringConstraints

from bench.material.stock import stock_environment

PATH = "/api/v1/orders"

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Figure = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$")]


class OrderedLine(BaseModel):
    """A line of an order, as a plain service would have it."""

    line: Identifier
    product_id: Identifier
    quantity: Figure
    amount: Figure
    deliver_by: str | None = None


class Placing(BaseModel):
    """What is posted: an order, as a plain service would have it."""

    order_id: Identifier
    buyers: Annotated[list[Identifier], Field(min_length=1)]
    vendor_id: Identifier
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    lines: Annotated[list[OrderedLine], Field(min_length=1)]
    effective_on: str


class PostedOrder(Aggregate):
    """The aggregate of the plain service."""

    @event("Placed")
    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data


def plain_service(conninfo: str | None, token: str) -> FastAPI:
    """The endpoint; without a database, it does nothing."""
    os.environ |= {"POSTGRES_POOL_SIZE": "10", "POSTGRES_MAX_OVERFLOW": "40"}
    orders: Application[Any] | None = None if conninfo is None else Application(stock_environment(conninfo))
    app, bearer = FastAPI(), HTTPBearer()

    @app.post(PATH, status_code=201)
    def place(placing: Placing, sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
        """Record one order."""
        if not secrets.compare_digest(sent.credentials, token):
            raise HTTPException(401)
        data = placing.model_dump()
        if orders is None:
            return {"id": data["order_id"], "position": 1}
        order = PostedOrder(data=data)
        recordings = orders.save(order)
        return {"id": str(order.id), "position": recordings[0].notification.id}

    return app


if __name__ == "__main__":
    kind, address, admitted, port = sys.argv[1:]
    served = plain_service(None if kind == "noop" else address, admitted)
    uvicorn.run(served, port=int(port), log_level="warning", access_log=False)
