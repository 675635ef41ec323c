"""What a line comes to before anything is multiplied: its postings that count, added up (rules 7 to 15, and 30)."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from projections.few.look import Viewpoint
from projections.few.records import Estimated, HeldLine, HeldOrder, Movement

#: The kind of a derived posting: that of a receipt.
DERIVED = 3


class Posted(NamedTuple):
    """A posting that counts, in ten-thousandths; of a derived one the position is None."""

    position: int | None
    kind: int
    value: int
    low: int
    high: int
    quantified: int
    unquantified: int
    first_on: date
    last_on: date


class LineSum(NamedTuple):
    """What a line, or a line of an assertion, comes to."""

    value: int
    low: int
    high: int
    quantified: int
    unquantified: int
    #: How many of the unquantified leave it without a bound.
    unbounded: int
    first_on: date
    last_on: date

    @property
    def is_nothing(self) -> bool:
        """Whether it is exactly 0 (rule 12)."""
        return not (self.unquantified or self.value or self.low or self.high)


@dataclass(slots=True)
class OrderSeen:
    """What holds of an order as a whole, as it is looked at."""

    look: Viewpoint
    order: HeldOrder
    is_cancelled: bool

    @classmethod
    def of(cls, look: Viewpoint, order: HeldOrder) -> "OrderSeen | None":
        """An order as it is looked at; None where nothing of it counts."""
        if (
            order.position > look.position
            or order.placed_on > look.effective_on
            or order.position in look.world.retracted
        ):
            return None
        cancelled = bool(order.cancellations) and any(
            one.position <= look.position
            and one.known_on <= look.known_on
            and one.ends_on <= look.effective_on
            and not one.basis & look.excluded
            and one.position not in look.world.retracted
            for one in order.cancellations
        )
        return cls(look, order, cancelled)

    def counted(self, line: HeldLine) -> list[Movement]:
        """The movements of a line that count (rules 7 to 9)."""
        look, retracted = self.look, self.look.world.retracted
        if line.brought_at in retracted:
            return []
        effective_on, known_on, position, excluded = look.effective_on, look.known_on, look.position, look.excluded
        return [
            one
            for one in line.movements
            if one.position <= position
            and one.known_on <= known_on
            and one.counts_on <= effective_on
            and not one.basis & excluded
            and one.position not in retracted
        ]

    def kept(self, line: HeldLine) -> list[Posted]:
        """The postings of a line that the question is about."""
        look = self.look
        status = look.parameters.status
        if status == "open" and self.is_cancelled:
            return []
        if status == "ordered" and not look.first_on <= self.order.placed_on <= look.last_on:
            return []
        moved = self._moved(line)
        if status == "ordered":
            return [one for one in moved if (one.kind <= 2) != self.is_cancelled]
        if status == "delivered":
            return [one for one in moved if one.kind > 2 and look.first_on <= one.last_on <= look.last_on]
        return moved

    def _moved(self, line: HeldLine) -> list[Posted]:
        counted, unquantified = self.counted(line), self.look.unquantified
        is_spend = self.look.parameters.measure == "spend"
        found, unpriced = [], []
        for one in counted:
            figure = one.amount if is_spend else one.quantity
            if figure.quantified or (unquantified and figure.unquantified):
                found.append(_posted(one, figure))
            if is_spend and one.unpriced and self._arrives(one):
                unpriced.append(one)
        if unpriced:
            found += self._derived(counted, unpriced)
        return found

    def _arrives(self, movement: Movement) -> bool:
        look = self.look
        return look.parameters.status != "delivered" or look.first_on <= movement.ends_on <= look.last_on

    def _derived(self, counted: list[Movement], unpriced: list[Movement]) -> list[Posted]:
        """What receipts and returns without an amount come to, at the price of the line (rule 30)."""
        arrived = [one for one in unpriced if not one.quantity.unquantified]
        found = [
            Posted(one.position, one.kind, 0, 0, 0, 0, 1, one.ends_on, one.ends_on)
            for one in unpriced
            if one.quantity.unquantified and self.look.unquantified
        ]
        if not arrived:
            return found
        first_on, last_on = min(one.ends_on for one in arrived), max(one.ends_on for one in arrived)
        parts = [sum(getattr(one.quantity, bound) for one in arrived) for bound in ("value", "low", "high")]
        if not any(parts):
            found.append(Posted(None, DERIVED, 0, 0, 0, 1, 0, first_on, last_on))
        elif (price := _price(counted)) is not None:
            amount, quantity = price
            value, low, high = (apportioned(amount, part, quantity) for part in parts)
            found.append(Posted(None, DERIVED, value, low, high, 1, 0, first_on, last_on))
        elif self.look.unquantified:
            found.append(Posted(None, DERIVED, 0, 0, 0, 0, 1, first_on, last_on))
        return found

    def derived_from(self, line: HeldLine) -> list[Movement]:
        """What a derived amount of a line is derived from."""
        return [
            one
            for one in self.counted(line)
            if one.kind <= 2 or (one.unpriced and not one.quantity.unquantified and self._arrives(one))
        ]

    def sum(self, line: HeldLine) -> LineSum | None:
        """What a line comes to; None where nothing of it is asked for."""
        kept = self.kept(line)
        if not kept:
            return None
        return _open(kept) if self.look.parameters.status == "open" else _sum(kept)


def _posted(movement: Movement, figure: Estimated) -> Posted:
    return Posted(
        movement.position,
        movement.kind,
        figure.value,
        figure.low,
        figure.high,
        figure.quantified,
        figure.unquantified,
        movement.ends_on,
        movement.ends_on,
    )


def _price(counted: list[Movement]) -> tuple[int, int] | None:
    """Amount and quantity for which a line is ordered; None where it has no exact price."""
    ordered = [one for one in counted if one.kind <= 2]
    if not ordered:
        return None
    quantity = amount = 0
    for one in ordered:
        for figure in (one.quantity, one.amount):
            if figure.unquantified:
                return None
        quantity += one.quantity.value
        amount += one.amount.value
    for name, total in (("quantity", quantity), ("amount", amount)):
        for bound in ("low", "high"):
            if sum(getattr(getattr(one, name), bound) for one in ordered) != total:
                return None
    return (amount, quantity) if quantity > 0 and amount >= 0 else None


def apportioned(amount: int, part: int, whole: int) -> int:
    """What `part` of `whole` comes to at `amount` for the whole: half-even (rule 30)."""
    number, rest = divmod(amount * abs(part), whole)
    if rest * 2 > whole or (rest * 2 == whole and number % 2):
        number += 1
    return -number if part < 0 else number


def _sum(kept: list[Posted]) -> LineSum:
    """What is ordered, or delivered: not below nothing (rule 14)."""
    if len(kept) == 1:
        (one,) = kept
        _, _, value, low, high, quantified, unquantified, first_on, last_on = one
        return LineSum(
            max(value, 0), max(low, 0), max(high, 0), quantified, unquantified, unquantified, first_on, last_on
        )
    unquantified = sum(one.unquantified for one in kept)
    return LineSum(
        max(sum(one.value for one in kept), 0),
        max(sum(one.low for one in kept), 0),
        max(sum(one.high for one in kept), 0),
        sum(one.quantified for one in kept),
        unquantified,
        unquantified,
        min(one.first_on for one in kept),
        max(one.last_on for one in kept),
    )


def _open(kept: list[Posted]) -> LineSum:
    """What is open: bounds are crossed, and a delivery without a bound may have been everything (rule 14)."""
    ordered = [one for one in kept if one.kind <= 2]
    delivered = [one for one in kept if one.kind > 2]
    unbounded = sum(one.unquantified for one in ordered)
    unknown = sum(one.unquantified for one in delivered)

    def left(ordered_sum: int, delivered_sum: int) -> int:
        return max(ordered_sum - max(delivered_sum, 0), 0)

    return LineSum(
        left(sum(one.value for one in ordered), sum(one.value for one in delivered)),
        0 if unknown else left(sum(one.low for one in ordered), sum(one.high for one in delivered)),
        left(sum(one.high for one in ordered), sum(one.low for one in delivered)),
        sum(one.quantified for one in kept),
        unbounded + unknown,
        unbounded,
        min(one.first_on for one in kept),
        max(one.last_on for one in kept),
    )
