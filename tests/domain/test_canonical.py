"""The bytes that are stored, exported and hashed: RFC 8785, held against a golden file and a second implementation.

The golden file holds a ledger with every type of event. Its bytes never change: ledgers hold such bytes for good.
"""

from pathlib import Path
from typing import Any

import pytest

from domain.catalogue import EVENT_TYPES, read_stored
from domain.events import canonical
from domain.json_text import parse_json
from tests.ledgers import Book, Event, line, request

GOLDEN = Path(__file__).parent.parent / "golden" / "stored-events.ndjson"
STORED = GOLDEN.read_bytes().splitlines()

#: Everything that JSON escapes or might: quotes, backslash, controls, DEL, line separators, beyond 16 bits.
AWKWARD = 'He said "1,600"\\ \b\t\n\f\r\x01\x1f\x7f\u2028\u2029é 昇腾 🐉 \ufffd </script>'

ORGANIZATIONS: list[Event] = [
    {"organization_id": "nvidia", "name": "NVIDIA Corporation", "country": "US", "parent_id": None},
    {
        "organization_id": "baidu",
        "name": "Baidu, Inc.",
        "country": "CN",
        "names": {"zh": "百度", "de-CH": "Baidu", "en": AWKWARD},
        "identifiers": [{"scheme": "LEI", "id": "549300P0A38YEGCQF126"}],
    },
    {"organization_id": "kunlunxin", "name": "Kunlunxin", "country": "CN", "parent_id": "baidu"},
]
ATTRIBUTES = {
    "tpp": {"value": "6016", "low": "4480", "high": "6400"},
    "Density": None,
    "datacentre": True,
    "tpp-2": "0.000001",
    "node": {"text": "N+2 中芯"},
}
PRODUCT = {
    "product_id": "kunlun-2",
    "name": "Kunlun 2",
    "vendor_id": "kunlunxin",
    "category": "accelerator",
    "attributes": ATTRIBUTES,
    "foundry": "Samsung",
}
LINES = [
    line("1600", "450000000", "kunlun-2") | {"deliver_by": "2023"},
    line({"value": "3", "high": "4"}, None, None, "cables"),
]
REGULATION = {
    "regulation_id": "ear-744",
    "jurisdiction": "US",
    "authority": "BIS",
    "title": "Advanced computing rule",
    "citation": "87 FR 62186",
}
RULE = {
    "rule_id": "3a090",
    "effect": "prohibited",
    "destinations": ["CN", "HK"],
    "when": {
        "any": [
            {"attribute": "tpp", "op": ">=", "value": "4800"},
            {"not": {"all": [{"attribute": "node", "op": "!=", "value": {"text": "N+2 中芯"}}]}},
        ]
    },
}


