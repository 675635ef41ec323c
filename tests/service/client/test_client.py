"""The Python client: recording once whatever the network does, reading what one wrote, and refusals as exceptions."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import count, islice
from typing import Any

import pytest

from service.client import (
    AsyncClient,
    Changed,
    Client,
    Conflict,
    Invalid,
    NotFound,
    NotUnderstood,
    Patience,
    Unauthenticated,
    Unavailable,
    Unreached,
)
from service.client.attempts import Attempts, retry_after_s
from service.shapes.answers import StoredEvent
from tests.service.client.wire import Wire
from tests.service.processes import TOKEN

_numbers = count(1)


def new(name: str) -> str:
    """An id that no other test uses."""
    return f"{name}-{next(_numbers)}"


def organization(identifier: str, name: str | None = None) -> dict[str, Any]:
    """A registration without an id of its own: sent twice it would be refused, or recorded twice."""
    data = {"organization_id": identifier, "name": name or identifier.title(), "country": "DE"}
    return {"type": "organization-registered", "effective_on": date(2024, 1, 1), "data": data}


def note(event_id: str, text: str) -> dict[str, Any]:
    """A note, which can be recorded any number of times."""
    return {"type": "event-annotated", "effective_on": "2024-01-02", "data": {"annotates": event_id, "note": text}}


class Clock:
    """Takes note of waits instead of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, wait_s: float) -> None:
        """Do not wait."""
        self.waits.append(wait_s)

    async def sleep_async(self, wait_s: float) -> None:
        """Do not wait."""
        self.waits.append(wait_s)
        await asyncio.sleep(0)


@contextmanager
def through(wire: Wire, clock: Clock, **settings: Any) -> Iterator[Client]:
    """A client at the other end of a wire."""
    with Client(wire.address, TOKEN, sleep=clock.sleep, **settings) as opened:
        yield opened


def notes_on(client: Client, event_id: str) -> list[StoredEvent]:
    """The notes that are recorded on an event."""
    return [one for one in client.stream_events(type="event-annotated") if one.data["annotates"] == event_id]


# Purchases


def test_a_purchase_from_beginning_to_end(client: Client) -> None:
    buyer, vendor, chip, number = new("buyer"), new("vendor"), new("chip"), new("po")
    for identifier in (buyer, vendor):
        client.begin("organizations", organization_id=identifier, name=identifier, country="DE", effective_on="2020")
    client.begin("products", product_id=chip, name="Chip", vendor_id=vendor, category="chip", effective_on="2021")
    line = {"line": "1", "product_id": chip, "quantity": Decimal("1.6E+3"), "amount": Decimal("450.50")}
    placed = client.begin(
        "orders",
        order_id=number,
        buyers=[buyer],
        vendor_id=vendor,
        currency="EUR",
        lines=[line],
        effective_on=date(2024, 3, 1),
        known_on=date(2024, 3, 1),
    )
    assert (placed.stream, placed.version) == (f"order/{number}", 1)
    received = client.happen(
        "orders", number, "receipts", receipts=[{"line": "1", "quantity": "1000"}], effective_on="2024-04", if_match=1
    )
    slip = {"receipts": [{"line": "1", "quantity": Decimal(960)}], "effective_on": "2024-04"}
    corrected = client.correct("orders", number, retracts=received.id, reason="A slip.", replacement=slip)
    assert [one.version for one in corrected] == [3, 4]
    client.annotate("orders", number, annotates=placed.id, note="Confirmed.", effective_on="2024-04-02")

    found = client.order(number)
    assert found.status == "open"
    assert found.lines[0].ordered.quantity.value == Decimal(1600)
    assert found.lines[0].open.amount.value == Decimal("180.2")
    assert [event["counts"] for event in found.history] == [True, False, True, True, True]
    assert [one.order_id for one in client.orders(buyer=buyer, limit=1)] == [number]
    view = client.vendor_dependence(buyer=buyer, currency="EUR", effective_on=date(2024, 4, 30))
    assert view.total.value == Decimal("450.5")
    assert [row.key for row in view.rows] == [vendor]
    assert view.resolved.position >= client.position
    points = client.series("2024-01-31", "2024-06-30", "P1M", buyer=[buyer], currency="EUR").points
    assert [point.total.value for point in points] == [Decimal(0)] * 2 + [Decimal("450.5")] * 4
    change = client.difference("effective_on", "2024-01-01", "2024-12-31", buyer=buyer, currency="EUR")
    assert change.total.difference == Decimal("450.5")
    lines = client.view_file("vendor-dependence", "csv", buyer=buyer, currency="EUR").decode().splitlines()
    assert lines[1].startswith(f"{vendor},")


