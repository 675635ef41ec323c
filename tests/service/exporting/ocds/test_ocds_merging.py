"""Releases merged by the path that the export uses: every pair of files of the standard's own tests, found by name."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from ocdsmerge.exceptions import DuplicateIdValueWarning

from service.ocds import merging

PAIRS = Path(__file__).parents[3] / "golden" / "ocds" / "merge"
#: The release schema of the version that a folder's files are of; of 1.1 the one that is kept, too.
SCHEMAS = {
    "1.0": ("release-schema-1__0__3.json",),
    "1.1": ("release-schema-1__1__4.json", None),
    "schema": ("schema.json",),
}
MERGES = {"compiled": merging.compiled_release, "versioned": merging.versioned_release}
CASES = [
    (file, schema)
    for folder, schemas in SCHEMAS.items()
    for file in sorted((PAIRS / folder).glob("*-*ed.json"))
    if file.stem.rpartition("-")[2] in MERGES
    for schema in schemas
]


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_all_pairs_are_found() -> None:
    assert len({file for file, _ in CASES}) == 50


@pytest.mark.parametrize(
    ("file", "schema"), CASES, ids=[f"{f.parent.name}/{f.stem}{'' if schema else ' (1.1.5)'}" for f, schema in CASES]
)
def test_releases_merge_as_the_standard_says(file: Path, schema: str | None) -> None:
    name, _, kind = file.stem.rpartition("-")
    releases = _load(file.with_name(f"{name}.json"))
    rules = _load(PAIRS / schema) if schema else None
    with warnings.catch_warnings():
        # Some of the files are about just that.
        warnings.simplefilter("ignore", DuplicateIdValueWarning)
        assert MERGES[kind](releases, rules) == _load(file)
