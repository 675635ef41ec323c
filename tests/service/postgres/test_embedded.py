"""An embedded server from its start to its end: what it promises, who may have it, what it refuses."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from service.postgres.binaries import find_binaries
from service.postgres.embedded import EmbeddedPostgres, attach
from service.postgres.errors import BinariesNotFoundError, HomeInUseError, NotReachableError, StartError
from service.postgres.folder import SHORT_FOLDER_PREFIX, SOCKET_NAME, PostgresFolder
from service.postgres.supervisor import LOG_LIMIT_BYTES
from tests.service.postgres_owner import owner, processes_of, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that the tests only look at."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("running")) as server:
        yield server


def home_of(server: EmbeddedPostgres) -> Path:
    return server.folder.path.parent


def setting(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.conninfo) as connection:
        row = connection.execute("select current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("max_connections", "100"),
        ("server_encoding", "UTF8"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("listen_addresses", ""),
    ],
)
def test_the_server_is_durable_and_listens_on_no_network(running: EmbeddedPostgres, name: str, value: str) -> None:
    assert setting(running, name) == value


def test_no_other_user_can_reach_socket_data_or_log(running: EmbeddedPostgres) -> None:
    assert running.folder.path.stat().st_mode & 0o777 == 0o700
    assert running.folder.path.stat().st_uid == os.geteuid()


def test_what_was_written_is_there_after_a_restart(new_home: Path) -> None:
    with EmbeddedPostgres(new_home) as server, psycopg.connect(server.conninfo) as connection:
        connection.execute("create table chip (name text)")
        connection.execute("insert into chip values ('Ascend 910B')")
    assert processes_of(new_home) == []
    with EmbeddedPostgres(new_home) as server, psycopg.connect(server.conninfo) as connection:
        assert connection.execute("select name from chip").fetchall() == [("Ascend 910B",)]


def test_an_immediate_stop_is_a_crash_that_the_next_start_recovers_from(home: Path) -> None:
    server = EmbeddedPostgres(home)
    said_before = server.folder.log.read_text()
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("drop table if exists chip")
        connection.execute("create table chip as select 'Kunlun' as name")
        server.stop("immediate")
    assert not server.is_running
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("select name from chip").fetchall() == [("Kunlun",)]
    assert server.is_running
    server.stop()
    assert "not properly shut down" in server.folder.log.read_text().removeprefix(said_before)


def test_a_server_outlives_the_thread_that_started_it(home: Path) -> None:
    server = EmbeddedPostgres(home)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    with psycopg.connect(server.conninfo) as connection:
        connection.execute("select pg_sleep(0.1)")
    assert server.poll() is None
    server.stop()


def test_ctrl_c_in_the_terminal_of_the_owner_does_not_reach_the_server(running: EmbeddedPostgres) -> None:
    assert os.getsid(running.server_pid) != os.getsid(0)


def test_a_server_is_started_once(running: EmbeddedPostgres) -> None:
    with pytest.raises(StartError, match="was started already"):
        running.start()


def test_before_the_start_there_is_no_connection_string(new_home: Path) -> None:
    server = EmbeddedPostgres(new_home)
    with pytest.raises(StartError, match="it was not started"):
        _ = server.conninfo
    assert server.poll() == "it was not started"


def test_a_second_owner_is_refused_in_the_same_process(running: EmbeddedPostgres) -> None:
    with pytest.raises(HomeInUseError, match=f"in use by process {os.getpid()}$"):
        EmbeddedPostgres(home_of(running)).start()
    assert attach(home_of(running)) == running.conninfo


def test_a_second_process_is_refused_and_may_attach(home: Path) -> None:
    with owner(home) as first:
        with pytest.raises(HomeInUseError, match=f"in use by process {first.process.pid}$"):
            EmbeddedPostgres(home).start()
        conninfo = attach(home)
        assert conninfo == first.said["conninfo"]
        with psycopg.connect(str(conninfo)) as connection:
            assert connection.execute("select current_database()").fetchone() == ("daybook",)
    assert attach(home) is None


def test_where_nobody_owns_the_home_there_is_nothing_to_attach_to(new_home: Path) -> None:
    assert attach(new_home / "never used") is None
    EmbeddedPostgres(new_home).folder.create()
    assert attach(new_home) is None


def test_attaching_to_a_server_that_does_not_answer_says_why(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        (server.folder.socket / SOCKET_NAME).unlink()
        with pytest.raises(
            NotReachableError, match=rf"in use by process {os.getpid()}, but .*No such file or directory"
        ):
            attach(home, patience_seconds=0.1)


def test_attaching_to_an_owner_that_is_still_starting_says_so(new_home: Path) -> None:
    folder = PostgresFolder.below(new_home)
    folder.create()
    lock = folder.take(os.getpid(), patience_seconds=0, give_up=lambda: True)
    with pytest.raises(NotReachableError, match="it is starting or stopping"):
        attach(new_home, patience_seconds=0.1)
    os.close(lock)


@pytest.mark.parametrize("name", ["x" * 120, "a, b 'c' \"d\" 百度"])
def test_a_long_or_odd_home_works_and_leaves_no_folder_behind(home: Path, tmp_path: Path, name: str) -> None:
    odd_home = home.rename(tmp_path / name)
    with EmbeddedPostgres(odd_home) as server:
        short = server.folder.socket.readlink()
        assert short.parent.name.startswith(SHORT_FOLDER_PREFIX)
        with psycopg.connect(server.conninfo) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        assert attach(odd_home) == server.conninfo
    assert not short.parent.exists()
    assert not server.folder.socket.is_symlink()
    odd_home.rename(home)


def test_a_wrong_setting_is_reported_from_the_log_and_nothing_is_left(home: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)PostgreSQL ended with exit code 1; the end of .*log: .*max_connections"):
        EmbeddedPostgres(home, settings={"max_connections": "many"}).start()
    assert processes_of(home) == []
    assert attach(home) is None


def test_data_of_a_version_that_is_not_here_is_left_alone(new_home: Path) -> None:
    folder = PostgresFolder.below(new_home)
    folder.create()
    folder.data.mkdir()
    (folder.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(BinariesNotFoundError, match=r"no PostgreSQL 12 found: .* the data was made by 12"):
        EmbeddedPostgres(new_home, find_binaries().folder).start()


def test_a_data_folder_that_holds_something_else_is_left_alone(new_home: Path) -> None:
    folder = PostgresFolder.below(new_home)
    folder.create()
    folder.data.mkdir()
    with pytest.raises(StartError, match="holds no PostgreSQL data"):
        EmbeddedPostgres(new_home).start()
    assert folder.data.is_dir()


def test_a_folder_of_another_user_is_refused(new_home: Path) -> None:
    path = Path("/usr")  # root's, for everybody else
    if os.geteuid() == 0:
        path = new_home / "postgres"
        path.mkdir()
        os.chown(path, 65534, 65534)
    with pytest.raises(StartError, match=f"{path} belongs to user id .* start it as its owner"):
        PostgresFolder(path).create()


def test_a_folder_open_to_others_is_closed(new_home: Path) -> None:
    folder = PostgresFolder.below(new_home)
    folder.path.mkdir(mode=0o755)
    folder.create()
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_large_log_is_put_aside_at_the_next_start(home: Path) -> None:
    folder = PostgresFolder.below(home)
    folder.create()
    with folder.open_log() as log:
        log.truncate(LOG_LIMIT_BYTES + 1)
    with EmbeddedPostgres(home):
        assert folder.log.stat().st_size < LOG_LIMIT_BYTES
    assert folder.log.with_suffix(".log.1").stat().st_size == LOG_LIMIT_BYTES + 1


def test_a_log_that_grows_large_is_put_aside_while_the_server_runs(home: Path) -> None:
    with EmbeddedPostgres(home) as server, psycopg.connect(server.conninfo, autocommit=True) as connection:
        aside = server.folder.log.with_suffix(".log.1")
        aside.unlink(missing_ok=True)
        for _ in range(12):
            connection.execute("do $$ begin raise log '%', repeat('x', 1000000); end $$")
        assert wait_until(lambda: aside.exists() and server.folder.log.stat().st_size < LOG_LIMIT_BYTES)
        connection.execute("do $$ begin raise log 'and on'; end $$")
        assert wait_until(lambda: "and on" in server.folder.log.read_text())
        assert aside.stat().st_size >= LOG_LIMIT_BYTES
        assert aside.stat().st_mode & 0o777 == 0o600
    aside.unlink()


def test_the_network_would_be_refused_even_if_the_server_listened(running: EmbeddedPostgres) -> None:
    rules = "select distinct type, auth_method from pg_hba_file_rules order by 1"
    with psycopg.connect(running.conninfo) as connection:
        assert connection.execute(rules).fetchall() == [("host", "reject"), ("local", "peer")]


def test_another_user_of_the_machine_is_refused_even_in_an_open_folder(running: EmbeddedPostgres) -> None:
    if os.geteuid() != 0 or running.way == "namespace":
        # There everybody looks like the one user that the server knows; the folder is what keeps them out.
        assert running.folder.path.stat().st_mode & 0o077 == 0
        return
    with psycopg.connect(running.conninfo) as connection:
        users = connection.execute("select distinct sys_name from pg_ident_file_mappings").fetchall()
    assert users == [("root",)]


def test_no_process_of_the_server_has_a_secret_of_ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBOOK_ADMIN_TOKEN", "unforgeable-admin-token")
    monkeypatch.setenv("DAYBOOK_SIGNING_KEY", "unforgeable-signing-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unforgeable-other-key")
    with EmbeddedPostgres(home) as server, psycopg.connect(server.conninfo):
        parent = int(Path(f"/proc/{server.server_pid}/stat").read_text().rpartition(")")[2].split()[1])
        children = Path(f"/proc/{server.server_pid}/task/{server.server_pid}/children").read_text().split()
        for pid in (parent, server.server_pid, *children):
            assert b"unforgeable" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_data_whose_database_has_another_name_is_no_empty_ledger(new_home: Path) -> None:
    server = EmbeddedPostgres(new_home)
    server.start()
    with psycopg.connect(server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute("alter database daybook rename to procurement")
    server.stop()
    with pytest.raises(StartError, match=r"has no database 'daybook', and 'procurement' instead"):
        EmbeddedPostgres(new_home).start()
    assert processes_of(new_home) == []
