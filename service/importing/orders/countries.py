"""Countries by any usual name: ISO's own names and codes, those that people use instead, and other languages'."""

import gettext
from collections.abc import Iterator
from functools import cache
from typing import Any

import pycountry

from domain.names import words_of
from domain.values import UNKNOWN_COUNTRY

#: Names in use that ISO 3166-1 does not have, in English and as `words_of` writes them. Only what means one country to
#: everybody: "Korea" alone stands for two.
ALIASES = {
    "AE": "uae, emirates",
    "BA": "bosnia",
    "BN": "brunei",
    "BO": "bolivia",
    "BS": "the bahamas",
    "CD": "drc, dr congo, congo drc, congo dr, congo kinshasa, congo dem rep, zaire, democratic republic of congo",
    "CG": "congo brazzaville, republic of congo, congo rep",
    "CI": "ivory coast",
    "CN": "prc, pr china, china prc, mainland china, peoples republic of china",
    "CV": "cape verde",
    "CZ": "czech republic, czech rep",
    "EG": "egypt arab rep",
    "FM": "micronesia",
    "GB": "uk, great britain, britain, england, scotland, wales, northern ireland, great britain and northern ireland",
    "GM": "the gambia",
    "GR": "el",
    "HK": "hong kong sar, hong kong china, hong kong sar china",
    "IR": "iran",
    "KG": "kyrgyz republic",
    "KN": "st kitts and nevis",
    "KP": "north korea, dprk, korea north, korea dem rep, democratic peoples republic of korea",
    "KR": "south korea, korea south, korea rep, republic of korea, korea republic, rok",
    "LA": "laos",
    "LC": "st lucia",
    "MD": "moldova",
    "MK": "macedonia, fyrom, former yugoslav republic of macedonia",
    "MM": "burma",
    "MO": "macau, macau sar, macao sar, macao china",
    "NL": "holland, the netherlands",
    "PS": "palestine, west bank and gaza, palestinian territories, palestinian territory",
    "RU": "russia",
    "SA": "ksa",
    "SK": "slovak republic",
    "ST": "sao tome",
    "SY": "syria",
    "SZ": "swaziland",
    "TL": "east timor",
    "TR": "turkey",
    "TW": "taiwan, chinese taipei, taiwan roc, taiwan china, republic of china",
    "TZ": "tanzania",
    "US": "us, usa, united states of america, u s, u s a, america",
    "VA": "vatican, vatican city, holy see",
    "VC": "st vincent, st vincent and the grenadines",
    "VE": "venezuela",
    "VN": "vietnam",
    "XK": "xk, kosovo, republic of kosovo, kosova",
    UNKNOWN_COUNTRY: "zz, unknown",
}
#: Languages in which countries are known by name, besides English; as pycountry has them.
LANGUAGES = ("de", "fr", "es", "pt", "it", "nl", "pl", "tr", "ru", "ja", "zh_CN", "zh_TW")


def country_code(name: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country (XK: Kosovo, ZZ: unknown); None where no country is called so."""
    key = _key(name)
    return _english().get(key) or _foreign().get(key)


def _key(name: str) -> str:
    return words_of(name).removeprefix("the ")


@cache
def _english() -> dict[str, str]:
    found = {_key(name): country.alpha_2 for country in pycountry.countries for name in _named(country)}
    for code, names in ALIASES.items():
        found.update((_key(name), code) for name in names.split(", "))
    return found


@cache
def _foreign() -> dict[str, str]:
    """Names in other languages; none that means two countries."""
    found: dict[str, str | None] = {}
    for language in LANGUAGES:
        words = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [language], fallback=True)
        for country in pycountry.countries:
            for name in _named(country):
                key = _key(words.gettext(name))
                found[key] = country.alpha_2 if found.get(key, country.alpha_2) == country.alpha_2 else None
    return {key: code for key, code in found.items() if code is not None}


def _named(country: Any) -> Iterator[str]:
    """All that ISO calls a country: names, the other way round ("Korea, Republic of"), and codes."""
    for field in ("name", "common_name", "official_name", "alpha_2", "alpha_3", "numeric"):
        if (name := getattr(country, field, None)) is not None:
            yield name
            before, comma, behind = name.partition(", ")
            if comma:
                yield f"{behind} {before}"
