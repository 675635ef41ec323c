"""How much memory a service holds on the whole market, after questions of every sort, with a memory limit set."""

from bench.harness.alternating import Spread
from bench.harness.asked import service_of
from bench.harness.report import Report
from bench.harness.suite import MARKET_LINES, Bench
from bench.material.questions import mixed, of_market

LIMIT_MB = 768
QUESTIONS = 100


def measure(run: Bench, report: Report) -> None:
    """Its resident memory after each ten of the last questions; the most it ever had is noted."""
    ledger = run.market()
    ask = mixed(of_market(ledger.events, ledger.buyers))
    many = run.size(QUESTIONS, QUESTIONS // 2, least=10)
    limit = {"DAYBOOK_PROJECTION_MEMORY_MB": str(LIMIT_MB)}
    found = []
    with service_of(ledger, run.folder / "holding.log", settings=limit) as service:
        before = service.memory_mb()
        for number in range(many):
            service.get(ask(number))
            if number >= many // 2 and number % 5 == 4:
                found.append(service.memory_mb())
        most = service.memory_mb(most=True)
    lines = "" if ledger.lines == MARKET_LINES else f" on {ledger.lines:,} lines, not {MARKET_LINES:,}"
    note = (
        f"{many} questions{lines}; {before:,.0f} MB before them, {most:,.0f} at most, limit of the views {LIMIT_MB} MiB"
    )
    report.add("rss_10m_mb", Spread.of(found), note)
