"""Processes that are measured: what they and their children take of processor and memory, as /proc has it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: Places of fields in /proc/PID/stat, counted behind the name.
PARENT, ENDED_USER, ENDED_SYSTEM = 1, 13, 14
#: How long a service may take to begin, and to end.
BEGIN_S, END_S = 120, 20


def _stat(process: int) -> list[str] | None:
    """The fields of a process behind its name; None: it is gone."""
    with suppress(OSError):
        return (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    return None


def tree(root: int) -> list[int]:
    """A process and everything that descends from it, as it is now."""
    children: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*"):
        if (fields := _stat(int(path.name))) is not None:
            children.setdefault(int(fields[PARENT]), []).append(int(path.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def processor_s(root: int) -> float:
    """Processor time that a process and its descendants have taken, those that have ended and were waited for too."""
    total = 0.0
    for process in tree(root):
        with suppress(OSError):
            # The clock that clock_getcpuclockid(3) names: all threads of the process, to the nanosecond.
            total += time.clock_gettime(~process << 3 | 2)
        if (fields := _stat(process)) is not None:
            total += (int(fields[ENDED_USER]) + int(fields[ENDED_SYSTEM])) / TICKS_PER_S
    return total


def memory_mb(root: int, *, most: bool = False) -> float:
    """Memory of a process and its descendants in MB; `most`: the most that each has had."""
    name, total = "VmHWM:" if most else "VmRSS:", 0
    for process in tree(root):
        with suppress(OSError):
            for line in (PROC / str(process) / "status").read_text().splitlines():
                if line.startswith(name):
                    total += int(line.split()[1])
    return total * 1024 / 1e6


@dataclass(frozen=True, slots=True)
class Served:
    """A service at work."""

    port: int
    process: int


def free_port() -> int:
    """A port of the loopback that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Served]:
    """Run a service whose last argument is its port, and wait until it answers; what it writes goes to `log`."""
    port = free_port()
    with (
        log.open("ab") as written,
        subprocess.Popen(
            [*command, str(port)], env=os.environ | environment, stdout=written, stderr=written
        ) as process,
    ):
        try:
            _wait_until_open(process, port, log)
            yield Served(port, process.pid)
        finally:
            _end(process)


def _wait_until_open(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + BEGIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the service has ended with {process.returncode}: {log.read_text()[-2_000:]}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the service did not begin within {BEGIN_S} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a service; one that is still at a question that nothing waits for is killed, with what it has started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            for one in tree(process.pid)[::-1]:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def daybook_command() -> list[str]:
    """How `daybook` is run."""
    return [sys.executable, "-m", "service"]
