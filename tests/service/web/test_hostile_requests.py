"""Every route of the description, asked with values that nobody means well: answered, and never by a fault of ours."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from service.daybook import Daybook
from service.settings import Settings
from service.web.application import application
from service.web.description.openapi import document
from service.web.entry.access import Access

API = "/api/v1"
#: As they stand in an address: percent-encoded where they need be.
VALUES = (
    *(
        "",
        "%00",
        "%20",
        "%0a",
        "%ff",
        "%ed%a0%80",
        "%",
        "%zz",
        "%F0%9F%90%BB",
        "..%2f..",
        "%EF%BC%91%EF%BC%90",
        "e%CC%81",
    ),
    *(
        "0",
        "-1",
        "%2B1",
        "01",
        "1_0",
        "1e3",
        "1.0",
        "9" * 18,
        "9" * 19,
        "9" * 400,
        "NaN",
        "true",
        "null",
        "[]",
        "%7B%7D",
    ),
    *("0001-01-01", "9999-12-31", "2023-W35", "2023-02-30", "10000-01-01", "0000-01-01", "2023-08", "../2023-08-31"),
    *("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "2016-12-31T23:59:60Z", "2023-W35-1T00:00:00Z"),
    *("P0D", "P1D", "P99999Y", "P999999999999Y", "P99999Y99999M99999W99999D", "PT1S", "P1"),
    *("x" * 5_000, "'%3B%20select%201--", "%25%25%5F", "attribute:" + "x" * 200, "json", "csv", "USD", "XXX"),
    *(quote(base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")) for text in ("[]", "[" * 700, "null", '"')),
)
#: What may stand in a header; what may not is refused before it is read (test_connections).
HEADERS = {
    "Accept": (",", ";", "*/*;q=", "a/b;q=nan", ";;,;q=1,,", "*/*;q=0", "x/y," * 10_000, '"', "text/csv;q=1e400"),
    "Accept-Encoding": (",", "gzip;q", "gzip;q=0.0.0", "*", "gzip;" * 1_000),
    "Authorization": ("Bearer", "Bearer  ", "Bearer " + "x" * 9_000, "Basic Og==", "Bearer a.b.c", "Bearer \xff"),
    "Host": ("[", "[::1", "]", "a:b", "a:99999999", "", "\xe9", "a b", "@", "/", "?#"),
    "Origin": ("http://[", "null", "http://", "http://[::1", "x", "http://a:b"),
    "If-Match": ('"', "*,", '"1",,"2"', "W/", '"' + "9" * 400 + '"', '"01"', '"-1"', '"1' * 1_000),
    "If-None-Match": ('"', "*,", '"1",,"2"', "W/", '"1' * 1_000),
    "If-Modified-Since": ("x", "Sat, 99 Foo 99999 99:99:99 GMT"),
    "Idempotency-Key": (" ", '"', '"\\"', "x" * 256, "\xe9", '"\\x"'),
    "Last-Event-ID": ("-1", "01", "1_0", "9" * 400, "x", "\xb2"),
    "Range": ("bytes=-1", "bytes=9-1", "x"),
    "Prefer": ("wait=-1", "wait=" + "9" * 400, "wait=01", "wait", "wait=1;" * 1_000),
    "Content-Type": (
        "",
        ";",
        "application/json;charset=utf-16",
        "x" * 9_000,
        "multipart/form-data",
        "a/b;c=" + '"' * 99,
    ),
    "Content-Encoding": ("", ",", "gzip,", "br", "x" * 9_000),
    "Content-Length": ("-1", "x", "9" * 400, "\xb2"),
    "X-Correlation-Id": ("", " ", "x" * 200, "\xe9"),
    "X-Request-Id": ("", " ", "x" * 200, "\xe9"),
    "traceparent": ("x", "00-" + "0" * 32 + "-" + "0" * 16 + "-00"),
}
#: Each route, and each of its parameters, is asked with one in so many of the values: the routes share the code that
#: reads them, and all the values come in over all of them.
ROUNDS = 32
CURSORS = ("\ud800", "x" * 200, "\x00", "../..", "é")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each route that is answered and done."""
    paths: dict[str, dict[str, Any]] = document()["paths"]
    return [
        (method, path, said)
        for path, one in paths.items()
        for method, said in one.items()
        if method in ("get", "post", "put", "delete") and not path.endswith("/events/stream")
    ]


