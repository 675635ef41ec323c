"""How fast a ledger is verified, beside what hashlib alone does over the same leaves and nodes.

The ledger holds orders of two lines; its log is published by the service's own publisher. What hashlib does is what
the tree is made of: a hash of each event's bytes, which are in memory already, and one for each pair on the way to the
root, on one thread.
"""

import hashlib
import time
from random import Random

import psycopg

from bench.harness.alternating import alternate, rate, ratio
from bench.harness.report import Report
from bench.harness.suite import Bench
from bench.material.ledgers import Filled, fill, write
from bench.material.market import market
from service.cli.verify import home_keys
from service.verification.ledger import VerificationScope, verify_ledger

#: Events of which hashlib hashes: more in memory says nothing more.
HASHED = 200_000


def measure(run: Bench, report: Report) -> None:
    """Events a second."""
    lines = run.size(1_000_000, 300_000, least=1_000)
    made = market(lines, Random(1))
    ledger = fill(run.cluster, "verifying", lambda daybook: write(daybook, made), lines=lines)
    states = _states(ledger)

    def verify(workers: int | None) -> float:
        keys = home_keys(ledger.settings)
        copies = list((ledger.home / "checkpoints").glob("*.ndjson"))
        scope = VerificationScope(keys, lambda origin, created_at: copies, workers=workers)
        start = time.perf_counter()
        found = verify_ledger(ledger.conninfo, scope)
        took = time.perf_counter() - start
        assert found.holds, found.findings
        assert found.proven == ledger.events
        return ledger.events / took

    sides = {
        "verified": lambda: verify(None),
        "hashlib alone": rate(len(states), lambda: tree_root(states)),
        "verified by one process": lambda: verify(0),
    }
    rates = alternate(sides, run.rounds(7, 3))
    report.add("verify_vs_sha", ratio(rates["verified"], rates["hashlib alone"]))
    report.spreads(f"Verifying {ledger.events:,} events, events a second", "what", rates)


def _states(ledger: Filled) -> list[bytes]:
    with psycopg.connect(ledger.conninfo) as connection:
        query = "select state from ledger_events where notification_id <= %s order by notification_id"
        return [state for (state,) in connection.cursor(binary=True).execute(query, (HASHED,))]


def tree_root(states: list[bytes]) -> bytes:
    """The root over the leaves of some events (RFC 9162, 2.1), by hashlib and nothing else."""
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + state).digest() for state in states]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]
