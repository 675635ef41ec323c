"""Everything that can go wrong over HTTP, once: problem types (RFC 9457), and which exception is which."""

import json
import logging
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from domain.errors import Conflict, Corrupt, Invalid, Refusal, Rejected
from projections.database import Broken, Closed, Damaged, Exhausted
from service.asking.clocks import BeyondTheLedger
from service.asking.questions import NothingThere
from service.following.follower import Lagging, Stopped
from service.log.publisher import NotPublished
from service.log.storage import LogDamaged
from service.log.transparency import NoCheckpoint
from service.log.tree import BeyondTheTree
from service.recording.commands import KeyReused, Moved
from service.recording.waiting import Busy, RecordingUnavailable
from service.running.attempts import reason_of, used_up
from service.running.routines import NotStarted
from service.storing.ledger import NeedsTheOperator, Unreachable, in_words
from service.storing.writing import ClockSetBack
from service.webhooks.registry import UnknownWebhook

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Of a text in a problem; a pointer may hold names that a client made up.
LONGEST_WORDS = 2_000
#: Where the database's clock is hours behind, somebody will set it sooner than it catches up.
LONGEST_CLOCK_WAIT_S = 300


@dataclass(frozen=True)
class ProblemType:
    """One kind of problem; its page is at /problems/{name}."""

    name: str
    status: int
    title: str
    #: What the caller can do about it.
    remedy: str


PROBLEM_TYPES = {
    kind.name: kind
    for kind in (
        ProblemType("malformed", 400, "The request could not be read", "Send well-formed JSON or NDJSON in UTF-8."),
        ProblemType(
            "beyond-the-ledger",
            400,
            "That point is not in the ledger yet",
            "Ask for a position up to the head, or a recorded_at that is not in the future.",
        ),
        ProblemType(
            "unauthenticated",
            401,
            "A valid token is needed",
            "Send Authorization: Bearer and a token, or the token as the password of Basic authentication.",
        ),
        ProblemType("forbidden", 403, "This is not allowed", "Use a token or an address that may do this."),
        ProblemType("not-found", 404, "There is nothing here", "Check the path and the id."),
        ProblemType(
            "method-not-allowed",
            405,
            "This cannot be done here",
            "See the Allow header. What is recorded is never changed or removed: corrections are further facts.",
        ),
        ProblemType(
            "not-acceptable", 406, "No such representation", "Ask for one of the media types that the message names."
        ),
        ProblemType(
            "request-timeout",
            408,
            "The request came too slowly",
            "Send it again at once, in smaller parts where the line is slow.",
        ),
        ProblemType(
            "rejected",
            409,
            "The rules of the ledger refuse this",
            "Nothing was recorded. Correct the event, or record what it builds on first.",
        ),
        ProblemType(
            "conflict",
            409,
            "The id is taken",
            "An event with this id and other content is recorded already. Use another id, or send the same content.",
        ),
        ProblemType(
            "import-ended",
            409,
            "The import has ended",
            "There is nothing left to call off. What is recorded stays: correct it by further events.",
        ),
        ProblemType(
            "precondition-failed",
            412,
            "Somebody changed it since",
            "Nothing was recorded. Read it again, and send the change with its new ETag if it is still wanted.",
        ),
        ProblemType("too-large", 413, "The request is too large", "Send smaller batches."),
        ProblemType(
            "unsupported-media-type", 415, "This kind of body is not read", "Send JSON, or NDJSON for many events."
        ),
        ProblemType(
            "too-many-requests",
            429,
            "Too many requests",
            "Wait for the time in Retry-After; RateLimit says what is left.",
        ),
        ProblemType("invalid", 422, "The request is not valid", "Each error names the place; nothing was recorded."),
        ProblemType(
            "idempotency-key-reused",
            422,
            "The idempotency key stands for another request",
            "Nothing was recorded. A key goes with one method, path and body: name this request by a new one.",
        ),
        ProblemType(
            "precondition-required",
            428,
            "A condition is needed",
            "Send If-Match with the ETag of the resource as you read it.",
        ),
        ProblemType(
            "headers-too-large",
            431,
            "The request's headers are too large",
            "Send fewer and shorter headers and a shorter query: what is long belongs into a body.",
        ),
        ProblemType("internal", 500, "Something broke", "Report the id that the message names."),
        ProblemType(
            "log-damaged",
            500,
            "The stored log contradicts itself",
            "Somebody changed it behind the service's back. Run daybook verify, which names the place.",
        ),
        ProblemType(
            "newer-ledger",
            503,
            "The ledger holds an event that this version cannot read",
            "Nothing is decided on it. Run the version that recorded it.",
        ),
        ProblemType(
            "projection-stopped",
            503,
            "The views cannot be answered",
            "Where the ledger holds an event that this version cannot read, run the version that recorded it.",
        ),
        ProblemType(
            "out-of-memory",
            503,
            "The answer takes more than the views may use",
            "Ask for less (a shorter time, larger steps, one buyer), or have the operator give the views more memory.",
        ),
        ProblemType("unavailable", 503, "Not available just now", "Try again after the time in Retry-After."),
        ProblemType(
            "no-space",
            507,
            "The disk has no room for this",
            "Nothing was kept. Send a smaller file, compress it by gzip, or have the operator make room.",
        ),
    )
}


