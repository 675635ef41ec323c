"""What the domain, the projections and the shapes may use: of the libraries, and of Python's own modules."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
#: What works on values alone: it asks no clock, no chance, no system and no network.
OF_VALUES = frozenset(
    (
        "base64", "bisect", "calendar", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum",
        "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "types",
        "typing", "unicodedata",
    )
)  # fmt: skip


class Means(NamedTuple):
    """What one room may use."""

    #: Its contract in pyproject.toml.
    contract: str
    libraries: frozenset[str]
    own: frozenset[str]


MEANS = {
    "domain": Means("the domain is pure", frozenset(("msgspec", "pydantic")), OF_VALUES),
    # They read their own statements from files, and guard one database among threads.
    "projections": Means(
        "projections know DuckDB and Arrow, nothing of the store or the web",
        # The domain's values are msgspec's; the likeliest spelling of a word is rapidfuzz's.
        frozenset(("duckdb", "msgspec", "pyarrow", "pydantic", "rapidfuzz")),
        OF_VALUES | {"contextvars", "pathlib", "threading"},
    ),
    "service/shapes": Means(
        "what is answered is said in terms of itself", frozenset(("msgspec",)), OF_VALUES | {"urllib"}
    ),
}
#: What of those modules asks the clock of the machine.
CLOCKS = frozenset(("datetime.now", "datetime.today", "datetime.utcnow", "date.today"))
#: Built-in functions that reach beyond what is given.
REACHING = frozenset(("open", "input", "print", "breakpoint", "exec", "eval", "compile", "__import__"))


def modules_of_dependencies() -> dict[str, set[str]]:
    """By the name of each library that the project depends on, the modules that it brings."""
    brought: dict[str, set[str]] = {}
    for module, libraries in packages_distributions().items():
        for library in libraries:
            brought.setdefault(_plain(library), set()).add(module)
    wanted = [_plain(re.split(r"[\[<>=;\s]", said)[0]) for said in PROJECT["project"]["dependencies"]]
    # Some packages bring along what is not theirs to bring, such as a folder of documentation.
    return {name: {one for one in brought[name] if _plain(one) == name} or brought[name] for name in wanted}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(source: str) -> Iterator[str]:
    """The topmost modules that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def reaches(source: str) -> Iterator[str]:
    """What a module calls that asks the machine's clock or reaches beyond what it is given."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and f"{_last(node.value)}.{node.attr}" in CLOCKS:
            yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REACHING:
            yield node.func.id


def _last(node: ast.expr) -> str:
    """The last word of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("room", MEANS)
def test_each_library_is_forbidden_to_a_pure_room_unless_it_is_its_own_means(room: str) -> None:
    means = MEANS[room]
    contracts = {one["name"]: one for one in PROJECT["tool"]["importlinter"]["contracts"]}
    forbidden = set(contracts[means.contract]["forbidden_modules"])
    for library, brought in modules_of_dependencies().items():
        assert brought <= forbidden | means.libraries, f"{library} is neither forbidden to {room} nor among its means"
    assert not forbidden & means.libraries


@pytest.mark.parametrize("room", MEANS)
def test_a_pure_room_uses_nothing_but_its_means(room: str) -> None:
    means = MEANS[room]
    ours = {"domain", "projections", "service"}
    for path in sorted((ROOT / room).rglob("*.py")):
        odd = set(imported(path.read_text("utf-8"))) - means.libraries - means.own - ours
        assert not odd, f"{path.relative_to(ROOT)} imports {', '.join(sorted(odd))}"


def test_the_domain_asks_no_clock_and_opens_nothing() -> None:
    for path in sorted((ROOT / "domain").rglob("*.py")):
        assert not list(reaches(path.read_text("utf-8"))), path.relative_to(ROOT)


@pytest.mark.parametrize(
    "line",
    ["import httpx2", "from httpx2 import get", "import socket", "import os.path", "def f():\n  import random"],
)
def test_what_is_no_means_of_the_domain_is_found(line: str) -> None:
    means = MEANS["domain"]
    assert set(imported(line)) - means.libraries - means.own


@pytest.mark.parametrize("line", ["datetime.now(UTC)", "date.today()", "open('facts')", "x = datetime.datetime.utcnow"])
def test_what_asks_a_clock_or_opens_a_file_is_found(line: str) -> None:
    assert list(reaches(line))


def test_what_is_pathless_clockless_and_without_chance_is_a_means() -> None:
    impure = {
        "asyncio", "multiprocessing", "os", "pathlib", "random", "secrets", "socket", "subprocess", "tempfile",
        "threading", "time", "urllib",
    }  # fmt: skip
    assert impure <= set(sys.stdlib_module_names)
    assert not impure & OF_VALUES
    assert set(sys.stdlib_module_names) >= OF_VALUES
