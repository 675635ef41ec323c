"""The days on which something became known, of what a question is about."""

from datetime import date

from projections.few.look import Viewpoint


def days_of_knowing(look: Viewpoint, first: date, last: date) -> list[date]:
    """The days behind the first, up to the last, on which a fact about the orders or a register became known."""
    days = set(look.held.registers.known)
    for order in look.held.orders.orders_of(look.asked_records):
        days.update(one.known_on for one in order.cancellations)
        days.update(one.known_on for one in order.allocations)
        days.update(movement.known_on for line in order.lines for movement in line.movements)
    for several in look.held.orders.assertions_of(look.asked_records):
        days.update(said.known_on for said in several)
    return sorted(day for day in days if first < day <= last)
