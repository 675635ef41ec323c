"""Names as texts have them: which two are the same, and how they are compared.

Two texts are the same name where a reader could not distinguish them: they are compared as `written` has them.
What looks different (case, accents, full width, legal forms) is folded only where a list is matched with the ledger,
and where likely duplicates are looked for.
"""

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
#: What takes no room and shapes no letter: soft hyphen, zero-width space, word joiner, byte order mark, marks of
#: direction. Joiners (U+200C, U+200D) stay: Persian and Indic scripts look different without them.
INVISIBLE = dict.fromkeys(
    (0x00AD, 0x061C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)


def written(text: str) -> str:
    """A text as it is kept and compared: NFC, without invisible marks, each run of white space one space."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(INVISIBLE))
    return " ".join(text.split())


def words_of(text: str) -> str:
    """A text in lower case, without accents and punctuation, one space between words."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = plain.casefold().replace("&", " and ").replace(".", "").replace("'", "").replace("’", "")
    return NOT_A_WORD.sub(" ", plain).strip()


def comparable(name: str) -> str:
    """A name as lists compare it: its words without the legal forms at the end."""
    words = words_of(name).split()
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        words.pop()
    return " ".join(words)


def forms_of(name: str) -> set[str]:
    """The forms under which a name is known: whole, and without what stands in brackets."""
    name = written(name)
    return {form for text in (name, BRACKETED.sub(" ", name)) if (form := comparable(text))}
