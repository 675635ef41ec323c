"""What `./run` says to somebody who does not name a program that there is, and whether those that it names begin."""

import importlib
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HUNTS = ["bench", "faults", "fuzz", "ledgers", "wheels"]
MEASUREMENTS = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))


def run(*arguments: str) -> tuple[int, str]:
    """Exit code, and what is said on stderr."""
    done = subprocess.run([ROOT / "run", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "arguments", [("nightly",), ("nightly", "nothing"), ("bench", "nothing"), ("bench", "asking", "nothing", "--quick")]
)
def test_where_no_program_there_is_is_named_those_there_are_are_listed(arguments: tuple[str, ...]) -> None:
    code, said = run(*arguments)
    names = [line.split()[0] for line in said.splitlines()[1:]]
    assert (code, names) == (64, HUNTS if arguments[0] == "nightly" else MEASUREMENTS)
    assert all(len(line.split()) > 3 for line in said.splitlines())


def test_who_asks_which_programs_there_are_made_no_mistake() -> None:
    assert run("bench", "--help")[0] == run("nightly", "--help")[0] == 0


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_finds_what_it_measures(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").measure)
