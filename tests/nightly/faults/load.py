"""A mixed load for some minutes: memory, descriptors, threads, lag and latencies at its beginning and at its end."""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.nightly.faults.company import Clerk, Receiver
from tests.nightly.faults.records import judge
from tests.nightly.faults.stage import Stage, short_folder
from tests.service.postgres_owner import wait_until

EVENTS = "/api/v1/events"

#: What readers ask, one after the other; `{n}` differs each time, so that nothing is answered from what is kept.
QUESTIONS = (
    "/api/v1/views/vendor-dependence?buyer=baidu&effective_on=2023-09-01&position={n}",
    "/api/v1/views/regulatory-exposure?buyer=baidu&position={n}",
    "/api/v1/views/vendor-dependence/series?from=2023-08-01&to=2023-09-30&step=P7D&position={n}",
    "/api/v1/events?after={n}&limit=100",
    "/api/v1/orders?limit=50",
    "/api/v1/organizations",
    "/metrics",
)
READERS = 2
#: Orders of a file that is imported, and seconds between two of them.
FILE_ORDERS = 2_000
FILES_EVERY_S = 60.0
#: How long what was begun may take at the end.
LAST_S = 60.0
#: Between two looks, and between two words about how it goes.
LOOK_S = 5.0
SAY_S = 30.0
#: Between two questions of a reader.
THINK_S = 0.05
#: Parts of the time that count as the beginning and as the end.
EDGE = 0.2
#: How much of each there may be at the end, of what there was at the beginning; the views keep what they were told.
MOST_GROWTH = {"memory": 1.5, "descriptors": 1.2, "threads": 1.2}


@dataclass
class Sample:
    """A look at the service."""

    at: float
    memory_mb: float
    descriptors: int
    threads: int
    lag_events: int


@dataclass
class Load:
    """What was measured."""

    samples: list[Sample] = field(default_factory=list)
    #: When an answer came, and how long it took in milliseconds.
    reads: list[tuple[float, float]] = field(default_factory=list)
    writes: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    acknowledged: int = 0
    #: The last event that was heard on the stream.
    heard: int = 0

    def rows(self) -> list[tuple[str, str, str]]:
        """Name, at the beginning, at the end."""
        first, last = _edges([sample.at for sample in self.samples])

        def over(get: Callable[[Sample], float], moments: tuple[float, float]) -> float:
            return statistics.median(get(sample) for sample in self.samples if moments[0] <= sample.at <= moments[1])

        def taken(measured: list[tuple[float, float]], moments: tuple[float, float]) -> str:
            found = sorted(ms for at, ms in measured if moments[0] <= at <= moments[1]) or [0.0]
            return f"{statistics.median(found):.0f} / {found[int(len(found) * 0.99)]:.0f}"

        looks: list[tuple[str, Callable[[Sample], float]]] = [
            ("memory, MB", lambda sample: sample.memory_mb),
            ("descriptors", lambda sample: sample.descriptors),
            ("threads", lambda sample: sample.threads),
            ("lag, events", lambda sample: sample.lag_events),
        ]
        rows = [(name, f"{over(get, first):.0f}", f"{over(get, last):.0f}") for name, get in looks]
        rows.append(("a write, ms, median / 99 %", taken(self.writes, first), taken(self.writes, last)))
        rows.append(("a question, ms, median / 99 %", taken(self.reads, first), taken(self.reads, last)))
        return rows

    def judge_growth(self) -> None:
        """Add what grew beyond what it may."""
        for name, before, after in self.rows():
            most = MOST_GROWTH.get(name.partition(",")[0])
            if most is not None and float(after) > most * float(before):
                self.wrong.append(f"{name}: {before} at the beginning, {after} at the end")


def bear(minutes: float, report: Callable[[str], None]) -> Load:
    """Write, ask, import, tell and listen for so long, and look."""
    load, ended, receiver, clerk = Load(), threading.Event(), Receiver(), Clerk(FILE_ORDERS)
    with short_folder() as folder:
        stage = Stage(folder, company=receiver)
        try:
            stage.open(writers=2)
            threads = [threading.Thread(target=_read, args=(stage, load, ended, n)) for n in range(READERS)]
            threads.append(threading.Thread(target=_listen, args=(stage, load, ended)))
            for thread in threads:
                thread.start()
            _look(stage, load, clerk, minutes * 60, report)
            stage.rest()
            for company in (receiver, clerk):
                company.expect(stage)
                if not wait_until(lambda one=company: one.waits_for(stage) is None, LAST_S):
                    load.wrong.append(str(company.waits_for(stage)))
                load.wrong += company.faults(stage)
            ended.set()
            for thread in threads:
                thread.join()
            record = stage.record()
            load.acknowledged = len(record.places)
            load.writes = [(end, 1000 * (end - began)) for began, end in record.acknowledged]
            verdict = judge(record, stage.conninfo())
            load.wrong += [*verdict.faults, *record.wrong[:5]]
            if load.heard != verdict.events:
                load.wrong.append(f"{load.heard} of {verdict.events} events were heard on the stream")
        finally:
            ended.set()
            stage.close()
    load.judge_growth()
    return load


def _look(stage: Stage, load: Load, clerk: Clerk, seconds: float, report: Callable[[str], None]) -> None:
    """Take samples for so long, and send a file now and then."""
    until = time.monotonic() + seconds
    say_at = send_at = 0.0
    while (now := time.monotonic()) < until:
        load.samples.append(_sample(stage))
        if now >= send_at:
            send_at = now + FILES_EVERY_S
            clerk.send(stage)
        if now >= say_at:
            say_at = now + SAY_S
            report(f"load: {until - now:.0f} s to go")
        time.sleep(min(LOOK_S, seconds / 20))


def _listen(stage: Stage, load: Load, ended: threading.Event) -> None:
    """Hear every event once, in order."""
    heard = 0
    try:
        with stage.service.client() as client, client.stream("GET", f"{EVENTS}/stream", params={"after": 0}) as stream:
            for line in stream.iter_lines():
                if line.startswith("id: "):
                    if int(line[4:]) != heard + 1:
                        load.wrong.append(f"the stream has {line} behind {heard}")
                    heard = int(line[4:])
                # A comment comes every few seconds.
                if ended.is_set():
                    break
    except httpx2.HTTPError as error:
        load.wrong.append(f"the stream broke behind {heard}: {error!r}")
    load.heard = heard


def _read(stage: Stage, load: Load, ended: threading.Event, number: int) -> None:
    turn = number
    with stage.service.client() as client:
        while not ended.wait(THINK_S):
            turn += READERS
            path = QUESTIONS[turn % len(QUESTIONS)].format(n=1 + turn // len(QUESTIONS))
            began = time.monotonic()
            try:
                answer = client.get(path)
            except httpx2.HTTPError as error:
                load.wrong.append(f"{path}: {error!r}")
                return
            load.reads.append((time.monotonic(), 1000 * (time.monotonic() - began)))
            if answer.status_code not in (200, 503):
                load.wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")
                return


def _sample(stage: Stage) -> Sample:
    pid = stage.service.process.pid
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    _, state = stage.readiness()
    return Sample(
        at=time.monotonic(),
        memory_mb=int(status["VmRSS"].split()[0]) / 1024,
        descriptors=len(list((process / "fd").iterdir())),
        threads=int(status["Threads"]),
        lag_events=int(state.get("lag_events", 0)),
    )


def _edges(moments: list[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    first, last = min(moments), max(moments)
    part = (last - first) * EDGE
    # The first answers are of a service that has just started.
    return (first + part / 2, first + part * 1.5), (last - part, last)
