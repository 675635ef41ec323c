"""An order as what is known of it leaves it, for ever more of its events: each costs what it says, not what was before.

The same rules as those of `projections.orders.order` at the end of time, which a test compares.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.events import Recorded
from projections.figures import PRECISE, ZERO, Figure
from projections.orders import (
    ABOUT_THE_RECORD,
    MEASURES,
    UNCREDITED,
    Figures,
    as_stated,
    building,
    derived_amount,
    posting,
    recency,
    statuses_of,
)

#: Behind the last event.
END = 2**62


@dataclass(slots=True)
class _Sum:
    """A sum of postings from which some may be taken again; a posting has no upper bound where it has no quantity."""

    sum: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO
    quantified: int = 0
    unquantified: int = 0

    def post(self, posted: Figure, times: int) -> None:
        """Take a posting in (1) or out again (-1)."""
        self.sum = PRECISE.add(self.sum, posted.sum * times)
        self.low = PRECISE.add(self.low, posted.low * times)
        self.high = PRECISE.add(self.high, (posted.high or ZERO) * times)
        self.quantified += posted.quantified * times
        self.unquantified += posted.unquantified * times

    @property
    def figure(self) -> Figure:
        """The sum as it is."""
        high = None if self.unquantified else self.high
        return Figure(self.sum, self.low, high, self.quantified, self.unquantified)


#: Stands for a measure of the goods of receipts and returns that state no amount.
UNPRICED = "unpriced"
#: Sums of what is said of a line, by field and measure, or UNPRICED.
Sums = dict[tuple[str, str], _Sum]
NOTHING: Sums = {}


@dataclass(slots=True)
class _Line:
    #: Positions of the events that brought it, counting or not.
    bringers: list[int] = field(default_factory=list)
    #: The position of each event that counts and brings it, with what it says; in the order in which they hold.
    standing: list[tuple[tuple[Any, ...], int, Mapping[str, Any]]] = field(default_factory=list)
    #: What the events that count say of it, by their positions: under which field, and what.
    said: dict[int, list[tuple[str, Mapping[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    #: The last position of an event that ever said something of it.
    latest: int = 0
    #: What they say, by the position of the event that brought the line they mean.
    sums: dict[int, Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(_Sum)))


class UnorderedFold:
    """An order as some of its events leave it; the sequence in which they are taken in does not matter."""

    def __init__(self) -> None:
        #: The last placing recorded, counting or not; None: there is none yet.
        self.placing: Recorded | None = None
        #: The placing that counts; None: the order does not.
        self.counting: Recorded | None = None
        #: The positions of the cancellations that count.
        self.cancellations: set[int] = set()
        #: The amendments and the receipts that stand, by id.
        self.amendments: dict[str, Recorded] = {}
        self.receipts: dict[str, Recorded] = {}
        self._positions: list[int] = []
        self._events: dict[int, Recorded] = {}
        self._by_id: dict[str, Recorded] = {}
        self._gone: set[str] = set()
        self._placings: list[int] = []
        #: The placings that stand, by recency.
        self._standing: list[tuple[Any, ...]] = []
        #: The position of the placing that counts, and that of the next.
        self._slice = (END, END)
        self._lines: dict[str, _Line] = {}
        self._allocations: list[tuple[Any, ...]] = []
        #: Lines of which something may be different since `touched` was last asked for.
        self._touched: dict[str, None] = {}

    def take(self, event: Recorded) -> None:
        """Take in a further event."""
        insort(self._positions, event.position)
        self._events[event.position] = self._by_id[event.id] = event
        if event.type == "event-retracted":
            self._retract(event.data["retracts"])
        elif event.type == "order-placed":
            insort(self._placings, event.position)
            self.placing = self._events[self._placings[-1]]
            if event.id not in self._gone:
                _put(self._standing, recency(event), 1)
            self._look_again()
        else:
            if event.id not in self._gone:
                self._register(event)
            if self._is_of_the_order(event):
                self._add(event)

    def touched(self) -> tuple[list[str], list[str]]:
        """The lines of which something may be different since the last time: those that are there, and the others."""
        names, self._touched = self._touched, {}
        there = [name for name in names if name in self._lines and self._lines[name].standing]
        there.sort(key=lambda name: self._lines[name].standing[0][0])
        return there, [name for name in names if name not in self._lines or not self._lines[name].standing]

    def touch_all(self) -> None:
        """Take all lines for different."""
        self._touched |= dict.fromkeys(self._lines)

    def line(self, name: str) -> Mapping[str, Any]:
        """What the event says that brought the line."""
        return self._lines[name].standing[-1][2]

    def figures(self, name: str, cancelled: bool) -> Figures:
        """A line's figures, of a cancelled order or as they would be without the cancellation."""
        line = self._lines[name]
        _, position, stated = line.standing[-1]
        sums = line.sums.get(position, NOTHING)

        def said(field: str, measure: str) -> Figure:
            return sums[field, measure].figure if (field, measure) in sums else Figure()

        agreed = {measure: posting(stated[measure]).plus(said("changes", measure)) for measure in MEASURES}
        received = {measure: said("receipts", measure) for measure in MEASURES}
        arrived, back = said("receipts", UNPRICED), said("returns", UNPRICED)
        if arrived.quantified or back.quantified:
            derived = derived_amount(agreed["quantity"], agreed["amount"], arrived, back.sum)
            received["amount"] = received["amount"].plus(derived)
        return {
            measure: statuses_of(agreed[measure], received[measure], said("returns", measure), cancelled)
            for measure in MEASURES
        }

    @property
    def placings(self) -> list[Recorded]:
        """All placings, counting or not, in the order in which they were recorded."""
        return [self._events[position] for position in self._placings]

    @property
    def allocation(self) -> Recorded | None:
        """The allocation that holds."""
        return self._events[self._allocations[-1][-1]] if self._allocations else None

    def _is_of_the_order(self, event: Recorded) -> bool:
        return self._slice[0] < event.position < self._slice[1] and event.type not in ABOUT_THE_RECORD

    def _register(self, event: Recorded) -> None:
        if event.type == "order-amended":
            self.amendments[event.id] = event
        elif event.type == "goods-received":
            self.receipts[event.id] = event

    def _retract(self, event_id: str) -> None:
        if event_id in self._gone:
            return
        self._gone.add(event_id)
        self.amendments.pop(event_id, None)
        self.receipts.pop(event_id, None)
        event = self._by_id.get(event_id)
        if event is not None and event.type == "order-placed":
            _put(self._standing, recency(event), -1)
            self._look_again()
        elif event is not None and self._is_of_the_order(event):
            self._count(event, -1)

    def _look_again(self) -> None:
        """Find the placing that counts, and with another one make everything anew of what was recorded about it."""
        self.counting = self._events[self._standing[-1][-1]] if self._standing else None
        start = end = END
        if self.counting is not None:
            start = self.counting.position
            after = bisect_right(self._placings, start)
            end = self._placings[after] if after < len(self._placings) else END
        if (start, end) == self._slice:
            return
        self._slice = start, end
        self.touch_all()
        self._lines, self._allocations = {}, []
        self.cancellations.clear()
        if self.counting is not None:
            self._add(self.counting)
        for position in self._positions[bisect_right(self._positions, start) : bisect_left(self._positions, end)]:
            if self._events[position].type not in ABOUT_THE_RECORD:
                self._add(self._events[position])

    def _add(self, event: Recorded) -> None:
        for line in event.data.get("lines", ()):
            known = self._lines.setdefault(line["line"], _Line())
            insort(known.bringers, event.position)
            if known.latest > event.position:
                _bind_again(known)
        if event.id not in self._gone:
            self._count(event, 1)

    def _count(self, event: Recorded, times: int) -> None:
        """Let an event count (1), or no more (-1)."""
        if event.type == "order-cancelled":
            (self.cancellations.add if times > 0 else self.cancellations.discard)(event.position)
        elif event.type == "order-allocated":
            _put(self._allocations, recency(event), times)
        for said, stated in building(event):
            entry = as_stated(event, stated)
            line = self._lines.setdefault(entry["line"], _Line())
            self._touched[entry["line"]] = None
            _post(line, event.position, said, entry, times)
            if times > 0:
                line.said[event.position].append((said, entry))
                line.latest = max(line.latest, event.position)
            else:
                line.said.pop(event.position, None)
        for place, entry in enumerate(event.data.get("lines", ())):
            self._touched[entry["line"]] = None
            rank = (event.type != "order-placed", *recency(event), place)
            _put(self._lines[entry["line"]].standing, (rank, event.position, entry), times)


def _post(line: _Line, position: int, said: str, entry: Mapping[str, Any], times: int) -> None:
    """Post what an event says of a line to the sums of the one that it means: the last recorded before it."""
    before = bisect_left(line.bringers, position)
    if before == 0:
        # There was none.
        return
    sums = line.sums[line.bringers[before - 1]]
    for measure in MEASURES:
        if measure in entry and entry[measure] is not UNCREDITED:
            sums[said, measure].post(posting(entry[measure]), times)
    if said != "changes" and "amount" not in entry:
        goods = posting(entry["quantity"])
        sums[said, "amount" if goods.unquantified else UNPRICED].post(goods, times)


def _bind_again(line: _Line) -> None:
    """Make a line's sums anew where an event turns up late that brought it."""
    line.sums.clear()
    for position, entries in line.said.items():
        for said, entry in entries:
            _post(line, position, said, entry, 1)


def _put(ordered: list[Any], entry: tuple[Any, ...], times: int) -> None:
    """Put an entry where it belongs (1), or take it out (-1); the first parts of two entries are never equal."""
    if times > 0:
        insort(ordered, entry)
    else:
        ordered.pop(bisect_left(ordered, entry))
