"""The page of the command line says what the code says."""

import re

import click
import pytest
from click.testing import CliRunner

from service.cli import exits, refusals
from service.cli.commands import Later
from service.cli.main import main
from service.cli.query import query
from tests.service.postgres_owner import ROOT

PAGE = (ROOT / "docs" / "command-line.md").read_text()


def section(title: str) -> str:
    """What stands below a heading, up to the next."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_exit_code_is_on_the_page_with_its_meaning() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", section("Exit codes"), re.MULTILINE))
    assert {int(code): text for code, text in rows.items()} == exits.MEANINGS


def test_an_exception_ends_a_command_with_one_code_that_has_a_meaning() -> None:
    kinds = [kind for kinds, _ in refusals.EXITS for kind in (kinds if isinstance(kinds, tuple) else (kinds,))]
    assert len(kinds) == len(set(kinds))
    assert {code for _, code in refusals.EXITS} <= set(exits.MEANINGS)


@pytest.mark.parametrize(("group", "text"), [(main, PAGE), (query, section("Asking"))], ids=["commands", "questions"])
def test_every_command_is_on_the_page(group: click.Group, text: str) -> None:
    named = set(re.findall(r"`([a-z-]+)(?: ID)?`", " ".join(re.findall(r"^\| (`.+?) \|", text, re.MULTILINE))))
    assert set(group.commands) <= named


def test_what_the_page_shows_is_understood() -> None:
    for line in re.findall(r"^    daybook (query .+)$", PAGE, re.MULTILINE):
        name, *options = line.split()[1:]
        command = query.commands[name]
        assert not isinstance(command, Later)
        command.make_context(name, options)


def test_a_group_without_a_command_lists_what_there_is() -> None:
    done = CliRunner().invoke(main, ["query"])
    assert done.exit_code == 2
    assert "evidence" in done.output
