"""Organisations above one another by the thousand: what is asked of them takes no longer for it."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from domain.evaluation import parties_of, party_of
from projections.differences import difference
from projections.engine import Projection
from projections.organizations import organizations
from projections.parameters import Moment, RegulatoryExposure, VendorDependence
from projections.regulatory_exposure import regulatory_exposure
from projections.series import series
from projections.vendor_dependence import vendor_dependence
from service.codes import country_name
from tests.effort import Act, assert_no_dearer
from tests.ledgers import Book, line, request
from tests.projections.ledgers import projected

MEMBERS = 2_000
YEAR_END = date(2023, 12, 31)
Ask = Callable[[duckdb.DuckDBPyConnection], Any]


def ledger(above: Callable[[int], str]) -> Book:
    """Organisations, each with an owner, of which the last buys from the last but one."""
    book = Book()
    book.organization("member-0")
    book.record(
        request(
            "organization-registered",
            "2000-01-01",
            {"organization_id": f"member-{n}", "name": "Member", "country": "US", "parent_id": above(n)},
        )
        for n in range(1, MEMBERS)
    )
    buyer, vendor = f"member-{MEMBERS - 1}", f"member-{MEMBERS - 2}"
    book.order("po-1", "2023-01-02", [line("1", "5", None)], buyers=(buyer,), vendor_id=vendor)
    rule = {"rule_id": "1", "effect": "prohibited", "vendors": ["member-1"], "destinations": ["US"]}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "Rule", "citation": "1 FR 1", "rules": [rule]}
    book.record([request("regulation-enacted", "2023-01-01", {"regulation_id": "rule", **about})])
    return book


@pytest.fixture(scope="module")
def chain() -> Iterator[Projection]:
    """Each owned by the one before."""
    with projected(ledger(lambda n: f"member-{n - 1}").events) as projection:
        yield projection


@pytest.fixture(scope="module")
def family() -> Iterator[Projection]:
    """All owned by the first."""
    with projected(ledger(lambda _: "member-0").events) as projection:
        yield projection


def registered(cursor: duckdb.DuckDBPyConnection) -> Any:
    """Who is the ultimate parent of everybody."""
    return {
        one["ultimate_parent_id"] for one in organizations(cursor, Moment(effective_on=YEAR_END, position=MEMBERS + 2))
    }


GROUP: dict[str, Any] = {
    "buyer": ("member-0",),
    "buyer_scope": "group",
    "effective_on": YEAR_END,
    "position": MEMBERS + 2,
}


def depended_on(cursor: duckdb.DuckDBPyConnection) -> Any:
    """Whom the whole group buys from, by ultimate parent."""
    asked = VendorDependence(**GROUP, by="parent", currency="USD", captive="include")
    return [(row["key"], row["value"]) for row in vendor_dependence(cursor, asked, country_name=country_name)["rows"]]


def through_a_year(cursor: duckdb.DuckDBPyConnection) -> Any:
    """The same through a year."""
    asked = VendorDependence(**GROUP, by="parent", currency="USD", captive="include")
    answer = series(cursor, asked, date(2023, 1, 1), YEAR_END, "P6M", country_name=country_name)
    return len(answer["points"])


def exposed(cursor: duckdb.DuckDBPyConnection) -> Any:
    """What rules bar of what the whole group has ordered."""
    answer = regulatory_exposure(cursor, RegulatoryExposure(**GROUP, currency="USD", captive="include"))
    return [row["vendor"] for row in answer["rows"]]


def compared(cursor: duckdb.DuckDBPyConnection) -> Any:
    """What has come since nobody had an owner."""
    before, after = (
        VendorDependence(**GROUP | {"effective_on": day}, by="parent", currency="USD", captive="include")
        for day in (date(1999, 12, 31), YEAR_END)
    )
    answer = difference(cursor, before, after, country_name=country_name)
    return [(row["key"], row["after"]["value"]) for row in answer["rows"]]


def asked(projection: Projection, ask: Ask) -> Act:
    """A question and its answer, for which DuckDB has threads of its own."""

    def act() -> None:
        with projection.cursor() as cursor:
            ask(cursor)

    return act


def test_everybody_in_a_chain_has_its_end_for_ultimate_parent(chain: Projection) -> None:
    with chain.cursor() as cursor:
        assert registered(cursor) == {"member-0"}
        assert depended_on(cursor) == [("member-0", "5")]
        assert exposed(cursor) == [f"member-{MEMBERS - 2}"]
        assert compared(cursor) == [("member-0", "5")]


@pytest.mark.parametrize("ask", [registered, depended_on, through_a_year, exposed])
def test_a_chain_is_asked_about_in_the_time_of_a_family(chain: Projection, family: Projection, ask: Ask) -> None:
    # Who is above whom in a chain of 2,000 are two million pairs.
    assert_no_dearer(asked(chain, ask), asked(family, ask), times=4, every_thread=True)


def test_moments_of_a_chain_are_compared_in_the_time_of_a_family(chain: Projection, family: Projection) -> None:
    assert_no_dearer(asked(chain, compared), asked(family, compared), times=2, every_thread=True)


def test_what_is_named_of_a_lineage_is_that_of_each_party() -> None:
    parents = {"a": "b", "b": "c", "c": None, "d": "b", "e": "x", "round": "about", "about": "round", "into": "round"}
    countries = {"a": "US", "c": "CN", "x": "ZZ", "round": "FR"}
    named = {"b", "c", "x", "about"}
    for identifier, found in parties_of(parents, parents, countries, named).items():
        party = party_of(identifier, parents, countries)
        assert found.lineage == party.lineage & named
        assert (found.country, found.ultimate_country) == (party.country, party.ultimate_country)
