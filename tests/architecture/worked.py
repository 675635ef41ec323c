"""Worked examples of a page of the documentation: code blocks that begin with the path of the file they belong to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(?:python|sql|markdown)\n(?P<heading>.+)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
HEADING = re.compile(
    r"(?:#|--|<!--) (?P<path>[\w./-]+)(?:, (?P<where>after|before|instead of) the line: (?P<line>.+?))?(?: -->)?"
)


@dataclass(frozen=True, slots=True)
class Worked:
    """One block, and where it goes."""

    path: str
    #: after, before or instead of; "": it is a new file.
    where: str
    #: The line that it is put beside, without indentation.
    line: str
    text: str

    def apply(self, root: Path) -> Path:
        """Put it there, in a copy of the project; AssertionError where the page's words do not fit the file."""
        target = root / self.path
        if not self.where:
            assert not target.exists(), f"{self.path} is there already"
            target.write_text(self.text, encoding="utf-8")
            return target
        lines = target.read_text(encoding="utf-8").splitlines(keepends=True)
        places = [place for place, line in enumerate(lines) if line.strip() == self.line]
        assert len(places) == 1, f"{self.path} has {len(places)} lines {self.line!r}"
        (place,) = places
        if self.where == "before":
            above = place
            while above and not lines[above - 1].strip():
                above -= 1
            lines[place:place] = [self.text, *lines[above:place]]
        elif self.where == "after":
            lines[place + 1 : place + 1] = [self.text]
        else:
            lines[place : place + 1] = [self.text]
        target.write_text("".join(lines), encoding="utf-8")
        return target


def worked(page: str) -> Iterator[Worked]:
    """The blocks of a page, in its order; those that name no file are none."""
    for block in BLOCK.finditer(page):
        heading = HEADING.fullmatch(block["heading"])
        assert heading is not None, f"{block['heading']!r} names no file"
        yield Worked(heading["path"], heading["where"] or "", heading["line"] or "", block["text"])
