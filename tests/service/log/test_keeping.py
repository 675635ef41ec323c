"""Copies outside the database: whole lines, in order, once each."""

import json
from pathlib import Path

import pytest

from domain.notes import Checkpoint, Note
from service.log.keeping import Keeping
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


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"size": 7, "note": "none"}', '{"size": 7, "note": 7}', "\ufeff"])
def test_a_line_that_is_no_checkpoint_is_left_alone(keeping: Keeping, line: str) -> None:
    keeping.path.parent.mkdir(parents=True)
    keeping.path.write_text(line + "\n", "utf-8")
    assert keeping.last() is None
    keeping.keep(6, note(6))
    assert keeping.path.read_text("utf-8").splitlines()[0] == line
    last = keeping.last()
    assert last is not None
    assert last.size == 6
