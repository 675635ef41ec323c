"""How fast the whole market is answered, beside a plain sum, plain SQL in PostgreSQL, and folding aggregates.

Every question has a random moment of its own in the three clocks and goes over HTTP. One buyer is asked for in a market
of ten times the buyers, and in one of its tenth. Eight clients ask at once.
"""

import os
from collections.abc import Callable
from itertools import count
from uuid import UUID

from eventsourcing.application import Application

from bench.harness.alternating import Side, Spread, alternate, ratio, seconds
from bench.harness.asked import Ask, Service, service_of
from bench.harness.report import Report
from bench.harness.suite import TENTH, Bench
from bench.material.files import order, receipt
from bench.material.ledgers import Filled
from bench.material.plain import PlainPostgres, PlainSum, fill_postgres
from bench.material.questions import EXPOSURE, of_market, one_buyer, whole_market
from bench.material.stock import StockOrder, stock_application

CLIENTS = 8
BUYER = "buyer-1"
FOLDED = 2_000
ASOF, SPOKEN, SUM = "whole market, spend ordered", "whole market, exposure", "the plain sum"
SQL, FOLDING = "plain SQL in PostgreSQL", "the library's aggregates folded"


def measure(run: Bench, report: Report) -> None:
    """On the market of the run."""
    ledger = run.market()
    fill_postgres(ledger)
    folder = run.own("asking")
    with service_of(ledger, run.folder / "asking.log") as service:
        with PlainSum.of(ledger, folder) as plain, PlainPostgres.of(ledger) as postgres:
            _against_sums(run, report, ledger, service, plain, postgres)
        _parallel(run, report, ledger, service)
        _growth(run, report, ledger, service)


def _against_sums(
    run: Bench, report: Report, ledger: Filled, service: Service, plain: PlainSum, postgres: PlainPostgres
) -> None:
    asked = of_market(ledger.events, ledger.buyers)
    numbers = count()
    folded = run.size(FOLDED, FOLDED // 4, least=50)

    def view(ask: Ask) -> Side:
        return lambda: service.seconds(ask(next(numbers)))

    with stock_application(run.cluster.create("asking_folded")) as application:
        sides = {
            ASOF: view(whole_market(asked)),
            SUM: seconds(plain.ask),
            SPOKEN: view(whole_market(asked, EXPOSURE)),
            SQL: seconds(postgres.ask),
            FOLDING: seconds(_folding(application, folded)),
            "whole market, units ordered": view(whole_market(asked, measure="units")),
            "whole market, capacity ordered": view(whole_market(asked, measure="capacity")),
        }
        for side in sides.values():
            side()
        took = alternate(sides, run.rounds(9, 7))
    # Each aggregate is folded by itself: as many as the market has take as many times as long.
    orders = ledger.lines / 2
    took[FOLDING] = [one * orders / folded for one in took[FOLDING]]
    report.add("asof_vs_sum", ratio(took[ASOF], took[SUM]))
    report.add("exposure_vs_sum", ratio(took[SPOKEN], took[SUM]))
    report.add("asof_vs_postgres", ratio(took[SQL], took[ASOF]))
    note = f"{folded:,} aggregates were folded, and {orders:,.0f} reckoned from them"
    report.add("asof_vs_replay", ratio(took[FOLDING], took[ASOF]), note)
    report.spreads(f"{ledger.lines:,} order lines, {ledger.events:,} events, 50 rules, in ms", "what", took, 1_000)


def _folding(application: Application[UUID], many: int) -> Callable[[], None]:
    """So many orders saved by the library, to be folded from their events one by one, and their spend added up."""
    saved: list[UUID] = []
    for number in range(many):
        aggregate = StockOrder(data=order(number)["data"])
        if number % 3:
            aggregate.receive(data=receipt(number)["data"])
        application.save(aggregate)
        saved.append(aggregate.id)

    def fold() -> None:
        spend: dict[str, float] = {}
        for identifier in saved:
            placed: StockOrder = application.repository.get(identifier)
            spent = sum(float(line["amount"]) for line in placed.data["lines"])
            spend[placed.data["vendor_id"]] = spend.get(placed.data["vendor_id"], 0) + spent

    return fold


def _parallel(run: Bench, report: Report, ledger: Filled, service: Service) -> None:
    ask = whole_market(of_market(ledger.events, ledger.buyers))
    numbers = count(100_000_000, 100_000_000)
    lasting = min(8.0, 100 * run.scale)
    sides = {
        "cost": lambda: service.cost_s(ask, next(numbers), 4),
        "rate": lambda: service.rate(ask, next(numbers), CLIENTS, lasting),
    }
    found = alternate(sides, run.rounds(5, 3))
    processors = len(os.sched_getaffinity(0))
    report.add(
        "views_parallel",
        Spread.of([rate * cost / processors for rate, cost in zip(found["rate"], found["cost"], strict=True)]),
    )


def _growth(run: Bench, report: Report, ledger: Filled, service: Service) -> None:
    """One buyer, with as many lines of its own in both."""
    smaller = run.market(TENTH)
    in_large = one_buyer(of_market(ledger.events, ledger.buyers), BUYER)
    in_small = one_buyer(of_market(smaller.events, smaller.buyers), BUYER)
    with service_of(smaller, run.folder / "asking.log") as other:
        sides = {"large": _quickest(service, in_large), "small": _quickest(other, in_small)}
        for side in sides.values():
            side()
        took = alternate(sides, run.rounds(9, 7))
    report.add("buyer_growth", ratio(took["large"], took["small"]))
    sizes = {"large": ledger, "small": smaller}
    named = {f"{one.buyers:,} buyers, {one.lines:,} lines": took[name] for name, one in sizes.items()}
    report.spreads("One buyer's dependence, in ms", "market", named, 1_000)


def _quickest(service: Service, ask: Ask) -> Side:
    """The quickest of three answers."""
    numbers = count()
    return lambda: min(service.seconds(ask(next(numbers))) for _ in range(3))
