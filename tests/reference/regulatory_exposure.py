"""How much of what some buyers get is barred, or may be, by the regulations in force."""

from collections.abc import Iterator
from datetime import date
from decimal import localcontext
from typing import Any

from tests.reference.asof import Event, World
from tests.reference.contributions import Contribution, Query, contributions
from tests.reference.figures import EXACT, json_number, plain, total_of
from tests.reference.rules import (
    NO,
    UNDETERMINED,
    YES,
    Instrument,
    Verdict,
    common,
    instruments_in_force,
    some,
    verdict_of,
)
from tests.reference.vendor_dependence import ratio, row_order

#: The effects of rules that bar a supply; the others only speak of it.
RESTRICTIVE = ("prohibited", "licence-required")


def regulatory_exposure(
    events: list[Event],
    *,
    buyer: list[str],
    buyer_scope: str = "entity",
    effective_on: date,
    known_on: date | None = None,
    position: int | None = None,
    exclude: tuple[str, ...] = (),
    currency: str = "USD",
    measure: str = "spend",
    attribute: str = "tpp",
    status: str = "open",
    window: str | None = None,
    captive: str = "include",
) -> dict[str, Any]:
    """The view's total, rows, parts at risk and ids of the instruments in force; `events` as for vendor_dependence."""
    world = World(events, effective_on, known_on, position)
    query = Query(
        tuple(buyer), buyer_scope, tuple(exclude), currency, measure, attribute, status, window=window, captive=captive
    )
    with localcontext(EXACT):
        instruments = instruments_in_force(world)
        found = [(each, _verdict(each, instruments, world)) for each in contributions(world, query)]
        total = total_of(each.figure for each, _ in found)
        barred = total_of(each.figure for each, verdict in found if verdict.answer == YES)
        perhaps = total_of(each.figure for each, verdict in found if verdict.answer == UNDETERMINED)
        keys = {(each.vendor_id, each.product_id) for each, _ in found}
        figures = {key: total_of(each.figure for each, _ in found if _key(each) == key) for key in keys}
        return {
            "total": {
                "value": plain(total.known_value),
                "low": plain(total.low),
                "high": plain(total.high),
                "unit": query.unit,
            },
            "rows": [
                {
                    "vendor": key[0],
                    "product": key[1],
                    "restricted": common(verdict for each, verdict in found if _key(each) == key).answer,
                    "value": plain(figures[key].known_value),
                    "low": plain(figures[key].low),
                    "high": plain(figures[key].high),
                    "rules": _rules([each for each, _ in found if _key(each) == key], instruments, world),
                }
                for key in sorted(keys, key=lambda key: row_order(figures[key], *key))
            ],
            "at_risk_low": json_number(ratio(barred.value, total.value)),
            "at_risk_high": json_number(ratio(barred.value + perhaps.value, total.value)),
            "instruments": [instrument.regulation_id for instrument in instruments],
        }


def _key(contribution: Contribution) -> tuple[str, str | None]:
    return contribution.vendor_id, contribution.product_id


def _restrictive_rules(instruments: list[Instrument]) -> Iterator[tuple[Instrument, dict[str, Any]]]:
    for instrument in instruments:
        for rule in instrument.rules:
            if rule["effect"] in RESTRICTIVE:
                yield instrument, rule


def _verdict(contribution: Contribution, instruments: list[Instrument], world: World) -> Verdict:
    """Whether any rule hits; undetermined where the buyers in scope differ."""
    vendor_id, product_id = contribution.vendor_id, contribution.product_id
    return common(
        some(
            verdict_of(rule, instrument, vendor_id, product_id, buyer_id, world)
            for instrument, rule in _restrictive_rules(instruments)
        )
        for buyer_id in contribution.buyers
    )


def _rules(members: list[Contribution], instruments: list[Instrument], world: World) -> list[dict[str, Any]]:
    """The rules that hit the row or may do so; undetermined where its contributions or buyers differ."""
    listed = []
    for instrument, rule in _restrictive_rules(instruments):
        verdict = common(
            verdict_of(rule, instrument, member.vendor_id, member.product_id, buyer_id, world)
            for member in members
            for buyer_id in member.buyers
        )
        if verdict.answer != NO:
            listed.append(
                {
                    "regulation_id": instrument.regulation_id,
                    "rule_id": rule["rule_id"],
                    "effect": rule["effect"],
                    "verdict": verdict.answer,
                    "missing": sorted(verdict.missing),
                }
            )
    return sorted(listed, key=lambda entry: (entry["regulation_id"], entry["rule_id"]))
