"""The ids that names make."""

import hashlib
import re
import unicodedata

from domain.names import words_of
from domain.values import IDENTIFIER_PATTERN

IDENTIFIER = re.compile(IDENTIFIER_PATTERN, re.ASCII)
LONGEST_ID = 128
#: A longer slug is cut, and distinguished from others by the digits of a hash.
LONGEST_SLUG = 96
DIGITS = 8


def slug(text: str) -> str:
    """The id that a name makes: lower-case ASCII words with hyphens between them, the same in every Unicode form.

    Accents are dropped. Where letters of other scripts are, or the text is very long, digits of its hash follow, so
    that two names do not become one.
    """
    return as_sent_slug(unicodedata.normalize("NFC", text))


def as_sent_slug(text: str) -> str:
    """The id that a name made, letter by letter as it was sent: ledgers have ids of names that were not in NFC."""
    decomposed = unicodedata.normalize("NFKD", text)
    kept = decomposed.encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", kept).strip("-")
    lost = any(not one.isascii() and unicodedata.category(one)[0] in "LN" for one in decomposed)
    if lost or len(words) > LONGEST_SLUG or not words:
        words = f"{words[:LONGEST_SLUG].rstrip('-')}-{digest(text)}".lstrip("-")
    return words


def ascii_words(name: str, length: int = 64) -> str:
    """What ASCII can say of a name, to stand beside a digest in an id; empty where it can say nothing."""
    ascii_only = words_of(name).encode("ascii", "ignore").decode()
    return "-".join(ascii_only.split())[:length].strip("-")


def event_id(*parts: str) -> str:
    """The id of an event: its parts with colons between them, or a hash of those that are too long together."""
    whole = ":".join(parts)
    if len(whole) <= LONGEST_ID:
        return whole
    return f"{parts[0]}:{hashlib.sha256(whole.encode()).hexdigest()[:32]}:{parts[-1]}"[:LONGEST_ID]


def digest(text: str) -> str:
    """A few hexadecimal digits that distinguish a text from others."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
