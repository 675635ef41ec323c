"""Answers as tables: what a column holds, and how a table's rows are taken out of an answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

Record = Mapping[str, Any]
Answer = Mapping[str, Any]


class ColumnKind(Enum):
    """What the values of a column are; every one of them may be absent."""

    #: an id, a code or a word of this ledger's own
    WORD = "word"
    #: what somebody wrote
    TEXT = "text"
    #: a decimal string of up to six places
    FIGURE = "figure"
    #: a decimal string of up to 24 places
    EXACT = "exact"
    #: a JSON number of up to six places: a share or a metric
    RATIO = "ratio"
    WHOLE = "whole"
    FLAG = "flag"
    #: as YYYY-MM-DD
    DAY = "day"
    #: UTC, RFC 3339
    INSTANT = "instant"
    #: a list or an object
    STRUCTURE = "structure"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in every format, what it holds, and where in a record it is found."""

    name: str
    kind: ColumnKind = ColumnKind.WORD
    path: tuple[str, ...] = ()

    def read(self, record: Record) -> Any:
        """The value in a record; None where it, or what holds it, is absent."""
        value: Any = record
        for step in self.path or (self.name,):
            value = None if value is None else value.get(step)
        return value


@dataclass(frozen=True, slots=True)
class Table:
    """One table of an answer."""

    name: str
    columns: tuple[Column, ...]
    #: The records of an answer, in its order.
    records: Callable[[Answer], Iterable[Record]]
    #: What a terminal shows: names of columns, or two with .. between for a range; none: all columns.
    glance: tuple[str, ...] = ()
    #: Of these, what a narrow terminal leaves out, the first of them last.
    spare: tuple[str, ...] = ()

    def rows(self, answer: Answer) -> Iterator[list[Any]]:
        """The values of every record, in the order of the columns."""
        for record in self.records(answer):
            yield [column.read(record) for column in self.columns]

    def with_column(self, column: Column) -> "Table":
        """The table with a further column, shown last and left out last."""
        return replace(self, columns=(*self.columns, column), glance=(*self.glance, column.name))


def columns(text: str) -> tuple[Column, ...]:
    """Columns out of words such as `key`, `name:text` or `value_before=before.value:figure`: name, path and kind."""
    made = []
    for word in text.split():
        named, _, kind = word.partition(":")
        name, _, path = named.partition("=")
        made.append(Column(name, ColumnKind(kind or "word"), tuple(path.split(".")) if path else ()))
    return tuple(made)


def context(answer: Answer, listed: Iterable[str]) -> dict[str, Any]:
    """What an answer says besides its tables: the moment it is of, what was asked, totals and metrics."""
    left_out = frozenset(listed)
    return {name: value for name, value in answer.items() if name not in left_out}


def flattened(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a nested object by its dotted name; a list is a value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flattened(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value
