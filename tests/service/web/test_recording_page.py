"""Every example of docs/recording.md is recorded, asked about, and answered with the figures that the page states."""

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.postgres_owner import ROOT
from tests.service.web.conftest import EVENTS

PAGE = (ROOT / "docs" / "recording.md").read_text("utf-8")
BLOCK = re.compile(r"^```(json record|http|json answer)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CASES = (
    "framework agreement", "price change", "discount", "credit note", "partial cancellation", "service without",
    "freight and tax", "return with and without", "takeover", "duplicate vendor", "rule that was announced",
)  # fmt: skip


def missing(wanted: Any, found: Any, at: str = "") -> list[str]:
    """Where an answer does not say what is wanted; objects may say more, lists have as many."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [fault for name, one in wanted.items() for fault in missing(one, found.get(name), f"{at}/{name}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            fault
            for place, (one, other) in enumerate(zip(wanted, found, strict=True))
            for fault in missing(one, other, f"{at}/{place}")
        ]
    return [] if wanted == found else [f"{at}: {found!r}, not {wanted!r}"]


def test_every_example_is_recorded_and_comes_to_the_figures_that_the_page_states(client: TestClient) -> None:
    faults, question, asked = list[str](), "", 0
    for found in BLOCK.finditer(PAGE):
        line = PAGE.count("\n", 0, found.start()) + 1
        kind, text = found.groups()
        if kind == "json record":
            answer = client.post(EVENTS, json=json.loads(text))
            assert answer.status_code == 201, f"line {line}: {answer.text}"
        elif kind == "http":
            question = text.removeprefix("GET ").strip()
        else:
            answer = client.get(question)
            assert answer.status_code == 200, f"line {line}: {answer.text}"
            faults += [f"line {line}: {fault}" for fault in missing(json.loads(text), answer.json())]
            asked += 1
    assert faults == []
    assert asked == PAGE.count("```json answer") > 20


@pytest.mark.parametrize("case", CASES)
def test_the_page_has_the_case_with_events_a_question_and_its_figures(case: str) -> None:
    (section,) = [one for one in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:] if case in one.splitlines()[0].lower()]
    kinds = [kind for kind, _ in BLOCK.findall(section)]
    assert kinds[0] == "json record"
    assert kinds.count("http") == kinds.count("json answer") > 0
