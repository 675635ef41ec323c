"""Which of the media types in which something is offered a client likes best, by its Accept header (RFC 9110, 12.5)."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.requests import Request

from service.web.problems import HttpProblem

#: RFC 9110, 12.4.2.
WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)
#: The value of a parameter, in which a comma and a semicolon separate nothing (RFC 9110, 5.6.4).
QUOTED_TEXT = re.compile(r'"(?:[^"\\]|\\[\s\S])*+(?:"|\\?\Z)')


class Liking(NamedTuple):
    """How much something is liked that a header names."""

    weight: float
    #: Where it stands among the others.
    place: int


def accepted(request: Request, offered: Sequence[str]) -> str:
    """Of the offered media types the one that a request's Accept headers like best; HttpProblem: they take none."""
    liked = liked_best(",".join(request.headers.getlist("accept")), offered)
    if liked is None:
        raise HttpProblem("not-acceptable", f"this is offered as {', '.join(offered)}")
    return liked


def liked_best(header: str, offered: Sequence[str]) -> str | None:
    """Of the offered media types the one that an Accept header likes best; None: it takes none.

    Of those liked alike the more specifically named comes first, then the one named first, then the one offered first.
    """
    if header in ("", "*/*"):
        # What most clients send: anything.
        return offered[0]
    named = likings(header)
    if not named:
        return offered[0]
    best: tuple[tuple[float, int, int, int], str] | None = None
    for number, media_type in enumerate(offered):
        # The most specific range decides how much this one is liked.
        ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        found = next(((2 - level, named[one]) for level, one in enumerate(ranges) if one in named), None)
        if found is None or found[1].weight == 0:
            continue
        rank = found[1].weight, found[0], -found[1].place, -number
        if best is None or rank > best[0]:
            best = rank, media_type
    return None if best is None else best[1]


def likings(header: str) -> Mapping[str, Liking]:
    """What a header such as Accept or Accept-Encoding names, in small letters, with its weight.

    Parameters other than the weight are passed over, since nothing is offered with any; but of what is named twice, the
    one without parameters counts, else the first. A weight that is none counts as if it were not there.
    """
    found: dict[str, Liking] = {}
    is_plain: dict[str, bool] = {}
    plainly = QUOTED_TEXT.sub("", header) if '"' in header else header
    for place, part in enumerate(plainly.split(",")):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        plain = not parameters or parameters[0].startswith("q=")
        if name and (name not in found or (plain and not is_plain[name])):
            found[name], is_plain[name] = Liking(_weight(parameters), place), plain
    return found


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            weight = value.strip()
            return float(weight) if WEIGHT.fullmatch(weight) else 1.0
    return 1.0
