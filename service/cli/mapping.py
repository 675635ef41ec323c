"""Mappings for tables of order lines."""

import contextlib
from pathlib import Path
from typing import BinaryIO

import click

from service.cli import exits
from service.cli.importing import seekable
from service.importing.reading.apart import ReaderBounds, suggested
from service.importing.rows import BadFile
from service.settings import Settings


@click.group()
def mapping() -> None:
    """What the columns of a table of order lines mean."""


@mapping.command()
@click.argument("file", type=click.File("rb"))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A new file, for the mapping.")
@click.option("--name", help="What the file is called, if it comes through a pipe: its events' ids begin so.")
@click.pass_obj
def suggest(settings: Settings, /, file: BinaryIO, output: Path | None, name: str | None) -> None:
    """Suggest a mapping for a FILE (- for stdin), which a dry run then shows to be right or wrong:
    its encoding, header, forms of dates and numbers, and what its columns seem to be.
    """
    if output is not None and output.exists():
        raise click.UsageError(f"{output} is there already, and may have been worked on: choose another name")
    called = name or Path(getattr(file, "name", "table")).name
    called = "table" if called in ("<stdin>", "-") else called
    with contextlib.ExitStack() as stack:
        try:
            content = suggested(stack.enter_context(seekable(file)), called, ReaderBounds.of(settings.import_memory_mb))
        except BadFile as bad:
            for fault in bad.faults:
                click.echo(f"daybook: {called}: line {fault.line}: {fault.message}", err=True)
            raise click.exceptions.Exit(exits.USAGE) from None
    if output is None:
        exits.print_result(content.removesuffix("\n"))
    else:
        with output.open("x", encoding="utf-8") as written:
            written.write(content)
        click.echo(
            f"daybook: {output}: written; daybook import {called} --mapping {output} --dry-run shows it", err=True
        )
