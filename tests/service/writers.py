"""Clients that do as they are told to: each event under an id of their own, and again what was not acknowledged."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.service.postgres_owner import wait_until
from tests.service.processes import NDJSON, Service
from tests.service.purchases import Event, note, order

EVENTS = "/api/v1/events"
VIEW = "/api/v1/views/vendor-dependence"
#: Between two attempts; Retry-After speaks of whole seconds, which tests do not have.
PAUSE_S = 0.1
#: What a service may answer to a writer that is right.
FINE = (200, 201)


class Writers:
    """Writers that send one batch after the other to one service, or to several in turn."""

    def __init__(self, *services: Service, count: int = 4, name: str = "w") -> None:
        self.services = services
        #: What was sent, by a name that is the id of its first event.
        self.sent: dict[str, list[Event]] = {}
        #: What was answered, where it was recorded.
        self.acknowledged: dict[str, dict[str, Any]] = {}
        #: Answers that say "come back later".
        self.put_off = 0
        #: Connections that broke.
        self.broken = 0
        #: Answers that nobody should get.
        self.wrong: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(f"{name}{n}",)) for n in range(count)]

    @contextmanager
    def running(self, *, to_the_end: bool = True) -> Iterator[None]:
        """Write in the block; `to_the_end`: and until everything that was begun is acknowledged."""
        self._to_the_end = to_the_end
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def go_on(self, count: int = 40) -> bool:
        """Whether so many more are acknowledged in time."""
        before = len(self.acknowledged)
        return wait_until(lambda: len(self.acknowledged) >= before + count or bool(self.wrong), 60)

    def _write(self, writer: str) -> None:
        turn = 0
        while not self._ended.is_set():
            service = self.services[turn % len(self.services)]
            turn += 1
            name = f"{writer}-{turn}"
            self.sent[name] = [note("of-baidu", name, id=name), order(name, id=f"of-{name}")]
            with service.client() as client:
                while not self._send(client, name) and (self._to_the_end or not self._ended.is_set()):
                    time.sleep(PAUSE_S)
            if self.wrong:
                return

    def _send(self, client: httpx2.Client, name: str) -> bool:
        """Whether there is no point in sending it again."""
        try:
            answer = client.post(EVENTS, json=self.sent[name])
        except httpx2.TransportError:
            self.broken += 1
            return False
        if is_put_off(answer):
            self.put_off += 1
            return False
        if answer.status_code in FINE:
            self.acknowledged[name] = answer.json()
        else:
            self.wrong.append(f"{answer.status_code} {answer.text}")
        return True


class Readers:
    """Readers that each ask one thing all the time, and note what a service may not answer."""

    PATHS = (EVENTS + "?limit=5", VIEW + "?measure=units", "/readyz", "/metrics", "/api/v1/organizations")

    def __init__(self, service: Service) -> None:
        self.service = service
        #: By path and status.
        self.answered: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(path,)) for path in self.PATHS]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read in the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def _read(self, path: str) -> None:
        with self.service.client() as client:
            while not self._ended.is_set():
                answer = client.get(path)
                self.answered[path, answer.status_code] += 1
                if answer.status_code != 200 and not is_put_off(answer):
                    self.wrong.append(f"{path}: {answer.status_code} {answer.headers} {answer.text}")
                time.sleep(2 * PAUSE_S)


def is_put_off(answer: httpx2.Response) -> bool:
    """Whether an answer says "not now", and when to come back."""
    return answer.status_code == 503 and answer.headers.get("Retry-After", "").isdigit()


def recorded(service: Service) -> list[Event]:
    """Every event of the ledger."""
    with service.client() as client:
        answer = client.get(EVENTS, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def assert_nothing_lost_or_doubled(events: list[Event], *writers: Writers) -> None:
    """What was acknowledged stands where it was said to, batches are whole, no event is there twice, no place free."""
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    place = {event["id"]: event["position"] for event in events}
    assert len(place) == len(events)
    for one in writers:
        assert one.wrong == []
        for name, answer in one.acknowledged.items():
            assert [placed["position"] for placed in answer["events"]] == [place[name], place[f"of-{name}"]]
        for name in one.sent:
            assert (name in place) == (f"of-{name}" in place)
            assert name not in place or place[f"of-{name}"] == place[name] + 1
