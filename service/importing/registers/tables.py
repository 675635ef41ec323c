"""A table of organisations, products or rates, read by what its columns are; forms of dates and numbers found out."""

from collections.abc import Callable, Sequence
from typing import Any

from domain.names import written
from service.importing.causes import FaultsByCause
from service.importing.names import IDENTIFIER, slug
from service.importing.orders.day_formats import WrittenPeriod, reader_of
from service.importing.orders.decimals import decimal_reader
from service.importing.orders.mapping_parts import FigureValue
from service.importing.orders.suggesting.contents import NUMBER_FORMS, ColumnContents
from service.importing.registers.headers import NAMES, NEEDED, assigned
from service.importing.registers.mapping import RegisterMapping
from service.importing.rows import BadFile, BadMapping, FileFault, Row

#: What is said of a text that none of many forms reads.
NO_DATE = "is no date of the form"
#: Texts that stand for no value.
ABSENT = frozenset(("", "n/a", "na", "null", "#n/a", "nan"))
#: Days, months and years, as rates and registers are written; each is told from the others by its shape.
PERIODS = ("%Y-%m-%d", "%Y-%m", "%Y", "%m/%Y", "%m.%Y", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y", "%b-%y")
#: Columns that a message names.
MOST_NAMED = 20


class RegisterTable:
    """Rows, read role by role."""

    def __init__(self, rows: Sequence[Row], mapping: RegisterMapping) -> None:
        """BadMapping where it names columns that are not there; BadFile where some that are needed are not."""
        self.rows, self.mapping = rows, mapping
        self.faults = FaultsByCause(mends=())
        self.columns = list(rows[0].values) if rows else []
        self.roles = assigned(mapping.kind, self.columns) | self._stated()
        missing = [role for role in NEEDED[mapping.kind] if role not in self.roles]
        if missing and rows:
            named = ", ".join(repr(column[:60]) for column in self.columns[:MOST_NAMED])
            message = (
                f"no column is called as {' or '.join(missing)} usually is ([columns] of a mapping names them): {named}"
            )
            raise BadFile([FileFault(1, message)])
        self._contents: dict[str, ColumnContents] = {}
        self._days: dict[str, Callable[[str], WrittenPeriod]] = {}
        self._figures: dict[tuple[str, tuple[int, int]], Callable[[str], str]] = {}

    def _stated(self) -> dict[str, str]:
        names = {written(column): column for column in self.columns}
        problems = [
            f"columns.{role}: there is no such role here"
            for role in self.mapping.columns.keys() - NAMES[self.mapping.kind].keys()
        ]
        if self.rows:
            problems += [
                f"columns.{role}: the file has no column {column!r:.80}"
                for role, column in self.mapping.columns.items()
                if written(column) not in names
            ]
        if problems:
            raise BadMapping(self.mapping.prefix, sorted(problems))
        return {role: names[written(column)] for role, column in self.mapping.columns.items()}

    @property
    def envelope(self) -> dict[str, Any]:
        """What every event says alike."""
        source = {"citation": self.mapping.citation} if self.mapping.citation else {}
        source |= {"url": self.mapping.url} if self.mapping.url else {}
        return {"basis": self.mapping.basis, **({"source": source} if source else {})}

    @property
    def others(self) -> list[str]:
        """The columns that have no role."""
        return [column for column in self.columns if column and column not in self.roles.values()]

    def text(self, row: Row, role: str) -> str:
        """What a row says in a role; empty: nothing."""
        return self.cell(row, self.roles.get(role))

    def cell(self, row: Row, column: str | None) -> str:
        """What a row says in a column; empty: nothing."""
        text = written(row[column]) if column is not None else ""
        return "" if text.casefold() in ABSENT else text

    def identifier(self, row: Row, role: str) -> str | None:
        """An id as it is, or made of what stands there; None: nothing does."""
        text = self.text(row, role)
        return None if not text else text if IDENTIFIER.fullmatch(text) else slug(text)

    def period(self, row: Row, role: str) -> WrittenPeriod | None:
        """A date; None: there is none. ValueError says what is wrong with it."""
        text = self.text(row, role)
        if not text:
            return None
        column = self.roles[role]
        if column not in self._days:
            self._days[column] = reader_of(self._forms(column))
        try:
            return self._days[column](text)
        except ValueError as error:
            message = str(error)
            if NO_DATE in message and self.mapping.dates is None:
                message = f"{text[:40]!r} is no date such as 2024-03-31, 2024-03 or 2024"
            raise ValueError(f"{column}: {message}") from None

    def _forms(self, column: str) -> list[str]:
        if self.mapping.dates is not None:
            return self.mapping.dates
        forms, others = self.contents(column).date_forms()
        if others:
            form = f"no row tells {forms[0]} from {' or '.join(others)}: dates = [...] of a mapping says which it is"
            raise BadFile([FileFault(1, f"{column}: {form}")])
        return [*forms, *(form for form in PERIODS if form not in forms)]

    def figure(self, row: Row, column: str, digits: tuple[int, int]) -> str | None:
        """A number as plain text; None: there is none. ValueError says what is wrong with it."""
        text = self.cell(row, column)
        if not text:
            return None
        read = self._figures.get((column, digits))
        if read is None:
            decimal, thousands, groups = NUMBER_FORMS[self.contents(column).number_form()[0]]
            given = {"column": column, "decimal": decimal, "thousands": thousands, "groups": groups}
            read = self._figures[column, digits] = decimal_reader(
                FigureValue.model_validate(given), digits, signed=True
            )
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{column}: {error}") from None

    def contents(self, column: str) -> ColumnContents:
        """What stands in a column, all rows together."""
        found = self._contents.get(column)
        if found is None:
            found = self._contents[column] = ColumnContents()
            for row in self.rows:
                found.take(self.cell(row, column))
        return found
