"""Syncing an extract, which says how things stand on a day."""

from datetime import date, datetime
from typing import BinaryIO

import click

from service.cli.importing import name_of, record_file
from service.cli.rehearsals import Rehearsal
from service.importing.formats import FORMATS, ORDERS
from service.importing.orders.extracts.writing import Missing
from service.importing.plans import Summary
from service.importing.reading.messages import ExtractTask
from service.importing.streaming import Options
from service.settings import Settings


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--mapping", required=True, metavar="FILE|NAME", help="What the columns mean (mapping suggest writes one)."
)
@click.option(
    "--as-of",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="The day on which things stand as the file says.",
)
@click.option("--format", "format_name", type=click.Choice(ORDERS), help="What the file is. Default: as it begins.")
@click.option(
    "--missing",
    type=click.Choice(("report", "cancel")),
    default="report",
    show_default=True,
    help="What becomes of orders that earlier extracts had and this one has not.",
)
@click.option("--correct", is_flag=True, help="What differs has always been as the file has it: retract and replace.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and record nothing.")
@click.option("--allow-older", is_flag=True, help="Take a file that is older than the last one of its scope.")
@click.option("--confirm-missing", is_flag=True, help="Take a file without a scope that lacks more than a fifth.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
@click.pass_obj
def sync(
    settings: Settings,
    /,
    file: BinaryIO,
    mapping: str,
    as_of: datetime,
    format_name: str | None,
    missing: Missing,
    correct: bool,
    dry_run: bool,
    allow_older: bool,
    confirm_missing: bool,
    as_json: bool,
) -> None:
    """Record what is different on a day: a FILE of order lines (- for stdin) says how they stand.

    New orders are placed. What has changed of others, in quantity, amount, receipts or status, becomes facts of that
    day, and so do a supplier's name, country and parent. Syncing a file twice records nothing twice, so that what
    broke off is simply run again.
    """
    rehearsal = Rehearsal()
    click.get_current_context().call_on_close(rehearsal.close)
    day: date = as_of.date()
    listed = rehearsal.take if dry_run else None
    summary = Summary(name_of(file), format_name or "", 0, dry_run, day, rehearsed=listed)
    task = ExtractTask(day, missing, correct, allow_older, confirm_missing)

    def refuse() -> None:
        if not FORMATS[summary.format].mapped:
            raise click.UsageError(f"{summary.file} is of format {summary.format}, and no table of order lines")

    options = Options(dry_run, mapping=mapping, extract=task)
    record_file(settings, file, summary, options, rehearsal, refuse, as_json=as_json)
