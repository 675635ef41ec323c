"""In which format an answer is given: by ?format=, or by what the Accept header likes best."""

import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from domain.errors import Invalid
from service.clocks import CLOCKS
from service.exporters.formats import FORMATS, Choice, Format
from service.exporters.views import View
from service.web.problems import HttpProblem

#: The clocks that make an answer the same for ever.
PINNING = ("effective_on", "known_on", "position")
#: Other names by which clients ask for a format.
ALSO_KNOWN_AS = {"application/parquet": "parquet", "application/x-parquet": "parquet"}


def chosen(request: Request, raw: dict[str, list[str]]) -> Format:
    """The format asked for; takes `format` out of the parameters. HttpProblem where there is no such format."""
    named = raw.pop("format", [])
    if len(named) > 1:
        raise Invalid.at("/format", f"is given {len(named)} times")
    if named:
        if named[0] not in FORMATS:
            raise HttpProblem("not-acceptable", f"format is one of {', '.join(FORMATS)}, not {named[0]!r:.40}")
        return FORMATS[named[0]]
    offered = {one.media_type: one for one in FORMATS.values()}
    offered |= {media_type: FORMATS[name] for media_type, name in ALSO_KNOWN_AS.items()}
    liked = liked_best(request.headers.get("accept", "*/*"), list(offered))
    if liked is None:
        names = ", ".join(one.media_type for one in FORMATS.values())
        raise HttpProblem("not-acceptable", f"this is offered as {names}")
    return offered[liked]


def liked_best(header: str, offered: Sequence[str]) -> str | None:
    """Of the offered media types the one that an Accept header likes best (RFC 9110, 12.5.1); None: it takes none.

    Of those liked alike the more specifically named comes first, then the one named first, then the one offered first.
    """
    ranges = [_range(place, part) for place, part in enumerate(header.split(",")) if part.strip()]
    if not ranges:
        return offered[0]
    best: tuple[tuple[float, int, int, int], str] | None = None
    for number, media_type in enumerate(offered):
        matching = [one for one in ranges if _matches(one[0], media_type)]
        if not matching:
            continue
        # The most specific range decides how much this one is liked.
        wanted, quality, place = max(matching, key=lambda one: (_specificity(one[0]), -one[2]))
        rank = quality, _specificity(wanted), -place, -number
        if quality > 0 and (best is None or rank > best[0]):
            best = rank, media_type
    return None if best is None else best[1]


def _range(place: int, part: str) -> tuple[str, float, int]:
    wanted, *parameters = (text.strip().lower() for text in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            quality = _quality(value.strip())
    return wanted, quality, place


def _quality(text: str) -> float:
    """A weight; what is none of it counts as 1, as if it were not there."""
    digits = text.replace(".", "", 1)
    return min(float(text), 1.0) if digits.isascii() and digits.isdigit() else 1.0


def _matches(wanted: str, media_type: str) -> bool:
    return wanted in (media_type, "*/*", f"{media_type.partition('/')[0]}/*")


def _specificity(wanted: str) -> int:
    return 0 if wanted == "*/*" else 1 if wanted.endswith("/*") else 2


def choice_of(view: View, raw: dict[str, list[str]]) -> Choice:
    """The table asked for; takes `table` out of the parameters."""
    named = raw.pop("table", [])
    if len(named) > 1:
        raise Invalid.at("/table", f"is given {len(named)} times")
    return Choice(view, view.table(named[0] if named else None))


def rendered(
    answer: Mapping[str, Any], form: Format, choice: Choice, request: Request, raw: Mapping[str, Sequence[str]]
) -> Response:
    """An answer in a format, as the file that it makes; `raw` is what was asked, without the form."""
    output = io.BytesIO()
    form.write(output, answer, choice)
    headers = {"Vary": "Accept", "Content-Location": _pinned(answer, form, choice, request, raw)}
    if form.name != "json":
        # Ids, numbers and words of this service: nothing needs quoting.
        name = "-".join(request.url.path.removeprefix("/api/v1/").removeprefix("views/").split("/"))
        table = "" if choice.table is choice.view.tables[0] else f"-{choice.table.name}"
        file = f"{name}{table}-at-{_moment(answer)['position']}.{form.name}"
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return Response(output.getvalue(), headers=headers, media_type=form.media_type)


def _moment(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The moment that the answer is of; of two, the later."""
    resolved: Mapping[str, Any] = answer["resolved"]
    after: Mapping[str, Any] = resolved.get("after", resolved)
    return after


def _pinned(
    answer: Mapping[str, Any], form: Format, choice: Choice, request: Request, raw: Mapping[str, Sequence[str]]
) -> str:
    """Where these bytes are found for ever: the clocks as resolved, and the form."""
    moment = {name: [value] for name, value in _moment(answer).items() if name in PINNING}
    if "clock" in answer:
        moment[answer["clock"]] = [answer["resolved"][side][answer["clock"]] for side in ("before", "after")]
    elif "points" in answer:
        moment["to"] = moment.pop("effective_on")
    clocks = [(name, str(value)) for name, values in moment.items() for value in values if value is not None]
    kept = [(name, value) for name, values in raw.items() if name not in (*CLOCKS, "to") for value in values]
    forms = [("format", form.name)]
    if choice.table is not choice.view.tables[0]:
        forms.append(("table", choice.table.name))
    return f"{request.url.path}?{urlencode([*clocks, *kept, *forms])}"
