"""The whole procurement flow by a client that was written from /openapi.json alone: its names, schemas and examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.processes import Service, serving
from tests.service.web.interface import Interface

NUMBER = "po-2024-17"
OLD, NEW = {"effective_on": "2024-01-15"}, {"effective_on": "2024-12-31"}


@pytest.fixture
def service(database: str, tmp_path: Path) -> Iterator[Service]:
    """A service process on an empty ledger."""
    with serving(tmp_path / "home", {"DAYBOOK_DATABASE_URL": database}) as running:
        yield running


@pytest.fixture
def interface(service: Service) -> Iterator[Interface]:
    """What the service says of itself, and nothing else."""
    with service.client() as client:
        yield Interface.read(client)


def body(interface: Interface, name: str, /, **said: Any) -> Any:
    """The example of a body with this said instead, dated in January 2024 unless told otherwise."""
    dated = {"effective_on": "2024-01-10", "known_on": "2024-01-10", "id": None, "source": None}
    return interface.operations[name].body(**{**dated, **said})


def test_a_procurement_from_the_registers_to_the_views(interface: Interface) -> None:
    call = interface.call

    def record(name: str, identifier: str | None = None, /, **said: Any) -> Any:
        return call(name, body(interface, name, **said), **({} if identifier is None else {"identifier": identifier}))

    # Who buys from whom, and what.
    for organization, country in (("rail", "DE"), ("signals", "FR"), ("relays", "CZ")):
        record(
            "record_organization_registered",
            organization_id=organization,
            name=organization,
            country=country,
            names=None,
        )
    record("record_organization_changes", "signals", name="Signals SA")
    record("record_product_registered", product_id="box", name="Interlocking box", vendor_id="signals", category="box")
    record("record_product_changes", "box", attributes={"inputs": "64"})
    record("record_partnership_formed", partnership_id="pact", parties=["rail", "relays"], scope="Trials")
    record("record_exchange_rates_published", base="EUR", rates={"USD": "1.1"})

    # The order, and everything that happens to one.
    line = {"line": "1", "product_id": "box", "quantity": "100", "amount": "50000"}
    placed = record(
        "record_order_placed",
        order_id=NUMBER,
        buyers=["rail", "relays"],
        vendor_id="signals",
        currency="EUR",
        lines=[line],
        basis="reported",
    )
    assert placed["stream"] == f"order/{NUMBER}"
    record("record_order_amendments", NUMBER, changes=[{"line": "1", "quantity": "20", "amount": "10000"}])
    shares = [{"buyer_id": "rail", "share": "0.75"}, {"buyer_id": "relays", "share": "0.25"}]
    record("record_order_allocations", NUMBER, allocations=shares)
    received = record("record_order_receipts", NUMBER, receipts=[{"line": "1", "quantity": "80"}])
    slip = {"receipts": [{"line": "1", "quantity": "60"}], "effective_on": "2024-01-10"}
    corrected = record(
        "record_order_corrections",
        NUMBER,
        retracts=received["id"],
        reason="Counted twice.",
        replacement=slip,
        effective_on=None,
        known_on=None,
    )
    assert corrected["count"] == 2
    record("record_order_returns", NUMBER, returns=[{"line": "1", "quantity": "5"}], effective_on="2024-01-12")
    record("record_order_annotations", NUMBER, annotates=placed["id"], note="Framework contract 7.")

    # What bars it, and what is allowed all the same.
    record(
        "record_regulation_enacted",
        regulation_id="ban",
        rules=[{"rule_id": "1", "effect": "licence-required", "destinations": ["DE"], "categories": ["box"]}],
    )
    licence = {"licence_id": "l-1", "buyers": ["rail"], "products": ["box"], "until": "2024-06"}
    record("record_regulation_licences", "ban", **licence)

    # What there is to read of all that.
    order = call("read_order", identifier=NUMBER, **OLD)
    assert (order["status"], order["lines"][0]["ordered"]["quantity"]["value"]) == ("open", "120")
    assert order["lines"][0]["delivered"]["quantity"]["value"] == "55"
    history = call("order_history", identifier=NUMBER)
    assert [event["type"] for event in history["events"]] == [
        "order-placed",
        "order-amended",
        "order-allocated",
        "goods-received",
        "event-retracted",
        "goods-received",
        "goods-returned",
        "event-annotated",
    ]
    asked = {"buyer": ["rail"], "currency": "EUR", "min_position": history["resolved"]["position"]}
    view = call("vendor_dependence", **asked, **OLD)
    assert [(row["key"], row["value"]) for row in view["rows"]] == [("signals", "45000")]
    exposure = call("regulatory_exposure", **asked, **NEW)
    assert exposure["rows"][0]["restricted"] == "yes"
    assert call("regulatory_exposure", **asked, **OLD)["rows"][0]["restricted"] == "no"

    # The end of it.
    record("record_order_cancellations", NUMBER, reason="Not needed.", effective_on="2024-07-01", known_on="2024-07-01")
    record("record_partnership_endings", "pact", effective_on="2024-07-01", known_on="2024-07-01")
    assert call("read_order", identifier=NUMBER, **NEW)["status"] == "cancelled"
    assert [one["order_id"] for one in call("list_orders", buyer="rail", **NEW)["orders"]] == [NUMBER]
    series = call(
        "vendor_dependence_series", buyer=["rail"], currency="EUR", **{"from": "2024-01-01", "to": "2024-12-31"}
    )
    assert [point["total"]["value"] for point in series["points"]] == ["0", "45000", "20625"]
    events = call("list_events", after=0, limit=1000)["events"]
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert all("actor" in event for event in events)
