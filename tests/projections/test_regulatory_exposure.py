"""regulatory-exposure against worked answers, against the plain evaluation, and in its corners."""

import json
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from projections.exposed_lines import exposed_lines, page_of_lines, ranked_lines
from projections.parameters import RegulatoryExposure
from projections.regulatory_exposure import regulatory_exposure
from service.audit.verifier import regulatory_exposure as reference
from service.audit.verifier import regulatory_exposure_orders as plain_lines_of
from tests.domain_rules.events import ai_accelerators
from tests.ledgers import Book, line, market
from tests.projections.ledgers import Event, projected
from tests.random_ledgers import random_exposure_query, random_ledger

GOLDEN = Path(__file__).parents[1] / "golden" / "ai-accelerators-expected.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["regulatory-exposure"]
YEAR_END = date(2023, 12, 31)


def ask(events: list[Event], **query: Any) -> dict[str, Any]:
    """The view of a ledger: Baidu's open units at the end of 2023, unless told otherwise."""
    asked = {"buyer": ["baidu"], "measure": "units", "effective_on": YEAR_END, "position": len(events)} | query
    with projected(events) as projection, projection.cursor() as cursor:
        return regulatory_exposure(cursor, RegulatoryExposure(**asked))


@pytest.fixture(scope="module")
def seed() -> list[Event]:
    """The example ledger as recorded."""
    return [dict(event.stored or {}) for event in ai_accelerators()]


def verdicts(answer: dict[str, Any]) -> dict[tuple[str, str | None], str]:
    """By vendor and product."""
    return {(row["vendor"], row["product"]): row["restricted"] for row in answer["rows"]}


def barring(answer: dict[str, Any], product: str) -> list[str]:
    """The instruments with a rule that bars a product."""
    (row,) = [row for row in answer["rows"] if row["product"] == product]
    return sorted({rule["regulation_id"] for rule in row["rules"] if rule["verdict"] == "yes"})


# The example ledger


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["query"]["effective_on"])
def test_the_example_ledger_gives_the_worked_answers(seed: list[Event], case: dict[str, Any]) -> None:
    answer = ask(seed, **case["query"] | {"buyer": [case["query"]["buyer"]], "measure": "spend"})
    given = {(row["vendor"], row["product"]): row for row in answer["rows"]}
    assert given.keys() == {(row["vendor"], row["product"]) for row in case["rows"]}
    for row in case["rows"]:
        for name, expected in row.items():
            value = given[row["vendor"], row["product"]][name]
            value = value["value"] if name in ("barred", "undetermined") else value
            assert (float(value) if isinstance(expected, float) else value) == expected, (row, name)
    parts = [name for name in case if name.startswith("at_risk")]
    assert {name: answer[name] for name in parts} == {name: case[name] for name in parts}


@pytest.mark.parametrize(
    ("known_on", "effective_on", "expected"),
    [
        ("2023-10-20", "2023-11-15", []),
        ("2023-10-20", "2023-11-16", ["us-3a090"]),
        ("2023-10-26", "2023-10-22", []),
        ("2023-10-26", "2023-10-23", ["us-letter-nvidia-2023"]),
        ("2023-10-26", "2023-11-16", ["us-letter-nvidia-2023"]),
        ("2023-10-26", "2023-11-17", ["us-3a090", "us-letter-nvidia-2023"]),
    ],
)
def test_the_a800_is_barred_from_the_day_that_was_known(
    seed: list[Event], known_on: str, effective_on: str, expected: list[str]
) -> None:
    answer = ask(seed, known_on=known_on, effective_on=effective_on)
    assert barring(answer, "nv-a800") == expected
    assert verdicts(answer)["nvidia", "nv-a800"] == ("yes" if expected else "no")


def test_the_diffusion_rule_is_in_force_only_for_those_who_do_not_know_of_its_end(seed: list[Event]) -> None:
    def in_force(known_on: str) -> bool:
        answer = ask(seed, known_on=known_on, effective_on="2025-05-15")
        return "us-ai-diffusion" in [instrument["regulation_id"] for instrument in answer["instruments"]]

    assert in_force("2025-05-12")
    assert not in_force("2025-05-13")


def test_the_sentences_say_what_applies_and_what_is_not_known(seed: list[Event]) -> None:
    answer = ask(seed, known_on="2023-12-31", effective_on="2023-12-31")
    sentences = {(row["vendor"], row["product"]): row["explanation"] for row in answer["rows"]}
    assert sentences["nvidia", "nv-a800"] == [
        "us-3a090 3A090.a applies: licence required",
        "us-letter-nvidia-2023 letter applies: licence required",
    ]
    assert sentences["nvidia", None] == ["no product of nvidia is named"]
    assert sentences["huawei", "hw-910b"] == []


