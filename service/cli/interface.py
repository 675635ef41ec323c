"""The description of the HTTP interface, printed."""

import json

import click

from service.web.description.openapi import document


@click.command()
def openapi() -> None:
    """Print the description of the HTTP interface (OpenAPI 3.1)."""
    click.echo(json.dumps(document(), ensure_ascii=False, indent=2))
