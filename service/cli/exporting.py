"""Exporting: events, views, orders and whole ledgers, as files that other tools read."""

import json
from datetime import datetime, time
from typing import Any

import click

from domain.errors import Invalid
from service.asking.clocks import day
from service.asking.columns import Table
from service.asking.comparisons import Comparisons
from service.asking.pages import whole_answer
from service.asking.views import VIEWS, Question, View, parse_question
from service.asking.wholes import parse_whole
from service.cli import asking, tables
from service.cli.commands import Later, LazyGroup
from service.cli.outputs import chosen_format, output_option, refuse_unreadable, say_if_cut, write_answer
from service.cli.progress import progress_bar
from service.cli.questions import options_of, raw_of, with_options
from service.cli.wholes import WholeRange
from service.daybook import open_daybook, open_ledger
from service.exporting import events as event_files
from service.exporting.events import WRITERS, ExportSelection
from service.exporting.files import STDOUT, written
from service.exporting.formats import FORMATS, Choice
from service.settings import Settings
from service.storing.ledger import Ledger, ledger_origin

#: The open contracting data standard: JSON of its own kind.
OCDS = "ocds"


@click.group(cls=LazyGroup)
def export() -> None:
    """Write files for other tools: events, views, orders, or the whole ledger."""


export.add_later(
    Later("bundle", "service.cli.audit:bundle", "A file from which figures are derived again, and checked."),
    Later("parquet", "service.cli.archiving:parquet", "The whole ledger as an archive in a folder."),
)


@export.command()
@click.option("--after", type=WholeRange(0), default=0, help="Start behind this position.")
@click.option("--upto", type=WholeRange(0), help="End with this position (default: the head).")
@click.option("--type", "types", multiple=True, help="Only this event type; repeat for several.")
@click.option("--stream", "streams", multiple=True, help="Only this stream, e.g. order/po-1; repeat for several.")
@click.option(
    "--format", "format_name", type=click.Choice(tuple(WRITERS)), help="Default: by the file's name, else ndjson."
)
@output_option
@click.pass_obj
def events(
    settings: Settings,
    /,
    after: int,
    upto: int | None,
    types: tuple[str, ...],
    streams: tuple[str, ...],
    format_name: str | None,
    target: str,
) -> None:
    """The recorded events. NDJSON holds the stored bytes, one event a line."""
    chosen = chosen_format(format_name, target, tuple(WRITERS), "ndjson")
    refuse_unreadable(target, chosen, is_text=chosen not in event_files.BINARY)
    with progress_bar("exporting") as on_progress, open_ledger(settings) as ledger:
        head = ledger.recorder.head().position
        if upto is not None and upto > head:
            raise Invalid.at("/upto", f"position {upto} is beyond the head, {head}")
        selection = ExportSelection(after, head if upto is None else upto, types, streams)
        with written(target) as output:
            count = WRITERS[chosen](output, selection.pages(ledger.recorder, on_progress), ledger_origin(ledger))
    if target != STDOUT:
        tables.messages().print(f"{count} events in {target}", highlight=False)


def _formed(command: Any) -> Any:
    """In what form the file is, and where it goes."""
    for option in (
        output_option,
        click.option("--excel", is_flag=True, help="CSV: begin with a byte order mark, so that Excel reads UTF-8."),
        click.option(
            "--verbatim", is_flag=True, help="CSV: text that a spreadsheet would run as a formula stays as it is."
        ),
        click.option(
            "--context", "context_target", metavar="FILE", help="Write what the answer is of (resolved, ...) as JSON."
        ),
        click.option(
            "--format", "format_name", type=click.Choice(tuple(FORMATS)), help="Default: by the file's name, else csv."
        ),
    ):
        command = option(command)
    return command


@export.command()
@click.argument("question", metavar="VIEW?PARAMETERS")
@click.option("--table", "table_name", help="Another table of the answer than its main one, e.g. postings.")
@_formed
@click.pass_obj
def view(
    settings: Settings,
    /,
    question: str,
    table_name: str | None,
    **form: Any,
) -> None:
    """A view's answer, the same figures as over HTTP: e.g. 'vendor-dependence?buyer=baidu&measure=units'.

    The views are those below /api/v1/views, orders and orders/ID. What HTTP answers page by page, orders and evidence,
    is written whole, unless limit, offset or cursor ask for one page.
    """
    asked = parse_question(question)
    _write_whole(settings, asked, asked.view.table(table_name), **form)


