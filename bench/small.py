"""What a small question costs the service in processor time, beside reading one event, over HTTP.

    python -m bench.small [--questions 60] [--lines 20000] [--json FILE]

A service of its own answers on the example ledger, and another on a market of so many lines. No question is asked
twice: each has a moment of its own in the three clocks. The first answers, with which a service warms up, are not
counted.
"""

import argparse
import http.client
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from bench.market import market
from bench.posting import serving
from bench.table import print_table
from service.cli.seed import SEED
from service.daybook import Daybook, open_daybook
from service.postgres.database import database
from service.settings import Settings
from service.web.bodies import read_events

VIEWS = "/api/v1/views"
#: Answers before those that count, and how often the questions are gone through.
WARMING, ROUNDS = 20, 5
PAGE = 5_000
#: How much of what the best runs allow an answer may cost, in GETs of one event: at most, and as hoped for.
LIMITS = {"dependence": (4, 2), "exposure": (4, 2), "evidence": (4, 2), "series": (15, 6), "difference": (10, 4)}

Ask = Callable[[int], str]


def record_seed(daybook: Daybook) -> int:
    """Record the example ledger; how many events it has."""
    return record(daybook, SEED.read_bytes())


def record_market(daybook: Daybook, lines: int) -> int:
    """Record a made-up market; how many events it has."""
    events, total = market(lines, Random(1)), 0
    while page := list(islice(events, PAGE)):
        kept = ("type", "effective_on", "known_on", "data")
        sent = [{name: value for name, value in json.loads(body).items() if name in kept} for _, body in page]
        total += record(daybook, "\n".join(map(json.dumps, sent)).encode())
    return total


def record(daybook: Daybook, lines: bytes) -> int:
    """Record events, one a line; how many."""
    requests = read_events(lines, "application/x-ndjson").requests
    daybook.committer.record(requests)
    return len(lines.splitlines())


