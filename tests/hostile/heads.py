"""Hostile lines, headers, parameters, cursors and tokens."""

import base64
import json

from tests.hostile.rows import Hostile, Request, Sent, Wire, plain


def head(*lines: bytes) -> Wire:
    """A request for what asks nothing of the ledger."""
    return Wire(b"\r\n".join((b"GET /livez HTTP/1.1", b"Host: x", *lines, b"Connection: close", b"", b"")))


def asking(path: str, **headers: str) -> Hostile:
    """A question that is wrong in its path, its parameters or its headers."""
    return Hostile(path[:60], lambda: Request("GET", path, headers=headers), plain(), ())


def cursor(*held: object) -> str:
    """A cursor that nobody was given."""
    return base64.urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")


def many_headers() -> Sent:
    """Headers by the thousand."""
    return head(*(b"X-%d: y" % number for number in range(20_000)))


HEADS = (
    Hostile("a header without end", lambda: head(b"X: " + b"a" * 4_000_000), plain(), (431, 0)),
    Hostile("a name of a header without end", lambda: head(b"a" * 4_000_000), plain(), (431, 400, 0)),
    Hostile("headers by the thousand", many_headers, plain(), (431, 0)),
    Hostile("a target without end", lambda: Wire(b"GET /" + b"a" * 4_000_000), plain(), (414, 431, 0)),
    Hostile("a method without end", lambda: Wire(b"G" * 1_000_000), plain(), (400, 0)),
    Hostile("a line folded", lambda: head(b"X: a", b" b"), plain(), (200, 400)),
    Hostile("a NUL in a header", lambda: head(b"X: a\0b"), plain(), (400,)),
    Hostile(
        "two lengths",
        lambda: Wire(b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]"),
        plain(),
        (400,),
    ),
    Hostile(
        "a length and chunks",
        lambda: Wire(
            b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\n"
        ),
        plain(),
        (400,),
    ),
    Hostile(
        "an extension of a chunk without end",
        lambda: Wire(
            b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 4_000_000
        ),
        plain(),
        (400, 0),
    ),
    Hostile(
        "chunks of one byte each",
        lambda: Wire(
            b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"1\r\n[\r\n" * 40_000
            + b"0\r\n\r\n"
        ),
        plain(),
        (400,),
    ),
    Hostile(
        "a trailer without end",
        lambda: Wire(
            b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 200_000
        ),
        plain(),
        (400, 431, 0),
    ),
    Hostile(
        "a host that is none",
        lambda: Wire(b"GET /api/v1/events HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n"),
        plain(),
        (400, 401),
    ),
    Hostile(
        "an upgrade to a websocket",
        lambda: head(b"Upgrade: websocket", b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13"),
        plain(),
        (200, 400, 426),
    ),
    Hostile(
        "an origin that is none",
        lambda: Request("GET", "/api/v1/events", headers={"Origin": "http://["}),
        plain(),
        (200, 400, 403),
    ),
    Hostile(
        "more ranges than anybody accepts",
        lambda: Request("GET", "/api/v1/organizations", headers={"Accept": ",".join(["a/b;q=0.5"] * 5_000)}),
        plain("/api/v1/organizations"),
        (406, 431),
    ),
    Hostile(
        "a format that is not accepted",
        lambda: Request("GET", "/api/v1/events", headers={"Accept": "application/json;q=0, application/x-ndjson"}),
        plain(),
        (200,),
        '"organization-registered"',
    ),
    Hostile(
        "a weight that is none",
        lambda: Request("GET", "/api/v1/organizations", headers={"Accept": "text/csv;q=" + "9" * 5_000}),
        plain("/api/v1/organizations"),
        (200, 400, 406),
    ),
    Hostile(
        "a token of 60 KB",
        lambda: Request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + "a" * 60_000}, admitted=False),
        plain(),
        (401,),
    ),
    Hostile(
        "a token that nobody signed",
        lambda: Request(
            "GET",
            "/api/v1/events",
            headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJkYXlib29rX3JvbGUiOiJhZG1pbiJ9."},
            admitted=False,
        ),
        plain(),
        (401,),
    ),
    Hostile(
        "a token of no letters",
        lambda: Wire(
            b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\xb2\r\nConnection: close\r\n\r\n"
        ),
        plain(),
        (401,),
    ),
    Hostile(
        "a wait without end",
        lambda: Request("GET", "/api/v1/organizations", headers={"Prefer": "wait=" + "9" * 5_000}),
        plain("/api/v1/organizations"),
        (200, 400),
    ),
    Hostile(
        "a correlation of 30 KB",
        lambda: Request(
            "POST", "/api/v1/events", b"[]", {"Content-Type": "application/json", "X-Correlation-Id": "c" * 30_000}
        ),
        plain(),
        (400, 422),
    ),
    Hostile(
        "a key of 30 KB",
        lambda: Request(
            "POST", "/api/v1/events", b"[]", {"Content-Type": "application/json", "Idempotency-Key": "k" * 30_000}
        ),
        plain(),
        (400, 422),
    ),
    Hostile(
        "a condition of 30 KB",
        lambda: Request("GET", "/api/v1/events/1", headers={"If-None-Match": '"a", ' * 6_000 + '"b"'}),
        plain(),
        (200, 400, 404),
    ),
    Hostile(
        "a last event of other digits",
        lambda: Wire(
            b"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
            b"Last-Event-ID: \xb2\r\nConnection: close\r\n\r\n"
        ),
        plain(),
        (400,),
    ),
)


