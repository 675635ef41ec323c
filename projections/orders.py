"""One order as of any time: its lines and what is open, and for each event of its stream whether it counts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

from domain.estimates import Estimate
from domain.events import Recorded
from domain.periods import parse_period
from projections.figures import PRECISE, ZERO, Figure, plain, total_of
from projections.order_list import Status
from projections.parameters import Moment

#: The fields in which an order's events speak of lines that another event (by its `lines`) brought.
BUILDING = ("changes", "receipts", "returns")
#: Types that say something about an event, not about the order.
ABOUT_THE_RECORD = ("event-retracted", "event-annotated")
#: What is measured of a line: goods, then money in the order's currency.
MEASURES = ("quantity", "amount")
STATUSES = ("ordered", "delivered", "open")

#: What an order's counting events say of each line, by the field that says it and the line.
Entries = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
#: A figure each for ordered, delivered and open.
Statuses = Mapping[str, Figure]
#: The figures of a line, by measure.
Figures = Mapping[str, Statuses]


def order(events: Iterable[Recorded], moment: Moment) -> dict[str, Any] | None:
    """The order as of a moment, JSON-ready, or None where no placing of it counts.

    `events` are the recorded events of its stream in the order of their versions. Figures follow docs/semantics.md, 7,
    8, 10, 12 and 14: each is {"value", "low", "high"}, decimals as strings at six places, value null where nothing is
    quantified, high null where there is no bound; amounts are in the order's currency.

    `status` is cancelled from the first counting cancellation on; void where nothing is ordered (any more) and nothing
    was kept; returned where all that was ordered had arrived and all of it went back; delivered where no line has
    anything open by its best figure; else open. `flags`: over-received (of some line certainly more than ordered),
    reduced-below-zero (amendments took more off some line than there was),
    cancelled, late (a line has something open though its time for delivery is over, and is not returned), unallocated
    (of several buyers, and no allocation counts).
    `history` has every event recorded by then, with `why_not` where it does not count. An event that speaks of lines
    which are not there lists them as `missing_lines`; it counts as long as one of its lines is there.
    """
    stream = OrderStream(events, moment)
    found = described(stream)
    return None if found is None else {**found, "history": stream.history()}


def described(stream: "OrderStream") -> dict[str, Any] | None:
    """The order without its history, as `order` gives it."""
    if stream.placing is None:
        return None
    said = stream.placing.data
    cancellation = stream.cancellation
    allocation = max(stream.of_type("order-allocated"), key=recency, default=None)
    entries = stream.entries()
    figures = {name: _figures(entries, name, cancellation is not None) for name in stream.lines}
    lines = [
        _written_line(line, figures[name], is_reduced=_is_reduced_below_zero(entries, name))
        for name, line in stream.lines.items()
    ]
    status = "cancelled" if cancellation else _status(entries, figures)
    unsettled = [line for line in lines if not _is_settled(figures[line["line"]])] if status == "open" else []
    flags = {
        "over-received": any(line["over_received"] for line in lines),
        "reduced-below-zero": any(line["reduced_below_zero"] for line in lines),
        "cancelled": cancellation is not None,
        "late": any(_is_over(line["deliver_by"], stream.moment.effective_on) for line in unsettled),
        "unallocated": len(said["buyers"]) > 1 and allocation is None,
    }
    return {
        "order_id": said["order_id"],
        "vendor_id": said["vendor_id"],
        "buyers": said["buyers"],
        "currency": said["currency"],
        "placed_on": stream.placing.ends_on.isoformat(),
        "placed_effective_on": stream.placing.effective_on.text,
        "basis": stream.placing.basis,
        "status": status,
        **_written_cancellation(cancellation),
        "lines": lines,
        "allocations": allocation.data["allocations"] if allocation else None,
        "flags": [flag for flag, raised in flags.items() if raised],
    }


class OrderStream:
    """An order's events as of a moment."""

    def __init__(self, events: Iterable[Recorded], moment: Moment) -> None:
        self.moment = moment
        #: All that was recorded by then, counting or not.
        self._recorded = [event for event in events if event.position <= moment.position]
        #: Visible retractions, by the id of what they retract.
        self._retractions = {
            event.data["retracts"]: event
            for event in self._recorded
            if event.type == "event-retracted" and self._is_known(event)
        }
        self._builds_on = _Bonds(self._recorded)
        standing = [event for event in self._recorded if self._hindrance(event) is None]
        self._standing = sorted(standing, key=recency)
        #: The placing that counts; None: the order does not.
        self.placing = next(reversed(self.of_type("order-placed")), None)
        self._standing = [event for event in self._standing if self._is_of_the_order(event)]
        #: The lines that exist, those of the placing first, each with the position of the event that brought it.
        self._brought = {
            line["line"]: (event.position, line) for event in self._bringing() for line in event.data.get("lines", ())
        }
        self.lines: dict[str, Mapping[str, Any]] = {name: line for name, (_, line) in self._brought.items()}

    @property
    def cancellation(self) -> Recorded | None:
        """The first counting cancellation."""
        return min(self.of_type("order-cancelled"), key=recency, default=None)

    def of_type(self, event_type: str) -> list[Recorded]:
        """The visible events in effect of this type, the latest last."""
        return [event for event in self._standing if event.type == event_type]

    def entries(self) -> Entries:
        """What the counting events say of lines, whether these exist or not."""
        entries: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for name, line in self.lines.items():
            entries["lines", name].append(line)
        for event in self._standing:
            for field, entry in building(event):
                if self._is_there(event, entry["line"]):
                    entries[field, entry["line"]].append(as_stated(event, entry))
        return entries

    def history(self) -> list[dict[str, Any]]:
        """Every event recorded by then, as `order` describes it."""
        notes = defaultdict(list)
        for event in self._recorded:
            if event.type == "event-annotated" and self._hindrance(event) is None:
                notes[event.data["annotates"]].append(event.data["note"])
        return [self._described(event, notes[event.id]) for event in self._recorded]

    def _described(self, event: Recorded, notes: list[str]) -> dict[str, Any]:
        assert event.stored is not None
        retraction = self._retractions.get(event.id)
        missing = list(dict.fromkeys(line for line in _lines_built_on(event) if not self._is_there(event, line)))
        why_not = self._hindrance(event)
        if why_not is None and not self._is_of_the_order(event):
            why_not = "its order is not there"
        elif why_not is None and self._has_no_line(event):
            why_not = "its line is not there"
        described = {
            "position": event.position,
            "version": event.version,
            "id": event.id,
            "type": event.type,
            "effective_on": event.effective_on.text,
            "ends_on": event.ends_on.isoformat(),
            "known_on": event.known_on.isoformat(),
            "recorded_at": event.stored["recorded_at"],
            "basis": event.basis,
            "counts": why_not is None,
            "why_not": why_not,
            "retracted_by": retraction.id if retraction else None,
            "notes": notes,
            "data": event.data,
        }
        described |= {name: event.stored[name] for name in ("actor", "corrects", "source") if name in event.stored}
        return described | ({"missing_lines": missing} if missing else {})

    def _is_known(self, event: Recorded) -> bool:
        return self.moment.known_on is None or event.known_on <= self.moment.known_on

    def _hindrance(self, event: Recorded) -> str | None:
        """Why the event does not count by itself, without regard to the order's other events (rules 2 to 4)."""
        if not self._is_known(event):
            return "not known yet"
        if event.id in self._retractions:
            return "retracted"
        # A retraction, and a note, is about the record and not about the world: visible is enough.
        if event.ends_on > self.moment.effective_on and event.type not in ABOUT_THE_RECORD:
            return "not in effect yet"
        return None

    def _bringing(self) -> Iterator[Recorded]:
        """What brings the lines: the placing, then the amendments."""
        if self.placing is not None:
            yield self.placing
            yield from self.of_type("order-amended")

    def _is_of_the_order(self, event: Recorded) -> bool:
        """Whether the event is about the placing that counts, or about the record."""
        if event.type in ABOUT_THE_RECORD:
            return True
        return self.placing is not None and self._builds_on.placing[event.position] == self.placing.position

    def _is_there(self, event: Recorded, line: str) -> bool:
        """Whether the line that the event speaks of is one that exists (rule 8)."""
        brought = self._brought.get(line)
        return brought is not None and self._builds_on.line.get((event.position, line)) == brought[0]

    def _has_no_line(self, event: Recorded) -> bool:
        """Whether all that the event says is about lines that do not exist (rule 8)."""
        built_on = _lines_built_on(event)
        return (
            bool(built_on) and "lines" not in event.data and not any(self._is_there(event, line) for line in built_on)
        )


