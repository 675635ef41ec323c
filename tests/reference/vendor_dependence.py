"""How much some buyers depend on which vendors (docs/semantics.md, rules 22 to 29)."""

from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pycountry

from tests.reference.asof import Event, World
from tests.reference.contributions import Contribution, Query, contributions
from tests.reference.figures import EXACT, ZERO, Figure, json_number, plain, total_of
from tests.reference.restrictions import sole_source, verdict_on
from tests.reference.rules import UNDETERMINED, YES, Verdict, common, instruments_in_force


def vendor_dependence(
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
    status: str = "ordered",
    by: str = "vendor",
    window: str | None = None,
    captive: str = "include",
    home: str | None = None,
    threshold: str | None = None,
    threshold_attribute: str = "tpp",
) -> dict[str, Any]:
    """The view's total, rows and metrics in wire form; `events` in stored form and in the order of their positions."""
    world = World(events, effective_on, known_on, position)
    query = Query(
        tuple(buyer), buyer_scope, tuple(exclude), currency, measure, attribute, status, window=window, captive=captive
    )
    if home is None and len(buyer) == 1:
        home = world.country(buyer[0])
    with localcontext(EXACT):
        found = contributions(world, query)
        instruments = instruments_in_force(world)
        verdicts = [
            verdict_on(each.vendor_id, each.product_id, each.buyers, instruments, world).answer for each in found
        ]
        total = total_of(contribution.figure for contribution in found)
        keys = {row_key(contribution, by, world) for contribution in found}
        grouped = {key: [each for each in found if row_key(each, by, world) == key] for key in keys}
        figures = {key: total_of(each.figure for each in members) for key, members in grouped.items()}
        restricted = {
            key: common(
                Verdict(one) for each, one in zip(found, verdicts, strict=True) if row_key(each, by, world) == key
            )
            for key in keys
        }
        ordered_keys = sorted(keys, key=lambda key: row_order(figures[key], key))
        return {
            "total": {
                "value": plain(total.known_value),
                "low": plain(total.low),
                "high": plain(total.high),
                "unit": query.unit,
            },
            "rows": [
                _row(
                    key,
                    by,
                    grouped[key],
                    figures[key],
                    total,
                    total_of(figures[other] for other in keys if other != key),
                    world,
                )
                | {"restricted": restricted[key].answer}
                for key in ordered_keys
            ],
            "metrics": {
                **_metrics(found, list(figures.values()), total, home, world),
                **at_risk([(each.figure, one) for each, one in zip(found, verdicts, strict=True)], total),
                "sole_source": sole_source(found, instruments, world, threshold_attribute, threshold),
            },
        }


def row_key(contribution: Contribution, by: str, world: World) -> str | None:
    """The row that a contribution belongs to (rule 22)."""
    vendor_id, product_id = contribution.vendor_id, contribution.product_id
    if by == "vendor":
        return vendor_id
    if by == "maker":
        maker: str | None = None if product_id is None else world.product(product_id, "vendor_id")
        return maker or vendor_id
    if by == "parent":
        return world.ultimate_parent(vendor_id)
    if by == "country":
        return world.country(vendor_id)
    if by == "product":
        return product_id
    if by == "category":
        category: str | None = None if product_id is None else world.product(product_id, "category")
        return category
    raise ValueError(f"rows are not made by {by}")


def row_order(figure: Figure, *keys: str | None) -> tuple[Any, ...]:
    """Largest value first, no value last, then the keys, no key last (rule 28)."""
    value = figure.known_value
    return (value is None, -(value or ZERO), *((key is None, key or "") for key in keys))


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """part / whole; None where the whole is 0."""
    return None if whole == 0 else part / whole


def at_risk(found: list[tuple[Figure, str]], total: Figure) -> dict[str, float | None]:
    """What part of the total is barred, and what part of it may be (rule 40)."""
    barred = total_of(figure for figure, verdict in found if verdict == YES)
    perhaps = total_of(figure for figure, verdict in found if verdict == UNDETERMINED)
    return {
        "at_risk_low": json_number(ratio(barred.value, total.value)),
        "at_risk_high": json_number(ratio(barred.value + perhaps.value, total.value)),
    }


def share(figure: Figure, total: Figure) -> Decimal | None:
    """The figure's part of the total of values; None where either has none, or the total is 0 (rule 25)."""
    if figure.known_value is None or total.known_value is None:
        return None
    return ratio(figure.known_value, total.known_value)


def _row(
    key: str | None,
    by: str,
    members: list[Contribution],
    figure: Figure,
    total: Figure,
    others: Figure,
    world: World,
) -> dict[str, Any]:
    name, country = _name_and_country(key, by, world)
    share_low = ZERO if others.high.is_infinite() else ratio(figure.low, figure.low + others.high)
    share_high = Decimal(1) if figure.high.is_infinite() else ratio(figure.high, figure.high + others.low)
    return {
        "key": key,
        "name": name,
        "value": plain(figure.known_value),
        "low": plain(figure.low),
        "high": plain(figure.high),
        "share": json_number(share(figure, total)),
        "share_low": json_number(share_low),
        "share_high": json_number(share_high),
        "quantified": figure.unquantified == 0,
        "captive": all(member.captive for member in members),
        "country": country,
        "first_effective_on": min(figure.ends).isoformat(),
        "last_effective_on": max(figure.ends).isoformat(),
    }


def _name_and_country(key: str | None, by: str, world: World) -> tuple[str | None, str | None]:
    """Rule 23."""
    if key is None:
        return None, None
    if by == "product":
        return world.product(key, "name"), None
    if by == "category":
        return key, None
    if by == "country":
        country = pycountry.countries.get(alpha_2=key)
        return None if country is None else country.name, key
    return world.organization(key, "name"), world.country(key)


def _metrics(
    found: list[Contribution], rows: list[Figure], total: Figure, home: str | None, world: World
) -> dict[str, Any]:
    """Rule 27."""
    captive = total_of(each.figure for each in found if each.captive)
    domestic = total_of(each.figure for each in found if home is not None and world.country(each.vendor_id) == home)
    shares = sorted((part for row in rows if (part := share(row, total)) is not None), reverse=True)
    has_total = bool(total.known_value)
    squares = sum((part * part for part in shares), ZERO)
    return {
        "hhi": json_number(10_000 * squares) if has_total else None,
        "effective_vendors": json_number(1 / squares) if has_total else None,
        "cr1": json_number(sum(shares[:1], ZERO)) if has_total else None,
        "cr3": json_number(sum(shares[:3], ZERO)) if has_total else None,
        "captive_share": json_number(captive.value / total.value) if has_total else None,
        "domestic_share": json_number(domestic.value / total.value) if has_total and home is not None else None,
        "single_source": len(rows) == 1,
        "coverage": {"quantified": sum(row.unquantified == 0 for row in rows), "active": len(rows)},
    }
