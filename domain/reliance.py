"""What the events of a stream rely on: whether one may be taken out from under those behind it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

from domain.estimates import ZERO, Estimate
from domain.events import Recorded

ENDLESS = Decimal("Infinity")
#: No figure of a line reaches it (domain.fulfilment).
BEYOND = Decimal(10) ** 15


class Reliance(Protocol):
    """Of the events of a stream that stand, each of which could be recorded where it stands."""

    def add(self, event: Recorded) -> None:
        """Take in the next event."""

    def drop(self, event: Recorded) -> None:
        """Take back the last one that was added."""

    def spare(self, event: Recorded) -> bool:
        """Take an event out; False, and nothing is done: those behind it may not do without."""

    def restore(self, event: Recorded) -> None:
        """Put an event back where it was."""


class NoReliance:
    """Of streams whose events rely on nothing but that the stream has begun."""

    def add(self, event: Recorded) -> None:
        """Nothing."""

    def drop(self, event: Recorded) -> None:
        """Nothing."""

    def spare(self, event: Recorded) -> bool:
        """Nothing is missing without it."""
        return True

    def restore(self, event: Recorded) -> None:
        """Nothing."""


class Margin:
    """Steps up and down, one behind the other, any of which may be taken out and put back.

    Knows between what their running sum stays where it is looked at: a tree over the steps, each of its nodes with the
    sum below it and the lowest and highest of the running sums that are looked at.
    """

    __slots__ = ("_highs", "_lows", "_room", "_steps", "_sums")

    def __init__(self) -> None:
        self._room = 1
        #: Step, and whether the sum is looked at behind it.
        self._steps: list[tuple[Decimal, bool]] = []
        self._clear()

    def _clear(self) -> None:
        self._sums: list[Decimal] = [ZERO] * (2 * self._room)
        self._lows: list[Decimal | None] = [None] * (2 * self._room)
        self._highs: list[Decimal | None] = [None] * (2 * self._room)

    @property
    def lowest(self) -> Decimal | None:
        """The lowest sum that is looked at; None: none is."""
        return self._lows[1]

    @property
    def highest(self) -> Decimal | None:
        """The highest sum that is looked at."""
        return self._highs[1]

    def append(self, step: Decimal, *, looked_at: bool) -> int:
        """A further step, and its place."""
        place = len(self._steps)
        self._steps.append((step, looked_at))
        if place == self._room:
            self._grow()
        self.put_back(place)
        return place

    def pop(self) -> None:
        """Without the last step."""
        self._steps.pop()
        self.take_out(len(self._steps))

    def put_back(self, place: int) -> None:
        """With the step of a place."""
        step, looked_at = self._steps[place]
        self._set(place, step, step if looked_at else None)

    def take_out(self, place: int) -> None:
        """Without the step of a place."""
        self._set(place, ZERO, None)

    def _grow(self) -> None:
        sums, lows = self._sums[self._room :], self._lows[self._room :]
        kept = list(zip(sums, lows, strict=True))
        self._room *= 2
        self._clear()
        for place, (step, seen) in enumerate(kept):
            node = self._room + place
            self._sums[node], self._lows[node], self._highs[node] = step, seen, seen
        for node in range(self._room - 1, 0, -1):
            self._join(node)

    def _set(self, place: int, step: Decimal, seen: Decimal | None) -> None:
        node = self._room + place
        self._sums[node], self._lows[node], self._highs[node] = step, seen, seen
        while node > 1:
            node >>= 1
            self._join(node)

    def _join(self, node: int) -> None:
        left, right = 2 * node, 2 * node + 1
        before = self._sums[left]
        self._sums[node] = before + self._sums[right]
        low, high = self._lows[right], self._highs[right]
        if low is None or high is None:
            self._lows[node], self._highs[node] = self._lows[left], self._highs[left]
            return
        low, high = before + low, before + high
        first_low, first_high = self._lows[left], self._highs[left]
        self._lows[node] = low if first_low is None else min(first_low, low)
        self._highs[node] = high if first_high is None else max(first_high, high)


class _Line:
    """What the events of an order make of one of its lines."""

    __slots__ = ("amount", "credited", "kept", "kept_amount", "quantity", "unpriced", "used")

    def __init__(self) -> None:
        #: As amended.
        self.quantity, self.amount = Margin(), Margin()
        #: Received less returned.
        self.kept, self.kept_amount = Margin(), Margin()
        #: How often events that stand change it, receive on it or return from it.
        self.used = 0
        #: How many receipts that stand state no amount, and so are worth what the line costs.
        self.unpriced = 0
        #: How many returns that stand state one.
        self.credited = 0


class OrderReliance:
    """Returns rely on receipts, differences on what they are taken from, all of them on the event that brings a line.

    Nothing relies on a cancellation, an allocation or a return (docs/semantics.md, 31).
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        #: By version of the event.
        self._steps: dict[int, list[tuple[Margin, int, bool]]] = {}

    def add(self, event: Recorded) -> None:
        """Take in the next event."""
        steps = self._steps[event.version] = []
        data = event.data
        for change in data.get("changes", ()):
            line = self._line(change["line"])
            line.used += 1
            for margin, name in ((line.quantity, "quantity"), (line.amount, "amount")):
                difference = Decimal(change.get(name, "0"))
                if difference:
                    steps.append((margin, margin.append(difference, looked_at=True), True))
        for brought in data.get("lines", ()):
            line = self._line(brought["line"])
            for margin, name in ((line.quantity, "quantity"), (line.amount, "amount")):
                steps.append((margin, margin.append(Estimate.of(brought[name]).value or ZERO, looked_at=False), True))
        for receipt in data.get("receipts", ()):
            line = self._line(receipt["line"])
            line.used += 1
            line.unpriced += "amount" not in receipt
            for margin, name in ((line.kept, "quantity"), (line.kept_amount, "amount")):
                # What states no amount is worth nothing here: less than it may be, so that nothing is spared too much.
                high = Estimate.of(receipt.get(name, "0")).high
                step = ENDLESS if high is None else high
                steps.append((margin, margin.append(step, looked_at=False), False))
        for back in data.get("returns", ()):
            line = self._line(back["line"])
            line.used += 1
            line.credited += "amount" in back
            for margin, name in ((line.kept, "quantity"), (line.kept_amount, "amount")):
                returned = Decimal(back.get(name, "0"))
                if returned:
                    steps.append((margin, margin.append(-returned, looked_at=True), False))

    def drop(self, event: Recorded) -> None:
        """Take back the last one that was added."""
        for margin, _, _ in reversed(self._steps.pop(event.version)):
            margin.pop()
        self._use(event.data, -1)

    def spare(self, event: Recorded) -> bool:
        """Take an event out; False, and nothing is done: those behind it may not do without."""
        if any(self._lines[line["line"]].used for line in event.data.get("lines", ())):
            return False
        # A credit relies on what was received, which may be worth what the line costs.
        changed = [self._lines[change["line"]] for change in event.data.get("changes", ())]
        if any(line.unpriced and line.credited for line in changed):
            return False
        steps = self._steps[event.version]
        for margin, place, _ in steps:
            margin.take_out(place)
        if not all(_holds(margin, bounded=bounded) for margin, _, bounded in steps):
            for margin, place, _ in steps:
                margin.put_back(place)
            return False
        self._use(event.data, -1)
        return True

    def restore(self, event: Recorded) -> None:
        """Put an event back where it was."""
        for margin, place, _ in self._steps[event.version]:
            margin.put_back(place)
        self._use(event.data, 1)

    def _use(self, data: Mapping[str, Any], times: int) -> None:
        for field in ("changes", "receipts", "returns"):
            for part in data.get(field, ()):
                self._lines[part["line"]].used += times
        for receipt in data.get("receipts", ()):
            self._lines[receipt["line"]].unpriced += times * ("amount" not in receipt)
        for back in data.get("returns", ()):
            self._lines[back["line"]].credited += times * ("amount" in back)

    def _line(self, name: str) -> _Line:
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = _Line()
        return line


