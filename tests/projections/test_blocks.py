"""Named blocks of SQL: how they are read, joined and filled, and that each says what it is."""

import re
from pathlib import Path

import pytest

import projections
import service
from projections.blocks import read, without_comment

FILE = """-- What the file is about.

-- name: columns
-- What is read.
id, name

-- name: listed
-- Every thing,
-- by its id.
select {columns} from thing order by id

-- name: compared (sign, end)
-- Things beyond a day.
-- reads: thing-made, thing-kept
-- reads: thing-lost
select {columns} from thing where {end} {sign} $day and kept = {'a': 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "things.sql"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_block_has_its_name_its_sentence_and_its_text(file: Path) -> None:
    listed = read(file)["listed"]
    assert (listed.sentence, listed.parameters) == ("Every thing, by its id.", ())
    assert without_comment(listed.text) == "select id, name from thing order by id"


def test_what_a_block_reads_is_no_part_of_its_sentence(file: Path) -> None:
    compared, listed = read(file)["compared"], read(file)["listed"]
    assert (compared.sentence, compared.reads) == ("Things beyond a day.", ("thing-made", "thing-kept", "thing-lost"))
    assert listed.reads == ()


def test_parameters_are_replaced_and_nothing_else_between_braces_is(file: Path) -> None:
    text = read(file)["compared"].filled({"sign": ">", "end": "ends_on", "other": "elsewhere"})
    assert "select id, name from thing where ends_on > $day and kept = {'a': 1}" in text


@pytest.mark.parametrize(("words", "missing"), [({}, "sign, end"), ({"sign": ">"}, "end")])
def test_a_parameter_that_is_not_given_is_refused(file: Path, words: dict[str, str], missing: str) -> None:
    with pytest.raises(TypeError, match=f"compared takes {missing}, too"):
        read(file)["compared"].filled(words)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("-- name: one\nselect {other}\n", "other is neither a parameter of it nor another block"),
        ("-- name: one\nselect {one}\n", "one is neither a parameter of it nor another block"),
        ("-- name: one\nselect 1\n-- name: one\nselect 2\n", "gives a name twice"),
    ],
)
def test_a_name_that_is_missing_or_given_twice_is_refused(tmp_path: Path, text: str, refused: str) -> None:
    path = tmp_path / "wrong.sql"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=refused):
        read(path)


FOLDERS = [Path(folder) for package in (projections, service) for folder in package.__path__]
FILES = sorted(path for folder in FOLDERS for path in folder.rglob("*.sql") if not path.name[:4].isdecimal())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_block_says_what_it_is(path: Path) -> None:
    assert [block.name for block in read(path).values() if not block.sentence.endswith((".", ":"))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_whether_an_event_counts_is_said_by_the_macros_alone(path: Path) -> None:
    assert re.findall(r"known_on\s*<=.*", path.read_text(encoding="utf-8")) == []
