"""What the service answers about things: orders, organisations, products, partnerships, instruments, and itself."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from service.shapes.answers import Count, Data, Figure, Instrument, Place, Resolved, StoredEvent
from service.shapes.overviews import FaultCause, FirstEvent, TableOverview


class OfAMoment(Struct, frozen=True):
    """Something as of a moment; in a list the moment is the list's."""

    resolved: Resolved | None = None


# Orders


class Measured(Struct, frozen=True):
    """Goods, and money in the order's currency."""

    quantity: Figure
    amount: Figure


class OrderLine(Struct, frozen=True):
    """One line of an order."""

    line: str
    product_id: str | None
    deliver_by: str | None
    ordered: Measured
    delivered: Measured
    open: Measured
    over_received: bool
    #: Amendments took off more than there was.
    reduced_below_zero: bool


class ListedOrder(Struct, frozen=True):
    """What of an order stands in the list."""

    order_id: str
    status: Literal["open", "delivered", "returned", "void", "cancelled"]
    vendor_id: str
    buyers: list[str]
    currency: str
    placed_on: date
    placed_effective_on: str
    basis: str
    cancelled_on: date | None
    flags: list[str]


class Order(ListedOrder, frozen=True):
    """One order, with every event of it and whether that counts."""

    resolved: Resolved
    cancellation: Data | None
    lines: list[OrderLine]
    allocations: list[Data] | None
    history: list[Data]


class LineOfOrder(OrderLine, frozen=True, kw_only=True):
    """A line of an order, with what stands at the order."""

    order_id: str
    status: Literal["open", "delivered", "returned", "void", "cancelled"]
    vendor_id: str
    buyers: list[str]
    currency: str
    placed_on: date
    placed_effective_on: str
    basis: str
    cancelled_on: date | None
    #: What arrived, and what went back.
    received: Measured
    returned: Measured
    #: What was still to come of an order that was cancelled.
    cancelled: Measured


class ListedLines(Struct, frozen=True):
    """The lines of a page of orders."""

    resolved: Resolved
    lines: list[LineOfOrder]
    next_cursor: str | None


class Orders(Struct, frozen=True):
    """A page of the orders."""

    resolved: Resolved
    orders: list[ListedOrder]
    next_cursor: str | None


# What is registered


class Organization(OfAMoment, frozen=True, kw_only=True):
    """An organisation."""

    organization_id: str
    name: str | None
    names: dict[str, str] | None
    country: str | None
    parent_id: str | None
    ultimate_parent_id: str | None
    #: The organisation that this record stands for; None: itself.
    same_as: str | None
    identifiers: list[dict[str, str]] | None
    registered_on: date | None


class Product(OfAMoment, frozen=True, kw_only=True):
    """A product."""

    product_id: str
    name: str | None
    #: Its maker.
    vendor_id: str | None
    category: str | None
    attributes: dict[str, Any]
    foundry: str | None
    registered_on: date | None


class Partnership(OfAMoment, frozen=True, kw_only=True):
    """A partnership."""

    partnership_id: str
    parties: list[str] | None
    kind: str | None
    scope: str | None
    status: str
    since: date | None
    ended_on: date | None
    reason: str | None


class Licence(Struct, frozen=True):
    """A licence in force."""

    licence_id: str
    event_id: str
    since: date
    until: date | None
    conditions: Data


class NextChange(Struct, frozen=True):
    """When an instrument will next stand otherwise, as far as is known."""

    on: date
    status: str
    event_ids: list[str]


class Regulation(Instrument, frozen=True, kw_only=True):
    """An instrument, with every event of it."""

    suspended_until: date | None
    licences: list[Licence]
    next_change: NextChange | None
    history: list[Data]
    resolved: Resolved | None = None


class Organizations(Struct, frozen=True):
    """Organisations: all, or a page of them."""

    resolved: Resolved
    organizations: list[Organization]
    next_cursor: str | None = None


class SameIdentifier(Struct, frozen=True):
    """An identifier that two organisations have, in lower case, letters and digits alone."""

    scheme: str
    id: str


class LikelyDuplicate(Struct, frozen=True):
    """Two organisations that may be one; nothing joins them but `same_as`."""

    organization_id: str
    name: str | None
    country: str | None
    #: Of the other organisation: the later of the two ids.
    other_id: str
    other_name: str | None
    other_country: str | None
    #: From 0.85 to 1.
    score: float
    #: How alike the names are that are most alike, legal forms left out: from 0 to 1.
    names_alike: float
    same_identifiers: list[SameIdentifier]
    #: In sentences.
    why: list[str]


class LikelyDuplicates(Struct, frozen=True):
    """A page of pairs of organisations that may be one, the likeliest first."""

    resolved: Resolved
    likely_duplicates: list[LikelyDuplicate]
    next_cursor: str | None = None


class Products(Struct, frozen=True):
    """Products: all, or a page of them."""

    resolved: Resolved
    products: list[Product]
    next_cursor: str | None = None


class Partnerships(Struct, frozen=True):
    """Partnerships: all, or a page of them."""

    resolved: Resolved
    partnerships: list[Partnership]
    next_cursor: str | None = None


class Regulations(Struct, frozen=True):
    """Instruments: all, or a page of them."""

    resolved: Resolved
    regulations: list[Regulation]
    next_cursor: str | None = None


