"""Names of organisations and countries as texts have them."""

import unicodedata

import pytest

from domain.names import comparable, forms_of, written
from service.importing.names import as_sent_slug, ascii_words, slug
from service.importing.places import codes_in, countries_in, country_of_addresses, leading_countries


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


def test_ascii_words_are_ascii_or_nothing() -> None:
    assert (ascii_words("Gulf Gate Spedition GmbH"), ascii_words("百度")) == ("gulf-gate-spedition-gmbh", "")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        # As ledgers have them since there are slugs: they must never change.
        ("Müller & Söhne GmbH", "muller-sohne-gmbh"),
        ("Gulf Gate  Spedition", "gulf-gate-spedition"),
        ("Йошкар-Ола", "9d74a4d2"),
        ("한국전력공사", "33a51262"),
        ("ガス  株式会社", "f60125c3"),
        ("Straße 7", "strae-7-7ac64854"),
    ],
)
def test_a_name_in_nfc_makes_the_id_that_it_always_made(name: str, identifier: str) -> None:
    assert slug(name) == as_sent_slug(name) == identifier


@pytest.mark.parametrize("name", ["Müller & Söhne GmbH", "Йошкар-Ола", "한국전력공사", "ガス株式会社", "Straße Łódź"])
def test_a_name_makes_one_id_in_every_unicode_form(name: str) -> None:
    assert slug(unicodedata.normalize("NFD", name)) == slug(name)
    assert written(unicodedata.normalize("NFD", name)) == written(name) == name


@pytest.mark.parametrize(
    "sent",
    [
        " Acme  Pumps ",
        "Acme\u00a0Pumps",
        "Acme\u2003\tPumps",
        "\ufeffAcme Pumps",
        "Ac\u00adme Pum\u200bps",
        "\u202aAcme Pumps\u202c",
        "Acme\r\nPumps",
    ],
)
def test_what_nobody_can_see_makes_no_other_name(sent: str) -> None:
    assert written(sent) == "Acme Pumps"


@pytest.mark.parametrize(
    "other", ["ACME Pumps", "Ａcme Pumps", "Acmé Pumps", "Acme-Pumps", "AcmePumps", "\u0410cme Pumps"]
)
def test_what_looks_different_is_another_name(other: str) -> None:
    assert written(other) != "Acme Pumps"


def test_a_joiner_that_shapes_letters_stays() -> None:
    assert written("می\u200cخواهم") == "می\u200cخواهم"


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