def test_every_instrument_in_force_is_told_whatever_it_bars(seed: list[Event]) -> None:
    answer = ask(seed, known_on="2023-10-20", effective_on="2023-10-20")
    assert {found["regulation_id"]: (found["status"], len(found["rules"])) for found in answer["instruments"]} == {
        "cn-micron-2023": ("in-force", 1),
        "us-3a090": ("in-force", 1),
        "us-entity-list-huawei": ("in-force", 1),
        "us-letter-nvidia-2022": ("in-force", 1),
    }
    assert answer["instruments"][2]["rules"] == [
        {"rule_id": "listed-supplier", "effect": "advisory", "vendors": ["huawei"]}
    ]


# Any ledger


@pytest.mark.parametrize("number", range(24))
def test_random_ledgers_give_what_the_plain_evaluation_gives(number: int) -> None:
    random = Random(number)
    events = random_ledger(random, random.randint(80, 250)).events
    compare(random, events, 8)


@pytest.mark.parametrize("rules", [62, 63, 64, 127, 128, 200])
def test_any_number_of_rules_gives_what_the_plain_evaluation_gives(rules: int) -> None:
    """They are held as bits: of one number, of a longer one, or of a string."""
    random = Random(rules)
    book = random_ledger(random, 120).book
    hits = {"effect": "prohibited", "destinations": ["CN"], "when": {"attribute": "tpp", "op": ">=", "value": "1600"}}
    never = [{"rule_id": f"never-{place}", "effect": "prohibited", "vendors": ["baidu"]} for place in range(rules)]
    enact(book, "a-long-list", [*never, {"rule_id": "hits", **hits}], effective_on="2021-01-01")
    compare(random, book.events, 5)


def compare(random: Random, events: list[Event], questions: int) -> None:
    """Ask both, with reasons to be unsure often enough."""
    with projected(events) as projection, projection.cursor() as cursor:
        for _ in range(questions):
            query = random_exposure_query(random, events)
            answer = regulatory_exposure(cursor, RegulatoryExposure(**query))
            assert answer == reference(events, **query), query


def enact(book: Book, regulation_id: str, rules: list[dict[str, Any]], effective_on: str = "2023-01-01") -> Event:
    """Enact an instrument."""
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 73458"}
    return book.say("regulation-enacted", effective_on, {"regulation_id": regulation_id, **about, "rules": rules})


def test_what_is_open_is_asked_for_unless_told_otherwise() -> None:
    book = market()
    book.order("o1", "2023-01-01", [line("10", "10")])
    book.receive("o1", "2023-02-01", {"line": "1", "quantity": "4", "amount": "4"})
    assert ask(book.events)["total"] == {"value": "6", "low": "6", "high": "6", "unit": "unit"}
    assert ask(book.events, status="delivered")["total"]["value"] == "4"
    with pytest.raises(ValidationError, match="window"):
        ask(book.events, window="P1Y")


def test_nothing_is_barred_where_there_are_no_rules() -> None:
    book = market()
    book.order("o1", "2023-01-01", [line("10"), line("5", None, None, "2")])
    enact(book, "notices", [{"rule_id": "tell", "effect": "notification", "vendors": ["nvidia"]}])
    answer = ask(book.events)
    assert answer["rows"] == [
        {
            "vendor": "nvidia",
            "product": product,
            "restricted": "no",
            "value": value,
            "low": value,
            "high": value,
            "barred": {"value": "0", "low": "0", "high": "0"},
            "undetermined": {"value": "0", "low": "0", "high": "0"},
            "rules": [],
            "explanation": [],
        }
        for product, value in (("a800", "10"), (None, "5"))
    ]
    assert (answer["at_risk_low"], answer["at_risk_high"]) == (0.0, 0.0)
    assert [instrument["regulation_id"] for instrument in answer["instruments"]] == ["notices"]


def test_nothing_at_all_has_no_part_at_risk() -> None:
    answer = ask(market().events)
    assert answer["total"]["value"] == "0"
    assert (answer["at_risk_low"], answer["at_risk_high"], answer["rows"]) == (None, None, [])


