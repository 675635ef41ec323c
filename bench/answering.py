"""What small questions cost the service: in processor time over HTTP, beside reading one event.

No question is asked twice: each has a moment of its own in the three clocks. What a question takes that is asked again
is measured apart.
"""

from collections.abc import Callable
from itertools import count

from bench.harness.alternating import Spread, alternate, ratio
from bench.harness.asked import Ask, Service, service_of
from bench.harness.report import Report, figure
from bench.harness.suite import Bench
from bench.material.ledgers import Filled, fill, fill_market, record_seed
from bench.material.questions import of_market, seed, small

#: Answers of each sort before those that count.
WARMING = 4
#: Reading one event costs little, and is read more often, to be measured as well.
READS = 20
LINES, BUYERS = 20_000, 50
CLIENTS = 8
EVENT = "event"


def measure(run: Bench, report: Report) -> None:
    """On the seed, and on 20,000 lines."""
    ledger = fill(run.cluster, "answering_seed", record_seed)
    with service_of(ledger, run.folder / "answering.log") as service:
        _on_the_seed(run, report, ledger, service)
    lines = run.size(LINES, LINES, least=200)
    market = fill_market(run.cluster, "answering_market", lines, BUYERS)
    asks = {"buyer": small(of_market(market.events, BUYERS))["view"]}
    with service_of(market, run.folder / "answering.log") as service:
        costs = _costs(run, service, market, asks)
    report.add("buyer_20k_vs_event", ratio(costs["buyer"], costs[EVENT]))


def _on_the_seed(run: Bench, report: Report, ledger: Filled, service: Service) -> None:
    asks = small(seed(ledger.events))
    costs = _costs(run, service, ledger, asks)
    for name in asks:
        report.add(f"{name}_fixed_vs_event", ratio(costs[name], costs[EVENT]))
    again = {name: _again(service, ask) for name, ask in asks.items()}
    rows = []
    for name, each in costs.items():
        repeated = figure(1_000 * again[name]) if name in again else ""
        rows.append((name, *(figure(1_000 * one) for one in _three(each)), repeated))
    title = f"Processor time on the seed, {ledger.events} events, in ms"
    report.table(title, ("question", "median", "low", "high", "asked again"), rows)
    ask, taken = asks["view"], count(100_000_000, 100_000_000)
    seconds = min(2.0, run.size(4, 2) * run.scale + 0.3)
    sides = {
        "eight": lambda: service.rate(ask, next(taken), CLIENTS, seconds),
        "one": lambda: service.rate(ask, next(taken), 1, seconds),
    }
    rates = alternate(sides, run.rounds(7, 5))
    report.add("views_parallel_seed", ratio(rates["eight"], rates["one"]))


def _costs(run: Bench, service: Service, ledger: Filled, asks: dict[str, Ask]) -> dict[str, list[float]]:
    """What a question of each sort takes of the processors in each round, in seconds, and a GET of one event."""
    many = run.size(20, 5, least=2)
    every: dict[str, Ask] = {EVENT: lambda number: f"/api/v1/events/{1 + number % ledger.events}"} | asks
    numbers = dict.fromkeys(every, 0)

    def side(name: str) -> Callable[[], float]:
        asked = many * READS if name == EVENT else many

        def cost() -> float:
            first = numbers[name]
            numbers[name] += asked
            return service.cost_s(every[name], first, asked)

        return cost

    for name, ask in every.items():
        service.cost_s(ask, -WARMING * READS, WARMING * READS if name == EVENT else WARMING)
    return alternate({name: side(name) for name in every}, run.rounds(9, 5))


def _again(service: Service, ask: Ask) -> float:
    """What an answer takes that was given just before."""
    asked = ask(-1_000)
    service.get(asked)
    return service.cost_s(lambda number: asked, 0, 2)


def _three(values: list[float]) -> tuple[float, float, float]:
    spread = Spread.of(values)
    return spread.median, spread.low, spread.high
