"""What a command imports before it does anything: counted in modules, which no busy machine changes."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from service.cli.commands import Later
from service.cli.exporting import export
from service.cli.main import main

#: What takes its time to import.
HEAVY = {
    "cryptography",
    "duckdb",
    "eventsourcing",
    "fastapi",
    "httpx2",
    "jsonschema",
    "jwt",
    "limits",
    "msgspec",
    "ocdsmerge",
    "openpyxl",
    "opentelemetry",
    "psycopg",
    "pyarrow",
    "pycountry",
    "pydantic",
    "pydantic_settings",
    "rich",
    "structlog",
    "uvicorn",
}
#: What no question needs, nor what is recorded from a file of events.
OF_SERVING = {"fastapi", "httpx2", "jsonschema", "jwt", "limits", "ocdsmerge", "openpyxl", "opentelemetry", "uvicorn"}
PROGRAM = """
import sys
{what}
print(*{{name.partition(".")[0] for name in sys.modules}})
print(*(name for name in sys.modules if name.startswith(("domain", "projections", "service"))))
"""


def imported(what: str) -> tuple[set[str], set[str]]:
    """The packages that a program has imported at its end, and our own modules of them."""
    command = [sys.executable, "-c", PROGRAM.format(what=what)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, packages, own = done.stdout.splitlines()
    return set(packages.split()), set(own.split())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"]])
def test_the_version_and_the_list_of_commands_cost_click_alone(arguments: list[str]) -> None:
    call = f"from service.cli.main import main\ntry: main({arguments})\nexcept SystemExit: pass"
    packages, own = imported(call)
    assert "click" in packages
    assert not packages & HEAVY
    assert own <= {
        "service",
        "service.version",
        "service.cli",
        "service.cli.main",
        "service.cli.commands",
        "service.cli.exits",
    }


@pytest.mark.parametrize("module", ["query", "ledger", "demo"])
def test_a_question_imports_nothing_that_only_serving_or_other_files_need(module: str) -> None:
    packages, own = imported(f"import service.cli.{module}, service.settings, service.observing.logs")
    assert not packages & OF_SERVING
    assert not {name for name in own if name.startswith(("service.web", "service.importing.orders", "service.ocds"))}


def laters(group: click.Group) -> list[Later]:
    """The commands of a group that are imported when they are called."""
    return [command for command in group.commands.values() if isinstance(command, Later)]


@pytest.mark.parametrize("later", [*laters(main), *laters(export)], ids=lambda later: str(later.name))
def test_every_command_that_is_listed_is_there(later: Later) -> None:
    command = later.load()
    assert command.name == later.name
    assert command.callback is not None
    assert later.short_help
    # In a line of 80 columns, behind the longest name.
    assert len(later.short_help) <= 66


def test_a_command_that_is_not_there_is_answered_with_one_that_is() -> None:
    done = CliRunner().invoke(main, ["imprt"])
    assert done.exit_code == 2
    assert "import" in done.stderr.partition("imprt")[2]
