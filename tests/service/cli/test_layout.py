"""Tables are no wider than the terminal, one line a row, however wide a name's script is."""

import fcntl
import io
import os
import pty
import struct
import sys
import termios
import unicodedata

import pytest
from rich.console import Console

from service.cli import layout
from service.cli.layout import PIPE_WIDTH, Shown, framed

NAMES = [
    "日本電気株式会社・株式会社日立製作所・富士通株式会社",
    unicodedata.normalize("NFD", "삼성전자 주식회사와 그 자회사"),
    unicodedata.normalize("NFD", "ソフトバンクグループ"),
    "Société Générale de Surveillance et de Contrôle des Marchandises",
    "（株）",
]


def cells(text: str) -> int:
    """The cells that a terminal gives a text, by the tables of Unicode."""
    wide = {"W": 2, "F": 2}
    # Vowels and finals of decomposed Hangul stand in the cells of their first consonant.
    alone = [mark for mark in text if not unicodedata.combining(mark) and not "\u1160" <= mark <= "\u11ff"]
    return sum(wide.get(unicodedata.east_asian_width(mark), 1) for mark in alone)


@pytest.mark.parametrize("width", [50, 60, 80, 120, 200])
def test_every_row_is_one_line_as_wide_as_the_others(width: int) -> None:
    shown = [
        Shown("vendor", [f"a-rather-long-slug-of-vendor-number-{number}" for number in range(5)], spare=2),
        Shown("name", NAMES, is_name=True, spare=1),
        Shown("USD", ["1,250,000,000", "1", "2", "3", "4"], is_figure=True, is_whole=True, total="1,250,000,010"),
        Shown("share", ["95.3%", "<0.1%", "<0.1%", "<0.1%", "<0.1%"], is_figure=True, is_whole=True, spare=3),
    ]
    paper = Console(width=width, file=io.StringIO(), color_system=None)
    with paper.capture() as captured:
        paper.print(framed(shown, "Dependence", "as of today", width, "--json"))
    lines = captured.get().splitlines()
    rows = [line for line in lines if line.startswith("│")]
    assert len(rows) == len(NAMES) + 1
    assert {cells(line) for line in rows} == {cells(next(line for line in lines if line.startswith("┏")))}
    assert max(map(cells, lines)) <= width
    assert any("1,250,000,000" in row for row in rows)
    assert "Soci" in captured.get()


def test_output_through_a_pipe_is_as_wide_as_the_terminal_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert layout.console().width == PIPE_WIDTH
    main, side = pty.openpty()
    with os.fdopen(main), os.fdopen(side, "w") as terminal:
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 73, 0, 0))
        monkeypatch.setattr(sys, "stderr", terminal)
        assert layout.console().width == 73
        monkeypatch.setenv("COLUMNS", "61")
        assert layout.console().width == 61
        monkeypatch.undo()


@pytest.mark.parametrize(("columns", "width"), [("1", 20), ("19", 20), ("20", 20), ("41", 41)])
def test_a_line_is_never_narrower_than_something_to_write_on(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert layout.console().width == width
