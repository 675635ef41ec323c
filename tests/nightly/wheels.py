"""Builds both distributions, installs each in an empty environment, and uses it from another folder.

./run nightly wheels      pip fetches what they need as it is set up to; it may take minutes
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.service.postgres_owner import ROOT

#: Uses every module, and says which packages it has brought along.
CLIENT = """
import sys
from daybook_client import AsyncClient, Client
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"domain", "projections", "service", "duckdb"}))
"""


def main() -> int:
    """Build, install, use; exit 1 where something does not work."""
    with tempfile.TemporaryDirectory(prefix="daybook-wheels-") as place:
        folder = Path(place)
        for name, source in (("daybook", ROOT), ("daybook_client", ROOT / "client")):
            _say(f"building {name}")
            _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", place, str(source))
            (wheel,) = folder.glob(f"{name}-*.whl")
            _say(f"installing {wheel.name}")
            venv.create(folder / name, with_pip=True)
            _run(str(folder / name / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel))
        home = {"HOME": place, "DAYBOOK_HOME": str(folder / "home")}
        daybook = str(folder / "daybook" / "bin" / "daybook")
        _say("asking the questions of the demonstration")
        answers = json.loads(_run(daybook, "demo", "--no-serve", "--json", **home))
        assert answers
        assert all("resolved" in answer for answer in answers)
        for name, file in (("scms", "SCMS_Delivery_History_Dataset.csv.gz"), (None, "ocds-paraguay.jsonl.gz")):
            _say(f"importing {file}")
            mapping = ("--mapping", name) if name else ()
            done = _run(daybook, "import", str(ROOT / "examples" / file), *mapping, "--dry-run", "--json", **home)
            assert json.loads(done)["recorded"] > 0
        python = str(folder / "daybook_client" / "bin" / "python")
        assert not _run(python, "-c", CLIENT).strip()
    _say("both distributions work")
    return 0


def _run(*command: str, **variables: str) -> str:
    """What a command prints; run in an empty folder, with nothing of the project on Python's path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=elsewhere, timeout=1_200, check=False
        )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(what: str) -> None:
    sys.stderr.write(f"{what} ...\n")


if __name__ == "__main__":
    sys.exit(main())
