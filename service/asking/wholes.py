"""Whole numbers as clients write them: digits, without sign, blanks, marks between them or zeros before them."""

import re

#: What fits a position: below 2^63 with any digits.
WHOLE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


def parse_whole(text: str) -> int:
    """Read a whole number of up to 18 digits; ValueError says what is wrong."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r:.40} is not a whole number of up to 18 digits such as 0 or 17")
    return int(text)
