"""The pages of the project: they can be read in a terminal, and what they link to and state is there."""

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.service.postgres_owner import ROOT

#: Written to 100 columns; a word that cannot be parted may go beyond.
LONGEST_LINE = 120
LONGEST_ROW = 140
DOCS = ROOT / "docs"
PAGES = sorted(chain((ROOT / "README.md", ROOT / "CONTRIBUTING.md"), DOCS.glob("**/*.md")))
FENCE = re.compile(r"^ *```")
LINK = re.compile(r"(?<!`)\[[^\]]+\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    """A page as its place in the project."""
    return str(page.relative_to(ROOT))


def read_lines(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page with their numbers, without blocks of code."""
    is_code = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code and not line.startswith("    "):
            yield number, line


def anchors(page: Path) -> set[str]:
    """What may stand behind # in a link to a page."""
    headings = [line.lstrip("#").strip() for _, line in read_lines(page) if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_lines_and_rows_of_tables_fit_a_terminal(page: Path) -> None:
    most = {number: LONGEST_ROW if line.startswith("|") else LONGEST_LINE for number, line in read_lines(page)}
    assert [(number, len(line)) for number, line in read_lines(page) if len(line) > most[number]] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    text = "\n".join(line for _, line in read_lines(page))
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_answers_of_the_first_page_are_the_worked_ones() -> None:
    worked = json.loads((ROOT / "tests" / "golden" / "ai-accelerators-expected.json").read_bytes())
    tables = re.findall(r"(?m)(?:^\|.*\n)+", (ROOT / "README.md").read_text(encoding="utf-8"))
    shares, barred = ([line.strip("| ").split(" | ") for line in table.splitlines()[2:]] for table in tables[:2])

    def percent(*ratios: float) -> str:
        return " .. ".join(f"{ratio:.1%}" for ratio in ratios)

    def units(row: dict[str, float | None]) -> str:
        return f"{row['low']:,.0f} or more" if row["high"] is None else "exact"

    rows = worked["vendor-dependence"][1]["rows"]
    assert shares == [
        [
            vendor,
            f"{rows[vendor]['value']:,.0f}",
            units(rows[vendor]),
            percent(rows[vendor]["share"]),
            percent(rows[vendor]["share_low"], rows[vendor]["share_high"]),
        ]
        for vendor in ("nvidia", "huawei")
    ]
    assert barred == [
        [
            answer["query"].get("judged", "effective"),
            next(row["restricted"] for row in answer["rows"] if row["product"] == "nv-a800"),
            percent(answer["at_risk"]),
            percent(answer["at_risk_low"], answer["at_risk_high"]),
            percent(answer["at_risk_undetermined"]),
        ]
        for answer in worked["regulatory-exposure"][2:4]
    ]


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in link
    }
    lone = [page for page in PAGES if page.name != "README.md" and page not in linked and page.parent == DOCS]
    assert lone == []


def test_the_licence_is_there_whole_and_named_where_one_joins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert set(project["license-files"]) == {named(path) for path in ROOT.glob("service/**/LICENSE")} | {"LICENSE"}
    assert f"[{project['license']}](LICENSE)" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