def test_a_range_across_the_bound_is_undetermined_and_told() -> None:
    book = market()
    book.product("910b", "huawei", tpp={"value": "6016", "low": "4480", "high": "6400"})
    book.product("p800", "kunlunxin", datacentre=True)
    book.order("o1", "2023-01-01", [line("10", None, "910b")], vendor_id="huawei")
    book.order("o2", "2023-01-01", [line("30", None, "p800")], vendor_id="kunlunxin")
    strong = {"attribute": "tpp", "op": ">=", "value": "4800"}
    enact(book, "chips", [{"rule_id": "strong", "effect": "prohibited", "when": strong}])
    first, second = ask(book.events)["rows"]
    assert (first["product"], first["restricted"], first["explanation"]) == (
        "p800",
        "undetermined",
        ["tpp of p800 unknown"],
    )
    assert second["explanation"] == ["tpp of 910b is 4480 to 6400"]
    assert second["rules"] == [
        {
            "regulation_id": "chips",
            "rule_id": "strong",
            "effect": "prohibited",
            "verdict": "undetermined",
            "missing": ["tpp"],
        }
    ]


def test_an_attribute_of_another_kind_is_told() -> None:
    book = market()
    book.order("o1", "2023-01-01", [line("10")])
    weak = {"attribute": "datacentre", "op": "<", "value": "4800"}
    enact(book, "chips", [{"rule_id": "weak", "effect": "prohibited", "when": weak}])
    (row,) = ask(book.events)["rows"]
    assert row["explanation"] == ["datacentre of a800 is of another kind than what a rule holds it against"]


def test_buyers_who_differ_make_a_joint_order_undetermined() -> None:
    book = market()
    book.organization("oracle", "US")
    book.order("o1", "2023-01-01", [line("10")], buyers=["baidu", "oracle"])
    enact(book, "chips", [{"rule_id": "china", "effect": "licence-required", "destinations": ["CN"]}])
    (row,) = ask(book.events, buyer=[])["rows"]
    assert (row["restricted"], row["rules"][0]["missing"]) == ("undetermined", [])
    assert row["explanation"] == ["chips china applies to some of the buyers only"]
    (row,) = ask(book.events, buyer=["oracle"])["rows"]
    assert row["restricted"] == "no"
    (row,) = ask(book.events)["rows"]
    assert row["restricted"] == "yes"


def test_contributions_that_differ_make_their_row_partly_barred_and_count_each_for_itself() -> None:
    book = market()
    book.organization("oracle", "US")
    book.order("o1", "2023-01-01", [line("10")])
    book.order("o2", "2023-01-01", [line("30")], buyers=["oracle"])
    enact(book, "chips", [{"rule_id": "china", "effect": "licence-required", "destinations": ["CN"]}])
    answer = ask(book.events, buyer=[])
    assert verdicts(answer) == {("nvidia", "a800"): "partly"}
    (row,) = answer["rows"]
    assert (row["rules"][0]["verdict"], row["barred"]["value"], row["undetermined"]["value"]) == ("partly", "10", "0")
    assert row["explanation"] == ["chips china applies to a part of it: licence required"]
    assert (answer["at_risk"], answer["at_risk_low"], answer["at_risk_high"]) == (0.25, 0.25, 0.25)
    for wanted, shown in (("yes", 1), ("no", 1), ("undetermined", 0)):
        filtered = ask(book.events, buyer=[], restricted={wanted})
        assert (len(filtered["rows"]), filtered["total"]) == (shown, answer["total"])


def test_a_licence_lets_through_what_it_matches_and_leaves_open_what_it_may_match() -> None:
    book = market()
    book.order("o1", "2023-01-01", [line("10"), line("20", None, None, "2")])
    enact(book, "chips", [{"rule_id": "nvidia", "effect": "licence-required", "vendors": ["nvidia"]}])
    licence = {"regulation_id": "chips", "licence_id": "veu", "products": ["a800"]}
    book.say("licence-granted", "2023-06-01", licence)
    assert verdicts(ask(book.events, effective_on="2023-05-31")) == {("nvidia", "a800"): "yes", ("nvidia", None): "yes"}
    answer = ask(book.events)
    assert verdicts(answer) == {("nvidia", "a800"): "no", ("nvidia", None): "undetermined"}
    assert answer["rows"][0]["rules"][0]["missing"] == ["product_id"]


