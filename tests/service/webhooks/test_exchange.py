"""One message sent: within one deadline, to no address but those that were looked at, telling nothing of the others."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from socket import create_server, socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.webhooks.delivery import NO_ANSWER, DeliveryAttempt, Sender
from service.webhooks.exchange import Exchange, Unanswered
from service.webhooks.registry import RegisteredWebhook, new_secret
from tests.service.webhooks.receiving import receiving

HERE = (IPv4Network("127.0.0.0/8"),)
SHORT_S = 0.5


@contextmanager
def listening(behave: Callable[[socket, threading.Event], None]) -> Iterator[tuple[int, list[socket]]]:
    """A port on which each connection is behaved to in some way; the port, and the connections so far."""
    came: list[socket] = []
    ended = threading.Event()

    def serve(connection: socket) -> None:
        with connection, suppress(OSError):
            behave(connection, ended)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                came.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        ended.set()
        listener.shutdown(2)
        thread.join()


def silent(connection: socket, ended: threading.Event) -> None:
    """Say nothing."""
    ended.wait(60)


def trickling(connection: socket, ended: threading.Event) -> None:
    """Answer, a byte at a time."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        if ended.wait(0.05):
            return


def continuing(connection: socket, ended: threading.Event) -> None:
    """Say to go on, for ever."""
    while not ended.wait(0.01):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def many_headers(connection: socket, ended: threading.Event) -> None:
    """Answer with headers that do not end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not ended.is_set():
        connection.sendall(b"X-More: " + b"x" * 65_536 + b"\r\n")


def babbling(connection: socket, ended: threading.Event) -> None:
    """Speak another protocol."""
    connection.sendall(b"220 mail.example ESMTP\r\n")
    ended.wait(60)


def endless(connection: socket, ended: threading.Event) -> None:
    """Take it, and answer with a body without end."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000000000\r\n\r\n")
    while not ended.is_set():
        connection.sendall(b"\0" * 65_536)


def webhook(url: str) -> RegisteredWebhook:
    """A webhook to an address."""
    now = datetime.now(UTC)
    return RegisteredWebhook("w", url, new_secret(), None, None, [], [], now, "active", 0, 0, None, None, None)


def told(url: str, networks: tuple[IPv4Network, ...] = HERE) -> DeliveryAttempt:
    """What becomes of a message."""
    return asyncio.run(Sender("daybook", networks, SHORT_S).send(webhook(url), "m-1", b"{}"))


@pytest.mark.parametrize("behave", [silent, trickling, continuing, many_headers, babbling])
def test_an_exchange_ends_within_its_deadline_and_does_not_say_why(
    behave: Callable[[socket, threading.Event], None],
) -> None:
    with listening(behave) as (port, _):
        for scheme in ("http", "https"):
            assert told(f"{scheme}://127.0.0.1:{port}/") == DeliveryAttempt(None, NO_ANSWER)


def test_a_body_that_is_answered_is_not_read() -> None:
    with listening(endless) as (port, _):
        assert told(f"http://127.0.0.1:{port}/") == DeliveryAttempt(200, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost"])
def test_an_address_that_is_not_allowed_is_not_even_connected_to(host: str) -> None:
    with listening(silent) as (port, came):
        assert told(f"http://{host}:{port}/", ()) == DeliveryAttempt(None, NO_ANSWER)
        assert told(f"https://{host}:{port}/", ()) == DeliveryAttempt(None, NO_ANSWER)
        assert came == []


def test_closed_open_and_forbidden_ports_and_names_that_are_none_are_told_alike() -> None:
    said = {told("http://127.0.0.1:9/"), told("http://10.0.0.1/"), told("http://no-such-name.invalid/")}
    with listening(silent) as (port, _):
        said |= {told(f"http://127.0.0.1:{port}/"), told(f"http://127.0.0.1:{port}/", ())}
    assert said == {DeliveryAttempt(None, NO_ANSWER)}


def test_of_a_names_addresses_only_those_that_are_allowed_are_used() -> None:
    with receiving() as receiver:
        assert told(receiver.url.replace("127.0.0.1", "localhost")).error is None


def test_the_proxies_of_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(silent) as (port, came), receiving() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert told(receiver.url) == DeliveryAttempt(204, None)
        assert came == []


def _certificate(folder: Path, name: str) -> Path:
    """A certificate that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("elsewhere.example", True), ("localhost", False)])
def test_the_certificate_must_be_of_the_name_though_the_address_is_connected_to(
    tmp_path: Path, name: str, trusted: bool
) -> None:
    path = _certificate(tmp_path, name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, asked_for, _context: asked.append(asked_for)

    def answering(connection: socket, ended: threading.Event) -> None:
        with server.wrap_socket(connection, server_side=True) as secured:
            taken = secured.recv(65_536)
            while taken and not taken.endswith(b"{}"):
                taken += secured.recv(65_536)
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    exchange = Exchange(HERE, 5.0)
    if trusted:
        exchange._tls.load_verify_locations(path)
    with listening(answering) as (port, _):
        url = f"https://localhost:{port}/"
        if trusted and name == "localhost":
            assert asyncio.run(exchange.post(url, {}, b"{}")).status == 204
        else:
            with pytest.raises(Unanswered, match="certificate"):
                asyncio.run(exchange.post(url, {}, b"{}"))
    assert asked == ["localhost"]
