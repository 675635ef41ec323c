"""The commands."""

from pathlib import Path
from typing import Any

import click

from service.cli.commands import Later, LazyGroup
from service.cli.exits import OK, drop_output, ended_by_sigterm, printing, read_or_not, translated
from service.version import VERSION

#: Commands that do something, and whose exit code says whether they did: what they print beside it may be lost.
DOING = frozenset(("demo", "import", "init", "restore", "serve", "upgrade"))


class CommandLine(LazyGroup):
    """The command line as a whole; an exception that has an exit code becomes it."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Read the arguments, and run a command."""
        with printing(), translated():
            return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments; --help and --version print, and end the program."""
        with read_or_not(with_messages=False):
            return super().make_context(*args, **extra)
        raise click.exceptions.Exit(OK)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The name of the command that is called, the command, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in DOING:
            drop_output()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with ended_by_sigterm(), read_or_not(with_messages=False):
            return super().invoke(ctx)
        return None


class Home(click.Path):
    """A folder that has a name: an empty one, of a variable that is not set, would be the folder one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; click.BadParameter for an empty one."""
        if value == "":
            self.fail("is empty: name a folder", param, ctx)
        return super().convert(value, param, ctx)


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="daybook")
@click.option("--home", type=Home(path_type=Path, file_okay=False), help="Folder of this ledger.")
@click.option("--verbose", is_flag=True, help="Say more on stderr.")
@click.pass_context
def main(context: click.Context, home: Path | None, verbose: bool) -> None:
    """Daybook: who depends on whom, on any day, knowing what."""
    import logging

    from service.observing import logs
    from service.settings import read_settings

    settings = read_settings(home)
    logs.configure(logging.INFO if verbose else logging.WARNING, settings.log_format)
    context.obj = settings


main.add_later(
    Later("checkpoint", "service.cli.log:checkpoint", "Print the last checkpoint: what the log says of itself."),
    Later("completion", "service.cli.completion:completion", "Print what makes a shell complete commands."),
    Later("demo", "service.cli.demo:demo", "Answer the first questions on a ledger of its own, and serve it."),
    Later("doctor", "service.cli.doctor:doctor", "Say what is wrong with this installation."),
    Later("events", "service.cli.ledger:events", "The recorded events, one a line, as they are stored."),
    Later("export", "service.cli.exporting:export", "Write files for other tools, or the whole ledger."),
    Later("import", "service.cli.importing:import_", "Record what a file says."),
    Later("init", "service.cli.ledger:init", "Make a ledger, or bring one to this version's schema."),
    Later("mapping", "service.cli.mapping:mapping", "Suggest what the columns of a table mean."),
    Later("openapi", "service.cli.interface:openapi", "Print the description of the HTTP interface."),
    Later(
        "organizations", "service.cli.organizations:organizations", "Records of organisations that may be two of one."
    ),
    Later("projection", "service.cli.ledger:projection", "The views' own database: its state; make it anew."),
    Later("proof", "service.cli.log:proof", "Prove that an event is in the log, or that the log only grew."),
    Later("query", "service.cli.query:query", "Ask a view as of any time."),
    Later("replay", "service.cli.audit:replay", "Build every projection anew, and compare the answers."),
    Later("reporting", "service.cli.reporting:reporting", "Tables for programs that make reports of tables."),
    Later("restore", "service.cli.archiving:restore_", "Make a ledger again from an archive."),
    Later("serve", "service.cli.serving:serve_", "Serve the ledger over HTTP."),
    Later("sync", "service.cli.syncing:sync", "Record what is different on a day, as a file says."),
    Later("token", "service.cli.token:token", "Who may use the HTTP service: tokens, each with a role."),
    Later("upgrade", "service.cli.upgrade:upgrade_", "Carry the embedded database over to a newer PostgreSQL."),
    Later("verify", "service.cli.verify:verify", "Hold the ledger against its log and every checkpoint."),
)
