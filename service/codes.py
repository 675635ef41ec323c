"""Code lists from ISO, as the pycountry library keeps them."""

from functools import cache

import pycountry

from domain.values import UNKNOWN_COUNTRY, Codes

#: ISO 4217's list three, the codes of currencies and funds that were withdrawn (the maintenance agency's
#: list-three.xml, SIX Group): what was bought with them is still recorded.
WITHDRAWN_CURRENCIES = frozenset(
    # By first letter, to compare with the list.
    """
    ADP AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM
    BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC BRE BRN BRR BUK BYB BYR
    CHC CNX CSD CSJ CSK CUC CYP
    DDM DEM
    ECS ECV EEK ESA ESB ESP
    FIM FRF
    GEK GHC GHP GNE GNS GQE GRD GWE GWP
    HRD HRK
    IEP ILP ILR ISJ ITL
    LAJ LSM LTL LTT LUC LUF LUL LVL LVR
    MAF MGF MLF MRO MTL MTP MVQ MXP MZE MZM
    NIC NLG
    PEH PEI PES PLZ PTE
    RHD ROK ROL RUR
    SDD SDP SIT SKK SLL SRG STD SUR
    TJR TMM TPE TRL
    UAK UGS UGW USS UYN UYP
    VEB VEF VNC
    XEU XFO XFU XRE
    YDD YUD YUM YUN
    ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR
    """.split()  # noqa: SIM905
)


#: Kosovo, by the code that the European Union, banks and customs use: ISO 3166-1 leaves it to its users.
KOSOVO = "XK"


@cache
def codes() -> Codes:
    """The countries (ISO 3166-1, and Kosovo) and currencies (ISO 4217) that new events may name."""
    return Codes(
        countries=frozenset(country.alpha_2 for country in pycountry.countries) | {KOSOVO},
        currencies=frozenset(currency.alpha_3 for currency in pycountry.currencies) | WITHDRAWN_CURRENCIES,
    )


def country_name(code: str) -> str | None:
    """The English short name of a country, "unknown" for ZZ; None for a code that is not on the list."""
    if code == UNKNOWN_COUNTRY:
        return "unknown"
    if code == KOSOVO:
        return "Kosovo"
    country = pycountry.countries.get(alpha_2=code)
    return None if country is None else str(country.name)
