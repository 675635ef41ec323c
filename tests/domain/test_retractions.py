"""Decisions about events that were wrong: retracting, what comes along, and what replaces them."""

from itertools import permutations
from typing import Any

import pytest

from domain.errors import Invalid, Rejected
from domain.fulfilment import OrderState
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, line, market, request


def received(quantity: str, amount: str | None = None) -> Event:
    """A receipt on line 1."""
    return {"line": "1", "quantity": quantity} | ({} if amount is None else {"amount": amount})


@pytest.fixture
def book() -> Book:
    """An order of August, known in November; part of it received."""
    book = market()
    book.order("po-1", "2023-08-31", [line("1600", "16000000")], known_on="2023-11-07", id="placed")
    book.amend("po-1", "2023-10-01", {"line": "1", "quantity": "-100"}, known_on="2023-11-08", id="amended")
    book.receive("po-1", "2023-10-31", received("1000"), known_on="2024-01-15", id="received")
    return book


def told(events: list[Event]) -> list[tuple[str, str]]:
    """What retractions name, and when they were known."""
    return [(event["data"]["retracts"], event["known_on"]) for event in events]


# Retracting one event


def test_a_retraction_is_known_when_the_wrong_event_was(book: Book) -> None:
    (retraction,) = book.retract("received")
    assert (retraction["stream"], retraction["version"], retraction["known_on"]) == ("order/po-1", 4, "2024-01-15")
    assert "causation_id" not in retraction


def test_a_retraction_may_be_known_later(book: Book) -> None:
    assert told(book.retract("received", known_on="2024-03-01")) == [("received", "2024-03-01")]


def test_a_retraction_is_not_known_before_the_wrong_event(book: Book) -> None:
    with refuses(book, Invalid, "/known_on", "2024-01-14 is before received was known, 2024-01-15"):
        book.retract("received", known_on="2024-01-14")


def test_a_retraction_is_not_known_in_the_future(book: Book) -> None:
    with refuses(book, Invalid, "/known_on", "2025-07-01 is in the future: today is 2025-06-30 (UTC)"):
        book.retract("received", known_on="2025-07-01")


@pytest.mark.parametrize("known_on", [{}, {"known_on": "2024-03-01"}])
def test_an_event_is_retracted_once(book: Book, known_on: dict[str, str]) -> None:
    book.retract("received", **known_on)
    with refuses(book, Rejected, "/data/retracts", "received is retracted already"):
        book.retract("received")


def test_a_retraction_cannot_be_retracted(book: Book) -> None:
    book.retract("received", id="slip")
    with refuses(book, Rejected, "/data/retracts", "slip is a retraction, which cannot be retracted"):
        book.retract("slip")


def test_an_annotation_can_be_retracted(book: Book) -> None:
    note = book.say("event-annotated", "2024-02-01", {"annotates": "received", "note": "by air freight"})
    assert (note["stream"], note["version"]) == ("order/po-1", 4)
    assert told(book.retract(note["id"])) == [(note["id"], "2024-02-01")]
    with refuses(book, Rejected, "/data/retracts", f"{note['id']} is retracted already"):
        book.retract(note["id"])


def test_anything_may_be_annotated_even_what_is_retracted(book: Book) -> None:
    book.retract("received", id="slip")
    for identifier in ("received", "slip"):
        assert book.say("event-annotated", "2024-02-01", {"annotates": identifier, "note": "see the filing"})


def test_what_an_event_did_is_undone(book: Book) -> None:
    book.retract("received")
    with refuses(book, Rejected, "/data/returns/0/quantity", "1 returned of line 1, 0 received"):
        book.give_back("po-1", "2024-02-01", received("1"))


# What later events build on


def test_a_receipt_is_not_retracted_under_its_return(book: Book) -> None:
    book.give_back("po-1", "2024-02-01", received("400"), id="back")
    message = "back (goods-returned) builds on received: 400 returned of line 1, 0 received"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract("received")
    book.retract("back")
    assert book.retract("received")


def test_a_decrease_may_be_retracted_under_later_events(book: Book) -> None:
    book.amend("po-1", "2024-02-01", {"line": "1", "quantity": "-1500"})
    book.cancel("po-1", "2024-02-02")
    assert book.retract("amended")


def test_an_increase_is_not_retracted_under_a_later_decrease(book: Book) -> None:
    book.amend("po-1", "2024-02-01", {"line": "1", "quantity": "500"}, id="more")
    book.amend("po-1", "2024-02-02", {"line": "1", "quantity": "-2000"}, id="none")
    message = "none (order-amended) builds on more: -2000 takes the quantity of line 1 (1500) below zero"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract("more")
    book.retract("none")
    assert book.retract("more")


