"""Everything that can be asked of a service, each as a call that either client sends."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypedDict, Unpack

import msgspec

from service.client.calls import (
    API,
    JSON,
    NDJSON,
    Call,
    content,
    encoded,
    keyed,
    nothing,
    plain,
    queried,
    reading,
    segment,
    text,
)
from service.client.paths import Collection, Subject
from service.shapes import answers, things
from service.shapes.answers import Receipt, RecordedFact

Day = date | str
Instant = datetime | str
Several = str | Sequence[str]
FileFormat = Literal["csv", "ndjson", "parquet", "arrow", "xlsx"]


class Clocks(TypedDict, total=False):
    """The moment that is asked about."""

    effective_on: Day
    known_on: Day
    position: int
    recorded_at: Instant
    min_position: int


class Market(Clocks, total=False):
    """What all views of the market are asked."""

    buyer: Several
    buyer_scope: Literal["entity", "group"]
    exclude: Several
    currency: str
    measure: Literal["spend", "units", "capacity"]
    attribute: str
    status: Literal["ordered", "delivered", "open"]
    window: str
    period: str
    rates: Day | Literal["placed", "effective"]
    captive: Literal["include", "exclude"]


class DependenceAsked(Market, total=False):
    """What vendor-dependence is asked."""

    by: str
    home: str


class ExposureAsked(Market, total=False):
    """What regulatory-exposure is asked."""

    judged: Literal["effective", "placed"]
    restricted: Several


class ExposedLinesAsked(ExposureAsked, total=False):
    """What the lines behind it are asked."""

    limit: int
    cursor: str


class SoleSourceAsked(Market, total=False):
    """What sole-source is asked."""

    threshold: str
    threshold_attribute: str


class EvidenceAsked(DependenceAsked, total=False):
    """What its evidence is asked."""

    key: str
    vendor: str
    limit: int
    offset: int


class EventsWanted(TypedDict, total=False):
    """Which events are wanted."""

    type: Several
    stream: Several
    subject: str
    effective_from: Day
    effective_to: Day
    recorded_from: Instant
    recorded_to: Instant


class ImportAsked(TypedDict, total=False):
    """How a file is imported."""

    format: str
    mapping: str
    dry_run: bool
    continue_on_error: bool
    lenient: bool
    unknown: Literal["register", "report"]
    file: str


# Recording


def record(
    events: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    idempotency_key: str | None = None,
    correlation_id: str | None = None,
) -> Call[Receipt]:
    """Record one event or several, all of them or none."""
    several = [events] if isinstance(events, Mapping) else events
    lines = b"".join(msgspec.json.encode(plain(event)) + b"\n" for event in several)
    headers = keyed(idempotency_key) | {"Content-Type": NDJSON}
    if correlation_id is not None:
        headers["X-Correlation-Id"] = correlation_id
    return Call("POST", f"{API}/events", reading(Receipt), headers=headers, body=lines)


def begin(collection: Collection, *, idempotency_key: str | None = None, **fact: Any) -> Call[RecordedFact]:
    """Record what begins a thing: an order is placed, an organisation registered, an instrument enacted."""
    headers = keyed(idempotency_key)
    return Call("POST", f"{API}/{collection}", reading(RecordedFact), headers=headers, body=encoded(fact))


def happen(
    collection: Collection,
    identifier: str,
    subject: Subject,
    *,
    if_match: str | int | None = None,
    idempotency_key: str | None = None,
    **fact: Any,
) -> Call[RecordedFact]:
    """Record what happened to a thing. `if_match`: its version, or the ETag, as it was read."""
    path = f"{API}/{collection}/{segment(identifier)}/{subject}"
    return Call("POST", path, reading(RecordedFact), headers=keyed(idempotency_key, if_match), body=encoded(fact))


def annotate(
    collection: Collection, identifier: str, *, idempotency_key: str | None = None, **fact: Any
) -> Call[RecordedFact]:
    """Record a note on an event of a thing: `annotates`, `note`, `effective_on`."""
    path = f"{API}/{collection}/{segment(identifier)}/annotations"
    return Call("POST", path, reading(RecordedFact), headers=keyed(idempotency_key), body=encoded(fact))


def correct(
    collection: Collection,
    identifier: str,
    *,
    retracts: str,
    reason: str,
    replacement: Mapping[str, Any] | None = None,
    if_match: str | int | None = None,
    idempotency_key: str | None = None,
    **fact: Any,
) -> Call[list[RecordedFact]]:
    """Take back an event of a thing that was wrong, and record what replaces it: both, or neither."""
    sent = {"retracts": retracts, "reason": reason, **fact}
    if replacement is not None:
        sent["replacement"] = replacement
    path = f"{API}/{collection}/{segment(identifier)}/corrections"
    return Call("POST", path, _corrected, headers=keyed(idempotency_key, if_match), body=encoded(sent))


def _corrected(status: int, headers: Mapping[str, str], body: bytes) -> list[RecordedFact]:
    found = msgspec.json.decode(body, type=dict[str, Any])
    if "events" not in found:
        return [msgspec.convert(found, RecordedFact)]
    receipt = msgspec.convert(found, Receipt)
    # Each remark with the event that it is about.
    return [
        RecordedFact(
            **msgspec.structs.asdict(placed), remarks=[one for one in receipt.remarks if one.event == placed.id]
        )
        for placed in receipt.events
    ]


# Views


def begin_import(
    file_content: bytes, *, idempotency_key: str | None = None, **asked: Unpack[ImportAsked]
) -> Call[things.Import]:
    """Send a file to be imported in the background; what became of it is asked for by the id of the answer."""
    headers = keyed(idempotency_key) | {"Content-Type": "application/octet-stream"}
    return Call("POST", f"{API}/imports", reading(things.Import), queried(asked), headers, file_content)


def import_state(identifier: str) -> Call[things.Import]:
    """One import: how far it is, what is recorded, and what is wrong."""
    return Call("GET", f"{API}/imports/{segment(identifier)}", reading(things.Import))


def vendor_dependence(**asked: Unpack[DependenceAsked]) -> Call[answers.VendorDependence]:
    """How much of what was bought depends on whom."""
    return _view("views/vendor-dependence", answers.VendorDependence, asked)


def evidence(**asked: Unpack[EvidenceAsked]) -> Call[answers.Evidence]:
    """A page of the contributions that make the figure of one row, with their postings: 1,000, or `limit`."""
    return _view("views/vendor-dependence/evidence", answers.Evidence, asked)


def series(
    from_on: Day, to_on: Day | None = None, step: str | None = None, **asked: Unpack[DependenceAsked]
) -> Call[answers.Series]:
    """vendor-dependence over time, by step (an ISO 8601 duration) or at every change."""
    range_ = {"from": from_on, "to": to_on, "step": step}
    return _view("views/vendor-dependence/series", answers.Series, {**range_, **asked})


def difference(
    clock: answers.Clock, before: Day | int, after: Day | int, **asked: Unpack[DependenceAsked]
) -> Call[answers.Difference]:
    """What changed between two values of one clock, and why."""
    return _view("views/vendor-dependence/diff", answers.Difference, {**asked, clock: [before, after]})


def regulatory_exposure(**asked: Unpack[ExposureAsked]) -> Call[answers.RegulatoryExposure]:
    """How much of what was bought is barred, by which rule, and what is not known."""
    return _view("views/regulatory-exposure", answers.RegulatoryExposure, asked)


def exposed_lines(**asked: Unpack[ExposedLinesAsked]) -> Call[answers.ExposedLines]:
    """A page of the lines of orders and assertions behind regulatory-exposure: 100, or `limit`."""
    return _view("views/regulatory-exposure/orders", answers.ExposedLines, asked)


def sole_source(**asked: Unpack[SoleSourceAsked]) -> Call[answers.SoleSource]:
    """By category from whom it is bought, who else could sell it, and whether only one could."""
    return _view("views/sole-source", answers.SoleSource, asked)


def view_file(view: str, form: FileFormat, table: str | None = None, **asked: Any) -> Call[bytes]:
    """A view as a file: CSV, NDJSON, Parquet, Arrow or XLSX. `view`: its path, such as vendor-dependence."""
    query = queried({**asked, "format": form, "table": table})
    return Call("GET", f"{API}/views/{view}", content, query, of_views=True)


def suppose_dependence(
    events: Sequence[Mapping[str, Any]], **asked: Unpack[DependenceAsked]
) -> Call[answers.DependenceScenario]:
    """vendor-dependence as it would be had these events been recorded; nothing is."""
    return _scenario("vendor-dependence", answers.DependenceScenario, events, asked)


def suppose_exposure(
    events: Sequence[Mapping[str, Any]], **asked: Unpack[ExposureAsked]
) -> Call[answers.ExposureScenario]:
    """regulatory-exposure as it would be had these events been recorded; nothing is."""
    return _scenario("regulatory-exposure", answers.ExposureScenario, events, asked)


def _view(path: str, kind: type[Any], asked: Mapping[str, Any]) -> Call[Any]:
    return Call("GET", f"{API}/{path}", reading(kind), queried(asked), {"Accept": JSON}, of_views=True)


def _scenario(path: str, kind: type[Any], events: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> Call[Any]:
    headers = {"Content-Type": JSON, "Accept": JSON}
    body = encoded(list(events))
    return Call("POST", f"{API}/scenarios/{path}", reading(kind), queried(asked), headers, body, of_views=True)


# Things


def order(identifier: str, **clocks: Unpack[Clocks]) -> Call[things.Order]:
    """One order, with its history."""
    return _view(f"orders/{segment(identifier)}", things.Order, clocks)


def organization(identifier: str, **clocks: Unpack[Clocks]) -> Call[things.Organization]:
    """One organisation."""
    return _view(f"organizations/{segment(identifier)}", things.Organization, clocks)


def product(identifier: str, **clocks: Unpack[Clocks]) -> Call[things.Product]:
    """One product."""
    return _view(f"products/{segment(identifier)}", things.Product, clocks)


def partnership(identifier: str, **clocks: Unpack[Clocks]) -> Call[things.Partnership]:
    """One partnership."""
    return _view(f"partnerships/{segment(identifier)}", things.Partnership, clocks)


def regulation(identifier: str, **clocks: Unpack[Clocks]) -> Call[things.Regulation]:
    """One instrument, with its history."""
    return _view(f"regulations/{segment(identifier)}", things.Regulation, clocks)


def supply_assertion(identifier: str, **clocks: Unpack[Clocks]) -> Call[things.SupplyAssertion]:
    """What was last asserted under an id."""
    return _view(f"supply-assertions/{segment(identifier)}", things.SupplyAssertion, clocks)


def exchange_rates(base: str, **clocks: Unpack[Clocks]) -> Call[things.ExchangeRates]:
    """The last publication of a base's rates."""
    return _view(f"exchange-rates/{segment(base)}", things.ExchangeRates, clocks)


