"""What purchases are held against when each is judged as of the day on which it was placed: what that costs."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from projections import roads
from projections.concerned import MOST_CLIMBS, concerned_by
from projections.engine import Projection
from projections.exposed_lines import exposed_lines
from projections.parameters import Moment, RegulatoryExposure, VendorDependence
from projections.regulatory_exposure import regulatory_exposure
from projections.series import series
from service.codes import country_name
from tests.effort import assert_no_dearer
from tests.projections.ledgers import projected

Event = dict[str, Any]
FIRST_ON = date(2020, 1, 1)
DAYS = 200


def stored(facts: list[tuple[str, str, dict[str, Any]]], behind: int = 0) -> list[Event]:
    """Stored events, known on their own days, behind so many others."""
    return [
        {
            "type": kind, "id": f"e{position}", "v": 1, "position": position, "known_on": on, "effective_on": on,
            "recorded_at": "2026-01-31T12:00:00.000000Z", "basis": "reported", "data": data,
        }
        for position, (kind, on, data) in enumerate(facts, behind + 1)
    ]  # fmt: skip


def market(days: int, *, daily: bool) -> list[Event]:
    """One rule, and on each of some days a vendor sells something, and moves: of two the one sells first.

    Not `daily`: they all move before the first does.
    """
    start = FIRST_ON.isoformat()
    rule = {"rule_id": "1", "effect": "prohibited", "destinations": ["CN"], "vendor_countries": ["US"]}
    instrument = {"regulation_id": "r", "jurisdiction": "US", "authority": "a", "title": "t", "citation": "c"}
    facts: list[tuple[str, str, dict[str, Any]]] = [
        ("regulation-enacted", start, instrument | {"rules": [rule]}),
        ("organization-registered", start, {"organization_id": "buyer", "name": "buyer", "country": "CN"}),
        ("product-registered", start, {"product_id": "p", "name": "p", "category": "c"}),
    ]
    for number in range(days):
        vendor = {"organization_id": f"v{number}", "name": f"v{number}", "country": "DE"}
        facts.append(("organization-registered", start, vendor))
    for number in range(days):
        on = (FIRST_ON + timedelta(number + 1)).isoformat()
        moved = (FIRST_ON + timedelta(number + 2 - number % 2)).isoformat() if daily else start
        facts.append(("organization-changed", moved, {"organization_id": f"v{number}", "country": "US"}))
        line = {"line": "1", "product_id": "p", "quantity": "1", "amount": "1"}
        order = {"order_id": f"o{number}", "buyers": ["buyer"], "vendor_id": f"v{number}", "currency": "USD"}
        facts.append(("order-placed", on, order | {"lines": [line]}))
    return stored(facts)


def joined(days: int, records: int) -> list[Event]:
    """The same with records that are others of one organisation."""
    start = FIRST_ON.isoformat()
    twin: dict[str, Any] = {"name": "twin", "country": "DE"}
    facts = [("organization-registered", start, twin | {"organization_id": f"twin-{n}"}) for n in range(records)]
    facts += [
        ("organization-changed", start, {"organization_id": f"twin-{n}", "same_as": "twin-0"})
        for n in range(1, records)
    ]
    first = market(days, daily=True)
    return [*first, *stored(facts, behind=len(first))]


def asked(projection: Projection) -> RegulatoryExposure:
    """All that was ordered, judged as of the day on which it was."""
    position = projection.position
    return RegulatoryExposure(effective_on=date(2026, 1, 1), position=position, judged="placed", status="ordered")


@pytest.fixture(scope="module")
def moving() -> Iterator[Projection]:
    """A market in which someone moves daily."""
    with projected(market(DAYS, daily=True)) as projection:
        yield projection


@pytest.mark.parametrize("ask", [regulatory_exposure, exposed_lines])
def test_registers_that_change_daily_cost_little_more_than_those_that_change_once(
    moving: Projection, ask: Callable[..., Any]
) -> None:
    with projected(market(DAYS, daily=False)) as settled, moving.cursor() as one, settled.cursor() as other:
        assert_no_dearer(lambda: ask(one, asked(moving)), lambda: ask(other, asked(settled)), times=4)


def test_records_of_one_organization_are_joined_once_for_all_days_in_memory(moving: Projection) -> None:
    def ask(projection: Projection) -> None:
        # Nothing that was found out is left from the last time.
        projection.few.worlds.forget()
        roads.regulatory_exposure(projection, asked(projection))

    with projected(joined(DAYS, 2_000)) as many:
        for projection in (many, moving):
            assert projection.few.look(asked(projection)) is not None
        assert_no_dearer(lambda: ask(many), lambda: ask(moving), times=4)


def test_so_it_is_of_a_series_whose_every_day_is_judged_anew(moving: Projection) -> None:
    first_on, last_on = FIRST_ON, FIRST_ON + timedelta(DAYS)
    days = VendorDependence(effective_on=last_on, position=moving.position, by="country")

    def ask(connection: duckdb.DuckDBPyConnection) -> None:
        found = series(connection, days, first_on, last_on, "P1D", country_name=country_name)
        assert len(found["points"]) == DAYS + 1

    with projected(market(DAYS, daily=False)) as settled, moving.cursor() as one, settled.cursor() as other:
        assert_no_dearer(lambda: ask(one), lambda: ask(other), times=4)


def test_each_is_held_against_the_registers_of_its_own_day(moving: Projection) -> None:
    with moving.cursor() as connection:
        answer = regulatory_exposure(connection, asked(moving))
    # Those that sold before they moved are not barred.
    sold = {row["vendor"]: row["restricted"] for row in answer["rows"]}
    assert sold == {f"v{number}": "yes" if number % 2 else "no" for number in range(DAYS)}


def test_only_those_who_supply_and_are_supplied_are_read_and_those_above_them() -> None:
    depth = MOST_CLIMBS - 1
    chain = [
        ("organization-registered", "2020-01-01", {"organization_id": f"o{n}", "name": "o", "country": "DE"} | above)
        for n in range(50)
        for above in ({"parent_id": f"o{n - 1}"} if n else {},)
    ]
    with projected(stored(chain)) as projection, projection.cursor() as connection:
        moment = Moment(effective_on=date(2026, 1, 1), position=50)

        def read(foot: str) -> set[str]:
            number = connection.execute("select number from term where word = ?", [foot]).fetchall()[0][0]
            return set(concerned_by(connection, moment, [number], [], []).organizations)

        assert read("o2") == {"o2", "o1", "o0"}
        assert read(f"o{depth}") == {f"o{n}" for n in range(depth + 1)}
        # Above many others, everybody is read at once.
        assert read("o30") == {f"o{n}" for n in range(50)}