def _write_whole(
    settings: Settings,
    asked: Question,
    table: Table,
    *,
    format_name: str | None,
    context_target: str | None,
    verbatim: bool,
    excel: bool,
    target: str,
) -> None:
    """Write what a question is answered with, all pages of it."""
    chosen = chosen_format(format_name, target, tuple(FORMATS), "csv")
    if excel and chosen != "csv":
        raise click.UsageError(f"--excel is for csv, not {chosen}: a workbook is as Excel has it anyway")
    choice = Choice(asked.view, table, guarded=not verbatim, marked=excel)
    refuse_unreadable(target, chosen, is_text=FORMATS[chosen].is_text)
    with asking.opened(settings) as questions, progress_bar("exporting", shown=target != STDOUT) as on_progress:
        comparisons = Comparisons(questions.daybook, settings.wait_s)
        answer = whole_answer(asked, questions, comparisons, lambda done: on_progress(done, None))
        write_answer(answer, choice, chosen, target)
    say_if_cut(answer)
    if context_target is not None:
        with written(context_target) as output:
            output.write(json.dumps(choice.context(answer), ensure_ascii=False, indent=1).encode() + b"\n")


def _listing(name: str, view: View) -> click.Command:
    """The command that writes everything that a view lists, with its filters as options."""

    def write(settings: Settings, /, **given: Any) -> None:
        form = {option: given.pop(option) for option in FORM_OPTIONS}
        _write_whole(settings, Question(view, "", raw_of(given)), view.tables[0], **form)

    words = f"{view.words} All of them are written, however many there are."
    options = {name: text for name, text in options_of(view).items() if name not in ("limit", "cursor")}
    return click.command(name, help=words)(with_options(options)(_formed(click.pass_obj(write))))


FORM_OPTIONS = ("format_name", "context_target", "verbatim", "excel", "target")
export.add_command(_listing("orders", VIEWS["orders"]))
export.add_command(_listing("lines", VIEWS["order-lines"]))


@export.command("ocds")
@click.option(
    "--since", default="0", metavar="DAY|POSITION", help="What was recorded from a day on, or behind a position."
)
@click.option("--records", is_flag=True, help="The whole records of the orders that have new releases.")
@click.option("--prefix", help="The publisher's registered ocid prefix.")
@output_option
@click.pass_obj
def ocds_(settings: Settings, /, since: str, records: bool, prefix: str | None, target: str) -> None:
    """Open contracting data (OCDS) of all orders: a package of the releases that are new, or of their records."""
    from service.exporting.ocds.several import SinceThen, write_package

    with open_daybook(settings, follow=False) as daybook:
        recorder = daybook.ledger.recorder
        head = recorder.head().position
        after = _position_of(since, daybook.ledger)
        if after > head:
            raise Invalid.at("/since", f"position {after} is beyond the head, {head}")
        with progress_bar("exporting", shown=target != STDOUT) as on_progress, written(target) as output:
            wanted = SinceThen(after, head, records)
            count = write_package(output, daybook, wanted, prefix, lambda done: on_progress(done, None))
    if target != STDOUT:
        tables.messages().print(f"{count} orders in {target}, up to position {head}", highlight=False)


def _position_of(since: str, ledger: Ledger) -> int:
    """The position behind which something is new; of a day, the last one before it began."""
    if since.isascii() and since.isdigit():
        return parse_whole(since)
    found = day("since", since)
    assert found is not None
    began = datetime.combine(found, time(), ledger.calendar.zone)
    return ledger.recorder.position_before(began)


@export.command()
@click.argument("order_id")
@click.option(
    "--format",
    "format_name",
    type=click.Choice((*FORMATS, OCDS)),
    help="ocds: a record package with all releases (default: by the file's name, else json).",
)
@click.option("--prefix", help="OCDS: the publisher's registered ocid prefix.")
@output_option
@click.pass_obj
def order(settings: Settings, /, order_id: str, format_name: str | None, prefix: str | None, target: str) -> None:
    """One order: as the API has it, or as open contracting data (OCDS)."""
    chosen = chosen_format(format_name, target, tuple(FORMATS), "json")
    if prefix is not None and chosen != OCDS:
        raise click.UsageError(f"--prefix is for --format {OCDS}, not {chosen}")
    if chosen == OCDS:
        from service.exporting.ocds.packages import encode, record_package

        with open_daybook(settings, follow=False) as daybook:
            text = encode(record_package(daybook, order_id, prefix))
        with written(target) as output:
            output.write(text.encode() + b"\n")
        return
    refuse_unreadable(target, chosen, is_text=FORMATS[chosen].is_text)
    view = VIEWS["orders/{identifier}"]
    answer = asking.asked(settings, lambda questions: questions.order({}, order_id))
    write_answer(answer, Choice(view, view.tables[0]), chosen, target)
