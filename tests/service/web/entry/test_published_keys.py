"""The keys of an identity provider: fetched one at a time, apart from requests, and trusted for a stated time."""

import asyncio
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from anyio import to_thread
from starlette.requests import Request

from service.storing.tokens import TokenRefused
from service.web.entry.access import Access
from service.web.entry.identities import IdentityProvider
from service.web.entry.published_keys import (
    KEPT_WITHOUT_WORD_S,
    KEYS_KEPT_S,
    MOST_BYTES,
    PATIENCE_S,
    PAUSE_S,
    RENEWED_S,
    KeysOfFile,
    KeysOfUrl,
    KeysUnreadable,
    read_keys,
)
from service.web.problems import HttpProblem
from tests.service.web.entry.test_identities import AUDIENCE, ISSUER, KEY, OTHER_KEY, published, token


@dataclass
class Provider:
    """A provider on this machine: what it publishes, and how often it was asked."""

    url: str = ""
    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    #: Not set: an answer is waited for.
    answers: threading.Event = field(default_factory=threading.Event)


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider that publishes one key."""
    provider = Provider(content=published(("k1", KEY)).encode())
    provider.answers.set()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            provider.answers.wait(60)
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # whoever asked has heard enough
                self.wfile.write(provider.content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}/jwks"
    try:
        yield provider
    finally:
        provider.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that answers."""
    with providing() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    """The time of the test."""
    return Clock()


@pytest.fixture
def keys(provider: Provider, clock: Clock) -> KeysOfUrl:
    """What is known of the provider's keys."""
    return KeysOfUrl(provider.url, "RS256", clock=clock)


def found(keys: KeysOfUrl, kid: str = "k1") -> bool:
    """Whether a key is trusted, once what has to be waited for is done."""
    if (awaited := keys.awaited(kid)) is not None:
        wait([awaited[0]], 10)
    try:
        keys.find(kid)
    except jwt.PyJWTError:
        return False
    return True


def rest(keys: KeysOfUrl) -> None:
    """Wait until no fetch is under way."""
    deadline = time.monotonic() + 10
    while keys._flight is not None and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_key_that_was_withdrawn_is_gone_with_the_set(provider: Provider, clock: Clock, keys: KeysOfUrl) -> None:
    assert found(keys)
    provider.content = published(("k2", OTHER_KEY)).encode()
    clock.now += KEYS_KEPT_S
    assert found(keys), "it is as old as a key may be, and a new set is on its way"
    rest(keys)
    assert not found(keys)
    assert found(keys, "k2")


def test_a_request_after_a_quiet_time_does_not_take_an_old_key(
    provider: Provider, clock: Clock, keys: KeysOfUrl
) -> None:
    assert found(keys)
    provider.content = published(("k2", OTHER_KEY)).encode()
    clock.now += KEYS_KEPT_S + 1
    assert not found(keys)


def test_keys_are_fetched_anew_before_they_are_too_old(provider: Provider, clock: Clock, keys: KeysOfUrl) -> None:
    assert found(keys)
    clock.now += RENEWED_S + 1
    provider.answers.clear()
    assert keys.awaited("k1") is None, "nobody waits for it"
    assert keys.find("k1") is not None
    provider.answers.set()
    rest(keys)
    assert provider.asked == 2


def test_a_provider_without_an_answer_is_believed_for_a_while_only(
    provider: Provider, clock: Clock, keys: KeysOfUrl
) -> None:
    assert found(keys)
    provider.status = 503
    clock.now += KEPT_WITHOUT_WORD_S
    assert found(keys)
    clock.now += 1
    with pytest.raises(jwt.PyJWKClientConnectionError):
        keys.find("k1")


def test_unknown_keys_and_failures_are_asked_for_once_in_a_while(
    provider: Provider, clock: Clock, keys: KeysOfUrl
) -> None:
    provider.status = 500
    assert not any(found(keys, f"unknown-{number}") for number in range(50))
    assert provider.asked == 1
    provider.status = 200
    clock.now += PAUSE_S - 1
    assert not found(keys)
    clock.now += 1
    assert found(keys)
    assert not any(found(keys, f"unknown-{number}") for number in range(50))
    clock.now += PAUSE_S
    assert not any(found(keys, f"unknown-{number}") for number in range(50))
    assert provider.asked == 3


