"""What every page shows around its own content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.pages.addresses import Address
from service.pages.languages import Language
from service.pages.walk import href, step_of

#: What an address keeps on the way to another page: the clocks, to views what they all are asked, and how it is shown.
CLOCKS = ("effective_on", "known_on", "position", "recorded_at")
ASKED = (*CLOCKS, "buyer", "measure", "attribute", "currency", "captive", "exclude", "buyer_scope")
SHOWN_ALIKE = ("lang", "theme")
#: By path, the letter that goes there, and what the page takes.
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "/dependence": ("d", ASKED),
    "/difference": ("f", ASKED),
    "/exposure": ("x", ASKED),
    "/sole-source": ("s", ASKED),
    "/vendors": ("v", CLOCKS),
    "/products": ("p", CLOCKS),
    "/orders": ("o", CLOCKS),
    "/partnerships": ("n", CLOCKS),
    "/regulations": ("r", CLOCKS),
    "/events": ("e", ()),
    "/audit": ("a", ()),
    "/connect": ("c", ()),
    "/operate": ("w", ()),
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page."""

    actor: str
    may_prove: bool
    signed_in: bool
    #: The ledger is the demonstration's.
    is_demo: bool = False


def _pages(language: Language) -> dict[str, str]:
    """By path, what pages are called."""
    return {
        "/dependence": language("Dependence"),
        "/difference": language("Difference"),
        "/exposure": language("Exposure"),
        "/sole-source": language("Sole source"),
        "/vendors": language("Vendors"),
        "/products": language("Products"),
        "/orders": language("Orders"),
        "/partnerships": language("Partnerships"),
        "/regulations": language("Regulations"),
        "/events": language("Events"),
        "/audit": language("Audit"),
        "/connect": language("Connect"),
        "/operate": language("Operate"),
    }


def _links(path: str, address: Address | None, language: Language, *, may_prove: bool) -> list[dict[str, Any]]:
    """The pages there are, each with the link that keeps what it takes of this one's address."""
    here = "/dependence" if path == "/" else path
    found = []
    for where, words in _pages(language).items():
        if where == "/audit" and not may_prove:
            continue
        letter, takes = PAGES[where]
        asked = {} if address is None else {name: one for name, one in address.asked.items() if name in takes}
        shown = {} if address is None else {name: one for name, one in address.shown.items() if name in SHOWN_ALIKE}
        is_here = here == where or here.startswith(f"{where}/")
        found.append({"href": Address(where, asked, shown).href(), "words": words, "key": letter, "is_here": is_here})
    return found


def fault_of_token(token: str, longest: int, language: Language) -> str | None:
    """What is wrong with a token that was given in the form, before anybody looks whose it is."""
    if not token:
        return language("A token is needed.")
    return language("The token is too long for a browser to keep.") if len(token) > longest else None


def framed(
    path: str, visitor: Visitor | None, theme: str | None, language: Language, model: Mapping[str, Any]
) -> dict[str, Any]:
    """The model of a page with what the frame around it shows."""
    return {
        "address": None,
        "first_step": href(1),
        "letters": ", ".join(f"{PAGES[path][0]} {words}" for path, words in _pages(language).items()),
        "navigation": _links(path, model.get("address"), language, may_prove=visitor is not None and visitor.may_prove),
        "theme": theme,
        "walk": step_of(model.get("address"), language),
        "visitor": visitor,
        **model,
    }
