"""What changed in vendor-dependence between two moments, evaluated plainly (docs/semantics.md, rules 46 to 49).

Values by row and class, and of each event of a line its own. What a revaluation names is not evaluated.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

from service.audit.verifier import (
    EXACT,
    STALE_RATE,
    ZERO,
    Account,
    Contribution,
    Event,
    Figure,
    Money,
    Query,
    World,
    _is_asked_for,
    _measured,
    _share_of,
    contributions,
    end_day,
    known_day,
    latest,
    row_key,
    still_open,
)

#: A part of an exact figure: 1 of it.
UNIT = Figure(Decimal(1), Decimal(1), Decimal(1), quantified=1)
#: By row and class what the events of the class add.
Explained = dict[tuple[str | None, str], Decimal]
CLOCKS = ("effective_on", "known_on", "position")


@dataclass
class Side:
    """One of the two moments."""

    events: list[Event]
    clocks: dict[str, Any]
    query: Query
    by: str
    #: The day of the moment, by the clock between two of whose values the difference is.
    earlier_on: date
    world: World = field(init=False)
    #: Positions of the events that count, not switched off.
    counting: set[int] = field(init=False)
    found: dict[tuple[str | None, str | None, str | None], Contribution] = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(self.events, **self.clocks)
        self.counting = {event["position"] for event in self.world.counting if event["basis"] not in self.query.exclude}
        self.found = {
            (each.source.order_id, each.source.assertion_id, each.source.line): each
            for each in contributions(self.world, self.query)
        }

    @property
    def speaking(self) -> dict[str, Event]:
        """Of each assertion the one that speaks, where it lies in the window or period."""
        if self.query.status == "open":
            return {}
        told = {event["data"]["assertion_id"] for event in self.world.of_type("supply-asserted")}
        latest_ones = {name: event for name in told if (event := self.latest_assertion(name)) is not None}
        return {name: event for name, event in latest_ones.items() if self.is_asked_for(event)}

    def latest_assertion(self, assertion_id: str) -> Event | None:
        """Of the counting ones under an id the latest."""
        return latest(
            event
            for event in self.world.of_type("supply-asserted")
            if event["data"]["assertion_id"] == assertion_id and event["position"] in self.counting
        )

    def retracts(self, event: Event) -> bool:
        """Whether an event is retracted."""
        gone = {one["data"]["retracts"] for one in self.world.visible if one["type"] == "event-retracted"}
        return event["id"] in gone

    def is_asked_for(self, event: Event) -> bool:
        """Whether an event lies in the window or period."""
        return _is_asked_for(end_day(event), self.world, self.query)


@dataclass(frozen=True)
class Line:
    """A line of an order, of one placing of it."""

    placing: Event
    brings: Event
    entry: dict[str, Any]
    #: Every event of the order's id.
    stream: list[Event]

    @property
    def place(self) -> tuple[str | None, str | None, str | None]:
        """Where its contribution is found."""
        return self.placing["data"]["order_id"], None, self.entry["line"]

    def speaking(self) -> list[Event]:
        """The events that say something of it, or of its order: those of its placing."""
        later = [one["position"] for one in self.stream if one["type"] == "order-placed"]
        after = min((position for position in later if position > self.placing["position"]), default=None)
        return [
            event
            for event in self.stream
            if event["position"] >= self.placing["position"] and (after is None or event["position"] < after)
        ]

    def members(self, side: Side) -> set[int]:
        """The events that count for it at a moment, those in the window alone."""
        if not {self.placing["position"], self.brings["position"]} <= side.counting:
            return set()
        query = side.query
        if query.status == "ordered" and not side.is_asked_for(self.placing):
            return set()
        return {
            event["position"]
            for event in self.speaking()
            if event["position"] in side.counting
            and (
                query.status != "delivered"
                or event["type"] not in ("goods-received", "goods-returned")
                or side.is_asked_for(event)
            )
        }

    def value(self, members: set[int], query: Query) -> Decimal:
        """What it comes to where these events count, in units or in its own currency.

        On the way from one moment to the other what brings the line may come behind what is said of it.
        """
        account = Account(self.placing, self.stream, members, query)
        cancelled = bool(account.events["order-cancelled"])
        entry = self.entry
        if self.brings["position"] not in members:
            entry = entry | {"quantity": "0", "amount": "0"}
        arrived = account.delivered(self.brings, entry, lambda end: True)
        if query.status == "delivered" or (query.status == "ordered" and cancelled):
            return arrived.value
        ordered = account.ordered(self.brings, entry)
        if query.status == "ordered":
            return ordered.value
        return ZERO if cancelled else still_open(ordered, arrived).value

    def factor(self, side: Side) -> Decimal | None:
        """What one of it is worth in the figures of a moment; None: nothing that is known."""
        order = self.placing["data"]
        buyers = side.found[self.place].buyers
        money = Money(order["currency"], order["order_id"])
        product_id, vendor_id = self.entry.get("product_id"), order["vendor_id"]
        on = end_day(self.placing)
        figure, remark = _measured(UNIT, vendor_id, product_id, money, on, side.world, side.query)
        if remark is not None and remark.kind != STALE_RATE:
            return None
        members = self.members(side)
        told = [one for one in self.speaking() if one["position"] in side.counting and one["type"] == "order-allocated"]
        assert members
        part = _share_of(figure, order["buyers"], buyers, latest(told), side.world, leave_out=False)
        return part.value if part.quantified else None


def difference(
    events: list[Event], before: dict[str, Any], after: dict[str, Any], *, by: str = "vendor", **common: Any
) -> tuple[dict[str | None, Decimal], Explained]:
    """By row how its value changes, and by row and class what explains it; `before`, `after`: the clocks."""
    query = Query(**common)
    with localcontext(EXACT):
        earlier_on = _day_of(events, before, after)
        sides = Side(events, before, query, by, earlier_on), Side(events, after, query, by, earlier_on)
        explained: Explained = defaultdict(Decimal)
        rows: dict[str | None, Decimal] = defaultdict(Decimal)
        for sign, side in zip((-1, 1), sides, strict=True):
            for each in side.found.values():
                rows[row_key(each, by, side.world)] += sign * each.figure.value
        for line in lines_of(events):
            for key, name, value in _of_line(line, *sides):
                explained[key, name] += value
        for key, name, value in _of_assertions(*sides):
            explained[key, name] += value
        for key in {*rows, *(key for key, _ in explained)}:
            rest = rows[key] - sum((value for (row, _), value in explained.items() if row == key), ZERO)
            explained[key, "revaluation"] = rest
        return dict(rows), dict(explained)


def _day_of(events: list[Event], before: dict[str, Any], after: dict[str, Any]) -> date:
    """The earlier of two moments as a day, by the one clock in which they differ."""
    apart = [clock for clock in CLOCKS if before.get(clock) != after.get(clock)]
    clock = apart[0] if apart else "position"
    if clock != "position":
        return before[clock] or date.max
    recorded = [event["recorded_at"][:10] for event in events if event["position"] == before["position"]]
    return date.fromisoformat(recorded[0]) if recorded else date.min


def lines_of(events: list[Event]) -> Iterator[Line]:
    """Every line that was ever brought."""
    streams: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if "order_id" in event["data"]:
            streams[event["data"]["order_id"]].append(event)
    for stream in streams.values():
        placing = None
        for event in stream:
            placing = event if event["type"] == "order-placed" else placing
            for entry in event["data"].get("lines", ()):
                assert placing is not None
                yield Line(placing, event, entry, stream)


def _of_line(line: Line, before: Side, after: Side) -> Iterator[tuple[str | None, str, Decimal]]:
    first, last = line.members(before), line.members(after)
    by_position = {event["position"]: event for event in line.speaking()}

    def rank(position: int) -> tuple[date, date, int]:
        event = by_position[position]
        return end_day(event), known_day(event), position

    worth: list[tuple[str, Decimal]] = []
    members = set(first)
    for position in sorted(first - last, key=rank, reverse=True):
        was = line.value(members, before.query)
        members = members - {position}
        gone = [one for one in (by_position[position], line.brings, line.placing) if after.retracts(one)]
        worth.append(("corrected" if gone else "lapsed", line.value(members, before.query) - was))
    for position in sorted(last - first, key=rank):
        was = line.value(members, after.query)
        members = members | {position}
        worth.append((_coming(by_position[position], before), line.value(members, after.query) - was))
    assert members == last
    found = _factor(line, before), _factor(line, after)
    known = found[0] or found[1]
    if known is not None:
        for name, value in worth:
            yield known[0], name, value * known[1]


def _factor(line: Line, side: Side) -> tuple[str | None, Decimal] | None:
    """The row of a line's contribution, and what one of it is worth there; None: nothing that is known."""
    if not line.members(side) or line.place not in side.found:
        return None
    contribution = side.found[line.place]
    factor = line.factor(side)
    if factor is None or contribution.figure.quantified == 0:
        return None
    return row_key(contribution, side.by, side.world), factor


