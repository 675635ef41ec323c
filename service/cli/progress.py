"""How far a command is, on stderr where that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.cli import tables
from service.home import provide
from service.postgres.folder import PostgresFolder
from service.settings import Settings

#: Called with how much is done, and of how much; None: that is not known.
OnProgress = Callable[[int, int | None], None]


def say_what_is_made(settings: Settings) -> None:
    """Say that a database is made, which takes its time, where this is the first use of a home without another.

    Raises HomeUnusable.
    """
    provide(settings.home)
    if settings.database_url is None and not PostgresFolder.below(settings.home).holds_data:
        # Where nobody can be told, it is made all the same.
        with suppress(OSError):
            tables.messages().print(f"making a database in {settings.home} (once) ...", highlight=False)


@contextmanager
def progress_bar(what: str, *, shown: bool = True) -> Iterator[OnProgress]:
    """A progress bar on stderr, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = tables.messages()
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(what, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
