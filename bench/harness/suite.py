"""A run of the suite: its groups, how large its ledgers are, and where they lie while it runs."""

import importlib
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness.report import Report
from bench.material.ledgers import Cluster, Filled, fill_market

#: In the order in which they run: small ones first, then those that share the market.
GROUPS = (
    "starting",
    "answering",
    "appending",
    "importing",
    "posting",
    "following",
    "verifying",
    "sizing",
    "real",
    "asking",
    "rebuilding",
    "holding",
    "growth",
)
#: Order lines of the market, and of a quick run's; the smaller market has a tenth of both its lines and buyers.
MARKET_LINES, QUICK_MARKET_LINES = 10_000_000, 1_000_000
MARKET_BUYERS = 500
TENTH = 10
#: Disk that a run takes for each line of the market: the ledger, its indexes and log, the write-ahead log, the views,
#: a plain copy; and for everything else.
BYTES_A_LINE, BYTES_BESIDE = 4_000, 8 << 30


class NoRoom(Exception):
    """The disk has no room for what would be measured."""


@dataclass(slots=True)
class Bench:
    """A run: sizes, folder and what was built for it."""

    folder: Path
    quick: bool
    #: What all sizes are multiplied by.
    scale: float
    _stack: ExitStack
    #: Where `growth` writes its plot.
    plot: Path = Path("growth.svg")
    _cluster: Cluster | None = None
    _markets: dict[int, Filled] = field(default_factory=dict)

    def size(self, full: int, quick: int, least: int = 1) -> int:
        """How many of something, in this run."""
        return max(least, round((quick if self.quick else full) * self.scale))

    def rounds(self, full: int, quick: int) -> int:
        """How often something is measured; a run at a small scale is a trial."""
        return min(quick if self.quick else full, 2 if self.scale < 0.1 else 99)

    @property
    def cluster(self) -> Cluster:
        """The PostgreSQL of this run, durable as any."""
        if self._cluster is None:
            self._cluster = self._stack.enter_context(Cluster.started(self.folder / "cluster"))
        return self._cluster

    @property
    def market_lines(self) -> int:
        """Order lines of the market."""
        return self.size(MARKET_LINES, QUICK_MARKET_LINES, least=2_000)

    def market(self, part: int = 1) -> Filled:
        """The ledger of a market, built once a run; `part`: with that part of the lines and of the buyers."""
        if part not in self._markets:
            lines = self.market_lines // part
            say(f"building a market of {lines:,} order lines")
            buyers = max(2, MARKET_BUYERS // part)
            self._markets[part] = fill_market(self.cluster, f"market_{part}", lines, buyers)
        return self._markets[part]

    def own(self, name: str) -> Path:
        """A folder for one measurement."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def say(text: str) -> None:
    """Tell on stderr what goes on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


@contextmanager
def bench(*, quick: bool, scale: float = 1.0, plot: Path = Path("growth.svg")) -> Iterator[Bench]:
    """A run in a folder of its own, of which nothing remains."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder, ExitStack() as stack:
        run = Bench(Path(folder), quick, scale, stack, plot)
        needed = BYTES_A_LINE * run.market_lines + round(BYTES_BESIDE * min(1, scale))
        if (free := shutil.disk_usage(folder).free) < needed:
            raise NoRoom(f"{folder} has {free >> 20:,} MiB free; a run takes {needed >> 20:,}: see --quick, --scale")
        yield run


def measure(names: Sequence[str], run: Bench, report: Report) -> None:
    """Measure the groups by these names; one that breaks is noted, and the next one goes on."""
    for name in names:
        group: Any = importlib.import_module(f"bench.{name}")
        start = time.monotonic()
        say(f"{name}: {group.__doc__.splitlines()[0]}")
        try:
            group.measure(run, report)
        except Exception as error:
            traceback.print_exc()
            report.broken[name] = f"{type(error).__name__}: {error}"
        say(f"{name} took {time.monotonic() - start:.0f} s")
