"""What is wrong with a file or a mapping, and how it is raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.shapes.overviews import FaultCause

#: Faults that one answer lists.
MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing wrong with a file."""

    #: From 1.
    line: int
    message: str


class BadFile(Exception):
    """A file that is not what it claims to be; nothing of it is recorded."""

    def __init__(self, faults: "list[FileFault]", causes: "Sequence[FaultCause]" = ()) -> None:
        super().__init__("; ".join(f"line {fault.line}: {fault.message}" for fault in faults[:3]))
        #: Never empty; at most the first MOST_FAULTS.
        self.faults = faults[:MOST_FAULTS]
        #: All faults by their causes; empty: there are no others than `faults`.
        self.causes = list(causes)


class BadMapping(Exception):
    """A mapping that cannot be used; each problem names the key."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(f"mapping {name}: {'; '.join(problems)}")
        self.name = name
        self.problems = problems
