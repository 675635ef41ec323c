"""Files of projections that are damaged, removed or short of room: made anew, and said so, without anybody's help."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import duckdb
import pytest

from projections.database import Bounds, Broken, Closed, Damaged
from projections.engine import Projection, batch_of, fingerprint, wal_of
from service.following.follower import Follower, Lagging
from service.following.projection_files import KEPT_DAMAGED, ProjectionFile, damaged, open_file, remove_projections
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from tests.service.postgres_owner import wait_until
from tests.service.purchases import market, order, organization, record

IDENTITY = "0123456789abcdef"


@pytest.fixture
def recorded(committer: Committer, ledger: Ledger) -> Ledger:
    """A ledger of fifty-three events."""
    record(committer, *market(), *(order(f"po-{number}") for number in range(50)))
    return ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the projections lie."""
    return tmp_path / "projections"


def opened(folder: Path, ledger: Ledger) -> AbstractContextManager[ProjectionFile]:
    return open_file(folder, IDENTITY, ledger, Bounds(memory_mb=256, spill_mb=64, threads=2))


def path_in(folder: Path) -> Path:
    return folder / f"{IDENTITY}-{fingerprint()}-0.duckdb"


def at_once(ledger: Ledger) -> dict[str, str]:
    """The digest of a projection that reads the whole ledger as one batch."""
    with Projection.open() as projection:
        projection.apply(batch_of(ledger.recorder.rows_after(0, 1_000_000)))
        return projection.digest()


def built(folder: Path, ledger: Ledger) -> Path:
    """The file of a projection that has followed the ledger and was closed."""
    with opened(folder, ledger) as file:
        Follower(ledger, file.projection, file).catch_up()
    return path_in(folder)


@contextmanager
def following(folder: Path, ledger: Ledger) -> Iterator[Follower]:
    """A follower at work on a file, level with the ledger."""
    with opened(folder, ledger) as file:
        follower = Follower(ledger, file.projection, file)
        follower.start()
        try:
            follower.wait_for(ledger.recorder.head().position, 30)
            yield follower
        finally:
            follower.close()


def is_level(follower: Follower, position: int) -> bool:
    """Whether nothing is amiss, and everything up to a position can be read."""
    return follower.following.state == "following" and follower.position == position


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def flip(path: Path, part: float) -> None:
    """Change eight bytes."""
    offset = int(path.stat().st_size * part)
    with path.open("r+b") as file:
        file.seek(offset)
        found = file.read(8)
    overwrite(path, offset, bytes(byte ^ 0xFF for byte in found))


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def foreign_wal(path: Path) -> None:
    """What another database wrote ahead."""
    other = path.with_name("other.duckdb")
    projection = Projection.open(other)
    projection.apply(batch_of([]))
    projection._database.connection.execute("create table a (b integer)")  # no projection writes so
    shutil.copy(wal_of(other), wal_of(path))
    projection.close()
    other.unlink()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: os.truncate(path, 0),
    "cut in the first header": lambda path: os.truncate(path, 100),
    "cut after the first header": lambda path: os.truncate(path, 4_096),
    "cut after the headers": lambda path: os.truncate(path, 12_288),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut at the end": lambda path: os.truncate(path, path.stat().st_size - 4_096),
    "zeros at the beginning": lambda path: overwrite(path, 0, bytes(4_096)),
    "zeros in the second header": lambda path: overwrite(path, 4_096, bytes(8_192)),
    "zeros in the first block": lambda path: overwrite(path, 12_288, bytes(4_096)),
    "flipped in the header": lambda path: overwrite(path, 20, b"\xff" * 8),
    "flipped in the middle": lambda path: flip(path, 0.5),
    "flipped at the end": lambda path: flip(path, 0.999),
    "a folder": lambda path: replace(path, Path.mkdir),
    "a pipe": lambda path: replace(path, os.mkfifo),
    "a file of SQLite": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(8_000)),
    "text": lambda path: path.write_text("hello"),
    "a database without a projection": lambda path: replace(path, lambda path: shutil.copy(_bare(path), path)),
    "random bytes": lambda path: path.write_bytes(random.Random(7).randbytes(50_000)),
    "a folder in the place of its mark": lambda path: path.with_suffix(".opening").mkdir(),
    "ahead: random bytes": lambda path: wal_of(path).write_bytes(random.Random(7).randbytes(5_000)),
    "ahead: another database": foreign_wal,
}


