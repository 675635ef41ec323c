"""The fields of a mapping turned into functions that read a row's cells, each fault with the column's name."""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from domain.names import written
from domain.values import UNKNOWN_COUNTRY
from service.codes import codes
from service.importing.names import IDENTIFIER, slug
from service.importing.orders.countries import country_code
from service.importing.orders.day_formats import (
    EXCEL,
    EXCEL_EPOCH,
    SERIAL,
    WrittenPeriod,
    from_serial,
    period,
    reader_of,
)
from service.importing.orders.decimals import (
    ATTRIBUTE_DIGITS,
    FIGURE_DIGITS,
    LONGEST_FRACTION,
    Rounded,
    decimal_reader,
    fitting,
    product,
)
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.mapping_parts import AttributeValue, Dates, FigureValue, Value
from service.importing.orders.tables import Cell, text_of
from service.importing.rows import MOST_FAULTS, BadMapping

Cells = Sequence[Cell]
#: Reads a text from a row; None where the row has no value. Raises Unfit.
TextReader = Callable[[Cells], str | None]
PeriodReader = Callable[[Cells], WrittenPeriod | None]

T = TypeVar("T")

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: Longer texts are read anew each time: what is kept in mind takes little room with any file.
LONGEST_REMEMBERED = 200
MOST_REMEMBERED = 10_000
#: Columns that a name which the file does not have is compared with, and the longest such name.
MOST_ALIKE, LONGEST_ALIKE = 1_000, 100
TRUTHS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


class Unfit(ValueError):
    """A cell that is not what its column is mapped to."""


