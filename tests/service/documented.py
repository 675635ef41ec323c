"""Commands as a page of the documentation has them, run as they stand there."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from service.postgres.binaries import find_binaries
from tests.service.postgres_owner import ROOT
from tests.service.processes import environment

OPERATIONS = ROOT / "docs" / "operations.md"


def commands_under(heading: str, page: Path = OPERATIONS) -> str:
    """The indented lines between a heading and the next; KeyError where there are none."""
    lines: list[str] = []
    inside = False
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("#"):
            inside = line.lstrip("#").strip() == heading
        elif inside and line.startswith("    "):
            lines.append(line.removeprefix("    "))
    if not lines:
        raise KeyError(f"{page.name} has no commands under {heading!r}")
    return "\n".join(lines)


class Shell:
    """A shell in which `daybook` and PostgreSQL's programs are found, with variables that last."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        folder.mkdir()
        program = folder / "daybook"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service "$@"\n')
        program.chmod(0o700)
        path = os.pathsep.join([str(folder), str(find_binaries().folder), os.environ["PATH"]])
        self.variables = {**environment(), "PATH": path, **variables}

    def run(self, *headings: str) -> "subprocess.CompletedProcess[str]":
        """Run what stands under some headings, one after the other, until something fails."""
        script = "\n".join(["set -euo pipefail", *(commands_under(heading) for heading in headings)])
        return self.run_script(script)

    def run_script(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run a script."""
        return subprocess.run(
            ["/bin/bash", "-c", script], env=self.variables, capture_output=True, text=True, timeout=120, check=False
        )

    def succeed(self, *headings: str) -> str:
        """The same, which must succeed; what it printed."""
        done = self.run(*headings)
        assert done.returncode == 0, f"{headings}: {done.stdout}\n{done.stderr}"
        return done.stdout
