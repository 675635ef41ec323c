"""The commands."""

import logging
import socket
from pathlib import Path
from typing import Any

import click

from service.cli import (
    archiving,
    audit,
    doctor,
    exporting,
    importing,
    interface,
    log,
    query,
    serving,
    token,
    upgrade,
    verify,
)
from service.cli.exits import ended_by_sigterm, translated
from service.cli.wholes import WholeRange
from service.daybook import open_daybook
from service.observing import logs
from service.settings import Settings, read_settings
from service.version import VERSION


class Daybook(click.Group):
    """The command line as a whole; an exception that has an exit code becomes it."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        with translated(), ended_by_sigterm():
            return super().invoke(context)


@click.group(cls=Daybook, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="daybook")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of this ledger.")
@click.option("--verbose", is_flag=True, help="Say more on stderr.")
@click.pass_context
def main(context: click.Context, home: Path | None, verbose: bool) -> None:
    """Daybook: who depends on whom, on any day, knowing what."""
    settings = read_settings(home)
    logs.configure(logging.INFO if verbose else logging.WARNING, settings.log_format)
    context.obj = settings


@main.command()
@click.option("--origin", help="The ledger's name, fixed for ever (default: daybook).")
@click.pass_obj
def init(settings: Settings, origin: str | None) -> None:
    """Make a ledger, or bring an existing one to this version's schema."""
    named = settings if origin is None else settings.model_copy(update={"origin": origin})
    with open_daybook(named, follow=False) as daybook:
        click.echo(f"ledger {daybook.origin} at position {daybook.follower.position}")


@main.command()
@click.option("--port", type=WholeRange(0, 65535), default=8000, show_default=True, help="0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.pass_obj
def serve(settings: Settings, port: int, host: str) -> None:
    """Serve the ledger over HTTP until told to stop."""
    listener = listen(host, port)
    with open_daybook(settings) as daybook:
        serving.serve(daybook, settings, listener, serving.access(settings, daybook))


@main.command()
@click.option("--no-serve", is_flag=True, help="Print the answers and end.")
@click.option("--port", type=WholeRange(0, 65535), default=8000, show_default=True, help="0: any free port.")
@click.option("--json", "as_json", is_flag=True, help="The answers as JSON.")
@click.pass_obj
def demo(settings: Settings, no_serve: bool, port: int, as_json: bool) -> None:
    """Answer the first question on a ledger of its own, then serve it on this machine alone."""
    serving.demo(settings, None if no_serve else listen("127.0.0.1", port), as_json=as_json)


def listen(host: str, port: int) -> socket.socket:
    """A listening address, before anything else is started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048, reuse_port=False)
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


main.add_command(query.query)
main.add_command(query.events)
main.add_command(query.projection)
main.add_command(importing.import_)
main.add_command(token.token)
main.add_command(log.checkpoint)
main.add_command(log.proof)
main.add_command(doctor.doctor)
main.add_command(exporting.export)
exporting.export.add_command(audit.bundle)
main.add_command(audit.replay)
main.add_command(archiving.restore_)
main.add_command(verify.verify)
main.add_command(upgrade.upgrade_)
main.add_command(interface.openapi)
