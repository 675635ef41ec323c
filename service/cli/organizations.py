"""What is to be done about organisations, at the terminal."""

import click

from service.cli.commands import LazyGroup
from service.cli.query import query


@click.group(cls=LazyGroup)
def organizations() -> None:
    """What is to be done about the register of organisations: records that may be two of one."""


organizations.add_command(query.commands["likely-duplicates"], "duplicates")
