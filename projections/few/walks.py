"""From the figure of a line before to the one after, one event after another (rule 47)."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from projections.few.lines import apportioned
from projections.few.look import Viewpoint
from projections.few.records import Cancelling, HeldLine, HeldOrder, Movement


class WalkStep(NamedTuple):
    """What an event did to the figure of a line, in ten-thousandths."""

    position: int
    #: Whether it counts only after; else it counts only before.
    now: bool
    #: Whether it is told of even where it did nothing.
    telling: bool
    effect: int


@dataclass(slots=True)
class Standings:
    """What movements add up to, before anything is held at 0."""

    ordered: int = 0
    delivered: int = 0
    arrived: int = 0
    priced_quantity: int = 0
    priced_amount: int = 0
    priced_range: int = 0
    priced_unquantified: int = 0
    cancels: int = 0

    def add(self, other: "Standings", times: int = 1) -> None:
        """Add others, or take them off (-1)."""
        for name in Standings.__slots__:
            setattr(self, name, getattr(self, name) + times * getattr(other, name))

    def figure(self, status: str) -> int:
        """The figure of the line."""
        delivered = self.delivered
        if (
            self.arrived
            and not self.priced_unquantified
            and not self.priced_range
            and self.priced_quantity > 0
            and self.priced_amount >= 0
        ):
            delivered += apportioned(self.priced_amount, self.arrived, self.priced_quantity)
        delivered, ordered = max(delivered, 0), max(self.ordered, 0)
        if status == "delivered":
            return delivered
        if status == "ordered":
            return delivered if self.cancels > 0 else ordered
        return 0 if self.cancels > 0 else max(self.ordered - delivered, 0)


@dataclass(slots=True)
class Happened:
    """What one event adds to a line at one of the moments only."""

    ends_on: date
    known_on: date
    position: int
    now: bool
    sums: Standings = field(default_factory=Standings)
    telling: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """The figure before and after, in units or in the line's own currency, and the steps between them."""

    before: int
    after: int
    steps: list[WalkStep]


def walk(before: Viewpoint, after: Viewpoint, order: HeldOrder, line: HeldLine) -> Walk:
    """From the figure of a line before to the one after: first what counts no more, the latest first."""
    status, spend = after.parameters.status, after.parameters.measure == "spend"
    derives = spend and any(one.unpriced and one.position <= after.position for one in line.movements)
    standing = Standings()
    happened: dict[tuple[int, bool], Happened] = {}
    for one in line.movements:
        shown = _is_shown(after, one, spend)
        if not _may_count(after, one) or not (derives or (shown and (status != "delivered" or one.kind > 2))):
            continue
        was, now = (_counts(look, order, line, one) for look in (before, after))
        sums, telling = _added(after, one, shown, spend, derives)
        if was:
            standing.add(sums)
        if was != now:
            step = happened.setdefault((one.position, now), Happened(one.ends_on, one.known_on, one.position, now))
            step.sums.add(sums)
            step.telling = step.telling or telling
    for cancelling in order.cancellations:
        was, now = (not cancelling.basis & after.excluded and _holds(look, cancelling) for look in (before, after))
        standing.cancels += was
        if was != now:
            # It takes nothing with it but its own.
            sums = Standings(cancels=1)
            happened[cancelling.position, now] = Happened(
                cancelling.ends_on, cancelling.known_on, cancelling.position, now, sums
            )
    return _walked(standing, list(happened.values()), status)


def _walked(standing: Standings, happened: list[Happened], status: str) -> Walk:
    def when(one: Happened) -> tuple[date, date, int]:
        return one.ends_on, one.known_on, one.position

    leaving = sorted((one for one in happened if not one.now), key=when, reverse=True)
    coming = sorted((one for one in happened if one.now), key=when)
    first = figure = standing.figure(status)
    steps = []
    for one in (*leaving, *coming):
        standing.add(one.sums, 1 if one.now else -1)
        then = standing.figure(status)
        steps.append(WalkStep(one.position, one.now, one.telling, then - figure))
        figure = then
    return Walk(first, figure, steps)


def _is_shown(look: Viewpoint, movement: Movement, spend: bool) -> bool:
    figure = movement.amount if spend else movement.quantity
    return bool(figure.quantified or (look.unquantified and figure.unquantified))


def _may_count(after: Viewpoint, movement: Movement) -> bool:
    """Whether it lies within the later moment, taken back or not."""
    return (
        movement.position <= after.position
        and movement.known_on <= after.known_on
        and movement.counts_on <= after.effective_on
        and not movement.basis & after.excluded
    )


def _counts(look: Viewpoint, order: HeldOrder, line: HeldLine, movement: Movement) -> bool:
    """Whether it counts at a moment, within the window or the period."""
    retracted = look.world.retracted
    if not (
        movement.position <= look.position
        and movement.known_on <= look.known_on
        and movement.counts_on <= look.effective_on
        and retracted.isdisjoint((movement.position, order.position, line.brought_at))
    ):
        return False
    status = look.parameters.status
    if status == "delivered" and movement.kind <= 2:
        return True
    day = order.placed_on if status == "ordered" else movement.ends_on
    return look.first_on <= day <= look.last_on


def _holds(look: Viewpoint, cancelling: Cancelling) -> bool:
    return (
        cancelling.position <= look.position
        and cancelling.known_on <= look.known_on
        and cancelling.ends_on <= look.effective_on
        and cancelling.position not in look.world.retracted
    )


def _added(look: Viewpoint, movement: Movement, shown: bool, spend: bool, derives: bool) -> tuple[Standings, bool]:
    """What a movement adds, and whether it is told of all the same."""
    figure, quantity, amount = movement.amount if spend else movement.quantity, movement.quantity, movement.amount
    sums, telling = Standings(), False
    if shown:
        if movement.kind <= 2:
            sums.ordered = figure.value
        else:
            sums.delivered = figure.value
        telling = figure.unquantified > 0 or (not figure.value and bool(figure.low or figure.high))
    if derives and movement.unpriced:
        if not quantity.unquantified:
            sums.arrived = quantity.value
        elif look.unquantified:
            telling = True
    if derives and movement.kind <= 2:
        sums.priced_quantity, sums.priced_amount = quantity.value, amount.value
        sums.priced_range = quantity.high - quantity.low + amount.high - amount.low
        sums.priced_unquantified = quantity.unquantified + amount.unquantified
    return sums, telling
