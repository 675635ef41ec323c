"""Bodies: how many bytes and events they may have, how they are compressed, and what reading a bad one costs."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from domain.json_text import TooLong, parse_elements
from service.web import bodies
from service.web.bodies import MOST_FAULTS, read_events
from service.web.entry.compression import PIECE_BYTES, Gunzip
from service.web.entry.limits import SMALL_BODY_BYTES, Allowance, BodyMemory, Limits
from service.web.problems import HttpProblem
from tests.effort import assert_no_dearer
from tests.service.web.conftest import EVENTS, SEED

API = "/api/v1"
NDJSON = "application/x-ndjson"
BUYER = {
    "type": "organization-registered",
    "effective_on": "2020",
    "data": {"organization_id": "baidu", "name": "Baidu", "country": "CN"},
}


def refusal(read: Callable[[], Any]) -> HttpProblem:
    """How reading is refused."""
    with pytest.raises(HttpProblem) as refused:
        read()
    return refused.value


@pytest.mark.parametrize(
    ("piece", "media_type"),
    [
        (b"1\n", NDJSON),
        (b"{}\n", NDJSON),
        (b"[]\n", NDJSON),
        (b"{},", "application/json"),
        (b"[],", "application/json"),
    ],
)
def test_reading_ends_where_enough_is_wrong_to_say_so(piece: bytes, media_type: str) -> None:
    def of(count: int) -> Callable[[], HttpProblem]:
        many = piece * count
        body = many if media_type == NDJSON else b"[" + many[:-1] + b"]"
        return lambda: refusal(lambda: read_events(body, media_type))

    few, many = of(1_000), of(400_000)
    tracemalloc.start()
    problem = many()
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 4 * 400_000 * len(piece) + 4_000_000
    assert (few().name, few().errors) == (problem.name, problem.errors)
    assert len(problem.errors) == MOST_FAULTS
    assert_no_dearer(many, few, times=10)


def test_large_events_that_are_wrong_are_read_up_to_a_bound() -> None:
    large = json.dumps({"type": "x", "a": [{}] * 100_000}).encode()
    for body, media_type in ((b"\n".join([large] * 60), NDJSON), (b"[" + b",".join([large] * 60) + b"]", bodies.JSON)):
        problem = refusal(lambda body=body, media_type=media_type: read_events(body, media_type))
        assert problem.name == "invalid"
        assert len({error.get("line", error["pointer"].split("/")[1]) for error in problem.errors}) < 20


def test_blank_lines_are_counted_and_cost_little() -> None:
    line = json.dumps(BUYER).encode()
    batch = read_events(b"\n \n\r\n" + line + b"\n" * 500_000 + line + b"\n", NDJSON)
    assert list(batch.lines or ()) == [4, 500_004]
    assert refusal(lambda: read_events(b"\n" * 1_000_001, NDJSON)).name == "too-large"


def test_a_list_is_read_as_json_says(client: TestClient) -> None:
    one = json.dumps(BUYER).encode()
    for text in (b" [ " + one + b" , " + one + b" ] \n", b"[" + one + b"]", b"\r\n\t[" + one + b"]"):
        assert read_events(text, bodies.JSON).requests
    assert read_events(b" [ ] ", bodies.JSON).requests == []
    for text in (
        b"[",
        b"[1",
        b"[,]",
        b"[" + one + b",]",
        b"[" + one + b" " + one + b"]",
        b"[" + one + b"] x",
        b"[\xff]",
    ):
        assert refusal(lambda text=text: read_events(text, bodies.JSON)).name == "malformed", text


def test_where_a_long_list_is_no_json_is_said_by_its_own_lines() -> None:
    one = json.dumps(BUYER).encode()
    body = b"[" + (one + b",\n") * 60_000 + b"nonsense]"
    assert refusal(lambda: read_events(body, bodies.JSON)).detail == "not JSON: Expecting value (line 60001, column 1)"


def test_an_element_is_read_no_further_than_it_may_be_long() -> None:
    assert [value for value, _ in parse_elements(b'["' + b"x" * 98 + b'"]', 100)] == ["x" * 98]
    for element in (
        b'"' + b"x" * 99 + b'"',
        b'"' + b"x" * 9_999 + b'"',
        b"[" * 50 + b"1" * 900,
        b"{}" + b"," * 0,
        b"9" * 900,
    ):
        if element != b"{}":
            with pytest.raises((TooLong, ValueError)):
                list(parse_elements(b"[" + element + b",{}" * 1_000 + b"]", 100))
    with pytest.raises(TooLong):
        list(parse_elements(b'["' + b"x" * 9_999 + b'", 1]', 100))


def test_one_event_has_only_so_many_bytes() -> None:
    long = json.dumps({**BUYER, "source": {"citation": "x" * bodies.LONGEST_EVENT_BYTES}}).encode()
    for body, media_type in ((long, bodies.JSON), (b"[" + long + b"]", bodies.JSON), (b"\n" + long, NDJSON)):
        assert refusal(lambda body=body, media_type=media_type: read_events(body, media_type)).name == "too-large"


@pytest.mark.usefixtures("nothing_recorded")
def test_a_scenario_supposes_only_so_much(client: TestClient) -> None:
    path = f"{API}/scenarios/vendor-dependence"
    long = client.post(path, content=b"1\n" * SMALL_BODY_BYTES, headers={"Content-Type": NDJSON})
    assert (long.status_code, long.json()["type"]) == (413, "/problems/too-large")
    wrong = client.post(path, content=b"1\n" * (SMALL_BODY_BYTES // 2), headers={"Content-Type": NDJSON})
    assert (wrong.status_code, len(wrong.json()["errors"])) == (422, MOST_FAULTS)
    many = client.post(path, json=[BUYER] * 1_001)
    assert (many.status_code, many.json()["detail"]) == (422, "there are more than 1,000 events in the request")


@pytest.mark.usefixtures("nothing_recorded")
def test_what_says_one_thing_is_small(client: TestClient) -> None:
    large = json.dumps({"note": "x" * SMALL_BODY_BYTES})
    for method, path in (
        ("POST", f"{API}/orders"),
        ("POST", f"{API}/orders/po-1/corrections"),
        ("POST", f"{API}/webhooks"),
        ("POST", f"{API}/webhooks/one/pause"),
        ("POST", f"{API}/scenarios/regulatory-exposure"),
        ("PUT", f"{API}/mappings/one"),
    ):
        answer = client.request(method, path, content=large, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large"), path


def test_a_body_that_nobody_reads_is_passed_over(client: TestClient) -> None:
    for method in ("GET", "DELETE"):
        for path in ("/livez", EVENTS, f"{API}/webhooks/one"):
            plain, with_body = client.request(method, path), client.request(method, path, content=b"x" * 2_000_000)
            assert (plain.status_code, plain.content[:80]) == (with_body.status_code, with_body.content[:80]), path


def test_a_compressed_body_is_the_same_request(client: TestClient) -> None:
    headers = {"Content-Type": NDJSON, "Idempotency-Key": "the seed"}
    half = SEED.index(b"\n", len(SEED) // 2) + 1
    for coding, body in (
        ("gzip", gzip.compress(SEED)),
        ("x-gzip", gzip.compress(SEED[:half]) + gzip.compress(SEED[half:])),
        ("identity", SEED),
    ):
        answer = client.post(EVENTS, content=body, headers={**headers, "Content-Encoding": coding})
        assert answer.status_code == (201 if coding == "gzip" else 200), answer.text


@pytest.mark.usefixtures("nothing_recorded")
def test_every_route_reads_gzip_and_no_other_coding(client: TestClient) -> None:
    for method, path in (
        ("POST", EVENTS),
        ("POST", f"{API}/organizations"),
        ("POST", f"{API}/orders/po-1/receipts"),
        ("POST", f"{API}/scenarios/vendor-dependence"),
        ("POST", f"{API}/webhooks"),
        ("PUT", f"{API}/mappings/one"),
    ):
        said = {"Content-Type": "application/json"}
        plain = client.request(method, path, content=b"nonsense", headers=said)
        packed = client.request(
            method, path, content=gzip.compress(b"nonsense"), headers={**said, "Content-Encoding": "gzip"}
        )
        assert (plain.status_code, plain.json()) == (packed.status_code, packed.json()), path
        for coding in ("br", "deflate", "gzip, gzip", "gzip, identity", "x"):
            answer = client.request(method, path, content=b"x", headers={**said, "Content-Encoding": coding})
            assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip"), (path, coding)


@pytest.mark.usefixtures("nothing_recorded")
def test_what_is_no_gzip_or_expands_too_far_is_refused(client: TestClient) -> None:
    packed = gzip.compress(SEED)
    bomb = gzip.compress(b"\n" * 30_000_000)
    for content, status in (
        (SEED, 400),
        (packed[:-1], 400),
        (packed[:40], 400),
        (packed + b"x", 400),
        (packed[:-8] + b"\x00" * 8, 400),
        (gzip.compress(b"") * 20_000, 400),
        (bomb, 413),
        (gzip.compress(b"\n" * 20_000_000) * 2, 413),
    ):
        answer = client.post(EVENTS, content=content, headers={"Content-Type": NDJSON, "Content-Encoding": "gzip"})
        assert answer.status_code == status, content[:20]


def test_no_more_is_decoded_than_is_asked_for() -> None:
    gunzip = Gunzip()
    gunzip.take(gzip.compress(b"x" * 50_000_000))
    assert len(gunzip.piece()) == PIECE_BYTES


def test_bodies_together_take_only_so_much_memory() -> None:
    room = BodyMemory(100)
    room.take(60)
    full = refusal(lambda: room.take(41))
    assert (full.name, "Retry-After" in full.headers) == ("unavailable", True)
    room.take(40)
    room.give_back(60)
    room.take(60)


@pytest.mark.anyio
async def test_room_is_given_back_however_a_request_ends() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append(message["type"])
        if scope["query_string"]:
            raise RuntimeError("it broke")

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 60, "more_body": False}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    limits = Limits(app, 60, 5.0, {"/many": Allowance(60, 5.0)})
    for query in (b"", b"a=b", b"", b"a=b", b""):
        scope = {"type": "http", "method": "POST", "path": "/many", "query_string": query, "headers": []}
        if query:
            with pytest.raises(RuntimeError):
                await limits(scope, receive, send)
        else:
            await limits(scope, receive, send)
    assert seen == ["http.request"] * 5