def orders_page(cursor: str | None = None, **asked: Any) -> Call[things.Orders]:
    """A page of the orders, 100 or `limit`; filters are buyer, vendor, product, status, placed_from and placed_to."""
    return _view("orders", things.Orders, _paged(cursor, asked))


def order_lines(cursor: str | None = None, **asked: Any) -> Call[things.ListedLines]:
    """The lines of a page of orders, 100 or `limit` of them; filters as `orders_page` has them."""
    return _view("views/order-lines", things.ListedLines, _paged(cursor, asked))


def organizations(**asked: Any) -> Call[things.Organizations]:
    """Organisations, of a `country` or below a `parent`: all of them, or with `limit` a page."""
    return _view("organizations", things.Organizations, _paged(asked.pop("cursor", None), asked))


def likely_duplicates(cursor: str | None = None, **asked: Any) -> Call[things.LikelyDuplicates]:
    """A page of pairs of organisations that may be one, the likeliest first: 100, or `limit`."""
    return _view("views/likely-duplicates", things.LikelyDuplicates, _paged(cursor, asked))


def products(**asked: Any) -> Call[things.Products]:
    """Products, of a `vendor` or a `category`: all of them, or with `limit` a page."""
    return _view("products", things.Products, _paged(asked.pop("cursor", None), asked))


