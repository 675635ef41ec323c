"""Connections: what may be sent before there is a request, and what is said to those who send something else."""

import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from service.web.entry.connections import LARGEST_HEAD_BYTES, MOST_HEADERS, MOST_WAITING, configured
from tests.effort import Act, assert_in_proportion
from tests.service.postgres_owner import wait_until

Address = tuple[str, int]

#: Paths of requests whose senders were gone before their bodies were whole.
LEFT: list[str] = []


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what the request was: its path, its headers, its body."""
    body = b""
    message: Message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            LEFT.append(scope["path"])
            return
        body += message["body"]
    headers = [name.decode() for name, _ in scope["headers"]]
    told = json.dumps({"path": scope["path"], "headers": headers, "body_bytes": len(body)}).encode()
    length = str(len(told)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    """Where a server listens whose heads have a second to come."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(configured(echo, 1.0, 5))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


def exchange(address: Address, *parts: bytes) -> bytes:
    """Send the parts, and read all answers until the other side closes."""
    with socket.create_connection(address, timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while part := connection.recv(65_536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


def read(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and content of an only answer."""
    opening, _, body = answer.partition(b"\r\n\r\n")
    return int(opening.split()[1]), json.loads(body)


def get(*headers: bytes, target: bytes = b"/here") -> bytes:
    """A request after which the connection is to be closed."""
    return b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: daybook", b"Connection: close", *headers, b"", b""])


def test_a_head_of_the_largest_size_is_read(address: Address) -> None:
    bare = len(get(b"X: "))
    status, told = read(exchange(address, get(b"X: " + b"x" * (LARGEST_HEAD_BYTES - bare - 100))))
    assert (status, told["path"]) == (200, "/here")


def test_larger_heads_are_refused_wherever_they_are_large(address: Address) -> None:
    large = b"x" * LARGEST_HEAD_BYTES
    for sent in (
        get(b"X: " + large),
        get(large + b": x"),
        get(target=b"/" + large),
        get(target=b"/?buyer=" + large),
        get(*[b"X%d: %s" % (number, b"x" * 1_000) for number in range(70)]),
        b"\r\n" * LARGEST_HEAD_BYTES,
        b"GET /" + large,
        b"GET / HTTP/1.1\r\nX: " + large + large,
    ):
        answer = exchange(address, sent)
        status, problem = read(answer)
        assert (status, problem["type"]) == (431, "/problems/headers-too-large"), sent[:40]
        assert b"\r\nContent-Type: application/problem+json\r\n".lower() in answer.lower()
        assert b"\r\nConnection: close\r\n" in answer


def test_a_request_has_only_so_many_headers(address: Address) -> None:
    few, many = ([b"X%d: x" % number for number in range(MOST_HEADERS - 2 + more)] for more in (0, 1))
    assert read(exchange(address, get(*few)))[0] == 200
    assert read(exchange(address, get(*many)))[0] == 431


def test_a_header_without_end_is_not_read_to_its_end(address: Address) -> None:
    def prepare(parts: int) -> Act:
        def act() -> None:
            assert read(exchange(address, b"GET / HTTP/1.1\r\nX: ", *endless))[0] == 431

        endless = [b"x" * 65_536] * parts
        return act

    assert_in_proportion(prepare, 128, every_thread=True)


def test_a_head_may_come_in_any_pieces(address: Address) -> None:
    sent = b"POST /here HTTP/1.1\r\nHost: daybook\r\nConnection: close\r\nContent-Length: 4\r\nX: y\r\n\r\nb\nd\n"
    expected = {"path": "/here", "headers": ["host", "connection", "content-length", "x"], "body_bytes": 4}
    for size in (1, 2, 3, 7, len(sent)):
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        assert read(exchange(address, *pieces)) == (200, expected), size


def test_small_pieces_cost_as_much_for_each_byte_however_many_there_are(address: Address) -> None:
    def prepare(length: int) -> Act:
        def act() -> None:
            assert read(exchange(address, *[sent[start : start + 8] for start in range(0, len(sent), 8)]))[0] == 200

        sent = get(b"X: " + b"x" * length)
        return act

    assert_in_proportion(prepare, 15_000, every_thread=True)


def test_a_head_that_comes_too_slowly_is_waited_for_no_longer(address: Address) -> None:
    for begun in (b"", b"GET", b"GET / HTTP/1.1\r\nX: y"):
        assert exchange(address, begun) == b""


def chunked(*parts: bytes) -> bytes:
    """A request whose body comes in chunks."""
    head = b"POST /here HTTP/1.1\r\nHost: daybook\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(parts)


def test_a_body_may_come_in_any_chunks(address: Address) -> None:
    for chunk in (b"1\r\nx\r\n", b"1;a=b\r\nx\r\n", b"2000\r\n" + b"x" * 0x2000 + b"\r\n"):
        length = int(re.split(rb"[;\r]", chunk)[0], 16)
        _, told = read(exchange(address, chunked(chunk * 300, b"0\r\n\r\n")))
        assert told["body_bytes"] == 300 * length


def test_what_stands_around_the_content_of_a_body_is_bounded(address: Address) -> None:
    large = b"x" * 70_000
    for sent in (
        chunked(b"1;" + large + b"\r\nx\r\n0\r\n\r\n"),
        chunked(b"1;", *[large] * 100),
        chunked((b"1;" + b"y" * 100 + b"\r\nx\r\n") * 1_000, b"0\r\n\r\n"),
        chunked(b"1\r\nx\r\n0\r\nX: ", large, b"\r\n\r\n"),
        chunked(b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 10_000, b"\r\n"),
    ):
        status, problem = read(exchange(address, sent))
        assert (status, problem["type"]) == (400, "/problems/malformed"), sent[:100]


def test_trailers_are_no_headers(address: Address) -> None:
    status, told = read(exchange(address, chunked(b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n")))
    assert (status, told["headers"]) == (200, ["host", "connection", "transfer-encoding"])


def test_requests_that_come_together_are_answered_in_turn(address: Address) -> None:
    one = b"GET /%d HTTP/1.1\r\nHost: daybook\r\n\r\n"
    sent = b"".join(one % number for number in range(MOST_WAITING)) + get(target=b"/last")
    paths = re.findall(rb'"path": "/(\w+)"', exchange(address, sent))
    assert paths == [*[b"%d" % number for number in range(MOST_WAITING)], b"last"]


def test_only_so_many_requests_wait_on_one_connection(address: Address) -> None:
    answers = exchange(address, b"GET / HTTP/1.1\r\nHost: daybook\r\n\r\n" * 10_000)
    assert answers.count(b"HTTP/1.1 200 OK") == MOST_WAITING + 1
    assert b"connection: close" in answers


def test_answers_that_are_due_are_given_before_a_later_request_is_refused(address: Address) -> None:
    for later in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, chunked(b"no chunk\r\n")):
        answers = exchange(address, b"GET /first HTTP/1.1\r\nHost: daybook\r\n\r\n" + later)
        assert answers.startswith(b"HTTP/1.1 200 OK"), later[:40]
        assert b'"path": "/first"' in answers


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://daybook/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: daybook\r\nHost: daybook\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: daybook\r\nHost: other\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: daybook\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: daybook\r\nContent-Length: 1_0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: daybook\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: daybook\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://daybook HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"CONNECT daybook:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: daybook\r\nX\x00: y\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_by_a_problem(address: Address, sent: bytes) -> None:
    status, problem = read(exchange(address, sent))
    assert (status, problem["type"]) == (400, "/problems/malformed")


def test_a_request_of_http_1_0_needs_no_host(address: Address) -> None:
    assert read(exchange(address, b"GET /here HTTP/1.0\r\n\r\n"))[0] == 200


def test_nobody_is_told_to_go_on_with_a_body_that_is_refused(address: Address) -> None:
    head = b"POST /refused HTTP/1.1\r\nHost: daybook\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, problem = read(exchange(address, head + b"no chunk\r\n"))
    assert (status, problem["type"]) == (400, "/problems/malformed")
    # Telling so would have ended the request with an error.
    assert wait_until(lambda: "/refused" in LEFT, 10)


UPGRADE = (b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def test_no_websocket_is_opened(address: Address, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        request = b"\r\n".join([b"GET /here HTTP/1.1", b"Host: daybook", b"Upgrade: websocket", *UPGRADE, b"", b""])
        status, problem = read(exchange(address, request))
    assert (status, problem["type"]) == (400, "/problems/malformed")
    assert "events/stream" in problem["detail"]
    assert {record.name for record in caplog.records} <= {"daybook.http", "asyncio"}


def test_another_protocol_is_not_spoken_and_the_request_answered(address: Address) -> None:
    request = b"\r\n".join([b"GET /here HTTP/1.1", b"Host: daybook", b"Connection: Upgrade", b"Upgrade: h2c", b"", b""])
    status, told = read(exchange(address, request))
    assert (status, told["path"]) == (200, "/here")


def test_no_line_of_the_server_goes_anywhere_but_to_the_log_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")]
    for logger in loggers:
        # What other tests of this process may have left there.
        monkeypatch.setattr(logger, "handlers", [])
    configured(echo, 1.0, 5)
    assert [logger.name for logger in loggers if logger.handlers] == []
