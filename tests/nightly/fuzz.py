"""Sends a real service thousands of requests that are generated or changed, and fails where one goes wrong.

./run fuzz [--requests 10000] [--seed 1] [--only KIND]...      kinds: described, files, bodies, headers
./run fuzz --only files --seed 1 --first 812 --requests 1      one input again, as a run names it

described: generated from the description of the interface; every answer must be as described. files: changed files of
every format of imports, read by the code itself in a process of its own, every twentieth sent to the service, too.
bodies, headers: changed bodies and heads of requests. No answer may be 5xx, no fault may be in the log, and memory must
stay within a bound. Exit code 1 where anything is wrong.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from service.web.description.examples import STORY
from tests.hostile.watching import memory_mb
from tests.nightly.corpus import MAPPING, NEEDING_MAPPING, body_of, file_of, head_of
from tests.service.postgres_owner import ROOT
from tests.service.processes import TOKEN, Service, serving

#: An answer must be one that is described, in its status, its media type, its headers and its content.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
    "ignored_auth",
)
#: It answers for as long as one listens; `listened` asks it by itself.
ENDLESS = "stream_events"
#: Requests of each operation in one round.
EXAMPLES = 40
#: What an answer may take on a busy machine.
TIMEOUT_S = 60


class Failed(Exception):
    """Answers were not as they must be."""


def tell(service: Service) -> None:
    """Record the story, so that there is something to ask about."""
    with service.client() as client:
        for step in STORY:
            answer = client.post(f"/api/v1{step.path}", json=step.body)
            assert answer.status_code == 201, answer.text


def generated(service: Service, *arguments: str) -> None:
    """Have Schemathesis send what it makes of the description; Failed with what it found."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{service.address}/openapi.json"),
        *("--url", service.address, "--header", f"Authorization: Bearer {TOKEN}", "--checks", ",".join(CHECKS)),
        *("--exclude-operation-id", ENDLESS, "--request-timeout", str(TIMEOUT_S), "--continue-on-failure"),
        *("--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        *arguments,
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.nightly.generated", "PYTHONPATH": str(ROOT)}
    # What it keeps for another time lies where the home does, and goes with it.
    ended = subprocess.run(
        command, cwd=service.home.parent, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise Failed(f"{ended.stdout[-20_000:]}\n{ended.stderr[-5_000:]}")


def listened(service: Service) -> None:
    """Ask for streams of events in all sorts of ways, and hear what comes first of each; Failed where that is wrong."""
    asked = (
        ({"after": "0"}, {}, 200),
        ({}, {}, 200),
        ({"after": "0", "type": "order-placed"}, {}, 200),
        ({"after": "0", "stream": "order/none", "other": "1"}, {"Last-Event-ID": ""}, 200),
        ({"after": "999999999"}, {}, 400),
        ({"after": "-1"}, {}, 422),
        ({"after": "x"}, {}, 422),
        ({"after": str(2**70)}, {}, 422),
        ({}, {"Last-Event-ID": "7x"}, 400),
        ({}, {"Last-Event-ID": "9" * 30}, 400),
    )
    with service.client() as client:
        for query, headers, status in asked:
            with client.stream("GET", "/api/v1/events/stream", params=query, headers=headers) as answer:
                first = next(answer.iter_lines())
            if answer.status_code != status or (status == 200 and not first.startswith((":", "retry:"))):
                raise Failed(f"stream_events {query} {headers}: {answer.status_code} {first}")


def answered(service: Service) -> dict[str, int]:
    """How many requests the service has answered, by status."""
    with service.client() as client:
        lines = client.get("/metrics").text.splitlines()
    found: dict[str, int] = {}
    for line in lines:
        if match := re.fullmatch(r'daybook_http_requests_total\{.*status="(\d+)"\} ([\d.e+]+)', line):
            found[match[1]] = found.get(match[1], 0) + int(float(match[2]))
    return found


#: What the service's process may have in memory at most, and more at the end than at the beginning.
PEAK_MB = 1_536
GROWTH_MB = 768
#: Of so many files one is sent to the service as well.
SENT_FILES = 20
#: Requests that are on their way at once.
AT_ONCE = 4
#: What the head of a request may take that was cut short: the service waits for the rest, and we do not.
SILENCE_S = 0.3
#: Faults that are told in full.
MOST_TOLD = 10
#: Of a traceback the end says what it was.
TOLD_CHARACTERS = 900

Tell = Callable[[int], None]


@dataclass
class Tally:
    """What came of the inputs of one kind."""

    kind: str
    sent: int = 0
    #: Answers by the first digit of their status; files: taken and refused; connections closed without an answer.
    came: Counter[str] = field(default_factory=Counter)
    #: What went wrong, in words.
    wrong: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def add(self, became: str) -> None:
        """One more input."""
        self.sent += 1
        self.came[became] += 1


def described(service: Service, tally: Tally, wanted: argparse.Namespace, tell: Tell) -> None:
    """Requests that are generated from the description."""
    before, seed = answered(service), wanted.seed
    try:
        listened(service)
        # Some thousands of its own choice: every boundary of every parameter and field.
        generated(service, "--phases", "examples,coverage", "--seed", str(seed))
        while (done := sum(answered(service).values()) - sum(before.values())) < wanted.requests:
            tell(done)
            seed += 1
            generated(service, "--phases", "fuzzing,stateful", "-n", str(EXAMPLES), "--seed", str(seed))
    except Failed as failed:
        tally.wrong.append(str(failed))
    for status, count in answered(service).items():
        tally.came[status[0]] += count - before.get(status, 0)
    tally.sent = sum(tally.came.values())


def files(service: Service, tally: Tally, wanted: argparse.Namespace, tell: Tell) -> None:
    """Changed files: read in a process of their own, and some of them sent."""
    number, upto = wanted.first, wanted.first + wanted.requests
    with service.client() as client:
        client.put("/api/v1/mappings/fuzz", content=MAPPING).raise_for_status()
        while number < upto:
            number = _read(service, client, tally, wanted, number, upto, tell)
        _await_imports(client, tally)


def _read(
    service: Service, client: httpx2.Client, tally: Tally, wanted: argparse.Namespace, first: int, upto: int, tell: Tell
) -> int:
    """Have files read until all are, or one of them ends the process; the number to go on with."""
    command = (sys.executable, "-m", "tests.nightly.importing", "--home", str(service.home), "--seed", str(wanted.seed))
    reading = subprocess.Popen(
        [*command, "--first", str(first), "--upto", str(upto)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert reading.stdout is not None
    begun = first - 1
    for line in reading.stdout:
        what, number, *more = json.loads(line)
        if what == "began":
            begun = number
            if number % SENT_FILES == 0:
                _upload(client, tally, wanted.seed, number)
            continue
        kind, became, words = more
        tally.add(became)
        tell(number + 1 - wanted.first)
        if became == "wrong":
            _fault(tally, wanted, number, f"{kind}: {words}")
    code = reading.wait()
    if code == 0:
        return upto
    _fault(tally, wanted, begun, f"the process that read it ended with {code}")
    tally.add("wrong")
    return max(begun, first) + 1


def _upload(client: httpx2.Client, tally: Tally, seed: int, number: int) -> None:
    file = file_of(seed, number)
    asked = {"dry_run": "true", "file": f"fuzz-{number}"}
    if file.format is not None:
        asked["format"] = file.format
    if file.format in NEEDING_MAPPING:
        asked["mapping"] = "fuzz"
    answer = client.post("/api/v1/imports", params=asked, content=file.data)
    if answer.status_code >= 500:
        tally.wrong.append(f"file {number} sent: {answer.status_code} {answer.text[:300]}")


def _await_imports(client: httpx2.Client, tally: Tally) -> None:
    give_up_at = time.monotonic() + 600
    while time.monotonic() < give_up_at:
        listed = client.get("/api/v1/imports?limit=1000").json()["imports"]
        if all(one["finished_at"] is not None for one in listed):
            tally.wrong += [f"an import broke: {one}" for one in listed if "incident" in str(one["detail"])]
            return
        time.sleep(0.5)
    tally.wrong.append("imports that were sent did not end within ten minutes")


def bodies(service: Service, tally: Tally, wanted: argparse.Namespace, tell: Tell) -> None:
    """Changed bodies."""
    with service.client() as client, ThreadPoolExecutor(AT_ONCE) as threads:

        def send(number: int) -> None:
            one = body_of(wanted.seed, number)
            try:
                answer = client.request(
                    one.method, one.path, content=one.data, headers={"Content-Type": one.media_type}
                )
            except httpx2.HTTPError as error:
                tally.add("closed")
                _fault(tally, wanted, number, f"{one.method} {one.path}: {error!r}")
                return
            tally.add(str(answer.status_code)[0])
            if answer.status_code >= 500:
                _fault(tally, wanted, number, f"{one.method} {one.path}: {answer.status_code} {answer.text[:300]}")

        _all(threads, send, wanted, tell)


def headers(service: Service, tally: Tally, wanted: argparse.Namespace, tell: Tell) -> None:
    """Changed heads of requests."""
    parts = urlsplit(service.address)
    address = str(parts.hostname), parts.port or 80

    def send(number: int) -> None:
        heard = b""
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=10) as wire:
            wire.sendall(head_of(wanted.seed, number))
            wire.settimeout(SILENCE_S)
            while b"\r\n" not in heard and (piece := wire.recv(4_096)):
                heard += piece
        status = re.match(rb"HTTP/1\.[01] (\d)\d\d ", heard)
        tally.add(status[1].decode() if status else "closed")
        if status and status[1] == b"5":
            _fault(tally, wanted, number, heard.decode("latin-1")[:300])

    with ThreadPoolExecutor(AT_ONCE * 2) as threads:
        _all(threads, send, wanted, tell)


def _all(threads: ThreadPoolExecutor, send: Callable[[int], None], wanted: argparse.Namespace, tell: Tell) -> None:
    numbers = range(wanted.first, wanted.first + wanted.requests)
    for done, _ in enumerate(threads.map(send, numbers), start=1):
        tell(done)


def _fault(tally: Tally, wanted: argparse.Namespace, number: int, words: str) -> None:
    again = f"./run fuzz --only {tally.kind} --seed {wanted.seed} --first {number} --requests 1"
    tally.wrong.append(f"{words}\n  again: {again}")


KINDS = {"described": described, "files": files, "bodies": bodies, "headers": headers}


def fuzz(wanted: argparse.Namespace, console: Console) -> bool:
    """Send what is wanted to a service on a home of its own, and say what came of it; whether all is well."""
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        serving(Path(folder) / "home", {"DAYBOOK_LOG_REQUESTS": "false"}) as service,
    ):
        tell(service)
        start_mb = memory_mb(service.process.pid, "VmRSS")
        tallies = [_sent(service, kind, wanted, console) for kind in wanted.only or KINDS]
        pid = service.process.pid
        peak_mb, end_mb = memory_mb(pid, "VmHWM"), memory_mb(pid, "VmRSS")
        tracebacks = [line for line in service.said if "Traceback" in line]
        is_ready = service.process.poll() is None and service.is_ready()
    for tally in tallies:
        # Faults that end in the same words are told once.
        once = {words.partition("\n  again: ")[0].rstrip().rpartition("\n")[2]: words for words in tally.wrong}
        for words in list(once.values())[:MOST_TOLD]:
            console.print(f"{tally.kind}: {words}", highlight=False, markup=False, soft_wrap=True)
        if len(once) > MOST_TOLD:
            console.print(f"{tally.kind}: and {len(once) - MOST_TOLD} others", highlight=False)
    # Of a fault that was met often its end is told once.
    for end in list(dict.fromkeys(line.rstrip()[-TOLD_CHARACTERS:] for line in tracebacks))[:MOST_TOLD]:
        console.print(f"in the log: ...{end}", highlight=False, markup=False, soft_wrap=True)
    console.print(_counted(tallies))
    is_small = peak_mb <= PEAK_MB and end_mb - start_mb <= GROWTH_MB
    console.print(
        f"memory: {start_mb:,.0f} MB at the start, {peak_mb:,.0f} at most (bound {PEAK_MB:,}),\n"
        f"        {end_mb:,.0f} at the end (bound +{GROWTH_MB:,}): {'within' if is_small else 'BEYOND'}\n"
        f"tracebacks in the log: {len(tracebacks)}; ready afterwards: {'yes' if is_ready else 'NO'}",
        highlight=False,
    )
    return is_small and is_ready and not tracebacks and not any(tally.wrong or tally.came["5"] for tally in tallies)


def _sent(service: Service, kind: str, wanted: argparse.Namespace, console: Console) -> Tally:
    tally, start = Tally(kind), time.monotonic()
    with _bar(console, kind, wanted.requests) as told:
        KINDS[kind](service, tally, wanted, told)
    tally.took_s = time.monotonic() - start
    return tally


@contextlib.contextmanager
def _bar(console: Console, kind: str, total: int) -> Iterator[Tell]:
    """A bar where there is a terminal, else a line now and then."""
    if not console.is_terminal:
        report(f"{kind} begin")
        last = [time.monotonic()]

        def told(done: int) -> None:
            if time.monotonic() - last[0] > 15:
                last[0] = time.monotonic()
                report(f"{kind} {done:,} of {total:,}")

        yield told
        return
    columns = (TextColumn("{task.description:9}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        yield partial(_advance, bar, bar.add_task(kind, total=total))


def _advance(bar: Progress, task: Any, done: int) -> None:
    bar.update(task, completed=done)


def _counted(tallies: list[Tally]) -> Table:
    """What came of everything, in a table that fits 80 columns."""
    table = Table(box=None, pad_edge=False)
    table.add_column("kind")
    for name in ("sent", "2xx", "3xx", "4xx", "5xx", "taken", "refused", "closed", "wrong", "s"):
        table.add_column(name, justify="right")
    for tally in tallies:
        counts = [tally.came[name] for name in ("2", "3", "4", "5", "taken", "refused", "closed")]
        numbers = [tally.sent, *counts, len(tally.wrong), round(tally.took_s)]
        table.add_row(tally.kind, *(f"{number or '-'}" for number in numbers))
    return table


def report(words: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"fuzz: {time.strftime('%H:%M:%S')} {words}\n")


def main() -> int:
    """Send them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000, help="of each kind (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same inputs (default: 1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (default: 0)")
    parser.add_argument("--only", action="append", choices=tuple(KINDS), help="one kind; repeat for several")
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 80
    return 0 if fuzz(parser.parse_args(), console) else 1


if __name__ == "__main__":
    sys.exit(main())
