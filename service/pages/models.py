"""What every page shows around its own content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.pages.languages import Language

#: By path, the letter that goes there.
LETTERS = {"/dependence": "d"}
#: What an address forgets on the way to another page.
FORGOTTEN = ("vendor", "key", "from", "to")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page."""

    actor: str
    may_prove: bool
    signed_in: bool


def _pages(language: Language) -> dict[str, str]:
    """By path, what pages are called."""
    return {"/dependence": language("Dependence")}


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
        "forget": {"from_" if name == "from" else name: None for name in FORGOTTEN},
        "here": "/dependence" if path == "/" else path,
        "navigation": [(where, words, LETTERS[where]) for where, words in _pages(language).items()],
        "theme": theme,
        "visitor": visitor,
        **model,
    }
