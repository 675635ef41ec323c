"""Each condition of a rule alone, with what is known and what is not; then together."""

from typing import Any

import pytest

from domain.estimates import UNQUANTIFIED
from domain.evaluation import Party, Product, attributes_of, compile_conditions, compile_rule, party_of
from domain.truth import NO, YES, Finding, undetermined

PARENTS = {"kunlunxin": "baidu", "mellanox": "nvidia", "baidu-singapore": "baidu", "orphan": "nobody-knows"}
COUNTRIES = {
    "baidu": "CN",
    "kunlunxin": "CN",
    "baidu-singapore": "SG",
    "nvidia": "US",
    "mellanox": "IL",
    "huawei": "CN",
}


def party(organization_id: str) -> Party:
    return party_of(organization_id, PARENTS, COUNTRIES)


def product(
    product_id: str = "nv-a800",
    maker: str | None = "nvidia",
    category: str | None = "ai-accelerator",
    **attributes: Any,
) -> Product:
    """Nvidia's A800, unless told otherwise."""
    return Product(product_id, party(maker) if maker else None, category, attributes_of(attributes))


A800 = product(tpp="4988.8")


def judged(
    conditions: dict[str, Any], buyer: str = "baidu", vendor: str = "nvidia", bought: Product | None = A800
) -> Finding:
    return compile_conditions(conditions).judge(party(buyer), party(vendor), bought)


def test_a_party_has_its_ancestors_and_the_country_of_the_last() -> None:
    found = party("baidu-singapore")
    assert found.lineage == {"baidu-singapore", "baidu"}
    assert (found.country, found.ultimate_country) == ("SG", "CN")


def test_the_ultimate_parent_may_be_one_of_whom_nothing_is_known() -> None:
    found = party("orphan")
    assert found.lineage == {"orphan", "nobody-knows"}
    assert (found.country, found.ultimate_country) == (None, None)


def test_a_circle_of_owners_ends_where_it_closes() -> None:
    assert party_of("a", {"a": "b", "b": "a"}, {"b": "FR"}).ultimate_country == "FR"


# Destinations


@pytest.mark.parametrize(
    ("buyer", "destinations", "expected"),
    [
        ("baidu", ["CN"], YES),
        ("baidu", ["HK", "CN"], YES),
        ("baidu", ["HK"], NO),
        ("baidu-singapore", ["SG"], YES),
        ("baidu-singapore", ["CN"], YES),
        ("baidu-singapore", ["US"], NO),
        ("unheard-of", ["CN"], undetermined("country")),
    ],
)
def test_a_destination_is_the_buyers_country_or_its_ultimate_parents(
    buyer: str, destinations: list[str], expected: Finding
) -> None:
    assert judged({"destinations": destinations}, buyer=buyer) == expected


@pytest.mark.parametrize(
    ("country", "ultimate_country", "expected"),
    [
        (None, "CN", YES),
        ("CN", None, YES),
        (None, "SG", undetermined("country")),
        ("SG", None, undetermined("country")),
    ],
)
def test_half_a_destination_decides_only_where_it_matches(
    country: str | None, ultimate_country: str | None, expected: Finding
) -> None:
    buyer = Party(frozenset({"branch", "head"}), country, ultimate_country)
    assert compile_conditions({"destinations": ["CN"]}).judge(buyer, party("nvidia"), A800) == expected


# Buyers and vendors


@pytest.mark.parametrize(
    ("buyer", "expected"), [("baidu", YES), ("kunlunxin", YES), ("huawei", NO), ("unheard-of", NO)]
)
def test_a_buyer_is_meant_with_all_that_it_owns(buyer: str, expected: Finding) -> None:
    assert judged({"buyers": ["tencent", "baidu"]}, buyer=buyer) == expected


def test_an_owner_is_not_meant_with_what_it_owns() -> None:
    assert judged({"buyers": ["kunlunxin"]}, buyer="baidu") == NO


@pytest.mark.parametrize(
    ("vendor", "bought", "expected"),
    [
        ("nvidia", product(maker="huawei"), YES),
        ("mellanox", product(maker="huawei"), YES),
        ("huawei", product(maker="nvidia"), YES),
        ("huawei", product(maker="mellanox"), YES),
        ("huawei", product(maker="huawei"), NO),
        ("nvidia", None, YES),
        ("huawei", None, NO),
        ("nvidia", product(maker=None), YES),
        ("huawei", product(maker=None), NO),
    ],
)
def test_a_vendor_is_who_sells_or_who_makes_and_never_undetermined(
    vendor: str, bought: Product | None, expected: Finding
) -> None:
    assert judged({"vendors": ["nvidia"]}, vendor=vendor, bought=bought) == expected