@pytest.mark.parametrize(
    ("order", "condition", "sentence"),
    [
        ({"vendor_id": "newcomer"}, {"vendor_countries": ["JP"]}, "country of newcomer unknown"),
        ({"lines": [line("10", None, "chip")]}, {"vendor_countries": ["JP"]}, "country of the maker of chip unknown"),
        ({"buyers": ["newcomer"]}, {"destinations": ["JP"]}, "country of a buyer unknown"),
        ({"lines": [line("10", None, "later")]}, {"categories": ["memory"]}, "category of later unknown"),
    ],
)
def test_what_nobody_knows_yet_is_undetermined_and_told(
    order: dict[str, Any], condition: dict[str, Any], sentence: str
) -> None:
    book = market()
    about = {"organization_id": "newcomer", "name": "Newcomer", "country": "JP"}
    book.say("organization-registered", "2024-06-01", about)
    book.product("chip", "newcomer")
    later = {"product_id": "later", "name": "Later", "vendor_id": "nvidia", "category": "memory"}
    book.say("product-registered", "2024-06-01", later)
    book.order("o1", "2023-01-01", **{"lines": [line("10")], **order})
    enact(book, "chips", [{"rule_id": "r", "effect": "prohibited", **condition}])
    (row,) = ask(book.events, buyer=[])["rows"]
    assert (row["restricted"], row["explanation"]) == ("undetermined", [sentence])
    assert ask(book.events, buyer=[], effective_on=date(2024, 6, 1))["rows"][0]["restricted"] == "yes"


def test_rows_come_by_value_and_then_by_vendor_and_product() -> None:
    book = market()
    book.product("h800", "nvidia")
    book.order("o1", "2023-01-01", [line("10", None, None, "1"), line("10", None, "h800", "2"), line("10", name="3")])
    book.order(
        "o2", "2023-01-01", [line("10"), line(None, None, "h800", "2"), line("20", None, None, "3")], vendor_id="huawei"
    )
    assert [(row["vendor"], row["product"], row["value"]) for row in ask(book.events)["rows"]] == [
        ("huawei", None, "20"),
        ("huawei", "a800", "10"),
        ("nvidia", "a800", "10"),
        ("nvidia", "h800", "10"),
        ("nvidia", None, "10"),
        ("huawei", "h800", None),
    ]


# Judged when it was placed, and the lines behind it


def test_the_a800_of_august_2023_was_not_barred_when_it_was_placed(seed: list[Event]) -> None:
    today, then = (
        ask(seed, measure="spend", status="ordered", effective_on="2023-12-31", judged=judged)
        for judged in ("effective", "placed")
    )
    assert verdicts(today)["nvidia", "nv-a800"] == "yes"
    assert verdicts(then)["nvidia", "nv-a800"] == "no"
    assert (then["total"], then["instruments"]) == (today["total"], today["instruments"])


def lines_of(events: list[Event], offset: int = 0, limit: int | None = None, **query: Any) -> tuple[Any, bool]:
    """The lines behind an exposure: of the whole market in units, at the end of 2023, unless told otherwise."""
    asked = {"measure": "units", "effective_on": YEAR_END, "position": len(events)} | query
    parameters = RegulatoryExposure(**asked)
    with projected(events) as projection, projection.cursor() as cursor:
        ranked = ranked_lines(cursor, parameters, offset, limit)
        rows = page_of_lines(cursor, parameters, ranked, offset, ranked.count if limit is None else limit)
        return rows, offset + len(rows) < ranked.count


def test_each_line_says_what_bars_it() -> None:
    book = market()
    book.order("o2", "2023-06-01", [line("10", name="a"), line("30", name="b")])
    book.order("o1", "2023-01-01", [line("10")])
    rule = {"rule_id": "china", "effect": "licence-required", "destinations": ["CN"]}
    enact(book, "chips", [rule], effective_on="2023-03-01")
    rows, others = lines_of(book.events, judged="placed")
    assert not others
    assert [(row["order_id"], row["line"], row["value"], row["restricted"]) for row in rows] == [
        ("o2", "b", "30", "yes"),
        ("o1", "1", "10", "no"),
        ("o2", "a", "10", "yes"),
    ]
    assert rows[0]["rules"] == [
        {"regulation_id": "chips", "rule_id": "china", "effect": "licence-required", "verdict": "yes", "missing": []}
    ]
    assert (rows[1]["rules"], rows[1]["placed_on"], rows[1]["buyers"]) == ([], "2023-01-01", ["baidu"])
    (only,), others = lines_of(book.events, 1, 1, judged="placed")
    assert (only, others) == (rows[1], True)
    barred, _ = lines_of(book.events, judged="placed", restricted={"yes"})
    assert barred == [rows[0], rows[2]]


@pytest.mark.parametrize("number", range(12))
def test_lines_of_random_ledgers_are_what_the_plain_evaluation_gives(number: int) -> None:
    random = Random(number)
    events = random_ledger(random, random.randint(80, 250)).events
    with projected(events) as projection, projection.cursor() as cursor:
        for _ in range(6):
            query = random_exposure_query(random, events)
            assert exposed_lines(cursor, RegulatoryExposure(**query)) == plain_lines_of(events, **query), query
