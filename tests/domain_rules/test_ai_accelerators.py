"""The export rules of 2022 to 2026 on the example ledger: what was barred on which day, to those who knew what."""

from datetime import date, timedelta

import pytest

from domain.events import Recorded
from domain.instruments import NextChange
from domain.truth import Finding, Truth, undetermined
from tests.domain_rules.events import ai_accelerators
from tests.domain_rules.market import Market


@pytest.fixture(scope="module")
def ledger() -> list[Recorded]:
    return ai_accelerators()


A800_TO_BAIDU = ("baidu", "nvidia", "nv-a800")


# The amended rule of October 2023


@pytest.mark.parametrize(
    ("known_on", "effective_on", "barring"),
    [
        # Announced on 17 October for 16 November.
        ("2023-10-16", "2023-11-20", []),
        ("2023-10-20", "2023-11-15", []),
        ("2023-10-20", "2023-11-16", ["us-3a090"]),
        # Published on 25 October for 17 November; the exporter's letter, told on the 24th, applies from the 23rd.
        ("2023-10-26", "2023-10-22", []),
        ("2023-10-26", "2023-10-23", ["us-letter-nvidia-2023"]),
        ("2023-10-26", "2023-11-16", ["us-letter-nvidia-2023"]),
        ("2023-10-26", "2023-11-17", ["us-3a090", "us-letter-nvidia-2023"]),
        ("2023-10-24", "2023-11-16", ["us-3a090", "us-letter-nvidia-2023"]),
        ("2023-10-23", "2023-10-23", []),
    ],
)
def test_the_a800_is_barred_from_the_day_that_was_known(
    ledger: list[Recorded], known_on: str, effective_on: str, barring: list[str]
) -> None:
    assert Market(ledger, effective_on, known_on).barring(*A800_TO_BAIDU) == barring


@pytest.mark.parametrize(
    ("known_on", "next_change_on"), [("2023-10-20", date(2023, 11, 16)), ("2023-10-26", date(2023, 11, 17))]
)
def test_what_comes_next_follows_the_correction(ledger: list[Recorded], known_on: str, next_change_on: date) -> None:
    next_change = Market(ledger, known_on, known_on).instrument("us-3a090").next_change
    assert next_change is not None
    assert (next_change.on, next_change.status) == (next_change_on, "in-force")


def test_the_history_keeps_the_day_that_was_announced_first(ledger: list[Recorded]) -> None:
    history = Market(ledger, "2023-12-31", "2023-12-31").instrument("us-3a090").history
    assert [(change.ends_on.isoformat(), change.standing) for change in history] == [
        ("2022-10-21", "in-effect"),
        ("2023-01-17", "in-effect"),
        ("2023-11-16", "retracted"),
        ("2023-11-17", "in-effect"),
    ]


def test_the_a100_was_barred_before_the_amendment_already(ledger: list[Recorded]) -> None:
    market = Market(ledger, "2023-08-31", "2023-08-31")
    assert market.barring("baidu", "nvidia", "nv-a100") == ["us-3a090", "us-letter-nvidia-2022"]
    assert market.barring("kunlunxin", "nvidia", "nv-a100") == ["us-3a090", "us-letter-nvidia-2022"]
    assert market.assess(*A800_TO_BAIDU).verdict is Truth.NO
    assert market.assess("baidu", "huawei", "hw-910b").verdict is Truth.NO


def test_an_unnamed_product_of_nvidia_is_undetermined(ledger: list[Recorded]) -> None:
    found = Market(ledger, "2023-12-31", "2023-12-31").assess("baidu", "nvidia", None)
    assert found.verdict is Truth.UNDETERMINED
    assert set(found.findings.values()) == {undetermined("product_id")}
    assert {name.regulation_id for name in found.findings} == {
        "us-3a090",
        "us-letter-nvidia-2022",
        "us-letter-nvidia-2023",
    }


def test_an_advisory_listing_bars_nothing(ledger: list[Recorded]) -> None:
    market = Market(ledger, "2025-10-01", "2025-10-01")
    assert market.instrument("us-entity-list-huawei").in_force
    assert market.assess("baidu", "huawei", None).findings == {}


