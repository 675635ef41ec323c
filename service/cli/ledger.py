"""The ledger and its projection: making them, printing what is recorded, saying how far they are."""

import sys

import click

from projections.engine import fingerprint
from service.cli import tables
from service.cli.asking import asked
from service.cli.progress import say_what_is_made
from service.cli.wholes import WholeRange
from service.daybook import open_daybook
from service.following.projection_files import remove_projections
from service.settings import Settings
from service.storing.ledger import EventFilter

PAGE_EVENTS = 5_000


@click.command()
@click.option("--origin", help="The ledger's name, fixed for ever (default: daybook).")
@click.pass_obj
def init(settings: Settings, /, origin: str | None) -> None:
    """Make a ledger, or bring an existing one to this version's schema."""
    say_what_is_made(settings)
    named = settings if origin is None else settings.model_copy(update={"origin": origin})
    with open_daybook(named, follow=False) as daybook:
        click.echo(f"ledger {daybook.origin} at position {daybook.follower.position}")


@click.command()
@click.option("--after", type=WholeRange(0), default=0, help="Start behind this position.")
@click.option("--limit", type=WholeRange(1), help="At most so many.")
@click.option("--type", "types", multiple=True, help="Only this event type; repeat for several.")
@click.option("--stream", "streams", multiple=True, help="Only this stream, e.g. order/po-1.")
@click.pass_obj
def events(
    settings: Settings, /, after: int, limit: int | None, types: tuple[str, ...], streams: tuple[str, ...]
) -> None:
    """The recorded events, one a line, byte for byte as they are stored."""
    output = sys.stdout.buffer
    with open_daybook(settings, follow=False) as daybook:
        left = limit
        while left is None or left > 0:
            page = PAGE_EVENTS if left is None else min(left, PAGE_EVENTS)
            rows = daybook.ledger.recorder.rows_after(after, page, wanted=EventFilter(types, streams))
            output.write(b"".join(row.state + b"\n" for row in rows))
            if len(rows) < page:
                break
            after = rows[-1].position
            left = None if left is None else left - len(rows)


@click.group()
def projection() -> None:
    """The views' own database, which can be made anew at any time."""


@projection.command()
@click.pass_obj
def status(settings: Settings, /) -> None:
    """How far the projection is."""
    with open_daybook(settings, follow=False) as daybook:
        click.echo(f"position {daybook.follower.position}, made by {fingerprint()}")


@projection.command()
@click.pass_obj
def rebuild(settings: Settings, /) -> None:
    """Make the projection anew from the first event, by the same statements."""
    removed, held = remove_projections(settings.home)
    if held:
        tables.messages().print(f"{held} in use by other processes: left as they are", highlight=False)
    answer = asked(settings, lambda questions: {"position": questions.daybook.follower.position})
    click.echo(f"rebuilt up to position {answer['position']} ({removed} removed before)")