@contextmanager
def service_on(fill: Callable[[Daybook], int]) -> Iterator[tuple["Service", int]]:
    """A service of its own, and how many events its ledger has."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as home, database(Settings(home=Path(home))) as conninfo:
        settings = Settings(home=Path(home), database_url=conninfo)
        with open_daybook(settings, follow=False) as daybook:
            events = fill(daybook)
        token = secrets.token_hex(16)
        own = {"DAYBOOK_HOME": home, "DAYBOOK_DATABASE_URL": conninfo, "DAYBOOK_ADMIN_TOKEN": token}
        with serving([sys.executable, "-m", "service", "serve", "--port"], own) as port:
            yield Service(port, token), events


class Service:
    """One connection to a service, and the processor time that the service takes."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._process = _listener(port)

    def get(self, path: str) -> bytes:
        """The answer."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body!r:.400}")
        return body

    def processor_s(self) -> float:
        """What its process has taken so far, of all threads: the clock that clock_getcpuclockid(3) names."""
        return time.clock_gettime(~self._process << 3 | 2)

    def cost_ms(self, ask: Ask, first: int, many: int) -> float:
        """What one of so many questions takes, from the first number on."""
        for number in range(first, first + WARMING // ROUNDS):
            self.get(ask(-number - 1))
        before = self.processor_s()
        for number in range(first, first + many):
            self.get(ask(number))
        return (self.processor_s() - before) * 1_000 / many


def _listener(port: int) -> int:
    """The process that listens at a port of this machine."""
    wanted = f":{port:04X}"
    inodes = {
        fields[9]
        for fields in (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[1].endswith(wanted) and fields[3] == "0A"
    }
    for process in Path("/proc").glob("[0-9]*"):
        try:
            names = {str(file.readlink()) for file in (process / "fd").iterdir()}
        except OSError:
            continue
        if any(f"socket:[{inode}]" in names for inode in inodes):
            return int(process.name)
    raise SystemExit(f"nothing listens at {port}")


def questions(events: int, buyers: list[str], first_day: date, last_day: date) -> dict[str, Ask]:
    """By view, the path of its n-th question; no two are alike."""
    days = (last_day - first_day).days

    def moment(random: Random, *, known: bool = True) -> dict[str, str]:
        on = first_day + timedelta(random.randrange(days))
        known_on = first_day + timedelta(random.randrange(days // 2, days + 600))
        return {"effective_on": on.isoformat(), "position": str(random.randrange(events * 2 // 3, events + 1))} | (
            {"known_on": known_on.isoformat()} if known else {}
        )

    def chosen(random: Random) -> dict[str, str]:
        return {
            "buyer": random.choice(buyers),
            "measure": random.choice(("units", "spend", "capacity")),
            "by": random.choice(("vendor", "maker", "country", "product")),
            "status": random.choice(("ordered", "delivered", "open")),
        }

    def asking(view: str, asked: Callable[[Random], list[tuple[str, str]]]) -> Ask:
        return lambda number: f"{VIEWS}/{view}?{urlencode(asked(Random(f'{view} {number}')))}"

    def plain(random: Random) -> list[tuple[str, str]]:
        return [*(moment(random) | chosen(random)).items()]

    def series(random: Random) -> list[tuple[str, str]]:
        clocks = moment(random)
        until = date.fromisoformat(clocks.pop("effective_on"))
        asked = {"from": (until - timedelta(random.randrange(300, 400))).isoformat(), "to": until.isoformat()}
        return [*(clocks | chosen(random) | asked | random.choice(({}, {"step": "P1M"}))).items()]

    def difference(random: Random) -> list[tuple[str, str]]:
        clocks = moment(random)
        first = date.fromisoformat(clocks["effective_on"]) - timedelta(random.randrange(60, 400))
        return [*(clocks | chosen(random)).items(), ("effective_on", first.isoformat())][::-1]

    def evidence(random: Random) -> list[tuple[str, str]]:
        asked = moment(random) | chosen(random) | {"by": "vendor"}
        return [*asked.items(), ("key", random.choice(("nvidia", "huawei", "kunlunxin", "vendor-7", "vendor-120")))]

    return {
        "dependence": asking("vendor-dependence", plain),
        "exposure": asking("regulatory-exposure", lambda random: [one for one in plain(random) if one[0] != "by"]),
        "evidence": asking("vendor-dependence/evidence", evidence),
        "series": asking("vendor-dependence/series", series),
        "difference": asking("vendor-dependence/diff", difference),
    }


def measured(service: Service, events: int, asks: dict[str, Ask], many: int) -> dict[str, list[float]]:
    """By view what a question costs in each round, in milliseconds; all of them in turn."""
    every = {"one event": lambda number: f"/api/v1/events/{1 + number % events}"} | asks
    found: dict[str, list[float]] = {name: [] for name in every}
    for number in range(ROUNDS + 1):
        for name, ask in every.items():
            # The first time warms up.
            times = 5 if name == "one event" else 1
            cost = service.cost_ms(ask, number * many * times, many * times)
            if number:
                found[name].append(cost)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    ledgers: dict[str, tuple[Callable[[Daybook], int], list[str], tuple[date, date]]] = {
        "seed": (record_seed, ["baidu", "tencent", "alibaba"], (date(2022, 6, 1), date(2024, 3, 31))),
    }
    if arguments.lines:
        ledgers["market"] = (
            lambda daybook: record_market(daybook, arguments.lines),
            [f"buyer-{number}" for number in range(50)],
            (date(2022, 3, 1), date(2024, 12, 31)),
        )
    ratios = {}
    for ledger, (fill, buyers, days) in ledgers.items():
        with service_on(fill) as (service, events):
            asks = questions(events, buyers, *days)
            if arguments.only:
                asks = {name: ask for name, ask in asks.items() if name in arguments.only}
            found = measured(service, events, asks, max(1, arguments.questions // ROUNDS))
        one = statistics.median(found["one event"])
        rows = []
        for name, costs in found.items():
            median, low, high = statistics.median(costs), min(costs), max(costs)
            ratios[f"{ledger} {name}"] = {"median": median / one, "low": low / one, "high": high / one}
            at_most, aim = LIMITS.get(name, ("", ""))
            rows.append(
                (name, f"{median:.1f}", f"{low:.1f} to {high:.1f}", f"{median / one:.1f}", str(at_most), str(aim))
            )
        titles = ("what", "ms", "from, to", "GETs of one event", "at most", "aim")
        print_table(f"Processor time of the service on {ledger}, {events:,} events", titles, rows)
    if arguments.json:
        arguments.json.write_text(json.dumps({"ratios": ratios}, indent=1))


if __name__ == "__main__":
    main()
