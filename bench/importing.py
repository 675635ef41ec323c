"""How fast files are imported, beside COPY BINARY of the same rows and the library's own save.

The file holds orders of two lines, each with an id, by the seed's organisations for its products. An import is timed in
a process of its own, from opening the file until all is recorded, until a checkpoint covers it, and until the views are
level. The other rows are what PostgreSQL, and the eventsourcing library, take for the same orders from memory. A table
of order lines is read by a mapping, beside NDJSON of the same orders, on a ledger that knows all that they name.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from eventsourcing.application import Application

from bench.harness.alone import imported
from bench.harness.alternating import alternate, rate, ratio
from bench.harness.report import Report
from bench.harness.suite import Bench
from bench.material.files import MAPPING, as_events, order, real_orders, write_lines, write_table
from bench.material.ledgers import fill, record_seed, write
from bench.material.market import Made
from bench.material.purchases import purchases
from bench.material.rows import copy_in, make_table, rows_of
from bench.material.stock import StockOrder, stock_application
from service.daybook import open_daybook

STOCK_BATCH = 300
#: Orders of which COPY and the library's save are measured each time: more says nothing more.
COMPARED = 20_000
OURS, STOCK, COPY = "recorded and hashed", "the library's save", "COPY BINARY"
RECORDED, FOLLOWED = "recorded", "until the views are level"


def measure(run: Bench, report: Report) -> None:
    """Orders, then a table."""
    _orders(run, report)
    _table(run, report)


def _orders(run: Bench, report: Report) -> None:
    ledger = fill(run.cluster, "importing", record_seed)
    many = run.size(500_000, 80_000, least=500)
    compared, turns, folder = min(many, COMPARED), count(), run.own("importing_files")
    imports: list[dict[str, Any]] = []

    def ours() -> float:
        name = f"po-{next(turns)}"
        path = write_lines(folder / "orders.ndjson", (order(number, name) for number in range(many)))
        imports.append(imported(ledger.home, ledger.conninfo, path))
        path.unlink()
        assert imports[-1]["events"] == many
        return float(many / imports[-1]["hashed_s"])

    with (
        stock_application(ledger.conninfo) as application,
        open_daybook(ledger.settings, follow=False) as daybook,
    ):

        def copy() -> float:
            rows = rows_of(daybook, compared)
            make_table(ledger.conninfo, "raw_copy")
            return rate(len(rows), lambda: copy_in(ledger.conninfo, "raw_copy", rows))()

        # A virtual machine that was idle may have to get its memory back: whoever is measured first would pay.
        ours()
        imports.clear()
        sides = {STOCK: lambda: _save(application, compared), OURS: ours, COPY: copy}
        rates = alternate(sides, run.rounds(5, 3))
    report.add("import_vs_stock", ratio(rates[OURS], rates[STOCK]))
    report.add("import_vs_copy", ratio(rates[OURS], rates[COPY]))
    rates[FOLLOWED] = [many / one["followed_s"] for one in imports]
    rates[RECORDED] = [many / one["recorded_s"] for one in imports]
    note = "the views follow when all is recorded, as they do for `daybook import`"
    report.add("import_with_views_vs_stock", ratio(rates[FOLLOWED], rates[STOCK]), note)
    report.spreads(f"Importing {many:,} orders of two lines, events a second", "what", rates)
    for events, kib in imports[-1]["memory_kib"].items():
        report.notes.append(f"importing: {kib >> 10:,} MiB at most up to event {int(events):,}")


def _save(application: Application[UUID], many: int) -> float:
    """Orders a second that the library saves, STOCK_BATCH at a time."""
    orders = [order(number)["data"] for number in range(many)]

    def save() -> None:
        for start in range(0, many, STOCK_BATCH):
            application.save(*[StockOrder(data=data) for data in orders[start : start + STOCK_BATCH]])

    return rate(many, save)()


def _table(run: Bench, report: Report) -> None:
    lines = run.size(346_000, 30_000, least=300)
    ledger = fill(run.cluster, "importing_table", lambda daybook: write(daybook, _registers(lines)))
    folder, turns = run.own("importing_table_files"), count()
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING)

    def side(name: str, written: Callable[[str], Path], by: Path | None) -> Callable[[], float]:
        def measured() -> float:
            path = written(f"{name}-{next(turns)}")
            found = imported(ledger.home, ledger.conninfo, path, by)
            assert found["events"] > 0, found
            path.unlink()
            return float(lines / found["recorded_s"])

        return measured

    def ndjson(name: str) -> Path:
        return write_lines(folder / "orders.ndjson", as_events(real_orders(lines, name)))

    def table(name: str) -> Path:
        return write_table(folder / "orders.csv", real_orders(lines, name))

    rates = alternate({"table": side("t", table, mapping), "ndjson": side("n", ndjson, None)}, run.rounds(5, 3))
    report.add("table_vs_ndjson", ratio(rates["table"], rates["ndjson"]))
    report.spreads(f"Importing {lines:,} real-shaped order lines, lines a second", "as", rates)


def _registers(lines: int) -> Iterator[Made]:
    """Whoever and whatever orders of so many lines name, without the orders."""
    return (made for made in purchases(lines, Random(2)) if not made[2].startswith("order/"))
