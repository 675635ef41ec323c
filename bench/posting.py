"""How many single orders a second 64 clients post over HTTP, beside the same endpoint built plainly.

All services run on the same PostgreSQL with durable commits, each in a process of its own. The plain one is FastAPI
with models of an order and the eventsourcing library's own Application, saving one aggregate a request; the other one
validates, and saves nothing. The clients are connections that are kept open, from a process of their own over the
loopback; each sends its next order, of two lines, when the one before is answered.
"""

import secrets
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from statistics import median

from bench.harness.alternating import alternate, ratio
from bench.harness.asked import Service, service_of
from bench.harness.processes import serving
from bench.harness.report import Report, figure
from bench.harness.suite import Bench
from bench.harness.writers import posted
from bench.material.ledgers import fill, record_seed

CLIENTS = 64
OURS, STOCK, NOOP = "Daybook", "FastAPI and the library's save", "FastAPI that saves nothing"


def measure(run: Bench, report: Report) -> None:
    """All three wait while one is loaded."""
    ledger = fill(run.cluster, "posting", record_seed)
    plain = run.cluster.create("posting_plain")
    log = run.folder / "posting.log"
    seconds = min(5.0 if not run.quick else 3.0, 100 * run.scale)
    answered: dict[str, list[dict[str, float]]] = {OURS: [], STOCK: [], NOOP: []}
    with ExitStack() as stack:
        services = {OURS: stack.enter_context(service_of(ledger, log))}
        for name, kind in ((STOCK, "stock"), (NOOP, "noop")):
            token = secrets.token_hex(16)
            command = [sys.executable, "-m", "bench.material.plain_service", kind, plain, token]
            served = stack.enter_context(serving(command, {}, log))
            services[name] = stack.enter_context(closing(Service(served.port, served.process, token)))

        def side(name: str) -> Callable[[], float]:
            def measured() -> float:
                answered[name].append(posted(services[name], CLIENTS, seconds))
                return answered[name][-1]["rate"]

            return measured

        for service in services.values():
            posted(service, CLIENTS, seconds / 3)
        rates = alternate({name: side(name) for name in services}, run.rounds(7, 5))
    report.add("http_vs_stock", ratio(rates[OURS], rates[STOCK]))
    report.add("http_vs_noop", ratio(rates[OURS], rates[NOOP]))
    rows = [
        (name, *(figure(median(one[what] for one in each)) for what in ("rate", "median_ms", "p99_ms")))
        for name, each in answered.items()
    ]
    columns = ("what", "orders/s", "median ms", "99 of 100 ms")
    report.table(f"Single orders of two lines posted by {CLIENTS} clients", columns, rows)
