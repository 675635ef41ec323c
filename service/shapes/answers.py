"""What the service answers, once: the shapes that its clients read, and that the interface's description states.

Figures are decimals, exact; shares and metrics are numbers, with which nothing is computed. None: not known, or nothing
is said. Fields that a newer service adds are passed over.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

#: JSON that the schema of an event type describes.
Data = dict[str, Any]
Count = Annotated[int, Meta(ge=0)]
Place = Annotated[int, Meta(ge=1)]
Verdict = Literal["yes", "no", "undetermined"]
#: Of several contributions; partly: some of them are barred, and the others are not.
Restricted = Literal["yes", "no", "undetermined", "partly"]
Clock = Literal["effective_on", "known_on", "position", "recorded_at"]


class Fault(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request."""

    #: A JSON pointer into the body, or / and a parameter's name.
    pointer: str
    detail: str
    #: Of NDJSON.
    line: int | None = None


class Problem(Struct, frozen=True):
    """Why a request was refused (RFC 9457)."""

    #: The page of this type of problem, whose last part is its name.
    type: str
    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...] = ()


# Recording


class RecordingRemark(Struct, frozen=True, omit_defaults=True):
    """Something was recorded that may not do what its sender thinks; of each kind the first five are listed."""

    kind: Literal[
        "unknown-category", "matches-nothing", "inverse-rates", "beyond-ordered", "counted-twice", "reprices-received"
    ]
    #: The id of the event that says it.
    event: str
    #: What it is about: a rule (instrument/rule), a line (order/line), an assertion, a pair of currencies.
    subject: str
    #: In a sentence.
    detail: str
    #: How many of this kind there are in all.
    count: Place
    #: What may have been meant instead.
    likely: str | None = None


class Placed(Struct, frozen=True):
    """Where one event stands."""

    id: str
    position: Place
    stream: str
    #: Place within the stream.
    version: Place


class RecordedFact(Placed, frozen=True, omit_defaults=True):
    """Where a fact stands that was recorded, or had been before, with what there is to remark on it."""

    remarks: list[RecordingRemark] = []


class Receipt(Struct, frozen=True, omit_defaults=True):
    """What was recorded, or had been before; of many events the first 1,000 are listed."""

    count: Count
    first_position: Place
    last_position: Place
    events: list[Placed]
    remarks: list[RecordingRemark] = []


class StoredEvent(Struct, frozen=True):
    """An event as it stands in the ledger."""

    type: str
    id: str
    #: Version of the type's schema.
    v: int
    position: Place
    stream: str
    version: Place
    recorded_at: datetime
    #: A day, a month, a year, or ../ and a last day.
    effective_on: str
    known_on: date
    basis: Literal["reported", "estimated", "assumed"]
    data: Data
    corrects: str | None = None
    source: Data | None = None
    causation_id: str | None = None
    actor: str | None = None
    correlation_id: str | None = None


class EventPage(Struct, frozen=True):
    """Events in the order of the ledger."""

    events: list[StoredEvent]
    last_position: Count


# What every view says


class Resolved(Struct, frozen=True):
    """The moment that an answer is of; asked with these clocks it is the same for ever."""

    effective_on: date
    known_on: date | None
    position: Count
    recorded_at: datetime | None
    tree_size: Count
    #: Of the transparency log at this size, base64.
    root_hash: str


class Figure(Struct, frozen=True):
    """A number with its bounds; high None: there is no bound."""

    value: Decimal | None
    low: Decimal
    high: Decimal | None


class Total(Figure, frozen=True):
    """A figure of everything."""

    unit: str


# Vendor dependence


class DependenceRow(Figure, frozen=True):
    """What falls to one key."""

    key: str | None
    name: str | None
    share: float | None
    share_low: float | None
    share_high: float | None
    quantified: bool
    captive: bool
    restricted: Restricted
    country: str | None
    first_effective_on: date
    last_effective_on: date
    #: Of a scenario's rows there is none.
    evidence: str | None = None


