"""The main question on a real-shaped ledger: 346,000 lines of as many products, 24,000 vendors, 50 rules.

It is asked once of a service that has just begun, then of one that has answered. Where an answer does not come in time,
the time that it was waited for counts, and that is said.
"""

from itertools import count
from random import Random

from bench.harness.alternating import Spread, alternate, ratio, seconds
from bench.harness.asked import Refused, Service, Unanswered, service_of
from bench.harness.report import Report
from bench.harness.suite import Bench, say
from bench.material.ledgers import Filled, fill, write
from bench.material.plain import PlainSum, fill_postgres
from bench.material.purchases import BUYERS, LINES, purchases, vendors_of
from bench.material.questions import of_market, whole_market

TOP = "20"
#: How long an answer is waited for.
PATIENCE_S, QUICK_PATIENCE_S = 300.0, 45.0


def measure(run: Bench, report: Report) -> None:
    """First cold, then warm, beside the plain sum."""
    lines = run.size(LINES, LINES, least=1_000)
    say(f"building a real-shaped ledger of {lines:,} order lines")
    made = purchases(lines, Random(1))
    ledger = fill(run.cluster, "real", lambda daybook: write(daybook, made), lines=lines)
    fill_postgres(ledger)
    patience_s = QUICK_PATIENCE_S if run.quick else PATIENCE_S
    with PlainSum.of(ledger, run.own("real_plain")) as plain:
        plain.ask()
        cold, warm = _cold(run, ledger, patience_s, plain), _warm(run, ledger, patience_s, plain)
    for key, found in (("real_cold_vs_sum", cold), ("real_vs_sum", warm)):
        report.add(key, ratio(found.took, found.sums), "; ".join(found.notes) or None)
    report.add("real_rss_mb", Spread.of(warm.memory_mb), f"right after the answers; {max(warm.most_mb):,.0f} at most")
    took = {"asked first": cold.took, "asked later": warm.took, "the plain sum": warm.sums}
    title = f"{lines:,} lines, {vendors_of(lines):,} vendors, {ledger.events:,} events, in ms"
    report.spreads(title, "dependence, spend ordered", took, 1_000)


class _Found:
    """What questions took, and the sums beside them."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.sums: list[float] = []
        self.memory_mb: list[float] = []
        self.most_mb: list[float] = []
        self.notes: dict[str, None] = {}

    def ask(self, service: Service, number: int, ledger: Filled) -> float:
        """Seconds of one question; of one that has no answer, those it was waited for."""
        asked = of_market(ledger.events, BUYERS)
        try:
            try:
                return service.seconds(whole_market(asked, top=TOP)(number))
            except Refused:
                self.notes["top=20 is refused: all rows were asked for"] = None
                return service.seconds(whole_market(asked)(number))
        except Unanswered as unanswered:
            self.notes[f"{unanswered}: at least so much"] = None
            return unanswered.patience_s

    @property
    def gave_up(self) -> bool:
        """Whether a question had no answer, which would hold for the next one, too."""
        return any("no answer" in note for note in self.notes)

    def look(self, service: Service) -> None:
        """Take note of the service's memory."""
        self.memory_mb.append(service.memory_mb())
        self.most_mb.append(service.memory_mb(most=True))


def _cold(run: Bench, ledger: Filled, patience_s: float, plain: PlainSum) -> _Found:
    found = _Found()
    for number in range(run.rounds(3, 2)):
        with service_of(ledger, run.folder / "real.log", patience_s=patience_s) as service:
            found.took.append(found.ask(service, 1_000 + number, ledger))
        found.sums.append(seconds(plain.ask)())
        if found.gave_up:
            break
    return found


def _warm(run: Bench, ledger: Filled, patience_s: float, plain: PlainSum) -> _Found:
    found, numbers = _Found(), count()
    with service_of(ledger, run.folder / "real.log", patience_s=patience_s) as service:
        first = found.ask(service, next(numbers), ledger)
        if found.gave_up:
            found.took, found.sums = [first], [seconds(plain.ask)()]
        else:
            sides = {"view": lambda: found.ask(service, next(numbers), ledger), "sum": seconds(plain.ask)}
            took = alternate(sides, run.rounds(9, 5))
            found.took, found.sums = took["view"], took["sum"]
        found.look(service)
    return found