def every_type() -> Book:
    """A ledger with every type of event, full of corners."""
    book = Book()
    order, ear, paddle = {"order_id": "po-1"}, {"regulation_id": "ear-744"}, {"partnership_id": "paddle"}
    licence = ear | {"licence_id": "veu-1"}
    placed = order | {"buyers": ["baidu", "kunlunxin"], "vendor_id": "nvidia", "currency": "CNY", "lines": LINES}
    further = {"changes": [{"line": "1", "quantity": "-0.5"}], "lines": [line(None, "1", None, "2")]}
    shares = [{"buyer_id": "baidu", "share": {"value": "0.6", "low": "0.5"}}]
    supply = {"assertion_id": "in-use", "buyer_id": "baidu", "vendor_id": "kunlunxin", "statement": AWKWARD}
    source = {"citation": AWKWARD, "url": "https://example.com/?a=1&b=2", "quote": "“1,600”", "sha256": "0f" * 32}

    for data in ORGANIZATIONS:
        book.say("organization-registered", "2000", data, known_on="2017-01-01", id=f"{data['organization_id']}:1")
    book.say("organization-changed", "2021", {"organization_id": "kunlunxin", "parent_id": None}, basis="assumed")
    book.say("product-registered", "2021-08-18", PRODUCT, source=source)
    book.say("product-changed", "2022-01", {"product_id": "kunlun-2", "attributes": {"tpp": "512"}}, basis="estimated")
    book.say("order-placed", "2023-08", placed, known_on="2023-11-07", id="placed", source={"citation": "Reuters"})
    book.say("order-amended", "../2023-09-15", order | further, known_on="2023-11-07")
    book.receive("po-1", "2023-10", {"line": "1", "quantity": {"value": "1000", "low": "961"}}, id="received")
    book.give_back("po-1", "2023-11-01", {"line": "1", "quantity": "0.25", "amount": "10"})
    book.say("order-allocated", "2023-11-02", order | {"allocations": shares})
    book.say("order-cancelled", "2023-11-17", order | {"reason": AWKWARD})
    book.say("supply-asserted", "2020", supply | {"currency": "USD", "lines": [line("5", "6.5", "kunlun-2")]})
    book.say(
        "partnership-formed",
        "2020-06",
        paddle | {"parties": ["baidu", "nvidia"], "kind": "joint development", "scope": "PaddlePaddle on Ascend"},
    )
    book.say("partnership-changed", "2021-06-01", paddle | {"scope": "training"})
    book.say("partnership-ended", "2023-06-01", paddle | {"reason": "run out"})
    enacted = REGULATION | {"rules": [RULE], "until": "2027-01"}
    book.say("regulation-enacted", "2022-10-21", enacted, known_on="2022-10-07")
    book.say("regulation-amended", "2023-11-17", ear | {"citation": "88 FR 73458", "rules": []}, id="amended")
    book.say("regulation-suspended", "2023-12-01", ear | {"until": "2023-12-31", "reason": "stay"})
    book.say("regulation-resumed", "2023-12-15", ear)
    book.say("licence-granted", "2023-10-17", licence | {"buyers": ["baidu"], "until": "2024"})
    book.say("licence-revoked", "2024-01-01", licence)
    book.say("regulation-repealed", "2025-05-13", ear, id="repealed")
    book.say("exchange-rates-published", "2023-08-09", {"base": "EUR", "rates": {"USD": "1.0968", "CNY": "7.903"}})
    book.say("event-annotated", "2023-11-08", {"annotates": "placed", "note": AWKWARD})
    book.retract("repealed", known_on="2025-06-01", id="slip")
    data = {"regulation_id": "ear-744", "reason": "the notice was corrected"}
    book.record([request("regulation-repealed", "2025-05-14", data, corrects="repealed")])
    book.retract("placed")
    return book


def test_the_ledger_holds_every_type() -> None:
    assert {parse_json(stored)["type"] for stored in STORED} == EVENT_TYPES.keys()


def test_events_are_recorded_in_the_same_bytes_as_ever() -> None:
    assert [canonical(event) for event in every_type().events] == STORED


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: parse_json(stored)["type"])
def test_bytes_are_read_and_written_back_unchanged(stored: bytes) -> None:
    event = read_stored(parse_json(stored))
    assert event.stored is not None
    assert canonical(event.stored) == stored


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: parse_json(stored)["type"])
def test_a_second_implementation_of_rfc_8785_writes_the_same(stored: bytes) -> None:
    assert jcs(parse_json(stored)).encode() == stored


def test_what_was_recorded_can_be_sent_again() -> None:
    """Stored events without what the ledger adds are requests, and record the same once more."""
    added = {"v", "position", "stream", "version", "recorded_at", "causation_id"}
    events: list[Event] = [parse_json(stored) for stored in STORED]
    # What came along with a retraction comes along again.
    requests = [
        {name: value for name, value in event.items() if name not in added}
        for event in events
        if "causation_id" not in event
    ]
    book = Book()
    for sent in requests:
        book.record([sent])
    assert [event["data"] for event in book.events] == [event["data"] for event in events]


SHORT_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def jcs(value: Any) -> str:
    """RFC 8785, section by section, for what events hold: no number but whole ones."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(map(escaped, value)) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    # 3.2.3: names sorted as arrays of UTF-16 code units.
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(f"{jcs(name)}:{jcs(value[name])}" for name in names) + "}"


def escaped(character: str) -> str:
    """3.2.2.2: the short escapes, \\u00xx for other controls, everything else as it is."""
    if character in SHORT_ESCAPES:
        return SHORT_ESCAPES[character]
    return f"\\u{ord(character):04x}" if character < " " else character