def partnerships(**asked: Any) -> Call[things.Partnerships]:
    """Partnerships, of a `party` or a `status`: all of them, or with `limit` a page."""
    return _view("partnerships", things.Partnerships, _paged(asked.pop("cursor", None), asked))


def regulations(**asked: Any) -> Call[things.Regulations]:
    """Instruments, of a `status` or a `jurisdiction`: all of them, or with `limit` a page."""
    return _view("regulations", things.Regulations, _paged(asked.pop("cursor", None), asked))


def history(collection: Collection, identifier: str, **asked: Any) -> Call[things.History]:
    """A page of the events of one thing, as they are stored: 100 of them, or `limit`."""
    return _view(f"{collection}/{segment(identifier)}/history", things.History, asked)


def _paged(cursor: str | None, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return asked if cursor is None else following(cursor, asked)


def following(cursor: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The question for the next page: its cursor holds the moment of the first."""
    return {**{name: value for name, value in asked.items() if name not in Clocks.__annotations__}, "cursor": cursor}


# The ledger as a whole


def event(position: int) -> Call[answers.StoredEvent]:
    """One event by its position."""
    return Call("GET", f"{API}/events/{position}", reading(answers.StoredEvent), headers={"Accept": JSON})


def events_page(after: int = 0, limit: int = 1_000, **wanted: Unpack[EventsWanted]) -> Call[answers.EventPage]:
    """Up to 1,000 events behind a position."""
    query = queried({"after": after, "limit": limit, **wanted})
    return Call("GET", f"{API}/events", reading(answers.EventPage), query, {"Accept": JSON})


def proof(position: int, size: int | None = None) -> Call[str]:
    """The proof that an event is in the transparency log (c2sp.org/tlog-proof)."""
    return Call("GET", f"{API}/events/{position}/proof", text, queried({"size": size}))


def checkpoint() -> Call[str]:
    """The log's last checkpoint, a signed note."""
    return Call("GET", f"{API}/log/checkpoint", text)


def readiness() -> Call[things.Readiness]:
    """Whether the service can answer; Unavailable where it cannot."""
    return Call("GET", "/readyz", reading(things.Readiness))


def version() -> Call[things.Version]:
    """What runs there."""
    return Call("GET", "/version", reading(things.Version))


# Webhooks


def create_webhook(
    url: str, types: Sequence[str] = (), streams: Sequence[str] = (), after: int | None = None
) -> Call[things.WebhookWithSecret]:
    """Have events sent to an address; the call is not sent again when its answer is lost."""
    sent = {"url": url, "types": list(types), "streams": list(streams)} | ({} if after is None else {"after": after})
    headers = {"Content-Type": JSON}
    kind = reading(things.WebhookWithSecret)
    return Call("POST", f"{API}/webhooks", kind, headers=headers, body=encoded(sent), repeatable=False)


def webhooks() -> Call[things.Webhooks]:
    """Every webhook."""
    return Call("GET", f"{API}/webhooks", reading(things.Webhooks))


def remove_webhook(identifier: str) -> Call[None]:
    """Remove a webhook: no more events are sent to it."""
    return Call("DELETE", f"{API}/webhooks/{segment(identifier)}", nothing)
