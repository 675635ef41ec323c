"""Whole numbers at the command line: digits alone, as over HTTP."""

import click
import pytest
from click.testing import CliRunner

from service.cli.wholes import WholeRange


@click.command()
@click.option("--after", type=WholeRange(0, 99), default=7)
def command(after: int) -> None:
    """Say what was given."""
    click.echo(after)


@pytest.mark.parametrize("given", ["1_0", "01", "+1", "１０", "1e1", " 1", "", "100", "9" * 5_000])
def test_what_is_no_whole_number_is_wrong_usage(given: str) -> None:
    assert CliRunner().invoke(command, ["--after", given]).exit_code == 2


@pytest.mark.parametrize(("arguments", "said"), [(["--after", "10"], "10\n"), (["--after", "0"], "0\n"), ([], "7\n")])
def test_a_whole_number_is_read(arguments: list[str], said: str) -> None:
    assert CliRunner().invoke(command, arguments).output == said
