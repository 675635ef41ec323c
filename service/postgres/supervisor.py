"""The small process between the service and its PostgreSQL: starts the server, stops it when asked or left alone.

Run as `python -m service.postgres.supervisor REQUEST` by `embedded`. It imports the standard library only, has one
thread, and speaks lines: on stdin it reads how to stop, and the end of stdin means that the owner has ended; on
stdout it reports one JSON object a line, see `SupervisorReport`. The chain of deaths has no gap:

1. The owner ends, however: its end of the pipe closes (or, where a forked child of the owner still holds the pipe, our
   parent changes), and we stop the server.
2. We are killed: the kernel sends the server SIGINT, its "fast" shutdown.
3. The server is killed: its children become ours, and we end them before we end ourselves.
4. All are killed at once: the lock is free, and the next start recovers.
"""

import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.postgres import kernel
from service.postgres.authentication import write_rules
from service.postgres.cluster import child_environment, child_setup, log_tail, prepare_data
from service.postgres.errors import HomeInUseError, StartError
from service.postgres.folder import PostgresFolder
from service.postgres.identity import Way, choose_identity, usual_ways

#: How long the lock of an ended owner is waited for: a fast shutdown writes out what is in memory.
LOCK_PATIENCE_SECONDS = 30.0
#: A log that grows beyond this is put aside, in the place of the one that was put aside before.
LOG_LIMIT_BYTES = 10_000_000
#: What is tried to stop a server, with the seconds that each step gets.
STOP_STEPS: Mapping[str, Sequence[tuple[signal.Signals, float]]] = {
    "fast": ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)),
    "immediate": ((signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)),
}


@dataclass(frozen=True)
class SupervisorRequest:
    """What the owner asks for."""

    folder: str
    bin_folder: str
    owner_pid: int
    #: Server settings, on top of `server_command`'s.
    settings: Mapping[str, str]
    #: Empty: the usual ones.
    ways: Sequence[Way]
    #: Where the data lies; empty: in the folder.
    data: str = ""


@dataclass(frozen=True)
class SupervisorReport:
    """What the owner reads: first `ready`, `in-use` or `failed`; after `ready`, `ended`."""

    event: Literal["ready", "in-use", "failed", "ended"]
    #: A sentence for people, where it is bad news.
    message: str = ""
    socket_folder: str = ""
    server_pid: int = 0
    way: str = ""


def main(request: SupervisorRequest) -> None:
    """Run one server from its start to its end."""
    wakeup = _listen_to_signals()
    kernel.adopt_orphans()
    folder = PostgresFolder(Path(request.folder), Path(request.data) if request.data else None)
    try:
        lock = folder.take(
            request.owner_pid,
            patience_seconds=LOCK_PATIENCE_SECONDS,
            give_up=lambda: _told_to_stop(request.owner_pid, wakeup, 0) is not None,
        )
        folder.state.unlink(missing_ok=True)  # left by a supervisor that was killed
        _supervise(request, folder, lock, wakeup)
    except HomeInUseError as error:
        _tell(SupervisorReport("in-use", str(error)))
    except (StartError, OSError) as error:
        _tell(SupervisorReport("failed", str(error)))


def server_command(
    bin_folder: Path, folder: PostgresFolder, socket_folder: Path, settings: Mapping[str, str]
) -> list[str]:
    """How the server is started. Settings on the command line win over every file."""
    essential = {
        "hba_file": os.fspath(folder.rules),
        "ident_file": os.fspath(folder.users),
        "listen_addresses": "",
        "unix_socket_directories": os.fspath(socket_folder),
        "unix_socket_permissions": "0700",
        "port": "5432",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "cluster_name": "daybook",
    }
    options = [part for name, value in {**essential, **settings}.items() for part in ("-c", f"{name}={value}")]
    return [os.fspath(bin_folder / "postgres"), "-D", os.fspath(folder.data), *options]