# The rule that never applied


@pytest.mark.parametrize(
    ("effective_on", "status"),
    [
        # It was to apply from 15 May on, and its agency said on 13 May that it would not enforce it.
        ("2025-05-13", "announced"),
        ("2025-05-14", "announced"),
        ("2025-05-15", "suspended"),
        ("2025-05-16", "suspended"),
        ("2031-01-01", "suspended"),
    ],
)
def test_the_diffusion_rule_never_applies_to_those_who_know_of_its_suspension(
    ledger: list[Recorded], effective_on: str, status: str
) -> None:
    market = Market(ledger, effective_on, "2025-05-13")
    assert market.instrument("us-ai-diffusion").status == status
    assert "us-ai-diffusion" not in market.barring("baidu", "nvidia", "nv-h100")


def test_the_diffusion_rule_does_not_apply_on_any_day_before_its_suspension(ledger: list[Recorded]) -> None:
    day = date(2025, 1, 13)
    while day < date(2025, 5, 13):
        assert Market(ledger, day.isoformat(), "2025-05-13").instrument("us-ai-diffusion").status == "announced"
        day += timedelta(days=30)


@pytest.mark.parametrize("asked_on", ["2025-01-13", "2025-05-12"])
def test_the_diffusion_rule_is_announced_for_its_day_to_those_who_ask_before(
    ledger: list[Recorded], asked_on: str
) -> None:
    found = Market(ledger, asked_on, asked_on).instrument("us-ai-diffusion")
    assert found.status == "announced"
    assert found.next_change is not None
    assert (found.next_change.on, found.next_change.status) == (date(2025, 5, 15), "in-force")
    assert Market(ledger, "2025-05-14", asked_on).instrument("us-ai-diffusion").status == "announced"
    assert "us-ai-diffusion" in Market(ledger, "2025-05-15", asked_on).barring("baidu", "nvidia", "nv-h100")


def test_nobody_knows_of_the_diffusion_rule_before_it_was_told(ledger: list[Recorded]) -> None:
    assert "us-ai-diffusion" not in Market(ledger, "2025-06-01", "2025-01-12").instruments


# Licensed, suspended


@pytest.mark.parametrize(
    ("effective_on", "verdict"),
    [("2025-04-14", Truth.NO), ("2025-04-15", Truth.YES), ("2025-08-07", Truth.YES), ("2025-08-08", Truth.NO)],
)
def test_the_h20_is_barred_until_it_is_licensed(ledger: list[Recorded], effective_on: str, verdict: Truth) -> None:
    market = Market(ledger, effective_on, effective_on)
    assert market.assess("baidu", "nvidia", "nv-h20").verdict is verdict


def test_the_affiliates_rule_is_suspended_for_a_year(ledger: list[Recorded]) -> None:
    found = Market(ledger, "2025-11-10", "2025-11-10").instrument("us-affiliates-rule")
    assert (found.status, found.suspended_until) == ("suspended", date(2026, 11, 9))
    assert found.next_change == NextChange(date(2026, 11, 10), "in-force", ())
    assert Market(ledger, "2026-11-09", "2025-11-10").instrument("us-affiliates-rule").status == "suspended"
    assert Market(ledger, "2026-11-10", "2025-11-10").instrument("us-affiliates-rule").status == "in-force"


def test_a_figure_between_bounds_leaves_the_910b_undetermined_where_it_would_be_barred(
    ledger: list[Recorded],
) -> None:
    """Under the rule of 2023 the 910B (4,480 to 6,400 TPP; 6.7 to 9.6 dense) would be caught by its density alone."""
    market = Market(ledger, "2023-12-31", "2023-12-31")
    rule = next(rule for rule in market.rulebook.rules if rule.name.rule_id == "3A090.a")
    bought = market.product("hw-910b")
    assert rule.judge(market.party("baidu"), market.party("nvidia"), bought) == Finding(Truth.YES)
    first = Market(ledger, "2023-08-31", "2023-08-31").rulebook.rules
    (original,) = [rule for rule in first if rule.name.rule_id == "3A090"]
    assert original.judge(market.party("baidu"), market.party("nvidia"), bought).truth is Truth.NO