class Layout:
    """The columns of a file, as a mapping asks for them."""

    def __init__(self, mapping: OrderMapping, columns: Sequence[str], first_day: date = EXCEL_EPOCH) -> None:
        self.mapping = mapping
        #: Of serial numbers.
        self._first_day = first_day
        self.columns = columns
        self._names = [written(column) for column in columns]
        self._counts = Counter(self._names)
        #: The places of the columns that were asked for.
        self.needed: set[int] = set()
        self._missing: list[str] = []
        #: What is rounded, by the key of the mapping that says so.
        self.rounded: dict[str, Rounded] = {}

    def place(self, column: str, key: str) -> int:
        """Where a column stands; what is missing is said by `settle`."""
        name = written(column)
        if not self._counts[name]:
            alike = [one for one in self._names[:MOST_ALIKE] if len(one) <= LONGEST_ALIKE]
            near = difflib.get_close_matches(name[:LONGEST_ALIKE], alike, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            self._missing.append(f"{key} names the column {column!r}, which the file does not have{hint}")
            return 0
        if self._counts[name] > 1:
            self._missing.append(f"{key} names the column {column!r}, which the file has twice")
        place = self._names.index(name)
        self.needed.add(place)
        return place

    @property
    def unread(self) -> list[str]:
        """The columns that no key reads, in their order, but for those that the mapping lists as ignored."""
        ignored = {written(column) for column in self.mapping.read.ignored or ()}
        return [
            column
            for place, (column, name) in enumerate(zip(self.columns, self._names, strict=True))
            if place not in self.needed and name not in ignored and name
        ]

    def settle(self) -> None:
        """BadMapping where columns are missing, or there where the mapping knows all columns and others stand."""
        problems = list(dict.fromkeys(self._missing))
        ignored = self.mapping.read.ignored
        if ignored is not None:
            used = {self._names[place] for place in self.needed} | {written(column) for column in ignored}
            unknown = [column for column in self._names if column not in used]
            if unknown:
                named = ", ".join(map(repr, unknown[:MOST_FAULTS]))
                problems.append(f"the file has columns that the mapping does not know: {named}")
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

    def text(self, field: Value, key: str, *, as_sent: bool = False) -> TextReader:
        """Reads a text as it is kept, or letter by letter; None where the field is optional and the row has none."""
        label, raw = self.raw_reader(field, key)
        nulls = self._nulls(field)
        change = _changer(field, label, as_sent=as_sent)
        default = field.default

        known = remembering(lambda text: None if written(text) in nulls else change(text))

        def read(cells: Cells) -> str | None:
            text = text_of(raw(cells))
            found = known(text)
            if found is None and not field.optional and default is None:
                raise Unfit(f"{label}: has no value ({text[:40]!r})" if text else f"{label}: is empty")
            return default if found is None else found

        if field.constant is None:
            return read
        fixed = lru_cache(maxsize=1)(lambda: read(()))
        return lambda cells: fixed()

    def _nulls(self, field: Value | Dates) -> set[str]:
        return {written(null) for null in (*self.mapping.read.nulls, *field.nulls)}

    def required(self, field: Value, key: str) -> Callable[[Cells], str]:
        """Reads a text that no row may be without."""
        return self._required(self.text(field, key), key)

    def name(self, field: Value, key: str) -> Callable[[Cells], str]:
        """Reads a name as it was sent: what ids were made of once."""
        return self._required(self.text(field, key, as_sent=True), key)

    def _required(self, read: TextReader, key: str) -> Callable[[Cells], str]:
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
            if not IDENTIFIER.fullmatch(text):
                raise Unfit(f"{label}: {text[:60]!r} is no id (letters, digits and . _ : -): slug = true makes one")
            return text

        return identified

    def listed(self, field: Value, key: str, kind: str) -> Callable[[Cells], str]:
        """Reads a code of a country or a currency."""
        read = self.required(field, key)
        label = field.column or key
        countries = kind == "country"
        known = codes().countries | {UNKNOWN_COUNTRY} if countries else codes().currencies

        def code(cells: Cells) -> str:
            text = read(cells)
            if text in known:
                return text
            if countries:
                return named(text)
            raise Unfit(f"{label}: {text[:40]!r} is not an ISO 4217 currency code")

        named = remembering(lambda text: _country(text, label))
        return code

    def figure(
        self, field: FigureValue, key: str, digits: tuple[int, int] = FIGURE_DIGITS, *, signed: bool = False
    ) -> TextReader:
        """Reads a number as a plain decimal text; `signed`: it may be negative."""
        label, raw = self.raw_reader(field, key)
        nulls = self._nulls(field)
        factor = self.figure(field.times, f"{key}.times") if field.times is not None else None
        rounded = self.rounded.setdefault(key, Rounded()) if field.round is not None else None
        if rounded is not None and factor is not None:
            # What is rounded is the product, once.
            decimal = decimal_reader(field, (digits[0], LONGEST_FRACTION), signed=signed)
        else:
            decimal = decimal_reader(field, digits, signed=signed, rounded=rounded)
        default = field.default
        replace = _changes({**field.replace, **(field.values or {})})
        closed = field.values is not None

        def read(cells: Cells) -> str | None:
            cell = raw(cells)
            text = written(text_of(cell))
            if text in nulls:
                if field.optional:
                    return None
                if default is None:
                    raise Unfit(f"{label}: has no value ({text[:40]!r})" if text else f"{label}: is empty")
                cell, text = default, default
            elif closed and text not in replace:
                raise Unfit(f"{label}: {text[:40]!r} is not one of {', '.join(replace)}")
            if text in replace:
                cell = replace[text]
            try:
                figure = decimal(cell)
                times = factor(cells) if factor is not None else None
                if times is None:
                    return figure
                number = product(figure, times)
                if rounded is not None and field.round is not None:
                    return rounded.fitting(number, digits, field.round, signed=signed)
                return fitting(number, digits, signed=signed)
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
        nulls = self._nulls(dates)
        read_day, first_day = reader_of(dates.formats, self._first_day), self._first_day
        serial = EXCEL in dates.formats

        def read(cells: Cells) -> WrittenPeriod | None:
            cell = cells[place]
            try:
                if isinstance(cell, date):
                    return period(cell.isoformat())
                text = text_of(cell)
                if written(text) in nulls:
                    return None
                if serial and isinstance(cell, Decimal):
                    return from_serial(cell, first_day)
                if serial and SERIAL.fullmatch(text):
                    return from_serial(Decimal(text), first_day)
                return read_day(text)
            except ValueError as error:
                raise Unfit(f"{dates.column}: {error}") from None

        return read


def _changer(field: Value, label: str, *, as_sent: bool) -> Callable[[str], str]:
    values = _changes(field.values) if field.values is not None else None
    replace = _changes(field.replace)

    def change(sent: str) -> str:
        if "\0" in sent:
            raise Unfit(f"{label}: {sent[:40]!r} has a NUL character")
        text = written(sent)
        if values is not None and text in values:
            text = sent = values[text]
        elif values is not None and field.lookup is None:
            raise Unfit(f"{label}: {text[:40]!r} is not one of {', '.join(values)}")
        elif text in replace:
            text = sent = replace[text]
        elif field.lookup == "country":
            text = sent = _country(text, label)
        if field.slug:
            return slug(sent)
        return sent if as_sent else written(text)

    return change


def _changes(given: Mapping[str, str]) -> dict[str, str]:
    return {written(text): becomes for text, becomes in given.items()}


def remembering(read: Callable[[str], T]) -> Callable[[str], T]:
    """What reads texts, and remembers what it read of the latest short ones."""
    remembered = lru_cache(maxsize=MOST_REMEMBERED)(read)
    return lambda text: remembered(text) if len(text) <= LONGEST_REMEMBERED else read(text)


def _country(name: str, label: str) -> str:
    code = country_code(name)
    if code is None:
        raise Unfit(f"{label}: {name[:40]!r} is no country that ISO 3166-1 names: say its code in values")
    return code
