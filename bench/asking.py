"""How fast a whole market is read into the views and answered, with and without rules.

./run bench asking [--lines 1000000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from bench.material.market import RULES, market
from bench.harness.table import print_table
from projections.engine import Projection, batch_of
from projections.parameters import RegulatoryExposure, VendorDependence
from projections.regulatory_exposure import regulatory_exposure
from projections.vendor_dependence import vendor_dependence

PAGE = 50_000
RUNS = 5
MOMENT = {"effective_on": date(2024, 6, 30)}


def fastest(run: Callable[[], Any]) -> float:
    """Seconds of the median of several runs after a first one that is not counted."""
    seconds = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[1:])[RUNS // 2]


def load(projection: Projection, lines: int) -> tuple[int, float]:
    """Read the market in pages, as the follower does: how many events, and the seconds that it took."""
    page, events, seconds = [], 0, 0.0
    for event in market(lines, Random(1)):
        page.append(event)
        if len(page) == PAGE:
            seconds += apply(projection, page)
            events += len(page)
            page = []
    return events + len(page), seconds + apply(projection, page)


def apply(projection: Projection, page: list[tuple[int, bytes]]) -> float:
    """Seconds for one page."""
    batch = batch_of(page)
    start = time.perf_counter()
    projection.apply(batch)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with (
        tempfile.TemporaryDirectory(prefix="daybook-bench-") as home,
        Projection.open(Path(home) / "market.duckdb") as projection,
    ):
        events, seconds = load(projection, lines)
        rows = [("read into the views", f"{seconds:.1f} s", f"{events / seconds:,.0f} events/s")]
        with projection.cursor() as connection:
            rows += [(name, f"{1_000 * took:,.0f} ms", share) for name, took, share in ask(connection, events)]
    print_table(f"A market of {lines:,} order lines, {events:,} events, {RULES} rules", ("what", "time", ""), rows)


def ask(connection: duckdb.DuckDBPyConnection, position: int) -> list[tuple[str, float, str]]:
    """The median time of each question, and what it is of a plain sum over all postings."""

    def dependence(**asked: Any) -> float:
        parameters = VendorDependence(position=position, **(MOMENT | asked))
        return fastest(lambda: vendor_dependence(connection, parameters, country_name=lambda code: code))

    def exposure(**asked: Any) -> float:
        parameters = RegulatoryExposure(position=position, **(MOMENT | asked))
        return fastest(lambda: regulatory_exposure(connection, parameters))

    plain = fastest(lambda: connection.execute("select vendor, sum(amount_value) from posting group by all").fetchall())
    before_rules = {"effective_on": date(2021, 12, 31)}
    found = [("the limit: amounts summed by vendor, no clocks", plain)]
    found += [
        *(
            (f"dependence, {measure} {status}", dependence(measure=measure, status=status))
            for status in ("ordered", "delivered", "open")
            for measure in ("units", "spend")
        ),
        ("dependence, capacity ordered", dependence(measure="capacity")),
        ("dependence, spend ordered, one buyer", dependence(buyer=("buyer-7",))),
        ("dependence, spend ordered, last year", dependence(window="P1Y")),
        ("exposure, spend open", exposure()),
        ("exposure, spend ordered", exposure(status="ordered")),
        ("dependence of a day before everything", dependence(**before_rules)),
    ]
    return [(name, took, f"{took / plain:.1f} x the limit") for name, took in found]


if __name__ == "__main__":
    main()
