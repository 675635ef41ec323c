"""Requests decided together: each sees those before it, and all are recorded or none."""

from collections.abc import Iterator
from itertools import count

import pytest

from domain.catalogue import read_request
from domain.errors import Refusal
from domain.events import Request
from domain.ledger import Batch
from tests.ledgers import CODES, TODAY, Book, Event, line, market, request


def read(*sent: Event) -> list[Request]:
    """Requests as the ledger takes them."""
    return [read_request(each, CODES) for each in sent]


def placed(order_id: str) -> Event:
    """A request to place an order under its own id."""
    about = {"buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD", "lines": [line("10", "1000")]}
    return request("order-placed", "2023-08-31", {"order_id": order_id, **about}, id=f"{order_id}-placed")


def returned(order_id: str, quantity: str) -> Event:
    """A request to give goods back."""
    back = {"line": "1", "quantity": quantity}
    return request("goods-returned", "2023-11-01", {"order_id": order_id, "returns": [back]})


def received(order_id: str, quantity: str) -> Event:
    """A request to record a receipt."""
    arrived = {"line": "1", "quantity": quantity}
    return request("goods-received", "2023-10-01", {"order_id": order_id, "receipts": [arrived]})


def names() -> Iterator[str]:
    """Ids for events whose sender gave none."""
    return (f"new-{number}" for number in count(1))


@pytest.fixture
def book() -> Book:
    """The market, and order po-1."""
    book = market()
    book.record([placed("po-1")])
    return book


@pytest.fixture
def batch(book: Book) -> Batch:
    """An empty batch on the book."""
    ids = names()
    return Batch(book, TODAY, lambda: next(ids))


def test_each_request_sees_those_before_it(batch: Batch) -> None:
    batch.add(read(placed("po-2"), received("po-2", "4"), received("po-2", "6"), returned("po-2", "10")))
    assert [(draft.stream, draft.version) for draft in batch.drafts] == [("order/po-2", n) for n in (1, 2, 3, 4)]
    quantities = [draft.data["receipts"][0]["quantity"] for draft in batch.drafts[1:3]]
    assert quantities == ["4", "6"]


def test_versions_go_on_from_what_is_recorded(batch: Batch) -> None:
    batch.add(read(received("po-1", "4"), placed("po-2"), received("po-1", "6")))
    versions = [(draft.stream, draft.version) for draft in batch.drafts]
    assert versions == [("order/po-1", 2), ("order/po-2", 1), ("order/po-1", 3)]


def test_one_refused_request_takes_all_of_its_own_with_it_and_says_which(batch: Batch) -> None:
    with pytest.raises(Refusal, match="5 returned of line 1, 4 received") as caught:
        batch.add(read(placed("po-2"), received("po-2", "4"), returned("po-2", "5"), placed("po-3")))
    assert caught.value.index == 2
    assert batch.drafts == []


def test_what_was_added_before_stays_when_a_later_addition_is_refused(batch: Batch) -> None:
    batch.add(read(received("po-1", "4")))
    with pytest.raises(Refusal):
        batch.add(read(received("po-1", "6"), returned("po-1", "10"), returned("po-1", "1")))
    # As if the second had never been: 4 received, version 3 next, and its ids are free.
    with pytest.raises(Refusal, match="5 returned of line 1, 4 received"):
        batch.add(read(returned("po-1", "5")))
    batch.add(read(returned("po-1", "4")))
    assert [(draft.type, draft.version) for draft in batch.drafts] == [("goods-received", 2), ("goods-returned", 3)]


def test_the_id_of_a_refused_request_stays_free(batch: Batch) -> None:
    with pytest.raises(Refusal):
        batch.add(read(placed("po-2"), returned("po-2", "1")))
    (outcome,) = batch.add(read(placed("po-2")))
    assert [draft.id for draft in outcome.drafts] == ["po-2-placed"]


def test_a_stream_refused_at_its_beginning_has_not_begun(batch: Batch) -> None:
    with pytest.raises(Refusal):
        batch.add(read(placed("po-2"), placed("po-1") | {"id": "other"}))
    with pytest.raises(Refusal, match="unknown order po-2"):
        batch.add(read(received("po-2", "1")))
    assert batch.state("order/po-2") is None


def test_an_event_without_an_id_is_given_one_and_known_today(batch: Batch) -> None:
    batch.add(read(received("po-1", "1")))
    (draft,) = batch.drafts
    assert (draft.id, draft.known_on, draft.basis) == ("new-1", TODAY, "reported")


def test_a_retraction_in_a_batch_is_seen_by_what_follows(batch: Batch) -> None:
    retraction = request("event-retracted", "2024-01-01", {"retracts": "po-1-placed", "reason": "wrong"})
    batch.add(read(received("po-1", "4"), retraction, placed("po-1") | {"id": "anew"}, received("po-1", "5")))
    assert [draft.type for draft in batch.drafts] == [
        "goods-received",
        "event-retracted",
        "event-retracted",
        "order-placed",
        "goods-received",
    ]
    assert [draft.version for draft in batch.drafts] == [2, 3, 4, 5, 6]
