"""Names of organisations and countries as texts have them."""

import pytest

from service.importers.names import comparable, forms_of, slug
from service.importers.places import codes_in, countries_in, country_of_addresses, leading_countries


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Huawei Technologies Co., Ltd.", "HUAWEI TECHNOLOGIES"),
        ("A.P. Finance Limited", "AP Finance Ltd"),
        ("Gulf Gate Spedition GmbH", "gulf gate spedition"),
        ("Société Générale S.A.", "Societe Generale"),
        ("Johnson & Johnson", "Johnson and Johnson, Inc."),
        ("百度", "百度"),
    ],
)
def test_case_accents_punctuation_and_legal_forms_do_not_tell_names_apart(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Gulf Gate Shipping Co. LLC", "Gulf Gate Sea Cargo LLC"),
        # a legal form that is the whole name is the name
        ("Limited", "Company"),
        ("百度", "华为"),
    ],
)
def test_other_names_are_others(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_what_stands_in_brackets_may_be_left_out() -> None:
    assert forms_of("Gulf Eagle Contracting (GEC)") == {"gulf eagle contracting gec", "gulf eagle contracting"}


def test_a_slug_is_ascii_or_nothing() -> None:
    assert (slug("Gulf Gate Spedition GmbH"), slug("百度")) == ("gulf-gate-spedition-gmbh", "")


@pytest.mark.parametrize(
    ("addresses", "country"),
    [
        ("Room 1905, Sheung Wang, HK; Room 1119, Kowloon, HK", "HK"),
        ("CN", "CN"),
        ("Kabul, AF; Dubai, AE", "AF"),
        ("Somewhere; Dubai, AE", "AE"),
        ("Hong Kong", None),
        ("Dubai, XX", None),
        ("", None),
    ],
)
def test_the_country_is_that_of_the_first_address_with_one(addresses: str, country: str | None) -> None:
    assert country_of_addresses(addresses) == country


def test_countries_are_read_by_name_and_lists_by_code_too() -> None:
    assert leading_countries("China/Hong Kong and Russia, but not Iran") == ["CN", "HK", "RU"]
    assert leading_countries("items to China") == []
    assert countries_in("China incl. HK/Macau and D:5, or HQ there") == ["CN", "HK", "MO"]
    # AI is Anguilla's code: only a list of destinations is read by code.
    assert countries_in("AI chips") == []
    assert codes_in("CN, US") == ["CN", "US"]