class _Bonds:
    """What each event of a stream was recorded about: a placing, and of its lines the events that brought them.

    Both are the last recorded before it, whether or not they count now.
    """

    def __init__(self, events: Iterable[Recorded]) -> None:
        #: By position, the position of the placing (its own for a placing).
        self.placing: dict[int, int] = {}
        #: By position and line, the position of the event that brought the line.
        self.line: dict[tuple[int, str], int] = {}
        placing, brought = 0, dict[str, int]()
        for event in events:
            if event.type == "order-placed":
                placing, brought = event.position, {}
            self.placing[event.position] = placing
            self.line |= {(event.position, name): brought[name] for name in _lines_built_on(event) if name in brought}
            brought |= {line["line"]: event.position for line in event.data.get("lines", ())}


def recency(event: Recorded) -> tuple[date, date, int]:
    """The order of facts: the greatest is the latest (rule 5)."""
    return event.ends_on, event.known_on, event.position


def building(event: Recorded) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the event says of lines brought by others, each with the field that says it."""
    for field in BUILDING:
        for entry in event.data.get(field, ()):
            yield field, entry


def as_stated(event: Recorded, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event says of a line; with UNCREDITED as its amount a return that is no posting of money.

    As they were first recorded, returns without an amount took nothing off it (docs/semantics.md, 30).
    """
    if event.stored is None or entry["line"] not in event.stored.get("uncredited", ()):
        return entry
    return {**entry, "amount": UNCREDITED}


