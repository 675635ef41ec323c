"""Which rows of a table are order lines: rules of a mapping that leave rows out, and count what they leave out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from domain.names import written
from service.importing.orders.fields import Cells, Layout
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.tables import text_of

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
