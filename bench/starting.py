"""How long the command line takes to begin and to answer, beside Python that does nothing."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from bench.harness.alternating import alternate, ratio, seconds
from bench.harness.processes import daybook_command
from bench.harness.report import Report
from bench.harness.suite import Bench
from bench.material.ledgers import fill, record_seed

QUERY = ("query", "dependence", "--buyer", "baidu", "--effective-on", "2023-12-31", "--format", "json")


def measure(run: Bench, report: Report) -> None:
    """Seconds of each from its start to its end, its database at work already."""
    ledger = fill(run.cluster, "starting", record_seed)
    environment = os.environ | ledger.environment("a-token-that-these-commands-do-not-need-1234")
    # As they are where they are used: compiled once, and kept, but not among the sources.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(run.own("compiled"))
    sides = {
        "nothing": _run([sys.executable, "-c", "pass"], environment),
        "version": _run([*daybook_command(), "--version"], environment),
        "query": _run([*daybook_command(), *QUERY], environment),
    }
    for work in sides.values():
        work()
    took = alternate({name: seconds(work) for name, work in sides.items()}, run.rounds(15, 9))
    report.add("cli_vs_python", ratio(took["version"], took["nothing"]))
    report.add("cli_query_vs_python", ratio(took["query"], took["nothing"]))
    report.spreads("Commands from start to end, in ms", "command", took, 1_000)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
