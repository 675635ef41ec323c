"""What an event names must be on record, or come before it in the same batch."""

from typing import Any

import pytest

from domain.errors import Invalid
from tests.domain.refusals import refuses
from tests.ledgers import Event, line, market, request

ORGANIZATION = {"organization_id": "baidu", "name": "Baidu", "country": "CN"}
PRODUCT = {"product_id": "h20", "name": "H20", "vendor_id": "nvidia", "category": "accelerator"}
PARTNERS = {"partnership_id": "p", "parties": ["baidu", "huawei"], "kind": "development", "scope": "chips"}
SUPPLY = {"assertion_id": "s", "buyer_id": "baidu", "vendor_id": "nvidia", "statement": "relies on it"}


def order(**changes: Any) -> Event:
    """The data of an order."""
    about = {"buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD", "lines": [line("1600", "450000000")]}
    return {"order_id": "po-1", **about, **changes}


UNKNOWN: dict[str, list[tuple[Event, str, str]]] = {
    "order-placed": [
        (order(buyers=["baidu", "bytedance"]), "/buyers/1", "unknown organization bytedance"),
        (order(vendor_id="amd"), "/vendor_id", "unknown organization amd"),
        (order(lines=[line("1"), line("1", None, "h20", "2")]), "/lines/1/product_id", "unknown product h20"),
    ],
    "order-amended": [
        ({"order_id": "po-9", "lines": [line("1")]}, "/order_id", "unknown order po-9"),
    ],
    "goods-received": [
        ({"order_id": "po-9", "receipts": [{"line": "1", "quantity": "1"}]}, "/order_id", "unknown order po-9"),
    ],
    "goods-returned": [
        ({"order_id": "po-9", "returns": [{"line": "1", "quantity": "1"}]}, "/order_id", "unknown order po-9"),
    ],
    "order-allocated": [
        ({"order_id": "po-9", "allocations": [{"buyer_id": "baidu", "share": "1"}]}, "/order_id", "unknown order po-9"),
    ],
    "order-cancelled": [
        ({"order_id": "po-9", "reason": "barred"}, "/order_id", "unknown order po-9"),
    ],
    "organization-registered": [
        (ORGANIZATION | {"organization_id": "du", "parent_id": "nobody"}, "/parent_id", "unknown organization nobody"),
    ],
    "organization-changed": [
        ({"organization_id": "nobody", "name": "Nobody"}, "/organization_id", "unknown organization nobody"),
        ({"organization_id": "baidu", "parent_id": "nobody"}, "/parent_id", "unknown organization nobody"),
    ],
    "product-registered": [
        (PRODUCT | {"vendor_id": "amd"}, "/vendor_id", "unknown organization amd"),
    ],
    "product-changed": [
        ({"product_id": "h20", "name": "H20"}, "/product_id", "unknown product h20"),
        ({"product_id": "a800", "vendor_id": "amd"}, "/vendor_id", "unknown organization amd"),
    ],
    "supply-asserted": [
        (SUPPLY | {"buyer_id": "bytedance"}, "/buyer_id", "unknown organization bytedance"),
        (SUPPLY | {"vendor_id": "amd"}, "/vendor_id", "unknown organization amd"),
        (SUPPLY | {"lines": [line("1", None, "h20")]}, "/lines/0/product_id", "unknown product h20"),
    ],
    "partnership-formed": [
        (PARTNERS | {"parties": ["baidu", "amd"]}, "/parties/1", "unknown organization amd"),
    ],
    "partnership-changed": [
        ({"partnership_id": "p", "kind": "x"}, "/partnership_id", "unknown partnership p"),
    ],
    "partnership-ended": [
        ({"partnership_id": "p"}, "/partnership_id", "unknown partnership p"),
    ],
    "regulation-amended": [
        ({"regulation_id": "ear", "citation": "x", "rules": []}, "/regulation_id", "unknown regulation ear"),
    ],
    "regulation-suspended": [
        ({"regulation_id": "ear"}, "/regulation_id", "unknown regulation ear"),
    ],
    "regulation-resumed": [
        ({"regulation_id": "ear"}, "/regulation_id", "unknown regulation ear"),
    ],
    "regulation-repealed": [
        ({"regulation_id": "ear"}, "/regulation_id", "unknown regulation ear"),
    ],
    "licence-granted": [
        ({"regulation_id": "ear", "licence_id": "l", "products": ["a800"]}, "/regulation_id", "unknown regulation ear"),
    ],
    "licence-revoked": [
        ({"regulation_id": "ear", "licence_id": "l"}, "/regulation_id", "unknown regulation ear"),
    ],
    "event-retracted": [
        ({"retracts": "e99", "reason": "wrong"}, "/retracts", "unknown event e99"),
    ],
    "event-annotated": [
        ({"annotates": "e99", "note": "see page 4"}, "/annotates", "unknown event e99"),
    ],
}


@pytest.mark.parametrize(
    ("event_type", "data", "pointer", "message"),
    [(event_type, *row) for event_type, rows in UNKNOWN.items() for row in rows],
)
def test_what_an_event_names_must_be_on_record(event_type: str, data: Event, pointer: str, message: str) -> None:
    book = market()
    with refuses(book, Invalid, f"/data{pointer}", message):
        book.record([request(event_type, "2023-08-31", data)])


def test_a_cancellation_names_an_instrument_on_record() -> None:
    book = market()
    book.order("po-1", "2023-08-31", [line("1600")])
    with refuses(book, Invalid, "/data/regulation_id", "unknown regulation ear"):
        book.record(
            [request("order-cancelled", "2023-11", {"order_id": "po-1", "reason": "x", "regulation_id": "ear"})]
        )


def test_what_an_event_names_may_come_before_it_in_the_same_batch() -> None:
    book = market()
    product = request("product-registered", "2023-11", PRODUCT)
    ordered = request("order-placed", "2023-11", order(lines=[line("1", None, "h20")]))
    with refuses(book, Invalid, "/data/lines/0/product_id", "unknown product h20", index=0):
        book.record([ordered, product])
    assert [event["type"] for event in book.record([product, ordered])] == ["product-registered", "order-placed"]
