"""Answers with their entity tag, and 304 in the place of one that the client has."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from service.asking.clocks import NothingThere
from service.storing.histories import Histories
from service.web.bodies import JSON
from service.web.conditions import is_pinned, labelled, matches, not_modified, tag_of_body, tag_of_version

#: What moves an answer away from how things are now.
MOMENT = ("effective_on", "known_on", "position", "recorded_at")

Raw = Mapping[str, Sequence[str]]


def tagged(request: Request, response: Response, raw: Raw) -> Response:
    """An answer with the tag of its bytes; where the client has them, 304."""
    tag = tag_of_body(bytes(response.body))
    labelled(response, tag, pinned=is_pinned(raw))
    return not_modified(response) if matches(request, tag) else response


def tagged_resource(
    request: Request,
    histories: Histories,
    response: Response,
    raw: Raw,
    stream: str,
    answer: Mapping[str, Any],
    ask: Callable[[Raw], Any],
) -> Response:
    """A resource with the tag of its stream's version, which If-Match takes; `ask` answers it for other clocks.

    As of a moment of its own, or in another form than JSON, the tag has a digest as well.
    """
    position = answer["resolved"]["position"]
    version = histories.version(stream, position)
    if any(name in raw for name in MOMENT) or not str(response.media_type).startswith(JSON):
        tag = tag_of_body(bytes(response.body), version)
        labelled(response, tag, pinned=is_pinned(raw))
        return not_modified(response) if matches(request, tag) else response
    tag = tag_of_version(version)
    labelled(response, tag, pinned=False)
    if matches(request, tag) and _as_it_was(histories, stream, answer, ask):
        return not_modified(response)
    return response


def _as_it_was(histories: Histories, stream: str, answer: Mapping[str, Any], ask: Callable[[Raw], Any]) -> bool:
    """Whether a resource looks as it did when the last event of its stream was recorded.

    Days pass, and what is recorded elsewhere may show in it: a client may have it as it was before that.
    """
    position, recorded_on = histories.last_recorded(stream, answer["resolved"]["position"])
    today = date.fromisoformat(answer["resolved"]["effective_on"])
    then = {"position": [str(position)], "effective_on": [min(recorded_on, today).isoformat()]}
    try:
        before = ask(then)
    except NothingThere:
        return False
    return {**before, "resolved": None} == {**answer, "resolved": None}


def linked(request: Request, response: Response, answer: Mapping[str, Any]) -> Response:
    """A page with the links to the next one and to the first (RFC 8288)."""
    if "next_cursor" not in answer:
        return response
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    links = {"first": kept}
    if answer["next_cursor"] is not None:
        # The cursor holds the moment.
        asked = [(name, value) for name, value in kept if name not in (*MOMENT, "min_position")]
        links["next"] = [*asked, ("cursor", answer["next_cursor"])]
    path = request.scope["path"]
    response.headers["Link"] = ", ".join(
        f'<{path}{"?" if query else ""}{urlencode(query)}>; rel="{relation}"' for relation, query in links.items()
    )
    return response
