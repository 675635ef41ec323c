"""Where a fault happens: services, their database, the writers at work on them, and what they say meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from service.log.signatures import SigningKey
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.folder import PostgresFolder
from service.storing.migrations.roles import as_service
from tests.nightly.faults import writer
from tests.nightly.faults.company import Company
from tests.nightly.faults.records import Record
from tests.service.postgres_owner import wait_until
from tests.service.processes import TOKEN, Service, serving, starting
from tests.service.wire import Wire, wire_to

#: What a poll may take; a probe answers within two.
PROBE_S = 5.0
#: Between two looks at a service whose database is at fault.
LOOK_S = 0.2


class Stage:
    """A service with a database of its own below its home, or several on one database of the operator's."""

    #: Whether the database is the operator's, behind a wire.
    external = False

    def __init__(
        self,
        folder: Path,
        *,
        services: int = 1,
        settings: Mapping[str, str] | None = None,
        company: Company | None = None,
    ) -> None:
        self.folder = folder
        self.settings = {
            "DAYBOOK_LOG_REQUESTS": "false",
            "DAYBOOK_WEBHOOK_NETWORKS": "127.0.0.0/8",
            **(settings or {}),
        }
        self.company = company
        #: How long a start took when nothing was wrong; None: there was none yet.
        self.first_start_s: float | None = None
        self.services: list[Service | None] = [None] * services
        self.desk = folder / "desk"
        #: From when to when what was acknowledged may be gone: it was not in the backup.
        self.forgiven: list[tuple[float, float]] = []
        self._stacks: list[ExitStack | None] = [None] * services
        self._writers: list[subprocess.Popen[bytes]] = []
        self._stack = ExitStack()

    def home(self, number: int = 0) -> Path:
        """Where a service lives."""
        return self.folder / f"home{number}"

    @property
    def service(self) -> Service:
        """The first of them, which runs."""
        service = self.services[0]
        assert service is not None
        return service

    def conninfo(self) -> str:
        """The database itself, as its superuser, past any wire."""
        state = json.loads(PostgresFolder.below(self.home()).state.read_text())
        return str(state["conninfo"])

    @contextmanager
    def database(self) -> Iterator[str]:
        """The database to look at afterwards, whether or not a service came back that runs it."""
        if self.is_up():
            yield self.conninfo()
            return
        with EmbeddedPostgres(self.home()) as server:
            yield server.conninfo

    def is_up(self) -> bool:
        """Whether the database can be reached, and is where its home says."""
        try:
            psycopg.connect(self.conninfo()).close()
        except (FileNotFoundError, psycopg.OperationalError):
            return False
        return True

    def postmaster(self) -> int:
        """The database's first process."""
        return int(json.loads(PostgresFolder.below(self.home()).state.read_text())["server_pid"])

    # The services

    def start(self, number: int = 0) -> None:
        """Start a service and wait until it can work."""
        stack, began = ExitStack(), time.monotonic()
        self.services[number] = stack.enter_context(serving(self.home(number), self.settings_of(number)))
        self._stacks[number] = stack
        if self.first_start_s is None:
            self.first_start_s = time.monotonic() - began
        self._tell_addresses()

    def start_and_kill(self, after_s: float) -> None:
        """Start the first service, and kill it so long after it began to make a projection."""
        with starting(self.home(), self.settings_of(0)) as service:
            made = wait_until(lambda: any(self.home().rglob("*.duckdb*")) or service.process.poll() is not None, 180)
            assert made, service.said
            time.sleep(after_s)
            service.tell(signal.SIGKILL)
            service.ended()

    def settings_of(self, number: int) -> dict[str, str]:
        """The settings of a service."""
        del number
        return self.settings

    def end(self, number: int = 0, how: signal.Signals = signal.SIGTERM) -> int:
        """End a service; its exit code."""
        service, stack = self.services[number], self._stacks[number]
        assert service is not None
        assert stack is not None
        service.tell(how)
        code = service.ended()
        stack.close()
        self.services[number] = self._stacks[number] = None
        return code

    def _tell_addresses(self) -> None:
        passing = self.desk / "addresses.new"
        passing.write_text("\n".join(service.address for service in self.services if service is not None))
        passing.rename(self.desk / "addresses")

    # The writers

    def open(self, writers: int = 4) -> None:
        """Start everything, and the writers."""
        self.desk.mkdir(parents=True)
        (self.desk / "token").write_text(TOKEN)
        for number in range(len(self.services)):
            self.start(number)
        with self.service.client() as client:
            answer = client.post(writer.EVENTS, json=_market())
            assert answer.status_code in (200, 201), answer.text
        if self.company is not None:
            self.company.open(self)
        for number in range(writers):
            command = [sys.executable, "-I", str(Path(writer.__file__)), str(self.desk), f"w{number}"]
            if number < len(self.services):
                # Each service always has somebody who writes to it.
                command.append(str(number))
            self._writers.append(subprocess.Popen(command))

    def rest(self) -> None:
        """Let the writers finish what they began, and end them."""
        (self.desk / "stop").touch()
        for process in self._writers:
            process.wait(writer.LAST_S + 2 * writer.TIMEOUT_S)
        self._writers.clear()

    def close(self) -> None:
        """End everything, by force if need be."""
        for process in self._writers:
            process.kill()
            process.wait()
        for stack in self._stacks:
            if stack is not None:
                stack.close()
        if self.company is not None:
            self.company.close()
        self._stack.close()

    def record(self) -> Record:
        """What the writers noted so far."""
        return Record.read(self.desk, self.forgiven)

    def acknowledged_after(self, moment: float) -> float | None:
        """When the first acknowledgement of something sent after a moment came."""
        return self.record().first_after(moment)

    # What the service says

    def readiness(self, number: int = 0) -> tuple[int, dict[str, Any]]:
        """Status and content of /readyz; 0: no answer."""
        service = self.services[number]
        if service is None:
            return 0, {}
        try:
            answer = httpx2.get(f"{service.address}/readyz", timeout=PROBE_S)
            return answer.status_code, answer.json()
        except (httpx2.HTTPError, ValueError):
            return 0, {}

    def is_level(self, number: int = 0) -> bool:
        """Whether a service is ready and its views and the last checkpoint are where the ledger was just now."""
        before, first = self.readiness(number)
        if before != 200:
            return False
        checkpoint = first.get("checkpoint") or {}
        return first["lag_events"] < 200 and checkpoint.get("uncovered_events", 1_000_000) < 1_000

    # The database

    def look(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []


class Watch:
    """What /readyz said while a fault lasted."""

    def __init__(self) -> None:
        self.unready: dict[str, Any] | None = None

    def look(self, stage: Stage) -> None:
        """Look once."""
        status, state = stage.readiness()
        if status == 503 and self.unready is None:
            self.unready = state


class ExternalStage(Stage):
    """Services on a database of the operator's, each behind the same wire."""

    external = True

    def __init__(
        self,
        folder: Path,
        *,
        services: int = 1,
        settings: Mapping[str, str] | None = None,
        company: Company | None = None,
    ) -> None:
        super().__init__(folder, services=services, settings=settings, company=company)
        self.server = EmbeddedPostgres(folder / "server")
        self.signing_key = SigningKey.generate("daybook").encode()
        self.wire: Wire
        self._through = ""

    def open(self, writers: int = 4) -> None:
        """Start the database, the wire, everything else."""
        self.server.start()
        self._stack.callback(self.server.stop)
        folder = self.folder / "wire"
        folder.mkdir()
        self.wire, self._through = self._stack.enter_context(wire_to(self.server.conninfo, folder))
        super().open(writers)

    def conninfo(self) -> str:
        """The database itself."""
        return self.server.conninfo

    def postmaster(self) -> int:
        """The database's first process."""
        return self.server.server_pid

    def settings_of(self, number: int) -> dict[str, str]:
        """All on one database, as a role that owns nothing, able to sign."""
        del number
        return {
            **self.settings,
            "DAYBOOK_DATABASE_URL": as_service(self._through),
            "DAYBOOK_MIGRATIONS_URL": self._through,
            "DAYBOOK_SIGNING_KEY": self.signing_key,
        }


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A folder on a file system of its own of a size such as "400m"; PermissionError where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="f-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        raise PermissionError(mounted.stderr.decode())
    try:
        yield folder
    finally:
        wait_until(lambda: not subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode, 30)
        folder.rmdir()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="f-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no space on a folder's file system, in the block."""
    filler = folder / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"\0" * (1 << 20))
            file.flush()
    # What a writer frees meanwhile is taken as well.
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 512)
    try:
        yield
    finally:
        filler.unlink()


def children_of(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children_of(int(child))]
    return found


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Stop processes, in the block."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def held(seconds: float, look: Callable[[], None]) -> None:
    """Let a fault last so long, looking all the time."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        look()
        time.sleep(min(LOOK_S, left))


def _market() -> list[dict[str, Any]]:
    """What the writers' orders name."""
    names = {"baidu": "Baidu", "huawei": "Huawei"}
    made = [
        {
            "type": "organization-registered",
            "id": f"of-{name}",
            "effective_on": "2010-01-01",
            "data": {"organization_id": name, "name": called, "country": "CN"},
        }
        for name, called in names.items()
    ]
    chip = {"product_id": "910b", "name": "Ascend 910B", "vendor_id": "huawei", "category": "accelerator"}
    return [*made, {"type": "product-registered", "id": "of-910b", "effective_on": "2020-01-01", "data": chip}]
