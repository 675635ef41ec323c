"""CloudEvents: what Daybook's export writes comes in again, and so do requests in an envelope."""

import base64
import json
from typing import Any

import pytest

from service.importing.rows import BadFile
from service.importing.streaming import Options
from service.shapes.cloud_events import structured
from tests.service.importing.conftest import SEED, Desk
from tests.service.importing.test_streaming import bought, record

REQUEST = {
    "effective_on": "2020-01-01",
    "known_on": "2020-01-01",
    "data": {"organization_id": "acme", "name": "Acme", "country": "DE"},
}


#: A stored event of a version to come.
NEWER = {
    **REQUEST,
    "type": "organization-registered",
    "v": 9,
    "stream": "organization/acme",
    "version": 1,
    "recorded_at": "2024-01-01T00:00:00.000000Z",
    "position": 1,
}


def event(**attributes: Any) -> dict[str, Any]:
    """A CloudEvent around a request; an attribute of None is left out."""
    usual = {
        "specversion": "1.0",
        "id": "erp:17",
        "source": "https://erp.example/",
        "type": "daybook.organization-registered",
        "datacontenttype": "application/json",
        "data": REQUEST,
    }
    return {name: value for name, value in {**usual, **attributes}.items() if value is not None}


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


def test_a_request_in_an_envelope_takes_type_and_id_from_it(desk: Desk) -> None:
    encoded = base64.b64encode(json.dumps({**REQUEST, "id": "own"}).encode()).decode()
    data = {"organization_id": "other", "name": "Other", "country": "DE"}
    second = event(type="organization-registered", data={**REQUEST, "id": "erp:18", "data": data})
    summary = desk.imports(lines(event(), second))
    assert (summary.format, summary.recorded) == ("cloudevents", 2)
    assert [one.id for one in desk.events()] == ["erp:17", "erp:18"]
    again = desk.imports(lines(event()))
    assert (again.recorded, again.replayed) == (0, 1)
    with pytest.raises(Exception, match="acme is registered already"):
        desk.imports(lines(event(data=None, data_base64=encoded)))


def exported(desk: Desk) -> bytes:
    rows = desk.daybook.ledger.recorder.rows_after(0, 1_000)
    return b"".join(structured(row.state, "urn:daybook:ledger:other") + b"\n" for row in rows)


def test_what_was_exported_is_recorded_with_the_same_ids_and_dates_and_data(desk: Desk) -> None:
    desk.imports(SEED)
    desk.record(
        [
            {
                "type": "event-annotated",
                "effective_on": "2024-01-01",
                "data": {"annotates": desk.events()[0].id, "note": "x"},
            }
        ]
    )
    file = exported(desk)
    again = desk.imports(file)
    assert (again.format, again.recorded, again.replayed) == ("cloudevents", 0, 57)


def test_a_retraction_and_what_the_ledger_made_of_it_come_in_together(desk: Desk) -> None:
    record(desk, [bought(1)])
    retraction = {"retracts": "file:order:1", "reason": "never ordered"}
    desk.record([{"type": "event-retracted", "id": "gone", "effective_on": "2020-03-01", "data": retraction}])
    file = exported(desk).replace(b"po-1", b"po-2").replace(b"file:", b"copy:").replace(b'"gone"', b'"gone-too"')
    file = b"".join(line for line in file.splitlines(keepends=True) if b"organization-registered" not in line)
    events = [json.loads(line) for line in file.splitlines()]
    assert [one["type"].partition(".")[2] for one in events] == [
        "order-placed",
        "goods-received",
        "event-retracted",
        "event-retracted",
    ]
    events[-1]["id"] = events[-1]["data"]["id"] = "gone-along"
    summary = desk.imports(lines(*events))
    assert (summary.recorded, summary.replayed) == (4, 0)
    assert desk.event("gone-along")["data"]["retracts"] == "copy:receipt:1"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (event(specversion="0.3"), "is of CloudEvents '0.3', not 1.0"),
        (event(id=None), "a CloudEvent has id, each a text"),
        (event(type="com.example.other"), "type 'com.example.other' is none of Daybook's, daybook.NAME"),
        (event(data=[1]), "data is no event: a JSON object with type, effective_on and data"),
        (event(data={**REQUEST, "type": "order-placed"}), "type is 'daybook.organization-registered', and that of the"),
        (event(datacontenttype="text/xml"), "datacontenttype is 'text/xml', and an event is JSON"),
        (event(data=None, data_base64="?"), "data_base64: "),
        (event(data={**REQUEST, "effective_on": "soon"}), "/effective_on: 'soon' is not a date"),
        (event(data=NEWER), "position 1: unknown version 9 of organization-registered"),
    ],
)
def test_what_is_no_event_of_daybook_is_named_and_nothing_is_recorded(
    desk: Desk, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadFile) as caught:
        desk.imports(lines(event(), wrong), "cloudevents")
    [fault] = caught.value.faults
    assert (fault.line, message in fault.message) == (2, True), fault.message
    assert desk.head == 0


def test_a_wrong_line_can_be_left_out(desk: Desk) -> None:
    file = lines(event()) + b"{\n" + lines(event(specversion="2"))
    summary = desk.imports(file, options=Options(continue_on_error=True))
    assert (summary.recorded, summary.rejected, [one.line for one in summary.plan.reported]) == (1, 2, [2, 3])