def parameters(said: dict[str, Any], place: str) -> list[str]:
    """The names of a route's parameters in the path, or in the query."""
    whole = document()["components"].get("parameters", {})
    resolved = [whole[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in said.get("parameters", ())]
    return [str(one["name"]) for one in resolved if one["in"] == place]


def filled(path: str, value: str) -> str:
    """An address of a path whose parts all have this value."""
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is asked in the test, nothing is logged as a fault."""
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def every(number: int) -> Iterator[str]:
    """Some of the values: all of them, over the parameters of all routes."""
    return (value for place, value in enumerate(VALUES) if place % ROUNDS == number % ROUNDS)


@pytest.mark.usefixtures("faults")
def test_no_value_of_a_parameter_is_our_fault(seeded: TestClient) -> None:
    bad = []
    number = 0
    for method, path, said in operations():
        number += 1
        plain = filled(path, "huawei")
        asked = [filled(path, value) for value in (every(number) if "{" in path else ())]
        for name in (*parameters(said, "query"), "unknown"):
            number += 1
            asked += [f"{plain}?{name}={value}" for value in every(number)]
            asked.append(f"{plain}?{name}=1&{name}=2" if number % 2 else f"{plain}?{name}")
        for address in asked:
            answer = seeded.request(method, address)
            if answer.status_code >= 500:
                bad.append((method, address[:200], answer.status_code))
    assert bad == []


@pytest.mark.usefixtures("faults")
def test_no_value_of_a_header_is_our_fault(seeded: TestClient) -> None:
    bad = []
    routes = [
        ("GET", "/livez"),
        ("GET", f"{API}/events"),
        ("GET", f"{API}/events/1"),
        ("GET", f"{API}/orders"),
        ("GET", f"{API}/organizations/huawei"),
        ("GET", f"{API}/organizations/huawei/history"),
        ("GET", f"{API}/views/vendor-dependence"),
        ("GET", f"{API}/log/checkpoint"),
        ("POST", f"{API}/events"),
        ("POST", f"{API}/organizations"),
        ("POST", f"{API}/organizations/huawei/changes"),
        ("POST", f"{API}/scenarios/vendor-dependence"),
        ("POST", f"{API}/webhooks"),
        ("POST", f"{API}/webhooks/x/pause"),
        ("POST", f"{API}/imports"),
        ("PUT", f"{API}/mappings/x"),
    ]
    values = [(name, value) for name, values in HEADERS.items() for value in values]
    for turn, (method, path) in enumerate(routes):
        # One in four for each: every value comes to a route that reads, and to one that is sent something.
        for name, value in values[turn % 4 :: 4]:
            answer = seeded.request(
                method, path, headers={name: value.encode("latin-1")}, content=b"[]" if method != "GET" else None
            )
            if answer.status_code >= 500:
                bad.append((method, path, name, value[:40], answer.status_code))
    assert bad == []


@pytest.mark.usefixtures("faults")
def test_no_header_is_our_fault_on_the_demonstration(daybook: Daybook, settings: Settings) -> None:
    app = application(daybook, settings, Access(open=True))
    with TestClient(app, base_url="http://127.0.0.1:8000") as open_client:
        for name in ("Host", "Origin"):
            for value in HEADERS[name]:
                answer = open_client.get(f"{API}/orders", headers={name: value.encode("latin-1")})
                assert answer.status_code in (200, 400, 403), (name, value)


@pytest.mark.usefixtures("faults")
def test_no_cursor_is_our_fault(seeded: TestClient) -> None:
    for path in (f"{API}/orders", f"{API}/organizations", f"{API}/organizations/huawei/history"):
        answer = seeded.get(path, params={"limit": 1})
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            continue
        of, effective_on, known_on, position, after = json.loads(base64.urlsafe_b64decode(cursor + "=="))
        forged: list[Any] = [[of, effective_on, known_on, position, other] for other in CURSORS]
        forged += [[of, effective_on, known_on, other, after] for other in (-1, 2**70, 1.5, True, None, "1", 10**18)]
        forged += [[of, other, known_on, position, after] for other in ("", "\ud800", "2023-W35", 1, None)]
        forged += [[of, effective_on, other, position, after] for other in ("", "\ud800", "2023-W35", 1)]
        forged += [["\ud800", effective_on, known_on, position, after], [of], {}, None, 1, [[of] * 5] * 5]
        for one in forged:
            written = base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=")
            answer = seeded.get(path, params={"limit": 1, "cursor": written})
            assert answer.status_code in (400, 422), (path, one)
        elsewhere = seeded.get(f"{API}/products", params={"limit": 1, "cursor": cursor})
        assert elsewhere.status_code == 422


HOSTILE_TEXTS = ("\x00", "a\x00b", "\ud800", "é\udfff", "x" * 70_000, "\u2028", "\ufffe", " ", "\n")


@pytest.mark.usefixtures("faults")
def test_no_text_in_a_body_is_our_fault(seeded: TestClient) -> None:
    bad = []
    for text in HOSTILE_TEXTS:
        bodies: list[tuple[str, Any]] = [
            (f"{API}/webhooks", {"url": f"https://buying.example/{text}"}),
            (f"{API}/webhooks", {"url": f"https://{text}/"}),
            (f"{API}/webhooks", {"url": "https://buying.example/", "streams": [text]}),
            (f"{API}/webhooks", {"url": "https://buying.example/", "types": [text]}),
            (f"{API}/organizations", {"organization_id": text, "name": text, "country": text, "effective_on": text}),
            (f"{API}/organizations", {"organization_id": "a", "name": text, "country": "CN", "effective_on": "2020"}),
            (f"{API}/organizations/huawei/corrections", {"retracts": text, "reason": text}),
            (f"{API}/organizations/huawei/annotations", {"annotates": text, "note": text}),
            (f"{API}/orders", {"order_id": text, "lines": [{"line": text}], text: 1}),
            (f"{API}/events", {"type": text, "data": {text: text}, "id": text}),
            (f"{API}/scenarios/vendor-dependence", [{"type": text, "data": {text: text}, "id": text}]),
        ]
        for path, body in bodies:
            answer = seeded.post(path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
            if answer.status_code >= 500:
                bad.append((path, text[:20], answer.status_code))
    assert bad == []


@pytest.mark.parametrize(
    "url", ["http://[", "https://a:99999/", "https://a:b/", "https://a\n.b/", "https://a\x00b/", "https://"]
)
def test_what_is_no_address_is_refused_as_a_webhook(client: TestClient, url: str) -> None:
    answer = client.post(f"{API}/webhooks", json={"url": url})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/url")


@pytest.mark.usefixtures("nothing_recorded", "faults")
def test_hostile_json_is_answered_at_a_bounded_cost(client: TestClient) -> None:
    deep, wide = b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    for content in (
        *(
            deep,
            wide,
            b"1" * 1_000_000,
            b"1e999999999",
            b"-" * 1_000,
            b'{"a":1,"a":2}',
            b"NaN",
            b'"\\ud800"',
            b'{"a":"\\ud800"}',
        ),
        b"[" + b"{}," * 300_000 + b"{}]",
        b'{"' + b"x" * 500_000 + b'":1}',
        b"{" + b",".join(b'"a%d":1' % number for number in range(50_000)) + b"}",
    ):
        for path in (f"{API}/events", f"{API}/orders", f"{API}/scenarios/vendor-dependence", f"{API}/webhooks"):
            answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
            assert 400 <= answer.status_code < 500, (path, content[:40])
            assert len(answer.content) < 200_000, (path, content[:40])