class Coverage(Struct, frozen=True):
    """How many rows there are, and of how many all is quantified."""

    quantified: Count
    active: Count


class Metrics(Struct, frozen=True):
    """How concentrated it is, and what is at risk; _low and _high: between what each lies."""

    hhi: float | None
    hhi_low: float | None
    hhi_high: float | None
    effective_vendors: float | None
    effective_vendors_low: float | None
    effective_vendors_high: float | None
    cr1: float | None
    cr1_low: float | None
    cr1_high: float | None
    cr3: float | None
    cr3_low: float | None
    cr3_high: float | None
    captive_share: float | None
    captive_share_low: float | None
    captive_share_high: float | None
    domestic_share: float | None
    domestic_share_low: float | None
    domestic_share_high: float | None
    at_risk: float | None
    at_risk_undetermined: float | None
    at_risk_low: float | None
    at_risk_high: float | None
    single_source: bool
    coverage: Coverage


class Remark(Struct, frozen=True, omit_defaults=True):
    """What kept contributions unquantified, or a rate that was old on the day it is used for."""

    kind: Literal["no-rate", "no-currency", "no-attribute", "no-product", "stale-rate"]
    #: The pair of currencies (CNY/USD), the assertion, the product or the vendor.
    subject: str
    #: How many contributions it is about.
    count: Count
    #: How old the oldest of such rates was.
    days: Count | None = None


class Dependence(Struct, frozen=True):
    """vendor-dependence without its moment."""

    total: Total
    rows: list[DependenceRow]
    metrics: Metrics
    remarks: list[Remark]


class VendorDependence(Dependence, frozen=True):
    """The view vendor-dependence."""

    resolved: Resolved
    parameters: Data


class Evidence(Struct, frozen=True):
    """The contributions of one row, with their postings and factors."""

    resolved: Resolved
    parameters: Data
    contributions: list[Data]
    #: Of all contributions of the row, whichever page it is.
    remarks: list[Remark]


class SeriesKey(Struct, frozen=True):
    """A row of a series, as of its last day."""

    key: str | None
    name: str | None
    country: str | None


class SeriesRow(Figure, frozen=True):
    """One row at one point."""

    key: str | None
    share: float | None
    share_low: float | None
    share_high: float | None
    restricted: Restricted


class Point(Struct, frozen=True):
    """One day of a series."""

    effective_on: date
    total: Total
    rows: list[SeriesRow]
    metrics: Metrics


class Happening(Struct, frozen=True):
    """What happened to a regulation or a partnership."""

    effective_on: date
    known_on: date
    type: str
    id: str
    title: str | None
    position: Place


class Series(Struct, frozen=True, rename={"from_on": "from", "to_on": "to"}):
    """vendor-dependence over time."""

    resolved: Resolved
    parameters: Data
    from_on: date
    to_on: date
    step: str | None
    keys: list[SeriesKey]
    points: list[Point]
    #: As of its last day.
    remarks: list[Remark]
    annotations: list[Happening]


class Sides(Struct, frozen=True):
    """The moments between which a difference is."""

    before: Resolved
    after: Resolved


class ExplainingEvent(Struct, frozen=True):
    """An event that changed a row."""

    position: Place
    id: str
    type: str
    effective_on: str
    ends_on: date
    known_on: date
    #: The event that counts no more, or again, because of it.
    about: str | None
    order_id: str | None
    assertion_id: str | None
    line: str | None
    value: Decimal | None


class Part(Struct, frozen=True, rename={"sort": "class"}):
    """What the events of one class come to."""

    sort: str
    value: Decimal


class ExplainedPart(Part, frozen=True, rename={"sort": "class"}):
    """What the events of one class add to one row, with those that did most."""

    event_count: Count
    events: list[ExplainingEvent]


class Changed(Struct, frozen=True):
    """A figure before and after."""

    before: Figure | None
    after: Figure | None
    unquantified_before: Count
    unquantified_after: Count
    difference: Decimal


