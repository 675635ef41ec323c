"""Requests under a condition, and answers that may be kept: entity tags, If-Match, If-None-Match, Link, Prefer."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.asking.clocks import PATIENCE_S, NothingThere
from service.storing.histories import Histories
from service.web.bodies import JSON
from service.web.problems import HttpProblem

#: An entity tag as it is sent: weak or not, in quotation marks (RFC 9110, 8.8.3).
ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
#: What a strong tag of ours is: a version, and where it is of a moment of its own, a digest of the answer.
VERSION = re.compile(r"(0|[1-9][0-9]{0,17})(?:-[0-9a-f]{16})?")
SCENARIOS = "/api/v1/scenarios/"
WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,18})\"?\s*(?=$|[,;])", re.IGNORECASE)

#: Nothing in the answer can move: it may be kept as long as anybody likes.
FOR_EVER = "private, immutable, max-age=31536000"
#: It may be kept, and is asked about before it is used again.
ASK_AGAIN = "private, no-cache"


def tag_of_version(version: int) -> str:
    """The tag of a resource as it is now."""
    return f'"{version}"'


def tag_of_body(body: bytes, version: int | None = None) -> str:
    """The tag of an answer of a moment; of a resource it begins with the version that it had."""
    digest = hashlib.sha256(body).hexdigest()[:16]
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def is_pinned(raw: Mapping[str, Sequence[str]]) -> bool:
    """Whether a question answers the same for ever: by a position, and the day that it asks about.

    `recorded_at` does not pin: it may be the instant of the next event.
    """
    return "position" in raw and "recorded_at" not in raw and ("effective_on" in raw or "to" in raw)


def expected_versions(request: Request, *, required: bool) -> frozenset[int] | None:
    """The versions of If-Match at which a change is still wanted; None: any. Empty: none can be right.

    `required`: HttpProblem where there is no condition.
    """
    given = request.headers.get("if-match")
    if given is None:
        if required:
            detail = "send If-Match with the ETag that you read, so that no change by another is overlooked"
            raise HttpProblem("precondition-required", detail)
        return None
    if given.strip() == "*":
        return None
    # A weak tag never matches, and neither does one that is none of ours.
    found = [VERSION.fullmatch(tag) for weak, tag in _tags("If-Match", given) if not weak]
    return frozenset(int(match[1]) for match in found if match)


def must_be_new(request: Request) -> bool:
    """Whether `If-None-Match: *` says that nothing may be there yet."""
    return request.headers.get("if-none-match", "").strip() == "*"


def matches(request: Request, tag: str) -> bool:
    """Whether If-None-Match has the tag of the answer, which then need not be sent (compared weakly)."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or tag.strip('"') in {name for _, name in _tags("If-None-Match", given)}


def _tags(header: str, given: str) -> list[tuple[bool, str]]:
    rest, found = given.strip(), []
    while rest:
        match = ENTITY_TAG.match(rest)
        if match is None:
            raise HttpProblem("malformed", f'{header} is * or a list of tags such as "7", not {given!r:.80}')
        found.append((match[1] is not None, match[2]))
        rest = rest[match.end() :].lstrip()
        if rest and not rest.startswith(","):
            raise HttpProblem("malformed", f'{header} is * or a list of tags such as "7", not {given!r:.80}')
        rest = rest[1:].lstrip()
    return found


def labelled(response: Response, tag: str, *, pinned: bool) -> Response:
    """The answer with its tag and how long it may be kept."""
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = FOR_EVER if pinned else ASK_AGAIN
    return response


def not_modified(response: Response) -> Response:
    """304 in the place of an answer that the client has."""
    kept = ("etag", "cache-control", "vary", "content-location", "link")
    return Response(
        status_code=304, headers={name: response.headers[name] for name in kept if name in response.headers}
    )


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


class Preferences:
    """Lets a client say how long it is willing to wait for the projection (RFC 7240): Prefer: wait=SECONDS."""

    def __init__(self, app: ASGIApp, longest_wait_s: float) -> None:
        self.app = app
        self.longest_wait_s = longest_wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        wait = _wait(scope) if _asks(scope) else None
        if wait is None:
            await self.app(scope, receive, send)
            return

        async def send_applied(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Preference-Applied"] = f"wait={applied:g}"
            await send(message)

        applied = min(float(wait), self.longest_wait_s)
        mark = PATIENCE_S.set(applied)
        try:
            await self.app(scope, receive, send_applied)
        finally:
            PATIENCE_S.reset(mark)


def _asks(scope: Scope) -> bool:
    """Whether a request asks for something, and records nothing."""
    if scope["type"] != "http":
        return False
    return scope["method"] in ("GET", "HEAD") or scope["path"].startswith(SCENARIOS)


def _wait(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"prefer" and (match := WAIT.search(value.decode("latin-1"))):
            return int(match[1])
    return None
