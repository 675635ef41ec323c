"""Shells complete commands and options."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.completion import SHELLS, VARIABLE
from service.cli.main import main
from tests.service.postgres_owner import ROOT


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_asks_the_command(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("line", "found"), [("daybook im", "import"), ("daybook export bu", "bundle"), ("daybook serve --po", "--port")]
)
def test_bash_completes_commands_and_options(tmp_path: Path, line: str, found: str) -> None:
    program = tmp_path / "daybook"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service "$@"\n')
    program.chmod(0o755)
    words = line.split()
    script = (
        'eval "$(daybook completion bash)"\n'
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        f'_daybook_completion daybook "{words[-1]}"; echo "${{COMPREPLY[@]}}"'
    )
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    environment = {**os.environ, **path}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert found in done.stdout.split()
