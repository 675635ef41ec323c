"""The harness of the measurements: what it takes for a median, in which order, and of which processes."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.harness.alternating import Spread, alternate, rate, ratio
from bench.harness.keys import KEYS
from bench.harness.plot import plot
from bench.harness.processes import memory_mb, processor_s, serving, tree
from bench.harness.report import COLUMNS, Report
from bench.harness.suite import GROUPS

BENCH = Path(__file__).parents[2] / "bench"
BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_a_spread_has_the_median_the_least_and_the_most() -> None:
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)
    assert Spread.of([4.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.0, 4.0)


def test_sides_take_turns_and_every_second_round_goes_backwards() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = alternate({name: (lambda name=name: side(name)) for name in ("a", "b", "c")}, 3)
    assert "".join(order) == "abccbaabc"
    assert found == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}


def test_what_is_measured_in_one_round_is_held_against_each_other() -> None:
    # Twice as fast in each round, on a machine that grows slower and slower.
    assert ratio([10.0, 20.0, 40.0], [5.0, 10.0, 20.0]) == Spread(2.0, 2.0, 2.0)


def test_a_rate_is_how_many_a_second() -> None:
    assert 100 < rate(10, lambda: time.sleep(0.01))() < 1_000


@pytest.mark.parametrize(
    ("key", "median", "verdict"),
    [
        ("asof_vs_sum", 4, "aim"),
        ("asof_vs_sum", 8, "ok"),
        ("asof_vs_sum", 9, "missed"),
        ("import_vs_stock", 10, "aim"),
        ("import_vs_stock", 6, "ok"),
        ("import_vs_stock", 5.9, "missed"),
    ],
)
def test_less_is_better_of_costs_and_more_of_rates(key: str, median: float, verdict: str) -> None:
    assert KEYS[key].verdict(median, quick=False) == verdict


def test_a_quick_run_has_limits_of_its_own_where_they_differ() -> None:
    assert KEYS["asof_vs_sum"].verdict(9, quick=True) == "ok"
    assert KEYS["view_fixed_vs_event"].limit(quick=True) == 4


def test_an_aim_is_beyond_what_is_asked_at_least() -> None:
    assert [key.name for key in KEYS.values() if (key.aim > key.least) != key.more] == []


def test_the_report_as_json_has_the_ratios_by_key(tmp_path: Path) -> None:
    report = Report(quick=True)
    report.add("asof_vs_sum", Spread(9.0, 8.0, 12.5), "on a small market")
    report.write(tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ratios"] == {"asof_vs_sum": {"median": 9.0, "low": 8.0, "high": 12.5}}
    assert found["verdicts"] == {"asof_vs_sum": "ok"}
    assert found["notes"] == ["asof_vs_sum: on a small market"]


def test_the_report_is_printed_in_80_columns_with_nothing_cut() -> None:
    report = Report(quick=False)
    for key in KEYS:
        report.add(key, Spread(12_345.6, 12_222.2, 13_333.3), "a note that is rather long " * 6)
    report.spreads("Something of a title that goes on", "what", {"a thing with a long name": [1.0, 2.0]}, 1_000)
    file = io.StringIO()
    report.print(file)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert "…" not in file.getvalue()
    assert all(any(line.split()[:1] == [key] for line in lines) for key in KEYS)


def test_processor_time_counts_children_at_work_and_those_that_have_ended() -> None:
    script = (
        f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {BUSY!r}])\nprint(1, flush=True)\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        ended = processor_s(parent.pid)
        parent.communicate(b"\n")
    assert ended >= 0.3
    script = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BUSY + 'input()'!r}]).wait()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as parent:
        until = time.monotonic() + 30
        while processor_s(parent.pid) < 0.3 and time.monotonic() < until:
            time.sleep(0.05)
        at_work, processes, memory = processor_s(parent.pid), tree(parent.pid), memory_mb(parent.pid)
        parent.communicate(b"\n")
    assert at_work >= 0.3
    assert len(processes) == 2
    assert memory > 5


def test_a_service_that_does_not_begin_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    with pytest.raises(RuntimeError, match="no such thing"), serving(command, {}, tmp_path / "log"):
        pass


def test_a_service_ends_with_the_block(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with serving(command, {}, tmp_path / "log") as served:
        assert served.process in tree(os.getpid())
    assert served.process not in tree(os.getpid())


def test_the_groups_are_the_modules_of_the_folder() -> None:
    assert sorted(GROUPS) == sorted(path.stem for path in BENCH.glob("[a-z]*.py"))


def test_the_plot_is_svg_with_a_point_for_each_measurement() -> None:
    drawn = plot("Growth <of> costs", {"a": [(1e4, 12.0), (1e5, 15.0), (1e6, 400.0)], "b": [(1e4, 3.0)], "none": []})
    picture = ElementTree.fromstring(drawn)
    circles = list(picture.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == 4
    assert all(0 <= float(circle.attrib["cx"]) <= 300 for circle in circles)