def _coming(event: Event, before: Side) -> str:
    """The class of an event that counts only after."""
    if "corrects" in event:
        return "corrected"
    return "new" if end_day(event) > before.earlier_on else "late"


def _of_assertions(before: Side, after: Side) -> Iterator[tuple[str | None, str, Decimal]]:
    for side, other, sign in ((before, after, -1), (after, before, 1)):
        for event in side.speaking.values():
            if other.speaking.get(event["data"]["assertion_id"]) is event:
                continue
            for place, each in side.found.items():
                if place[1] == event["data"]["assertion_id"] and each.figure.quantified:
                    name = _of_replacing(event, side, other) if sign < 0 else _of_appearing(event, side, other)
                    yield row_key(each, side.by, side.world), name, sign * each.figure.value


def _of_replacing(event: Event, before: Side, after: Side) -> str:
    """The class of an assertion that speaks only before: of what replaced it, if something did."""
    if after.retracts(event):
        return "corrected"
    told = after.latest_assertion(event["data"]["assertion_id"])
    if told is None or told is event:
        return "lapsed"
    return _of_appearing(told, after, before)


def _of_appearing(event: Event, after: Side, before: Side) -> str:
    """The class of an assertion that speaks only after: again, where what had replaced it was retracted."""
    told = before.latest_assertion(event["data"]["assertion_id"])
    if event["position"] in before.counting and told is not None and after.retracts(told):
        return "corrected"
    return _coming(event, before)
