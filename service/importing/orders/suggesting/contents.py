"""What stands in a column, found out row by row: forms of dates and numbers that read all of it, and its few texts."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

from domain.names import written
from service.codes import codes
from service.importing.orders.day_formats import SERIAL, compile_format, reader_of
from service.importing.orders.decimals import patterns_of
from service.importing.orders.mapping_parts import FigureValue
from service.importing.orders.tables import Cell, text_of

DAYS = [
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d-%b-%Y",
    "%d-%b-%y",
]
LONG_DAYS = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y年%m月%d日")
TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M:%S%z", " %I:%M:%S %p", " %I:%M %p")
#: Forms of dates that are tried, the likelier of two that cannot be told apart first.
DATE_FORMS = tuple(day + time for time in TIMES for day in (*DAYS, *LONG_DAYS))
#: Forms of numbers that are tried, likewise: decimal separator, separator of groups, groups.
NUMBER_FORMS = (
    (".", None, "thousands"),
    (".", ",", "thousands"),
    (".", ",", "indian"),
    (",", ".", "thousands"),
    (",", None, "thousands"),
    (",", " ", "thousands"),
    (".", " ", "thousands"),
    (".", "'", "thousands"),
    (",", "'", "thousands"),
)
#: A number with marks around it: a currency, parentheses, a minus.
MARKED = re.compile(r"([^\d]{0,12}?)(\d(?:[\d.,'’\s\u00a0\u202f\u2009]{0,40}\d)?)([^\d]{0,12})")
MINUS = ("-", "−")
#: Words beside numbers that are no part of a name: units, and currencies as people write them.
WORDS = frozenset(
    ("pcs", "pc", "pce", "ea", "each", "stk", "st", "kg", "units", "us$", "rs", "rm", "kr", "zł", "fr", "元")
)
#: Texts of a column that are remembered, forms that texts of it have, and the longest text that is looked at.
MOST_TEXTS, MOST_MASKS, LONGEST_TEXT = 60, 200, 60
#: The part of the texts of a column that have to be dates, or numbers, for it to be a column of these.
MOST_OF = 0.8


@lru_cache(maxsize=20_000)
def _date_mask(text: str) -> int:
    """The forms that read a text as a date, a bit for each."""
    found = 0
    for place, (pattern, read) in enumerate(_readers()):
        if pattern.fullmatch(text):
            try:
                read(text)
            except ValueError:
                continue
            found |= 1 << place
    return found


@lru_cache(maxsize=1)
def _readers() -> list[tuple["re.Pattern[str]", Callable[[str], object]]]:
    found: list[tuple[re.Pattern[str], Callable[[str], object]]] = []
    for form in DATE_FORMS:
        pattern = compile_format(form)
        assert pattern is not None
        found.append((pattern, reader_of([form])))
    return found


@lru_cache(maxsize=1)
def _number_patterns() -> list["re.Pattern[str]"]:
    found = []
    for decimal, thousands, groups in NUMBER_FORMS:
        field_ = FigureValue.model_validate(
            {"column": "c", "decimal": decimal, "thousands": thousands, "groups": groups}
        )
        pattern = patterns_of(field_, (15, 40))
        plain = re.compile(rf"[0-9]+(?:{re.escape(decimal)}[0-9]+)?", re.ASCII)
        found.append(pattern[1] if thousands is not None else plain)
    return found


@dataclass(slots=True)
class ColumnContents:
    """What stands in one column so far."""

    empty: int = 0
    #: Cells that are dates, or numbers, by the file's own types.
    typed_dates: int = 0
    typed_numbers: int = 0
    #: Texts that are not empty.
    written: int = 0
    #: How many texts have each set of forms, of dates and of numbers.
    dates: Counter[int] = field(default_factory=Counter)
    numbers: Counter[int] = field(default_factory=Counter)
    serials: int = 0
    #: Marks around numbers.
    marks: Counter[str] = field(default_factory=Counter)
    in_parentheses: int = 0
    minus_behind: int = 0
    negative: int = 0
    #: The most digits behind the point.
    places: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    #: More different texts than are remembered.
    many_texts: bool = False

    def take(self, cell: Cell) -> None:
        """One more cell."""
        if isinstance(cell, date):
            self.typed_dates += 1
            return
        if isinstance(cell, Decimal):
            self.typed_numbers += 1
            self.negative += cell < 0
            exponent = cell.as_tuple().exponent
            self.places = max(self.places, -exponent if isinstance(exponent, int) else 0)
            self._remember(text_of(cell))
            return
        text = written(text_of(cell))
        if not text:
            self.empty += 1
            return
        self.written += 1
        self._remember(text)
        if len(text) > LONGEST_TEXT or not any(sign.isdigit() for sign in text):
            return
        dated, numbered = _date_mask(text), self._number(text)
        self.serials += SERIAL.fullmatch(text) is not None
        if dated and len(self.dates) < MOST_MASKS:
            self.dates[dated] += 1
        if numbered and len(self.numbers) < MOST_MASKS:
            self.numbers[numbered] += 1

    def _remember(self, text: str) -> None:
        if text in self.texts or len(self.texts) < MOST_TEXTS:
            self.texts[text[:LONGEST_TEXT]] += 1
        else:
            self.many_texts = True

    def _number(self, text: str) -> int:
        found = MARKED.fullmatch(text)
        if found is None:
            return 0
        before, digits, behind = found[1].strip(), found[2], found[3].strip()
        digits = digits.replace("’", "'")
        for space in "\u00a0\u202f\u2009":
            digits = digits.replace(space, " ")
        mask = sum(1 << place for place, form in enumerate(_number_patterns()) if form.fullmatch(digits))
        if not mask:
            return 0
        negative = False
        if before.startswith("(") and behind.endswith(")"):
            self.in_parentheses += 1
            before, behind = before[1:].strip(), behind[:-1].strip()
        elif behind.endswith("-"):
            self.minus_behind += 1
            behind = behind[:-1].strip()
        if before.startswith(MINUS) or before.endswith(MINUS):
            negative = True
            before = before.strip("-− ")
        if not all(_is_mark(mark) for mark in (before, behind)):
            return 0
        for mark in (before, behind):
            if mark and len(self.marks) < MOST_TEXTS:
                self.marks[mark] += 1
        self.negative += negative
        last = max(digits.rfind("."), digits.rfind(","))
        self.places = max(self.places, len(digits) - last - 1 if last >= 0 else 0)
        return mask

    @property
    def filled(self) -> int:
        """Cells with something in them."""
        return self.typed_dates + self.typed_numbers + self.written

    def most_are(self, kind: str) -> bool:
        """Whether half of what stands in it, or more, are dates or numbers: enough where its name says so."""
        typed, texts = (self.typed_dates, self.dates) if kind == "dates" else (self.typed_numbers, self.numbers)
        found = typed + sum(texts.values())
        return found > 0 and 2 * found >= self.filled

    @property
    def is_dates(self) -> bool:
        """Whether most of what stands in it are dates."""
        dates = self.typed_dates + sum(self.dates.values())
        return dates > 0 and dates >= MOST_OF * self.filled

    @property
    def is_numbers(self) -> bool:
        """Whether most of what stands in it are numbers."""
        numbers = self.typed_numbers + sum(self.numbers.values())
        return numbers > 0 and numbers >= MOST_OF * self.filled

    def date_forms(self, preferred: frozenset[str] = frozenset()) -> tuple[list[str], list[str]]:
        """The forms that read all dates of the column; and of those, where one reads all, others that would, too.

        `preferred`: forms that other columns of the table have for certain.
        """
        left = Counter(self.dates)
        chosen: list[str] = []
        others: list[str] = []
        while left and len(chosen) < 6:
            best = max(
                range(len(DATE_FORMS)),
                key=lambda place: (_covered(left, place), DATE_FORMS[place] in preferred, -place),
            )
            form = DATE_FORMS[best]
            if not chosen:
                alike = [p for p in range(len(DATE_FORMS)) if p != best and all(m >> p & 1 for m in left)]
                others = [DATE_FORMS[p] for p in alike if sorted(DATE_FORMS[p]) == sorted(form)]
                if form in preferred or not all(m >> best & 1 for m in left):
                    others = []
            chosen.append(form)
            left = Counter({m: n for m, n in left.items() if not m >> best & 1})
        return chosen, others

    def number_form(self) -> tuple[int, list[int]]:
        """The form that reads most numbers of the column, and others that read as many in another way."""
        counts = [_covered(self.numbers, place) for place in range(len(NUMBER_FORMS))]
        best = max(range(len(NUMBER_FORMS)), key=lambda place: (counts[place], -place))
        plain = {0, 4} & {best}
        alike = [p for p in range(len(NUMBER_FORMS)) if p != best and counts[p] == counts[best] and counts[best]]
        # Digits alone are read alike by all.
        return best, [] if counts[0] == counts[4] == counts[best] and plain else [p for p in alike if p in (3, 4)]


def _is_mark(text: str) -> bool:
    """Whether a text beside a number is no word of a name: a currency, a unit, a sign."""
    return not any(sign.isalnum() for sign in text) or text in codes().currencies or text.lower().rstrip(".") in WORDS


def _covered(masks: Counter[int], place: int) -> int:
    return sum(count for mask, count in masks.items() if mask >> place & 1)
