"""What a run has found: ratios held against their limits, figures beside them, and what there is to say."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.harness.alternating import Spread
from bench.harness.keys import KEYS

COLUMNS = 80
DIGITS = 3


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table of figures beside the ratios."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Report:
    """What was found so far."""

    quick: bool
    #: What `--scale` made of the sizes; 1: nothing.
    scale: float = 1.0
    ratios: dict[str, Spread] = field(default_factory=dict)
    tables: list[NamedTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: By group, why it came to no end.
    broken: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, spread: Spread, note: str | None = None) -> None:
        """A ratio, and what there is to say of it."""
        assert key in KEYS, key
        self.ratios[key] = spread
        if note:
            self.notes.append(f"{key}: {note}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Figures beside the ratios."""
        self.tables.append(NamedTable(title, tuple(columns), tuple(map(tuple, rows))))

    def spreads(self, title: str, what: str, found: Mapping[str, Sequence[float]], times: float = 1) -> None:
        """A table of what was measured: of each the median, the least and the most, times a factor."""
        rows = []
        for name, values in found.items():
            spread = Spread.of(values)
            rows.append((name, *(figure(times * one) for one in (spread.median, spread.low, spread.high))))
        self.table(title, (what, "median", "low", "high"), rows)

    def as_object(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "ratios": {key: asdict(spread) for key, spread in self.ratios.items()},
            "limits": {key: {"least": KEYS[key].limit(quick=self.quick), "aim": KEYS[key].aim} for key in self.ratios},
            "verdicts": {key: KEYS[key].verdict(one.median, quick=self.quick) for key, one in self.ratios.items()},
            "tables": [asdict(table) for table in self.tables],
            "notes": self.notes,
            "broken": self.broken,
            "quick": self.quick,
            "scale": self.scale,
            "machine": {
                "processors": os.cpu_count(),
                "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
                "python": platform.python_version(),
                "duckdb": duckdb.__version__,
            },
        }

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(self.as_object(), indent=1) + "\n")

    def print(self, file: TextIO | None = None) -> None:
        """Print it in 80 columns: figures first, the ratios at the end."""
        console = Console(width=COLUMNS, file=file, highlight=False)
        for figures in self.tables:
            print_table(console, figures)
        if self.ratios:
            _print_ratios(console, self)
        for note in self.notes:
            console.print(f"- {note}", markup=False)
        for group, why in self.broken.items():
            console.print(f"- {group} came to no end: {why}", markup=False)


def print_table(console: Console, figures: NamedTable) -> None:
    """Print figures, numbers to the right."""
    table = Table(title=figures.title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for number, column in enumerate(figures.columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in figures.rows:
        table.add_row(*row)
    console.print(table)


def _print_ratios(console: Console, report: Report) -> None:
    table = Table(
        title="Each in terms of what it is held against",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in ("key", "ratio", "spread", "at least", "aim", ""):
        table.add_column(column, justify="left" if column in ("key", "") else "right", no_wrap=True)
    for name, spread in report.ratios.items():
        key = KEYS[name]
        sign = "" if key.more else "≤ "
        table.add_row(
            name,
            figure(spread.median),
            f"{figure(spread.low)}-{figure(spread.high)}",
            f"{sign}{figure(key.limit(quick=report.quick))}",
            f"{sign}{figure(key.aim)}",
            key.verdict(spread.median, quick=report.quick),
        )
    console.print(table)


def figure(value: float) -> str:
    """A number in three digits, or all of those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{DIGITS}g}"
