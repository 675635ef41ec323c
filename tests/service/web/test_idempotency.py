"""Idempotency keys over HTTP: a request sent again records nothing again, wherever and whenever it is sent again."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from service.daybook import Daybook, open_daybook
from service.settings import Settings
from service.web.application import application
from service.web.entry.access import Access
from tests.service.web.conftest import EVENTS, TOKEN, head

API = "/api/v1"
OTHER_TOKEN = "another recorder's token"


def organization(identifier: str = "acme", **more: Any) -> dict[str, Any]:
    """An organisation as it is posted."""
    named = {"organization_id": identifier, "name": identifier.title(), "country": "DE", "effective_on": "2024-01-01"}
    return named | more


def post(client: TestClient, key: str | None, body: Any = None, path: str = f"{API}/organizations") -> Any:
    """Post something under a key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(path, json=organization() if body is None else body, headers=headers)


@pytest.fixture
def other(settings: Settings, daybook: Daybook) -> Iterator[TestClient]:
    """A client of another service on the same database."""
    with open_daybook(settings) as second:
        app = application(second, settings, Access.of([(TOKEN, "recorder-7")]))
        with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            yield client


def test_a_request_sent_again_under_its_key_gets_its_first_answer(client: TestClient) -> None:
    first = post(client, '"order-7"')
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    # A key is the same with quotation marks and without.
    second = post(client, "order-7")
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
    assert second.json() == first.json()
    assert (second.headers["Location"], second.headers["ETag"]) == (first.headers["Location"], first.headers["ETag"])
    assert head(client) == 1


def test_without_a_key_it_is_another_request(client: TestClient) -> None:
    assert post(client, None).status_code == 201
    assert post(client, None).status_code == 409


def test_a_key_goes_with_one_method_path_and_body(client: TestClient) -> None:
    assert post(client, "k-1").status_code == 201
    other_body = post(client, "k-1", organization("acme", name="ACME"))
    other_path = post(client, "k-1", organization(), f"{API}/products")
    for answer in (other_body, post(client, "k-1", [organization()], EVENTS)):
        assert answer.status_code == 422, answer.text
    assert other_body.json()["type"] == "/problems/idempotency-key-reused"
    assert "under the key 'k-1' something else was sent before" in other_body.json()["detail"]
    assert other_path.status_code == 422
    assert head(client) == 1


def test_each_token_has_keys_of_its_own(daybook: Daybook, settings: Settings) -> None:
    app = application(daybook, settings, Access.of([(TOKEN, "recorder-7"), (OTHER_TOKEN, "recorder-8")]))
    with TestClient(app) as client:
        for number, token in enumerate((TOKEN, OTHER_TOKEN), start=1):
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k-1"}
            answer = client.post(f"{API}/organizations", json=organization(f"acme-{number}"), headers=headers)
            assert answer.status_code == 201, answer.text


def test_a_refused_request_leaves_its_key_free(client: TestClient) -> None:
    refused = post(client, "k-1", organization(country="XX"))
    assert refused.status_code == 422
    unknown = {"order_id": "po-1", "receipts": [{"line": "1", "quantity": "1"}], "effective_on": "2024-01-01"}
    assert post(client, "k-1", unknown, f"{API}/orders/po-1/receipts").status_code == 422
    assert post(client, "k-1").status_code == 201


NO_KEYS = {
    "": "is empty",
    "   ": "is empty",
    '""': "is empty",
    '"unfinished': "is not a string",
    "x" * 256: "has 256 characters, more than 255",
    "tab\there": "not printable ASCII",
}


def test_what_is_no_key(client: TestClient, nothing_recorded: None) -> None:
    for key, said in NO_KEYS.items():
        answer = post(client, key)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")
        assert said in answer.json()["detail"]


def test_the_longest_key_and_two_keys(client: TestClient) -> None:
    assert post(client, "x" * 255).status_code == 201
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = client.post(f"{API}/organizations", json=organization("other"), headers=headers)
    assert "is sent 2 times" in answer.json()["detail"]


def test_a_batch_sent_again_under_a_key_gets_the_first_answer_however_it_was_mixed(client: TestClient) -> None:
    event = {"type": "organization-registered", "effective_on": "2024-01-01"}
    one = event | {"id": "e-1", "data": {"organization_id": "one", "name": "One", "country": "DE"}}
    two = event | {"data": {"organization_id": "two", "name": "Two", "country": "DE"}}
    client.post(EVENTS, json=one)
    first = post(client, "k-1", [one, two], EVENTS)
    second = post(client, "k-1", [one, two], EVENTS)
    assert first.json()["count"] == 1
    assert second.json() == first.json()
    assert (first.status_code, second.status_code) == (201, 200)
    # What had been recorded before under its id is kept under the key as well.
    assert post(client, "k-2", one, EVENTS).status_code == 200
    assert post(client, "k-2", two, EVENTS).json()["type"] == "/problems/idempotency-key-reused"


