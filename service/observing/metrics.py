"""Metrics for Prometheus: requests, appends, how far the views are behind, how old the last checkpoint is."""

from collections.abc import Iterator
from typing import Any

from eventsourcing.persistence import PersistenceError
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.daybook import Daybook
from service.observing.work import PARTS, DatabaseWork, Work
from service.storing.writing import Head
from service.version import VERSION

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


class ServiceMetrics:
    """The metrics of one service."""

    def __init__(self, daybook: Daybook, work: Work) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "daybook_http_requests", "HTTP requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.durations = Histogram(
            "daybook_http_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.group_events = Histogram(
            "daybook_append_group_events",
            "Events that were recorded together in one transaction.",
            buckets=GROUP_SIZES,
            registry=self.registry,
        )
        self.registry.register(_State(daybook, work))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(method, route, str(status)).inc()
        self.durations.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)


class _State(Collector):
    """What is read when it is asked for."""

    def __init__(self, daybook: Daybook, work: Work) -> None:
        self._daybook = daybook
        self._work = work

    def collect(self) -> Iterator[Metric]:
        yield _gauge("daybook_build", "What runs here.", 1, version=VERSION, origin=self._daybook.origin)
        committer, follower = self._daybook.committer, self._daybook.follower
        yield _gauge("daybook_append_waiting_commands", "Commands that wait to be recorded.", committer.waiting)
        oldest_s, failing = committer.oldest_s, committer.trouble is not None
        yield _gauge("daybook_append_oldest_waiting_seconds", "How long the oldest of them has waited.", oldest_s)
        yield _gauge("daybook_append_failing", "1: nothing can be recorded, as far as was noticed.", failing)
        yield _gauge("daybook_projection_position", "The last event that the views know.", follower.position)
        stopped = follower.failure is not None
        yield _gauge("daybook_projection_stopped", "1: the views cannot go on.", stopped)
        following = follower.following
        yield _gauge("daybook_projection_retrying", "1: the last attempt failed.", following.state == "retrying")
        yield _gauge("daybook_projection_rebuilding", "1: they are built anew.", following.state == "rebuilding")
        yield _gauge(
            "daybook_projection_level_before_seconds",
            "Time since the views were last level with the ledger.",
            following.level_before_s,
        )
        yield from self._of_threads()
        yield from self._of_imports()
        try:
            yield from self._of_database()
        except PersistenceError:
            # It is away, or does not do what it is asked.
            yield _gauge("daybook_database_up", "1: PostgreSQL is reached.", 0)

    def _of_threads(self) -> Iterator[Metric]:
        families: list[Any] = [
            GaugeMetricFamily("daybook_thread_up", "1: a thread in the background does its work.", labels=["thread"]),
            GaugeMetricFamily("daybook_thread_silent_seconds", "Time since its last sign of life.", labels=["thread"]),
            GaugeMetricFamily("daybook_thread_failures", "Failures in a row.", labels=["thread"]),
        ]
        for life in self._daybook.lives:
            for family, value in zip(families, (life.is_well, life.silent_s, life.failures), strict=True):
                family.add_metric([life.name], float(value))
        yield from families

    def _of_database(self) -> Iterator[Metric]:
        follower, seen = self._daybook.follower, self._work.look()
        position, head = follower.position, seen.head
        yield _gauge("daybook_database_up", "1: PostgreSQL is reached and answers.", head is not None)
        yield _gauge("daybook_writing_possible", "1: nothing speaks against it.", self._work.trouble(seen) is None)
        unseen: Any = GaugeMetricFamily(
            "daybook_work_unseen", "1: the database does not say how it goes.", labels=["work"]
        )
        for part in PARTS:
            unseen.add_metric([part], float(part in seen.unseen))
        yield unseen
        if head is not None:
            yield from self._of_head(head, position, seen)
        if seen.uncovered is not None:
            yield from self._of_checkpoints(seen, seen.uncovered)
        if "webhooks" not in seen.unseen:
            yield from self._of_webhooks(seen)

    def _of_head(self, head: Head, position: int, seen: DatabaseWork) -> Iterator[Metric]:
        lag = max(0, head.position - position)
        yield _counter("daybook_ledger_events", "Events in the ledger.", head.position)
        yield _gauge("daybook_projection_lag_events", "Events not in the views yet.", lag)
        lag_s = max(0.0, seen.unviewed_s or 0.0) if lag else 0.0
        yield _gauge("daybook_projection_lag_seconds", "How long the first of them has waited.", lag_s)
        part = position / head.position if head.position else 1.0
        yield _gauge("daybook_projection_progress_ratio", "Part of the ledger that the views know.", min(1.0, part))

    def _of_webhooks(self, seen: DatabaseWork) -> Iterator[Metric]:
        yield _gauge("daybook_webhooks_waiting", "Webhooks to which something is still to be sent.", seen.waiting)
        oldest_s = max(0.0, seen.oldest_s or 0.0)
        yield _gauge("daybook_webhooks_oldest_waiting_seconds", "How long the oldest event waits for one.", oldest_s)
        yield _gauge("daybook_webhooks_failing", "Webhooks whose last attempt failed.", seen.failing)
        yield _gauge("daybook_webhooks_disabled", "Webhooks that were given up.", seen.disabled)

    def _of_checkpoints(self, seen: DatabaseWork, uncovered: int) -> Iterator[Metric]:
        hindered = self._daybook.log.publisher.hindrance is not None
        yield _gauge("daybook_checkpoint_hindered", "1: this process may issue none.", hindered)
        age_s = seen.issued_before_s
        if age_s is not None:
            yield _gauge("daybook_checkpoint_size", "Events under the last checkpoint.", seen.size or 0)
            yield _gauge("daybook_checkpoint_age_seconds", "Time since the last checkpoint was issued.", age_s)
        yield _gauge("daybook_checkpoint_uncovered_events", "Events under no checkpoint yet.", uncovered)

    def _of_imports(self) -> Iterator[Metric]:
        importing = self._work.imports
        yield _gauge("daybook_imports_waiting", "Files that wait to be imported.", importing.waiting)
        yield _gauge("daybook_imports_running", "1: one is being imported by this process.", importing.running)
        age_s = importing.age_s or 0.0
        yield _gauge("daybook_imports_running_seconds", "How long it has been.", age_s)
        yield _gauge("daybook_imports_retrying", "1: what it needs is not there.", importing.reason is not None)


def _gauge(name: str, text: str, value: float, **labels: str) -> Metric:
    family: Any = GaugeMetricFamily(name, text, labels=list(labels))
    family.add_metric(list(labels.values()), float(value))
    return family  # type: ignore[no-any-return]


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=float(value))
