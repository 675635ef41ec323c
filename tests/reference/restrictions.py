"""Which supplies the rules in force bar, and from whom something could be bought instead (docs/semantics.md)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.reference.asof import World
from tests.reference.contributions import Contribution
from tests.reference.figures import bounds_of
from tests.reference.rules import (
    NO,
    UNDETERMINED,
    YES,
    Instrument,
    Verdict,
    common,
    decided,
    every,
    kind_of,
    negation,
    some,
    undetermined,
    verdict_of,
)

#: The effects of rules that bar a supply; the others only speak of it.
RESTRICTIVE = ("prohibited", "licence-required")


def restrictive_rules(instruments: list[Instrument]) -> Iterator[tuple[Instrument, dict[str, Any]]]:
    """Every rule that bars a supply."""
    for instrument in instruments:
        for rule in instrument.rules:
            if rule["effect"] in RESTRICTIVE:
                yield instrument, rule


def verdict_on(
    vendor_id: str, product_id: str | None, buyers: tuple[str, ...], instruments: list[Instrument], world: World
) -> Verdict:
    """Whether any rule hits; undetermined where the buyers differ."""
    return common(
        some(
            verdict_of(rule, instrument, vendor_id, product_id, buyer_id, world)
            for instrument, rule in restrictive_rules(instruments)
        )
        for buyer_id in buyers
    )


def sole_source(
    found: list[Contribution],
    instruments: list[Instrument],
    world: World,
    threshold_attribute: str,
    threshold: str | None,
) -> list[dict[str, Any]]:
    """For each maker of a category that is bought, who else offers some of it that is not barred (rules 51 to 53)."""
    buyers: dict[tuple[str, str], set[str]] = {}
    for each in found:
        if each.product_id is not None and (category := world.product(each.product_id, "category")) is not None:
            maker = world.product(each.product_id, "vendor_id") or each.vendor_id
            buyers.setdefault((maker, category), set()).update(each.buyers)
    products = sorted({event["data"]["product_id"] for event in world.of_type("product-registered")})
    answer = []
    for (maker, category), who in sorted(buyers.items()):
        offers: dict[str, list[Verdict]] = {}
        for product_id in products:
            other = world.product(product_id, "vendor_id")
            if other not in (None, maker) and world.product(product_id, "category") == category:
                barred = verdict_on(other, product_id, tuple(sorted(who)), instruments, world)
                reaches = _reaches(world.product_attribute(product_id, threshold_attribute), threshold)
                offers.setdefault(other, []).append(every([negation(barred), reaches]))
        answers = {vendor_id: some(verdicts).answer for vendor_id, verdicts in offers.items()}
        best = next((answer for answer in (YES, UNDETERMINED) if answer in answers.values()), NO)
        answer.append(
            {
                "vendor": maker,
                "category": category,
                "sole_source": {YES: NO, UNDETERMINED: UNDETERMINED, NO: YES}[best],
                "alternatives": sorted(other for other, found in answers.items() if found == best != NO),
            }
        )
    return answer


def _reaches(attribute: Any, threshold: str | None) -> Verdict:
    """Whether all that an attribute may be reaches the threshold."""
    if threshold is None:
        return decided(True)
    if attribute is None or kind_of(attribute) != "number":
        return undetermined("threshold")
    _, low, high = bounds_of(attribute)
    if low >= Decimal(threshold):
        return decided(True)
    return decided(False) if high < Decimal(threshold) else undetermined("threshold")
