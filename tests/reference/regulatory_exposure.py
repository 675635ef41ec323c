"""How much of what some buyers get is barred, or may be, by the regulations in force."""

from datetime import date
from decimal import localcontext
from typing import Any

from tests.reference.asof import Event, World
from tests.reference.contributions import Contribution, Query, contributions
from tests.reference.figures import EXACT, plain, total_of
from tests.reference.restrictions import restrictive_rules, verdict_on
from tests.reference.rules import NO, Instrument, common, instruments_in_force, verdict_of
from tests.reference.vendor_dependence import at_risk, row_order


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
        found = [
            (each, verdict_on(each.vendor_id, each.product_id, each.buyers, instruments, world))
            for each in contributions(world, query)
        ]
        total = total_of(each.figure for each, _ in found)
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
            **at_risk([(each.figure, verdict.answer) for each, verdict in found], total),
            "instruments": [instrument.regulation_id for instrument in instruments],
        }


def _key(contribution: Contribution) -> tuple[str, str | None]:
    return contribution.vendor_id, contribution.product_id


def _rules(members: list[Contribution], instruments: list[Instrument], world: World) -> list[dict[str, Any]]:
    """The rules that hit the row or may do so; undetermined where its contributions or buyers differ."""
    listed = []
    for instrument, rule in restrictive_rules(instruments):
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