class SupplyAssertion(Struct, frozen=True):
    """What was last asserted under an id."""

    resolved: Resolved
    assertion_id: str
    buyer_id: str
    vendor_id: str
    statement: str
    #: The envelope of the event that says so.
    event: Data
    currency: str | None = None
    lines: list[Data] | None = None


class ExchangeRates(Struct, frozen=True):
    """The last publication of a base's rates."""

    resolved: Resolved
    base: str
    rates: dict[str, Decimal]
    event: Data


class History(Struct, frozen=True):
    """The events of one thing as they are stored."""

    resolved: Resolved
    stream: str
    version: Place
    next_cursor: str | None
    events: list[StoredEvent]


# The service itself


class Webhook(Struct, frozen=True):
    """An address to which events are sent."""

    id: str
    url: str
    types: list[str]
    streams: list[str]
    status: Literal["active", "paused", "disabled"]
    #: The last event that it has received, or passed over.
    position: Count
    failures: Count
    retry_at: datetime | None
    last_error: str | None
    last_delivered_at: datetime | None
    created_at: datetime


class WebhookWithSecret(Webhook, frozen=True):
    """A webhook with what its messages are signed by, which is shown once."""

    secret: str


class Webhooks(Struct, frozen=True):
    """Every webhook."""

    webhooks: list[Webhook]


class Attempt(Struct, frozen=True):
    """How telling went."""

    delivered: bool
    status: int | None
    error: str | None


class ImportFault(Struct, frozen=True):
    """What is wrong with, or to be said of, a row, or of the file as a whole."""

    line: int | None
    row: str
    message: str


class Import(Struct, frozen=True):
    """A file that is recorded in the background: how far that is."""

    id: str
    state: Literal["queued", "running", "interrupted", "done", "failed", "cancelled"]
    cancelling: bool
    file: str
    format: str
    mapping: str | None
    dry_run: bool
    continue_on_error: bool
    unknown: Literal["register", "report"]
    lenient: bool
    #: Whether its rows are facts of their own days, or say how orders stand on the day `as_of`.
    mode: Literal["events", "state"]
    as_of: date | None
    #: What becomes of orders that earlier extracts had and this one has not.
    missing: Literal["report", "cancel"] | None
    correct: bool
    size_bytes: Count
    sha256: str
    actor: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    rows: Count
    done: Count
    recorded: Count
    replayed: Count
    rejected: Count
    rows_per_s: float | None
    #: Events by type.
    types: dict[str, Count]
    faults: list[ImportFault]
    remarks: dict[str, list[ImportFault]]
    #: Everything that is wrong, by cause.
    causes: list[FaultCause]
    #: Of a dry run of a table: what it holds.
    overview: TableOverview | None
    #: Of a dry run: the first event of each type.
    first: dict[str, FirstEvent]
    detail: str | None
    #: Where the rows are that were left out.
    rejects: str | None


class Imports(Struct, frozen=True):
    """Imports, the latest first."""

    imports: list[Import]
    next_cursor: str | None = None


class Mapping(Struct, frozen=True):
    """What the columns of a table of order lines mean, by name."""

    name: str
    shipped: bool


class Mappings(Struct, frozen=True):
    """The mappings that imports can name."""

    mappings: list[Mapping]


class Digest(Struct, frozen=True):
    """Digests of a projection's tables."""

    position: Count
    #: Of the code that made them.
    fingerprint: str
    tables: dict[str, str]


class Consistency(Struct, frozen=True, rename={"from_size": "from", "to_size": "to"}):
    """The proof that one tree of the log begins with another."""

    from_size: Count
    to_size: Count
    from_root: str
    to_root: str
    proof: list[str]


class Doing(Struct, frozen=True):
    """How one kind of a service's work goes."""

    state: str
    #: How long what waits has waited, or what runs has been running; of checkpoints, the age of the last one.
    age_s: float | None = None
    #: Why it does not go on.
    reason: str | None = None
    #: Requests, events, events, webhooks, files: what is still to be dealt with.
    waiting: int | None = None
    #: Webhooks whose last attempt failed, and those that were given up.
    failing: int | None = None
    disabled: int | None = None
    last_error: str | None = None
    #: Files that are being imported.
    running: int | None = None
    #: Of the last file that failed: why, and how long ago.
    last_failure: str | None = None
    failed_before_s: float | None = None


class Readiness(Struct, frozen=True):
    """Whether the service can answer."""

    status: str
    head: int | None = None
    lag_events: int | None = None
    #: How the views do: their `state`, `position`, `level_before_s`, and the `reason` where they do not follow.
    views: Data | None = None
    #: Threads in the background that do not do their work, each with its state.
    threads: Data | None = None
    #: "ok", or why nothing can be recorded.
    writing: str | None = None
    #: How long the oldest request that is not recorded yet has waited.
    oldest_waiting_s: float | None = None
    #: The last one, its age, and how many events have come since.
    checkpoint: Data | None = None
    #: How writing, views, checkpoints, webhooks and imports go.
    work: dict[str, Doing] | None = None


class Liveness(Struct, frozen=True):
    """That the process answers."""

    status: Literal["alive"]


class Version(Struct, frozen=True):
    """What runs."""

    daybook: str
    origin: str


class ProblemPage(Struct, frozen=True):
    """What a type of problem means."""

    type: str
    title: str
    status: int
    remedy: str
