"""Webhooks over HTTP."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.webhooks.receiving import receiving

WEBHOOKS = "/api/v1/webhooks"
HERE = "http://127.0.0.1:9/events"


def make(client: TestClient, **wanted: Any) -> dict[str, Any]:
    """A webhook, as it was answered."""
    answer = client.post(WEBHOOKS, json={"url": HERE, **wanted})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{WEBHOOKS}/{made['id']}"
    return made


def test_the_secret_is_shown_once(seeded: TestClient) -> None:
    made = make(seeded, types=["order-placed"])
    assert made["secret"].startswith("whsec_")
    assert made["position"] == 56
    read = seeded.get(f"{WEBHOOKS}/{made['id']}").json()
    assert read == {name: value for name, value in made.items() if name != "secret"}
    assert seeded.get(WEBHOOKS).json() == {"webhooks": [read]}


def test_its_life(seeded: TestClient) -> None:
    made = make(seeded, after=0)
    path = f"{WEBHOOKS}/{made['id']}"
    assert made["position"] == 0
    assert seeded.post(f"{path}/pause").json()["status"] == "paused"
    assert seeded.post(f"{path}/resume").json()["status"] == "active"
    assert seeded.post(f"{path}/replay", json={"after": 50}).json()["position"] == 50
    assert seeded.post(f"{path}/rotate-secret").json()["secret"] != made["secret"]
    assert seeded.delete(path).status_code == 204
    assert seeded.get(path).status_code == 404
    assert seeded.delete(path).json()["type"] == "/problems/not-found"


def test_a_message_can_be_sent_to_try_it(seeded: TestClient) -> None:
    with receiving() as receiver:
        made = make(seeded, url=receiver.url)
        answer = seeded.post(f"{WEBHOOKS}/{made['id']}/test").json()
        assert answer == {"delivered": True, "status": 204, "error": None}
        assert b"daybook.webhook-test" in receiver.came[0][1]
        receiver.answer = lambda number: (500, {})
        assert seeded.post(f"{WEBHOOKS}/{made['id']}/test").json()["error"] == "answered 500"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "url"),
        ({"url": "ftp://example.org/"}, "https address"),
        ({"url": "https://"}, "https address"),
        ({"url": "https://ada:secret@example.org/"}, "neither a user"),
        ({"url": "http://example.org/hook"}, "plain http"),
        ({"url": HERE, "types": ["order-lost"]}, "no event type 'order-lost'"),
        ({"url": HERE, "after": -1}, "greater than or equal to 0"),
        ({"url": HERE, "colour": "red"}, "Extra inputs"),
        ({"url": "https://example.org/" + "x" * 2_000}, "at most 2000"),
        ({"url": "https://10.0.0.1/hook"}, "not a public address"),
        ({"url": "https://0xa9fea9fe/"}, "not a public address"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "not a public address"),
        ({"url": "https://example.org/\x00"}, "no address"),
        ({"url": "https://example.org:99999/"}, "port"),
    ],
)
def test_what_is_no_webhook_is_refused(client: TestClient, wanted: dict[str, Any], said: str) -> None:
    answer = client.post(WEBHOOKS, json=wanted)
    assert answer.status_code == 422
    assert said in str(answer.json()["detail"])
    assert client.get(WEBHOOKS).json() == {"webhooks": []}


def test_a_position_beyond_the_ledger_is_refused(client: TestClient) -> None:
    assert client.post(WEBHOOKS, json={"url": HERE, "after": 7}).json()["type"] == "/problems/beyond-the-ledger"
    made = make(client)
    assert client.post(f"{WEBHOOKS}/{made['id']}/replay", json={"after": 1}).status_code == 400


def test_what_is_asked_again_under_a_key_is_done_once(seeded: TestClient) -> None:
    with receiving() as receiver:
        made = make(seeded, url=receiver.url, after=0)
        path = f"{WEBHOOKS}/{made['id']}"

        def twice(what: str, key: str, **body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            answers = [seeded.post(f"{path}/{what}", headers={"Idempotency-Key": key}, **body) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 200], answers[-1].text
            assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true"]
            return answers[0].json(), answers[1].json()

        first, again = twice("rotate-secret", "k-1")
        assert first["secret"] == again["secret"] != made["secret"]
        first, again = twice("test", "k-2")
        assert (first, len(receiver.came)) == (again, 1)
        twice("replay", "k-3", json={"after": 50})
        seeded.post(f"{path}/replay", json={"after": 20})
        replayed = seeded.post(f"{path}/replay", json={"after": 50}, headers={"Idempotency-Key": "k-3"})
        assert replayed.json()["position"] == 20
        reused = seeded.post(f"{path}/pause", headers={"Idempotency-Key": "k-1"})
        assert (reused.status_code, reused.json()["type"]) == (422, "/problems/idempotency-key-reused")
        twice("pause", "k-4")
