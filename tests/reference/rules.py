"""Which regulations are in force, and whether a rule hits a supply, in three-valued logic (Kleene's)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.reference.asof import World, latest, period_of
from tests.reference.figures import bounds_of

YES = "yes"
NO = "no"
UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Verdict:
    """Whether something holds and, where that is undetermined, the names of what would have to be known."""

    answer: str
    missing: frozenset[str] = frozenset()


def decided(holds: bool) -> Verdict:
    """A verdict for which nothing is missing."""
    return Verdict(YES if holds else NO)


def undetermined(missing: str) -> Verdict:
    """A verdict for which this is missing."""
    return Verdict(UNDETERMINED, frozenset({missing}))


def negation(verdict: Verdict) -> Verdict:
    """Not."""
    return Verdict({YES: NO, NO: YES, UNDETERMINED: UNDETERMINED}[verdict.answer], verdict.missing)


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """No if any is no, else undetermined if any is, else yes."""
    given = list(verdicts)
    if any(verdict.answer == NO for verdict in given):
        return Verdict(NO)
    if all(verdict.answer == YES for verdict in given):
        return Verdict(YES)
    return Verdict(UNDETERMINED, frozenset().union(*(verdict.missing for verdict in given)))


def some(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes if any is yes, else undetermined if any is, else no."""
    return negation(every(negation(verdict) for verdict in verdicts))


def common(verdicts: Iterable[Verdict]) -> Verdict:
    """What all say alike; undetermined where they differ."""
    given = list(verdicts)
    answers = {verdict.answer for verdict in given}
    answer = answers.pop() if len(answers) == 1 else UNDETERMINED
    return Verdict(answer, frozenset().union(*(verdict.missing for verdict in given)))


# Regulations


@dataclass(frozen=True)
class Instrument:
    """A regulation in force, with its rules and the conditions of the licences in force under it."""

    regulation_id: str
    rules: list[dict[str, Any]]
    licences: list[dict[str, Any]]


def instruments_in_force(world: World) -> list[Instrument]:
    """The regulations that are in force on the world's effective day, by id."""
    with_rules = world.of_type("regulation-enacted", "regulation-amended")
    return [
        Instrument(
            regulation_id,
            latest(event for event in with_rules if event["data"]["regulation_id"] == regulation_id)["data"]["rules"],  # type: ignore[index]
            _licences_in_force(world, regulation_id),
        )
        for regulation_id in sorted({event["data"]["regulation_id"] for event in with_rules})
        if _is_in_force(world, regulation_id)
    ]


def _is_in_force(world: World, regulation_id: str) -> bool:
    def happened(*types: str) -> list[dict[str, Any]]:
        return [event for event in world.of_type(*types) if event["data"]["regulation_id"] == regulation_id]

    # A repeal ends it for good, even where its own start lies later.
    if happened("regulation-repealed"):
        return False
    limited = latest(
        event
        for event in happened("regulation-enacted", "regulation-amended")
        if event["data"].get("until") is not None
    )
    if limited is not None and _is_over(limited["data"], world.effective_on):
        return False
    # A suspension outlasts amendments.
    pause = latest(happened("regulation-suspended", "regulation-resumed"))
    is_paused = (
        pause is not None
        and pause["type"] == "regulation-suspended"
        and not _is_over(pause["data"], world.effective_on)
    )
    return not is_paused


def _licences_in_force(world: World, regulation_id: str) -> list[dict[str, Any]]:
    events = [
        event
        for event in world.of_type("licence-granted", "licence-revoked")
        if event["data"]["regulation_id"] == regulation_id
    ]
    in_force = []
    for licence_id in sorted({event["data"]["licence_id"] for event in events}):
        event = latest(event for event in events if event["data"]["licence_id"] == licence_id)
        assert event is not None
        if event["type"] == "licence-granted" and not _is_over(event["data"], world.effective_on):
            in_force.append(event["data"])
    return in_force


def _is_over(data: dict[str, Any], on: date) -> bool:
    """Whether `until`, the last day included, has passed."""
    return data.get("until") is not None and period_of(data["until"])[1] < on


# Rules