def test_a_line_is_not_retracted_under_its_receipts(book: Book) -> None:
    book.say("order-amended", "2024-02-01", {"order_id": "po-1", "lines": [line("5", "50", name="2")]}, id="line-2")
    book.receive("po-1", "2024-02-02", {"line": "2", "quantity": "5"}, id="arrived")
    with refuses(book, Rejected, "/data/retracts", "arrived (goods-received) builds on line-2: po-1 has no line 2"):
        book.retract("line-2")


def test_an_earlier_receipt_may_go_though_later_amounts_were_derived_after_it(book: Book) -> None:
    later = book.receive("po-1", "2024-02-01", received("500"))
    book.retract("received")
    assert book.event(later["id"]) is not None
    state = book.stream("order/po-1").state
    assert isinstance(state, OrderState)
    assert str(state.lines["1"].received.value) == "500"


def test_a_registration_is_not_retracted_under_its_changes() -> None:
    book = market()
    registered = book.organization("amd")
    book.say("organization-changed", "2020-01-01", {"organization_id": "amd", "name": "AMD Inc."}, id="renamed")
    message = f"renamed (organization-changed) builds on {registered['id']}"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract(registered["id"])
    book.retract("renamed")
    assert book.retract(registered["id"])


def test_a_retracted_registration_is_unknown_to_what_comes_after() -> None:
    book = market()
    registered = book.product("h20")
    book.order("po-1", "2023-11-17", [line("1", None, "h20")])
    book.retract(registered["id"])
    with refuses(book, Invalid, "/data/lines/0/product_id", "unknown product h20"):
        book.order("po-2", "2023-11-17", [line("1", None, "h20")])


def test_a_grant_is_not_retracted_under_its_revocation() -> None:
    book = market()
    ear = {"regulation_id": "ear"}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "Rule", "citation": "87 FR 62186", "rules": []}
    book.say("regulation-enacted", "2022-10-21", ear | about, id="enacted")
    licence = ear | {"licence_id": "veu-1"}
    book.say("licence-granted", "2022-11-01", licence | {"destinations": ["CN"]}, id="granted")
    book.say("licence-revoked", "2023-11-01", licence, id="revoked")
    message = "revoked (licence-revoked) builds on granted: ear has no licence veu-1"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract("granted")
    with refuses(book, Rejected, "/data/retracts", "granted (licence-granted) builds on enacted"):
        book.retract("enacted")


# A placing takes its later events along


def test_a_placing_takes_its_later_events_along(book: Book) -> None:
    events = book.retract("placed", id="slip")
    assert told(events) == [("placed", "2023-11-07"), ("amended", "2023-11-08"), ("received", "2024-01-15")]
    assert [event["version"] for event in events] == [4, 5, 6]
    assert [event.get("causation_id") for event in events] == [None, "slip", "slip"]
    assert {event["data"]["reason"] for event in events} == {"entered by mistake"}
    assert book.stream("order/po-1").state is None


def test_what_comes_along_is_known_no_earlier_than_the_retraction(book: Book) -> None:
    events = book.retract("placed", known_on="2023-12-01")
    assert told(events) == [("placed", "2023-12-01"), ("amended", "2023-12-01"), ("received", "2024-01-15")]


def test_what_follows_a_placing_that_was_never_true_was_never_true() -> None:
    book = market()
    book.order("po-1", "2023-08-31", [line("1600")], known_on="2025-06-30", id="placed")
    book.receive("po-1", "2023-10-31", received("1000"), known_on="2023-11-15", id="received")
    assert told(book.retract("placed")) == [("placed", "2025-06-30"), ("received", "2023-11-15")]


def test_a_placing_leaves_alone_what_is_retracted_already_or_only_a_note(book: Book) -> None:
    book.say("event-annotated", "2024-02-01", {"annotates": "received", "note": "by air freight"})
    book.retract("received", known_on="2024-03-01")
    assert told(book.retract("placed")) == [("placed", "2023-11-07"), ("amended", "2023-11-08")]


def test_events_of_an_order_may_be_retracted_one_by_one_beside_its_placing(book: Book) -> None:
    def retracts(identifier: str, **envelope: Any) -> Event:
        data = {"retracts": identifier, "reason": "withdrawn"}
        return request("event-retracted", "2024-03-01", data, **envelope)

    events = book.record([retracts("placed"), retracts("received", known_on="2024-03-01")])
    assert told(events) == [("placed", "2023-11-07"), ("amended", "2023-11-08"), ("received", "2024-03-01")]
    assert [event.get("causation_id") is None for event in events] == [True, False, True]


