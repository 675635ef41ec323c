"""Countries as texts name them."""

import re
from functools import cache

import pycountry

from service.codes import codes

#: Names in use that ISO's own list does not have.
FURTHER_NAMES = {
    "Brunei": "BN",
    "Burma": "MM",
    "Czech Republic": "CZ",
    "HK": "HK",
    "Ivory Coast": "CI",
    "Laos": "LA",
    "Macau": "MO",
    "PRC": "CN",
    "Russia": "RU",
    "South Korea": "KR",
    "Syria": "SY",
    "Turkey": "TR",
    "UK": "GB",
    "USA": "US",
    "Vietnam": "VN",
}
#: What may stand between the countries of a list.
BETWEEN = re.compile(r"\s*(?:/|,|\band\b|\bor\b|\bincl\.)\s*")
CODE = re.compile(r"\b[A-Z]{2}\b")


@cache
def _names() -> dict[str, str]:
    names = {}
    for country in pycountry.countries:
        for field in ("name", "common_name", "official_name"):
            if (name := getattr(country, field, None)) is not None:
                names[name] = country.alpha_2
    return names | FURTHER_NAMES


@cache
def _pattern() -> re.Pattern[str]:
    by_letter: dict[str, list[str]] = {}
    for name in sorted(_names(), key=len, reverse=True):
        by_letter.setdefault(name[0], []).append(re.escape(name[1:]))
    # By first letter, so that a place in a text is held against a few names, not against hundreds.
    branches = [f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items()]
    return re.compile(rf"\b(?:{'|'.join(branches)})\b")


def countries_in(text: str) -> list[str]:
    """The codes of the countries that a text names, in that order, each once."""
    return list(dict.fromkeys(_names()[name] for name in _pattern().findall(text)))


def codes_in(text: str) -> list[str]:
    """The codes of the countries that a list names, by name or by ISO 3166-1 alpha-2 code, each once."""
    by_code = CODE.sub(lambda code: _by_code().get(code[0], code[0]), text)
    return countries_in(by_code)


@cache
def _by_code() -> dict[str, str]:
    """The first name of each country."""
    return {code: name for name, code in reversed(_names().items())}


def leading_countries(text: str, place: int = 0) -> list[str]:
    """The codes of the countries that a text names from a place on; none where something else stands there."""
    found: list[str] = []
    while (match := _pattern().match(text, place)) is not None:
        found.append(_names()[match[0]])
        between = BETWEEN.match(text, match.end())
        if between is None:
            break
        place = between.end()
    return list(dict.fromkeys(found))


def country_of_addresses(addresses: str) -> str | None:
    """The country of the first of several addresses (parted by semicolons) that ends in a country code, or None."""
    for address in addresses.split(";"):
        code = address.rpartition(",")[2].strip()
        if code in codes().countries:
            return code
    return None
