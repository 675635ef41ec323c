"""Which rows of a table are order lines, and what those mean that leave out what the row above says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from domain.names import written
from service.importing.orders.fields import Cells, Layout, Unfit
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.tables import Cell, text_of

#: Rules and texts that are counted apart; what others leave out is counted together.
MOST_COUNTED = 50
#: Of a text that is shown.
LONGEST_SHOWN = 60


class RowFate(Enum):
    """What becomes of a row."""

    READ = auto()
    LEFT_OUT = auto()
    #: It and all rows behind it are not read.
    END = auto()


@dataclass(slots=True)
class LeftOut:
    """Rows that one rule left out because of one text."""

    rows: int
    #: The first of them.
    line: int
    words: str


class RowRules:
    """Decides row by row, and remembers what was left out."""

    def __init__(self, mapping: OrderMapping, layout: Layout) -> None:
        rows, status = mapping.rows, mapping.status
        self._where = _columns(layout, rows.where, "rows.where")
        self._unless = _columns(layout, rows.unless, "rows.unless")
        self._stop_at = _columns(layout, rows.stop_at, "rows.stop_at")
        if status is not None and status.left_out:
            self._unless += _columns(layout, {status.column: status.left_out}, "status.left_out", of="status.column")
        self.any = bool(self._where or self._unless or self._stop_at)
        self._counted: dict[tuple[str, str], LeftOut] = {}

    @property
    def left_out(self) -> list[LeftOut]:
        """What was left out, by rule and text."""
        return list(self._counted.values())

    def fate(self, line: int, cells: Cells) -> RowFate:
        """What becomes of a row."""
        for rule in self._stop_at:
            if rule.matches(text := rule.text(cells)):
                self._count(rule, text, line, "nothing is read from there on")
                return RowFate.END
        for rule in self._unless:
            if rule.matches(text := rule.text(cells)):
                self._count(rule, text, line, "")
                return RowFate.LEFT_OUT
        for rule in self._where:
            if not rule.matches(text := rule.text(cells)):
                self._count(rule, text, line, "")
                return RowFate.LEFT_OUT
        return RowFate.READ

    def _count(self, rule: "_ColumnRule", text: str, line: int, then: str) -> None:
        shown = repr(text[:LONGEST_SHOWN])
        key = rule.key, shown
        if key not in self._counted and len(self._counted) >= MOST_COUNTED:
            key = rule.key, ""
            shown = "others"
        found = self._counted.get(key)
        if found is None:
            words = f"{rule.key}: {rule.column} is {shown}{f', and {then}' if then else ''}"
            self._counted[key] = LeftOut(1, line, words)
        else:
            found.rows += 1


class FillDown:
    """Fills cells that are empty because the row above says the same."""

    def __init__(self, mapping: OrderMapping, layout: Layout) -> None:
        self._places = [layout.place(column, "rows.fill_down") for column in mapping.rows.fill_down]
        self._columns = mapping.rows.fill_down
        self._nulls = {written(null) for null in mapping.read.nulls}
        #: What the row above has in these columns, in their order; None: no row has said it yet.
        self._above: list[Cell] | None = None
        #: Whether a row behind that could not be read.
        self._lost = False
        self.any = bool(self._places)

    def filled(self, cells: Cells) -> Cells:
        """A row with what it means; Unfit where the row above does not say it."""
        found, missing = self._filled(cells)
        if missing is not None and self._lost:
            raise Unfit(f"{missing}: is empty, and a row above it, which may say what it means, cannot be read")
        if missing is not None and self._above is None:
            raise Unfit(f"{missing}: is empty, and no row above it says what it means")
        self._above = [found[place] for place in self._places]
        self._lost = False
        return found

    def guessed(self, cells: Cells) -> Cells:
        """A row that cannot be read, with what it means as far as that can be said."""
        return self._filled(cells)[0]

    def forget(self) -> None:
        """A row could not be read: what those below it mean is not known until one says it."""
        self._lost = True

    def _filled(self, cells: Cells) -> tuple[list[Cell], str | None]:
        """The cells with those of the row above, and the first column that was empty."""
        found, above = list(cells), self._above
        missing = None
        for number, place in enumerate(self._places):
            if written(text_of(cells[place])) not in self._nulls:
                if above is None or text_of(cells[place]) != text_of(above[number]):
                    break
            else:
                missing = missing or self._columns[number]
                found[place] = cells[place] if above is None else above[number]
        return found, missing


@dataclass(frozen=True, slots=True)
class _ColumnRule:
    key: str
    column: str
    place: int
    whole: frozenset[str]
    patterns: Sequence[Callable[[str], bool]]

    def text(self, cells: Cells) -> str:
        return written(text_of(cells[self.place]))

    def matches(self, text: str) -> bool:
        return text in self.whole or any(fits(text) for fits in self.patterns)


def _columns(
    layout: Layout, columns: Mapping[str, Sequence[str]], key: str, of: str | None = None
) -> list[_ColumnRule]:
    return [
        _ColumnRule(
            key,
            column,
            layout.place(column, of or f"{key}.{column}"),
            frozenset(written(text) for text in texts if "*" not in text),
            [_pattern(written(text)) for text in texts if "*" in text],
        )
        for column, texts in columns.items()
    ]


def _pattern(form: str) -> Callable[[str], bool]:
    """Whether a text has a form in which * stands for any characters; each character is looked at once or twice."""
    first, *middle, last = form.split("*")

    def fits(text: str) -> bool:
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return fits