def test_what_will_not_do_what_it_seems_to_is_remarked_upon(client: Client) -> None:
    rule = {"rule_id": "r", "effect": "prohibited", "categories": [new("nothing-like-it")]}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 1"}
    fact = {"regulation_id": new("ear"), **about, "rules": [rule], "effective_on": "2024"}
    fact_placed = client.begin("regulations", **fact)
    assert [remark.kind for remark in fact_placed.remarks] == ["unknown-category"]
    assert fact_placed.remarks[0].event == fact_placed.id
    corrected = client.correct(
        "regulations", fact["regulation_id"], retracts=fact_placed.id, reason="a slip",
        replacement={name: value for name, value in fact.items() if name != "regulation_id"},
    )  # fmt: skip
    assert [[remark.kind for remark in one.remarks] for one in corrected] == [[], ["unknown-category"]]
    data = {name: value for name, value in fact.items() if name != "effective_on"} | {"regulation_id": new("ear")}
    receipt = client.record({"type": "regulation-enacted", "effective_on": "2024", "data": data})
    assert receipt.remarks[0].subject == f"{data['regulation_id']}/r"


def test_what_one_wrote_is_in_what_one_reads(client: Client) -> None:
    for _ in range(20):
        identifier = new("quick")
        client.record(organization(identifier))
        assert client.organization(identifier).organization_id == identifier


# The network


@pytest.mark.parametrize("fault", ["request", "answer"])
def test_an_event_whose_answer_is_lost_is_recorded_once(client: Client, wire: Wire, fault: Any) -> None:
    of = client.record(organization(new("lost"))).events[0].id
    clock = Clock()
    wire.faults.extend([fault, fault])
    with through(wire, clock) as far:
        receipt = far.record(note(of, "Once."))
    assert [one.position for one in notes_on(client, of)] == [receipt.first_position]
    assert len(clock.waits) == 2
    keys = {line for head in wire.heads for line in head.splitlines() if line.lower().startswith("idempotency-key")}
    assert (len(wire.heads), len(keys)) == (3, 1)


def test_an_asynchronous_client_records_once_too(client: Client, wire: Wire) -> None:
    of = client.record(organization(new("lost"))).events[0].id
    clock = Clock()
    wire.faults.append("answer")

    async def record() -> list[str]:
        async with AsyncClient(wire.address, TOKEN, sleep=clock.sleep_async) as far:
            await far.record(note(of, "Once."))
            found = await far.event(far.position)
            return [found.id] + [one.id async for one in far.events(type="event-annotated") if one.id == found.id]

    first, *again = asyncio.run(record())
    assert [one.id for one in notes_on(client, of)] == [first] == again
    assert len(clock.waits) == 1


def test_what_never_gets_through_names_its_key(wire: Wire) -> None:
    clock = Clock()
    wire.faults.extend(["request"] * 3)
    with through(wire, clock, patience=Patience(attempts=3)) as far, pytest.raises(Unreached) as raised:
        far.record(organization(new("never")), idempotency_key="my-key-1")
    assert raised.value.idempotency_key == "my-key-1"
    assert len(wire.heads) == 3


def test_what_could_be_done_twice_is_not_sent_again(client: Client, wire: Wire) -> None:
    wire.faults.append("answer")
    url = f"https://buying.example/{new('hook')}"
    with through(wire, Clock()) as far, pytest.raises(Unreached):
        far.create_webhook(url)
    (made,) = [one for one in client.webhooks().webhooks if one.url == url]
    client.remove_webhook(made.id)


