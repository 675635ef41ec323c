"""A service process that is watched: its processor time and memory, and whether it still does its work afterwards."""

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

from tests.hostile.rows import Answer, Request, Sent, Upload, Wire
from tests.service.processes import PATIENCE_SECONDS, TOKEN, Service

TICKS_PER_S = 100
LOOK_S = 0.05
_numbers = itertools.count(1)


@dataclass
class Used:
    """What something took."""

    processor_s: float = 0.0
    grown_mb: float = 0.0


@dataclass
class Watched:
    """A service, and what its process uses."""

    service: Service
    client: httpx2.Client
    #: Processor time of harmless inputs that were measured, by what they were.
    harmless: dict[str, float] = field(default_factory=dict)
    #: Mappings that the service has, by name: it judges each that it is given by a process of its own.
    mappings: dict[str, bytes] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """Of the service's process."""
        return self.service.process.pid

    def send(self, sent: Sent) -> Answer:
        """Send something, and wait for what comes of it."""
        match sent:
            case Wire():
                return self._over_the_wire(sent.data)
            case Upload():
                return self._imported(sent)
            case Request():
                return self._answered(sent)

    @contextmanager
    def measured(self) -> Iterator[Used]:
        """What the service and its children take in the block."""
        used, peaks, done = Used(), [0.0], threading.Event()
        with contextlib.suppress(OSError):
            # The most that was ever in memory counts anew from here.
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        before_s, before_mb = processor_s(self.pid), memory_mb(self.pid, "VmRSS")

        def look() -> None:
            while not done.wait(LOOK_S):
                peaks[0] = max(peaks[0], sum(map(own_memory_mb, children(self.pid))))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield used
        finally:
            done.set()
            looking.join()
            used.processor_s = processor_s(self.pid) - before_s
            used.grown_mb = memory_mb(self.pid, "VmHWM") - before_mb + peaks[0]

    def is_well(self) -> bool:
        """Whether it is ready, and records a harmless event."""
        number = next(_numbers)
        data = {"organization_id": f"well-{number}", "name": f"Well {number}", "country": "DE"}
        event = {"type": "organization-registered", "effective_on": "2024-01-01", "data": data}
        return (
            self.client.get("/readyz").status_code == 200
            and self.client.post("/api/v1/events", json=event).status_code == 201
        )

    def _answered(self, sent: Request) -> Answer:
        headers = {"Authorization": f"Bearer {TOKEN}"} if sent.admitted else {}
        with httpx2.Client(base_url=self.service.address, timeout=PATIENCE_SECONDS) as client:
            answer = client.request(
                sent.method, sent.path, headers={**headers, **sent.headers}, content=sent.body or None
            )
        return Answer(answer.status_code, answer.text)

    def _over_the_wire(self, data: bytes) -> Answer:
        parts = urlsplit(self.service.address)
        heard = b""
        with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=PATIENCE_SECONDS) as wire:
            with contextlib.suppress(ConnectionError, TimeoutError):
                wire.sendall(data.replace(b"TOKEN", TOKEN.encode()))
            wire.settimeout(5)
            with contextlib.suppress(ConnectionError, TimeoutError):
                while piece := wire.recv(65_536):
                    heard += piece
                    if len(heard) > 100_000:
                        break
        words = heard.split(b" ", 2)
        return Answer(int(words[1]) if len(words) > 2 else 0, heard.decode("latin-1"))

    def _imported(self, sent: Upload) -> Answer:
        if sent.mapping is not None and self.mappings.get(sent.asked["mapping"]) != sent.mapping:
            kept = self.client.put(f"/api/v1/mappings/{sent.asked['mapping']}", content=sent.mapping)
            if kept.status_code >= 400:
                return Answer(kept.status_code, kept.text)
            self.mappings[sent.asked["mapping"]] = sent.mapping
        # Each is a file of its own name, so that none is taken for one that was sent before.
        asked = urlencode({**sent.asked, "file": f"hostile-{next(_numbers)}"})
        answer = self.client.post(f"/api/v1/imports?{asked}", content=sent.file)
        if answer.status_code >= 300:
            return Answer(answer.status_code, answer.text)
        place, give_up_at = answer.json()["id"], time.monotonic() + PATIENCE_SECONDS * 2
        while time.monotonic() < give_up_at:
            job: dict[str, Any] = self.client.get(f"/api/v1/imports/{place}").json()
            if job["finished_at"] is not None:
                return Answer(201 if job["state"] == "done" else 422, json.dumps(job, ensure_ascii=False))
            time.sleep(LOOK_S)
        return Answer(504, json.dumps(job))


def processor_s(pid: int) -> float:
    """Processor time of a process, of its children that have ended, and of those that live."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_S + sum(processor_s(one) for one in children(pid))


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def own_memory_mb(pid: int) -> float:
    """What a child has in memory by itself: not the libraries that it reads, nor, before it is one, its parent's."""
    try:
        started = b"service.importing.reading.reader" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return 0.0
    return memory_mb(pid, "RssAnon") if started else 0.0


def memory_mb(pid: int, name: str) -> float:
    """A figure of a process's memory: VmRSS, what is there now, or VmHWM, the most that was."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().split("\n"):
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0
