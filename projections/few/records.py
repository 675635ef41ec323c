"""What is held in memory of recorded events: sayings of the registers, and orders with their lines and movements.

Figures are whole numbers of ten-thousandths, shares and attributes of millionths, rates of 1e-10. Ids are words, days
dates. `known_on`, `ends_on`, `position` and `basis` are those of the tables (schema.sql).
"""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """An event as answers name it."""

    id: str
    type: str
    effective_on: str
    known_on: date
    ends_on: date
    #: UTC, naive.
    recorded_at: datetime
    corrects: str | None


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """When something was said of a thing; in order, the latest (rule 5) is last."""

    ends_on: date
    known_on: date
    position: int


@dataclass(frozen=True, slots=True, order=True)
class OrganizationSaid(Said):
    """What an event says of an organisation; None where it says nothing."""

    name: str | None = field(compare=False)
    country: str | None = field(compare=False)
    says_parent: bool = field(compare=False)
    parent: str | None = field(compare=False)
    says_same: bool = field(compare=False)
    same_as: str | None = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class ProductSaid(Said):
    """What an event says of a product; None where it says nothing."""

    registers: bool = field(compare=False)
    name: str | None = field(compare=False)
    says_maker: bool = field(compare=False)
    maker: str | None = field(compare=False)
    category: str | None = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class AttributeSaid(Said):
    """What an event says of an attribute of a product."""

    #: None: it is not a quantified number.
    value: int | None = field(compare=False)
    low: int | None = field(compare=False)
    high: int | None = field(compare=False)
    #: As text; None where a number is not quantified.
    label: str | None = field(compare=False)
    #: JSON, as recorded.
    stated: str = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class RateSaid(Said):
    """What a publication says of a currency."""

    rate: int = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class HappeningSaid(Said):
    """What happened to an instrument or a partnership; the title of the one, the scope of the other, None: not said."""

    kind: str = field(compare=False)
    thing: str = field(compare=False)
    title: str | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class RetractionSaid:
    """A retraction, and the position that it takes back."""

    position: int
    known_on: date
    retracts: int


@dataclass(frozen=True, slots=True)
class Estimated:
    """A figure of a posting, as the tables hold it: sums of parts, and how many postings of each sort."""

    value: int
    low: int
    high: int
    quantified: int
    unquantified: int


#: A change that says nothing of a figure.
NO_POSTING = Estimated(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of a line: kind 1 brought, 2 changed, 3 received, 4 returned."""

    position: int
    known_on: date
    #: The latest end of the movement, its line and its order, all of which must count.
    counts_on: date
    basis: int
    ends_on: date
    kind: int
    quantity: Estimated
    amount: Estimated
    #: Of a receipt or return: its amount is derived (rule 30).
    unpriced: bool


@dataclass(slots=True)
class HeldLine:
    """A line of an order."""

    line_key: int
    name: str
    product: str | None
    deliver_by: str | None
    #: In the order of the ledger.
    movements: list[Movement] = field(default_factory=list)

    @property
    def brought_at(self) -> int:
        """The position of the event that brought it."""
        return self.line_key >> 16


@dataclass(frozen=True, slots=True)
class Cancelling:
    """A cancellation of an order."""

    position: int
    known_on: date
    ends_on: date
    basis: int


@dataclass(frozen=True, slots=True, order=True)
class AllocationSaid(Said):
    """Who has which share of a joint order: value, low and high by buyer."""

    basis: int = field(compare=False)
    shares: dict[str, tuple[int, int, int]] = field(compare=False)


@dataclass(slots=True)
class HeldOrder:
    """One placing of an order, with all that followed."""

    position: int
    placed_on: date
    order_id: str
    vendor: str
    currency: str
    #: As recorded; several of a joint order.
    buyers: tuple[str, ...]
    is_joint: bool
    lines: list[HeldLine] = field(default_factory=list)
    cancellations: list[Cancelling] = field(default_factory=list)
    allocations: list[AllocationSaid] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AssertedLine:
    """A line of a supply assertion; without lines an assertion has one without a name."""

    ordinal: int
    name: str | None
    product: str | None
    deliver_by: str | None
    quantity: Estimated
    amount: Estimated


@dataclass(frozen=True, slots=True, order=True)
class AssertionSaid(Said):
    """A supply assertion."""

    basis: int = field(compare=False)
    assertion_id: str = field(compare=False)
    buyer: str = field(compare=False)
    vendor: str = field(compare=False)
    currency: str | None = field(compare=False)
    lines: tuple[AssertedLine, ...] = field(compare=False)
