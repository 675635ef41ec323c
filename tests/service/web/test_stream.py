"""Listening to events as they are recorded: in order, filtered, across restarts, by many at once."""

import contextlib
import json
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from domain.catalogue import read_request
from service.codes import codes
from service.daybook import open_daybook
from service.settings import Settings
from tests.service.postgres_owner import wait_until
from tests.service.processes import TOKEN, Service, command, serving
from tests.service.web.conftest import EVENTS

STREAM = f"{EVENTS}/stream"


def organization(name: str) -> dict[str, Any]:
    """A registration under an id of its own."""
    data = {"organization_id": name, "name": name.title(), "country": "DE"}
    return {"type": "organization-registered", "effective_on": "2024-01-01", "id": f"reg-{name}", "data": data}


def product(name: str, vendor: str) -> dict[str, Any]:
    """A product of a vendor."""
    data = {"product_id": name, "name": name, "vendor_id": vendor, "category": "part"}
    return {"type": "product-registered", "effective_on": "2024-01-01", "id": f"reg-{name}", "data": data}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service process that the tests of this module share."""
    with serving(tmp_path_factory.mktemp("stream") / "home") as running:
        yield running


def post(service: Service, *events: dict[str, Any]) -> int:
    """Record events; the last position."""
    with service.client() as client:
        answer = client.post(EVENTS, json=list(events))
        assert answer.status_code == 201, answer.text
        return int(answer.json()["last_position"])


def head(service: Service) -> int:
    """The ledger's end."""
    with service.client() as client:
        return int(client.get("/readyz").json()["head"])


class Listener:
    """Reads a stream in the background."""

    def __init__(self, service: Service, headers: dict[str, str] | None = None, **parameters: Any) -> None:
        self.messages: list[dict[str, str]] = []
        self.comments: list[str] = []
        self.ended = threading.Event()
        self._client = service.client()
        self._arguments = (parameters, headers or {})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert wait_until(lambda: bool(self.comments) or self.ended.is_set(), 20)

    def _read(self) -> None:
        parameters, headers = self._arguments
        streaming = self._client.stream("GET", STREAM, params=parameters, headers=headers)
        with contextlib.suppress(httpx2.HTTPError), streaming as answer:
            assert answer.status_code == 200, answer.read()
            message: dict[str, str] = {}
            for line in answer.iter_lines():
                if line.startswith(":"):
                    self.comments.append(line[1:].strip())
                elif line:
                    name, _, value = line.partition(": ")
                    message[name] = value
                elif "data" in message:
                    self.messages.append(message)
                    message = {}
        self.ended.set()

    def wait(self, count: int) -> list[dict[str, str]]:
        """The messages, once there are so many."""
        assert wait_until(lambda: len(self.messages) >= count, 20), self.messages
        return self.messages

    def close(self) -> None:
        """Stop listening."""
        self._client.close()


def test_events_come_as_they_are_recorded_with_their_stored_bytes(service: Service) -> None:
    listener = Listener(service)
    last = post(service, organization("alpha"), organization("beta"))
    first, second = listener.wait(2)
    assert (first["id"], second["id"]) == (str(last - 1), str(last))
    assert first["event"] == "organization-registered"
    with service.client() as client:
        assert client.get(f"{EVENTS}/{last}").text == second["data"]
    listener.close()


def test_a_listener_goes_on_where_it_was(service: Service) -> None:
    start = head(service)
    last = post(service, *(organization(f"again-{number}") for number in range(700)))
    listener = Listener(service, {"Last-Event-ID": str(start + 3)}, after=0)
    ids = [int(message["id"]) for message in listener.wait(697)]
    assert ids == list(range(start + 4, last + 1))
    listener.close()


def test_only_what_is_wanted_comes(service: Service) -> None:
    start = head(service)
    by_type = Listener(service, type="product-registered", after=start)
    by_stream = Listener(service, stream=["organization/wanted", "product/wanted-too"], after=start)
    post(service, organization("wanted"), product("other", "wanted"), product("wanted-too", "wanted"))
    kinds = [json.loads(message["data"])["stream"] for message in by_type.wait(2)]
    assert kinds == ["product/other", "product/wanted-too"]
    streams = [json.loads(message["data"])["stream"] for message in by_stream.wait(2)]
    assert streams == ["organization/wanted", "product/wanted-too"]
    for listener in (by_type, by_stream):
        listener.close()


@pytest.mark.parametrize(
    ("headers", "parameters", "status", "said"),
    [
        ({"Last-Event-ID": "abc"}, {}, 400, "Last-Event-ID is a position"),
        ({"Last-Event-ID": "99999999"}, {}, 400, "beyond the head"),
        ({}, {"after": "99999999"}, 400, "beyond the head"),
        ({}, {"after": "-1"}, 422, "after"),
    ],
)
def test_a_place_that_is_none_is_refused(
    service: Service, headers: dict[str, str], parameters: dict[str, str], status: int, said: str
) -> None:
    with service.client() as client:
        answer = client.get(STREAM, headers=headers, params=parameters)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.fixture
def many_files() -> None:
    """As many open files as this process may have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_listeners_cost_no_answer_and_all_hear(service: Service) -> None:
    address = urlsplit(service.address)
    ask = f"GET {STREAM} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        listeners = []
        for _ in range(1000):
            listener = stack.enter_context(socket.create_connection((str(address.hostname), address.port or 80)))
            listener.settimeout(30)
            listener.sendall(ask)
            listeners.append(listener)
        for listener in listeners:
            heard = b""
            while b"listening after" not in heard:
                heard += listener.recv(4096)
        assert service.is_ready()
        last = post(service, organization("heard-by-all"))
        for listener in listeners:
            heard = b""
            while f"id: {last}".encode() not in heard:
                piece = listener.recv(4096)
                assert piece, heard
                heard += piece


def test_events_of_another_process_come_too_and_a_restart_is_bridged(ledger_home: Path) -> None:
    with serving(ledger_home) as first:
        listener = Listener(first)
        with open_daybook(Settings(home=ledger_home), follow=False) as other:
            other.committer.record([read_request(organization("elsewhere"), codes())])
        seen = listener.wait(1)[-1]["id"]
        first.process.terminate()
        # A stream must not hold the service up.
        assert first.process.wait(15) == 0
        assert listener.ended.wait(10)
    with serving(ledger_home) as second:
        last = post(second, organization("later"))
        again = Listener(second, {"Last-Event-ID": seen})
        assert [message["id"] for message in again.wait(1)] == [str(last)]
        again.close()


def test_a_stream_ends_when_its_token_is_revoked(service: Service) -> None:
    made = json.loads(command(service.home, "token", "create", "--name", "wall", "--role", "viewer", "--json").stdout)
    with contextlib.closing(Listener(service, headers={"Authorization": f"Bearer {made['token']}"})) as listener:
        assert not listener.ended.is_set()
        assert command(service.home, "token", "revoke", made["id"]).returncode == 0
        assert listener.ended.wait(60)