def verdict_of(
    rule: dict[str, Any], instrument: Instrument, vendor_id: str, product_id: str | None, buyer_id: str, world: World
) -> Verdict:
    """Whether the rule hits this vendor's product for this buyer, and no licence takes it out: rule and not licence."""
    licensed = some(matches(licence, vendor_id, product_id, buyer_id, world) for licence in instrument.licences)
    return every([matches(rule, vendor_id, product_id, buyer_id, world), negation(licensed)])


def matches(conditions: dict[str, Any], vendor_id: str, product_id: str | None, buyer_id: str, world: World) -> Verdict:
    """Whether all the given conditions of a rule or licence hold."""
    maker_id = None if product_id is None else world.product(product_id, "vendor_id")
    suppliers = [vendor_id] if maker_id is None else [vendor_id, maker_id]
    verdicts = []
    if "destinations" in conditions:
        countries = [world.country(buyer_id), world.country(world.ultimate_parent(buyer_id))]
        verdicts.append(some(_listed(country, conditions["destinations"], "country") for country in countries))
    if "buyers" in conditions:
        verdicts.append(decided(bool(set(world.lineage(buyer_id)) & set(conditions["buyers"]))))
    if "vendors" in conditions:
        lines = [world.lineage(supplier) for supplier in suppliers]
        verdicts.append(decided(any(set(line) & set(conditions["vendors"]) for line in lines)))
    if "vendor_countries" in conditions:
        countries = [world.country(world.ultimate_parent(supplier)) for supplier in suppliers]
        verdicts.append(some(_listed(country, conditions["vendor_countries"], "country") for country in countries))
    if "products" in conditions:
        verdicts.append(_listed(product_id, conditions["products"], "product_id"))
    if "categories" in conditions:
        if product_id is None:
            verdicts.append(undetermined("product_id"))
        else:
            verdicts.append(_listed(world.product(product_id, "category"), conditions["categories"], "category"))
    if "when" in conditions:
        verdicts.append(holds(conditions["when"], product_id, world))
    return every(verdicts)


def _listed(found: str | None, listed: list[str], name: str) -> Verdict:
    """Whether what was found is listed; undetermined where nothing was found."""
    return undetermined(name) if found is None else decided(found in listed)


# Predicates


def holds(predicate: dict[str, Any], product_id: str | None, world: World) -> Verdict:
    """Whether a predicate on attributes holds for a product."""
    if "all" in predicate:
        return every(holds(part, product_id, world) for part in predicate["all"])
    if "any" in predicate:
        return some(holds(part, product_id, world) for part in predicate["any"])
    if "not" in predicate:
        return negation(holds(predicate["not"], product_id, world))
    if product_id is None:
        return undetermined("product_id")
    name = predicate["attribute"]
    answer = compare(world.product_attribute(product_id, name), predicate["op"], predicate["value"])
    return undetermined(name) if answer is None else decided(answer)


#: Whether every number in low..high passes the bound; the answer for "no number does" is the opposite operator's.
ALL_PASS: dict[str, Callable[[Decimal, Decimal, Decimal], bool]] = {
    ">=": lambda low, high, bound: low >= bound,
    ">": lambda low, high, bound: low > bound,
    "<=": lambda low, high, bound: high <= bound,
    "<": lambda low, high, bound: high < bound,
    "==": lambda low, high, bound: low == high == bound,
    "!=": lambda low, high, bound: bound < low or high < bound,
}
OPPOSITE = {">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def compare(attribute: Any, operator: str, bound: Any) -> bool | None:
    """Whether the attribute passes; None where it is unknown, of another kind, or its range straddles the bound."""
    if attribute is None or kind_of(attribute) != kind_of(bound):
        return None
    if kind_of(attribute) == "number":
        _, low, high = bounds_of(attribute)
        if ALL_PASS[operator](low, high, Decimal(bound)):
            return True
        return False if ALL_PASS[OPPOSITE[operator]](low, high, Decimal(bound)) else None
    # Words and true/false have no order.
    return {"==": attribute == bound, "!=": attribute != bound}.get(operator)


def kind_of(attribute: Any) -> str:
    """What a stored attribute, or the value that it is held against, is: "truth", "text" or "number"."""
    if isinstance(attribute, bool):
        return "truth"
    return "text" if isinstance(attribute, dict) and "text" in attribute else "number"