def test_an_order_is_placed_anew_after_its_placing_is_retracted(book: Book) -> None:
    book.retract("placed")
    with refuses(book, Invalid, "/data/order_id", "unknown order po-1"):
        book.receive("po-1", "2023-10-31", received("1"))
    placed = book.order("po-1", "2023-08-31", [line("1500", "15000000")], known_on="2023-11-07")
    assert placed["version"] == 7
    assert book.receive("po-1", "2023-10-31", received("1500"))["version"] == 8


# What the world was told to forget on a day (docs/semantics.md, 41)


def test_what_takes_the_place_of_a_withdrawn_order_is_not_known_before_the_withdrawal(book: Book) -> None:
    book.retract("placed", known_on="2023-12-01")
    message = "on 2023-12-01 an earlier order/po-1 was withdrawn: this one cannot be known before"
    with refuses(book, Invalid, "/known_on", message):
        book.order("po-1", "2023-08-31", [line("1500")], known_on="2023-11-30")
    book.order("po-1", "2023-08-31", [line("1500")], known_on="2023-12-01")
    with refuses(book, Invalid, "/known_on", message):
        book.amend("po-1", "2023-08-31", {"line": "1", "quantity": "-1"}, known_on="2023-11-30")


def test_what_takes_the_place_of_a_withdrawn_line_is_not_known_before_the_withdrawal(book: Book) -> None:
    further = {"order_id": "po-1", "lines": [line("5", "50", name="2")]}
    wrong = book.say("order-amended", "2023-11-10", further)
    book.retract(wrong["id"], known_on="2023-12-01")
    message = "on 2023-12-01 an earlier line 2 was withdrawn: this one cannot be known before"
    with refuses(book, Invalid, "/known_on", message):
        book.say("order-amended", "2023-11-10", further, known_on="2023-11-30")
    book.say("order-amended", "2023-11-10", further, known_on="2023-12-01")
    for event_type, field in (
        ("goods-received", "receipts"),
        ("goods-returned", "returns"),
        ("order-amended", "changes"),
    ):
        data = {"order_id": "po-1", field: [received("1"), {"line": "2", "quantity": "0"}]}
        with refuses(book, Invalid, "/known_on", message):
            book.say(event_type, "2023-11-15", data)
    assert book.receive("po-1", "2023-11-15", received("1"))
    assert book.receive("po-1", "2023-11-15", {"line": "2", "quantity": "5"}, known_on="2023-12-01")


# Corrections


def corrected(known_on: str, corrects: str = "received") -> Event:
    """A receipt that says that it replaces another."""
    data = {"order_id": "po-1", "receipts": [received("961")]}
    return request("goods-received", "2023-10-31", data, known_on=known_on, corrects=corrects)


def test_a_correction_replaces_a_retracted_event(book: Book) -> None:
    book.retract("received", known_on="2024-03-01")
    (event,) = book.record([corrected("2024-03-01")])
    assert (event["corrects"], event["known_on"]) == ("received", "2024-03-01")


def test_a_correction_is_not_known_before_the_retraction(book: Book) -> None:
    book.retract("received", known_on="2024-03-01")
    with refuses(book, Invalid, "/known_on", "2024-02-29 is before received was retracted, 2024-03-01"):
        book.record([corrected("2024-02-29")])


def test_what_stands_is_not_replaced(book: Book) -> None:
    message = "received stands: retract it before recording what replaces it"
    with refuses(book, Rejected, "/corrects", message):
        book.record([corrected("2024-03-01")])


def test_a_correction_names_an_event_on_record(book: Book) -> None:
    with refuses(book, Invalid, "/corrects", "unknown event e99"):
        book.record([corrected("2024-03-01", corrects="e99")])


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("event-annotated", {"annotates": "received", "note": "by air freight"}),
        ("event-retracted", {"retracts": "received", "reason": "entered by mistake"}),
    ],
)
def test_even_an_event_about_an_event_corrects_one_on_record(book: Book, event_type: str, data: Event) -> None:
    with refuses(book, Invalid, "/corrects", "unknown event e99"):
        book.record([request(event_type, "2024-02-01", data, corrects="e99")])


