"""How soon the views show what was acknowledged, at 1,000 events a second, beside a durable insert of one row.

Orders are posted in small batches at a steady pace. When one is acknowledged, another client asks a question
whose answer must have it; the time from the acknowledgement to the answer counts, the question's own time included.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from statistics import median

import psycopg

from bench.harness.alternating import Spread, alternate, ratio
from bench.harness.asked import Service, service_of
from bench.harness.report import Report, figure
from bench.harness.suite import Bench
from bench.material.files import order
from bench.material.ledgers import fill, record_seed

EVENTS_A_SECOND, BATCH = 1_000, 50
QUESTION = "/api/v1/organizations/baidu?min_position="
INSERTS = 200


def measure(run: Bench, report: Report) -> None:
    """The 99th of 100 such times, and the median insert."""
    ledger = fill(run.cluster, "following", record_seed)
    seconds = min(10.0 if not run.quick else 5.0, 100 * run.scale)
    names, rates, lags = count(), list[float](), list[float]()
    with (
        service_of(ledger, run.folder / "following.log") as service,
        psycopg.connect(ledger.conninfo, autocommit=True) as connection,
    ):
        connection.execute("create table one_row (n bigint primary key, body text)")
        inserted = count()

        def insert() -> float:
            took = []
            for _ in range(INSERTS):
                start = time.perf_counter()
                connection.execute("insert into one_row values (%s, %s)", (next(inserted), "x" * 500))
                took.append(time.perf_counter() - start)
            return median(took)

        def lag() -> float:
            load = Load(service, f"following-{next(names)}", seconds)
            found = sorted(load.run())
            rates.append(load.rate)
            lags.extend(found)
            return found[int(len(found) * 0.99)]

        lag()
        rates.clear()
        lags.clear()
        took = alternate({"lag": lag, "insert": insert}, run.rounds(7, 5))
    report.add("lag_p99_vs_insert", ratio(took["lag"], took["insert"]))
    rows = [
        ("acknowledged to visible, median", figure(1_000 * median(lags))),
        ("acknowledged to visible, 99 of 100", figure(1_000 * Spread.of(took["lag"]).median)),
        ("a durable insert of one row", figure(1_000 * median(took["insert"]))),
    ]
    report.table(f"At {median(rates):,.0f} events a second", ("what", "ms"), rows)


class Load:
    """Orders posted at a steady pace by one client, and what another sees of them."""

    def __init__(self, service: Service, name: str, seconds: float) -> None:
        self._service, self._name, self._seconds = service, name, seconds
        #: The last position that was acknowledged, and when.
        self._acknowledged: tuple[int, float] | None = None
        self._posted = threading.Condition()
        self._ended = False
        self.rate = 0.0

    def run(self) -> list[float]:
        """Seconds from an acknowledgement to an answer that has it."""
        found: list[float] = []
        errors: list[Exception] = []
        work = [threading.Thread(target=self._taking(errors, part)) for part in (self._post, lambda: self._look(found))]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
        if errors:
            raise errors[0]
        return found

    def _taking(self, errors: list[Exception], part: Callable[[], None]) -> Callable[[], None]:
        def work() -> None:
            try:
                part()
            except Exception as error:
                errors.append(error)
            finally:
                with self._posted:
                    self._ended = True
                    self._posted.notify_all()

        return work

    def _post(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=60)) as connection:
            self._posting(connection)

    def _posting(self, connection: http.client.HTTPConnection) -> None:
        headers = {"Authorization": f"Bearer {self._service.token}", "Content-Type": "application/x-ndjson"}
        start, posted = time.perf_counter(), 0
        while (now := time.perf_counter() - start) < self._seconds:
            time.sleep(max(0.0, posted / EVENTS_A_SECOND - now))
            body = "\n".join(json.dumps(order(posted + number, self._name)) for number in range(BATCH))
            connection.request("POST", "/api/v1/events", body, headers)
            answer = connection.getresponse()
            taken = answer.read()
            acknowledged_at = time.perf_counter()
            if answer.status != 201:
                raise RuntimeError(f"an order was refused: {answer.status} {taken!r:.300}")
            posted += BATCH
            with self._posted:
                self._acknowledged = json.loads(taken)["events"][-1]["position"], acknowledged_at
                self._posted.notify_all()
        self.rate = posted / (time.perf_counter() - start)

    def _look(self, found: list[float]) -> None:
        with closing(self._service.another()) as service:
            self._asking(service, found)

    def _asking(self, service: Service, found: list[float]) -> None:
        while True:
            with self._posted:
                self._posted.wait_for(lambda: self._ended or self._acknowledged is not None)
                if self._ended:
                    return
                assert self._acknowledged is not None
                position, acknowledged_at = self._acknowledged
                self._acknowledged = None
            service.get(f"{QUESTION}{position}")
            found.append(time.perf_counter() - acknowledged_at)
