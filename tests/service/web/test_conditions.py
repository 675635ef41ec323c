"""Conditions on requests, answers that may be kept, HEAD, preferences and limits."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from service.daybook import Daybook, open_daybook
from service.settings import Settings
from service.web.application import application
from service.web.entry.access import Access
from tests.service.web.conftest import EVENTS, TOKEN, head
from tests.service.web.test_idempotency import organization

API = "/api/v1"
ACME = f"{API}/organizations/acme"
FOR_EVER = "private, immutable, max-age=31536000"


def change(client: TestClient, match: str | None, name: str = "Acme Ltd", **headers: str) -> Any:
    """Change the organisation under a condition."""
    sent = headers if match is None else headers | {"If-Match": match}
    return client.post(f"{ACME}/changes", json={"name": name, "effective_on": "2024-02-01"}, headers=sent)


@pytest.fixture
def acme(client: TestClient) -> TestClient:
    """The client of a ledger with one organisation."""
    assert client.post(f"{API}/organizations", json=organization()).headers["ETag"] == '"1"'
    return client


def test_a_change_is_recorded_at_the_version_that_was_read(acme: TestClient) -> None:
    tag = acme.get(ACME).headers["ETag"]
    first = change(acme, tag)
    assert (first.status_code, first.headers["ETag"]) == (201, '"2"')
    second = change(acme, tag)
    assert (second.status_code, second.json()["type"]) == (412, "/problems/precondition-failed")
    assert second.json()["detail"] == "organization/acme is at version 2, and the version wanted is 1"
    assert head(acme) == 2


def test_what_a_condition_takes(acme: TestClient) -> None:
    refused = {'"2"': 412, 'W/"1"': 412, '"one"': 412, "1": 400, '"1': 400, '"1" "2"': 400}
    taken = ("*", '"2"', '"7", "3"', '"4-0123456789abcdef"')
    for match, status in refused.items():
        assert change(acme, match).status_code == status, match
    for match in taken:
        assert change(acme, match).status_code == 201, match


def test_of_two_who_read_the_same_version_one_is_recorded(acme: TestClient, settings: Settings) -> None:
    with open_daybook(settings) as second:
        app = application(second, settings, Access.of([(TOKEN, "recorder-8")]))
        with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as other, ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda one: change(one, '"1"'), [acme, other] * 4))
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 7
    assert head(acme) == 2


def test_a_replay_is_answered_before_its_condition(acme: TestClient) -> None:
    keyed = {"Idempotency-Key": "k-1"}
    assert change(acme, '"1"', **keyed).status_code == 201
    assert change(acme, '"1"', **keyed).status_code == 200
    body = {"name": "Acme SE", "effective_on": "2024-03-01", "id": "change-2"}
    for status in (201, 200):
        answer = acme.post(f"{ACME}/changes", json=body, headers={"If-Match": '"2"'})
        assert answer.status_code == status, answer.text


def test_what_should_be_new_is_refused_where_it_is_there(acme: TestClient) -> None:
    asserted = {
        "assertion_id": "a-1",
        "buyer_id": "acme",
        "vendor_id": "acme",
        "statement": "It makes its own.",
        "effective_on": "2024-01-01",
    }
    statuses = [
        acme.post(f"{API}/supply-assertions", json=asserted, headers={"If-None-Match": "*"}).status_code
        for _ in range(2)
    ]
    assert statuses == [201, 412]


def test_a_condition_may_be_asked_of_everybody(daybook: Daybook, settings: Settings) -> None:
    strict = settings.model_copy(update={"require_if_match": True})
    app = application(daybook, strict, Access.of([(TOKEN, "recorder-7")]))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        assert client.post(f"{API}/organizations", json=organization()).status_code == 201
        refused = change(client, None)
        assert (refused.status_code, refused.json()["type"]) == (428, "/problems/precondition-required")
        assert change(client, '"1"').status_code == 201


def test_a_condition_on_the_whole_ledger_is_refused(acme: TestClient, nothing_recorded: None) -> None:
    assert acme.post(EVENTS, json=[], headers={"If-Match": '"1"'}).status_code in (400, 422)


def test_what_the_client_has_is_not_sent_again(acme: TestClient) -> None:
    tag = acme.get(ACME).headers["ETag"]
    kept = acme.get(ACME, headers={"If-None-Match": tag})
    assert (kept.status_code, kept.content, kept.headers["ETag"]) == (304, b"", tag)
    assert acme.get(ACME, headers={"If-None-Match": 'W/"1", "x"'}).status_code == 304
    change(acme, None)
    assert acme.get(ACME, headers={"If-None-Match": tag}).status_code == 200


def test_what_changed_without_an_event_of_its_own_is_sent_again(acme: TestClient) -> None:
    parent = f"{API}/organizations"
    acme.post(parent, json=organization("holding"))
    acme.post(parent, json=organization("plant", parent_id="acme"))
    tag = acme.get(f"{parent}/plant").headers["ETag"]
    body = {"parent_id": "holding", "effective_on": "2024-02-01"}
    assert acme.post(f"{ACME}/changes", json=body).status_code == 201
    answer = acme.get(f"{parent}/plant", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["ultimate_parent_id"]) == (200, "holding")


def test_what_changed_with_the_days_is_sent_again(client: TestClient) -> None:
    client.post(f"{API}/organizations", json=organization())
    later = {"name": "Acme of the future", "effective_on": "2099-01-01"}
    assert client.post(f"{ACME}/changes", json=later).status_code == 201
    today = client.get(ACME)
    assert client.get(ACME, headers={"If-None-Match": today.headers["ETag"]}).status_code == 304
    then = {"effective_on": "2099-02-01"}
    answer = client.get(ACME, params=then, headers={"If-None-Match": today.headers["ETag"]})
    assert (answer.status_code, answer.json()["name"]) == (200, "Acme of the future")
    # As of a moment the tag says which; for a change it is the version that counts.
    assert answer.headers["ETag"].startswith('"2-')
    assert client.get(ACME, params=then, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_what_is_pinned_may_be_kept_for_ever_and_nothing_else(seeded: TestClient) -> None:
    position = head(seeded)
    pinned = {"position": position, "effective_on": "2024-01-01"}
    view = f"{API}/views/vendor-dependence"
    for path in (view, f"{API}/organizations", f"{API}/organizations/baidu", f"{API}/orders", f"{EVENTS}/1"):
        answer = seeded.get(path, params=pinned if not path.startswith(EVENTS) else {})
        assert answer.headers["Cache-Control"] == FOR_EVER, path
        again = seeded.get(path, params=pinned, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, FOR_EVER), path
    between = {"position": position, "from": "2023-01-01", "to": "2024-01-01", "step": "P6M"}
    assert seeded.get(f"{view}/series", params=between).headers["Cache-Control"] == FOR_EVER
    recorded_at = seeded.get(f"{EVENTS}/{position}").json()["recorded_at"]
    for moving in (
        {},
        {"position": position},
        {"effective_on": "2024-01-01"},
        {"effective_on": "2024-01-01", "min_position": position},
        {"effective_on": "2024-01-01", "recorded_at": recorded_at},
    ):
        assert seeded.get(view, params=moving).headers["Cache-Control"] == "private, no-cache", moving


def test_a_head_has_the_headers_of_its_get(seeded: TestClient) -> None:
    pinned = {"position": head(seeded), "effective_on": "2024-01-01"}
    paths = (
        "/livez",
        "/openapi.json",
        "/problems/invalid",
        f"{API}/views/vendor-dependence",
        f"{API}/orders",
        f"{API}/organizations/baidu",
        f"{API}/organizations/nobody",
        f"{API}/regulations/3a090-2023/history",
        f"{EVENTS}/7",
        EVENTS,
    )
    for path in paths:
        named = {"X-Request-Id": "same", "Connection": "keep-alive"}
        params = pinned if path.startswith(f"{API}/v") or (path.endswith("s") and path != EVENTS) else {}
        got = seeded.get(path, params=params, headers=named)
        told = seeded.head(path, params=params, headers=named)
        assert (told.status_code, told.content) == (got.status_code, b""), path
        assert dict(told.headers) == dict(got.headers), path


def test_a_head_of_what_streams_ends_at_once(seeded: TestClient) -> None:
    listening = seeded.head(f"{EVENTS}/stream")
    assert (listening.status_code, listening.content) == (200, b"")
    assert listening.headers["Content-Type"].startswith("text/event-stream")
    lines = seeded.head(EVENTS, headers={"Accept": "application/x-ndjson"})
    assert (lines.status_code, lines.content) == (200, b"")


def test_a_client_says_how_long_it_waits(seeded: TestClient, daybook: Daybook) -> None:
    view = f"{API}/views/vendor-dependence"
    asked = {"min_position": head(seeded), "effective_on": "2024-01-01"}
    answer = seeded.get(view, params=asked, headers={"Prefer": "respond-async, wait=2"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=2")
    capped = seeded.get(view, params=asked, headers={"Prefer": "wait=9000"})
    assert capped.headers["Preference-Applied"] == "wait=30"
    data = {"organization_id": "x", "name": "X", "country": "DE"}
    supposed = {"type": "organization-registered", "effective_on": "2024", "data": data}
    scenario = seeded.post(f"{API}/scenarios/vendor-dependence", json=supposed, headers={"Prefer": "wait=3"})
    assert (scenario.status_code, scenario.headers["Preference-Applied"]) == (200, "wait=3")
    assert "Preference-Applied" not in seeded.get(view, params=asked, headers={"Prefer": "wait=soon"}).headers
    # With nobody who follows the ledger, the projection stands still.
    daybook.follower.close()
    daybook.committer.acknowledged += 1
    late = seeded.get(view, headers={"Prefer": "wait=0"})
    assert (late.status_code, late.headers["Retry-After"], late.headers["Preference-Applied"]) == (503, "1", "wait=0")


def test_what_is_nested_too_deeply_is_malformed(client: TestClient, nothing_recorded: None) -> None:
    for depth in (65, 2_000, 100_000):
        for path in (EVENTS, f"{API}/organizations", f"{API}/scenarios/vendor-dependence"):
            nested = "[" * (depth - 1) + "]" * (depth - 1)
            body = f'{{"type":"order-placed","data":{nested}}}'
            answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed"), path
            assert "nested" in answer.json()["detail"]


def test_as_deep_as_it_may_be_is_read(client: TestClient, nothing_recorded: None) -> None:
    body = '{"type":"order-placed","data":' + "[" * 63 + "]" * 63 + "}"
    answer = client.post(EVENTS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_a_query_has_only_so_many_parameters(client: TestClient) -> None:
    few = client.get(EVENTS, params=[("type", "order-placed")] * 1_000)
    many = client.get(EVENTS, params=[("type", "order-placed")] * 1_001)
    assert (few.status_code, many.status_code) == (200, 400)
    assert "1001 parameters, more than 1000" in many.json()["detail"]


def test_a_nul_in_an_address_is_malformed(client: TestClient) -> None:
    for path in (f"{API}/orders/%00", f"{EVENTS}?type=%00", f"{API}/views/vendor-dependence?buyer=b%00", "/nowhere%00"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed"), path


@pytest.fixture
def address(daybook: Daybook, settings: Settings) -> Iterator[tuple[str, int]]:
    """Where a real server listens that gives a body half a second."""
    hasty = settings.model_copy(update={"body_timeout_s": 0.5, "body_limit_bytes": 1_000})
    app = application(daybook, hasty, Access.of([(TOKEN, "recorder-7")]))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


def test_a_connection_goes_on_after_a_head(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=20)
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/livez", f"{API}/organizations", f"{EVENTS}/stream", EVENTS):
        connection.request("HEAD", path, headers=authorized)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b""), path
    connection.request("GET", "/livez")
    assert json.loads(connection.getresponse().read()) == {"status": "alive"}
    connection.close()


def exchange(address: tuple[str, int], path: str, sent: str, length: int) -> tuple[int, dict[str, Any]]:
    """Send a request whose body is `length` bytes as it says, and of these the beginning; the answer."""
    with socket.create_connection(address, timeout=20) as connection:
        request = (
            f"POST {path} HTTP/1.1\r\nHost: daybook\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{sent}"
        )
        connection.sendall(request.encode())
        answer = b""
        while part := connection.recv(65_536):
            answer += part
            opening, _, body = answer.partition(b"\r\n\r\n")
            if body.endswith(b"}"):
                break
    return int(opening.split()[1]), json.loads(body)


def test_a_body_that_comes_too_slowly_is_waited_for_no_longer(address: tuple[str, int]) -> None:
    for path in (EVENTS, f"{API}/orders", f"{API}/orders/po-1/receipts", f"{API}/webhooks"):
        status, problem = exchange(address, path, '{"half":', 100)
        assert (status, problem["type"]) == (408, "/problems/request-timeout"), path
        assert problem["detail"] == "the body was not sent within 0.5 s: 8 bytes came"


def test_a_body_of_any_route_has_only_so_many_bytes(address: tuple[str, int]) -> None:
    sent = json.dumps({"url": "x" * 2_000})
    for path in (EVENTS, f"{API}/orders", f"{API}/webhooks"):
        status, problem = exchange(address, path, sent, len(sent))
        assert (status, problem["type"]) == (413, "/problems/too-large"), path
