"""Importing files: what each option means, the progress bar, and what became of the file."""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from service.cli import exits, tables
from service.cli.progress import say_what_is_made
from service.cli.rehearsals import Rehearsal
from service.cli.summaries import as_object, as_text, recorded_before, say_by_cause, say_faults
from service.daybook import open_daybook
from service.importing.formats import FORMATS, PARTIAL
from service.importing.importing import Reading, form_of, import_from, wanted
from service.importing.plans import Progress as OnProgress
from service.importing.plans import RowRefused, Summary
from service.importing.reading.apart import Apart, ReaderBounds
from service.importing.remarks import remark_on
from service.importing.rows import BadFile, BadMapping
from service.importing.streaming import Options
from service.settings import Settings

#: What cannot be read twice is kept in memory up to this size, and in a temporary file beyond.
SPOOLED_BYTES = 16 * 1024 * 1024


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--format",
    "--kind",
    "format_name",
    type=click.Choice([*FORMATS]),
    metavar="NAME",
    help=f"{', '.join(FORMATS)}. Default: as the file begins.",
)
@click.option(
    "--mapping",
    metavar="FILE|NAME",
    help="What the columns of a table mean (mapping suggest writes one).",
)
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and record nothing.")
@click.option("--continue-on-error", is_flag=True, help="Leave out what cannot be read or is refused, and go on.")
@click.option("--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where what is left out is written.")
@click.option(
    "--unknown",
    type=click.Choice(("register", "report")),
    help="Of a screening list, organisations that the ledger does not know (default: report).",
)
@click.option("--lenient", is_flag=True, help="Of OCDS, take releases with unknown tags by what they hold.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
@click.pass_obj
def import_(
    settings: Settings,
    /,
    file: BinaryIO,
    format_name: str | None,
    mapping: str | None,
    dry_run: bool,
    continue_on_error: bool,
    rejects: Path | None,
    unknown: str | None,
    lenient: bool,
    as_json: bool,
) -> None:
    """Record what a FILE says (- for stdin): order lines, organisations or products in a table, open contracting
    data, exchange rates, regulation changes, a screening list, decisions on likely duplicates, or events as Daybook
    or CloudEvents have them.
    A gzip file is read as what it holds.

    A file with up to 10,000 events is recorded together or not at all, a longer one in batches of about 2,000.
    Importing a file twice records nothing twice, so that an import that broke off is simply run again.
    """
    name = name_of(file)
    rehearsal = Rehearsal()
    click.get_current_context().call_on_close(rehearsal.close)
    summary = Summary(name, format_name or "", 0, dry_run, rehearsed=rehearsal.take if dry_run else None)
    options = Options(dry_run, continue_on_error, None, mapping, unknown == "register", lenient=lenient)

    def refuse() -> None:
        _refuse_options(summary, mapping, unknown, rejects, continue_on_error=continue_on_error)
        if lenient and not FORMATS[summary.format].lenient:
            raise click.UsageError(f"--lenient is for open contracting data, and {name} is of format {summary.format}")

    record_file(settings, file, summary, options, rehearsal, refuse, rejects=rejects, as_json=as_json)


def name_of(file: BinaryIO) -> str:
    """What a file is called; - for stdin."""
    name = getattr(file, "name", "-")
    return "-" if name == "<stdin>" else str(name)


def record_file(
    settings: Settings,
    file: BinaryIO,
    summary: Summary,
    options: Options,
    rehearsal: Rehearsal,
    refuse: Callable[[], None],
    *,
    rejects: Path | None = None,
    as_json: bool,
) -> None:
    """Record what a file says, print what became of it, and end with the exit code of that.

    `refuse`: raises UsageError where options do not go with the format, which is known by then. `rejects`: where rows
    are written that are left out.
    """
    name, dry_run = summary.file, summary.dry_run
    try:
        with contextlib.ExitStack() as stack:
            to_read = msgspec.structs.replace(wanted(summary, options), keep_raw=rejects is not None)
            bounds = ReaderBounds.of(settings.import_memory_mb)
            source = stack.enter_context(Apart(stack.enter_context(seekable(file)), to_read, bounds))
            summary.format = form_of(source)
            refuse()
            if rejects is not None:
                options = replace(options, rejects=stack.enter_context(rejects.open("w", encoding="utf-8")))
            say_what_is_made(settings)
            _import(settings, source, summary, options)
    except (BadFile, BadMapping) as bad:
        say_faults(summary, bad, as_json=as_json)
        sys.exit(exits.PARTIAL_IMPORT if recorded_before(summary) else exits.USAGE)
    except RowRefused as refused:
        say_by_cause(summary, summary.causes)
        click.echo(f"daybook: {name}: {refused}; {summary.kept}", err=True)
        sys.exit(exits.PARTIAL_IMPORT if recorded_before(summary) else exits.CONFLICT)
    except BaseException as error:
        # What was under way has ended by now, one way or the other.
        summary.count_what_ended()
        if isinstance(error, KeyboardInterrupt) or recorded_before(summary):
            click.echo(f"daybook: {name}: broken off; {summary.kept}", err=True)
        raise
    if not as_json:
        exits.print_result(as_text(summary, rehearsal))
    elif dry_run:
        with exits.read_or_not():
            for piece in rehearsal.as_json(as_object(summary)):
                click.echo(piece, nl=False)
            click.echo()
    else:
        exits.print_result(json.dumps(as_object(summary), ensure_ascii=False, indent=1))
    if summary.plan.reported:
        sys.exit(exits.PARTIAL_IMPORT)


def _refuse_options(
    summary: Summary, mapping: str | None, unknown: str | None, rejects: Path | None, *, continue_on_error: bool
) -> None:
    """UsageError where options do not go with the format or with each other."""
    name, chosen = summary.file, summary.format
    if unknown is not None and not FORMATS[chosen].registers:
        raise click.UsageError(f"--unknown is for screening lists, and {name} is of format {chosen}")
    if mapping is not None and not FORMATS[chosen].takes_mapping:
        raise click.UsageError(f"--mapping is for tables of order lines, and {name} is of format {chosen}")
    if continue_on_error and not FORMATS[chosen].partial:
        raise click.UsageError(f"--continue-on-error is for {', '.join(PARTIAL)}; {name} is of format {chosen}")
    if rejects is not None and not continue_on_error:
        raise click.UsageError("--rejects goes with --continue-on-error: without it nothing is left out")
    if rejects is not None and rejects.exists() and name != "-" and rejects.samefile(name):
        raise click.UsageError(f"--rejects would overwrite {name}")


def _import(settings: Settings, source: Apart, summary: Summary, options: Options) -> None:
    with (
        _bar(summary) as (catching_up, reading, recording),
        open_daybook(settings, follow=False, progress=catching_up) as daybook,
    ):
        try:
            import_from(daybook, source, summary, options, progress=recording, reading=reading)
            remark_on(daybook, summary, followed=False)
        except BaseException:
            summary.withdraw()
            raise


@contextmanager
def _bar(summary: Summary) -> Iterator[tuple[OnProgress, Reading, OnProgress]]:
    """A progress bar on stderr: for bringing the projection up, for reading rows, and for recording them."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TextColumn("{task.fields[per_second]}"),
        TextColumn("{task.fields[rejected]}"),
        TimeRemainingColumn(),
    )
    console = tables.messages()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = [
            bar.add_task(what, total=None, visible=False, per_second="", rejected="")
            for what in ("reading the ledger", "reading", "recording")
        ]

        def reporting(task: TaskID) -> OnProgress:
            def report(done: int, total: int) -> None:
                speed = bar.tasks[task].finished_speed or bar.tasks[task].speed
                bar.update(
                    task,
                    completed=done,
                    total=total or None,
                    visible=True,
                    per_second=f"{speed:,.0f} rows/s" if speed else "",
                    rejected=f"{summary.rejected:,} rejected" if summary.rejected else "",
                )

            return report

        read = reporting(tasks[1])
        yield reporting(tasks[0]), lambda rows: read(rows, 0), reporting(tasks[2])


@contextmanager
def seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy of what comes through a pipe, while it is needed."""
    with contextlib.ExitStack() as stack:
        if not file.seekable():
            spool: Any = stack.enter_context(tempfile.SpooledTemporaryFile(SPOOLED_BYTES))
            shutil.copyfileobj(file, spool)
            file = spool
        yield file
