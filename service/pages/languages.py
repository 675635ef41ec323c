"""The languages of the pages: the catalogues of their words, and which one somebody reads."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from service.pages.figures import ReadableFigures

#: By its code, what a language calls itself; the first one is the words' own.
LANGUAGES = {"en": "English", "zh": "中文"}


@dataclass(frozen=True)
class Language:
    """One language."""

    code: str
    words: NullTranslations
    figures: ReadableFigures

    def __call__(self, message: str, **named: Any) -> str:
        """A sentence in this language, with what is named in it."""
        found = self.words.ugettext(message)
        return found % named if named else found

    def several(self, one: str, many: str, count: int, **named: Any) -> str:
        """A sentence about a number of things."""
        return self.words.ungettext(one, many, count) % {"count": self.figures.amount(count), **named}

    def name_of(self, names: dict[str, str] | None, name: str | None, identifier: str) -> str:
        """What a thing is called: its name in this language, else its name, else its id."""
        return (names or {}).get(self.code) or name or identifier


@cache
def language(code: str) -> Language:
    """A language by its code."""
    catalogue = resources.files("service.pages").joinpath("messages", f"{code}.po")
    if not catalogue.is_file():
        return Language(code, NullTranslations(), ReadableFigures(code))
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(catalogue.read_bytes()), locale=code))
    compiled.seek(0)
    return Language(code, Translations(compiled), ReadableFigures(code))


def chosen_language(asked: str | None, kept: str | None, accepted: str) -> str:
    """The language of a page: what the address says, else the cookie, else the browser (Accept-Language)."""
    for named in (asked, kept):
        if named in LANGUAGES:
            return str(named)
    weighed = []
    for place, part in enumerate(accepted.split(",")[:20]):
        spelling, _, weight = part.partition(";")
        code = spelling.strip().lower().partition("-")[0]
        if code in LANGUAGES:
            weighed.append((-_weight(weight), place, code))
    return min(weighed)[2] if weighed else next(iter(LANGUAGES))


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0
