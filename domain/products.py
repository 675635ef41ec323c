"""Products: what is ordered, who makes it, and the attributes that rules and capacity look at."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from domain.events import Recorded
from domain.values import Attribute, AttributeName, EventData, Identifier, Mention, Optional, Text, example

Attributes = Annotated[dict[AttributeName, Attribute], Field(min_length=1)]


class ProductRegistered(EventData):
    """A product enters the ledger."""

    NAME = "product-registered"
    KIND = "product"
    IDENTITY = "product_id"
    BEGINS = True
    COLLECTION = "products"
    EXAMPLE = example(
        product_id="hw-910b",
        name="Huawei Ascend 910B",
        vendor_id="huawei",
        category="ai-accelerator",
        attributes={"tpp": {"value": "6016", "low": "4480", "high": "6400"}, "datacentre": True},
        effective_on="2022",
        known_on="2022-12-31",
        basis="estimated",
    )

    product_id: Identifier
    name: Text
    #: Its maker, which need not be the vendor that an order names; null or absent: not known.
    vendor_id: Identifier | None = None
    category: Text
    #: Figures, truths and words by name; a figure of null is unquantified.
    attributes: Optional[dict[AttributeName, Attribute]] = None
    foundry: Optional[Text] = None

    def mentions(self) -> list[Mention]:
        """The maker."""
        return [Mention("/vendor_id", "organization", self.vendor_id)] if self.vendor_id else []


class ProductChanged(EventData):
    """What is different about a product from a date on; attributes merge into those it has."""

    NAME = "product-changed"
    KIND = "product"
    IDENTITY = "product_id"
    SUBJECT = "changes"
    EXAMPLE = example(
        attributes={"memory_gb": "64"},
        effective_on="2023-01",
        known_on="2023-06-01",
        id="hw-910b-memory",
    )

    product_id: Identifier
    name: Optional[Text] = None
    #: null: not known any more.
    vendor_id: Identifier | None = None
    category: Optional[Text] = None
    attributes: Optional[Attributes] = None
    foundry: Optional[Text] = None

    @model_validator(mode="after")
    def _something(self) -> "ProductChanged":
        if not self.model_fields_set - {"product_id"}:
            raise ValueError("says nothing: give name, vendor_id, category, attributes or foundry")
        return self

    def mentions(self) -> list[Mention]:
        """The new maker."""
        return [Mention("/vendor_id", "organization", self.vendor_id)] if self.vendor_id else []


@dataclass(frozen=True, slots=True)
class ProductState:
    """That the product is registered is all that decisions need to know of it."""


def apply(state: ProductState | None, event: Recorded) -> ProductState:
    """The product after the event."""
    return state or ProductState()