def test_a_large_batch_is_answered_again_in_short(client: TestClient) -> None:
    event = {"type": "organization-registered", "effective_on": "2024-01-01"}
    batch = [
        event | {"data": {"organization_id": f"org-{n}", "name": f"Organisation {n}", "country": "DE"}}
        for n in range(1_200)
    ]
    first, second = post(client, "k-1", batch, EVENTS), post(client, "k-1", batch, EVENTS)
    assert first.status_code == 201
    assert second.json() == first.json()
    assert (second.json()["count"], len(second.json()["events"])) == (1_200, 1_000)


def test_a_key_holds_in_another_process_and_after_a_restart(
    client: TestClient, other: TestClient, settings: Settings
) -> None:
    first = post(client, "k-1")
    again = post(other, "k-1")
    assert (again.status_code, again.json()) == (200, first.json())
    with open_daybook(settings) as restarted:
        app = application(restarted, settings, Access.of([(TOKEN, "recorder-7")]))
        with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as later:
            assert post(later, "k-1").json() == first.json()
            assert post(later, "k-1", organization("other")).status_code == 422
    assert head(client) == 1


def test_of_requests_under_one_key_at_the_same_time_one_is_recorded(client: TestClient, other: TestClient) -> None:
    clients = [client, other] * 8
    with ThreadPoolExecutor(len(clients)) as threads:
        # Without an order id of its own each would be recorded: supply may be asserted again and again.
        post(client, None)
        body = {
            "assertion_id": "a-1",
            "buyer_id": "acme",
            "vendor_id": "acme",
            "statement": "It makes its own.",
            "effective_on": "2024-01-01",
        }
        answers = list(threads.map(lambda one: post(one, "k-1", body, f"{API}/supply-assertions"), clients))
    assert sorted(answer.status_code for answer in answers) == [200] * (len(clients) - 1) + [201]
    assert len({json.dumps(answer.json()) for answer in answers}) == 1
    assert head(client) == 2


def test_of_other_requests_under_one_key_at_the_same_time_one_is_recorded(
    client: TestClient, other: TestClient
) -> None:
    clients = list(enumerate([client, other] * 6))
    with ThreadPoolExecutor(len(clients)) as threads:
        answers = list(threads.map(lambda one: post(one[1], "k-1", organization(f"org-{one[0]}")), clients))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * (len(clients) - 1)
    assert head(client) == 1


def test_a_key_is_recorded_with_its_events_or_not_at_all(
    client: TestClient, owner: Connection[Any], database: str
) -> None:
    # Whatever goes wrong between the two: here the database refuses the key.
    owner.execute("alter table idempotency_keys add constraint none check (key <> 'k-1')")
    answer = TestClient(client.app, headers=dict(client.headers), raise_server_exceptions=False).post(
        f"{API}/organizations", json=organization(), headers={"Idempotency-Key": "k-1"}
    )
    assert answer.status_code == 500
    assert head(client) == 0
    owner.execute("alter table idempotency_keys drop constraint none")
    assert post(client, "k-1").status_code == 201
    with psycopg.connect(database) as connection:
        rows = connection.execute("select actor, key, receipt->'events' from idempotency_keys").fetchall()
    assert [(actor, key, events[0][1]) for actor, key, events in rows] == [("recorder-7", "k-1", 1)]


def test_a_webhook_is_made_once_under_a_key(client: TestClient, other: TestClient) -> None:
    path = f"{API}/webhooks"
    wanted = {"url": "https://buying.example/daybook", "types": ["order-placed"]}
    clients = [client, other] * 4
    with ThreadPoolExecutor(len(clients)) as threads:
        answers = list(threads.map(lambda one: post(one, "k-1", wanted, path), clients))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({(answer.json()["id"], answer.json()["secret"]) for answer in answers}) == 1
    assert len(client.get(path).json()["webhooks"]) == 1
    assert post(client, "k-1", wanted | {"types": []}, path).json()["type"] == "/problems/idempotency-key-reused"
    assert post(client, "k-1").json()["type"] == "/problems/idempotency-key-reused"
    assert client.delete(f"{path}/{answers[0].json()['id']}").status_code == 204
    assert post(client, "k-1", wanted, path).status_code == 404


def test_keys_are_never_changed_or_removed(client: TestClient, owner: Connection[Any]) -> None:
    post(client, "k-1")
    for statement in ("update idempotency_keys set key = 'k-2'", "delete from idempotency_keys"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute(statement)
