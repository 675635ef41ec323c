"""Facts in the words of the trade: a purchase from beginning to end through its own routes, and what is refused."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from domain.catalogue import EVENT_TYPES
from domain.resources import ABOUT_EVENTS, KINDS
from service.web.description.examples import EXAMPLES, STORY
from service.web.facts import ENVELOPE, schema_of
from tests.service.web.conftest import EVENTS, head

API = "/api/v1"
ORDER = f"{API}/orders/baidu-huawei-2023-08"
ACME = {"organization_id": "acme", "name": "Acme", "country": "DE", "effective_on": "2024-01-01"}


@pytest.fixture
def told(client: TestClient) -> TestClient:
    """The client of a ledger that holds the whole story."""
    for step in STORY:
        answer = client.post(API + step.path, json=step.body)
        assert answer.status_code == 201, (step, answer.text)
    return client


def test_a_purchase_goes_from_beginning_to_end_through_its_own_routes(client: TestClient) -> None:
    version: dict[str, int] = {}
    for step in STORY:
        answer = client.post(API + step.path, json=step.body)
        assert answer.status_code == 201, (step, answer.text)
        content = answer.json()
        placed = content["events"] if step.event_type is None else [content]
        stored = client.get(f"{EVENTS}/{placed[0]['position']}").json()
        assert stored["type"] == (step.event_type or "event-retracted")
        stream = placed[-1]["stream"]
        assert placed[-1]["version"] == version.get(stream, 0) + len(placed)
        version[stream] = placed[-1]["version"]
        assert answer.headers["ETag"] == f'"{version[stream]}"'
        resource = client.get(answer.headers["Location"])
        assert resource.headers["ETag"] == answer.headers["ETag"], resource.text
    found = client.get(ORDER, params={"effective_on": "2023-12-31"}).json()
    assert found["status"] == "open"
    assert found["lines"][0]["ordered"]["quantity"]["value"] == "1500"
    assert found["lines"][0]["delivered"]["quantity"]["value"] == "950"
    assert [event["type"] for event in found["history"] if not event["counts"]] == ["goods-received", "order-cancelled"]
    assert client.get(ORDER).json()["status"] == "cancelled"


def test_every_event_type_has_a_route_and_an_example() -> None:
    routed = {kind.begins for kind in KINDS} | {name for kind in KINDS for name in kind.changes.values()}
    assert routed | set(ABOUT_EVENTS.values()) == set(EVENT_TYPES)
    assert set(EXAMPLES) | {"event-retracted"} == set(EVENT_TYPES)


def test_no_event_has_a_field_of_the_envelope() -> None:
    for definition in EVENT_TYPES.values():
        assert not set(definition.model_fields) & {*ENVELOPE, "type", "data"}, definition.NAME


def test_the_schemas_take_their_examples(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for step in STORY:
        template = re.sub(r"(/[a-z-]+)/[^/]+(/[a-z-]+)?$", r"\1/{identifier}\2", step.path)
        content = document["paths"][API + template]["post"]["requestBody"]["content"]["application/json"]
        schema = {**content["schema"], "components": document["components"]}
        Draft202012Validator.check_schema(content["schema"])
        Draft202012Validator(schema).validate(step.body)


def test_a_field_that_may_be_left_out_is_not_null_in_its_schema() -> None:
    assert schema_of("order-placed")["properties"]["known_on"]["type"] == "string"
    assert {"type": "null"} in schema_of("organization-changed")["properties"]["parent_id"]["anyOf"]


REFUSED: tuple[tuple[str, Any, int, str | None, str], ...] = (
    ("/organizations", ACME | {"country": "XX"}, 422, "/country", "'XX' is not an ISO 3166-1"),
    ("/organizations", ACME | {"type": "organization-registered"}, 422, "/type", "unknown field"),
    ("/organizations", ACME | {"data": {}}, 422, "/data", "unknown field"),
    ("/organizations", ACME | {"known_on": None}, 422, "/known_on", "must not be null"),
    ("/organizations", {"name": "Acme", "country": "DE"}, 422, "/effective_on", "is required"),
    ("/organizations", [ACME], 422, "", "the body is a JSON object"),
    ("/organizations", ACME | {"organization_id": "huawei"}, 409, "/organization_id", "is registered already"),
    ("/orders/nowhere/receipts", EXAMPLES["goods-received"] | {"id": "x"}, 422, "/order_id", "unknown order nowhere"),
    (
        "/orders/baidu-huawei-2023-08/returns",
        EXAMPLES["goods-returned"] | {"order_id": "po-2"},
        422,
        "/order_id",
        "is 'po-2', the path says 'baidu-huawei-2023-08'",
    ),
    (
        "/orders/baidu-huawei-2023-08/annotations",
        EXAMPLES["event-annotated"] | {"annotates": "nothing"},
        422,
        "/annotates",
        "unknown event nothing",
    ),
    (
        "/organizations/baidu/annotations",
        EXAMPLES["event-annotated"],
        422,
        "/annotates",
        "baidu-huawei-placed is an event of order/baidu-huawei-2023-08, not of organization/baidu",
    ),
    ("/organizations/baidu/corrections", {"reason": "none"}, 422, "/retracts", "is required"),
    ("/organizations/baidu/corrections", {"retracts": 7, "reason": "none"}, 422, "/retracts", "must be the id"),
    ("/orders/b%20d/receipts", EXAMPLES["goods-received"], 404, None, "'b d' is no id"),
)


def test_what_is_refused_says_where_in_the_flat_body(told: TestClient, nothing_recorded: None) -> None:
    for path, body, status, pointer, said in REFUSED:
        answer = told.post(API + path, json=body)
        assert answer.status_code == status, answer.text
        problem = answer.json()
        if pointer is None:
            assert said in problem["detail"]
        else:
            assert pointer in [fault["pointer"] for fault in problem["errors"]], problem
            assert said in json.dumps(problem["errors"], ensure_ascii=False), problem


def test_a_body_may_repeat_the_id_of_the_path(told: TestClient) -> None:
    body = {"organization_id": "baidu", "name": "Baidu", "effective_on": "2024"}
    assert told.post(f"{API}/organizations/baidu/changes", json=body).status_code == 201


def test_a_correction_is_recorded_whole_or_not_at_all(told: TestClient) -> None:
    before = head(told)
    wrong = {"retracts": "baidu-huawei-placed", "reason": "Another vendor"}
    refused = told.post(f"{ORDER}/corrections", json=wrong | {"replacement": {"effective_on": "2023-08"}})
    assert refused.status_code == 422
    assert "/replacement/buyers" in [fault["pointer"] for fault in refused.json()["errors"]]
    unknown = {**EXAMPLES["order-placed"], "vendor_id": "nobody", "id": "placed-again"}
    refused = told.post(f"{ORDER}/corrections", json=wrong | {"replacement": unknown})
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/replacement/vendor_id"]
    assert head(told) == before
    again = unknown | {"vendor_id": "kunlunxin"}
    answer = told.post(f"{ORDER}/corrections", json=wrong | {"replacement": again})
    assert answer.status_code == 201, answer.text
    # The placing takes its later events along: the retraction, one for each that stood, and what replaces it.
    assert answer.json()["count"] == 7
    last = told.get(f"{EVENTS}/{answer.json()['last_position']}").json()
    assert (last["corrects"], last["known_on"], last["type"]) == ("baidu-huawei-placed", "2023-11-07", "order-placed")
    assert told.get(ORDER).json()["vendor_id"] == "kunlunxin"


def test_a_correction_that_was_published_replaces_from_that_day_on(told: TestClient) -> None:
    enacted = told.get(f"{API}/organizations/kunlunxin/history").json()["events"][0]
    body = {
        "retracts": enacted["id"],
        "reason": "The register says Hong Kong",
        "known_on": "2024-02-01",
        "replacement": {"name": "Kunlunxin", "country": "HK", "effective_on": "2018"},
    }
    answer = told.post(f"{API}/organizations/kunlunxin/corrections", json=body)
    assert answer.status_code == 201, answer.text
    asked = {"known_on": "2024-01-31"}
    assert told.get(f"{API}/organizations/kunlunxin", params=asked).json()["country"] == "CN"
    assert told.get(f"{API}/organizations/kunlunxin").json()["country"] == "HK"


def test_what_follows_a_correction_of_something_else_is_refused(told: TestClient, nothing_recorded: None) -> None:
    wrong = {"retracts": "baidu-huawei-received", "reason": "again"}
    replacement = {"receipts": [{"line": "1", "quantity": "1"}], "effective_on": "2023-10", "corrects": "other"}
    answer = told.post(f"{ORDER}/corrections", json=wrong | {"replacement": replacement})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/replacement/corrects"]


def test_what_is_last_said_of_supply_and_rates_is_read_as_of_any_time(told: TestClient) -> None:
    rates = {"base": "EUR", "rates": {"USD": "1.1"}, "effective_on": "2024-01-02", "known_on": "2024-01-02"}
    assert told.post(f"{API}/exchange-rates", json=rates).headers["ETag"] == '"2"'
    assert told.get(f"{API}/exchange-rates/EUR").json()["rates"] == {"USD": "1.1"}
    before = told.get(f"{API}/exchange-rates/EUR", params={"effective_on": "2024-01-01"}).json()
    assert before["rates"] == {"USD": "1.0868", "CNY": "7.9196"}
    assert told.get(f"{API}/exchange-rates/EUR", params={"effective_on": "2001-01-01"}).status_code == 404
    found = told.get(f"{API}/supply-assertions/kunlun-own-chips").json()
    assert found["statement"].startswith("Baidu runs")
    assert found["event"]["type"] == "supply-asserted"


def test_a_history_has_every_event_as_it_is_stored_as_of_a_moment(told: TestClient) -> None:
    answer = told.get(f"{ORDER}/history")
    content = answer.json()
    assert [event["version"] for event in content["events"]] == list(range(1, content["version"] + 1))
    stored = told.get(f"{EVENTS}/{content['events'][0]['position']}")
    assert stored.content in answer.content
    lines = told.get(f"{ORDER}/history", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == content["events"]
    asked = {"known_on": "2024-01-01", "effective_on": "2023-09-30"}
    types = [event["type"] for event in told.get(f"{ORDER}/history", params=asked).json()["events"]]
    assert types == ["order-placed", "order-amended", "order-allocated", "event-annotated", "event-retracted"]
    first = told.get(f"{ORDER}/history", params={"position": content["events"][1]["position"]}).json()
    assert (len(first["events"]), first["version"]) == (2, 2)
    assert told.get(f"{API}/orders/po-9/history").status_code == 404


FACTS = [f"/{kind.plural}" for kind in KINDS] + [f"/{kind.plural}/po-1" for kind in KINDS]


def test_what_would_change_a_fact_is_told_how_to_correct_instead(client: TestClient) -> None:
    for path in (*FACTS, "/events", "/events/1", "/orders/po-1/receipts", "/orders/po-1/history"):
        allowed = {method for method in ("GET", "POST") if client.request(method, API + path).status_code != 405}
        for method in ("PUT", "PATCH", "DELETE"):
            answer = client.request(method, API + path, json={})
            assert answer.status_code == 405
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == allowed
            assert answer.json()["detail"].startswith(f"{method} {API}{path}: what is recorded stays")


def test_a_correction_is_told_by_its_own_path(client: TestClient) -> None:
    detail = client.delete(f"{API}/partnerships/p-1").json()["detail"]
    assert f"by POST to one of {API}/partnerships/p-1/changes, {API}/partnerships/p-1/endings" in detail
    assert f"by POST to {API}/partnerships/p-1/corrections with `retracts`" in detail
