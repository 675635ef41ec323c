"""As whom a server runs: an ordinary user as itself, root in each way the machine allows, the nameless if possible."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from service.postgres import kernel
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.errors import StartError
from service.postgres.identity import Way, choose_identity
from tests.service.postgres_owner import owner, possible_ways, processes_of

NOBODY = 65534
#: A user id that no list of users has.
NAMELESS = 54321


@pytest.fixture
def home_for(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a home that a user can reach; root's temporary folders are closed to others."""
    made = []

    def make(uid: int) -> Path:
        if os.geteuid() != 0:
            return tmp_path
        made.append(tempfile.TemporaryDirectory())
        os.chown(made[-1].name, uid, uid)
        return Path(made[-1].name)

    yield make
    for folder in made:
        folder.cleanup()


def turn_into(uid: int) -> Callable[[], None] | None:
    """What turns a child of root into an ordinary user; an ordinary user stays as it is.

    The child may read everything, so that it can run an interpreter that lies in root's home.
    """
    if os.geteuid() != 0:
        return None
    return lambda: kernel.become(uid, uid, (kernel.CAP_DAC_READ_SEARCH, kernel.CAP_DAC_OVERRIDE))


def server_user(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@pytest.mark.parametrize("way", possible_ways())
def test_a_server_runs_in_every_way_that_this_machine_allows(new_home: Path, way: Way) -> None:
    with EmbeddedPostgres(new_home, ways=[way]) as server, psycopg.connect(server.conninfo) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert server.way == way
        assert (server_user(server.server_pid) == os.geteuid()) == (way != "another-user")
        # In a folder that nobody but its owner may enter, and below pytest's, which are the same.
        assert server.folder.data.stat().st_uid == server_user(server.server_pid)


def test_data_made_in_one_way_serves_in_every_other(home: Path) -> None:
    ways = possible_ways()
    for way in (*ways, *ways):
        with EmbeddedPostgres(home, ways=[way]) as server, psycopg.connect(server.conninfo) as connection:
            connection.execute("create table if not exists start (way text)")
            connection.execute("insert into start values (%s)", (way,))
    with EmbeddedPostgres(home) as server, psycopg.connect(server.conninfo) as connection:
        assert connection.execute("select count(*) from start").fetchone() == (2 * len(ways),)


@pytest.mark.parametrize("way", possible_ways())
def test_a_long_home_works_in_every_way(home: Path, tmp_path: Path, way: Way) -> None:
    long_home = home.rename(tmp_path / ("x" * 120))
    with EmbeddedPostgres(long_home, ways=[way]) as server, psycopg.connect(server.conninfo) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    long_home.rename(home)


@pytest.mark.parametrize("way", possible_ways())
def test_a_killed_owner_leaves_no_process_in_any_way(home: Path, way: Way) -> None:
    with owner(home, way=way) as started:
        assert started.said["way"] == way
        started.process.kill()
    with EmbeddedPostgres(home, ways=[way]):
        pass
    assert processes_of(home) == []


def test_an_ordinary_user_runs_the_server_as_itself(home_for: Callable[[int], Path]) -> None:
    home = home_for(NOBODY)
    with owner(home, before_start=turn_into(NOBODY)) as started:
        assert started.said["way"] == "itself"
        assert server_user(started.said["server_pid"]) == server_user(started.process.pid) != 0
    assert processes_of(home) == []


def test_a_user_without_a_name_gets_a_server_or_is_told_what_is_missing(home_for: Callable[[int], Path]) -> None:
    home = home_for(NAMELESS)
    with owner(home, before_start=turn_into(NAMELESS)) as started:
        if "error" in started.said:
            assert f"user id {NAMELESS} needs an entry in /etc/passwd" in started.said["error"]
        else:
            assert server_user(started.said["server_pid"]) == server_user(started.process.pid)
    assert processes_of(home) == []


def test_a_user_without_a_name_and_without_a_namespace_is_told_what_is_missing(home_for: Callable[[int], Path]) -> None:
    home = home_for(NAMELESS)
    with owner(home, way="itself", before_start=turn_into(NAMELESS)) as started:
        if os.geteuid() == 0:
            assert f"user id {NAMELESS} needs an entry in /etc/passwd" in started.said["error"]
        else:
            assert started.said["way"] == "itself"


def test_root_is_never_the_servers_user() -> None:
    impossible: Way = "itself" if os.geteuid() == 0 else "another-user"
    with pytest.raises(StartError, match=rf"by user id {os.geteuid()} here \({impossible}: .*DAYBOOK_DATABASE_URL"):
        choose_identity([impossible], [])
