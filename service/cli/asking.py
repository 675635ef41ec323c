"""Answering one question from the command line."""

from collections.abc import Callable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.cli import tables
from service.daybook import open_daybook
from service.questions import Questions
from service.settings import Settings


def asked(settings: Settings, ask: Callable[[Questions], dict[str, Any]]) -> dict[str, Any]:
    """Answer one question, with a progress bar while the projection is brought up to the ledger."""
    columns = (TextColumn("reading the ledger"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=tables.messages(), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def advance(position: int, head: int) -> None:
            bar.update(task, completed=position, total=head, visible=True)

        with open_daybook(settings, follow=False, progress=advance) as daybook:
            return ask(Questions(daybook, settings.wait_s))
