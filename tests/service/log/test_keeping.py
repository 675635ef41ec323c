"""Copies outside the database: whole lines, in order, once each."""

import json
from pathlib import Path

import pytest

from domain.notes import Checkpoint, Note
from service.log.keeping import Keeping, faults
from service.log.signatures import SigningKey

KEY = SigningKey("daybook", bytes(32))


def note(size: int, *more: SigningKey) -> str:
    """A checkpoint of a size."""
    body = Checkpoint("daybook", size, size.to_bytes(32, "big")).body()
    return Note(body, tuple(key.sign(body) for key in (KEY, *more))).encode().decode()


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    """A home that keeps nothing yet."""
    return Keeping(tmp_path / "home", "0123456789abcdef")


def sizes(keeping: Keeping) -> list[int]:
    """The size in every line."""
    return [json.loads(line)["size"] for line in keeping.path.read_text("utf-8").splitlines()]


def test_each_line_is_a_size_and_a_note(keeping: Keeping) -> None:
    assert keeping.last() is None
    for size in (0, 3, 1_000):
        keeping.keep(size, note(size))
    assert keeping.path.name == "0123456789abcdef.ndjson"
    assert [json.loads(line) for line in keeping.path.read_text("utf-8").splitlines()] == [
        {"size": size, "note": note(size)} for size in (0, 3, 1_000)
    ]
    last = keeping.last()
    assert last is not None
    assert (last.size, last.root, last.note) == (1_000, (1_000).to_bytes(32, "big"), note(1_000))
    assert keeping.path.stat().st_mode & 0o777 == 0o600


def test_the_same_or_an_earlier_checkpoint_is_not_added_again(keeping: Keeping) -> None:
    for size in (5, 5, 4, 5, 6):
        keeping.keep(size, note(size))
    assert sizes(keeping) == [5, 6]


def test_a_checkpoint_with_further_signatures_is_added(keeping: Keeping) -> None:
    keeping.keep(5, note(5))
    keeping.keep(5, note(5, SigningKey("witness", b"w" * 32)))
    assert sizes(keeping) == [5, 5]


@pytest.mark.parametrize("torn", ['{"si', '{"size": 9, "note": "dayb', "x" * 5_000])
def test_half_a_line_gives_way_to_the_next(keeping: Keeping, torn: str) -> None:
    keeping.keep(5, note(5))
    with keeping.path.open("a") as file:
        file.write(torn)
    last = keeping.last()
    assert last is not None
    assert last.size == 5
    keeping.keep(6, note(6))
    assert sizes(keeping) == [5, 6]


def test_an_empty_line_is_left_alone(keeping: Keeping) -> None:
    keeping.path.parent.mkdir(parents=True)
    keeping.path.write_text("\n", "utf-8")
    assert (keeping.last(), keeping.fault()) == (None, None)
    keeping.keep(6, note(6))
    assert keeping.path.read_text("utf-8").splitlines()[0] == ""
    last = keeping.last()
    assert last is not None
    assert last.size == 6


DAMAGED = [
    b"[]", b"{}", b"garbage", b"7", b"\xff\x00\x81", "\ufeff".encode(), b"[" * 100_000,
    b'{"size": 7, "note": "none"}', b'{"size": 7, "note": 7}',
    json.dumps({"size": 8, "note": note(7)}).encode(), json.dumps({"size": True, "note": note(1)}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("line", DAMAGED)
def test_a_file_with_a_line_that_is_no_checkpoint_is_moved_aside_and_its_whole_lines_stay(
    keeping: Keeping, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    keeping.keep(5, note(5))
    whole = keeping.path.read_bytes()
    for damaged in (line + b"\n" + whole, whole + line + b"\n"):
        keeping.path.write_bytes(damaged)
        assert "a line is no checkpoint" in str(keeping.fault())
        last = keeping.last()
        assert last is not None  # what betrays a database that was put back
        assert last.size == 5
        caplog.clear()
        keeping.mend()
        assert "are damaged (a line is no checkpoint" in caplog.text
        assert (keeping.fault(), keeping.path.read_bytes()) == (None, whole)
        assert max(keeping.path.parent.glob("*.damaged-*")).read_bytes() == damaged
        # The same where one is added to it.
        keeping.path.write_bytes(whole + line + b"\n")
        keeping.keep(6, note(6))
        assert sizes(keeping) == [5, 6]
        keeping.path.write_bytes(whole)
    keeping.path.write_bytes(line + b"\n")
    keeping.keep(6, note(6))
    assert sizes(keeping) == [6]


def test_a_folder_in_the_place_of_the_file_gives_way(keeping: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    keeping.path.mkdir(parents=True)
    assert (keeping.last(), keeping.fault()) == (None, "it is a folder")
    keeping.keep(6, note(6))
    assert "is a folder, where copies of checkpoints belong" in caplog.text
    assert sizes(keeping) == [6]
    assert list(faults(keeping.path.parents[1])) == []


def test_of_a_long_file_the_beginning_and_the_end_are_looked_through(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in range(40):
        keeping.keep(size, note(size))
    monkeypatch.setattr("service.log.keeping.FIRST_BYTES", 1_000)
    monkeypatch.setattr("service.log.keeping.LAST_BYTES", 1_000)
    assert keeping.fault() is None
    last = keeping.last()
    assert last is not None
    assert last.size == 39
    with keeping.path.open("ab") as file:
        file.write(b"\xff" * 2_000 + b"\n")
    last = keeping.last()
    assert last is not None
    assert last.size == 39
    assert keeping.fault() is not None
