"""The demonstration: a ledger that lasts as long as it, the answers, and a service on this machine alone."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from service.asking.questions import Questions
from service.cli import seed, tables
from service.cli.wholes import WholeRange
from service.daybook import Daybook, open_daybook
from service.settings import Settings

#: The page on which the demonstration begins.
STORY = "/?buyer=baidu&measure=units&captive=exclude&effective_on=2023-08-31&known_on=2023-11-08"


@click.command()
@click.option("--no-serve", is_flag=True, help="Print the answers and end.")
@click.option("--port", type=WholeRange(0, 65535), default=8000, show_default=True, help="0: any free port.")
@click.option("--json", "as_json", is_flag=True, help="The answers as JSON.")
@click.pass_obj
def demo(settings: Settings, /, no_serve: bool, port: int, as_json: bool) -> None:
    """Answer the first question on a ledger of its own, then serve it on this machine alone."""
    if no_serve:
        demonstrate(settings, as_json=as_json)
        return
    # What serves is imported where something is served.
    from service.cli.serving import listen, serve
    from service.web.entry.access import Access

    listener = listen("127.0.0.1", port)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def go_on(daybook: Daybook, own: Settings) -> None:
        notes = tables.messages()
        notes.print(f"the story: {base}{STORY}", highlight=False, soft_wrap=True)
        notes.print(f"try: curl '{base}/api/v1/views/vendor-dependence?buyer=baidu'", highlight=False)
        notes.print("what you record here is gone when it ends (Ctrl-C)", highlight=False)
        serve(daybook, own, listener, Access(open=True))

    demonstrate(settings, go_on, as_json=as_json)


def demonstrate(settings: Settings, go_on: Callable[[Daybook, Settings], None] | None = None, *, as_json: bool) -> None:
    """Record the seed in a ledger that lasts as long as the demonstration, print the answers, then go on with it."""
    notes = tables.messages()
    with tempfile.TemporaryDirectory(prefix="daybook-demo-") as home:
        notes.print("starting a database of its own ...")
        fresh = {"home": Path(home), "database_url": None, "origin": "demo", "log_requests": False, "signing_key": None}
        own = settings.model_copy(update=fresh)
        with open_daybook(own) as daybook:
            count = seed.record_seed(daybook)
            notes.print(f"recorded {count} events of examples/{seed.SEED.name}", highlight=False)
            questions = Questions(daybook, own.wait_s)
            answers, exposures = seed.answers(questions), seed.exposures(questions)
            if as_json:
                click.echo(seed.as_json([*answers, *exposures]))
            else:
                out = tables.console()
                for words, answer in answers:
                    out.print(tables.dependence(answer, words), "")
                for words, answer in exposures:
                    out.print(tables.exposure(answer, words), "")
            if go_on is not None:
                go_on(daybook, own)