class HttpProblem(Exception):
    """A problem that a route raises by name."""

    def __init__(
        self,
        name: str,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


def respond(problem: HttpProblem) -> Response:
    """The problem as a response."""
    kind = PROBLEM_TYPES[problem.name]
    body: dict[str, Any] = {
        "type": f"/problems/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": _short(problem.detail),
    }
    if problem.errors:
        body["errors"] = [{name: _short(value) for name, value in error.items()} for error in problem.errors]
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, kind.status, problem.headers, MEDIA_TYPE)


def _short(value: Any) -> Any:
    """What is said, without most of what a client sent where it is that long."""
    return f"{value[:LONGEST_WORDS]}..." if isinstance(value, str) and len(value) > LONGEST_WORDS else value


REFUSALS: tuple[tuple[type[Refusal], str], ...] = (
    (KeyReused, "idempotency-key-reused"),
    (Moved, "precondition-failed"),
    (Conflict, "conflict"),
    (Rejected, "rejected"),
    (Invalid, "invalid"),
)


def translate(error: Exception, request_id: str | None = None) -> HttpProblem:  # noqa: C901, PLR0911, PLR0912 - a table of errors
    """What an exception is to the caller; a fault of the service's own is logged under the request's id."""
    if isinstance(error, HttpProblem):
        return error
    for kind, name in REFUSALS:
        if isinstance(error, kind):
            problems = [{"pointer": problem.pointer, "detail": problem.message} for problem in error.problems]
            return HttpProblem(name, str(error), problems)
    if isinstance(error, ClientDisconnect):
        return HttpProblem("malformed", "the sender left before the body was complete")
    if isinstance(error, BeyondTheLedger | BeyondTheTree):
        return HttpProblem("beyond-the-ledger", str(error))
    if isinstance(error, NothingThere | NoCheckpoint | UnknownWebhook):
        return HttpProblem("not-found", str(error))
    if isinstance(error, Stopped):
        return HttpProblem("projection-stopped", str(error), headers={"Retry-After": "60"})
    if isinstance(error, Corrupt):
        return HttpProblem("newer-ledger", str(error), headers={"Retry-After": "60"})
    if isinstance(error, LogDamaged):
        logger.error("the log is damaged: %s", error)
        return HttpProblem("log-damaged", str(error))
    if isinstance(error, ClockSetBack):
        seconds = min(max(1, math.ceil(error.wait_s)), LONGEST_CLOCK_WAIT_S)
        return HttpProblem("unavailable", str(error), headers={"Retry-After": str(seconds)})
    if isinstance(error, Busy | Lagging | NotPublished | RecordingUnavailable):
        return HttpProblem("unavailable", str(error), headers={"Retry-After": "1"})
    if isinstance(error, Exhausted):
        logger.warning("a question was not answered: %s", error.__cause__ or error)
        return HttpProblem("out-of-memory", error.what, headers={"Retry-After": "5"})
    if isinstance(error, Damaged | Broken | Closed):
        logger.warning("a question was not answered: %s", error)
        return HttpProblem("unavailable", "the projection is being built anew", headers={"Retry-After": "1"})
    if isinstance(error, NotStarted):
        logger.warning("%s", error)
        return HttpProblem("unavailable", "the system gives no further thread", headers={"Retry-After": "5"})
    if isinstance(error, Unreachable):
        why = in_words(error) or "the database cannot be reached"
        if isinstance(error, NeedsTheOperator):
            logger.warning("a request was put off: %s", reason_of(error))
        return HttpProblem("unavailable", why, headers={"Retry-After": "1"})
    if (lacking := used_up(error)) is not None:
        logger.warning("a request was put off: %s", reason_of(error))
        return HttpProblem("unavailable", lacking, headers={"Retry-After": "5"})
    incident = request_id or uuid.uuid4().hex
    logger.error("incident %s", incident, exc_info=error)
    return HttpProblem("internal", f"incident {incident}")
