"""In which format an answer is given: by ?format=, or by what the Accept header likes best."""

import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from domain.errors import Invalid
from service.asking.clocks import CLOCKS
from service.asking.views import View
from service.exporting.formats import FORMATS, Choice, ExportFormat
from service.web.accepting import accepted
from service.web.problems import HttpProblem

#: The clocks that make an answer the same for ever.
PINNING = ("effective_on", "known_on", "position")
#: Other names by which clients ask for a format.
ALSO_KNOWN_AS = {"application/parquet": "parquet", "application/x-parquet": "parquet"}


def chosen(request: Request, raw: dict[str, list[str]]) -> ExportFormat:
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
    return offered[accepted(request, list(offered))]


def choice_of(view: View, raw: dict[str, list[str]], form: ExportFormat) -> Choice:
    """The table asked for, and how; takes `table` and `bom` out of the parameters."""
    named, marked = raw.pop("table", []), raw.pop("bom", [])
    if len(named) > 1:
        raise Invalid.at("/table", f"is given {len(named)} times")
    if marked not in ([], ["true"], ["false"]):
        raise Invalid.at("/bom", f"is true or false, not {', '.join(marked)!r:.40}")
    if marked == ["true"] and form.name != "csv":
        raise Invalid.at("/bom", f"is for csv, not {form.name}")
    return Choice(view, view.table(named[0] if named else None), marked=marked == ["true"])


def rendered(
    answer: Mapping[str, Any], form: ExportFormat, choice: Choice, request: Request, raw: Mapping[str, Sequence[str]]
) -> Response:
    """An answer in a format, as the file that it makes; `raw` is what was asked, without the form."""
    output = io.BytesIO()
    form.write(output, answer, choice)
    headers = {"Vary": "Accept", "Content-Location": _pinned(answer, form, choice, request, raw)}
    if form.name != "json":
        # Ids, numbers and words of this service: nothing needs quoting.
        name = "-".join(request.scope["path"].removeprefix("/api/v1/").removeprefix("views/").split("/"))
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
    answer: Mapping[str, Any], form: ExportFormat, choice: Choice, request: Request, raw: Mapping[str, Sequence[str]]
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
    if choice.marked:
        forms.append(("bom", "true"))
    return f"{request.scope['path']}?{urlencode([*clocks, *kept, *forms])}"
