"""Columns as a table no wider than the terminal, one line a row."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

#: Where output goes to a file or a pipe and there is no terminal at all; COLUMNS says otherwise.
PIPE_WIDTH = 120
#: Narrower than this is no line to write on: what goes beyond it is wrapped by whatever shows it.
LEAST_WIDTH = 20
#: What may be cut is given so many cells before another column is left out; where none can be, it is given less.
NARROWEST, NARROWEST_NAME, LEAST = 14, 24, 6
#: A column takes its text and a blank on either side, and a line between it and the next.
COLUMN_FRAME, TABLE_FRAME = 3, 1


class _Console(Console):
    """A console whose reader may go away: how a command ends then is not for the console to decide."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # called while BrokenPipeError is handled


def console() -> Console:
    """Stdout, as wide as the terminal that it, or what reads it, is shown on."""
    found = _Console() if sys.stdout.isatty() else _Console(width=_width())
    return found if found.width >= LEAST_WIDTH else _Console(width=LEAST_WIDTH)


def messages() -> Console:
    """Stderr, for everything that is not data."""
    # A path or an address stays in one piece.
    return _Console(stderr=True, soft_wrap=True)


def _width() -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return max(LEAST_WIDTH, int(given))
    for stream in (sys.stderr, sys.stdin):
        # Through a pipe to a pager or to head, lines still end on the terminal that the others belong to.
        with suppress(OSError, ValueError, AttributeError):
            return max(LEAST_WIDTH, os.get_terminal_size(stream.fileno()).columns or PIPE_WIDTH)
    return PIPE_WIDTH


@dataclass(frozen=True, slots=True)
class Shown:
    """One column as it is shown."""

    title: str
    cells: list[str]
    #: Figures stand to the right ...
    is_figure: bool = False
    #: ... and like ids and other short words are never cut.
    is_whole: bool = False
    #: What people know a thing by is cut last.
    is_name: bool = False
    #: Below the others, set apart.
    total: str = ""
    #: The higher, the sooner it is left out where the terminal is too narrow; 0, and a name: never.
    spare: int = 0

    @property
    def natural(self) -> int:
        """The cells that its widest text takes; a Chinese character takes two."""
        return max(map(cell_len, (self.title, self.total, *self.cells)))

    @property
    def least(self) -> int:
        """The cells that it must have; its title is never cut."""
        if self.is_whole or self.is_figure:
            return self.natural
        return max(cell_len(self.title), min(self.natural, NARROWEST_NAME if self.is_name else NARROWEST))


def framed(shown: Sequence[Shown], title: str, caption: str, width: int, whole: str) -> RenderableType:
    """Columns as a table that is no wider than `width`; what is left out for that is named beneath it.

    `whole`: what has all columns, such as an option.
    """
    kept, left_out = _fitting(shown, width)
    if left_out:
        names = ", ".join(column.title for column in left_out)
        caption += f"{caption and chr(10)}left out for want of width: {names} ({whole} has all)"
    table = Table()
    for column, own in zip(kept, _widths(kept, width), strict=True):
        justify = "right" if column.is_figure else "left"
        table.add_column(column.title, justify=justify, overflow="ellipsis", no_wrap=True, width=own)  # type: ignore[arg-type]
    # As text, so that nothing in a name is read as markup.
    for cells in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*map(Text, cells))
    if any(column.total for column in kept):
        table.add_section()
        table.add_row(*(Text(column.total) for column in kept))
    # Beside the table, not of it: there they would be wrapped where a narrow table ends.
    parts: list[RenderableType] = [Text(title, style="table.title"), table]
    return Group(*parts, Text(caption, style="table.caption")) if caption else Group(*parts)


def _frame(count: int) -> int:
    return COLUMN_FRAME * count + TABLE_FRAME


def _fitting(shown: Sequence[Shown], width: int) -> tuple[list[Shown], list[Shown]]:
    """The columns that there is room for, and those that are left out."""
    kept, left_out = list(shown), list[Shown]()
    while sum(column.least for column in kept) + _frame(len(kept)) > width:
        spare = max(kept, key=lambda column: 0 if column.is_name else column.spare)
        if spare.is_name or not spare.spare:
            break
        kept.remove(spare)
        left_out.append(spare)
    return kept, left_out


def _widths(kept: Sequence[Shown], width: int) -> list[int]:
    """The cells of each column: first what it must have, then as much as it takes, names before other texts."""
    widths = [column.least for column in kept]
    room = width - _frame(len(kept)) - sum(widths)
    for of_names in (True, False):
        while room > 0:
            wanting = [
                place
                for place, column in enumerate(kept)
                if widths[place] < column.natural and column.is_name is of_names
            ]
            if not wanting:
                break
            widths[min(wanting, key=lambda place: widths[place])] += 1
            room -= 1
    while room < 0 and max(widths) > 1:
        # Not even that fits: the widest of what may be cut give way, figures last.
        cut = [place for place, column in enumerate(kept) if not column.is_figure and widths[place] > LEAST]
        widths[max(cut or range(len(widths)), key=lambda place: widths[place])] -= 1
        room += 1
    return widths
