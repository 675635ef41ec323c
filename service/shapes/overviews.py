"""What a file holds, as a dry run says it: few figures that somebody can check, and its faults by their causes."""

from typing import Any

from msgspec import Struct


class FaultPlace(Struct, frozen=True):
    """One of the places where something is wrong."""

    line: int
    message: str


class FaultCause(Struct, frozen=True):
    """Faults of one kind."""

    #: What they have in common.
    cause: str
    #: How many there are.
    count: int
    #: The first of them.
    places: list[FaultPlace]
    #: What would mend them, where that can be said.
    mend: str | None = None


class FirstEvent(Struct, frozen=True):
    """The first event of a type that a dry run would record."""

    #: Of the file.
    line: int
    row: str
    #: As it would be sent.
    event: dict[str, Any]


class CurrencySum(Struct, frozen=True):
    """What is ordered in one currency."""

    currency: str
    orders: int
    lines: int
    #: The amounts of all lines together, as they are placed; a plain decimal.
    amount: str
    #: What amendments change of that: discounts, and what is cancelled of orders that stand.
    amended: str
    #: Lines of unknown amount.
    unquantified: int


class Newcomers(Struct, frozen=True):
    """Organisations or products that a file names."""

    known: int
    new: int
    #: Names of the first that are new.
    first_new: list[str]


class LineSample(Struct, frozen=True):
    """One line of an order, as it was read."""

    line: str
    product: str | None
    quantity: str | None
    amount: str | None
    deliver_by: str | None


class OrderSample(Struct, frozen=True):
    """One order, as it was read."""

    #: Of the file.
    line: int
    order_id: str
    placed_on: str
    known_on: str | None
    buyers: list[str]
    vendor: str
    currency: str
    #: The first of them.
    lines: list[LineSample]
    lines_total: int
    #: Types of the events that follow the placing, in their order.
    then: list[str]


class RecordsOverview(Struct, frozen=True):
    """What a table that is none of order lines comes to: organisations, products, rates, instruments, decisions."""

    #: Events that register or publish something, and all others.
    new: int
    changed: int
    #: Rows that say what the ledger has, and rows that are left out.
    known: int
    left_out: int
    #: What the first new ones are called.
    first_new: list[str]
    #: The first events, as they were read.
    samples: list[str]


class TableOverview(Struct, frozen=True):
    """What a table holds, before anything of it is recorded; of one that is none of order lines `records` says it."""

    rows: int
    #: Rows that a rule of the mapping left out.
    left_out: int
    orders: int
    sums: list[CurrencySum]
    #: The first and the last date that any order, receipt or other event of the file has.
    first_on: str | None
    last_on: str | None
    suppliers: Newcomers
    products: Newcomers
    #: Columns that no key of the mapping reads.
    unread_columns: list[str]
    samples: list[OrderSample]
    #: Products that several vendors sell, and of which no maker is said.
    several_vendors: int = 0
    records: RecordsOverview | None = None
