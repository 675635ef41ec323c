"""An embedded PostgreSQL server: start and stop one of our own, or attach to the one another process runs."""

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from service.postgres.binaries import find_binaries
from service.postgres.cluster import SUPERUSER
from service.postgres.errors import HomeInUseError, NotReachableError, StartError
from service.postgres.folder import SOCKET_NAME, PostgresFolder
from service.postgres.identity import Way
from service.postgres.supervisor import SupervisorReport, SupervisorRequest
from service.running.environment import of_an_interpreter

DATABASE = "daybook"
#: A first start takes about a second; recovery after a crash reads up to a gigabyte of log.
START_PATIENCE_SECONDS = 300.0
#: More than the supervisor's own steps to stop a server take together.
STOP_PATIENCE_SECONDS = 90.0


class EmbeddedPostgres:
    """A PostgreSQL server under a Daybook home, owned by this process and ending with it, however it ends.

    Reached over a unix socket that only this operating system user can open. May be started again when it has ended.
    Its methods may be called from any thread.
    """

    def __init__(
        self,
        home: Path,
        bin_folder: Path | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        ways: Sequence[Way] = (),
        data: Path | None = None,
        holding: Sequence[int] = (),
    ) -> None:
        """Nothing happens before `start`. `bin_folder` as in `find_binaries`; `settings` are PostgreSQL's, and win.

        `ways`: as whom to run the server, first that works; empty: the usual ones for the present user. `data`: where
        its data lies, if not below the home; `holding`: descriptors that stay open until the server has gone, such as
        the lock of the home that the data belongs to.
        """
        self.folder = PostgresFolder(PostgresFolder.below(home).path, data)
        self._holding = tuple(holding)
        self._bin_folder = bin_folder
        self._settings = dict(settings or {})
        self._ways = tuple(ways)
        self._lock = threading.RLock()
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._ready: SupervisorReport | None = None
        self._ended: str | None = "it was not started"
        self._version = ""

    def start(self) -> str:
        """Start the server and return the connection string (a URL) of its superuser on the database `daybook`.

        Makes data and database where they are missing. Raises HomeInUseError where another process owns the home (see
        `attach`), BinariesNotFoundError, StartError.
        """
        with self._lock:
            if self.is_running:
                raise StartError(f"the server of {self.folder.path} was started already")
            self.stop()  # what is left of one that ended unasked
            self.folder.create()
            binaries = find_binaries(self._bin_folder, major=self.folder.data_major())
            try:
                self._ready = self._launch(binaries.folder)
                self._create_database()
                self._version = binaries.version
                self._write_state()
            except BaseException:
                self.stop()
                raise
            return self.conninfo

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and wait until it is gone; `immediate` is a crash, recovered from at the next start."""
        with self._lock:
            supervisor, self._supervisor = self._supervisor, None
            if supervisor is None:
                return
            assert supervisor.stdin is not None
            assert supervisor.stdout is not None
            with contextlib.suppress(BrokenPipeError), supervisor.stdin:
                supervisor.stdin.write(f"{mode}\n".encode())
            try:
                supervisor.wait(STOP_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                supervisor.kill()  # the kernel then stops the server
                supervisor.wait()
            supervisor.stdout.close()
            self._ready = None
            self._ended = "it was stopped"

    def poll(self) -> str | None:
        """None while the server runs; otherwise a sentence that says how it ended, such as by somebody's signal."""
        with self._lock:
            if self._supervisor is not None and self._ended is None and (report := self._report(0)) is not None:
                self._ended = report.message
            return self._ended

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and has not ended."""
        return self.poll() is None

    @property
    def conninfo(self) -> str:
        """The connection string, as `start` returned it."""
        return self.conninfo_of(DATABASE)

    def conninfo_of(self, database: str) -> str:
        """The connection string of the superuser on any database of the server."""
        host = quote(self._started().socket_folder, safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port=5432"

    @property
    def server_pid(self) -> int:
        """The process id of the server's main process."""
        return self._started().server_pid

    @property
    def way(self) -> str:
        """As whom the server runs, see `identity.Way`."""
        return self._started().way

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, bin_folder: Path) -> SupervisorReport:
        request = SupervisorRequest(
            os.fspath(self.folder.path),
            os.fspath(bin_folder),
            os.getpid(),
            self._settings,
            self._ways,
            os.fspath(self.folder.data_elsewhere or ""),
        )
        self._unread, self._ended = b"", None
        self._supervisor = subprocess.Popen(  # noqa: S603  # ourselves
            # Without site-packages it starts in a third of the time.
            [
                sys.executable,
                "-S",
                "-s",
                "-P",
                "-m",
                "service.postgres.supervisor",
                json.dumps(dataclasses.asdict(request)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=of_an_interpreter(packages=False),
            # Ctrl-C goes to every process of a terminal's group; the server is to end after us, not beside us.
            start_new_session=True,
            pass_fds=self._holding,
        )
        report = self._report(START_PATIENCE_SECONDS)
        if report is None:
            raise StartError(f"PostgreSQL did not come up within {START_PATIENCE_SECONDS:.0f} s, see {self.folder.log}")
        if report.event == "in-use":
            raise HomeInUseError(report.message)
        if report.event != "ready":
            raise StartError(report.message)
        return report

    def _report(self, patience_seconds: float) -> SupervisorReport | None:
        """The supervisor's next report, None if there is none in time. Its own end counts as one that all has ended."""
        assert self._supervisor is not None
        assert self._supervisor.stdout is not None
        deadline = time.monotonic() + patience_seconds
        while b"\n" not in self._unread:
            if not select.select([self._supervisor.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            piece = os.read(self._supervisor.stdout.fileno(), 65536)
            if not piece:
                return SupervisorReport("ended", "PostgreSQL ended because its supervising process was killed")
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        return SupervisorReport(**json.loads(line))

    def _create_database(self) -> None:
        with psycopg.connect(self.conninfo_of(SUPERUSER), autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", (DATABASE,)).fetchone() is not None:
                return
            self._refuse_others(connection)
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))

    def _refuse_others(self, connection: psycopg.Connection) -> None:
        """StartError where the data is of a server whose databases have other names, as a base backup's may have.

        An empty ledger beside the one that was to be restored would look like its loss.
        """
        names = "select datname from pg_database where not datistemplate and datname <> %s order by datname"
        others = [str(name) for (name,) in connection.execute(names, (SUPERUSER,))]
        if connection.execute("select to_regclass('public.ledger_events')").fetchone() != (None,):
            others.append(SUPERUSER)
        if others:
            raise StartError(
                f"{self.folder.data} has no database {DATABASE!r}, and {', '.join(map(repr, others))} instead. If the"
                f" ledger is there, let a PostgreSQL of your own rename it (alter database ... rename to {DATABASE})"
            )

    def mend(self) -> bool:
        """Whether a running server can be reached: False where its socket was removed, so that it has to start again.

        The file by which other processes find it is written again where somebody removed that.
        """
        with self._lock:
            if not self.is_running:
                return True
            if not (Path(self._started().socket_folder) / SOCKET_NAME).exists():
                return False
            if not self.folder.state.exists():
                self._write_state()
            return True

    def _write_state(self) -> None:
        """State for other processes where the server is; at once or not at all."""
        state = {
            "conninfo": self.conninfo,
            "owner_pid": os.getpid(),
            "server_pid": self.server_pid,
            "version": self._version,
        }
        draft = self.folder.state.with_suffix(".draft")
        draft.write_text(json.dumps(state) + "\n")
        draft.rename(self.folder.state)

    def _started(self) -> SupervisorReport:
        if self._ready is None:
            raise StartError(f"there is no server: {self._ended}")
        return self._ready


def attach(home: Path, patience_seconds: float = 10.0) -> str | None:
    """The connection string of the server that another live process runs under `home`; None if none does.

    A server that is just starting is waited for. Raises NotReachableError where the home is owned, but its server does
    not answer or may not be used by us.
    """
    folder = PostgresFolder.below(home)
    deadline = time.monotonic() + patience_seconds
    obstacle = "it has not come up"
    while True:
        try:
            if not folder.is_taken():
                return None
            conninfo = str(json.loads(folder.state.read_text())["conninfo"])
            with psycopg.connect(conninfo, connect_timeout=5):
                return conninfo
        except FileNotFoundError:
            obstacle = "it is starting or stopping"
        except PermissionError as error:
            raise NotReachableError(f"{folder.path} belongs to another user: {error}") from error
        except psycopg.OperationalError as error:
            obstacle = str(error).strip()
        if time.monotonic() > deadline:
            raise NotReachableError(
                f"{folder.path} is in use by process {folder.holder() or 'unknown'}, but its PostgreSQL cannot "
                f"be reached: {obstacle}"
            )
        time.sleep(0.05)