def parameter(path: str, statuses: tuple[int, ...] = (400, 404, 422), says: str = "") -> Hostile:
    """A question whose parameters are hostile; it is named by how it begins."""
    return Hostile(f"GET {path[:70]}", lambda: Request("GET", path), plain(), statuses, says)


PARAMETERS = (
    parameter("/api/v1/events?" + "&".join(["type=a"] * 5_000)),
    parameter("/api/v1/events?after=1_0"),
    parameter("/api/v1/events?after=%2B1"),
    parameter("/api/v1/events?after=%D9%A3"),
    parameter("/api/v1/events?after=" + "9" * 5_000),
    parameter("/api/v1/events?after=1&limit=-1"),
    parameter("/api/v1/events/01"),
    parameter("/api/v1/events/%D9%A1"),
    parameter("/api/v1/events/" + "9" * 5_000),
    parameter("/api/v1/events?stream=%00"),
    parameter("/api/v1/organizations/%ED%A0%80"),
    parameter("/api/v1/organizations?country=%FF%FE", (200, 400, 422)),
    parameter("/api/v1/organizations/" + "..%2F" * 2_000 + "etc"),
    parameter("/api/v1/views/vendor-dependence?recorded_at=0001-01-01T00:00:00%2B14:00"),
    parameter("/api/v1/views/vendor-dependence?recorded_at=9999-12-31T23:59:59-14:00"),
    parameter("/api/v1/events?recorded_from=0001-01-01T00:00:00%2B14:00", (200, 400, 422)),
    parameter("/api/v1/events?recorded_to=9999-12-31T23:59:59-14:00", (200, 400, 422)),
    parameter("/api/v1/views/vendor-dependence?effective_on=0001-01-01", (200, 400, 422)),
    parameter("/api/v1/views/vendor-dependence?effective_on=9999-12-31&window=P9999Y", (200, 400, 422)),
    parameter("/api/v1/views/vendor-dependence?effective_on=2024-W01-1"),
    parameter("/api/v1/views/vendor-dependence?window=P" + "9" * 5_000 + "Y"),
    parameter("/api/v1/views/vendor-dependence?threshold=1e999999999&measure=units"),
    parameter("/api/v1/views/vendor-dependence?by=attribute:" + "a" * 20_000),
    parameter("/api/v1/views/vendor-dependence?" + "&".join(f"buyer=b{number}" for number in range(999))),
    parameter("/api/v1/views/vendor-dependence?position=" + "9" * 5_000),
    parameter("/api/v1/views/vendor-dependence/series?from=0001-01-01&to=9999-12-31&step=P1D"),
    parameter("/api/v1/views/vendor-dependence/series?from=2000-01-01&to=2024-12-31&step=P0D"),
    parameter("/api/v1/views/vendor-dependence/evidence?offset=" + "9" * 30, (200, 400, 422)),
    parameter("/api/v1/organizations?cursor=" + cursor("x", "2024-01-01", None, 1, "\ud800")),
    parameter("/api/v1/organizations?cursor=" + base64.urlsafe_b64encode(b"[" * 700).decode().rstrip("=")),
    parameter("/api/v1/organizations?cursor=" + base64.urlsafe_b64encode(b"1" * 700).decode().rstrip("=")),
    parameter("/api/v1/organizations?cursor=" + "A" * 60_000, (400, 414, 422, 431)),
    parameter("/api/v1/orders?cursor=%F0%9F%98%80"),
    parameter("/api/v1/log/tile/" + "9" * 1_000),
    parameter("/api/v1/log/tile/0/" + "x999/" * 500 + "000", (404, 400)),
)
