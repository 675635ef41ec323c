"""The fields of a mapping turned into functions that read a row's cells, each fault with the column's name."""

import difflib
import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

import pycountry

from domain.values import UNKNOWN_COUNTRY
from service.codes import codes
from service.importers.day_formats import EXCEL, Period, from_serial, period, reader_of
from service.importers.decimals import ATTRIBUTE_DIGITS, FIGURE_DIGITS, decimal_reader, product
from service.importers.mapping import AttributeValue, BadMapping, Dates, Figure, Mapping, Value
from service.importers.slugs import IDENTIFIER, slug
from service.importers.tables import Cell, text_of

Cells = Sequence[Cell]
#: Reads a text from a row; None where the row has no value. Raises Unfit.
TextReader = Callable[[Cells], str | None]
PeriodReader = Callable[[Cells], Period | None]

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
TRUTHS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


class Unfit(ValueError):
    """A cell that is not what its column is mapped to."""


class Layout:
    """The columns of a file, as a mapping asks for them."""

    def __init__(self, mapping: Mapping, columns: Sequence[str]) -> None:
        self.mapping = mapping
        self.columns = columns
        #: The places of the columns that were asked for.
        self.needed: set[int] = set()
        self._missing: list[str] = []

    def place(self, column: str, key: str) -> int:
        """Where a column stands; what is missing is said by `settle`."""
        if column not in self.columns:
            near = difflib.get_close_matches(column, self.columns, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            self._missing.append(f"{key} names the column {column!r}, which the file does not have{hint}")
            return 0
        if self.columns.count(column) > 1:
            self._missing.append(f"{key} names the column {column!r}, which the file has twice")
        place = self.columns.index(column)
        self.needed.add(place)
        return place

    def settle(self) -> None:
        """BadMapping where columns are missing, or there where the mapping knows all columns and others stand."""
        problems = list(dict.fromkeys(self._missing))
        ignored = self.mapping.read.ignored
        if ignored is not None:
            used = {self.columns[place] for place in self.needed}
            unknown = [column for column in self.columns if column not in used and column not in ignored]
            if unknown:
                problems.append(f"the file has columns that the mapping does not know: {', '.join(map(repr, unknown))}")
        if problems:
            raise BadMapping(self.mapping.name, problems)

    def raw_reader(self, field: Value, key: str) -> tuple[str, Callable[[Cells], Cell]]:
        """What a fault calls the field, and what reads its cell or text before anything is made of it."""
        if field.column is not None:
            place = self.place(field.column, f"{key}.column")
            return field.column, lambda cells: cells[place]
        if field.constant is not None:
            constant = field.constant
            return key, lambda cells: constant
        assert field.template is not None
        parts = PLACEHOLDER.split(field.template)
        words = parts[::2]
        places = [self.place(column, f"{key}.template") for column in parts[1::2]]

        def filled(cells: Cells) -> str:
            pieces = [words[0]]
            for place, word in zip(places, words[1:], strict=True):
                pieces += (text_of(cells[place]), word)
            return "".join(pieces)

        return key, filled

    def text(self, field: Value, key: str) -> TextReader:
        """Reads a text, or None where the field is optional and the row has none."""
        label, raw = self.raw_reader(field, key)
        nulls = {*self.mapping.read.nulls, *field.nulls}
        change = _changer(field, label)

        def read(cells: Cells) -> str | None:
            text = text_of(raw(cells))
            if text in nulls:
                if field.optional:
                    return None
                raise Unfit(f"{label}: has no value ({text!r})" if text else f"{label}: is empty")
            return change(text)

        return read

    def required(self, field: Value, key: str) -> Callable[[Cells], str]:
        """Reads a text that no row may be without."""
        read = self.text(field, key)

        def required(cells: Cells) -> str:
            text = read(cells)
            if text is None:
                raise Unfit(f"{key}: is empty, and no order is without it")
            return text

        return required

    def identifier(self, field: Value, key: str) -> Callable[[Cells], str]:
        """Reads an id."""
        read = self.required(field, key)
        label = field.column or key

        def identified(cells: Cells) -> str:
            text = read(cells)
            if not IDENTIFIER.match(text):
                raise Unfit(f"{label}: {text[:60]!r} is no id (letters, digits and . _ : -): slug = true makes one")
            return text

        return identified

    def listed(self, field: Value, key: str, kind: str) -> Callable[[Cells], str]:
        """Reads a code of a country or a currency."""
        read = self.required(field, key)
        label = field.column or key
        known = codes().countries | {UNKNOWN_COUNTRY} if kind == "country" else codes().currencies
        form = "ISO 3166-1 alpha-2 country" if kind == "country" else "ISO 4217 currency"

        def code(cells: Cells) -> str:
            text = read(cells)
            if text not in known:
                raise Unfit(f"{label}: {text[:40]!r} is not an {form} code")
            return text

        return code

    def figure(self, field: Figure, key: str, digits: tuple[int, int] = FIGURE_DIGITS) -> TextReader:
        """Reads a number as a plain decimal text."""
        label, raw = self.raw_reader(field, key)
        nulls = {*self.mapping.read.nulls, *field.nulls}
        decimal = decimal_reader(field, digits)
        factor = self.figure(field.times, f"{key}.times") if field.times is not None else None
        replace = {**field.replace, **(field.values or {})}
        closed = field.values is not None

        def read(cells: Cells) -> str | None:
            cell = raw(cells)
            text = text_of(cell)
            if text in nulls:
                if field.optional:
                    return None
                raise Unfit(f"{label}: has no value ({text!r})" if text else f"{label}: is empty")
            if closed and text not in replace:
                raise Unfit(f"{label}: {text[:40]!r} is not one of {', '.join(replace)}")
            if text in replace:
                cell = replace[text]
            try:
                figure = decimal(cell)
                times = factor(cells) if factor is not None else None
                return figure if times is None else product(figure, times, digits)
            except ValueError as error:
                raise error if isinstance(error, Unfit) else Unfit(f"{label}: {error}") from None

        return read

    def attribute(self, field: AttributeValue, key: str) -> "Callable[[Cells], str | bool | dict[str, str] | None]":
        """Reads an attribute as events hold it; None where the row has none."""
        optional = field.model_copy(update={"optional": True})
        if field.kind == "number":
            return self.figure(optional, key, ATTRIBUTE_DIGITS)
        read = self.text(optional, key)
        label = field.column or key

        def words(cells: Cells) -> dict[str, str] | None:
            text = read(cells)
            return None if text is None else {"text": text}

        def truth(cells: Cells) -> bool | None:
            text = read(cells)
            if text is None:
                return None
            if text.lower() not in TRUTHS:
                raise Unfit(f"{label}: {text[:40]!r} is neither true nor false")
            return TRUTHS[text.lower()]

        return words if field.kind == "text" else truth

    def period(self, name: str) -> PeriodReader:
        """Reads the date that the mapping calls so; None where the row has none."""
        dates: Dates = self.mapping.dates[name]
        place = self.place(dates.column, f"dates.{name}.column")
        nulls = {*self.mapping.read.nulls, *dates.nulls}
        written = reader_of(dates.formats)
        serial = EXCEL in dates.formats

        def read(cells: Cells) -> Period | None:
            cell = cells[place]
            try:
                if isinstance(cell, date):
                    return period(cell.isoformat())
                text = text_of(cell)
                if text in nulls:
                    return None
                if serial and text.isdecimal() and (isinstance(cell, Decimal) or len(text) == 5):
                    return from_serial(int(text))
                return written(text)
            except ValueError as error:
                raise Unfit(f"{dates.column}: {error}") from None

        return read


def _changer(field: Value, label: str) -> Callable[[str], str]:
    values, replace = field.values, field.replace

    @lru_cache(maxsize=10_000)
    def change(text: str) -> str:
        if "\0" in text:
            raise Unfit(f"{label}: {text[:40]!r} has a NUL character")
        if values is not None and text in values:
            text = values[text]
        elif values is not None and field.lookup is None:
            raise Unfit(f"{label}: {text[:40]!r} is not one of {', '.join(values)}")
        elif text in replace:
            text = replace[text]
        elif field.lookup == "country":
            text = country_code(text, label)
        return slug(text) if field.slug else text

    return change


def country_code(name: str, label: str) -> str:
    """The ISO code of a country by its English name or its code; Unfit where it is none."""
    try:
        return str(pycountry.countries.lookup(name).alpha_2)
    except LookupError:
        message = f"{label}: {name[:40]!r} is no country that ISO 3166-1 names: say its code in values"
        raise Unfit(message) from None