#: Stands for the amount of a return that has none, and of which none is derived.
UNCREDITED = object()


def _lines_built_on(event: Recorded) -> list[str]:
    return [entry["line"] for _, entry in building(event)]


def _figures(entries: Entries, line: str, cancelled: bool) -> Figures:
    return {measure: measured(entries, line, measure, cancelled) for measure in MEASURES}


def agreed(entries: Entries, line: str, measure: str) -> Figure:
    """What is ordered of a line, below nothing too."""
    return stated(entries, "lines", line, measure).plus(stated(entries, "changes", line, measure))


def measured(entries: Entries, line: str, measure: str, cancelled: bool) -> Statuses:
    """What was ordered of a line in goods or money, what was delivered and what is open."""
    received, returned = (stated(entries, field, line, measure) for field in ("receipts", "returns"))
    if measure == "amount":
        received = received.plus(_derived(entries, line))
    return statuses_of(agreed(entries, line, measure), received, returned, cancelled)


def _derived(entries: Entries, line: str) -> Figure:
    """What the receipts and returns without an amount come to, at the price of the line (rule 30)."""
    received, returned = (
        [posting(entry["quantity"]) for entry in entries.get((field, line), ()) if "amount" not in entry]
        for field in ("receipts", "returns")
    )
    unknown = total_of(figure for figure in received if figure.unquantified)
    arrived = [figure for figure in received if not figure.unquantified]
    if not arrived and not returned:
        return unknown
    return unknown.plus(
        derived_amount(
            agreed(entries, line, "quantity"),
            agreed(entries, line, "amount"),
            total_of(arrived),
            total_of(returned).sum,
        )
    )


def derived_amount(quantity: Figure, amount: Figure, received: Figure, returned: Decimal) -> Figure:
    """What goods come to that arrived, or went back, without an amount, at the price of their line (rule 30).

    `quantity`, `amount`: what is ordered of the line, below nothing too; `received` is quantified.
    """
    assert received.high is not None
    count = [PRECISE.subtract(bound, returned) for bound in (received.sum, received.low, received.high)]
    if not any(count):
        return Figure(quantified=1)
    if not (_is_exact(quantity) and _is_exact(amount) and quantity.sum > 0 and amount.sum >= 0):
        return Figure(high=None, unquantified=1)
    with localcontext(PRECISE):
        value, low, high = ((amount.sum * bound / quantity.sum).quantize(FOUR_PLACES) for bound in count)
    return Figure(value, low, high, quantified=1)


#: To which derived amounts are rounded, half-even.
FOUR_PLACES = Decimal("0.0001")


def _is_exact(figure: Figure) -> bool:
    return figure.unquantified == 0 and figure.low == figure.sum == figure.high


def statuses_of(agreed: Figure, received: Figure, returned: Figure, cancelled: bool) -> Statuses:
    """What was ordered of a line, what was delivered and what is open (rules 10, 12 and 14).

    `agreed`: what was ordered, below nothing too.
    """
    delivered = _delivered(received, returned)
    if cancelled:
        return {"ordered": delivered, "delivered": delivered, "open": Figure()}
    ordered = _not_below_nothing(agreed)
    return {"ordered": ordered, "delivered": delivered, "open": _open(ordered, delivered)}


def _not_below_nothing(figure: Figure) -> Figure:
    high = None if figure.high is None else max(ZERO, figure.high)
    return Figure(max(ZERO, figure.sum), max(ZERO, figure.low), high, figure.quantified, figure.unquantified)


def _is_reduced_below_zero(entries: Entries, line: str) -> bool:
    """Whether amendments took off more of a line than there was (rule 14)."""
    return any(agreed(entries, line, measure).sum < 0 for measure in MEASURES)


