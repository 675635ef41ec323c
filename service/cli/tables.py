"""Answers as tables for people at a terminal: one line a row, names in their own scripts."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from service.asking import columns as parts
from service.asking.columns import Column, ColumnKind
from service.asking.tables import DEPENDENCE, EXPOSURE, LINES
from service.cli.figures import Figures, figures
from service.cli.layout import Shown, console, framed, messages
from service.exporting.delimited import compact

__all__ = ["Look", "as_text", "console", "messages"]

#: What has all columns of a view's answer.
IN_FILES = "--format json or csv"
#: How nested values are cut: the whole is in the other formats.
LONGEST_NESTED = 60
RIGHT = (ColumnKind.FIGURE, ColumnKind.EXACT, ColumnKind.RATIO, ColumnKind.WHOLE)
WHOLE = (*RIGHT, ColumnKind.DAY, ColumnKind.FLAG)
#: Words of our own that are short, too.
SHORT = frozenset({"status", "restricted", "country", "currency", "class", "verdict", "sole_source"})
#: Columns in whose place the line of totals says that it is one.
SAYING_TOTAL = frozenset({"key", "vendor", "name"})
#: What people know a thing by.
NAMES = frozenset({"name", "title"})


@dataclass(frozen=True, slots=True)
class Look:
    """How a table is to look."""

    #: Every digit, where otherwise shares are in per cent and money is whole.
    exact: bool = False
    #: Rows that are shown, the first of them; None: all.
    top: int | None = None
    #: Of the terminal, in cells; None: as it is.
    width: int | None = None


PLAIN = Look()


def as_text(table: RenderableType) -> str:
    """A table as plain text, for a file."""
    paper = Console(width=console().width, file=io.StringIO(), color_system=None, force_terminal=False)
    with paper.capture() as captured:
        paper.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def listing(
    table: parts.Table,
    answer: parts.Answer,
    title: str,
    look: Look = PLAIN,
    *,
    caption: str = "",
    titles: dict[str, str] | None = None,
    total: dict[str, Any] | None = None,
) -> RenderableType:
    """The columns that a table of an answer shows at a glance; `titles` and `total` speak of some of them.

    Without rows it is a sentence.
    """
    read = iter(table.records(answer))
    records = list(islice(read, look.top))
    others = sum(1 for _ in read)
    if not records and not others:
        return Text(f"{title}: {_nothing(answer)}")
    if others:
        caption += f"{caption and chr(10)}the first {len(records):,} of {len(records) + others:,} rows"
    by_name = {column.name: column for column in table.columns}
    shown, glance = [], table.glance or tuple(by_name)
    for place, name in enumerate(glance):
        low, is_range, high = name.partition("..")
        column = by_name[low]
        written = _written(column, by_name.get(high), records, total or {}, look)
        upper = by_name.get(high) if is_range else None
        cells = [_cell(written, column, upper, record) for record in records]
        if name in table.spare and not any(cells):
            continue  # nothing is said in it
        words = f"{low} .. {high.rpartition('_')[2]}" if is_range else low
        shown.append(
            Shown(
                (titles or {}).get(name, words.replace("_", " ")),
                cells,
                is_figure=column.kind in RIGHT,
                is_whole=column.kind in WHOLE or column.name in SHORT or (not place and column.name.endswith("_id")),
                is_name=column.name in NAMES,
                total=_total(written, name, total or {}),
                spare=len(glance) + table.spare.index(name) if name in table.spare else place,
            )
        )
    return framed(shown, title, caption, console().width if look.width is None else look.width, IN_FILES)


def _nothing(answer: parts.Answer) -> str:
    """Why there are no rows."""
    resolved = answer["resolved"]
    moment = resolved.get("after", resolved)
    if not moment["position"]:
        return (
            "nothing is recorded yet (daybook import FILE records what a file says; daybook demo has a ledger to try)"
        )
    return f"nothing {as_of(answer)}"


def _written(
    column: Column, high: Column | None, records: Sequence[parts.Record], total: parts.Record, look: Look
) -> Figures:
    """How the figures of a column are written, or those between it and another."""
    if column.kind not in (ColumnKind.FIGURE, ColumnKind.EXACT):
        return Figures(exact=look.exact)
    found = [one.read(record) for one in (column, high) if one is not None for record in records]
    return figures([*found, *(total.get(one.name) for one in (column, high) if one is not None)], exact=look.exact)


def _total(written: Figures, name: str, total: parts.Record) -> str:
    low, is_range, high = name.partition("..")
    if low not in total:
        return ""
    if is_range:
        return written.bounds(total[low], total[high])
    return str(total[low]) if name in SAYING_TOTAL else written.figure(total[low])


def _cell(written: Figures, column: Column, upper: Column | None, record: parts.Record) -> str:
    if column.path and record.get(column.path[0]) is None:
        return ""  # there is nothing whose figure it would be
    value = column.read(record)
    if upper is not None:
        ends = value, upper.read(record)
        return written.ratios(*ends) if column.kind is ColumnKind.RATIO else written.bounds(*ends)
    match column.kind:
        case ColumnKind.FIGURE | ColumnKind.EXACT:
            return written.figure(value)
        case ColumnKind.RATIO:
            return written.ratio(value, column.name)
        case ColumnKind.FLAG:
            return "" if value is None else "yes" if value else "no"
        case ColumnKind.STRUCTURE:
            return "" if value is None else one_line(_structure(value))
        case ColumnKind.WHOLE:
            return "" if value is None else f"{value:,}"
        case _:
            return "" if value is None else one_line(str(value))


def _structure(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    text = compact(value)
    return text if len(text) <= LONGEST_NESTED else text[: LONGEST_NESTED - 1] + "…"


def one_line(text: str) -> str:
    """Text without what would move a terminal's cursor or change its colours."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


