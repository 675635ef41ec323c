"""Reports: plain tables of what the ledger comes to, for programs that make reports of tables."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import click
import psycopg

from service.asking.questions import Questions
from service.cli import tables
from service.cli.commands import LazyGroup
from service.cli.progress import progress_bar
from service.cli.wholes import WholeRange
from service.daybook import open_daybook
from service.following.follower import Lagging
from service.postgres.database import database
from service.reporting.contents import MOST_MONTHS, USUAL_MONTHS, ReportWish
from service.reporting.postgres import PublishedReports, let_read, publish
from service.running.attempts import reason_of
from service.settings import Settings
from service.storing.ledger import Unreachable

Publish = Callable[[], PublishedReports]
#: Seconds that a report is kept at least before it is made again.
LEAST_EVERY_S = 1
#: How long the views may take to read what is recorded.
VIEWS_WAIT_S = 3_600.0


@click.group(cls=LazyGroup)
def reporting() -> None:
    """Tables for Power BI, Metabase, Grafana, spreadsheets: in the database, or as files."""


@reporting.command("publish")
@click.option("--into", type=click.Path(path_type=Path), help="A file NAME.duckdb, or a folder for Parquet files.")
@click.option("--every", type=WholeRange(LEAST_EVERY_S, 86_400), metavar="SECONDS", help="Keep on, and look so often.")
@click.option("--currency", default="USD", show_default=True, help="Of dependence and exposure.")
@click.option(
    "--months", type=WholeRange(1, MOST_MONTHS), default=USUAL_MONTHS, show_default=True, help="Of dependence."
)
@click.option("--buyer", "buyers", multiple=True, help="Dependence of this buyer, too; repeat for several.")
@click.option("--effective-on", help="As of this day (default: today).")
@click.option("--known-on", help="What could be known on this day.")
@click.option("--position", help="What was recorded up to this position.")
@click.option("--grant", "role", metavar="ROLE", help="Let this role of the database read the reports, and no more.")
@click.pass_obj
def publish_(
    settings: Settings,
    /,
    into: Path | None,
    every: int | None,
    currency: str,
    months: int,
    buyers: tuple[str, ...],
    role: str | None,
    **clocks: str | None,
) -> None:
    """Fill the schema reporting of the ledger's database, or the files of --into, as of now.

    Readers see the tables of before or those of now, never a part. What is level already is left as it is.
    """
    given = {name: value for name, value in clocks.items() if value is not None}
    if every is not None and given:
        raise click.UsageError(
            f"--every keeps reports as of now: it goes without --{next(iter(given)).replace('_', '-')}"
        )
    if into is not None and role is not None:
        raise click.UsageError("--grant is about the database: files go to whoever may read them")
    if role is not None and settings.database_url is None:
        raise click.UsageError("--grant: the embedded server lets nobody in but this user: take --into, or HTTP")
    wish = ReportWish(currency, months, buyers, given)
    with ExitStack() as stack:
        with progress_bar("reading the ledger") as on_progress:
            daybook = stack.enter_context(open_daybook(settings, follow=every is not None, progress=on_progress))
        # Views that are far behind are waited for: nobody else waits for this.
        questions = Questions(daybook, VIEWS_WAIT_S)
        if role is not None:
            let_read(stack.enter_context(database(settings)), role)

        def once() -> PublishedReports:
            if into is None:
                return publish(daybook.ledger.connection_settings, questions, wish)
            from service.reporting.files import publish_into

            return publish_into(into, questions, wish)

        _say(once(), into)
        with suppress(KeyboardInterrupt):
            while every is not None:
                time.sleep(every)
                publish_again(lambda: _say(once(), into))


def publish_again(publishing: Callable[[], None]) -> None:
    """Publish; where the database is away or busy, say so: it is tried again the next time."""
    try:
        publishing()
    except (Lagging, psycopg.OperationalError, *Unreachable) as error:
        tables.messages().print(f"not published this time: {reason_of(error)}", highlight=False)


def _say(done: PublishedReports, into: Any) -> None:
    place = "the schema reporting" if into is None else str(into)
    moment = f"position {done.position:,}, {done.effective_on}"
    if not done.rows:
        tables.messages().print(f"{place} is level: {moment}", highlight=False)
        return
    rows = ", ".join(f"{count:,} {name}" for name, count in done.rows.items())
    tables.messages().print(f"{place} is as of {moment}: {rows}", highlight=False)
