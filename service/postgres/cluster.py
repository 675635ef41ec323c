"""The data folder of an embedded server: made whole or not at all, given to its user, cleared of old marks."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from service.postgres import kernel
from service.postgres.errors import StartError
from service.postgres.folder import PostgresFolder
from service.postgres.identity import Identity, has_name

SUPERUSER = "postgres"


def prepare_data(folder: PostgresFolder, bin_folder: Path, identity: Identity, lock: int) -> None:
    """Leave a data folder that the server can start on. The caller holds `lock`. Raises StartError."""
    if folder.unfinished_data.exists():
        shutil.rmtree(folder.unfinished_data)
    folder.settle()
    if not folder.data.exists():
        _make_data(folder, bin_folder, identity, lock)
    elif folder.data_major() is None:
        raise StartError(f"{folder.data} exists but holds no PostgreSQL data; move it away")
    _give_data(folder.data, identity)
    _clear_stale_pid(folder.data)


def child_setup(identity: Identity, signal_on_our_death: int) -> Callable[[], None]:
    """What a child is to do between fork and exec: become the server's user, then tie its life to ours."""
    our_pid = os.getpid()

    def setup() -> None:
        identity.enter()
        kernel.die_with_parent(signal_on_our_death, our_pid)

    return setup


def child_environment() -> dict[str, str]:
    """The environment of server programs: none of the caller's secrets, PG* or locale settings gets through."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _make_data(folder: PostgresFolder, bin_folder: Path, identity: Identity, lock: int) -> None:
    making = folder.unfinished_data
    making.mkdir(mode=0o700)
    identity.own(making)
    with folder.open_log() as log:
        start = log.tell()
        # The lock goes to every process of the server, so that the folder is free only when the last of them has gone.
        outcome = subprocess.run(  # noqa: S603  # a program the user installed
            [
                bin_folder / "initdb",
                f"--pgdata={making}",
                f"--username={SUPERUSER}",
                # For the server's first start only, inside initdb; afterwards see `authentication`.
                "--auth-local=trust",
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale=C",
                "--data-checksums",
                # One pass over the files below is as safe and spares a start of the server.
                "--no-sync",
                "--no-instructions",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.path,
            env=child_environment(),
            pass_fds=(lock,),
            preexec_fn=child_setup(identity, signal.SIGKILL),
            check=False,
        )
    if outcome.returncode != 0:
        said = log_tail(folder, start)
        shutil.rmtree(making, ignore_errors=True)
        nameless = (
            "" if has_name(identity.seen_uid) else f" (user id {identity.seen_uid} needs an entry in /etc/passwd)"
        )
        raise StartError(f"initdb failed{nameless}: {said}")
    _write_through(making)
    making.rename(folder.data)
    folder.sync()


def log_tail(folder: PostgresFolder, start: int) -> str:
    """The last lines written to the log behind byte `start`, as one line."""
    with folder.log.open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(start, log.tell() - 2000))
        lines = log.read().decode(errors="replace").split("\n")
    return " | ".join(line.strip() for line in lines[-6:] if line.strip()) or "it said nothing"


def _write_through(top: Path) -> None:
    """Have everything below `top` on disk before it gets its final name."""
    for root, _folders, files in os.walk(top):
        for name in files:
            _sync(Path(root, name))
        _sync(Path(root))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give_data(data: Path, identity: Identity) -> None:
    """Change the owner where an earlier start ran the server as another user; the top last, as a mark of completion."""
    if data.lstat().st_uid == identity.uid:
        return
    if os.geteuid() != 0:
        raise StartError(f"{data} belongs to user id {data.lstat().st_uid}; start Daybook as root, who gave it away")
    for root, folders, files in os.walk(data, topdown=False):
        for name in (*folders, *files):
            os.chown(Path(root, name), identity.uid, identity.gid, follow_symlinks=False)
    os.chown(data, identity.uid, identity.gid)


def _clear_stale_pid(data: Path) -> None:
    """Remove a postmaster.pid that names a live process which is not a server on this data.

    PostgreSQL would refuse to start: after a crash in a container the same few process ids come back at once. A dead
    process it recognises itself, and checks shared memory too, so that file stays.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = abs(int(pid_file.read_text().split("\n", 1)[0]))  # negative: single-user mode
    except FileNotFoundError:
        return
    except ValueError:  # cut short by a crash
        pid_file.unlink()
        return
    if not kernel.is_alive(pid) or not kernel.ON_LINUX:
        return
    try:
        serves_our_data = Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:  # gone meanwhile, or the folder of a process that is none of our business
        serves_our_data = False
    if serves_our_data:
        raise StartError(f"process {pid} is a PostgreSQL on {data} that Daybook did not start; stop it first")
    pid_file.unlink()
