"""Decisions about instruments: enacted once, changed until repealed, and never over before they begin."""

from typing import Any

import pytest

from domain.errors import Invalid, Rejected
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, market, request

RULE = {"rule_id": "3a090", "effect": "prohibited", "destinations": ["CN"]}
ENACTED = {
    "regulation_id": "ear-744",
    "jurisdiction": "US",
    "authority": "BIS",
    "title": "Advanced computing rule",
    "citation": "87 FR 62186",
    "rules": [RULE],
}
EAR: Event = {"regulation_id": "ear-744"}
AMENDED = EAR | {"citation": "88 FR 73458", "rules": []}
LICENCE = EAR | {"licence_id": "veu-1", "destinations": ["CN"]}


@pytest.fixture
def book() -> Book:
    """The rule of October 2022, announced a fortnight before it applied."""
    book = market()
    book.say("regulation-enacted", "2022-10-21", ENACTED, known_on="2022-10-07")
    return book


def test_an_instrument_is_enacted_once(book: Book) -> None:
    with refuses(book, Rejected, "/data/regulation_id", "regulation/ear-744 is registered already"):
        book.say("regulation-enacted", "2023-01-01", ENACTED)


@pytest.mark.parametrize(
    ("event_type", "data", "effective_on", "until"),
    [
        ("regulation-enacted", ENACTED | {"regulation_id": "chip-act"}, "2022-10-21", "2022-10-20"),
        ("regulation-enacted", ENACTED | {"regulation_id": "chip-act"}, "2022-10-21", "2021"),
        ("regulation-enacted", ENACTED | {"regulation_id": "chip-act"}, "2022-10", "2022-09"),
        ("regulation-enacted", ENACTED | {"regulation_id": "chip-act"}, "../2022-10-21", "2022-10-20"),
        ("regulation-amended", AMENDED, "2023-11-17", "2023-11-16"),
        ("regulation-suspended", EAR, "2023-11-17", "2023-10"),
        ("licence-granted", LICENCE, "2023-11-17", "2022"),
    ],
)
def test_nothing_is_over_before_it_begins(
    book: Book, event_type: str, data: Event, effective_on: str, until: str
) -> None:
    with refuses(book, Invalid, "/data/until", f"{until} is before the start, {effective_on}"):
        book.say(event_type, effective_on, data | {"until": until})


@pytest.mark.parametrize(
    ("effective_on", "until"),
    [("2023-11-17", "2023-11-17"), ("2023-11-17", "2023-11"), ("2023-11-17", "2023"), ("2023-11", "2023-11-01")],
)
def test_one_day_is_time_enough(book: Book, effective_on: str, until: str) -> None:
    assert book.say("regulation-suspended", effective_on, EAR | {"until": until})


def test_the_last_day_has_a_beginning(book: Book) -> None:
    message = "'../2024-01-01' has no beginning: use YYYY-MM-DD, YYYY-MM or YYYY"
    with refuses(book, Invalid, "/data/until", message):
        book.say("regulation-suspended", "2023-11-17", EAR | {"until": "../2024-01-01"})


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("regulation-amended", AMENDED),
        ("regulation-suspended", EAR),
        ("regulation-resumed", EAR),
        ("regulation-repealed", EAR),
        ("licence-granted", LICENCE),
        ("licence-revoked", EAR | {"licence_id": "veu-1"}),
    ],
)
def test_a_repealed_instrument_does_not_change_any_more(book: Book, event_type: str, data: Event) -> None:
    book.say("regulation-repealed", "2025-05-13", EAR)
    message = "ear-744 was repealed (2025-05-13) and cannot change any more"
    # Not even as of a day before the repeal.
    with refuses(book, Rejected, "/data/regulation_id", message):
        book.say(event_type, "2023-01-01", data)


def test_a_repealed_instrument_is_not_enacted_again(book: Book) -> None:
    book.say("regulation-repealed", "2025-05-13", EAR)
    with refuses(book, Rejected, "/data/regulation_id", "regulation/ear-744 is registered already"):
        book.say("regulation-enacted", "2025-06-01", ENACTED)


def test_a_repeal_retracted_lets_the_instrument_change_again(book: Book) -> None:
    repealed = book.say("regulation-repealed", "2025-05-13", EAR)
    book.retract(repealed["id"])
    assert book.say("regulation-amended", "2025-06-01", AMENDED)


def test_a_licence_is_revoked_where_it_was_granted(book: Book) -> None:
    with refuses(book, Invalid, "/data/licence_id", "ear-744 has no licence veu-1"):
        book.say("licence-revoked", "2024-01-01", EAR | {"licence_id": "veu-1"})
    book.say("licence-granted", "2023-10-17", LICENCE)
    assert book.say("licence-revoked", "2024-01-01", EAR | {"licence_id": "veu-1"})


def test_a_licence_may_be_granted_again(book: Book) -> None:
    assert [book.say("licence-granted", day, LICENCE)["version"] for day in ("2023-10-17", "2023-12-01")] == [2, 3]


def test_suspending_twice_and_resuming_what_runs_are_recorded(book: Book) -> None:
    says = ("regulation-resumed", "regulation-suspended", "regulation-suspended", "regulation-resumed")
    assert [book.say(event_type, "2023-11-17", EAR)["version"] for event_type in says] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("conditions", "pointer", "message"),
    [
        ({"vendors": ["nvidia", "amd"]}, "/vendors/1", "unknown organization amd"),
        ({"buyers": ["bytedance"]}, "/buyers/0", "unknown organization bytedance"),
        ({"products": ["a800", "h20"]}, "/products/1", "unknown product h20"),
    ],
)
def test_rules_and_licences_name_what_is_on_record(
    book: Book, conditions: dict[str, Any], pointer: str, message: str
) -> None:
    rules = [RULE, RULE | {"rule_id": "4a090"} | conditions]
    with refuses(book, Invalid, f"/data/rules/1{pointer}", message):
        book.say("regulation-amended", "2023-11-17", AMENDED | {"rules": rules})
    with refuses(book, Invalid, f"/data/rules/1{pointer}", message):
        book.say("regulation-enacted", "2023-11-17", ENACTED | {"regulation_id": "chip-act", "rules": rules})
    with refuses(book, Invalid, f"/data{pointer}", message):
        book.say("licence-granted", "2023-11-17", LICENCE | conditions)


def test_what_a_rule_forbids_is_recorded(book: Book) -> None:
    data = {"order_id": "po-1", "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD"}
    line = {"line": "1", "product_id": "a800", "quantity": "1", "amount": None}
    assert book.record([request("order-placed", "2023-11-17", data | {"lines": [line]})])
