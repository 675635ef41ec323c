"""The demonstration: the seed ledger, and the questions it answers."""

import json
from pathlib import Path
from typing import Any

from domain.catalogue import read_request
from domain.json_text import parse_json
from service.asking.questions import Questions
from service.codes import codes
from service.daybook import Daybook

SERVICE = Path(__file__).resolve().parent.parent
#: In a wheel it lies within the package, in the project beside it.
SEED = next(
    (path for path in (SERVICE / "examples").glob("ai-accelerators.ndjson")),
    SERVICE.parent / "examples" / "ai-accelerators.ndjson",
)

BAIDU = {"buyer": ["baidu"]}
BEFORE = {"effective_on": ["2023-08-31"], "known_on": ["2023-08-31"]}
AFTER = {"effective_on": ["2023-08-31"], "known_on": ["2023-11-08"]}
OTHERS = {"captive": ["exclude"]}

#: What is asked, in words and in parameters.
QUESTIONS: tuple[tuple[str, dict[str, list[str]]], ...] = (
    (
        "On whom did Baidu depend for chips at the end of August 2023, as one could know then?",
        {"measure": ["units"], **OTHERS, **BEFORE},
    ),
    ("The same day, once the Huawei order was reported in November", {"measure": ["units"], **OTHERS, **AFTER}),
    ("Counting its own Kunlun chips too", {"measure": ["units"], "captive": ["include"], **AFTER}),
    ("In money", {"measure": ["spend"], "currency": ["USD"], **OTHERS, **AFTER}),
    ("In computing capacity (total processing performance)", {"measure": ["capacity"], **OTHERS, **AFTER}),
    (
        "Without the analyst's assumption of an equal split",
        {"measure": ["units"], "exclude": ["assumed"], **OTHERS, **AFTER},
    ),
    (
        "Still to be delivered at the end of October 2023",
        {"measure": ["units"], "status": ["open"], "effective_on": ["2023-10-31"], "known_on": ["2023-11-08"]},
    ),
    (
        "Delivered by the end of 2025",
        {
            "measure": ["units"],
            "status": ["delivered"],
            **OTHERS,
            "effective_on": ["2025-12-31"],
            "known_on": ["2025-12-31"],
        },
    ),
    (
        "Ordered in the third quarter of 2023, as it stood at the end of 2025",
        {"measure": ["units"], **OTHERS, "effective_on": ["2025-12-31"], "period": ["2023-Q3"]},
    ),
)


ORDERED = {"effective_on": ["2023-12-31"], "status": ["ordered"]}
#: What is asked of the rules, in words and in parameters.
EXPOSURE_QUESTIONS: tuple[tuple[str, dict[str, list[str]]], ...] = (
    (
        "How much of what was still to come was barred at the end of October 2023?",
        {"effective_on": ["2023-10-31"], "known_on": ["2023-11-08"]},
    ),
    (
        "And on 16 November, to someone who knows only what was announced by 20 October?",
        {"effective_on": ["2023-11-16"], "known_on": ["2023-10-20"]},
    ),
    ("How much of what was ordered by the end of 2023 is barred by then?", ORDERED),
    ("And how much was barred when it was ordered?", {**ORDERED, "judged": ["placed"]}),
)


def record_seed(daybook: Daybook) -> int:
    """Record the seed ledger and return how many events it has."""
    lines = [line for line in SEED.read_bytes().split(b"\n") if line.strip()]
    requests = [read_request(parse_json(line), codes()) for line in lines]
    return daybook.committer.record(requests, actor="demo").recorded


def answers(questions: Questions) -> list[tuple[str, dict[str, Any]]]:
    """Every question with its answer."""
    return [(words, questions.vendor_dependence({**BAIDU, **asked})) for words, asked in QUESTIONS]


def exposures(questions: Questions) -> list[tuple[str, dict[str, Any]]]:
    """Every question about the rules with its answer."""
    return [(words, questions.regulatory_exposure({**BAIDU, **asked})) for words, asked in EXPOSURE_QUESTIONS]


def as_json(found: list[tuple[str, dict[str, Any]]]) -> str:
    """The answers for machines."""
    return json.dumps([{"question": words, **answer} for words, answer in found], ensure_ascii=False, indent=1)
