"""What is kept of a moment: it says what statements find out anew, lets go of what is too much, and learns words."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from domain.events import canonical
from projections import resolved, roads
from projections.engine import Projection, batch_of
from projections.parameters import RegulatoryExposure, VendorDependence
from service.codes import country_name
from tests.ledgers import Book

TABLES = "select count(*) from duckdb_tables() where database_name = 'resolved' and starts_with(table_name, 'place_')"
RULE = {"rule_id": "r", "effect": "prohibited", "vendors": ["huawei"], "categories": ["accelerator"]}
LAW = {"regulation_id": "list", "jurisdiction": "US", "authority": "BIS", "title": "List", "citation": "x"}


class Watched:
    """A ledger that is projected as it grows, and whose questions go to the statements."""

    def __init__(self, projection: Projection) -> None:
        self.book = Book()
        self.projection = projection
        projection.few.most_lines = 0

    def catch_up(self) -> None:
        """Project what is new."""
        new = self.book.events[self.projection.position :]
        self.projection.apply(batch_of((event["position"], canonical(event)) for event in new))

    def order(self, number: int, vendor: str, product: str | None = "a800") -> None:
        """One order of a line."""
        line = {"line": "1", "quantity": "1", "amount": "10"} | ({} if product is None else {"product_id": product})
        data = {"order_id": f"po-{number}", "buyers": ["baidu"], "vendor_id": vendor, "currency": "USD"}
        self.put("order-placed", f"order/po-{number}", "2024-03-01", data | {"lines": [line]})

    def put(self, kind: str, stream: str, on: str, data: dict[str, Any]) -> None:
        """Project an event as it stands: deciding would first ask for the registration of all that it names."""
        envelope = {"type": kind, "v": 1, "stream": stream, "version": 1, "basis": "reported"}
        days = {"effective_on": on, "known_on": on, "recorded_at": "2025-06-30T12:00:00.000000Z"}
        position = len(self.book.events) + 1
        self.book.events.append(envelope | days | {"position": position, "id": f"put-{position}", "data": data})
        self.catch_up()

    def answers(self, **asked: Any) -> list[dict[str, Any]]:
        """Dependence and exposure, which say the same whether anything is kept or not."""
        moment = {"effective_on": date(2024, 6, 30), "position": self.projection.position, "status": "ordered"} | asked
        found = []
        for kept in (True, False):
            self.projection.resolved.are_kept = kept
            dependence = roads.vendor_dependence(self.projection, VendorDependence(**moment), country_name=country_name)
            found.append([dependence, roads.regulatory_exposure(self.projection, RegulatoryExposure(**moment))])
        assert found[0] == found[1]
        return found[0]

    def kept(self) -> int:
        """How many moments have tables."""
        with self.projection.cursor() as connection:
            ((many,),) = connection.execute(TABLES).fetchall()
        return int(many)


@pytest.fixture
def ledger() -> Iterator[Watched]:
    """Baidu, and a product."""
    with Projection.open() as projection:
        watched = Watched(projection)
        watched.book.organization("baidu", "CN")
        watched.book.organization("nvidia")
        watched.book.product("a800")
        watched.catch_up()
        yield watched


def test_what_is_named_after_a_moment_was_resolved_is_counted(ledger: Watched) -> None:
    ledger.order(1, "nvidia")
    ledger.answers()
    ledger.order(2, "unheard-of", "never-registered")
    dependence, _ = ledger.answers()
    assert [row["key"] for row in dependence["rows"]] == ["nvidia", "unheard-of"]
    assert ledger.kept() == 1


def test_whom_a_rule_names_is_barred_when_first_bought_from(ledger: Watched) -> None:
    ledger.put("regulation-enacted", "regulation/list", "2023-01-01", LAW | {"rules": [RULE]})
    ledger.order(1, "nvidia")
    ledger.answers()
    ledger.order(2, "huawei")
    dependence, exposure = ledger.answers()
    assert {row["key"]: row["restricted"] for row in dependence["rows"]} == {"nvidia": "no", "huawei": "yes"}
    assert exposure["at_risk"] == 0.5


def test_a_moment_serves_all_until_a_register_changes(ledger: Watched) -> None:
    ledger.order(1, "nvidia")
    for day in (date(2024, 4, 1), date(2024, 5, 1), date(2024, 6, 1)):
        ledger.answers(effective_on=day)
    assert ledger.kept() == 1
    ledger.book.say("organization-changed", "2024-05-15", {"organization_id": "nvidia", "name": "Nvidia Corporation"})
    ledger.catch_up()
    assert ledger.answers(effective_on=date(2024, 5, 1))[0]["rows"][0]["name"] == "Nvidia"
    assert ledger.answers(effective_on=date(2024, 6, 1))[0]["rows"][0]["name"] == "Nvidia Corporation"


def test_moments_that_were_asked_about_longest_ago_are_let_go(ledger: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolved, "MOST_KEPT", 2)
    for month in range(1, 6):
        said = {"organization_id": "nvidia", "name": f"Nvidia {month}"}
        ledger.book.say("organization-changed", f"2024-{month:02}-01", said)
    ledger.order(1, "nvidia")
    with ledger.projection.resolved.at(
        VendorDependence(effective_on=date(2024, 1, 15), position=ledger.projection.position)
    ) as held:
        for month in range(3, 6):
            ledger.answers(effective_on=date(2024, month, 15))
        assert held is not None
        # Two, and the one that somebody asks by.
        assert ledger.kept() == 3
    assert ledger.kept() == 2
