"""Names of organisations made comparable: case, accents, punctuation and legal forms aside."""

import re
import unicodedata

#: Legal forms, as they read without dots.
LEGAL_FORMS = frozenset(
    # One paragraph to read, not forty lines.
    (  # noqa: SIM905
        "ab ag aps as asa bhd bv co company corp corporation doo fze gmbh inc incorporated jsc kft kg kk limited llc"
        " llp lp ltd ltda nv ojsc ooo oy oyj pjsc plc pte pty pvt sa sarl sas sdn se spa srl sti tic ao"
    ).split()
)
BRACKETED = re.compile(r"\([^()]*\)")
#: Every letter and digit of any script; the rest parts words.
NOT_A_WORD = re.compile(r"[\W_]+")


def words_of(text: str) -> str:
    """A text in lower case, without accents and punctuation, one space between words."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = plain.casefold().replace("&", " and ").replace(".", "").replace("'", "").replace("’", "")
    return NOT_A_WORD.sub(" ", plain).strip()


def comparable(name: str) -> str:
    """A name as it is compared: its words without the legal forms at the end."""
    words = words_of(name).split()
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        words.pop()
    return " ".join(words)


def forms_of(name: str) -> set[str]:
    """The forms under which a name is known: whole, and without what stands in brackets."""
    return {form for text in (name, BRACKETED.sub(" ", name)) if (form := comparable(text))}


def slug(name: str, length: int = 64) -> str:
    """A name as part of an identifier: ASCII letters and digits, hyphens between; empty where it has none."""
    ascii_only = words_of(name).encode("ascii", "ignore").decode()
    return "-".join(ascii_only.split())[:length].strip("-")
