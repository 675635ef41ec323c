"""Answers as tables for people at a terminal: as wide as it is, figures whole, names in their own scripts."""

import io
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.asking import columns as parts
from service.asking.columns import Column, Kind
from service.asking.views import DEPENDENCE, EXPOSURE, LINES
from service.exporting.delimited import compact

#: Where output goes to a file or a pipe, nobody's terminal limits the width; COLUMNS does.
PIPE_WIDTH = 120
#: What folds is given so much before another column is left out, and room for words up to such a length. Where no
#: column can be left out, it is given less.
NARROWEST_FOLD, WIDEST_WORD, NARROWEST = 12, 28, 6
#: Between the ends of a range.
RANGE = " .. "
#: A column takes its text and a blank on either side, and a line between it and the next.
COLUMN_FRAME, TABLE_FRAME = 3, 1
#: How nested values are cut: the whole is in the other formats.
LONGEST_NESTED = 60
RIGHT = (Kind.FIGURE, Kind.EXACT, Kind.RATIO, Kind.WHOLE)
WHOLE = (*RIGHT, Kind.DAY, Kind.FLAG)
#: Words of our own that are short, too.
SHORT = frozenset({"status", "restricted", "country", "currency", "class"})


def console() -> Console:
    """Stdout, as wide as the terminal."""
    if sys.stdout.isatty():
        return Console()
    width = os.environ.get("COLUMNS", "")
    return Console(width=int(width) if width.isdigit() and int(width) > 0 else PIPE_WIDTH)


def messages() -> Console:
    """Stderr, for everything that is not data."""
    # A path or an address stays in one piece.
    return Console(stderr=True, soft_wrap=True)


def as_text(table: Table) -> str:
    """A table as plain text, for a file."""
    paper = Console(width=console().width, file=io.StringIO(), color_system=None, force_terminal=False)
    with paper.capture() as captured:
        paper.print(table)
    return captured.get()


def grouped(figure: str | None, absent: str = "?") -> str:
    """A decimal string with its thousands apart, every digit kept."""
    return absent if figure is None else f"{Decimal(figure):,f}"


def ratio(number: float | None) -> str:
    """A share or a metric, every digit kept."""
    return "?" if number is None else f"{number:.6f}".rstrip("0").rstrip(".")


def bounds(low: str | None, high: str | None) -> str:
    """From .. to; an unbounded one says so."""
    if high is None:
        return f"{grouped(low)} or more"
    return "exact" if low == high else grouped(low) + RANGE + grouped(high)


@dataclass(frozen=True, slots=True)
class Shown:
    """One column as it is shown."""

    title: str
    cells: list[str]
    #: Figures stand to the right ...
    is_figure: bool = False
    #: ... and like other short words are never broken; a range is, between its two ends.
    is_whole: bool = False
    #: Below the others, set apart.
    total: str = ""
    #: The higher, the sooner it is left out where the terminal is too narrow; 0: never.
    spare: int = 0

    @property
    def natural(self) -> int:
        """The cells that its widest text takes; a Chinese character takes two."""
        return max(map(cell_len, (self.title, self.total, *self.cells)))

    @property
    def least(self) -> int:
        """The cells that it must have: figures and short words stay whole, and so do the ends of a range."""
        if self.is_whole:
            return self.natural
        return self._longest_part if self.is_figure else min(self.natural, NARROWEST_FOLD)

    @property
    def comfortable(self) -> int:
        """The cells with which no word is broken, unless it is a long one."""
        return max(self.least, self._longest_part if self.is_figure else min(self._longest_part, WIDEST_WORD))

    @property
    def _longest_part(self) -> int:
        mark = RANGE.strip()
        texts = (self.title, self.total, *self.cells)
        # The mark between the ends stays with the first.
        parted = (text.replace(f" {mark} ", f"\xa0{mark} ") for text in texts)
        words = (word for text in parted for word in (text.split(" ") if not self.is_figure else _ends(text)))
        return max(map(cell_len, words), default=0)


