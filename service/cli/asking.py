"""Answering one question from the command line."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from service.asking.comparisons import Comparisons
from service.asking.questions import Questions
from service.cli.progress import progress_bar
from service.daybook import open_daybook
from service.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Questions]:
    """The ledger to ask, with a progress bar while its projection is brought up to it."""
    with ExitStack() as stack:
        # Gone before anything is printed, which it would be drawn into.
        with progress_bar("reading the ledger") as on_progress:
            daybook = stack.enter_context(open_daybook(settings, follow=False, progress=on_progress))
        yield Questions(daybook, settings.wait_s)


@contextmanager
def answered(settings: Settings) -> Iterator[tuple[Questions, Comparisons]]:
    """The ledger to ask, of one moment and of several."""
    with opened(settings) as questions:
        yield questions, Comparisons(questions.daybook, settings.wait_s)


def asked(settings: Settings, ask: Callable[[Questions], dict[str, Any]]) -> dict[str, Any]:
    """Answer one question."""
    with opened(settings) as questions:
        return ask(questions)