def _bare(path: Path) -> Path:
    other = path.with_name("bare.db")
    with duckdb.connect(str(other)) as connection:
        connection.execute("create table a (b integer)")
    return other


def test_a_projection_that_was_damaged_is_level_after_the_next_start(recorded: Ledger, folder: Path) -> None:
    expected = at_once(recorded)
    for name, damage in DAMAGE.items():
        damage(built(folder, recorded))
        with following(folder, recorded) as follower:
            # What lies in a part that following does not touch is come upon by whoever reads.
            with suppress(Damaged, Broken, Closed):
                follower.projection.digest()
            assert wait_until(lambda: is_level(follower, 53)), name  # it is asked within the turn
            assert follower.projection.digest() == expected, name
        # The next start finds it whole.
        with opened(folder, recorded) as file:
            assert file.projection.position == 53, name


def test_what_was_damaged_is_moved_aside_and_said_so(
    recorded: Ledger, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(KEPT_DAMAGED + 2):
        path = built(folder, recorded)
        path.write_text("hello")
    with opened(folder, recorded):
        pass
    assert f"{path.name} is damaged and is built anew: Damaged: IO Error" in caplog.text
    kept = damaged(folder)
    assert len(kept) == KEPT_DAMAGED
    assert {aside.read_text() for aside in kept} == {"hello"}
    remove_projections(folder.parent)
    assert damaged(folder) == []


def test_a_projection_that_only_others_may_read_is_made_anew(recorded: Ledger, folder: Path) -> None:
    # Nobody is refused a file for its mode who may do everything; nobody at all may open a link that leads to itself.
    path = built(folder, recorded)
    path.unlink()
    path.symlink_to(path.name)
    assert built(folder, recorded).is_file()


@pytest.mark.parametrize("harm", ["file", "link", "lock"])
def test_what_lies_where_projections_belong_gives_way(
    recorded: Ledger, folder: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = built(folder, recorded)
    if harm == "lock":
        lock_file = path.with_suffix(".lock")
        lock_file.unlink()
        lock_file.mkdir()
    else:
        shutil.rmtree(folder)
        folder.write_text("hello") if harm == "file" else folder.symlink_to(folder.parent / "nowhere")
    with opened(folder, recorded) as file:
        assert file.projection.position == (53 if harm == "lock" else 0)
    assert "is not what belongs there" in caplog.text
    remove_projections(folder.parent)


def test_opening_that_ended_the_process_twice_is_not_tried_a_third_time(
    recorded: Ledger, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = built(folder, recorded)
    mark = path.with_suffix(".opening")
    mark.write_bytes(b".")
    with opened(folder, recorded) as file:
        assert file.projection.position == 53
    mark.write_bytes(b"..")
    with opened(folder, recorded) as file:
        assert file.projection.position == 0
    assert not mark.exists()
    assert "opening it ended the process 2 times" in caplog.text


# While it is at work


@pytest.mark.parametrize(
    "happens",
    [
        Path.unlink,
        lambda path: replace(path, lambda path: path.write_text("hello")),
        lambda path: path.rename(path.with_name("elsewhere")),
        lambda path: shutil.rmtree(path.parent),
    ],
    ids=["removed", "replaced", "moved", "removed with its folder"],
)
def test_a_file_that_goes_away_under_a_service_is_made_anew(
    recorded: Ledger, folder: Path, happens: Callable[[Path], object]
) -> None:
    with following(folder, recorded) as follower:
        before = follower.projection
        happens(path_in(folder))
        assert wait_until(lambda: follower.projection is not before and follower.projection.is_readable)
        assert follower.projection.digest() == at_once(recorded)
    with opened(folder, recorded) as file:
        assert file.projection.position == 53


def test_a_reader_who_comes_upon_damage_has_the_projection_built_anew(recorded: Ledger, folder: Path) -> None:
    path = built(folder, recorded)
    size = path.stat().st_size
    with following(folder, recorded) as follower:
        # Everything but the headers; what is in memory by now is not read from the file again.
        overwrite(path, 12_288, bytes(size - 12_288))
        with suppress(Damaged, Broken, Closed):
            follower.projection.digest()
        assert wait_until(lambda: follower.position == 53 and follower.projection.is_readable)
        assert wait_until(lambda: follower.following.state == "following")
        assert follower.projection.digest() == at_once(recorded)


def test_nobody_reads_what_is_built_anew_before_it_is_where_it_was(recorded: Ledger, folder: Path) -> None:
    with opened(folder, recorded) as file:
        follower = Follower(recorded, file.projection, file)
        follower.catch_up()
        fresh = file.renew(Damaged("as if"))
        fresh.readable_from = 53
        fresh.apply(batch_of(recorded.recorder.rows_after(0, 52)))
        with pytest.raises(Closed, match="the views are built anew, and are at 52 of 53"), fresh.cursor():
            pass
        fresh.apply(batch_of(recorded.recorder.rows_after(52, 1)))
        assert fresh.digest() == at_once(recorded)


def test_a_reader_of_a_projection_that_is_renewed_is_interrupted_and_told(recorded: Ledger, folder: Path) -> None:
    with opened(folder, recorded) as file:
        before = file.projection
        renewing = threading.Thread(target=file.renew, args=(Damaged("as if"),))
        endless = "select sum(a.i * b.i) from range(1000000) a(i), range(1000000) b(i)"

        def read() -> None:
            with before.cursor() as connection:
                renewing.start()
                connection.execute(endless).fetchall()

        with pytest.raises(Closed, match="being opened again"):
            read()
        renewing.join(30)
        assert file.projection is not before


# Short of something


@contextmanager
def limited(kind: int, most: int) -> Iterator[None]:
    """This process may have no more of something, in the block."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def test_following_goes_on_by_itself_once_there_is_room_again(
    recorded: Ledger, committer: Committer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with following(folder, recorded) as follower:
        # A file may not grow beyond what the one written ahead has: a full disk, to the database.
        with limited(resource.RLIMIT_FSIZE, wal_of(path_in(folder)).stat().st_size):
            record(committer, *(organization(f"buyer-{number}") for number in range(30)))
            follower.wake()
            assert wait_until(lambda: follower.following.state == "retrying")
            assert follower.following.reason == "following is tried again: there is no space left on the disk"
            with pytest.raises(Lagging, match=r"the projection is at 53, not yet at 83: .* no space left"):
                follower.wait_for(83, 0.01)
            # What is there is still answered.
            assert follower.projection.digest()
        follower.wait_for(83, 30)
        assert wait_until(lambda: follower.following.state == "following")
        assert follower.projection.digest() == at_once(recorded)
        assert follower.failure is None
    assert "File too large" in caplog.text
    assert "no transaction is active" not in caplog.text


def test_a_projection_is_built_anew_once_there_are_files_again(recorded: Ledger, folder: Path) -> None:
    with following(folder, recorded) as follower:
        before = follower.projection
        # Whatever is opened gets a number of its own, and the first three are taken.
        with limited(resource.RLIMIT_NOFILE, 3):
            path_in(folder).unlink()
            assert wait_until(lambda: "tried again" in (follower.following.reason or ""))
            assert follower.following.state == "rebuilding"
            assert follower.failure is None
        assert wait_until(lambda: follower.projection is not before and follower.projection.is_readable)
        assert wait_until(lambda: follower.following.state == "following")
        assert follower.projection.digest() == at_once(recorded)


# Killed

CREATING = """
import sys
from pathlib import Path
from projections.engine import Projection
print("now", flush=True)
for number in range(1000):
    Projection.open(Path(sys.argv[1]) / f"{number}.duckdb").close()
"""


def test_a_process_that_is_killed_while_it_makes_a_file_leaves_a_whole_one_or_none(folder: Path) -> None:
    folder.mkdir()
    for turn in range(3):
        process = subprocess.Popen([sys.executable, "-c", CREATING, str(folder)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        time.sleep(0.3 + 0.037 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for path in folder.glob("*.duckdb"):
            with Projection.open(path) as projection:
                assert projection.position == 0
