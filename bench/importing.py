"""How fast a file of orders is imported, beside raw inserts of the same rows and the library's own save.

    ./run bench importing [--events 500000]

Everything runs on one embedded PostgreSQL with durable commits. The file holds orders of two lines, each with an id,
by the seed's organisations for its products. The import is timed in a process of its own, from opening the file to the
checkpoint over all of it: reading, checking, deciding, recording and hashing. The views are then brought up, and timed
beside. The other rows are what PostgreSQL, and the eventsourcing library, take for the same orders from memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.appending import StockOrder, conninfo_of, raw_copy, raw_rows, raw_unnest, stock_application, timed
from bench.harness.table import print_table
from service.cli.seed import SEED
from service.daybook import open_daybook
from service.importing.importing import form_of, import_from, wanted
from service.importing.plans import Summary
from service.importing.reading.apart import Apart
from service.importing.streaming import Options
from service.settings import Settings
from service.web.bodies import read_events

#: Orders of which the raw inserts and the library's own save are measured: more says nothing more.
COMPARED = 60_000
STOCK_BATCH = 300
#: Orders that are imported before anything is measured.
WARMING = 60_000
STOCK = f"the library's own save, {STOCK_BATCH} orders at a time"


def order(number: int, name: str = "po") -> dict[str, Any]:
    """One order of two lines, no two alike."""
    lines = [
        {
            "line": line,
            "product_id": ("nv-a800", "hw-910b")[(number + place) % 2],
            "quantity": str(1 + number % 997),
            "amount": f"{(number * 7_919 + place) % 10_000_000}.{number % 100:02d}",
            "deliver_by": f"2024-{1 + number % 12:02d}",
        }
        for place, line in enumerate(("1", "2"))
    ]
    data = {
        "order_id": f"{name}-{number}",
        "buyers": ["baidu"],
        "vendor_id": "nvidia",
        "currency": "USD",
        "lines": lines,
    }
    day = f"{2021 + number % 3}-{1 + number // 3 % 12:02d}-{1 + number // 36 % 28:02d}"
    return {"id": f"{name}:{number}", "type": "order-placed", "effective_on": day, "data": data}


def write(path: Path, count: int, name: str = "po") -> None:
    """Write so many orders as NDJSON."""
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps(order(number, name)) + "\n")


def import_alone(home: Path, conninfo: str, path: Path) -> None:
    """Import a file into a ledger that another process keeps, and print how it went (for the process of its own)."""
    settings = Settings(home=home, database_url=SecretStr(conninfo))
    memory_kib: dict[int, int] = {}

    def progress(done: int, total: int) -> None:
        if done >= 100_000 and not memory_kib:
            memory_kib[done] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    summary = Summary(str(path), "ndjson", 0, dry_run=False)
    options = Options()
    with path.open("rb") as file, open_daybook(settings, follow=False) as daybook:
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
    print(
        json.dumps(
            {
                "events": summary.recorded,
                "recorded_s": recorded - start,
                "hashed_s": hashed - start,
                "followed_s": followed - start,
                "memory_kib": memory_kib,
            }
        )
    )


def imported(home: str, conninfo: str, path: Path) -> dict[str, Any]:
    """Import a file in a process of its own; what it says of it."""
    command = [sys.executable, "-m", "bench.importing", "--alone", home, conninfo, str(path)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def stock(conninfo: str, count: int) -> Iterator[None]:
    """The library's own application saving orders, STOCK_BATCH at a time, half of them a turn; made before."""
    application = stock_application(conninfo)
    orders = [order(number)["data"] for number in range(count)]
    yield
    for half in (orders[: count // 2], orders[count // 2 :]):
        for start in range(0, len(half), STOCK_BATCH):
            application.save(*[StockOrder(data=data) for data in half[start : start + STOCK_BATCH]])
        yield
    application.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        home, conninfo, path = arguments.alone
        import_alone(Path(home), conninfo, Path(path))
        return
    count, rates = arguments.events, dict[str, float]()
    compared = min(count, COMPARED)
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as home:
        path, first = Path(home) / "orders.ndjson", Path(home) / "first.ndjson"
        write(path, count)
        write(first, WARMING, "first")
        with open_daybook(Settings(home=Path(home)), follow=False) as daybook:
            conninfo = conninfo_of(daybook)
            daybook.committer.record(read_events(SEED.read_bytes(), "application/x-ndjson").requests)
            # A virtual machine that was idle may have to get its memory back: whoever is measured first would pay.
            imported(home, conninfo, first)
            save = stock(conninfo, compared // 2)
            next(save)
            # Half of it before, half after the import: how fast a machine is may change from minute to minute.
            with timed(halves := {}, "before", compared // 4):
                next(save)
            found = imported(home, conninfo, path)
            assert found["events"] == count
            with timed(halves, "after", compared // 4):
                next(save)
            next(save, None)
            rates[STOCK] = 2 / (1 / halves["before"] + 1 / halves["after"])
            rows = raw_rows(daybook, "order/po-", compared)
            with timed(rates, "COPY BINARY of the same rows", compared):
                raw_copy(conninfo, rows)
            with timed(rates, "raw insert (unnest) of the same rows", compared):
                raw_unnest(conninfo, rows)
    rates["imported, recorded"] = count / found["recorded_s"]
    rates["imported, recorded and hashed (a checkpoint over all)"] = count / found["hashed_s"]
    rates["imported, and the views brought up behind it"] = count / found["followed_s"]
    limit, own = rates["COPY BINARY of the same rows"], rates[STOCK]
    print_table(
        f"Importing {count:,} orders of two lines from a file",
        ("what", "events/s", "of COPY BINARY", "of the library's save"),
        [(name, f"{rate:,.0f}", f"{rate / limit:.2f}", f"{rate / own:.1f}") for name, rate in rates.items()],
    )
    for events, kib in found["memory_kib"].items():
        print(f"most memory of the importing process up to event {int(events):,}: {kib / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
