"""A group of the suite, run from its beginning to its end at a tiny size."""

import importlib
import json
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.harness.suite import GROUPS

CHECKED = "verifying"


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_says_what_it_measures(name: str) -> None:
    group = importlib.import_module(f"bench.{name}")
    assert callable(group.measure)
    assert group.__doc__ is not None
    assert group.__doc__.splitlines()[0].endswith(".")


def test_a_group_runs_to_its_end_and_missing_a_limit_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.json"
    arguments = ["--quick", "--scale", "0.001", "--json", str(found)]
    monkeypatch.setattr("sys.argv", ["bench", CHECKED, *arguments])
    assert main() == 0
    report = json.loads(found.read_text())
    assert report["broken"] == {}
    assert report["ratios"].keys() == {"verify_vs_sha"}
    assert set(report["ratios"]["verify_vs_sha"]) == {"median", "low", "high"}
    said = capsys.readouterr()
    assert "verify_vs_sha" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