@pytest.mark.parametrize(
    ("vendor", "bought", "expected"),
    [
        ("nvidia", product(maker="huawei"), YES),
        ("mellanox", product(maker="huawei"), YES),
        ("huawei", product(maker="mellanox"), YES),
        ("huawei", product(maker="huawei"), NO),
        ("huawei", None, NO),
        ("huawei", product(maker=None), NO),
        ("huawei", product(maker="unheard-of"), undetermined("country")),
        ("unheard-of", product(maker="huawei"), undetermined("country")),
        ("unheard-of", product(maker="nvidia"), YES),
        ("unheard-of", None, undetermined("country")),
    ],
)
def test_a_vendors_country_is_that_of_its_ultimate_parent_or_of_the_makers(
    vendor: str, bought: Product | None, expected: Finding
) -> None:
    assert judged({"vendor_countries": ["US"]}, vendor=vendor, bought=bought) == expected


def test_a_vendors_own_country_is_not_looked_at() -> None:
    assert judged({"vendor_countries": ["IL"]}, vendor="mellanox", bought=None) == NO


# Products


@pytest.mark.parametrize(
    ("bought", "expected"),
    [
        (A800, YES),
        (product("nv-h20"), NO),
        (product("nv-a800", category=None), YES),
        (None, undetermined("product_id")),
    ],
)
def test_a_product_is_one_of_those_listed(bought: Product | None, expected: Finding) -> None:
    assert judged({"products": ["nv-a100", "nv-a800"]}, bought=bought) == expected


@pytest.mark.parametrize(
    ("bought", "expected"),
    [
        (A800, YES),
        (product(category="memory"), NO),
        (product(category=None), undetermined("category")),
        (None, undetermined("product_id")),
    ],
)
def test_a_category_is_that_of_the_product(bought: Product | None, expected: Finding) -> None:
    assert judged({"categories": ["ai-accelerator", "cpu"]}, bought=bought) == expected


WHEN = {"attribute": "tpp", "op": ">=", "value": "4800"}


@pytest.mark.parametrize(
    ("bought", "expected"),
    [
        (A800, YES),
        (product(tpp="2368"), NO),
        (product(tpp=None), undetermined("tpp")),
        (product(), undetermined("tpp")),
        (None, undetermined("product_id")),
    ],
)
def test_when_looks_at_the_attributes_of_the_product(bought: Product | None, expected: Finding) -> None:
    assert judged({"when": WHEN}, bought=bought) == expected


def test_no_predicate_decides_without_a_product() -> None:
    either_way = {"any": [WHEN, {"not": WHEN}]}
    assert judged({"when": either_way}, bought=None) == undetermined("product_id")


def test_without_a_product_conditions_on_the_parties_still_decide() -> None:
    assert judged({"vendors": ["nvidia"], "destinations": ["CN"]}, bought=None) == YES
    assert judged({"vendors": ["huawei"], "when": WHEN}, bought=None) == NO


# Together


def test_all_conditions_given_must_hold() -> None:
    rule = {"destinations": ["CN"], "vendor_countries": ["US"], "categories": ["ai-accelerator"], "when": WHEN}
    assert judged(rule) == YES
    for name, other in {"destinations": ["HK"], "vendor_countries": ["JP"], "categories": ["memory"]}.items():
        assert judged(rule | {name: other}) == NO
    assert judged(rule | {"when": {"not": WHEN}}) == NO


def test_what_is_missing_is_told_of_every_condition_that_waits() -> None:
    rule = {"destinations": ["CN"], "categories": ["ai-accelerator"], "when": WHEN}
    unknown = product(category=None, tpp={"value": "5000", "low": "4000", "high": "6000"})
    assert judged(rule, buyer="unheard-of", bought=unknown) == undetermined("category", "country", "tpp")


def test_nothing_is_missing_where_one_condition_does_not_hold() -> None:
    unknown = Product("nv-x", None, None, {"tpp": UNQUANTIFIED})
    assert judged({"buyers": ["tencent"], "categories": ["cpu"], "when": WHEN}, bought=unknown) == NO


# Licences


RULE = compile_rule(
    "us-3a090", {"rule_id": "3A090", "effect": "licence-required", "vendor_countries": ["US"], "when": WHEN}
)
HALF_KNOWN = product(tpp=None)


@pytest.mark.parametrize(
    ("bought", "licences", "expected"),
    [
        (A800, [], YES),
        (A800, [{"products": ["nv-a800"]}], NO),
        (A800, [{"products": ["nv-h20"]}], YES),
        (A800, [{"products": ["nv-h20"]}, {"buyers": ["baidu"]}], NO),
        (A800, [{"categories": ["cpu"]}, {"when": {"attribute": "memory_gb", "op": "<", "value": "80"}}],
         undetermined("memory_gb")),
        (HALF_KNOWN, [{"products": ["nv-h20"]}], undetermined("tpp")),
        (HALF_KNOWN, [{"products": ["nv-a800"]}], NO),
        (HALF_KNOWN, [{"when": {"attribute": "memory_gb", "op": "<", "value": "80"}}],
         undetermined("memory_gb", "tpp")),
        (product(tpp="100"), [{"when": {"attribute": "memory_gb", "op": "<", "value": "80"}}], NO),
    ],
)  # fmt: skip
def test_a_licence_takes_out_what_it_matches(
    bought: Product, licences: list[dict[str, Any]], expected: Finding
) -> None:
    compiled = [compile_conditions(licence) for licence in licences]
    assert RULE.judge(party("baidu"), party("nvidia"), bought, compiled) == expected
