"""Purchase orders: placing, amendments, receipts, returns, cancellation, and who gets what of a joint order."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from domain.estimates import UNQUANTIFIED, ZERO
from domain.values import (
    BoundedPeriod,
    Currency,
    Difference,
    EventData,
    ExactFigure,
    Figure,
    Identifier,
    Mention,
    Optional,
    Record,
    Share,
    Text,
    example,
)


class Line(Record):
    """One line of an order: what, how many, for how much in the order's currency."""

    #: Unique within the order.
    line: Identifier
    #: null: not known.
    product_id: Identifier | None
    quantity: Figure
    amount: Figure
    deliver_by: Optional[BoundedPeriod] = None


def refuse_repeats(names: list[str], what: str) -> None:
    """ValueError where a name stands twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} stands twice")
        seen.add(name)


def lines_mentioned(lines: list[Line] | None) -> list[Mention]:
    """The products that lines name."""
    return [
        Mention(f"/lines/{n}/product_id", "product", line.product_id)
        for n, line in enumerate(lines or ())
        if line.product_id is not None
    ]


class OrderData(EventData):
    """What every event of an order carries."""

    KIND = "order"
    IDENTITY = "order_id"

    order_id: Identifier


class OrderPlaced(OrderData):
    """A purchase order, by one buyer or by several jointly."""

    NAME = "order-placed"
    BEGINS = True
    COLLECTION = "orders"
    EXAMPLE = example(
        order_id="baidu-huawei-2023-08",
        buyers=["baidu", "kunlunxin"],
        vendor_id="huawei",
        currency="CNY",
        lines=[
            {
                "line": "1",
                "product_id": "hw-910b",
                "quantity": "1600",
                "amount": "450000000",
                "deliver_by": "2023",
            }
        ],
        effective_on="2023-08",
        known_on="2023-11-07",
        basis="estimated",
        id="baidu-huawei-placed",
        source={
            "citation": "Reuters, 2023-11-07",
            "url": "https://www.reuters.com/",
            "quote": "1,600 of Huawei's 910B chips",
        },
    )

    buyers: Annotated[list[Identifier], Field(min_length=1)]
    vendor_id: Identifier
    currency: Currency
    lines: Annotated[list[Line], Field(min_length=1)]

    @model_validator(mode="after")
    def _once_each(self) -> "OrderPlaced":
        refuse_repeats(self.buyers, "buyer")
        refuse_repeats([line.line for line in self.lines], "line")
        return self

    def mentions(self) -> list[Mention]:
        """Buyers, vendor and products."""
        buyers = [Mention(f"/buyers/{n}", "organization", buyer) for n, buyer in enumerate(self.buyers)]
        return [*buyers, Mention("/vendor_id", "organization", self.vendor_id), *lines_mentioned(self.lines)]


class LineChange(Record):
    """Exact signed differences to a line; absent is no difference."""

    line: Identifier
    quantity: Optional[Difference] = None
    amount: Optional[Difference] = None

    @model_validator(mode="after")
    def _something(self) -> "LineChange":
        if self.quantity is None and self.amount is None:
            raise ValueError("says nothing: give quantity or amount")
        return self


class OrderAmended(OrderData):
    """Differences to lines, and further lines."""

    NAME = "order-amended"
    SUBJECT = "amendments"
    EXAMPLE = example(
        changes=[{"line": "1", "quantity": "-100", "amount": "-28125000"}],
        effective_on="2023-09-15",
        known_on="2023-11-07",
    )

    changes: Optional[list[LineChange]] = None
    lines: Optional[list[Line]] = None

    @model_validator(mode="after")
    def _something(self) -> "OrderAmended":
        if not self.changes and not self.lines:
            raise ValueError("says nothing: give changes or lines")
        refuse_repeats([line.line for line in self.lines or ()], "line")
        return self

    def mentions(self) -> list[Mention]:
        """The products of the further lines."""
        return lines_mentioned(self.lines)


class OrderCancelled(OrderData):
    """From its end on nothing more is owed: ordered = delivered."""

    NAME = "order-cancelled"
    SUBJECT = "cancellations"
    EXAMPLE = example(reason="The rest is not wanted any more.", effective_on="2024-03-01", known_on="2024-03-05")

    reason: Text
    #: The instrument that forced it.
    regulation_id: Optional[Identifier] = None

    def mentions(self) -> list[Mention]:
        """The instrument."""
        return [Mention("/regulation_id", "regulation", self.regulation_id)] if self.regulation_id else []


class Receipt(Record):
    """Goods that arrived on a line."""

    line: Identifier
    quantity: Figure
    #: null: not known. Absent: the views take the price of the line as it is known to whoever asks.
    amount: Figure = UNQUANTIFIED


class GoodsReceived(OrderData):
    """A goods receipt."""

    NAME = "goods-received"
    #: In the first, each receipt has an amount: one that was sent without was given one by the price of that day.
    VERSION = 2
    SUBJECT = "receipts"
    EXAMPLE = example(
        receipts=[{"line": "1", "quantity": "1000"}],
        effective_on="2023-10",
        known_on="2023-11-07",
        id="baidu-huawei-received",
        source={"citation": "Reuters, 2023-11-07", "quote": "more than 60% of the order had been delivered"},
    )

    receipts: Annotated[list[Receipt], Field(min_length=1)]


class Return(Record):
    """Goods sent back, exactly."""

    line: Identifier
    quantity: ExactFigure
    #: The credit for them; 0: none is given. Absent: the views take the price of the line, as for receipts.
    amount: Optional[ExactFigure] = None


class GoodsReturned(OrderData):
    """A return to the vendor."""

    NAME = "goods-returned"
    #: In the first, an absent amount takes nothing off the amount.
    VERSION = 2
    SUBJECT = "returns"
    EXAMPLE = example(returns=[{"line": "1", "quantity": "10"}], effective_on="2023-11-02", known_on="2023-11-07")

    returns: Annotated[list[Return], Field(min_length=1)]


def received_first(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """A receipt of the first version in the second: it has its amounts, and keeps them."""
    return {**stored, "v": 2}


def returned_first(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """A return of the first version in the second: without an amount, no credit was given.

    `uncredited`: the lines of which it says so by saying nothing, which is no posting of money.
    """
    returns = [{"amount": "0", **back} for back in stored["data"]["returns"]]
    uncredited = frozenset(back["line"] for back in stored["data"]["returns"] if "amount" not in back)
    return {**stored, "v": 2, "data": {**stored["data"], "returns": returns}, "uncredited": uncredited}


class Allocation(Record):
    """The part of a joint order that one of its buyers gets."""

    buyer_id: Identifier
    share: Share


class OrderAllocated(OrderData):
    """Who gets what of a joint order; what the values leave below 1 is not allocated."""

    NAME = "order-allocated"
    SUBJECT = "allocations"
    EXAMPLE = example(
        allocations=[{"buyer_id": "baidu", "share": "0.75"}, {"buyer_id": "kunlunxin", "share": "0.25"}],
        effective_on="2023-09",
        known_on="2023-11-07",
    )

    allocations: Annotated[list[Allocation], Field(min_length=1)]

    @model_validator(mode="after")
    def _at_most_one(self) -> "OrderAllocated":
        refuse_repeats([allocation.buyer_id for allocation in self.allocations], "buyer")
        total = sum((allocation.share.value or ZERO for allocation in self.allocations), ZERO)
        if total > 1:
            raise ValueError(f"the shares add up to {total}, more than 1")
        return self