def _ends(text: str) -> list[str]:
    """The ends of a range; anything else whole."""
    low, mark, high = text.partition(RANGE.strip())
    return [low + mark, high.strip()] if mark else [text]


def framed(shown: Sequence[Shown], title: str, caption: str, width: int) -> Table:
    """Columns as a table that is no wider than `width`; what is left out for that is named beneath it."""
    kept, left_out = _fitting(shown, width)
    if left_out:
        names = ", ".join(column.title for column in left_out)
        caption += f"{caption and chr(10)}left out for want of width: {names} (--format json or csv has all)"
    table = Table(title=title, title_justify="left", caption=caption or None, caption_justify="left")
    for column, own in zip(kept, _widths(kept, width), strict=True):
        justify = "right" if column.is_figure else "left"
        table.add_column(column.title, justify=justify, overflow="fold", width=own)  # type: ignore[arg-type]
    # As text, so that nothing in a name is read as markup.
    for cells in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*map(Text, cells))
    if any(column.total for column in kept):
        table.add_section()
        table.add_row(*(Text(column.total) for column in kept))
    return table


def _frame(count: int) -> int:
    return COLUMN_FRAME * count + TABLE_FRAME


def _fitting(shown: Sequence[Shown], width: int) -> tuple[list[Shown], list[Shown]]:
    """The columns that there is room for, and those that are left out."""
    kept, left_out = list(shown), list[Shown]()
    while sum(column.least for column in kept) + _frame(len(kept)) > width:
        spare = max(kept, key=lambda column: column.spare)
        if not spare.spare:
            break
        kept.remove(spare)
        left_out.append(spare)
    return kept, left_out


def _widths(kept: Sequence[Shown], width: int) -> list[int]:
    """The cells of each column: first what it must have, then room for whole words, then as much as it takes."""
    widths = [column.least for column in kept]
    room = width - _frame(len(kept)) - sum(widths)
    for wish in ([column.comfortable for column in kept], [column.natural for column in kept]):
        while room > 0:
            wanting = [place for place, most in enumerate(wish) if widths[place] < most]
            if not wanting:
                break
            widths[min(wanting, key=lambda place: widths[place])] += 1
            room -= 1
    while room < 0 and max(widths) > 1:
        # Not even that fits: the widest of what may be broken give way, figures last.
        breakable = [place for place, column in enumerate(kept) if not column.is_figure and widths[place] > NARROWEST]
        widths[max(breakable or range(len(widths)), key=lambda place: widths[place])] -= 1
        room += 1
    return widths


def listing(
    table: parts.Table,
    answer: parts.Answer,
    title: str,
    *,
    caption: str = "",
    titles: dict[str, str] | None = None,
    total: dict[str, str] | None = None,
    width: int | None = None,
) -> Table:
    """The columns that a table of an answer shows at a glance; `titles` and `total` speak of some of them."""
    records = list(table.records(answer))
    by_name = {column.name: column for column in table.columns}
    shown = []
    for name in table.glance or tuple(by_name):
        low, is_range, high = name.partition("..")
        column = by_name[low]
        cells = [_range(column, record, high) if is_range else _cell(column, record) for record in records]
        words = f"{low} .. {high.rpartition('_')[2]}" if is_range else low
        shown.append(
            Shown(
                (titles or {}).get(name, words.replace("_", " ")),
                cells,
                is_figure=column.kind in RIGHT,
                is_whole=not is_range and (column.kind in WHOLE or column.name in SHORT),
                total=(total or {}).get(name, ""),
                spare=table.spare.index(name) + 1 if name in table.spare else 0,
            )
        )
    return framed(shown, title, caption, console().width if width is None else width)


def _range(column: Column, record: parts.Record, high: str) -> str:
    low = column.read(record)
    if column.kind is Kind.RATIO:
        return ratio(low) + RANGE + ratio(record[high])
    return bounds(low, record[high])