def _holds(margin: Margin, *, bounded: bool) -> bool:
    if margin.lowest is None or margin.highest is None:
        return True
    return margin.lowest >= 0 and (not bounded or margin.highest < BEYOND)


class InstrumentReliance:
    """Revocations rely on a grant of their licence before them."""

    def __init__(self) -> None:
        #: Grants up, by licence; looked at where one is revoked.
        self._licences: dict[str, Margin] = {}
        self._places: dict[int, int] = {}

    def add(self, event: Recorded) -> None:
        """Take in the next event."""
        margin = self._margin(event)
        if margin is not None:
            granted = event.type == "licence-granted"
            self._places[event.version] = margin.append(Decimal(granted), looked_at=not granted)

    def drop(self, event: Recorded) -> None:
        """Take back the last one that was added."""
        margin = self._margin(event)
        if margin is not None:
            del self._places[event.version]
            margin.pop()

    def spare(self, event: Recorded) -> bool:
        """Take an event out; False, and nothing is done: those behind it may not do without."""
        margin = self._margin(event)
        if margin is None:
            return True
        margin.take_out(self._places[event.version])
        if margin.lowest is not None and margin.lowest < 1:
            self.restore(event)
            return False
        return True

    def restore(self, event: Recorded) -> None:
        """Put an event back where it was."""
        margin = self._margin(event)
        if margin is not None:
            margin.put_back(self._places[event.version])

    def _margin(self, event: Recorded) -> Margin | None:
        if event.type not in ("licence-granted", "licence-revoked"):
            return None
        return self._licences.setdefault(event.data["licence_id"], Margin())
