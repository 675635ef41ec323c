"""What CONTRIBUTING.md says of adding an event type, a view and an importer: done as it says, in a copy, and used."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from service.postgres.embedded import EmbeddedPostgres
from tests.architecture import using
from tests.architecture.worked import worked
from tests.service.postgres_owner import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DATABASE = "of_the_joining"
#: What the code needs of the project, and what the blocks of the page change.
COPIED = ("domain", "projections", "service", "docs")
TABLE = re.compile(r"<!-- assessments.csv -->\n((?:    .*\n)+)")


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project to which the examples are added."""
    copy = tmp_path_factory.mktemp("joined")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for block in worked(PAGE):
        block.apply(copy)
    yield copy
    shutil.rmtree(copy)


@contextmanager
def empty_database(server: EmbeddedPostgres) -> Iterator[str]:
    """A database with nothing in it, for as long as the block."""
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(name))
        yield server.conninfo_of(DATABASE)
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


def run(copy: Path, *arguments: str) -> str:
    """What a program of Python says that runs in the copy; it must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**kept, "PYTHONPATH": str(copy), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_what_the_examples_add_is_written_as_the_rest(joined: Path) -> None:
    run(joined, "-m", "ruff", "check", "--no-cache", *COPIED)
    run(joined, "-m", "ruff", "format", "--no-cache", "--check", *COPIED)
    typed = sorted({block.path for block in worked(PAGE) if block.path.endswith(".py")})
    run(joined, "-m", "mypy", "--cache-dir", os.devnull, *typed)


def test_what_the_examples_add_is_recorded_asked_described_and_imported(
    joined: Path, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    table = TABLE.search(PAGE)
    assert table is not None
    file = tmp_path / "assessments.csv"
    file.write_text(textwrap.dedent(table[1]))
    run(joined, "-m", "service.client.generating")
    with empty_database(postgres_server) as database:
        run(joined, using.__file__, database, str(tmp_path / "home"), str(file))


def test_each_example_costs_the_files_that_the_page_names() -> None:
    costs = {}
    for section in re.split(r"\n## (?=Adding )", PAGE)[1:]:
        costs[section.partition("\n")[0]] = sorted({block.path for block in worked(section)})
    assert costs == {
        "Adding an event type": [
            "docs/api.md",
            "domain/organizations.py",
            "projections/event_index.sql",
            "projections/ingest.sql",
            "projections/schema.sql",
            "service/audit/verifier.py",
        ],
        "Adding a view": [
            "docs/api.md",
            "docs/command-line.md",
            "projections/supplier_assessments.py",
            "projections/supplier_assessments.sql",
            "service/asking/views.py",
            "service/shapes/answers.py",
        ],
        "Adding an importer": [
            "docs/importing.md",
            "service/importing/assessments.py",
            "service/importing/formats.py",
        ],
    }
