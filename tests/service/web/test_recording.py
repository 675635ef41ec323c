"""Recording over HTTP: what is accepted, how it is answered, and what is refused with where and what."""

import json
from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.service.purchases import insert_directly
from tests.service.storing.test_ledger import ahead
from tests.service.web.conftest import EVENTS, SEED, head

BAIDU = {
    "type": "organization-registered",
    "effective_on": "2000",
    "known_on": "2017-01-01",
    "data": {"organization_id": "baidu", "name": "Baidu, Inc.", "country": "CN"},
}
NDJSON = {"Content-Type": "application/x-ndjson"}


def order(order_id: str = "po-1", **changes: Any) -> dict[str, Any]:
    """An order of Baidu's with Nvidia, with fields of its data replaced."""
    line = {"line": "1", "product_id": "nv-a800", "quantity": "10", "amount": "100000"}
    data = {"order_id": order_id, "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD", "lines": [line]}
    return {"type": "order-placed", "effective_on": "2023-05-02", "known_on": "2023-05-03", "data": data | changes}


def with_line(**changes: Any) -> dict[str, Any]:
    """The order with fields of its line replaced."""
    placed = order()
    placed["data"]["lines"][0] |= changes
    return placed


def test_one_event_is_answered_with_its_place(client: TestClient) -> None:
    answer = client.post(EVENTS, json=BAIDU | {"id": "first"})
    assert answer.status_code == 201
    placed = {"id": "first", "position": 1, "stream": "organization/baidu", "version": 1}
    assert answer.json() == {"count": 1, "first_position": 1, "last_position": 1, "events": [placed]}
    stored = client.get(answer.headers["Location"]).json()
    assert stored["data"] == BAIDU["data"]
    assert stored["actor"] == "recorder-7"
    assert stored["v"] == 1


def test_an_array_and_ndjson_are_recorded_in_their_order(client: TestClient) -> None:
    array = [json.loads(line) for line in SEED.splitlines()[:3]]
    assert client.post(EVENTS, json=array).json()["last_position"] == 3
    rest = b"\n".join(SEED.splitlines()[3:])
    answer = client.post(EVENTS, content=rest, headers=NDJSON).json()
    # One of its rules matches nothing that was ever bought; where the views are late, that is not said.
    remarked = [(remark["kind"], remark["subject"]) for remark in answer.pop("remarks", ())]
    assert remarked in ([("matches-nothing", "cn-micron-2023/ban")], [])
    assert answer | {"events": None} == {
        "count": 53,
        "first_position": 4,
        "last_position": 56,
        "events": None,
    }
    types = [event["type"] for event in client.get(EVENTS).json()["events"]]
    assert types == [json.loads(line)["type"] for line in SEED.splitlines()]


def test_the_same_event_again_is_a_replay_and_another_under_its_id_a_conflict(client: TestClient) -> None:
    event = BAIDU | {"id": "baidu-1"}
    first, second = client.post(EVENTS, json=event), client.post(EVENTS, json=event)
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
    assert second.json() == first.json()
    other = client.post(EVENTS, json=event | {"effective_on": "2001"})
    assert other.status_code == 409
    assert other.json()["errors"] == [
        {"pointer": "/effective_on", "detail": "baidu-1 is recorded already with another effective_on"}
    ]
    assert head(client) == 1


def test_of_a_batch_recorded_in_part_only_the_new_events_are_recorded(client: TestClient) -> None:
    events = [json.loads(line) | {"id": f"seed-{n}"} for n, line in enumerate(SEED.splitlines()[:4])]
    client.post(EVENTS, json=events[:2])
    answer = client.post(EVENTS, json=events)
    assert answer.status_code == 201
    assert answer.json()["count"] == 2
    assert [event["position"] for event in answer.json()["events"]] == [1, 2, 3, 4]


