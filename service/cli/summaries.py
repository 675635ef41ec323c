"""What became of a file, for people and for machines."""

import json
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from service.cli import exits
from service.cli.overviews import cause_lines, overview_lines
from service.cli.rehearsals import Rehearsal
from service.importing.causes import by_cause
from service.importing.formats import FORMATS
from service.importing.plans import Entry, RowRemark, Summary
from service.importing.remarks import rest_of
from service.importing.rows import MOST_FAULTS, BadFile, BadMapping
from service.remarking import as_objects
from service.shapes.overviews import FaultCause

#: Orders that are missing, and characters of an event, that people are shown.
MOST_MISSING, LONGEST_SHOWN = 20, 200


def recorded_before(summary: Summary) -> int:
    """Events that are recorded although the import failed."""
    return 0 if summary.dry_run else summary.recorded


def say_faults(summary: Summary, bad: BadFile | BadMapping, *, as_json: bool) -> None:
    """Say what is wrong with a file or its mapping, and that nothing more of it is recorded."""
    name = summary.file
    faults: list[dict[str, Any]]
    if isinstance(bad, BadMapping):
        faults = [{"line": None, "message": f"mapping {bad.name}: {problem}"} for problem in bad.problems]
    else:
        faults = [{"line": fault.line, "message": fault.message} for fault in bad.faults]
    if as_json:
        causes = [] if isinstance(bad, BadMapping) else bad.causes or by_cause(bad.faults)
        answer = {
            "file": name,
            "recorded": recorded_before(summary),
            "faults": faults,
            "causes": msgspec.to_builtins(causes),
            "overview": msgspec.to_builtins(summary.overview),
        }
        exits.print_result(json.dumps(answer, ensure_ascii=False, indent=1))
    for fault in faults:
        where = f"line {fault['line']}: " if fault["line"] is not None else ""
        click.echo(f"daybook: {name}: {where}{fault['message']}", err=True)
    if isinstance(bad, BadFile) and not as_json:
        say_by_cause(summary, bad.causes)
    more = f" (the first {MOST_FAULTS} faults are listed)" if len(faults) == MOST_FAULTS else ""
    click.echo(f"daybook: {name}: {summary.kept}{more}", err=True)


def say_by_cause(summary: Summary, causes: Sequence[FaultCause]) -> None:
    """Say what a table holds, and what is wrong with it by cause."""
    lines = [*overview_lines(summary.overview)] if summary.overview is not None else []
    if sum(one.count for one in causes) > 1 or any(one.mend for one in causes):
        lines += ["faults by cause:", *cause_lines(causes)]
    for line in lines:
        click.echo(line, err=True)


def as_object(summary: Summary) -> dict[str, Any]:
    """The summary for machines."""
    plan = summary.plan
    answer: dict[str, Any] = {
        "file": summary.file,
        "format": summary.format,
        "dry_run": summary.dry_run,
        "rows": summary.rows,
        "recorded": summary.recorded,
        "replayed": summary.replayed,
        "rejected": summary.rejected,
        "types": dict(sorted(summary.types.items())),
    }
    for name, remarks in (
        ("reported", plan.reported),
        ("known", plan.known),
        ("unread", plan.unread),
        ("noted", plan.noted),
        *([("missing", plan.missing)] if summary.as_of is not None else []),
    ):
        answer[name] = [{"line": one.line, "row": one.row, "message": one.message} for one in remarks]
    if summary.doubts:
        answer["remarks"] = as_objects(summary.doubts)
    if summary.as_of is not None:
        answer["as_of"] = summary.as_of.isoformat()
        answer["first"] = {
            name: {"line": one.line, "row": one.row, "event": one.sent} for name, one in first_of(summary)
        }
    answer["overview"] = msgspec.to_builtins(summary.overview)
    answer["causes"] = msgspec.to_builtins(summary.causes)
    return answer


def as_text(summary: Summary, rehearsal: Rehearsal) -> str:
    """The summary for people."""
    of_day = f", as of {summary.as_of}" if summary.as_of is not None else ""
    lines = [
        f"{summary.file}: {summary.rows} rows of {summary.format}{of_day}",
        f"recorded: {summary.recorded} events{' (dry run: nothing is)' if summary.dry_run else ''}",
        f"replayed: {summary.replayed} events that were recorded before",
    ]
    if summary.types:
        lines.append(f"of these: {', '.join(f'{count} {name}' for name, count in sorted(summary.types.items()))}")
    plan = summary.plan
    if summary.overview is not None:
        lines += overview_lines(summary.overview)
    if summary.causes:
        lines += ["faults by cause:", *cause_lines(summary.causes)]
    if summary.rejected:
        more = f", the first {len(plan.reported)} of them" if len(plan.reported) == MOST_FAULTS else ""
        lines.append(f"rejected: {summary.rejected} rows{more}")
    else:
        lines.append(f"reported: {len(plan.reported)} rows{' that are not recorded' if plan.reported else ''}")
    lines += [f"  line {one.line}: {_named(one.row)}{one.message}" for one in plan.reported]
    if summary.as_of is not None:
        lines += _missing(plan.missing)
        lines += _firsts(summary)
    else:
        lines += rehearsal.as_text()
    title = "said twice in the file" if FORMATS[summary.format].mapped else "recorded already from elsewhere"
    lines += _remarks(title, plan.known)
    lines += _remarks("with more than a rule can say; the note recorded with it has all of it", plan.unread)
    lines += _remarks("of which there is nothing to record, or not everything", plan.noted)
    for kind in summary.doubts:
        rest = rest_of(kind)
        lines += [f"{kind.kind}: {kind.count}", *(f"  {one.detail}" for one in kind.first)]
        lines += [f"  {rest}"] if rest else []
    return "\n".join(lines)


def first_of(summary: Summary) -> list[tuple[str, Entry]]:
    """The first event of each type that a dry run would record."""
    return sorted(summary.first.items())


def _firsts(summary: Summary) -> list[str]:
    lines = []
    for kind, entry in first_of(summary):
        data = {name: value for name, value in entry.sent["data"].items() if name != "order_id"}
        shown = json.dumps(data, ensure_ascii=False, default=str)
        cut = f"{shown[: LONGEST_SHOWN - 3]}..." if len(shown) > LONGEST_SHOWN else shown
        lines.append(f"  {summary.types[kind]} {kind}, the first: line {entry.line}: {_named(entry.row)}{cut}")
    return ["would be recorded:", *lines] if lines else []


def _missing(missing: Sequence[RowRemark]) -> list[str]:
    if not missing:
        return []
    shown = [f"  {one.message}" for one in missing[:MOST_MISSING]]
    more = len(missing) - len(shown)
    return [f"missing: {len(missing)} orders", *shown, *([f"  and {more} more, which --json lists"] if more else [])]


def _remarks(title: str, remarks: Sequence[RowRemark]) -> list[str]:
    if not remarks:
        return []
    return [f"{title}: {len(remarks)}", *(f"  line {one.line}: {_named(one.row)}{one.message}" for one in remarks)]


def _named(row: str) -> str:
    return f"{row}: " if row else ""
