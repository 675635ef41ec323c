"""Code lists from ISO, as the pycountry library keeps them."""

from functools import cache

import pycountry

from domain.values import UNKNOWN_COUNTRY, Codes

#: Codes of ISO 4217's list of withdrawn currencies that central banks' rate histories still name.
WITHDRAWN_CURRENCIES = frozenset(
    # One line to compare with the list, not twenty-five.
    "ATS BEF BGN CYP DEM EEK ESP FIM FRF GRD HRK IEP ITL LTL LUF LVL MTL NLG PTE ROL SIT SKK TRL VEF ZMK".split()  # noqa: SIM905
)


@cache
def codes() -> Codes:
    """The countries (ISO 3166-1) and currencies (ISO 4217) that new events may name."""
    return Codes(
        countries=frozenset(country.alpha_2 for country in pycountry.countries),
        currencies=frozenset(currency.alpha_3 for currency in pycountry.currencies) | WITHDRAWN_CURRENCIES,
    )


def country_name(code: str) -> str | None:
    """The English short name of a country, "unknown" for ZZ; None for a code that is not on the list."""
    if code == UNKNOWN_COUNTRY:
        return "unknown"
    country = pycountry.countries.get(alpha_2=code)
    return None if country is None else str(country.name)
