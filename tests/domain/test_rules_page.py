"""docs/rules.md is the whole format of rules and rates: every field, operator and effect, and its examples are read."""

import json
import re
from typing import get_args

import pytest

from domain.catalogue import EVENT_TYPES
from domain.rates import ExchangeRatesPublished
from domain.regulations import RegulationData
from domain.rules import CONDITIONS, DEEPEST_PREDICATE, OPERATORS, Conditions, Effect, Rule
from tests.service.postgres_owner import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text("utf-8")
TEXT = re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)
NAMED = frozenset(re.findall(r"`([^`\n]+)`", TEXT))
EXAMPLES = re.findall(r"^```json ([a-z-]+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
EVENTS = {name: one for name, one in EVENT_TYPES.items() if issubclass(one, RegulationData | ExchangeRatesPublished)}


def rows(heading: str) -> dict[str, str]:
    """The rows of the first table under a heading, by their first cell."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split(" | ", 1) for line in section.splitlines() if line.startswith("| `")]
    return {first.strip(): rest for first, rest in cells}


@pytest.mark.parametrize("name", [name for name, one in EVENTS.items() if issubclass(one, RegulationData)])
def test_every_event_of_an_instrument_stands_with_its_fields_and_no_other(name: str) -> None:
    fields = set(EVENTS[name].model_fields)
    stated = set(re.findall(r"`([a-z_]+)`", rows("Instruments")[f"`{name}`"]))
    assert stated == (fields - set(CONDITIONS) if issubclass(EVENTS[name], Conditions) else fields)


def test_what_may_be_left_out_has_a_question_mark() -> None:
    for name, row in rows("Instruments").items():
        fields = EVENTS[name.strip("`")].model_fields
        optional = {field for field, one in fields.items() if not one.is_required() and field not in CONDITIONS}
        assert set(re.findall(r"`([a-z_]+)`\?", row)) == optional, name


def test_every_field_of_a_rule_and_every_effect_stands_in_the_tables() -> None:
    found = set(rows("A rule"))
    assert found == {f"`{name}`" for name in (*Rule.model_fields, *get_args(Effect))}


def test_every_operator_and_the_depth_of_predicates_stand_on_the_page() -> None:
    assert set(OPERATORS) <= NAMED
    assert f"at most {DEEPEST_PREDICATE} deep" in TEXT


def test_every_field_of_a_publication_of_rates_stands_on_the_page() -> None:
    assert set(ExchangeRatesPublished.model_fields) <= NAMED


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_are_read(name: str, text: str) -> None:
    EVENTS[name].model_validate(json.loads(text))


def test_there_are_examples_of_rules_licences_suspensions_and_rates() -> None:
    assert {name for name, _ in EXAMPLES} >= {
        "regulation-enacted", "licence-granted", "regulation-suspended", "exchange-rates-published",
    }  # fmt: skip
