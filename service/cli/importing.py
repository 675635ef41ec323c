"""Importing files: regulations, screening lists, and events as Daybook takes them."""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.errors import Refusal
from service.cli import exits, tables
from service.daybook import open_daybook
from service.importers.formats import FORMATS, guess_format, import_file
from service.importers.plans import Progress as Told
from service.importers.plans import Refused, Remark, Summary
from service.importers.rows import MOST_FAULTS, BadFile
from service.settings import Settings

#: What cannot be read twice is kept in memory up to this size, and in a temporary file beyond.
SPOOLED_BYTES = 16 * 1024 * 1024


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--format", "format_name", type=click.Choice(FORMATS), help="Told by the first line where not given.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and record nothing.")
@click.option(
    "--unknown",
    type=click.Choice(("register", "report")),
    help="Of a screening list, organisations that the ledger does not know (default: report).",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
@click.pass_obj
def import_(
    settings: Settings, /, file: BinaryIO, format_name: str | None, dry_run: bool, unknown: str | None, as_json: bool
) -> None:
    """Record what a FILE says (- for stdin): a table of regulation changes, a screening list, or event requests.

    A table is recorded together or not at all. So are up to 10,000 event requests; more are recorded in batches of
    2,000, and give each an id of its own: importing the file again then goes on where it broke off. Importing a file
    twice records nothing twice (event requests: those with an id).
    """
    name = getattr(file, "name", "-")
    name = "-" if name == "<stdin>" else str(name)
    try:
        with _seekable(file) as source:
            chosen = format_name or guess_format(source)
            if unknown is not None and chosen != "screening-list":
                raise click.UsageError(f"--unknown is for screening lists, and {name} is of format {chosen}")
            summary = Summary(name, chosen, 0, dry_run)
            _import(settings, source, summary, register=unknown == "register")
    except BadFile as bad:
        _say_faults(name, bad, as_json=as_json)
        sys.exit(exits.USAGE)
    except Refused as refused:
        click.echo(f"daybook: {name}: {refused}; nothing is recorded", err=True)
        sys.exit(_exit_of(refused.refusal))
    click.echo(json.dumps(as_object(summary), ensure_ascii=False, indent=1) if as_json else as_text(summary))
    if summary.plan.reported:
        sys.exit(exits.PARTIAL_IMPORT)


def _import(settings: Settings, source: BinaryIO, summary: Summary, *, register: bool) -> None:
    with _bar() as (reading, importing), open_daybook(settings, follow=False, progress=reading) as daybook:
        try:
            import_file(daybook, source, summary, register=register, progress=importing)
        except (BadFile, Refused):
            raise
        except BaseException:
            if summary.recorded and not summary.dry_run:
                click.echo(f"daybook: {summary.recorded} events were recorded before this", err=True)
            raise


@contextmanager
def _bar() -> Iterator[tuple[Told, Told]]:
    """A progress bar on stderr, first for reading the ledger, then for the file."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = tables.messages()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = [bar.add_task(what, total=None, visible=False) for what in ("reading the ledger", "importing")]

        def told(task: Any) -> Told:
            return lambda done, total: bar.update(task, completed=done, total=total, visible=True)

        yield told(tasks[0]), told(tasks[1])


@contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy of what comes through a pipe."""
    with contextlib.ExitStack() as stack:
        if not file.seekable():
            spool: Any = stack.enter_context(tempfile.SpooledTemporaryFile(SPOOLED_BYTES))
            shutil.copyfileobj(file, spool)
            file = spool
        yield file


def _exit_of(refusal: Refusal) -> int:
    return next(code for kinds, code in exits.EXITS if isinstance(refusal, kinds))


def _say_faults(name: str, bad: BadFile, *, as_json: bool) -> None:
    if as_json:
        faults = [{"line": fault.line, "message": fault.message} for fault in bad.faults]
        click.echo(json.dumps({"file": name, "recorded": 0, "faults": faults}, ensure_ascii=False, indent=1))
    for fault in bad.faults:
        click.echo(f"daybook: {name}: line {fault.line}: {fault.message}", err=True)
    more = f" (the first {MOST_FAULTS} faults are listed)" if len(bad.faults) == MOST_FAULTS else ""
    click.echo(f"daybook: {name}: nothing is recorded{more}", err=True)


def as_object(summary: Summary) -> dict[str, Any]:
    """The summary for machines; a dry run lists the events that it would record or replay."""
    plan = summary.plan
    answer: dict[str, Any] = {
        "file": summary.file,
        "format": summary.format,
        "dry_run": summary.dry_run,
        "rows": summary.rows,
        "recorded": summary.recorded,
        "replayed": summary.replayed,
    }
    for name, remarks in (("reported", plan.reported), ("known", plan.known), ("unread", plan.unread)):
        answer[name] = [{"line": one.line, "row": one.row, "message": one.message} for one in remarks]
    if summary.dry_run:
        answer["events"] = [{"line": entry.line, "row": entry.row, **entry.sent} for entry in plan.entries]
    return answer


def as_text(summary: Summary) -> str:
    """The summary for people."""
    lines = [
        f"{summary.file}: {summary.rows} rows of {summary.format}",
        f"recorded: {summary.recorded} events{' (dry run: nothing is)' if summary.dry_run else ''}",
        f"replayed: {summary.replayed} events that were recorded before",
    ]
    plan = summary.plan
    lines.append(f"reported: {len(plan.reported)} rows{' that are not recorded' if plan.reported else ''}")
    lines += [f"  line {one.line}: {_named(one.row)}{one.message}" for one in plan.reported]
    if summary.dry_run:
        lines.append("events:")
        lines += [
            f"  line {entry.line}: {entry.row}: {entry.sent['type']} {_about(entry.sent['data'])}".rstrip()
            for entry in plan.entries
        ]
    lines += _remarks("recorded already from elsewhere", plan.known)
    lines += _remarks("with more than a rule can say; the note recorded with it has all of it", plan.unread)
    return "\n".join(lines)


def _about(data: dict[str, Any]) -> str:
    named = (data[name] for name in ("regulation_id", "organization_id", "annotates", "retracts") if name in data)
    return next(named, "")


def _remarks(title: str, remarks: Sequence[Remark]) -> list[str]:
    if not remarks:
        return []
    return [f"{title}: {len(remarks)}", *(f"  line {one.line}: {_named(one.row)}{one.message}" for one in remarks)]


def _named(row: str) -> str:
    return f"{row}: " if row else ""
