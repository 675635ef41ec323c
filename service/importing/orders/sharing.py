"""A whole shared out exactly: parts in proportion to weights that add up to it."""

from collections.abc import Sequence
from decimal import Decimal

from domain.estimates import EXACT, ZERO


def shares(whole: Decimal, weights: Sequence[Decimal], places: int) -> list[Decimal]:
    """The part of each weight, at so many places; together they are the whole. Weights of nothing share alike."""
    if not sum(weights, ZERO):
        weights = [Decimal(1)] * len(weights)
    total = sum(weights, ZERO)
    unit = Decimal(1).scaleb(-places)
    found: list[Decimal] = []
    reached = taken = ZERO
    for weight in weights:
        reached += weight
        # Rounded where each ends, not each by itself: the last ends at the whole.
        end = EXACT.divide(EXACT.multiply(whole, reached), total).quantize(unit, context=EXACT)
        found.append(end - taken)
        taken = end
    return found