def _cell(column: Column, record: parts.Record) -> str:
    value = column.read(record)
    match column.kind:
        case Kind.FIGURE | Kind.EXACT:
            return grouped(value)
        case Kind.RATIO:
            return ratio(value)
        case Kind.FLAG:
            return "" if value is None else "yes" if value else "no"
        case Kind.STRUCTURE:
            return "" if value is None else _cut(compact(value))
        case Kind.WHOLE:
            return "" if value is None else f"{value:,}"
        case _:
            return "" if value is None else one_line(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NESTED else text[: LONGEST_NESTED - 1] + "…"


def one_line(text: str) -> str:
    """Text without what would move a terminal's cursor or change its colours."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


def as_of(answer: parts.Answer) -> str:
    """The moment that an answer is of, in words."""
    resolved = answer["resolved"]
    known = f"known on {resolved['known_on']}" if resolved["known_on"] else "knowing everything recorded"
    return f"as of {resolved['effective_on']}, {known}, position {resolved['position']}"


def dependence(answer: dict[str, Any], title: str) -> Table:
    """The rows of vendor-dependence with bounds, the total, and beneath them coverage and concentration."""
    total, by, metrics = answer["total"], answer["parameters"]["by"], answer["metrics"]
    coverage = metrics["coverage"]
    caption = (
        f"{as_of(answer)}; {coverage['quantified']} of {coverage['active']} rows fully quantified\n"
        f"HHI {ratio(metrics['hhi'])}, effective vendors {ratio(metrics['effective_vendors'])}, "
        f"own supply {ratio(metrics['captive_share'])}"
    )
    rows = [{**row, "key": row["key"] or "(none)", "": _marks(row)} for row in answer["rows"]]
    return listing(
        DEPENDENCE.with_column(Column("")),
        {**answer, "rows": rows},
        title,
        caption=caption,
        titles={"key": by, "value": total["unit"], "low..high": "low .. high"},
        total={"key": "total", "value": grouped(total["value"]), "low..high": bounds(total["low"], total["high"])},
    )


def _marks(row: parts.Record) -> str:
    marks = (("own", row["captive"]), ("partly unknown", not row["quantified"]))
    return ", ".join(mark for mark, said in marks if said)


def exposure(answer: dict[str, Any], title: str) -> Table:
    """The rows of regulatory-exposure with what decided each, and beneath them what is at risk."""
    total = answer["total"]
    caption = f"{as_of(answer)}\nbarred {ratio(answer['at_risk_low'])}, perhaps up to {ratio(answer['at_risk_high'])}"
    rows = [{**row, "product": row["product"] or "(none)", "because": _because(row)} for row in answer["rows"]]
    return listing(
        EXPOSURE.with_column(Column("because")),
        {**answer, "rows": rows},
        title,
        caption=caption,
        titles={"value": total["unit"]},
        total={"vendor": "total", "value": grouped(total["value"]), "low..high": bounds(total["low"], total["high"])},
    )


def _because(row: parts.Record) -> str:
    decided = [f"{rule['regulation_id']}/{rule['rule_id']}" for rule in row["rules"] if rule["verdict"] == "yes"]
    missing: Iterable[str] = sorted({name for rule in row["rules"] for name in rule["missing"]})
    return ", ".join([*decided, *(f"{name} unknown" for name in missing)])


def order(answer: dict[str, Any]) -> Table:
    """The lines of an order: what was ordered, what came, what is open."""
    flags = f"; {', '.join(answer['flags'])}" if answer["flags"] else ""
    title = f"Order {answer['order_id']}: {', '.join(answer['buyers'])} of {answer['vendor_id']}"
    caption = f"{as_of(answer)}; {answer['status']}{flags}; amounts in {answer['currency']}"
    return listing(LINES, answer, title, caption=caption)


def records(found: Sequence[parts.Record], title: str, names: Sequence[str]) -> Table:
    """Any list of objects, a column for each of these fields; the first, an id, is never left out nor broken."""
    cells = {name: [one_line("" if one[name] is None else str(one[name])) for one in found] for name in names}
    shown = [
        Shown(name.replace("_", " "), cells[name], is_whole=place == 0, spare=place) for place, name in enumerate(names)
    ]
    return framed(shown, title, "", console().width)
