"""The quick suite of measurements, each ratio held against the least that is asked of it.

./run nightly bench [--json FILE] [NAME...]      all groups, or some; 20 minutes on a machine with nothing else to do
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.service.postgres_owner import ROOT


def main() -> int:
    """Measure; exit 1 where a ratio does not hold or a group came to no end."""
    parser = argparse.ArgumentParser(prog="./run nightly bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of the groups of ./run bench; none: all of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep what was found in a file")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply all sizes, to try this script")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daybook-nightly-") as folder:
        found = (wanted.json or Path(folder) / "found.json").absolute()
        options = ["--quick", "--scale", str(wanted.scale), "--json", str(found), "--plot", str(Path(folder) / "plot")]
        done = subprocess.run([sys.executable, "-m", "bench", *wanted.names, *options], cwd=ROOT, check=False)
        report = json.loads(found.read_text()) if found.exists() else None
    if report is None:
        return done.returncode or 1
    unmet = found_wanting(report)
    sys.stderr.writelines(f"{line}\n" for line in unmet)
    return 1 if unmet or done.returncode else 0


def found_wanting(report: Mapping[str, Any]) -> list[str]:
    """Of what the suite has found, a line for each ratio that does not hold and for each group that came to no end."""
    missed = [
        f"{key} is {report['ratios'][key]['median']:.3g}; the limit is {report['limits'][key]['least']:g}"
        for key, verdict in report["verdicts"].items()
        if verdict == "missed"
    ]
    return missed + [f"{group} came to no end: {why}" for group, why in report["broken"].items()]


if __name__ == "__main__":
    sys.exit(main())
