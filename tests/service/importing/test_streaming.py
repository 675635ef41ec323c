"""Recording a source of any length: groups stand or fall together, and nothing is recorded twice."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from service.importing import streaming
from service.importing.items import EventGroup, Reject
from service.importing.plans import Entry, RowRefused, Summary
from service.importing.recording import Recorder
from service.importing.rows import BadFile
from service.importing.streaming import Options, record_stream
from tests.service.importing.conftest import Desk


def organization(name: str, line: int, **data: Any) -> Entry:
    sent = {
        "type": "organization-registered",
        "id": f"file:{name}",
        "effective_on": "../2020-01-01",
        "known_on": "2020-01-01",
        "data": {"organization_id": name, "name": name.upper(), "country": "DE", **data},
    }
    return Entry(line, name, sent)


def order(number: int, line: int, vendor: str = "seller") -> Entry:
    sent = {
        "type": "order-placed",
        "id": f"file:order:{number}",
        "effective_on": "2020-01-01",
        "known_on": "2020-01-01",
        "data": {
            "order_id": f"po-{number}",
            "buyers": ["buyer"],
            "vendor_id": vendor,
            "currency": "EUR",
            "lines": [{"line": "1", "product_id": None, "quantity": "1", "amount": "1"}],
        },
    }
    return Entry(line, f"po-{number}", sent)


def received(number: int, line: int, ordered_line: str = "1") -> Entry:
    data = {"order_id": f"po-{number}", "receipts": [{"line": ordered_line, "quantity": "1"}]}
    sent = {"type": "goods-received", "id": f"file:receipt:{number}", "effective_on": "2020-02-01", "data": data}
    return Entry(line, f"po-{number}", {**sent, "known_on": "2020-02-01"})


PARTIES = (organization("buyer", 1), organization("seller", 1))


def bought(number: int, *, ordered_line: str = "1", needs: tuple[Entry, ...] = PARTIES) -> EventGroup:
    """An order and its receipt, as lines of a file."""
    return EventGroup([order(number, number), received(number, number, ordered_line)], needs)


def record(desk: Desk, source: list[EventGroup | Reject], options: Options | None = None) -> Summary:
    options = options or Options()
    summary = Summary("a file", "csv", len(source), options.dry_run)
    record_stream(source, Recorder(desk.daybook, summary), summary, options)
    return summary


def test_what_groups_need_is_registered_once_and_before_them(desk: Desk) -> None:
    summary = record(desk, [bought(1), bought(2)])
    assert [event.type for event in desk.events()] == [
        "organization-registered",
        "organization-registered",
        *["order-placed", "goods-received"] * 2,
    ]
    assert summary.types == {"organization-registered": 2, "order-placed": 2, "goods-received": 2}


def test_an_organisation_that_the_ledger_has_is_left_alone(desk: Desk) -> None:
    desk.know("Seller Limited", country="FR")
    record(desk, [bought(1)])
    assert [event.data["name"] for event in desk.events("organization-registered")] == ["Seller Limited", "BUYER"]


def test_recording_again_replays_and_records_nothing_twice(desk: Desk) -> None:
    record(desk, [bought(1)])
    again = record(desk, [bought(1), bought(2)])
    assert (again.recorded, again.replayed, desk.head) == (2, 2, 6)


def test_without_leaving_out_a_refusal_stops_it_and_nothing_of_a_short_source_is_recorded(desk: Desk) -> None:
    with pytest.raises(RowRefused, match="line 2: po-2: /data/receipts/0/line: po-2 has no line 9"):
        record(desk, [bought(1), bought(2, ordered_line="9"), bought(3)])
    assert desk.head == 0


def test_of_a_long_source_the_batches_before_a_refusal_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "ATOMIC_EVENTS", 4)
    monkeypatch.setattr(streaming, "BATCH_EVENTS", 4)
    with pytest.raises(RowRefused):
        record(desk, [*map(bought, range(1, 6)), bought(6, ordered_line="9")])
    assert {event.data["order_id"] for event in desk.events("order-placed")} == {"po-1", "po-2", "po-3", "po-4"}


def test_an_import_that_broke_off_and_is_run_again_ends_as_if_it_had_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ATOMIC_EVENTS", 4)
    monkeypatch.setattr(streaming, "BATCH_EVENTS", 4)
    whole = [bought(number, needs=(*PARTIES, organization(f"buyer-{number}", number))) for number in range(1, 10)]

    def broken_off() -> Iterator[EventGroup]:
        yield from whole[:5]
        raise KeyboardInterrupt

    summary = Summary("a file", "csv", 0, False)
    with pytest.raises(KeyboardInterrupt):
        record_stream(broken_off(), Recorder(desk.daybook, summary), summary, Options())
    assert summary.recorded == desk.head == 14
    record(desk, list(whole))
    uninterrupted = ["file:buyer", "file:seller"]
    for number in range(1, 10):
        uninterrupted += [f"file:buyer-{number}", f"file:order:{number}", f"file:receipt:{number}"]
    assert [event.id for event in desk.events()] == uninterrupted


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_refused_can_be_left_out_with_all_of_its_group(desk: Desk, dry_run: bool) -> None:
    rejects = io.StringIO()
    source: list[EventGroup | Reject] = [
        bought(1),
        Reject(2, "po-2", "Qty: is empty", {"Qty": ""}),
        bought(3, ordered_line="9"),
        EventGroup([order(4, 4, "stranger")], PARTIES),
        bought(5),
    ]
    summary = record(desk, source, Options(dry_run, continue_on_error=True, rejects=rejects))
    assert (summary.recorded, summary.rejected) == (6, 3)
    assert desk.head == (0 if dry_run else 6)
    assert [json.loads(line)["line"] for line in rejects.getvalue().splitlines()] == [2, 3, 4]
    refused = [json.loads(line) for line in rejects.getvalue().splitlines()][1]
    assert refused["message"] == "/data/receipts/0/line: po-3 has no line 9"
    assert [event["type"] for event in refused["raw"]] == ["order-placed", "goods-received"]


def test_what_a_group_left_out_needed_is_there_for_the_next_that_needs_it(desk: Desk) -> None:
    summary = record(desk, [bought(1, ordered_line="9"), bought(2)], Options(continue_on_error=True))
    assert (summary.recorded, summary.rejected) == (4, 1)


def test_every_group_refused_is_left_out_one_by_one(desk: Desk) -> None:
    record(desk, [bought(0)])
    source: list[EventGroup | Reject] = [bought(number, ordered_line="9") for number in range(1, 40)]
    summary = record(desk, [*source, bought(40)], Options(continue_on_error=True))
    assert (summary.recorded, summary.rejected) == (2, 39)


def test_a_request_that_is_none_is_named_by_line_and_pointer(desk: Desk) -> None:
    bad = EventGroup([Entry(7, "po-7", {"type": "order-placed", "effective_on": "2020", "data": {"order_id": "po-7"}})])
    with pytest.raises(BadFile, match="line 7: po-7: /data/buyers: is required"):
        record(desk, [bad])
    summary = record(desk, [bad], Options(continue_on_error=True))
    assert (summary.rejected, summary.plan.reported[0].line) == (1, 7)


def test_a_row_that_cannot_be_read_stops_it_unless_it_may_be_left_out(desk: Desk) -> None:
    with pytest.raises(BadFile, match="line 3: row 3: is torn"):
        record(desk, [Reject(3, "row 3", "is torn")])


def test_a_dry_run_decides_as_the_ledger_would(desk: Desk) -> None:
    summary = record(desk, [bought(1), bought(2)], Options(dry_run=True))
    assert (summary.recorded, desk.head) == (6, 0)
