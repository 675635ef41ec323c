"""Answering one question from the command line."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.asking.questions import Questions
from service.cli import tables
from service.daybook import open_daybook
from service.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Questions]:
    """The ledger to ask, with a progress bar while its projection is brought up to it."""
    columns = (TextColumn("reading the ledger"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        with Progress(*columns, console=tables.messages(), transient=True) as bar:
            task = bar.add_task("", total=None, visible=False)

            def advance(position: int, head: int) -> None:
                bar.update(task, completed=position, total=head, visible=True)

            daybook = stack.enter_context(open_daybook(settings, follow=False, progress=advance))
        yield Questions(daybook, settings.wait_s)


def asked(settings: Settings, ask: Callable[[Questions], dict[str, Any]]) -> dict[str, Any]:
    """Answer one question."""
    with opened(settings) as questions:
        return ask(questions)