def answer(status: str, *headers: str, body: str = "") -> bytes:
    """An answer of HTTP as it goes over the wire."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close", *headers)
    return "\r\n".join((*lines, "", body)).encode()


BUSY = '{"type": "/problems/unavailable", "title": "Busy", "status": 503, "detail": "later"}'


def test_a_busy_service_is_asked_again_when_it_says(client: Client, wire: Wire) -> None:
    clock = Clock()
    busy = answer("503 Service Unavailable", "Retry-After: 7", body=BUSY)
    wire.answers.extend([busy, answer("429 Too Many Requests", "Retry-After: 2")])
    with through(wire, clock) as far:
        assert far.version().daybook == client.version().daybook
    assert clock.waits == [7, 2]


def test_a_wait_beyond_ones_patience_is_refused(wire: Wire) -> None:
    clock = Clock()
    wire.answers.append(answer("503 Service Unavailable", "Retry-After: 60", body=BUSY))
    with through(wire, clock, patience=Patience(longest_wait_s=30)) as far, pytest.raises(Unavailable, match="later"):
        far.version()
    assert clock.waits == []


def test_something_else_in_the_place_of_the_service_is_said(wire: Wire) -> None:
    wire.answers.extend([answer("404 Not Found", body="<html>"), answer("200 OK", body="<html>")])
    with through(wire, Clock()) as far:
        for _ in range(2):
            with pytest.raises(NotUnderstood, match=r"html|JSON"):
                far.version()


def test_waits_grow_and_end() -> None:
    attempts = Attempts(Patience(attempts=5, first_wait_s=1, longest_wait_s=3, chance=lambda: 1.0), repeatable=True)
    assert [attempts.wait_after_loss(sent=True) for _ in range(5)] == [1, 2, 3, 3, None]
    once = Attempts(Patience(), repeatable=False)
    assert once.wait_after(502, {}) is None
    assert once.wait_after(503, {}) is not None


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("0", 0, 0),
        ("120", 120, 120),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0, 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 1e9, 3e9),
    ],
)
def test_retry_after_is_seconds_or_a_moment(header: str, least: float, most: float) -> None:
    found = retry_after_s({"retry-after": header})
    assert found is not None
    assert least <= found <= most
    assert retry_after_s({"retry-after": "soon"}) is None


# Reading events


def test_events_are_read_page_by_page_and_line_by_line(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    start = client.record([organization(new("many")) for _ in range(7)]).first_position - 1
    monkeypatch.setattr("service.client.streams.PAGE_EVENTS", 3)
    expected = list(range(start + 1, start + 8))
    assert [one.position for one in client.events(start)] == expected
    assert [one.position for one in client.events(start, most=5)] == expected[:5]
    assert [one.position for one in client.stream_events(start)] == expected
    assert list(client.events(start, type="order-placed")) == []


def test_lists_of_one_thing_are_read_through_all_pages(client: Client) -> None:
    identifier, vendor = new("often"), new("vendor")
    client.record([organization(identifier), organization(vendor)])
    changes = [f"Name {number}" for number in range(6)]
    for name in changes:
        client.happen("organizations", identifier, "changes", name=name, effective_on="2024-02-01")
    events = list(client.history_events("organizations", identifier, limit=2))
    assert [event.data.get("name") for event in events] == [identifier.title(), *changes]
    numbers = sorted(new("page") for _ in range(5))
    for number in numbers:
        line = {"line": "1", "product_id": None, "quantity": "1", "amount": "1"}
        fact = {"buyers": [identifier], "vendor_id": vendor, "currency": "EUR", "lines": [line]}
        client.begin("orders", order_id=number, effective_on="2024-03-01", known_on="2024-03-01", **fact)
    asked: Any = {"buyer": identifier, "key": vendor, "currency": "EUR", "known_on": "2024-12-31", "limit": 2}
    assert sorted(one["order_id"] for one in client.contributions(**asked)) == numbers

    async def read() -> tuple[list[Any], list[Any]]:
        async with AsyncClient(client._connection.address, TOKEN) as far:
            contributions = [one async for one in far.contributions(**asked)]
            return contributions, [one async for one in far.history_events("organizations", identifier, limit=3)]

    assert asyncio.run(read()) == (list(client.contributions(**asked)), events)


def test_a_broken_stream_of_events_goes_on_where_it_was(client: Client, wire: Wire) -> None:
    start = client.record([organization(new("line")) for _ in range(40)]).first_position - 1
    wire.faults.extend([2_000, 5_000])
    with through(wire, Clock()) as far:
        assert [one.position for one in far.stream_events(start)] == list(range(start + 1, start + 41))
    assert len(wire.heads) == 3


def test_a_listener_misses_nothing_when_its_connection_breaks(client: Client, wire: Wire) -> None:
    start = client.record(organization(new("heard"))).last_position
    clock = Clock()
    with through(wire, clock) as far:
        heard = far.listen(start, type=["organization-registered"])
        positions = []
        for _ in range(3):
            client.record([organization(new("heard")), organization(new("heard"))])
            positions += [one.position for one in islice(heard, 2)]
            wire.cut()
        heard.close()  # type: ignore[attr-defined]
    assert positions == list(range(start + 1, start + 7))
    asked = [head for head in wire.heads if "/events/stream" in head]
    assert len(asked) == 3
    assert f"Last-Event-ID: {start + 2}".lower() in asked[1].lower()


def test_an_asynchronous_listener_hears_the_same(client: Client, wire: Wire) -> None:
    start = client.record(organization(new("heard"))).last_position
    clock = Clock()

    async def listen() -> list[int]:
        heard: list[int] = []
        async with AsyncClient(wire.address, TOKEN, sleep=clock.sleep_async) as far:
            await far.record([organization(new("heard")) for _ in range(2)])
            events = far.listen(start)
            async for one in events:
                heard.append(one.position)
                if len(heard) == 2:
                    wire.cut()
                    await far.record(organization(new("heard")))
                if len(heard) == 3:
                    await events.aclose()  # type: ignore[attr-defined]
                    return heard
        raise AssertionError(heard)

    assert asyncio.run(listen()) == [start + 1, start + 2, start + 3]


# Refusals


def test_refusals_are_exceptions_that_say_what_is_wrong_where(client: Client) -> None:
    identifier = new("known")
    client.record(organization(identifier))
    with pytest.raises(Conflict, match="is registered already") as conflict:
        client.record(organization(identifier, "Another"))
    assert (conflict.value.name, conflict.value.faults[0].pointer) == ("rejected", "/data/organization_id")
    assert conflict.value.faults[0].line == 1
    with pytest.raises(Invalid) as invalid:
        client.begin("organizations", organization_id="no good", name="X", country="DE", effective_on="2024")
    assert [fault.pointer for fault in invalid.value.faults] == ["/organization_id"]
    with pytest.raises(NotFound):
        client.organization(new("nobody"))
    with pytest.raises(Invalid, match="unknown organization"):
        client.vendor_dependence(buyer=new("nobody"))


def test_a_change_on_a_condition_that_no_longer_holds_is_refused(client: Client) -> None:
    identifier = new("moving")
    client.record(organization(identifier))
    client.happen("organizations", identifier, "changes", name="New", effective_on="2024-02-01", if_match=1)
    with pytest.raises(Changed) as changed:
        client.happen("organizations", identifier, "changes", name="Other", effective_on="2024-02-02", if_match='"1"')
    assert changed.value.name == "precondition-failed"
    assert changed.value.request_id is not None
    assert client.organization(identifier).name == "New"


def test_a_wrong_token_is_said(client: Client) -> None:
    with Client(client._connection.address, "daybook_wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.events_page()


def test_what_is_not_exact_is_not_sent(client: Client) -> None:
    with pytest.raises(TypeError, match=r"0\.1 is no value of an event"):
        client.begin("exchange-rates", base="EUR", rates={"USD": 0.1}, effective_on="2024-01-01")


def test_both_clients_have_the_same_verbs() -> None:
    def verbs(kind: type) -> dict[str, Callable[..., Any]]:
        return {name: value for name, value in vars(kind).items() if callable(value) and not name.startswith("_")}

    blocking, awaiting = verbs(Client), verbs(AsyncClient)
    assert blocking.keys() == awaiting.keys()
    for name, verb in blocking.items():
        said = inspect.signature(awaiting[name]).parameters
        assert [one for one in inspect.signature(verb).parameters if one != "sleep"] == [
            one for one in said if one != "sleep"
        ]