def _supervise(request: SupervisorRequest, folder: PostgresFolder, lock: int, wakeup: int) -> None:
    bin_folder = Path(request.bin_folder)
    identity = choose_identity(request.ways or usual_ways(), (folder.path, bin_folder / "postgres"))
    if _is_large(folder.log):
        folder.log.rename(folder.log.with_suffix(".log.1"))
    prepare_data(folder, bin_folder, identity, lock)
    major = folder.data_major()
    assert major is not None
    write_rules(folder, identity, major)
    socket_folder = folder.make_socket_folder()
    identity.own(socket_folder)
    with folder.open_log() as log:
        log_start = log.tell()
        server = subprocess.Popen(  # noqa: S603  # a program the user installed
            server_command(bin_folder, folder, socket_folder, request.settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.path,
            env=child_environment(),
            pass_fds=(lock,),
            preexec_fn=child_setup(identity, signal.SIGINT),  # noqa: PLW1509 - this process has one thread
        )
    mode = None
    ready = False
    while mode is None and server.poll() is None:
        if not ready and (ready := _accepts_connections(folder.data, server.pid)):
            _tell(SupervisorReport("ready", "", os.fspath(socket_folder), server.pid, identity.way))
        mode = _told_to_stop(request.owner_pid, wakeup, 1.0 if ready else 0.01)
        if _is_large(folder.log):
            _put_aside(folder.log)
            log_start = 0
    # Before the lock goes: afterwards the file may be the next owner's.
    folder.state.unlink(missing_ok=True)
    if mode is not None:
        _stop(server, STOP_STEPS.get(mode, STOP_STEPS["fast"]))
    _end_adopted()
    folder.remove_socket_folder()
    how = f"by signal {-server.returncode}" if server.returncode < 0 else f"with exit code {server.returncode}"
    said = "" if mode is not None else f"; the end of {folder.log}: {log_tail(folder, log_start)}"
    _tell(SupervisorReport("ended" if ready else "failed", f"PostgreSQL ended {how}{said}"))


def _is_large(log: Path) -> bool:
    return log.exists() and log.stat().st_size > LOG_LIMIT_BYTES


def _put_aside(log: Path) -> None:
    """Copy the log of a running server, and empty it: the server goes on writing at its end, wherever that is.

    Lines of the instant in between may be lost.
    """
    # A full disk: to empty it is worth more than what it says.
    with contextlib.suppress(OSError):
        shutil.copy2(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)


def _accepts_connections(data: Path, server_pid: int) -> bool:
    """Whether the server has come up: the eighth line of postmaster.pid is its status, the first its process id.

    Until it has written the file, one that a killed server left may lie there and say "ready".
    """
    try:
        lines = (data / "postmaster.pid").read_bytes().split(b"\n")
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == b"%d" % server_pid and lines[7].strip() == b"ready"


def _told_to_stop(owner_pid: int, wakeup: int, wait_seconds: float) -> str | None:
    """Wait for news, from the owner or by a signal; the mode to stop in, if it is time to."""
    readable, _, _ = select.select([sys.stdin.fileno(), wakeup], [], [], wait_seconds)
    if wakeup in readable and signal.SIGTERM in os.read(wakeup, 1024):
        return "fast"
    if sys.stdin.fileno() in readable:
        # A short line arrives whole; nothing at all is the end of the owner.
        return os.read(sys.stdin.fileno(), 1024).decode().strip() or "fast"
    return "fast" if os.getppid() != owner_pid else None


def _stop(server: "subprocess.Popen[bytes]", steps: Sequence[tuple[signal.Signals, float]]) -> None:
    for signal_number, patience_seconds in steps:
        server.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience_seconds)
            return


def _end_adopted() -> None:
    """End the processes of a server that is gone. They end by themselves unless busy."""
    signal_number = signal.SIGQUIT
    started = time.monotonic()
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in kernel.children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
            time.sleep(0.02)
            if time.monotonic() - started > 3.0:
                signal_number = signal.SIGKILL


def _listen_to_signals() -> int:
    """Have signals arrive as bytes on a pipe; the end to read. Ctrl-C is the owner's business."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        # A handler and not SIG_IGN, which the server would inherit.
        signal.signal(number, lambda _number, _frame: None)
    return reading


def _tell(report: SupervisorReport) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), json.dumps(dataclasses.asdict(report)).encode() + b"\n")


if __name__ == "__main__":
    main(SupervisorRequest(**json.loads(sys.argv[1])))
