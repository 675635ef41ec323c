"""Likely duplicates: which pairs are listed, in what order, and what looking for them costs."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from service.asking.likeness import likely_duplicates
from tests.effort import assert_in_proportion

SYLLABLES = "ka mo ri ten sol bar vek lum nor tas gil pro dex ham zor fin".split()  # noqa: SIM905


def organization(identifier: str, name: str, country: str | None = "DE", **others: Any) -> dict[str, Any]:
    """A row of the register."""
    absent = {"names": None, "parent_id": None, "same_as": None, "identifiers": None}
    return {"organization_id": identifier, "name": name, "country": country} | absent | others


def lei(code: str, scheme: str = "LEI") -> dict[str, Any]:
    """The identifiers of a row."""
    return {"identifiers": [{"scheme": scheme, "id": code}]}


def pairs(*rows: dict[str, Any]) -> dict[tuple[str, str], float]:
    """The scores of the pairs that are listed."""
    return {(found.one.organization_id, found.other.organization_id): found.score for found in likely_duplicates(rows)}


def test_names_that_differ_by_legal_form_case_and_accents_are_one() -> None:
    rows = organization("a", "Société Générale S.A."), organization("b", "SOCIETE GENERALE")
    assert pairs(*rows) == {("a", "b"): 1}


def test_a_slip_in_a_name_leaves_it_alike_and_another_name_is_another() -> None:
    rows = organization("a", "Siemens AG"), organization("b", "Siemnes"), organization("c", "Samsung")
    assert pairs(*rows) == {("a", "b"): 0.8571}


def test_the_order_of_words_says_nothing() -> None:
    assert pairs(organization("a", "Bosch Robert GmbH"), organization("b", "Robert Bosch")) == {("a", "b"): 1}


def test_a_name_in_another_language_counts() -> None:
    rows = organization("a", "Baidu, Inc."), organization("b", "百度", names={"en": "Baidu"})
    assert pairs(*rows) == {("a", "b"): 1}


def test_another_country_lowers_the_score_and_an_unknown_one_does_not() -> None:
    rows = [organization(place, "Acme Ltd", country) for place, country in (("a", "DE"), ("b", "FR"), ("c", "ZZ"))]
    assert pairs(*rows) == {("a", "c"): 1, ("b", "c"): 1, ("a", "b"): 0.9}


def test_an_identifier_that_both_have_weighs_more_than_names_and_countries() -> None:
    one, other = organization("a", "Xylo", "FR", **lei("12-3")), organization("b", "Quart", **lei("123", "lei"))
    ((_, score),) = pairs(one, other).items()
    assert 0.9 <= score < 1


def test_identifiers_of_one_scheme_that_differ_lower_the_score() -> None:
    assert pairs(organization("a", "Acme", **lei("1")), organization("b", "Acme", **lei("2"))) == {("a", "b"): 0.9}
    assert pairs(organization("a", "Acme", **lei("1")), organization("b", "Acme", "FR", **lei("2"))) == {}


def test_numbers_in_names_distinguish() -> None:
    assert pairs(organization("a", "School No 12"), organization("b", "School No 13")) == {}


def test_what_is_joined_is_one_organisation() -> None:
    joined = organization("b", "Acme GmbH", same_as="a")
    assert pairs(organization("a", "Acme"), joined) == {}
    # A third like the joined record is like the one that it stands for.
    third = organization("c", "Akme Pumps")
    assert pairs(organization("a", "Quart"), {**joined, "name": "Acme Pumps"}, third) == {("a", "c"): 0.9}


def test_an_owner_is_no_duplicate_unless_an_identifier_says_so() -> None:
    owner, middle = organization("a", "Acme AG"), organization("m", "Holding", parent_id="a")
    assert pairs(owner, middle, organization("b", "Acme Ltd", parent_id="m")) == {}
    owned = organization("b", "Acme Ltd", parent_id="m", **lei("1"))
    assert pairs({**owner, **lei("1")}, middle, owned) == {("a", "b"): 1}


def test_siblings_are_duplicates_by_their_names_alone() -> None:
    rows = [organization(place, name, parent_id="p") for place, name in (("a", "Acme"), ("b", "Quart"), ("c", "Acme"))]
    assert pairs(*rows) == {("a", "c"): 1}


def test_the_likeliest_come_first_then_by_id_with_why() -> None:
    rows = [organization("d", "Siemnes"), organization("b", "Siemens", "AT"), organization("a", "Siemens AG", "AT")]
    first, *others = [found.described() for found in likely_duplicates([*rows, organization("c", "Siemens Ltd")])]
    assert [first["organization_id"], first["other_id"], first["score"]] == ["a", "b", 1]
    assert first["why"] == [
        "the names Siemens AG and Siemens are 100% alike, legal forms left out",
        "both are in AT",
    ]
    assert [(pair["organization_id"], pair["other_id"]) for pair in others] == [("a", "c"), ("b", "c"), ("c", "d")]


def made(count: int) -> list[dict[str, Any]]:
    """Organisations of made-up names, of which many share words."""
    random = Random(5)
    words = ["".join(random.choices(SYLLABLES, k=random.randint(2, 4))) for _ in range(count)]
    return [
        organization(f"o-{number:06}", f"{random.choice(words)} {random.choice(words[:40])} Ltd")
        for number in range(count)
    ]


@pytest.mark.parametrize("rows", [made, lambda count: [organization(f"o-{one}", "Same Ltd") for one in range(count)]])
def test_the_cost_grows_as_the_organisations_do(rows: Any) -> None:
    assert len(likely_duplicates(rows(4_000))) <= 40 * 4_000

    def prepare(count: int) -> Callable[[], object]:
        given = rows(count)
        return lambda: likely_duplicates(given)

    # All pairs would take sixteen times as long.
    assert_in_proportion(prepare, 1_000, times=12)