def test_a_provider_that_hangs_is_waited_for_once_and_not_long(
    provider: Provider, clock: Clock, keys: KeysOfUrl
) -> None:
    provider.answers.clear()
    waits = [keys.awaited(f"unknown-{number}") for number in range(60)]
    assert len({id(awaited[0]) for awaited in waits if awaited is not None}) == 1
    assert all(awaited is not None and awaited[1] <= PATIENCE_S for awaited in waits)
    clock.now += PATIENCE_S
    late = keys.awaited("k1")
    assert late is None or late[1] == 0
    assert provider.asked <= 1


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"x" * (MOST_BYTES + 1), {}),
        (gzip.compress(b" " * 100_000), {"Content-Encoding": "gzip"}),
        (b"[" * 100_000, {}),
        (b'{"keys": [7]}', {}),
        (b'{"keys": {}}', {}),
        (b"{}", {}),
        (b"no keys", {}),
    ],
)
def test_what_is_no_set_of_keys_lets_nobody_in(
    provider: Provider, keys: KeysOfUrl, content: bytes, headers: dict[str, str]
) -> None:
    provider.content, provider.headers = content, headers
    assert not found(keys)


def test_an_answer_without_end_is_given_up(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def trickle() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.2):
                    try:
                        connection.sendall(b"X-More: 1\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        keys = KeysOfUrl(f"http://127.0.0.1:{listener.getsockname()[1]}/", "RS256", clock=clock)
        assert not found(keys)
        rest(keys)
        assert keys._flight is None
        ended.set()
        thread.join()


def test_keys_of_another_kind_or_use_are_left_out() -> None:
    secret = '{"kty": "oct", "kid": "s", "k": "c2VjcmV0"}'
    for other in (secret, secret.replace("}", ', "alg": "RS256"}')):
        with pytest.raises(KeysUnreadable):
            read_keys(f'{{"keys": [{other}]}}'.encode(), "RS256")
    plain = published(("k1", KEY))
    for changed in (plain.replace('"sig"', '"enc"'), plain.replace('"RS256"', '"RS512"')):
        with pytest.raises(KeysUnreadable):
            read_keys(changed.encode(), "RS256")
    assert set(read_keys(plain.encode(), "RS256")) == {"k1"}


def test_a_file_that_went_is_believed_for_a_while_only(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(published(("k1", KEY)))
    keys = KeysOfFile(path, "RS256", clock=clock)
    path.unlink()
    clock.now += KEPT_WITHOUT_WORD_S
    assert keys.find("k1") is not None
    clock.now += 1
    with pytest.raises(jwt.PyJWKClientConnectionError):
        keys.find("k1")


STRANGE: list[Callable[[], str]] = [
    lambda: token(exp=float("inf")),
    lambda: token(nbf=float("inf")),
    lambda: token(iat=float("nan")),
    lambda: token(daybook_role={"a": []}),
    lambda: token(sub=["ada"]),
    lambda: jwt.utils.base64url_encode(b"[" * 4_000).decode() + ".e30.e30",
    lambda: jwt.utils.base64url_encode(b'{"alg": "RS256", "kid": ["k1"]}').decode() + ".e30.e30",
    lambda: "x" * 9_000 + ".e30.e30",
    lambda: "é.e30.e30",
]


@pytest.mark.parametrize("strange", STRANGE)
def test_strange_tokens_are_refused_as_any_other(tmp_path: Path, strange: Callable[[], str]) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(published(("k1", KEY)))
    provider = IdentityProvider(ISSUER, AUDIENCE, str(path), "RS256", "daybook_role", 30)
    text = strange()
    with pytest.raises(TokenRefused):
        provider.admit(text)
    with pytest.raises(TokenRefused):
        asyncio.run(provider.admit_soon(text))


def test_a_subject_without_meaning_is_still_a_subject(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(published(("k1", KEY)))
    provider = IdentityProvider(ISSUER, AUDIENCE, str(path), "RS256", "daybook_role", 30)
    assert provider.admit(token(sub="\ud800"))[0].startswith("oidc:")


def test_tokens_that_wait_for_a_provider_hold_no_thread_that_others_need(provider: Provider) -> None:
    provider.answers.clear()
    access = Access(provider=IdentityProvider(ISSUER, AUDIENCE, provider.url, "RS256", "daybook_role", 30))

    def carrying(text: str) -> Request:
        return Request({"type": "http", "headers": [(b"authorization", f"Bearer {text}".encode())]})

    async def flood() -> int:
        texts = [token(kid=f"unknown-{number}") for number in range(60)]
        asking = [asyncio.ensure_future(access.identify(carrying(text))) for text in texts]
        await asyncio.sleep(0.1)
        held = int(to_thread.current_default_thread_limiter().borrowed_tokens)
        provider.answers.set()
        refused = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(one, HttpProblem) for one in refused)
        return held

    assert asyncio.run(flood()) == 0
    assert provider.asked <= 1
