"""Hostile bodies: events, scenarios, webhooks and mappings."""

import gzip
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.hostile.rows import JSON, NDJSON, Hostile, Request, Sent, padded
from tests.hostile.watching import Watched

EVENTS = "/api/v1/events"
SCENARIO = "/api/v1/scenarios/vendor-dependence"
REFUSED = (400, 413, 415, 422)


def event(type_: str, **data: Any) -> dict[str, Any]:
    """An event request."""
    return {"type": type_, "effective_on": "2024-01-01", "known_on": "2024-01-02", "data": data}


def organization(identifier: str, **changes: Any) -> dict[str, Any]:
    """A registration."""
    own = {"organization_id": identifier, "name": identifier, "country": "DE"}
    return event("organization-registered", **{**own, **changes})


def order(identifier: str, lines: int = 1, **changes: Any) -> dict[str, Any]:
    """A placing."""
    line = {"product_id": None, "quantity": "10000", "amount": "1", **changes}
    said = [{"line": str(number), **line} for number in range(lines)]
    return event(
        "order-placed",
        order_id=identifier,
        buyers=["hostile-buyer"],
        vendor_id="hostile-vendor",
        currency="EUR",
        lines=said,
    )


def posted(value: Any, path: str = EVENTS, media_type: str = JSON, **headers: str) -> Request:
    """Something sent as a body: bytes as they are, anything else as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Request("POST", path, body, {"Content-Type": media_type, **headers})


def body(
    name: str,
    make: Callable[[], Any],
    *,
    path: str = EVENTS,
    media_type: str = JSON,
    statuses: tuple[int, ...] = REFUSED,
    says: str = "",
    **more: Any,
) -> Hostile:
    """A row whose body is made by a function; the harmless one is as long."""

    def harmless() -> Sent:
        return padded(len(posted(make()).body), path=path)()

    return Hostile(f"{name} to {path}", lambda: posted(make(), path, media_type), harmless, statuses, says, **more)


def deep(before: bytes, times: int, after: bytes = b"") -> bytes:
    """Something within itself."""
    return before * times + b"1" + after * times


def text(value: str) -> dict[str, Any]:
    """A note."""
    return event("event-annotated", annotates="none", note=value)


#: Sent to every place that takes events.
EVERYWHERE: tuple[tuple[str, Callable[[], Any], str], ...] = (
    ("arrays in arrays", lambda: deep(b"[", 100_000, b"]"), JSON),
    ("arrays without end", lambda: b"[" * 2_000_000, JSON),
    ("objects in objects", lambda: deep(b'{"a":', 100_000, b"}"), JSON),
    ("a text without end", lambda: b'["' + b"a" * 2_000_000, JSON),
    ("a number of a million digits", lambda: b"[" + b"9" * 1_000_000 + b"]", JSON),
    ("an exponent of nine digits", lambda: b'[{"type":"order-placed","data":{"x":1e999999999}}]', JSON),
    ("a name given twice", lambda: b'{"type":"a","type":"b","data":{}}', JSON),
    ("half a character", lambda: b'{"type":"organization-registered\\ud800"}', JSON),
    ("half a character as a name", lambda: b'{"\\udfff":1}', JSON),
    ("no UTF-8", lambda: b'{"type":"\xff\xfe"}', JSON),
    ("another encoding", lambda: json.dumps(organization("utf-16")).encode("utf-16"), JSON),
    ("NaN", lambda: b"[NaN, Infinity, -Infinity]", JSON),
    ("numbers by the million", lambda: b"[" + b"1," * 1_000_000 + b"1]", JSON),
    ("nothing by the hundred thousand", lambda: b"[" + b"{}," * 300_000 + b"{}]", JSON),
    (
        "members by the hundred thousand",
        lambda: b"{" + b",".join(b'"%d":1' % number for number in range(150_000)) + b"}",
        JSON,
    ),
    ("lines of numbers by the million", lambda: b"1\n" * 1_000_000, NDJSON),
    ("lines of nothing by the million", lambda: b"\n" * 4_000_000 + b"{}", NDJSON),
    ("lines of arrays", lambda: b"[[[[\n" * 200_000, NDJSON),
    ("a line without end", lambda: b'{"a":"' + b"a" * 4_000_000, NDJSON),
)
#: Sent to where they would be recorded.
RECORDED: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("an id with a NUL", lambda: organization("a\0b")),
    ("a name with a NUL", lambda: organization("nul", name="a\0b")),
    ("a name with half a character", lambda: organization("half", name="\ud800")),
    ("a name of a megabyte", lambda: organization("long", name="n" * 1_000_000)),
    ("an id of a megabyte", lambda: organization("i" * 1_000_000)),
    ("a note of 70 KB", lambda: text("n" * 70_000)),
    ("a day of another calendar", lambda: {**organization("week"), "effective_on": "2024-W01-1"}),
    ("a day behind all days", lambda: {**organization("late"), "effective_on": "9999-12-31", "known_on": "9999-12-31"}),
    (
        "a day of other digits",
        lambda: {**organization("digits"), "effective_on": "\u0662\u0660\u0662\u0664-\u0660\u0661-\u0660\u0661"},
    ),
    ("a period without end", lambda: {**organization("period"), "effective_on": "../" * 20_000 + "2024-01-01"}),
    ("a quantity of 60,000 digits", lambda: order("digits", quantity="9" * 60_000)),
    ("a quantity with an exponent", lambda: order("exponent", quantity="1e999999999")),
    ("a quantity of other digits", lambda: order("other", quantity="\u0661\u0662")),
    (
        "lines of one name",
        lambda: (
            order("lines", lines=1)
            | {"data": {**order("lines")["data"], "lines": order("lines")["data"]["lines"] * 20_000}}
        ),
    ),
    ("lines by the thousand", lambda: order("many", lines=20_000)),
    (
        "buyers by the thousand",
        lambda: (
            order("buyers") | {"data": {**order("b")["data"], "buyers": [f"b-{number}" for number in range(20_000)]}}
        ),
    ),
    ("names of every language", lambda: organization("names", names={f"x{number}": "n" for number in range(20_000)})),
    (
        "thresholds of rules in rules",
        lambda: event(
            "regulation-enacted",
            regulation_id="deep",
            title="t",
            jurisdiction="US",
            authority="a",
            citation="c",
            rules=[{"rule_id": "r", "effect": "prohibited", "conditions": json.loads(deep(b'{"all":[', 90, b"]}"))}],
        ),
    ),
)


def ordered(watched: Watched, number: str, receipts: int) -> list[str]:
    """An order with receipts, recorded; the ids of all events, the placing first."""
    if watched.client.get("/api/v1/organizations/hostile-buyer").status_code == 404:
        watched.client.post(
            EVENTS, json=[organization("hostile-buyer"), organization("hostile-vendor")]
        ).raise_for_status()
    batch = [order(number)]
    batch += [
        event("goods-received", order_id=number, receipts=[{"line": "0", "quantity": "1"}]) for _ in range(receipts)
    ]
    found: list[str] = []
    # In several pieces, as a client would; the answer lists a thousand at most.
    for start in range(0, len(batch), 500):
        answer = watched.client.post(EVENTS, json=batch[start : start + 500])
        answer.raise_for_status()
        found += [one["id"] for one in answer.json()["events"]]
    return found


RECEIPTS = 2_000
_orders: dict[str, list[str]] = {}


def placed(number: str, watched: Watched) -> None:
    """Record an order with its receipts, which a retraction is about."""
    _orders[number] = ordered(watched, number, RECEIPTS)


def retraction(identifier: str) -> dict[str, Any]:
    """That an event is taken back."""
    return event("event-retracted", retracts=identifier, reason="It was a test.")


def receiving() -> Sent:
    """As many receipts of another order, in one request: what the retractions are measured by."""
    receipt = event("goods-received", order_id="received", receipts=[{"line": "0", "quantity": "1"}])
    return posted([order("received"), *[receipt] * RECEIPTS])


RETRACTIONS = (
    Hostile(
        "an order with 2,000 receipts taken back",
        lambda: posted(retraction(_orders["back"][0])),
        receiving,
        (201, 409),
        before=partial(placed, "back"),
    ),
    Hostile(
        "2,000 receipts of one order taken back at once",
        lambda: posted([retraction(one) for one in _orders["receipts"][1:]]),
        receiving,
        (201,),
        before=partial(placed, "receipts"),
    ),
    Hostile(
        "one of 2,000 receipts taken back",
        lambda: posted(retraction(_orders["one"][1000])),
        receiving,
        (201,),
        before=partial(placed, "one"),
    ),
    Hostile(
        "an order and its receipts taken back at once, the order first",
        lambda: posted([retraction(one) for one in _orders["first"]]),
        receiving,
        (201, 409),
        before=partial(placed, "first"),
    ),
)


def hook(url: str) -> Hostile:
    """A webhook to where none may be."""
    return Hostile(
        f"a webhook to {url[:40]!r}",
        lambda: posted({"url": url, "types": [], "streams": []}, "/api/v1/webhooks"),
        padded(len(url), path="/api/v1/webhooks"),
        (400, 403, 422),
    )


HOOKS = tuple(
    map(
        hook,
        (
            "https://169.254.169.254/latest",
            "https://10.0.0.1/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fe80::1%25eth0]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://localhost/",
            "https://localhost./",
            "https://user:password@example.com/",
            "https://example.com:99999/",
            "https://example.com:0/",
            "https://[/",
            "https://exa\0mple.com/",
            "https://example.com/\0",
            "https://example.com/\r\nX: y",
            "https://\ud800.com/",
            "https://" + "a" * 100_000,
            "file:///etc/passwd",
            "gopher://example.com/",
            "",
        ),
    )
)


def mapping(name: str, content: Callable[[], bytes]) -> Hostile:
    """A mapping that is none."""

    def made() -> Sent:
        return Request("PUT", "/api/v1/mappings/hostile", content(), {"Content-Type": "application/toml"})

    def harmless() -> Sent:
        return Request(
            "PUT",
            "/api/v1/mappings/hostile",
            b"# " + b"a" * len(content()) + b"\n",
            {"Content-Type": "application/toml"},
        )

    return Hostile(f"a mapping with {name}", made, harmless, (400, 413, 422))


MAPPINGS = (
    mapping("a key of 12,000 dots", lambda: b"a." * 12_000 + b"a = 1\n"),
    mapping(
        "keys of many dots by the hundred",
        lambda: b"".join(b"k%d." % number + b"a." * 300 + b"a = 1\n" for number in range(200)),
    ),
    mapping("a number of 200,000 digits", lambda: b"a = " + b"9" * 200_000 + b"\n"),
    mapping("keys by the ten thousand", lambda: b"".join(b"k%d = 1\n" % number for number in range(20_000))),
    mapping("a table of 12,000 dots", lambda: b"[" + b"a." * 12_000 + b"a]\n"),
    mapping("arrays in arrays", lambda: b"a = " + b"[" * 50_000),
    mapping("tables in tables", lambda: b"a = " + b"{a = " * 20_000),
    mapping("a text without end", lambda: b'a = """' + b"a" * 250_000),
    mapping("half a character", lambda: b'a = "\\ud800"\n'),
    mapping("no UTF-8", lambda: b'a = "\xff"\n'),
    mapping("a megabyte", lambda: b"# a\n" * 300_000),
)
COMPRESSED = (
    Hostile(
        "a compressed body",
        lambda: posted(gzip.compress(json.dumps(organization("compressed")).encode()), **{"Content-Encoding": "gzip"}),
        padded(200),
        (201, 415),
    ),
    Hostile(
        "a bomb as a compressed body",
        lambda: posted(gzip.compress(b" " * 100_000_000, 1), **{"Content-Encoding": "gzip"}),
        padded(500_000),
        (400, 413, 415, 422),
        grows_mb=140,
    ),
    Hostile(
        "a body in a coding that is none",
        lambda: posted(b"[]", **{"Content-Encoding": "br, gzip, deflate"}),
        padded(2),
        (400, 415, 422),
    ),
    Hostile(
        "a body of no type",
        lambda: posted(b"a" * 1_000_000, media_type="a/b"),
        padded(1_000_000),
        (415,),
    ),
)

BODIES = (
    *(
        body(name, make, path=path, media_type=media_type)
        for path in (EVENTS, SCENARIO)
        for name, make, media_type in EVERYWHERE
    ),
    *(body(name, make, statuses=(*REFUSED, 409)) for name, make in RECORDED),
    *COMPRESSED,
    *RETRACTIONS,
    *HOOKS,
    *MAPPINGS,
)
