"""The nightly script of the suite: what does not hold fails it."""

from pathlib import Path

import pytest

from bench.harness.alternating import Spread
from bench.harness.report import Report
from tests.nightly.bench import found_wanting, main


def test_a_ratio_beyond_its_limit_is_named_with_both() -> None:
    report = Report(quick=True)
    report.add("verify_vs_sha", Spread(0.3, 0.2, 0.4))
    report.add("asof_vs_sum", Spread(9.5, 9.0, 12.0))
    assert found_wanting(report.as_object()) == ["verify_vs_sha is 0.3; the limit is 0.35"]


def test_a_group_that_came_to_no_end_is_named() -> None:
    report = Report(quick=True, broken={"asking": "Unanswered: no answer within 45 s"})
    assert found_wanting(report.as_object()) == ["asking came to no end: Unanswered: no answer within 45 s"]


def test_where_all_holds_nothing_is_said() -> None:
    report = Report(quick=True)
    report.add("asof_vs_sum", Spread(10.0, 9.0, 12.0))
    assert found_wanting(report.as_object()) == []


def test_a_name_that_is_none_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "nothing", "--json", str(tmp_path / "found.json")])
    assert main() == 64