def test_a_retraction_and_what_replaces_it_go_together(book: Book) -> None:
    data = {"retracts": "received", "reason": "the filing was corrected"}
    retraction = request("event-retracted", "2024-03-01", data, known_on="2024-03-01")
    with refuses(book, Rejected, "/corrects", "received stands: retract it before recording what replaces it", index=0):
        book.record([corrected("2024-03-01"), retraction])
    events = book.record([retraction, corrected("2024-03-01")])
    assert [event["type"] for event in events] == ["event-retracted", "goods-received"]


# Retractions together


def taken_back(*identifiers: str, known_on: str | None = None) -> list[Event]:
    """Requests that retract events, each at its own known_on unless told otherwise."""
    envelope = {"known_on": known_on} if known_on else {}
    return [
        request("event-retracted", "2024-03-01", {"retracts": identifier, "reason": "never so"}, **envelope)
        for identifier in identifiers
    ]


@pytest.fixture
def built() -> Book:
    """An order with a line that was added, received on and returned from, each relying on the one before."""
    book = market()
    book.order("po-1", "2023-08-31", [line("10", "100")], id="placed")
    further = {"order_id": "po-1", "lines": [line("4", "80", name="2")]}
    book.say("order-amended", "2023-09-01", further, id="added")
    book.receive("po-1", "2023-09-02", {"line": "2", "quantity": "3"}, id="arrived")
    book.give_back("po-1", "2023-09-03", {"line": "2", "quantity": "2"}, id="gone")
    return book


@pytest.mark.parametrize("named", [*permutations(("added", "arrived", "gone"))])
def test_retractions_are_judged_by_what_is_left_when_all_of_them_are_done(built: Book, named: tuple[str, ...]) -> None:
    assert [event["data"]["retracts"] for event in built.record(taken_back(*named))] == [*named]
    assert built.receive("po-1", "2023-09-04", {"line": "1", "quantity": "1"})


@pytest.mark.parametrize("named", [*permutations(("placed", "arrived", "gone"))])
def test_a_placing_takes_along_what_the_same_batch_does_not_name_in_any_order(
    built: Book, named: tuple[str, ...]
) -> None:
    events = built.record(taken_back(*named))
    assert sorted(event["data"]["retracts"] for event in events) == ["added", "arrived", "gone", "placed"]
    assert built.order("po-1", "2023-08-31", [line("10", "100")])


def test_what_is_left_and_relies_on_what_is_not_refuses_all_of_them(built: Book) -> None:
    with refuses(
        built, Rejected, "/data/retracts", "gone (goods-returned) builds on arrived: 2 returned of line 2, 0 received"
    ):
        built.record(taken_back("arrived"))
    message = "arrived (goods-received) builds on added: po-1 has no line 2"
    with refuses(built, Rejected, "/data/retracts", message, index=1):
        built.record(taken_back("gone", "added"))
    # And the batch goes on as if it had not been asked.
    assert built.record(taken_back("arrived", "gone"))


def test_what_is_recorded_between_retractions_is_among_what_is_left(built: Book) -> None:
    more = request(
        "goods-returned", "2023-09-05", {"order_id": "po-1", "returns": [{"line": "2", "quantity": "1"}]}, id="more"
    )
    first, second = taken_back("arrived", "gone")
    with refuses(built, Rejected, "/data/returns/0/quantity", "3 returned of line 2, 0 received", index=1):
        built.record([first, more, second])


def test_owners_are_judged_by_what_is_left_too() -> None:
    book = market()
    for owner, owned, on, name in (
        ("huawei", "nvidia", "2023-01-01", "first"),
        (None, "nvidia", "2023-02-01", "ended"),
        ("nvidia", "huawei", "2023-03-01", "second"),
    ):
        book.say("organization-changed", on, {"organization_id": owned, "parent_id": owner}, id=name)
    with refuses(
        book, Rejected, "/data/retracts", "would make nvidia its own owner on 2023-03-01: nvidia -> huawei -> nvidia"
    ):
        book.record(taken_back("ended"))
    assert book.record(taken_back("ended", "first"))


def test_records_that_stand_for_each_other_are_judged_by_what_is_left_too() -> None:
    book = market()
    for one, other, on, name in (
        ("nvidia", "huawei", "2023-01-01", "first"),
        ("nvidia", None, "2023-02-01", "undone"),
        ("huawei", "nvidia", "2023-03-01", "second"),
    ):
        book.say("organization-changed", on, {"organization_id": one, "same_as": other}, id=name)
    with refuses(
        book, Rejected, "/data/retracts", "would close a circle of records and owners: nvidia -> huawei -> nvidia"
    ):
        book.record(taken_back("undone"))
    assert book.record(taken_back("undone", "second"))