class ChangedRow(Changed, frozen=True):
    """The change of one row."""

    key: str | None
    name: str | None
    explained: list[ExplainedPart]


class ChangedTotal(Changed, frozen=True):
    """The change of the whole."""

    unit: str
    explained: list[Part]


class RemarkedSides(Struct, frozen=True):
    """The remarks of both moments."""

    before: list[Remark]
    after: list[Remark]


class Difference(Struct, frozen=True):
    """What changed between two moments."""

    resolved: Sides
    parameters: Data
    clock: Clock
    total: ChangedTotal
    rows: list[ChangedRow]
    remarks: RemarkedSides


# Regulatory exposure


class RuleVerdict(Struct, frozen=True):
    """What one rule says of one row."""

    regulation_id: str
    rule_id: str
    effect: str
    verdict: Restricted
    missing: list[str]


class ExposureRow(Figure, frozen=True):
    """What is bought of one vendor and product."""

    vendor: str
    product: str | None
    restricted: Restricted
    #: The sums of those of its contributions that are barred, and that may be.
    barred: Figure
    undetermined: Figure
    rules: list[RuleVerdict]
    explanation: list[str]
    evidence: str | None = None


class Instrument(Struct, frozen=True):
    """What an instrument is and bars."""

    regulation_id: str
    title: str
    jurisdiction: str
    authority: str
    citation: str
    status: Literal["announced", "in-force", "suspended", "expired", "repealed"]
    rules: list[Data]
    until: date | None


class Exposure(Struct, frozen=True):
    """regulatory-exposure without its moment."""

    total: Total
    rows: list[ExposureRow]
    #: What part of the total is barred, what part may be, and between what the first lies.
    at_risk: float | None
    at_risk_undetermined: float | None
    at_risk_low: float | None
    at_risk_high: float | None
    instruments: list[Instrument]
    remarks: list[Remark]


class RegulatoryExposure(Exposure, frozen=True):
    """The view regulatory-exposure."""

    resolved: Resolved
    parameters: Data


class ExposedLine(Figure, frozen=True):
    """A line of an order or of an assertion, as far as it is of the buyers asked for."""

    order_id: str | None
    assertion_id: str | None
    line: str | None
    buyers: list[str]
    vendor: str
    vendor_name: str | None
    product: str | None
    placed_on: date
    deliver_by: str | None
    restricted: Verdict
    rules: list[RuleVerdict]
    missing: list[str]


class ExposedLines(Struct, frozen=True):
    """A page of the lines behind regulatory-exposure."""

    resolved: Resolved
    parameters: Data
    rows: list[ExposedLine]
    next_cursor: str | None


# Sole sources


class SourceCounts(Struct, frozen=True):
    """How many could sell a category, could perhaps, and could not."""

    available: Count
    undetermined: Count
    unfit: Count


class SoleSourceRow(Figure, frozen=True):
    """What is bought of a category, from whom, and who else could sell it."""

    category: str
    #: Up to 20 ids.
    vendors: list[str]
    vendor_count: Count
    sources: SourceCounts
    single_source: bool
    sole_source: Literal["yes", "no", "undetermined", "none"]
    #: Up to 20 ids.
    alternatives: list[str]
    alternatives_total: Count


class SoleSource(Struct, frozen=True):
    """The view sole-source."""

    resolved: Resolved
    parameters: Data
    total: Total
    rows: list[SoleSourceRow]
    remarks: list[Remark]


# Scenarios


class SupposedEvent(Placed, frozen=True):
    """An event as it would stand."""

    type: str


class DependenceScenario(Struct, frozen=True):
    """vendor-dependence as it is, and as it would be."""

    resolved: Resolved
    parameters: Data
    supposed: list[SupposedEvent]
    baseline: Dependence
    scenario: Dependence


class ExposureScenario(Struct, frozen=True):
    """regulatory-exposure as it is, and as it would be."""

    resolved: Resolved
    parameters: Data
    supposed: list[SupposedEvent]
    baseline: Exposure
    scenario: Exposure
