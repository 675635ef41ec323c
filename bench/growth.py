"""How each cost grows with the ledger: appending, rebuilding, questions, memory and bytes, as a table and a plot.

One ledger grows from ten thousand events on, by a factor of ten each time, and is measured at each size. The plot is an
SVG file (--plot FILE, growth.svg unless given).
"""

import os
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median

import psycopg

from bench.harness.asked import service_of
from bench.harness.plot import write_plot
from bench.harness.report import Report, figure
from bench.harness.suite import Bench, say
from bench.material.ledgers import Filled, Numbering, settings_of, write
from bench.material.market import Made, market
from bench.material.questions import EXPOSURE, of_market, one_buyer, whole_market
from bench.rebuilding import rebuild
from service.daybook import Daybook, open_daybook
from service.web.bodies import read_events

#: Sizes in events; of a full run one more.
SIZES, LARGEST = (10_000, 100_000, 1_000_000), 10_000_000
BUYERS = 50
#: Organisations, products, rules and rates come first, then orders.
LEAST = 4_000
#: Orders that are appended at each size, each time it is measured.
APPENDED, BATCH = 2_000, 500
ASKED = 5
#: What is measured, with the title of its panel.
PANELS = {
    "appended": "appended, events/s",
    "rebuilt": "rebuilt, events/s",
    "market": "whole market, ms",
    "exposure": "exposure, ms",
    "buyer": "one buyer, ms",
    "memory": "memory of the service, MB",
    "database": "database, bytes an event",
    "views": "views, bytes an event",
}


def measure(run: Bench, report: Report) -> None:
    """The table, and the plot."""
    sizes = [max(LEAST, round(size * run.scale)) for size in (SIZES if run.quick else (*SIZES, LARGEST))]
    conninfo, home = run.cluster.create("growth"), run.own("growth")
    events, numbering = market(2 * max(sizes), Random(1), BUYERS), Numbering()
    found: dict[int, dict[str, float]] = {}
    for size in dict.fromkeys(sizes):
        say(f"growing to {size:,} events")
        ledger, appended = _grown(home, conninfo, events, numbering, size)
        found[size] = {"appended": appended} | _measured(run, ledger)
    rows = [(PANELS[name], *(figure(at[name]) for at in found.values())) for name in PANELS]
    report.table("The cost of growth", ("at events", *(f"{size:,}" for size in found)), rows)
    points = {PANELS[name]: [(float(size), at[name]) for size, at in found.items()] for name in PANELS}
    write_plot(run.plot, "The cost of growth, over events in the ledger", points)
    report.notes.append(f"growth: the plot is in {run.plot.name}")


def _grown(home: Path, conninfo: str, events: Iterator[Made], numbering: Numbering, size: int) -> tuple[Filled, float]:
    """The ledger with so many events, views and log level, and how many events a second were then appended to it."""
    with open_daybook(settings_of(home, conninfo), follow=False) as daybook:
        position = daybook.ledger.recorder.head().position
        write(daybook, islice(events, max(0, size - position)), numbering)
        daybook.log.publisher.publish_all()
        appended = median(_append(daybook, f"{size}-{turn}") for turn in range(3))
        daybook.log.publisher.publish_all()
        daybook.follower.catch_up()
        head = daybook.ledger.recorder.head().position
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")
    return Filled(home, conninfo, head, buyers=BUYERS), appended


def _append(daybook: Daybook, name: str) -> float:
    lines = [
        f'{{"type": "order-placed", "effective_on": "2024-01-15", "data": {{"order_id": "{name}-{number}", "buyers":'
        ' ["buyer-1"], "vendor_id": "vendor-1", "currency": "USD", "lines": [{"line": "1", "product_id": "product-1",'
        ' "quantity": "10", "amount": "100000.50"}]}}'
        for number in range(APPENDED)
    ]
    parts = [
        read_events("\n".join(lines[start : start + BATCH]).encode(), "application/x-ndjson").requests
        for start in range(0, APPENDED, BATCH)
    ]
    start = time.perf_counter()
    for part in parts:
        daybook.committer.record(part)
    return APPENDED / (time.perf_counter() - start)


def _measured(run: Bench, ledger: Filled) -> dict[str, float]:
    asked, numbers = of_market(ledger.events, ledger.buyers), count()
    kinds: dict[str, Callable[[int], str]] = {
        "market": whole_market(asked),
        "exposure": whole_market(asked, EXPOSURE),
        "buyer": one_buyer(asked, "buyer-1"),
    }
    found: dict[str, float] = {}
    with service_of(ledger, run.folder / "growth.log") as service:
        for name, ask in kinds.items():
            service.get(ask(next(numbers)))
            found[name] = 1_000 * median(service.seconds(ask(next(numbers))) for _ in range(ASKED))
        found["memory"] = service.memory_mb()
    start = time.perf_counter()
    rebuild(ledger, run.own("growth_rebuilt"))
    found["rebuilt"] = ledger.events / (time.perf_counter() - start)
    with psycopg.connect(ledger.conninfo) as connection:
        size = connection.execute("select pg_database_size(current_database())").fetchone()
    assert size is not None
    found["database"] = size[0] / ledger.events
    files = (ledger.home / "projections").rglob("*")
    found["views"] = sum(os.lstat(path).st_blocks * 512 for path in files if path.is_file()) / ledger.events
    return found
