"""A process that owns an embedded server and can be killed, and a look at what is left of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.postgres.errors import StartError
from service.postgres.folder import PostgresFolder
from service.postgres.identity import Way, choose_identity

ROOT = Path(__file__).parents[2]
#: Starts a server under argv[1], in the way argv[2] if that is not empty, says where it is (or why not), and waits.
PROGRAM = """
import json, subprocess, sys
from pathlib import Path
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.errors import StartError
server = EmbeddedPostgres(Path(sys.argv[1]), ways=[way for way in sys.argv[2:3] if way])
try:
    server.start()
    print(json.dumps({"conninfo": server.conninfo, "server_pid": server.server_pid, "way": server.way}), flush=True)
except StartError as error:
    print(json.dumps({"error": str(error)}), flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass
class Owner:
    """A started owner process."""

    process: "subprocess.Popen[bytes]"
    #: What it said: conninfo, server_pid, way; or error.
    said: dict[str, Any]


@contextmanager
def owner(
    home: Path, *, way: str = "", preparation: str = "", before_start: Callable[[], None] | None = None
) -> Iterator[Owner]:
    """Run `PROGRAM`, with `preparation` (Python) after its start; ended at the end of the block, if not before.

    `before_start` runs in the child before the program, such as a change of user.
    """
    program = PROGRAM.replace("sys.stdin.read()", f"{preparation}\nsys.stdin.read()")
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(home), way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=before_start,
    )
    with process:
        assert process.stdout is not None
        yield Owner(process, json.loads(process.stdout.readline()))


def processes_of(home: Path) -> list[str]:
    """Command lines of what runs for the server under `home`: it works in its data folder, its supervisor names it."""
    folder = PostgresFolder.below(home)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            working_folder = (process / "cwd").readlink()
        except OSError:  # ended meanwhile, or another user's
            continue
        supervises = b"service.postgres.supervisor" in command and json.dumps(str(folder.path)).encode() in command
        if supervises or working_folder in (folder.data, folder.unfinished_data):
            found.append(command.replace(b"\0", b" ").decode())
    return found


def open_within(home: Path, pid: int) -> list[Path]:
    """The files without a name in which a process of a home holds what is sent to be imported."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            target = descriptor.readlink()
            if target.parent == (home / "imports").resolve() and target.name.endswith("(deleted)"):
                found.append(target)
    return found


def wait_until(condition: Callable[[], bool], patience_seconds: float = 20.0) -> bool:
    """Whether `condition` came true in time."""
    deadline = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def possible_ways() -> list[Way]:
    """The ways to run a server that this user and machine allow; at least one."""
    possible: list[Way] = []
    ways: tuple[Way, ...] = ("itself", "namespace", "another-user")
    for way in ways:
        try:
            choose_identity([way], [])
        except StartError:
            continue
        possible.append(way)
    assert possible
    return possible
