"""The folder of a ledger: closed to others, refused with a sentence, and never taken for another ledger's."""

import errno
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from pydantic import SecretStr

from service.daybook import open_daybook
from service.home import provide
from service.importing.queue.contents import Arrival, DiskRoom
from service.settings import Settings
from service.storing.migrations import WrongLedger
from tests.service.postgres.test_identity import NOBODY, turn_into
from tests.service.postgres_owner import ROOT
from tests.service.processes import command
from tests.service.purchases import market, record


def settings_of(database: str, home: Path) -> Settings:
    """A home's settings on a database of the operator's own."""
    return Settings(home=home, database_url=SecretStr(database))


def mode(path: Path) -> int:
    """Who may do what with a path."""
    return path.stat().st_mode & 0o777


@pytest.fixture
def lost(database: str, owner: Connection[Any], tmp_path: Path) -> Path:
    """A home that has seen a ledger of three events, whose database is empty now."""
    home = tmp_path / "home"
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook.committer, *market())
        daybook.log.publisher.publish_all()
        daybook.log.publisher.keep()
    owner.execute("drop schema reporting cascade")
    owner.execute("drop schema public cascade; create schema public; grant usage on schema public to public")
    return home


def test_a_home_beside_a_database_of_the_operators_is_closed_to_others(database: str, tmp_path: Path) -> None:
    home = tmp_path / "above" / "home"
    with open_daybook(settings_of(database, home), follow=False):
        assert mode(home) == 0o700
        assert [path.name for path in home.iterdir() if mode(path) & 0o077] == []


def test_a_home_that_knows_a_ledger_begins_no_other(database: str, lost: Path) -> None:
    for _ in range(2):
        with (
            pytest.raises(
                WrongLedger, match=r"knows a ledger of 3 events \(checkpoint of 'daybook'\), and the database"
            ),
            open_daybook(settings_of(database, lost), follow=False),
        ):
            pass
    # Whoever means it says so.
    (lost / "checkpoints").rename(lost / "checkpoints.before")
    with open_daybook(settings_of(database, lost), follow=False) as daybook:
        assert daybook.ledger.recorder.head().position == 0


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = command(tmp_path / "file" / "home", "init")
    assert found.returncode == 1
    assert found.stderr == f"daybook: the home {tmp_path}/file/home cannot be made: Not a directory\n"


def as_nobody(program: str, path: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program as an ordinary user, whom the rights of files concern."""
    return subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=reading_nobody,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_home_that_cannot_be_written_to_is_a_sentence(foreign: Path) -> None:
    (foreign / "home").mkdir(mode=0o755)
    foreign.chmod(0o555)
    (foreign / "home").chmod(0o555)
    program = "import sys; from service.cli.main import main; main(['--home', sys.argv[1], 'init'])"
    found = as_nobody(program, foreign / "home")
    (foreign / "home").chmod(0o755)
    assert found.returncode == 1
    assert found.stderr.startswith(f"daybook: the home {foreign / 'home'} cannot be written to: give it to user id ")
    assert len(found.stderr.splitlines()) == 1


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A folder that everybody reaches, and only we write to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


def reading_nobody() -> None:
    """Become a user that may read everything, so that the interpreter is found, and write nothing."""
    if become := turn_into(NOBODY):
        become()


def test_a_file_in_the_place_of_the_views_folder_gives_way(database: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    provide(home)
    (home / "projections").touch()
    found = command(home, "projection", "status", settings={"DAYBOOK_DATABASE_URL": database})
    assert found.returncode == 0
    assert (home / "projections").is_dir()


def test_the_doctor_names_what_cannot_be_written_to(foreign: Path) -> None:
    (foreign / "projections").mkdir()
    foreign.chmod(0o555)
    found = as_nobody("import sys; from service.cli.main import main; main(['--home', sys.argv[1], 'doctor'])", foreign)
    said = [line.split(maxsplit=2)[2] for line in found.stdout.splitlines() if line.startswith(" BAD  home")]
    assert [line.partition(" cannot be written to")[0] for line in said] == [str(foreign), str(foreign / "projections")]
    assert found.returncode == 1


def test_a_secret_that_others_could_read_is_closed_and_told(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    settings = settings_of(database, home)
    with open_daybook(settings, follow=False):
        pass
    key = home / "signing-key"
    key.chmod(0o644)
    with open_daybook(settings, follow=False) as daybook:
        assert daybook.log.publisher.keys
    assert mode(key) == 0o600
    assert f"{key} could be read by others (mode 644) and is closed now" in caplog.text


def test_a_secret_that_cannot_be_closed_is_refused(foreign: Path) -> None:
    if os.geteuid() != 0:
        return  # who owns it can close it
    key = foreign / "signing-key"
    key.write_text("secret")
    key.chmod(0o644)
    found = as_nobody("import sys, pathlib, service.home; service.home.close_secret(pathlib.Path(sys.argv[1]))", key)
    assert f"HomeUnusable: {key} may be read by others (mode 644) and cannot be closed to them" in found.stderr


def test_an_upload_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    provide(tmp_path)
    room = DiskRoom(tmp_path / "imports")
    free, before = os.open(os.devnull, os.O_RDONLY), resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files") as refused:
            Arrival(room)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert refused.value.errno == errno.EMFILE
    assert list(room.folder.iterdir()) == []
    with Arrival(room) as arrival:
        arrival.take(b"x")
        arrival.write()
        assert list(room.folder.iterdir()) == []
