"""How fast all projections are built from PostgreSQL, beside the library's own runner and a raw COPY out."""

from itertools import count
from pathlib import Path

import psycopg

from bench.harness.alternating import alternate, rate, ratio
from bench.harness.report import Report
from bench.harness.suite import Bench
from bench.material.files import order
from bench.material.ledgers import Filled
from bench.material.stock import StockOrder, project, stock_application
from service.daybook import open_projection
from service.following.follower import Follower
from service.storing.ledger import Ledger
from service.storing.migrations.roles import as_service

STOCK_EVENTS, STOCK_BATCH = 20_000, 300
OURS, RUNNER, COPY = "all projections", "the library's ProjectionRunner", "raw COPY out"


def measure(run: Bench, report: Report) -> None:
    """Events a second, on the market of the run."""
    ledger = run.market()
    many = run.size(STOCK_EVENTS, STOCK_EVENTS // 10, least=200)
    turns = count()
    sides = {
        OURS: rate(ledger.events, lambda: rebuild(ledger, run.own(f"rebuilding_{next(turns)}"))),
        RUNNER: lambda: _run(run, f"rebuilding_stock_{next(turns)}", many),
        COPY: rate(ledger.events, lambda: copy_out(ledger)),
    }
    rates = alternate(sides, run.rounds(3, 2))
    report.add("rebuild_vs_runner", ratio(rates[OURS], rates[RUNNER]), f"the runner read {many:,} events")
    report.add("rebuild_vs_copy_out", ratio(rates[OURS], rates[COPY]))
    report.spreads(f"Reading {ledger.events:,} events, events a second", "what", rates)


def rebuild(ledger: Filled, home: Path) -> None:
    """Build the projections anew in another folder, from PostgreSQL."""
    connected = Ledger(as_service(ledger.conninfo))
    try:
        with open_projection(home, connected, ledger.settings.projection_bounds) as projection:
            Follower(connected, projection).catch_up()
            assert projection.position >= ledger.events
    finally:
        connected.close()
        for path in sorted(home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def _run(run: Bench, name: str, many: int) -> float:
    """Events a second of the library's runner on orders that its own application has saved."""
    conninfo = run.cluster.create(name)
    with stock_application(conninfo) as application:
        for start in range(0, many, STOCK_BATCH):
            part = range(start, min(start + STOCK_BATCH, many))
            application.save(*[StockOrder(data=order(number)["data"]) for number in part])
    found = rate(many, lambda: project(conninfo, many))()
    run.cluster.drop(name)
    return found


def copy_out(ledger: Filled) -> None:
    """Every event's position and bytes, in order, as PostgreSQL gives them out."""
    query = "copy (select notification_id, state from ledger_events order by notification_id) to stdout (format binary)"
    with psycopg.connect(ledger.conninfo) as connection, connection.cursor().copy(query) as copy:
        taken = sum(len(data) for data in copy)
    assert taken > 0
