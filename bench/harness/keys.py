"""Every key that the suite measures: what it means, the least that is asked of it, and what it aims at."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["aim", "ok", "missed"]


@dataclass(frozen=True, slots=True)
class Key:
    """A ratio, or a size in MB, that is held against two limits."""

    name: str
    #: What is measured, against what.
    words: str
    #: What must be reached.
    least: float
    aim: float
    #: Whether more is better; else `least` is the most that is allowed.
    more: bool = False
    #: What must be reached in a quick run, where it differs.
    quick: float | None = None

    def limit(self, *, quick: bool) -> float:
        """What must be reached."""
        return self.quick if quick and self.quick is not None else self.least

    def verdict(self, median: float, *, quick: bool) -> Verdict:
        """Which of its limits a median reaches."""
        sign = 1 if self.more else -1
        if sign * median >= sign * self.aim:
            return "aim"
        return "ok" if sign * median >= sign * self.limit(quick=quick) else "missed"


ONE_EVENT = "processor time of the service over HTTP, in GETs of one event"
STOCK = "the eventsourcing library's own save of the same, times as fast"
SUM = "time of a plain sum of the same lines by vendor in a table of the bench's own"

KEYS = {
    key.name: key
    for key in (
        Key("view_fixed_vs_event", f"dependence on the seed: {ONE_EVENT}", 4, 2),
        Key("exposure_fixed_vs_event", f"regulatory exposure on the seed: {ONE_EVENT}", 4, 2),
        Key("evidence_fixed_vs_event", f"evidence of a row on the seed: {ONE_EVENT}", 4, 2),
        Key("series_fixed_vs_event", f"a series of a year on the seed: {ONE_EVENT}", 15, 6),
        Key("diff_fixed_vs_event", f"a difference on the seed: {ONE_EVENT}", 10, 4),
        Key("buyer_20k_vs_event", f"one buyer's dependence on 20,000 lines: {ONE_EVENT}", 15, 6),
        Key(
            "views_parallel_seed", "views a second of 8 clients on the seed, of those of one client", 0.9, 1, more=True
        ),
        Key(
            "views_parallel", "share of the processors that views of 8 clients on the market use", 0.8, 0.95, more=True
        ),
        Key("asof_vs_sum", f"whole market, spend ordered, at a random T, K and P: {SUM}", 8, 4, quick=10),
        Key("exposure_vs_sum", f"whole market, exposure, spend ordered, 50 rules: {SUM}", 12, 6, quick=20),
        Key("asof_vs_postgres", "the same as asof: times as fast as plain SQL in PostgreSQL", 3, 8, more=True),
        Key("asof_vs_replay", "the same: times as fast as folding the library's aggregates", 1_000, 10_000, more=True),
        Key("buyer_growth", "one buyer's view in a market of ten times the buyers, of itself in one", 1.5, 1.2),
        Key("real_vs_sum", f"dependence with top=20 on the real-shaped ledger: {SUM}", 15, 6),
        Key("real_cold_vs_sum", "the same, asked first", 75, 30),
        Key("real_rss_mb", "memory of the service that was asked it, in MB", 1_000, 500),
        Key(
            "rebuild_vs_runner",
            "events a second into all projections: the library's ProjectionRunner",
            80,
            100,
            more=True,
        ),
        Key("rebuild_vs_copy_out", "the same: raw COPY out of PostgreSQL", 0.2, 0.3, more=True),
        Key("import_vs_stock", f"orders imported, hashed and durable: {STOCK}", 6, 10, more=True),
        Key("import_vs_copy", "the same: COPY BINARY of the same rows", 0.5, 0.8, more=True),
        Key("import_with_views_vs_stock", f"import until the views are level: {STOCK}", 4, 4.5, more=True),
        Key("table_vs_ndjson", "a CSV of order lines with a mapping: NDJSON of the same orders", 0.5, 0.8, more=True),
        Key("mixed_vs_stock", f"receipts, amendments, changes in batches of 300: {STOCK}", 3, 6, more=True),
        Key("http_vs_stock", "durable POST /orders, 64 clients: FastAPI with the library's save", 2.5, 4, more=True),
        Key("http_vs_noop", "the same: a FastAPI app that validates and does nothing", 0.5, 0.8, more=True),
        Key("lag_p99_vs_insert", "99 of 100 acknowledged events visible within: durable one-row inserts", 50, 15),
        Key("verify_vs_sha", "events verified a second: hashlib over the same leaves and nodes", 0.35, 0.5, more=True),
        Key("cli_vs_python", "`daybook --version`: `python -c pass`", 8, 4),
        Key("cli_query_vs_python", "`daybook query dependence` on the seed: `python -c pass`", 40, 20),
        Key("rss_10m_mb", "memory of `serve` on the market after 100 mixed questions, in MB", 2_500, 1_200),
    )
}
