"""Sudden ends: of the owner, the supervisor, the server, or while data is made. Nothing is lost or left over."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from service.postgres import kernel
from service.postgres.database import database
from service.postgres.embedded import EmbeddedPostgres, attach
from service.postgres.errors import StartError
from service.postgres.folder import SOCKET_NAME, PostgresFolder
from service.settings import Settings
from tests.service.postgres_owner import PROGRAM, ROOT, Owner, owner, processes_of, wait_until


def parent_of(pid: int) -> int:
    """The process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def record_a_chip(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("drop table if exists chip")
        connection.execute("create table chip as select 'Ascend 910B' as name")


def assert_the_chip_is_there(home: Path) -> None:
    with EmbeddedPostgres(home) as server, psycopg.connect(server.conninfo) as connection:
        assert connection.execute("select name from chip").fetchall() == [("Ascend 910B",)]


@contextmanager
def long_statement(conninfo: str) -> Iterator[None]:
    """Keep the server busy until it dies, in the block."""

    def run() -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("/* long */ select count(*) from generate_series(1, 1000000000000)")

    client = threading.Thread(target=run)
    client.start()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        running = "select from pg_stat_activity where query like '/* long */%' and state = 'active'"
        assert wait_until(lambda: connection.execute(running).rowcount == 1)
    yield
    client.join()


@pytest.fixture
def busy(home: Path) -> Iterator[Owner]:
    """An owner whose server holds a committed row and is busy with a long statement."""
    with owner(home) as started:
        record_a_chip(started.said["conninfo"])
        with long_statement(started.said["conninfo"]):
            yield started


def test_a_killed_owner_leaves_no_process_and_no_loss(busy: Owner, home: Path) -> None:
    busy.process.kill()
    assert wait_until(lambda: processes_of(home) == []), processes_of(home)
    assert attach(home) is None
    assert_the_chip_is_there(home)


def test_the_next_owner_waits_for_the_server_of_a_killed_one(busy: Owner, home: Path) -> None:
    busy.process.kill()
    assert_the_chip_is_there(home)


def test_a_forked_child_of_the_killed_owner_does_not_keep_the_server_alive(home: Path) -> None:
    fork = "import os, time\nchild = os.fork()\nif child == 0:\n    time.sleep(60)\nprint(child, flush=True)"
    with owner(home, preparation=fork) as started:
        record_a_chip(started.said["conninfo"])
        assert started.process.stdout is not None
        child = int(started.process.stdout.readline())
        started.process.kill()
        assert wait_until(lambda: processes_of(home) == []), processes_of(home)
        assert kernel.is_alive(child)
        os.kill(child, signal.SIGKILL)
    assert_the_chip_is_there(home)


def test_a_killed_supervisor_takes_the_server_with_it(busy: Owner, home: Path) -> None:
    os.kill(parent_of(busy.said["server_pid"]), signal.SIGKILL)
    assert wait_until(lambda: processes_of(home) == []), processes_of(home)
    assert_the_chip_is_there(home)


def test_owner_and_supervisor_killed_together_leave_no_process(busy: Owner, home: Path) -> None:
    supervisor = parent_of(busy.said["server_pid"])
    busy.process.kill()
    os.kill(supervisor, signal.SIGKILL)
    assert wait_until(lambda: processes_of(home) == []), processes_of(home)
    assert_the_chip_is_there(home)


def test_a_server_killed_by_somebody_is_reported_and_can_be_started_again(home: Path) -> None:
    server = EmbeddedPostgres(home)
    record_a_chip(server.start())
    with long_statement(server.conninfo):
        os.kill(server.server_pid, signal.SIGKILL)
        assert wait_until(lambda: not server.is_running)
        assert str(server.poll()).startswith("PostgreSQL ended by signal 9; the end of ")
        assert attach(home) is None
        assert processes_of(home) == []
    server.start()
    assert server.poll() is None
    server.stop()
    assert_the_chip_is_there(home)


def test_a_supervisor_killed_by_somebody_is_reported(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        os.kill(parent_of(server.server_pid), signal.SIGKILL)
        assert wait_until(lambda: not server.is_running)
        assert server.poll() == "PostgreSQL ended because its supervising process was killed"
    assert wait_until(lambda: processes_of(home) == [])
    with EmbeddedPostgres(home):
        pass


def test_a_supervisor_told_to_terminate_stops_the_server_in_order(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        said_before = server.folder.log.read_text()
        os.kill(parent_of(server.server_pid), signal.SIGTERM)
        assert wait_until(lambda: not server.is_running)
        assert server.poll() == "PostgreSQL ended with exit code 0"
        assert "database system is shut down" in server.folder.log.read_text().removeprefix(said_before)


def test_a_crash_while_the_data_is_made_is_cleared_away(new_home: Path) -> None:
    folder = PostgresFolder.below(new_home)
    making = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(new_home)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=ROOT
    )
    with making:
        assert wait_until((folder.unfinished_data / "base" / "1").exists)
        supervisor = int(Path(f"/proc/{making.pid}/task/{making.pid}/children").read_text())
        making.kill()
        os.kill(supervisor, signal.SIGKILL)
    assert not folder.data.exists()
    assert wait_until(lambda: not folder.is_taken())
    assert folder.unfinished_data.exists()
    with EmbeddedPostgres(new_home):
        assert not folder.unfinished_data.exists()


def test_a_start_given_up_while_the_data_is_made_leaves_no_process(new_home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(new_home)], stdin=subprocess.PIPE, cwd=ROOT) as making:
        assert wait_until(PostgresFolder.below(new_home).unfinished_data.exists)
        making.kill()
    assert wait_until(lambda: processes_of(new_home) == []), processes_of(new_home)
    with EmbeddedPostgres(new_home):
        pass


@pytest.mark.parametrize("content", ["{live}\n-", "", "99999999\n-"])
def test_the_mark_of_a_dead_server_does_not_keep_the_next_from_starting(home: Path, content: str) -> None:
    with EmbeddedPostgres(home) as server:
        pid_file = server.folder.data / "postmaster.pid"
    # Of this process, as a container's few process ids come back; cut short; of none.
    pid_file.write_text(content.format(live=os.getpid()))
    os.chown(pid_file, server.folder.data.stat().st_uid, server.folder.data.stat().st_gid)
    with EmbeddedPostgres(home):
        pass


def test_a_live_server_that_the_lock_does_not_show_is_never_run_into(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        server.folder.lock.unlink()
        with pytest.raises(StartError, match=f"process {server.server_pid} is a PostgreSQL on .* stop it first"):
            EmbeddedPostgres(home).start()
        assert server.is_running


def test_what_is_removed_under_a_server_that_is_kept_is_made_again(home: Path) -> None:
    folder = PostgresFolder.below(home)

    def server() -> int:
        with suppress(FileNotFoundError):
            return int(json.loads(folder.state.read_text())["server_pid"])
        return 0

    with database(Settings(home=home), keep=True) as conninfo:
        folder.state.unlink()
        assert wait_until(lambda: folder.state.exists())
        assert attach(home) == conninfo
        before = server()
        (folder.socket / SOCKET_NAME).unlink()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(conninfo)
        # Nobody could reach it again: it is started anew where it was.
        assert wait_until(lambda: server() not in (0, before), 60)
        psycopg.connect(conninfo).close()


def test_a_server_of_a_long_home_comes_back_where_it_was(home: Path, tmp_path: Path) -> None:
    long_home = home.rename(tmp_path / ("x" * 120))
    server = EmbeddedPostgres(long_home)
    before = server.start()
    os.kill(server.server_pid, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running)
    assert server.start() == before
    # Also where nobody was left to clear away.
    os.kill(parent_of(server.server_pid), signal.SIGKILL)
    assert wait_until(lambda: not server.is_running and not server.folder.is_taken())
    assert server.start() == before
    folder = server.folder.socket.readlink().parent
    server.stop()
    # Somebody else was faster to make a folder of that name: it is not used.
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with EmbeddedPostgres(long_home) as other, psycopg.connect(other.conninfo):
        assert other.folder.socket.readlink().parent != folder
    folder.rmdir()
    long_home.rename(home)