def test_ten_thousand_mixed_events_go_in_one_request(seeded: TestClient) -> None:
    batch = []
    for n in range(2_500):
        receipt = {"order_id": f"po-{n}", "receipts": [{"line": "1", "quantity": "4"}]}
        change = {"order_id": f"po-{n}", "changes": [{"line": "1", "quantity": "-1", "amount": "-10000"}]}
        note = {"annotates": f"placed-{n}", "note": "Confirmed by telephone"}
        batch += [
            order(f"po-{n}") | {"id": f"placed-{n}"},
            {"type": "order-amended", "effective_on": "2023-05-04", "data": change},
            {"type": "goods-received", "effective_on": "2023-06", "data": receipt},
            {"type": "event-annotated", "effective_on": "2023-06-02", "data": note},
        ]
    answer = seeded.post(EVENTS, json=batch)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["count"], len(answer.json()["events"])) == (10_000, 1_000)
    asked = {"buyer": "baidu", "status": "delivered", "measure": "units", "by": "product", "effective_on": "2023-12-31"}
    rows = seeded.get("/api/v1/views/vendor-dependence", params=asked).json()["rows"]
    assert next(row["value"] for row in rows if row["key"] == "nv-a800") == "10000"


REFUSED: dict[str, tuple[dict[str, Any] | list[Any], int, str, str]] = {
    "an unknown type": (BAIDU | {"type": "organization-renamed"}, 422, "/type", "unknown event type"),
    "an unknown field": (BAIDU | {"colour": "red"}, 422, "/colour", "unknown field"),
    "an unknown field of the data": (order(colour="red"), 422, "/data/colour", "unknown field"),
    "a missing field": (BAIDU | {"data": {"organization_id": "x", "name": "X"}}, 422, "/data/country", "is required"),
    "a wrong currency": (order(currency="USX"), 422, "/data/currency", "'USX' is not an ISO 4217"),
    "a wrong country": (
        BAIDU | {"data": {"organization_id": "x", "name": "X", "country": "XX"}},
        422,
        "/data/country",
        "'XX' is not an ISO 3166-1",
    ),
    "a negative quantity": (with_line(quantity="-1"), 422, "/data/lines/0/quantity", "'-1' is negative"),
    "low above value": (
        with_line(quantity={"value": "5", "low": "6"}),
        422,
        "/data/lines/0/quantity",
        "low 6 is above value 5",
    ),
    "a number for a decimal": (with_line(amount=100.5), 422, "/data/lines/0/amount", "not the number 100.5"),
    "an exponent": (with_line(amount="1e5"), 422, "/data/lines/0/amount", "not a plain decimal"),
    "too many places": (with_line(amount="1.00001"), 422, "/data/lines/0/amount", "4 behind the point"),
    "knowledge of the future": (order() | {"known_on": "2999-01-01"}, 422, "/known_on", "is in the future"),
    "a time of day": (order() | {"effective_on": "2023-05-02T10:00:00Z"}, 422, "/effective_on", "is not a date"),
    "an uncertain date": (order() | {"effective_on": "2023-05?"}, 422, "/effective_on", "is not a date"),
    "a day that is not": (order() | {"effective_on": "2023-02-29"}, 422, "/effective_on", "is not a date"),
    "an unknown buyer": (order(buyers=["baidu", "badu"]), 422, "/data/buyers/1", "unknown organization badu"),
    "an unknown vendor": (order(vendor_id="nvida"), 422, "/data/vendor_id", "unknown organization nvida"),
    "an unknown product": (with_line(product_id="nv-x"), 422, "/data/lines/0/product_id", "unknown product nv-x"),
    "an unknown order": (
        {"type": "order-cancelled", "effective_on": "2023", "data": {"order_id": "po-9", "reason": "none"}},
        422,
        "/data/order_id",
        "unknown order po-9",
    ),
    "an unknown line": (
        {
            "type": "goods-received",
            "effective_on": "2023",
            "data": {"order_id": "cn4-nvidia-2023", "receipts": [{"line": "7", "quantity": "1"}]},
        },
        409,
        "/data/receipts/0/line",
        "has no line 7",
    ),
    "NUL in text": (BAIDU | {"source": {"citation": "a\x00b"}}, 422, "/source/citation", "without NUL"),
    "a lone surrogate": (BAIDU | {"source": {"citation": "\ud800"}}, 422, "/source/citation", "surrogates"),
    "a bad id": (BAIDU | {"id": "no spaces"}, 422, "/id", "must match"),
    "a second registration": (BAIDU, 409, "/data/organization_id", "organization/baidu is registered already"),
    "no object": (["baidu"], 422, "/0", "an event is a JSON object"),
    "no event": ([], 422, "", "no event"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_with_where_and_what(seeded: TestClient, what: str, nothing_recorded: None) -> None:
    sent, status, pointer, message = REFUSED[what]
    answer = seeded.post(EVENTS, content=json.dumps(sent), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    if pointer:
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert message in problem["detail"]


MALFORMED = {
    "no JSON": b'{"type": ',
    "a repeated name": b'{"type": "a", "type": "b"}',
    "NaN": b'{"type": NaN}',
    "bytes that are not UTF-8": b'{"type": "\xff"}',
    "bottomless nesting": b"[" * 100_000,
    "an empty body": b"",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_json_is_a_400(client: TestClient, what: str, nothing_recorded: None) -> None:
    answer = client.post(EVENTS, content=MALFORMED[what], headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")


def test_one_bad_line_refuses_the_batch_and_is_named(client: TestClient, nothing_recorded: None) -> None:
    lines = SEED.splitlines()
    lines[10] = lines[10].replace(b'"effective_on":"2022', b'"effective_on":"22022')
    answer = client.post(EVENTS, content=b"\n".join(lines), headers=NDJSON)
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["line"], error["pointer"]) == (11, "/effective_on")


def test_a_line_that_the_rules_refuse_is_named_too(client: TestClient, nothing_recorded: None) -> None:
    lines = SEED.splitlines()
    answer = client.post(EVENTS, content=b"\n".join([*lines, b"", lines[0]]), headers=NDJSON)
    assert answer.status_code == 409
    assert answer.json()["errors"][0] == {
        "line": 58,
        "pointer": "/data/organization_id",
        "detail": "organization/baidu is registered already",
    }


def test_an_event_too_large_to_store_is_refused(client: TestClient, nothing_recorded: None) -> None:
    answer = client.post(EVENTS, json=BAIDU | {"source": {"citation": "x" * 65_400}})
    assert answer.status_code == 422
    assert "more than 65535" in answer.json()["detail"]


def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not(client: TestClient, nothing_recorded: None) -> None:
    body = b" " * (24 * 1024 * 1024 + 1)
    declared = client.post(EVENTS, content=body, headers={"Content-Type": "application/json"})
    chunked = client.post(EVENTS, content=iter([body]), headers={"Content-Type": "application/json"})
    assert [declared.status_code, chunked.status_code] == [413, 413]


def test_another_kind_of_body_is_not_read(client: TestClient, nothing_recorded: None) -> None:
    answer = client.post(EVENTS, content=b"type=order-placed", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_what_stands_twice_in_a_batch_counts_once_also_when_it_is_sent_again(client: TestClient) -> None:
    twice = [BAIDU | {"id": "first"}] * 2
    first, again = client.post(EVENTS, json=twice), client.post(EVENTS, json=twice)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json()["count"] == 1
    assert again.json() == first.json()


@pytest.mark.parametrize(("seconds", "least", "most"), [(70, 1, 10), (120, 1, 60), (3_600, 300, 300)])
def test_while_the_databases_clock_is_back_the_answer_says_for_how_long(
    client: TestClient, owner: Connection[Any], seconds: int, least: int, most: int
) -> None:
    insert_directly(owner, ahead(1, seconds))
    answer = client.post(EVENTS, json=BAIDU)
    assert answer.status_code == 503
    assert least <= int(answer.headers["Retry-After"]) <= most