def as_of(answer: parts.Answer) -> str:
    """The moment that an answer is of, in words; of a difference both."""
    resolved = answer["resolved"]
    if "before" in resolved:
        return f"from {_moment(resolved['before'])} to {_moment(resolved['after'])}"
    return f"as of {_moment(resolved)}"


def _moment(resolved: parts.Record) -> str:
    known = f"known on {resolved['known_on']}" if resolved["known_on"] else "knowing everything recorded"
    return f"{resolved['effective_on']}, {known}, position {resolved['position']}"


def dependence(answer: dict[str, Any], title: str, look: Look = PLAIN) -> RenderableType:
    """The rows of vendor-dependence with bounds, the total, and beneath them coverage and concentration."""
    total, by = answer["total"], answer["parameters"]["by"]
    rows = [
        {**row, "key": row["key"] or "(none)", "name": row["name"] or row["key"] or "(none)", "remarks": _remarks(row)}
        for row in answer["rows"]
    ]
    table, named = DEPENDENCE.with_column(Column("remarks")), "name"
    if all(row["name"] == row["key"] for row in rows):
        # By category, for example: the key is the name, and stays.
        named = "key"
        glance = tuple(name for name in table.glance if name != "name")
        table = replace(table, glance=glance, spare=tuple(name for name in table.spare if name != "key"))
    return listing(
        table,
        {**answer, "rows": rows},
        title,
        look,
        caption=f"{as_of(answer)}\n{_concentration(answer, look)}",
        titles={"key": by, "value": total["unit"]},
        total={named: "total", **total},
    )


def _concentration(answer: parts.Answer, look: Look) -> str:
    metrics, written = answer["metrics"], Figures(exact=look.exact)
    coverage = metrics["coverage"]
    counted = f"{coverage['quantified']} of {coverage['active']} rows fully quantified"
    said = [f"{words} {_between(metrics, name, written)}" for name, words in CONCENTRATION.items()]
    return "\n".join([counted, ", ".join(said), *remarked(answer)])


