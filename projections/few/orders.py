"""The orders and supply assertions in memory, found by their buyers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from projections.few.records import (
    AllocationSaid,
    AssertionSaid,
    Cancelling,
    HeldEvent,
    HeldLine,
    HeldOrder,
    Movement,
)


@dataclass(slots=True)
class HeldOrders:
    """What was recorded of orders and assertions, as it grows with the ledger: it is only ever added to."""

    #: By position, the first event first.
    events: list[HeldEvent] = field(default_factory=list)
    #: By the position of the placing; lines by their keys.
    placed: dict[int, HeldOrder] = field(default_factory=dict)
    lines: dict[int, HeldLine] = field(default_factory=dict)
    #: In the order of the ledger, all of them and by buyer as recorded.
    orders: list[HeldOrder] = field(default_factory=list)
    by_buyer: dict[str, list[HeldOrder]] = field(default_factory=lambda: defaultdict(list))
    #: By buyer how many lines its orders have.
    lines_of: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    #: By position of an allocation that of the placing.
    allocated: dict[int, int] = field(default_factory=dict)
    #: By id, in the order of the ledger; the ids by buyer.
    assertions: dict[str, list[AssertionSaid]] = field(default_factory=dict)
    asserted_of: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def add_orders(self, orders: Iterable[HeldOrder]) -> None:
        """Take in further orders."""
        for order in orders:
            self.placed[order.position] = order
            self.orders.append(order)
            for buyer in dict.fromkeys(order.buyers):
                self.by_buyer[buyer].append(order)

    def add_line(self, placed_position: int, line: HeldLine) -> None:
        """Take in a further line of an order."""
        order = self.placed[placed_position]
        self.lines[line.line_key] = line
        order.lines.append(line)
        for buyer in dict.fromkeys(order.buyers):
            self.lines_of[buyer] += 1

    def add_movement(self, line_key: int, movement: Movement) -> None:
        """Take in a further movement of a line."""
        self.lines[line_key].movements.append(movement)

    def add_cancellation(self, placed_position: int, cancelling: Cancelling) -> None:
        """Take in the cancellation of an order."""
        self.placed[placed_position].cancellations.append(cancelling)

    def add_allocation(self, placed_position: int, said: AllocationSaid) -> None:
        """Take in an allocation of a joint order."""
        self.allocated[said.position] = placed_position
        self.placed[placed_position].allocations.append(said)

    def add_assertion(self, said: AssertionSaid) -> None:
        """Take in a further assertion."""
        self.assertions[said.assertion_id] = [*self.assertions.get(said.assertion_id, ()), said]
        self.asserted_of[said.buyer][said.assertion_id] = None

    def orders_of(self, buyers: Iterable[str] | None) -> Iterator[HeldOrder]:
        """The orders of buyers as recorded, each once; None: all orders."""
        if buyers is None:
            return iter(self.orders)
        found: dict[int, HeldOrder] = {}
        for buyer in buyers:
            if buyer in self.by_buyer:
                found.update((order.position, order) for order in self.by_buyer[buyer])
        return iter(found.values())

    def assertions_of(self, buyers: Iterable[str] | None) -> Iterator[list[AssertionSaid]]:
        """All that was asserted under each id under which one of these buyers was ever named; None: under any id."""
        if buyers is None:
            return iter(list(self.assertions.values()))
        ids: dict[str, None] = {}
        for buyer in buyers:
            if buyer in self.asserted_of:
                ids.update(dict(self.asserted_of[buyer]))
        return iter([self.assertions[identifier] for identifier in ids])

    def count(self, buyers: Iterable[str] | None) -> int:
        """How many lines the orders of buyers have, joint ones counted for each; None: of all."""
        if buyers is None:
            return len(self.lines)
        return sum(self.lines_of.get(buyer, 0) for buyer in buyers)
