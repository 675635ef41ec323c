"""What is installed: both distributions are complete (building and installing them is `./run nightly wheels`)."""

import fnmatch
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from service import client
from service.cli import seed
from service.version import VERSION
from tests.service.postgres_owner import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CLIENT = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
#: Imports everything, and says what that brought along besides the standard library.
IMPORTING = """
import pkgutil, sys
import daybook_client
for module in pkgutil.walk_packages(daybook_client.__path__, "daybook_client."):
    __import__(module.name)
of_httpx2 = {"anyio", "certifi", "h11", "httpcore2", "idna", "sniffio", "truststore", "typing_extensions"}
found = {name.partition(".")[0]: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
installed = {name for name, file in found.items() if "site-packages" in file and not name.startswith("_")}
ours = {"domain", "projections", "service"} & set(found)
print(*sorted((installed | ours) - of_httpx2))
print(*sorted(daybook_client.__all__))
print(daybook_client.version.VERSION)
"""


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the client's package as it is distributed."""
    folder = tmp_path_factory.mktemp("client")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "client"))
        import_module("gathering").gather(folder)
    return folder


def test_every_package_of_the_project_is_in_the_wheel() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert set(WHEEL["packages"]) == packages
    for package in packages:
        assert (ROOT / package / "py.typed").exists()


def test_nothing_that_the_code_reads_is_left_out_of_the_wheel() -> None:
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line]
    assert WHEEL["exclude"] == ["service/client/generating.py"]
    read = [
        path
        for package in WHEEL["packages"]
        for path in (ROOT / package).rglob("*.*")
        if "__pycache__" not in str(path)
    ]
    suffixes = {path.suffix for path in read if path.is_file()}
    assert {".sql", ".json", ".csv", ".toml", ".md"} <= suffixes
    for path in read:
        parts = path.relative_to(ROOT).parts
        assert not [name for name in ignored if any(fnmatch.fnmatch(part, name) for part in parts)], path


def test_the_seed_lies_in_the_wheel_where_it_is_looked_for() -> None:
    ((source, target),) = WHEEL["force-include"].items()
    assert (ROOT / source).samefile(seed.SEED)
    assert ROOT / target == seed.SERVICE / "examples" / seed.SEED.name


def test_the_console_script_is_the_command_line() -> None:
    module, _, name = PROJECT["project"]["scripts"]["daybook"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_the_version_is_said_once() -> None:
    for project in (PROJECT, CLIENT):
        assert "version" not in project["project"]
        assert project["project"]["dynamic"] == ["version"]
    assert (ROOT / "service" / "version.py").read_text().count(VERSION) == 1


def test_the_licence_is_the_same_in_both() -> None:
    texts = {(folder / "LICENSE").read_text() for folder in (ROOT, ROOT / "client")}
    assert len(texts) == 1
    assert "Apache License" in texts.pop()
    assert {PROJECT["project"]["license"], CLIENT["project"]["license"]} == {"Apache-2.0"}


def test_the_client_needs_httpx_and_msgspec_alone(gathered: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(gathered)}
    command = [sys.executable, "-P", "-c", IMPORTING]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=gathered, check=True)
    packages, names, version = done.stdout.splitlines()
    assert packages.split() == ["httpx2", "msgspec"]
    assert [entry.partition(">")[0] for entry in CLIENT["project"]["dependencies"]] == ["httpx2", "msgspec"]
    assert names.split() == sorted(client.__all__)
    assert version == VERSION


def test_the_clients_package_speaks_of_itself_by_its_own_name(gathered: Path) -> None:
    for path in (gathered / "daybook_client").rglob("*.py"):
        assert not re.search(r"\bservice\.(?=\w)", path.read_text()), path
