"""Orders as they stand, as of a day: by the ledger's events, and by an extract."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from domain import fulfilment
from domain.estimates import ZERO, Estimate
from domain.events import Recorded
from domain.fulfilment import LineState, OrderState
from domain.periods import parse_period
from domain.streams import ABOUT_EVENTS, fold
from service.importing.items import EventGroup
from service.importing.plans import Entry


@dataclass(slots=True)
class OrderFact:
    """An event of an order that stands, and what is to stand in its place."""

    event: Recorded
    data: dict[str, Any]
    effective_on: str
    #: Something else is to stand there.
    changed: bool = False
    #: Nothing is.
    dropped: bool = False

    @property
    def now(self) -> Recorded:
        """The event as it is to stand, as a fold reads it."""
        event = self.event
        period = parse_period(self.effective_on)
        return Recorded(
            event.type, event.id, event.stream, 0, event.version, period, event.known_on, event.basis, self.data
        )


def begun_by(event: Recorded, as_of: date) -> bool:
    """Whether what an event says had begun on a day: of a month or a year it may have."""
    return (event.effective_on.first or date.min) <= as_of


@dataclass(slots=True)
class KnownOrder:
    """An order as the ledger has it."""

    as_of: date
    version: int = 0
    #: Of all events of its stream.
    ids: frozenset[str] = frozenset()
    #: What stands, in the order in which it was recorded; the placing first. Empty: nothing does.
    facts: list[OrderFact] = field(default_factory=list)
    #: The last day on which something of it was withdrawn: nothing that is recorded now was known before.
    withdrawn_on: date = date.min

    @classmethod
    def of(cls, history: Sequence[Recorded], as_of: date) -> "KnownOrder":
        """From all events of its stream."""
        stream = fold(history)
        retracted = {event.data["retracts"] for event in history if event.type == "event-retracted"}
        facts: list[OrderFact] = []
        for event in history:
            standing = event.type not in ABOUT_EVENTS and event.id not in retracted
            if standing and (facts or event.type == "order-placed"):
                facts.append(OrderFact(event, deepcopy(dict(event.data)), event.effective_on.text))
        days = (stream.withdrawn or {}).values()
        ids = frozenset(event.id for event in history)
        return cls(as_of, stream.version, ids, facts, max(days, default=date.min))

    @property
    def placed(self) -> OrderFact:
        """The placing."""
        return self.facts[0]

    @property
    def counted(self) -> Iterator[OrderFact]:
        """What of it had happened by the day; it was placed by then, whenever that was said to be."""
        for fact in self.facts:
            if not fact.dropped and (fact is self.facts[0] or begun_by(fact.event, self.as_of)):
                yield fact

    @property
    def cancellations(self) -> list[OrderFact]:
        """Its cancellations, those of later days among them."""
        return [fact for fact in self.facts if fact.event.type == "order-cancelled" and not fact.dropped]

    def state(self) -> OrderState:
        """The order as of the day."""
        return folded(fact.now for fact in self.counted)

    def openings(self) -> dict[str, tuple[OrderFact, dict[str, Any]]]:
        """By line what brought it, and the line as it was brought."""
        return {
            line["line"]: (fact, line)
            for fact in self.counted
            if fact.event.type in ("order-placed", "order-amended")
            for line in fact.data.get("lines", ())
        }

    def allocation(self) -> dict[str, Decimal]:
        """The shares of its buyers as of the day, as far as they are exact; empty: none are said."""
        said = [fact.now for fact in self.counted if fact.event.type == "order-allocated"]
        if not said:
            return {}
        return shares_of(max(said, key=lambda event: (event.ends_on, event.known_on, event.version)).data)


def shares_of(data: Mapping[str, Any]) -> dict[str, Decimal]:
    """What an allocation gives each buyer, as far as it is exact."""
    shares = {one["buyer_id"]: Estimate.of(one["share"]) for one in data["allocations"]}
    return {buyer: share.value for buyer, share in shares.items() if share.value is not None and share.exact}


def folded(events: Iterable[Recorded]) -> OrderState:
    """An order from its events; the first one places it."""
    state: OrderState | None = None
    for event in events:
        state = fulfilment.apply(state, event)
    assert state is not None
    return state


@dataclass(frozen=True, slots=True)
class ExtractOrder:
    """An order as an extract has it."""

    order_id: str
    group: EventGroup
    state: OrderState
    #: By line, as it would be placed.
    lines: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, order_id: str, group: EventGroup) -> "ExtractOrder":
        """From the events that would record it anew."""
        events = [_as_recorded(entry, version) for version, entry in enumerate(group.entries, start=1)]
        lines = {line["line"]: line for event in events for line in event.data.get("lines", ())}
        return cls(order_id, group, folded(events), lines)

    @property
    def placed(self) -> Mapping[str, Any]:
        """The placing as it would be sent."""
        return self.group.entries[0].sent

    @property
    def row(self) -> int:
        """The first row of it."""
        return self.group.entries[0].line

    def row_of(self, line: str) -> int:
        """The row that a line stands on."""
        return self.group.line_rows.get(line, self.row)

    @property
    def cancellation(self) -> Entry | None:
        """What says that all of it is cancelled."""
        return next((entry for entry in self.group.entries if entry.sent["type"] == "order-cancelled"), None)

    def receipts(self, line: str) -> list[Entry]:
        """What says that something of a line has arrived, each in one event."""
        return [
            entry
            for entry in self.group.entries
            if entry.sent["type"] == "goods-received" and entry.sent["data"]["receipts"][0]["line"] == line
        ]


def _as_recorded(entry: Entry, version: int) -> Recorded:
    sent = entry.sent
    period = parse_period(sent["effective_on"])
    known_on = date.fromisoformat(sent["known_on"]) if "known_on" in sent else date.max
    return Recorded(sent["type"], sent["id"], "", 0, version, period, known_on, sent["basis"], sent["data"])


def arrived(line: LineState) -> Decimal | None:
    """What has arrived of a line and was not returned; None: that is not exactly known."""
    if not line.received.exact:
        return None
    return (line.received.value or ZERO) - line.returned


def paid(line: LineState) -> Decimal | None:
    """What that came to, where every receipt states its amount; None: some do not, or not exactly."""
    if not line.received_amount.exact or line.unpriced.high != ZERO:
        return None
    return (line.received_amount.value or ZERO) - line.returned_amount
