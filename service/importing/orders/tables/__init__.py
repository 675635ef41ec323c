"""Tables of any kind, as columns and rows of cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from domain.estimates import plain
from service.importing.items import Reject

#: What stands in a cell: text as it is in the file, or what the file's own types say; "" for nothing.
Cell = str | Decimal | date | bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row with something in it, a cell for each column."""

    #: Where it begins: the line of a text, the row of a sheet, the row of a Parquet file from 1.
    line: int
    cells: Sequence[Cell]

    def shown(self, columns: Sequence[str]) -> dict[str, str]:
        """The row as it is written to the file of rejects."""
        return {column: text_of(cell) for column, cell in zip(columns, self.cells, strict=False)}


class SourceTable(Protocol):
    """A file that is a table."""

    @property
    def columns(self) -> Sequence[str]:
        """The names in the header, without space around them."""

    @property
    def first_day(self) -> date:
        """What serial numbers of days count from."""

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        """The rows in order, once; the needed columns (their places) are checked, what stands in others is not."""

    def close(self) -> None:
        """Let go of everything but the file itself."""


def text_of(cell: Cell) -> str:
    """A cell as text, without space around it."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return plain(cell) if isinstance(cell, Decimal) else cell.isoformat()


def raw_of(columns: Sequence[str], values: Sequence[str]) -> Mapping[str, str] | list[str]:
    """A row of text for the file of rejects: by column where it has as many values."""
    return dict(zip(columns, values, strict=True)) if len(columns) == len(values) else list(values)
