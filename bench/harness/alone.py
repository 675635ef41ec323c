"""An import in a process of its own, into a ledger that is there: how long each part of it took, and its memory.

python -m bench.harness.alone HOME CONNINFO FILE [MAPPING]
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.material.ledgers import settings_of
from service.daybook import open_daybook
from service.importing.importing import form_of, import_from, wanted
from service.importing.plans import Summary
from service.importing.reading.apart import Apart
from service.importing.streaming import Options

#: From so many events on, memory is looked at: what everything needs is there by then.
BEGUN = 10_000


def import_alone(home: Path, conninfo: str, path: Path, mapping: str | None) -> dict[str, Any]:
    """Import a file; events, seconds from opening it until they are recorded, hashed and in the views, and memory."""
    memory_kib: dict[int, int] = {}

    def progress(done: int, total: int) -> None:
        if done >= BEGUN and not memory_kib:
            memory_kib[done] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    summary = Summary(str(path), "ndjson" if mapping is None else "csv", 0, dry_run=False)
    options = Options(mapping=mapping)
    with path.open("rb") as file, open_daybook(settings_of(home, conninfo), follow=False) as daybook:
        start = time.perf_counter()
        with Apart(file, wanted(summary, options)) as source:
            form_of(source)
            import_from(daybook, source, summary, options, progress=progress)
        recorded = time.perf_counter()
        daybook.log.close()
        hashed = time.perf_counter()
        memory_kib[summary.recorded] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        daybook.follower.catch_up()
        followed = time.perf_counter()
    return {
        "events": summary.recorded,
        "recorded_s": recorded - start,
        "hashed_s": hashed - start,
        "followed_s": followed - start,
        "memory_kib": memory_kib,
    }


def imported(home: Path, conninfo: str, path: Path, mapping: Path | None = None) -> dict[str, Any]:
    """Import a file in a process of its own; what it says of it."""
    given = [] if mapping is None else [str(mapping)]
    command = [sys.executable, "-m", "bench.harness.alone", str(home), conninfo, str(path), *given]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


if __name__ == "__main__":
    home, conninfo, path, *mapping = sys.argv[1:]
    print(json.dumps(import_alone(Path(home), conninfo, Path(path), mapping[0] if mapping else None)))
