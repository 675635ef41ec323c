"""Ids made of names: readable, always the same for the same name, and different where letters had to be dropped."""

import hashlib
import re
import unicodedata

from domain.values import IDENTIFIER_PATTERN

IDENTIFIER = re.compile(IDENTIFIER_PATTERN, re.ASCII)
LONGEST_ID = 128
#: A longer slug is cut, and told from others by the digits of a hash.
LONGEST_SLUG = 96
DIGITS = 8


def slug(text: str) -> str:
    """Lower-case ASCII words with hyphens between them.

    Accents are dropped. Where letters of other scripts are, or the text is very long, digits of its hash follow, so
    that two names do not become one.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    kept = decomposed.encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", kept).strip("-")
    lost = any(not one.isascii() and unicodedata.category(one)[0] in "LN" for one in decomposed)
    if lost or len(words) > LONGEST_SLUG or not words:
        words = f"{words[:LONGEST_SLUG].rstrip('-')}-{digest(text)}".lstrip("-")
    return words


def event_id(*parts: str) -> str:
    """The id of an event: its parts with colons between them, or a hash of those that are too long together."""
    whole = ":".join(parts)
    if len(whole) <= LONGEST_ID:
        return whole
    return f"{parts[0]}:{hashlib.sha256(whole.encode()).hexdigest()[:32]}:{parts[-1]}"[:LONGEST_ID]


def digest(text: str) -> str:
    """A few hexadecimal digits that tell a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