def stated(entries: Entries, field: str, line: str, measure: str) -> Figure:
    """The sum of what a field says of a line, as far as it says it."""
    # Where an entry leaves the measure out, it is no posting of it by itself; lines always hold it.
    figures = (entry[measure] for entry in entries.get((field, line), ()) if measure in entry)
    return total_of(posting(figure) for figure in figures if figure is not UNCREDITED)


def posting(stored: Any) -> Figure:
    """A recorded quantity or amount as a posting of it."""
    estimate = Estimate.of(stored)
    if estimate.value is None:
        return Figure(high=None, unquantified=1)
    return Figure(estimate.value, estimate.low, estimate.high, quantified=1)


def _delivered(received: Figure, returned: Figure) -> Figure:
    """What arrived and stayed: returns, which are exact, are taken alike off all three."""
    return Figure(
        _down(received.sum, returned.sum),
        _down(received.low, returned.sum),
        None if received.high is None else _down(received.high, returned.sum),
        received.quantified + returned.quantified,
        received.unquantified + returned.unquantified,
    )


def _open(ordered: Figure, delivered: Figure) -> Figure:
    """What is ordered and not delivered, bounds crossed."""
    return Figure(
        _down(ordered.sum, delivered.sum),
        ZERO if delivered.high is None else _down(ordered.low, delivered.high),
        None if ordered.high is None else _down(ordered.high, delivered.low),
        ordered.quantified + delivered.quantified,
        ordered.unquantified + delivered.unquantified,
    )


def _down(number: Decimal, by: Decimal) -> Decimal:
    """The difference, or 0 where it is below."""
    return max(ZERO, PRECISE.subtract(number, by))


def _is_settled(figures: Figures) -> bool:
    """Whether nothing of a line is open: by goods, or by money where the quantity ordered is not known."""
    known = _known(figures)
    return known is not None and known["open"].sum == 0


def _known(figures: Figures) -> Statuses | None:
    """A line's goods, or its money where the quantity ordered is not known; None: neither is."""
    return next((statuses for statuses in figures.values() if not statuses["ordered"].unquantified), None)


def _status(entries: Entries, figures: Mapping[str, Figures]) -> Status:
    """What an order is that is not cancelled."""
    void = [name for name in figures if _is_void(figures[name])]
    if len(void) == len(figures):
        return "void"
    if all(name in void or _went_back(entries, name, figures[name]) for name in figures):
        return "returned"
    return "delivered" if all(map(_is_settled, figures.values())) else "open"


def _is_void(figures: Figures) -> bool:
    """Whether of a line nothing is ordered, and nothing was kept, by all that is known of it."""
    known = _known(figures)
    return known is not None and known["ordered"].sum == 0 and _is_nothing(known["delivered"])


def _went_back(entries: Entries, line: str, figures: Figures) -> bool:
    """Whether all the goods of a line had arrived, and all of them went back."""
    ordered, received = figures["quantity"]["ordered"], stated(entries, "receipts", line, "quantity")
    had_arrived = not ordered.unquantified and 0 < ordered.sum <= received.sum
    return had_arrived and _is_nothing(figures["quantity"]["delivered"])


def _is_nothing(figure: Figure) -> bool:
    return not figure.unquantified and figure.sum == 0


def _is_over(deliver_by: str | None, effective_on: date) -> bool:
    return deliver_by is not None and parse_period(deliver_by).last < effective_on


def _written_cancellation(cancellation: Recorded | None) -> dict[str, Any]:
    if cancellation is None:
        return {"cancelled_on": None, "cancellation": None}
    why = {"reason": cancellation.data["reason"], "regulation_id": cancellation.data.get("regulation_id")}
    return {"cancelled_on": cancellation.ends_on.isoformat(), "cancellation": why}


def _written_line(line: Mapping[str, Any], figures: Figures, *, is_reduced: bool) -> dict[str, Any]:
    goods = figures["quantity"]
    return {
        "line": line["line"],
        "product_id": line["product_id"],
        "deliver_by": line.get("deliver_by"),
        **written_statuses(figures),
        # Certainly more: the least that can have stayed is above the most that can have been ordered.
        "over_received": goods["ordered"].high is not None and goods["delivered"].low > goods["ordered"].high,
        "reduced_below_zero": is_reduced,
    }


def written_statuses(figures: Figures) -> dict[str, dict[str, Any]]:
    """The figures of a line as output, by status and measure."""
    return {status: {measure: written(figures[measure][status]) for measure in MEASURES} for status in STATUSES}


def written(figure: Figure) -> dict[str, str | None]:
    """A figure as output."""
    return {"value": plain(figure.value), "low": plain(figure.low), "high": plain(figure.high)}