#: The metrics beneath the rows of vendor-dependence.
CONCENTRATION = {
    "hhi": "HHI",
    "effective_vendors": "effective vendors",
    "captive_share": "own supply",
    "at_risk": "at risk",
}


def _between(metrics: parts.Record, name: str, written: Figures) -> str:
    """A metric, and where it is not certain between what it lies."""
    value, low, high = (metrics[f"{name}{end}"] for end in ("", "_low", "_high"))
    shown = written.ratio(value, name)
    return shown if low == value == high else f"{shown} ({written.ratio(low, name)} .. {written.ratio(high, name)})"


#: What is missing, and how old rates are, in words.
REMARKS = {
    "no-rate": "no rate {subject}",
    "no-currency": "assertion {subject} names no currency",
    "no-attribute": "{subject} lacks the attribute",
    "no-product": "a line of {subject} names no product",
    "stale-rate": "the rate {subject} was up to {days} days old",
}


def remarked(answer: parts.Answer) -> list[str]:
    """The remarks of an answer, a line each; of a difference, those of each moment."""
    found = answer.get("remarks", ())
    sides = [(f"{side}: ", found[side]) for side in found] if isinstance(found, dict) else [("", found)]
    return [
        f"{side}{REMARKS[one['kind']].format(**one)} ({one['count']} contribution{'s' * (one['count'] > 1)})"
        for side, remarks in sides
        for one in remarks
    ]


def _remarks(row: parts.Record) -> str:
    remarks = (("own", row["captive"]), ("partly unknown", not row["quantified"]))
    return ", ".join(remark for remark, is_so in remarks if is_so)


def exposure(answer: dict[str, Any], title: str, look: Look = PLAIN) -> RenderableType:
    """The rows of regulatory-exposure with what decided each, and beneath them what is at risk."""
    total, written = answer["total"], Figures(exact=look.exact)
    barred, high = written.ratio(answer["at_risk"]), written.ratio(answer["at_risk_high"])
    judged = "; held against what was in force when it was placed" if answer["parameters"]["judged"] == "placed" else ""
    risk = f"barred {barred}, perhaps up to {high}"
    rows = [{**row, "product": row["product"] or "(none)", "because": _because(row)} for row in answer["rows"]]
    return listing(
        EXPOSURE.with_column(Column("because")),
        {**answer, "rows": rows},
        title,
        look,
        caption="\n".join([f"{as_of(answer)}{judged}", risk, *remarked(answer)]),
        titles={"value": total["unit"]},
        total={"vendor": "total", **total},
    )


def _because(row: parts.Record) -> str:
    decided = [
        f"{rule['regulation_id']}/{rule['rule_id']}" for rule in row["rules"] if rule["verdict"] in ("yes", "partly")
    ]
    missing: Iterable[str] = sorted({name for rule in row["rules"] for name in rule["missing"]})
    return ", ".join([*decided, *(f"{name} unknown" for name in missing)])


def order(answer: dict[str, Any], look: Look = PLAIN) -> RenderableType:
    """The lines of an order: what was ordered, what came, what is open."""
    flags = f"; {', '.join(answer['flags'])}" if answer["flags"] else ""
    title = f"Order {answer['order_id']}: {', '.join(answer['buyers'])} of {answer['vendor_id']}"
    caption = f"{as_of(answer)}; {answer['status']}{flags}; amounts in {answer['currency']}"
    return listing(LINES, answer, title, look, caption=caption)


def records(found: Sequence[parts.Record], title: str, names: Sequence[str], none: str) -> RenderableType:
    """Any list of objects, a column for each of these fields; the first, an id, is never left out nor cut.

    Of no objects it is the sentence `none`.
    """
    if not found:
        return Text(f"{title}: {none}")
    cells = {name: [one_line("" if one[name] is None else str(one[name])) for one in found] for name in names}
    shown = [
        Shown(name.replace("_", " "), cells[name], is_whole=place == 0, is_name=name in NAMES, spare=place)
        for place, name in enumerate(names)
    ]
    return framed(shown, title, "", console().width, "--json")
