"""Groups whose commands are imported when they are called: each call needs a small part of the program."""

from importlib import import_module

import click


class Later(click.Command):
    """Stands for a command until it is called: its name and what the list of commands says of it."""

    def __init__(self, name: str, place: str, short_help: str) -> None:
        """`place`: its module and what it is called there, such as service.cli.query:query."""
        super().__init__(name, short_help=short_help)
        self.place = place

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class LazyGroup(click.Group):
    """A group that lists its commands without importing them, and imports the one that is called."""

    def add_later(self, *commands: Later) -> None:
        """Add commands that are imported when they are called."""
        for command in commands:
            self.add_command(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The name of the command that is called, the command, and its arguments."""
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            names = self.list_commands(ctx)
            message = f"{error.message} There are: {', '.join(names)}."
            raise click.exceptions.NoSuchCommand(error.command_name, message, names, ctx) from None
        return name, command.load() if isinstance(command, Later) else command, rest
