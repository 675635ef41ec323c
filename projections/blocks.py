"""Named blocks of SQL, as they stand in `.sql` files: each with its sentence, its parameters and its text.

    -- name: movements (sign, end)
    -- The movements of plain lines that lie in the window.
    select {columns} from steady where quantity {sign} 0 and {end} >= $first_on

A block begins at its heading and ends where the next begins. Between braces stands a parameter, which the heading
declares and the caller gives, or the name of another block of the file, whose text stands there. Values never stand
there: they are bound. A comment `-- reads: order-placed, order-amended` says of a block of `ingest.sql` which types of
events it is about.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HEADING = re.compile(r"^-- name: ([a-z0-9-]+)(?: \(([a-z0-9_]+(?:, [a-z0-9_]+)*)\))?\n", re.MULTILINE)
PLACE = re.compile(r"\{([a-z][a-z0-9_-]*)\}")
COMMENTS = re.compile(r"(?:--.*\n)*")
READS = re.compile(r"^-- reads: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One block."""

    name: str
    #: The words that the caller puts into it, by name: parts of a statement, never values.
    parameters: tuple[str, ...]
    #: What the comment under its heading says; "": nothing.
    sentence: str
    #: What it is said to read; empty: nothing is said.
    reads: tuple[str, ...]
    #: Everything under its heading, the comment included, with the blocks that it names.
    text: str

    def filled(self, words: Mapping[str, str]) -> str:
        """Its text with the parameters replaced; of the words only those are taken. TypeError where one is missing."""
        if missing := [name for name in self.parameters if name not in words]:
            raise TypeError(f"{self.name} takes {', '.join(missing)}, too")
        return PLACE.sub(lambda place: words[place[1]], self.text)


@cache
def read(path: Path) -> Mapping[str, Block]:
    """The blocks of a file by name, in its order; ValueError for a name given twice, or one that is missing."""
    parts = HEADING.split(path.read_text(encoding="utf-8"))[1:]
    written = dict(zip(parts[::3], zip(parts[1::3], parts[2::3], strict=True), strict=True))
    if len(written) < len(parts) // 3:
        raise ValueError(f"{path.name} gives a name twice")
    found = {}
    for name, (declared, text) in written.items():
        parameters = tuple(declared.split(", ")) if declared else ()
        comments = COMMENTS.match(text)
        assert comments is not None
        reads = tuple(word for said in READS.findall(comments[0]) for word in said.split(", "))
        said = READS.sub("", comments[0]).splitlines()
        sentence = " ".join(line.removeprefix("--").strip() for line in said if line)
        found[name] = Block(name, parameters, sentence, reads, _joined(path.name, written, name, text, parameters))
    return found


def without_comment(text: str) -> str:
    """A block's text without the comment under its heading and the blank lines behind it."""
    comments = COMMENTS.match(text)
    return text[comments.end() if comments else 0 :].rstrip()


def _joined(
    file: str, written: Mapping[str, tuple[str | None, str]], name: str, text: str, parameters: tuple[str, ...]
) -> str:
    def put(place: re.Match[str]) -> str:
        named = place[1]
        if named in parameters:
            return place[0]
        if named == name or named not in written:
            raise ValueError(f"{file}, {name}: {named} is neither a parameter of it nor another block of the file")
        return _joined(file, written, named, without_comment(written[named][1]), parameters)

    return PLACE.sub(put, text)
