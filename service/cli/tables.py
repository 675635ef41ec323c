"""Answers as tables for people at a terminal."""

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

#: Where output goes to a file or a pipe, nobody's terminal limits the width.
PIPE_WIDTH = 120


def console() -> Console:
    """Stdout, as wide as the terminal."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def messages() -> Console:
    """Stderr, for everything that is not data."""
    # A path or an address stays in one piece.
    return Console(stderr=True, soft_wrap=True)


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
    return "exact" if low == high else f"{grouped(low)} .. {grouped(high)}"


def dependence(answer: dict[str, Any], title: str) -> Table:
    """The rows of vendor-dependence with bounds, the total, and beneath them coverage and concentration."""
    unit = answer["total"]["unit"]
    by = answer["parameters"]["by"]
    table = Table(title=title, title_justify="left", caption=_caption(answer), caption_justify="left")
    for name in (by, "name", unit, "low .. high", "share", "share low .. high", ""):
        table.add_column(name, justify="left" if name in (by, "name", "") else "right", overflow="fold")
    for row in answer["rows"]:
        marks = [mark for mark, said in (("own", row["captive"]), ("partly unknown", not row["quantified"])) if said]
        table.add_row(
            row["key"] or "(none)",
            row["name"] or "",
            grouped(row["value"]),
            bounds(row["low"], row["high"]),
            ratio(row["share"]),
            f"{ratio(row['share_low'])} .. {ratio(row['share_high'])}",
            ", ".join(marks),
        )
    total = answer["total"]
    table.add_section()
    table.add_row("total", "", grouped(total["value"]), bounds(total["low"], total["high"]), "", "", "")
    return table


def _caption(answer: dict[str, Any]) -> str:
    metrics, resolved = answer["metrics"], answer["resolved"]
    coverage = metrics["coverage"]
    known = f"known on {resolved['known_on']}" if resolved["known_on"] else "knowing everything recorded"
    return (
        f"as of {resolved['effective_on']}, {known}, position {resolved['position']}; "
        f"{coverage['quantified']} of {coverage['active']} rows fully quantified\n"
        f"HHI {ratio(metrics['hhi'])}, effective vendors {ratio(metrics['effective_vendors'])}, "
        f"own supply {ratio(metrics['captive_share'])}"
    )


def exposure(answer: dict[str, Any], title: str) -> Table:
    """The rows of regulatory-exposure with what decided each, and beneath them what is at risk."""
    resolved = answer["resolved"]
    known = f"known on {resolved['known_on']}" if resolved["known_on"] else "knowing everything recorded"
    caption = (
        f"as of {resolved['effective_on']}, {known}, position {resolved['position']}\n"
        f"barred {ratio(answer['at_risk_low'])}, perhaps up to {ratio(answer['at_risk_high'])}"
    )
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    unit = answer["total"]["unit"]
    for name in ("vendor", "product", "restricted", unit, "low .. high", "because"):
        table.add_column(name, justify="right" if name in (unit, "low .. high") else "left", overflow="fold")
    for row in answer["rows"]:
        decided = [f"{rule['regulation_id']}/{rule['rule_id']}" for rule in row["rules"] if rule["verdict"] == "yes"]
        missing = sorted({name for rule in row["rules"] for name in rule["missing"]})
        because = [*decided, *(f"{name} unknown" for name in missing)]
        table.add_row(
            row["vendor"],
            row["product"] or "(none)",
            row["restricted"],
            grouped(row["value"]),
            bounds(row["low"], row["high"]),
            ", ".join(because),
        )
    return table


def records(found: list[dict[str, Any]], title: str, names: Sequence[str]) -> Table:
    """Any list of objects, a column for each of these fields; the first, an id, is never broken."""
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(names):
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=number == 0)
    for record in found:
        table.add_row(*("" if record[name] is None else str(record[name]) for name in names))
    return table
