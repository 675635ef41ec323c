"""Services as processes of their own: started on a free port, asked over HTTP, told to end or killed."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.service.postgres_owner import ROOT, processes_of, wait_until

TOKEN = "the-admin's-token-of-services-in-tests"
NDJSON = {"Accept": "application/x-ndjson"}
PATIENCE_SECONDS = 60


def environment() -> dict[str, str]:
    """What a service finds: nothing of Daybook's but the admin's token."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    return {**kept, "PYTHONPATH": str(ROOT), "DAYBOOK_ADMIN_TOKEN": TOKEN}


def command(
    home: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command on a home to its end; `settings`: further variables of its environment."""
    return subprocess.run(
        [sys.executable, "-m", "service", "--home", str(home), *arguments],
        cwd=ROOT,
        env={**environment(), **(settings or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass
class Service:
    """A service process."""

    home: Path
    process: "subprocess.Popen[str]"
    #: Where it answers: scheme, host and port.
    address: str = ""
    #: What it wrote to stderr.
    said: list[str] = field(default_factory=list)

    def client(self) -> httpx2.Client:
        """A client with the admin's token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx2.Client(base_url=self.address, headers=headers, timeout=PATIENCE_SECONDS)

    def tell(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for the end of the process, and of all that it started; the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        assert wait_until(lambda: processes_of(self.home) == [], PATIENCE_SECONDS), processes_of(self.home)
        return code

    def is_ready(self) -> bool:
        """Whether it says that it can answer."""
        with self.client() as client:
            return client.get("/readyz").status_code == 200

    def listen(self) -> None:
        """Take in what it says, to its end."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"is served at (http://\S+?)/?$", line.strip()):
                self.address = found.group(1)
            self.said.append(line)


@contextmanager
def starting(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Service]:
    """A service on a free port of this machine that begins; it has ended after the block, by force if need be.

    `settings`: further variables of its environment.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--home", str(home), "serve", "--port", "0"],
        cwd=ROOT,
        env={**environment(), **(settings or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    service = Service(home, process)
    listener = threading.Thread(target=service.listen)
    listener.start()
    try:
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        service.ended()
        listener.join()
        assert process.stderr is not None
        process.stderr.close()


@contextmanager
def serving(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Service]:
    """The same, ready to answer."""
    with starting(home, settings) as service:
        process = service.process
        started = wait_until(lambda: bool(service.address) or process.poll() is not None, PATIENCE_SECONDS)
        assert started, service.said
        assert service.address, service.said
        assert wait_until(service.is_ready, PATIENCE_SECONDS), service.said
        yield service
