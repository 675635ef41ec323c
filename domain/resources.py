"""Kinds of things: what begins each, what happens to it later, and where that is posted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

API = "/api/v1"


@dataclass(frozen=True)
class Kind:
    """One kind of thing: what begins it, and what happens to it later, by the last part of the path."""

    #: The kind of its streams.
    name: str
    #: The collection's path.
    plural: str
    begins: str
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What may follow one of its resources, for POST."""
        return (*self.changes, *ABOUT_EVENTS)

    def path(self, identifier: str) -> str:
        """The address of one of them."""
        return f"{API}/{self.plural}/{identifier}"


#: What is said about one event of a thing, whatever its kind; each stands in the thing's own stream.
ABOUT_EVENTS = {"corrections": "event-retracted", "annotations": "event-annotated"}
#: Every event type has its place here or in ABOUT_EVENTS.
KINDS = (
    Kind(
        "order",
        "orders",
        "order-placed",
        {
            "amendments": "order-amended",
            "receipts": "goods-received",
            "returns": "goods-returned",
            "cancellations": "order-cancelled",
            "allocations": "order-allocated",
        },
    ),
    Kind("organization", "organizations", "organization-registered", {"changes": "organization-changed"}),
    Kind("product", "products", "product-registered", {"changes": "product-changed"}),
    Kind(
        "partnership",
        "partnerships",
        "partnership-formed",
        {"changes": "partnership-changed", "endings": "partnership-ended"},
    ),
    Kind(
        "regulation",
        "regulations",
        "regulation-enacted",
        {
            "amendments": "regulation-amended",
            "suspensions": "regulation-suspended",
            "resumptions": "regulation-resumed",
            "repeals": "regulation-repealed",
            "licences": "licence-granted",
            "licence-revocations": "licence-revoked",
        },
    ),
    # A later assertion under an id, and a later publication of a base, is posted to the collection again.
    Kind("supply", "supply-assertions", "supply-asserted"),
    Kind("rates", "exchange-rates", "exchange-rates-published"),
)
#: By collection, what may be posted below one of its resources.
SUBJECTS = {kind.plural: list(kind.subjects) for kind in KINDS}
