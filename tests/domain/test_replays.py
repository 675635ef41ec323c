"""An event sent again under its id: the first answer where it says the same, a conflict where it does not."""

from datetime import date
from typing import Any

import pytest

from domain.errors import Conflict, Invalid, Rejected
from domain.lots import Outcome
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, line, market, request

PLACED = request(
    "order-placed",
    "2023-08-31",
    {
        "order_id": "po-1",
        "buyers": ["baidu", "tencent"],
        "vendor_id": "nvidia",
        "currency": "USD",
        "lines": [line({"value": "1000", "low": "961", "high": "1000"}, "450000000"), line("3", "100", None, "2")],
    },
    id="placed",
    known_on="2023-11-07",
    basis="estimated",
    source={"citation": "Reuters", "url": "https://www.reuters.com"},
)


@pytest.fixture
def book() -> Book:
    """One order, sent with an id."""
    book = market()
    book.record([PLACED])
    return book


def again(**changes: Any) -> Event:
    """The request once more; a change of `...` leaves the field out."""
    return {name: value for name, value in (PLACED | changes).items() if value is not ...}


def with_data(**changes: Any) -> Event:
    """The request once more, with other data."""
    return again(data=PLACED["data"] | changes)


def replayed(outcomes: list[Outcome]) -> list[tuple[list[str], list[str]]]:
    """Per request the ids of what it recorded and of what it had recorded before."""
    return [([draft.id for draft in outcome.drafts], [event.id for event in outcome.replayed]) for outcome in outcomes]


def test_the_same_again_records_nothing(book: Book) -> None:
    before = list(book.events)
    assert replayed(book.decide([PLACED])) == [([], ["placed"])]
    assert book.events == before


@pytest.mark.parametrize(
    "sent",
    [
        again(known_on=...),
        again(basis=...),
        again(source=...),
        again(source={"citation": "Reuters"}),
        again(data={name: PLACED["data"][name] for name in reversed(PLACED["data"])}),
        with_data(lines=[line({"value": "1000"}, "450000000"), line("3", "100", None, "2")]),
    ],
)
def test_it_is_the_same_where_every_field_sent_equals_the_stored_one(book: Book, sent: Event) -> None:
    assert replayed(book.decide([sent])) == [([], ["placed"])]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (again(effective_on="2023-08"), "effective_on"),
        (again(known_on="2023-11-08"), "known_on"),
        (again(basis="reported"), "basis"),
        (again(source={"citation": "Reuters", "quote": "1,600"}), "source"),
        (again(source={"citation": "The Information"}), "source"),
        (again(corrects="placed"), "corrects"),
        (with_data(buyers=["tencent", "baidu"]), "data"),
        (with_data(buyers=["baidu"]), "data"),
        (with_data(lines=[line("1000", "450000000"), line("3", "100", None, "2")]), "data"),
        (with_data(lines=[*PLACED["data"]["lines"], line("1", name="3")]), "data"),
        (with_data(lines=[PLACED["data"]["lines"][0], line("3.0", "100", None, "2")]), "data"),
        (request("order-cancelled", "2023-08-31", {"order_id": "po-1", "reason": "x"}, id="placed"), "type"),
    ],
)
def test_another_content_under_the_id_is_a_conflict(book: Book, sent: Event, field: str) -> None:
    with refuses(book, Conflict, f"/{field}", f"placed is recorded already with another {field}"):
        book.record([sent])


def test_the_same_without_an_id_is_another_event(book: Book) -> None:
    cancelled = request("order-cancelled", "2023-11-17", {"order_id": "po-1", "reason": "barred"})
    book.record([cancelled])
    with refuses(book, Rejected, "/data/order_id", "po-1 is cancelled already, on 2023-11-17"):
        book.record([cancelled])
    with refuses(book, Rejected, "/data/order_id", "order/po-1 is registered already"):
        book.record([again(id=...)])


def test_a_replay_is_found_before_the_ledger_is_asked(book: Book) -> None:
    # Neither what became of the order nor a clock that was set back changes what was recorded.
    book.cancel("po-1", "2023-11-17")
    book.retract("placed")
    book.today = date(2023, 1, 1)
    assert replayed(book.decide([PLACED])) == [([], ["placed"])]


def test_a_receipt_without_an_amount_is_not_one_with_an_amount(book: Book) -> None:
    sent = request(
        "goods-received",
        "2023-10-01",
        {"order_id": "po-1", "receipts": [{"line": "2", "quantity": "1"}]},
        id="received",
    )
    (event,) = book.record([sent])
    assert event["data"] == sent["data"]
    assert replayed(book.decide([sent])) == [([], ["received"])]
    for amount in (None, "33.3333"):
        other = {"order_id": "po-1", "receipts": [{"line": "2", "quantity": "1", "amount": amount}]}
        with refuses(book, Conflict, "/data", "received is recorded already with another data"):
            book.record([sent | {"data": other}])


def test_of_a_batch_only_what_is_new_is_recorded(book: Book) -> None:
    cancelled = request("order-cancelled", "2023-11-17", {"order_id": "po-1", "reason": "barred"}, id="over")
    assert replayed(book.decide([PLACED, cancelled, cancelled])) == [([], ["placed"]), (["over"], []), ([], ["over"])]
    assert [event["id"] for event in book.events[-2:]] == ["placed", "over"]


def test_one_id_names_one_event_in_a_batch(book: Book) -> None:
    first = request("organization-changed", "2023-11-17", {"organization_id": "baidu", "name": "Baidu"}, id="renamed")
    other = first | {"data": {"organization_id": "baidu", "name": "Baidu, Inc."}}
    with refuses(book, Conflict, "/data", "renamed is recorded already with another data", index=1):
        book.record([first, other])


def test_a_placing_that_took_others_along_answers_with_them_again(book: Book) -> None:
    book.receive("po-1", "2023-10-01", {"line": "1", "quantity": "1"}, id="received")
    retraction = request("event-retracted", "2024-01-01", {"retracts": "placed", "reason": "wrong"}, id="slip")
    ((recorded, before), *more) = replayed(book.decide([retraction, retraction]))
    assert (recorded[0], len(recorded), before) == ("slip", 2, [])
    assert more == [([], recorded)]
    assert replayed(book.decide([retraction])) == [([], recorded)]


def test_a_replay_is_well_formed(book: Book) -> None:
    with refuses(book, Invalid, "/data/currency", "'RMB' is not an ISO 4217 currency code"):
        book.record([with_data(currency="RMB")])
