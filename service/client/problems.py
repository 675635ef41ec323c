"""What a service refused, as exceptions; and that it could not be reached."""

from collections.abc import Mapping

import msgspec

from service.shapes.answers import Fault, Problem
from service.shapes.things import Import


class ClientError(Exception):
    """Anything that goes wrong between this client and a service."""


class Unreached(ClientError):
    """The service could not be reached, or its answer never came, in all attempts.

    What was to be recorded may have been: sent again under the same `idempotency_key`, it is recorded once.
    """

    def __init__(self, message: str, idempotency_key: str | None) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class NotSynced(ClientError):
    """A file was not recorded, or not all of it: `sync` is the import, with what is wrong by row in its `faults`."""

    def __init__(self, sync: Import) -> None:
        rows = [f"line {one.line}: {one.message}" if one.line is not None else one.message for one in sync.faults[:3]]
        super().__init__("; ".join([f"{sync.file}: {sync.state}: {sync.detail}", *rows]))
        self.sync = sync


class NotUnderstood(ClientError):
    """The answer is none that this client knows."""


class Refused(ClientError):
    """The service answered with a problem."""

    def __init__(self, problem: Problem, headers: Mapping[str, str]) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem
        #: The request's name in the service's logs.
        self.request_id = headers.get("x-request-id")

    @property
    def name(self) -> str:
        """The name of the type of problem."""
        return self.problem.type.rpartition("/")[2]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong where."""
        return self.problem.errors


class Unauthenticated(Refused):
    """The token is none that is let in."""


class Forbidden(Refused):
    """The token's role may not do this."""


class NotFound(Refused):
    """There is nothing of that name, or there was not at that moment."""


class Conflict(Refused):
    """The rules of the ledger refuse it, or an id is taken by something else."""


class Changed(Refused):
    """Somebody changed it since it was read (If-Match)."""


class Invalid(Refused):
    """What was sent is not well-formed; `faults` says where."""


class TooManyRequests(Refused):
    """The rate limit was reached, and waiting was not enough."""


class Unavailable(Refused):
    """The service cannot answer just now, and waiting was not enough."""


KINDS: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Changed,
    422: Invalid,
    429: TooManyRequests,
    503: Unavailable,
}


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    """The exception that an answer of 400 and above makes."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        # Not the service itself: something between.
        return NotUnderstood(f"{status}, and no problem of the service: {body[:200]!r}")
    return KINDS.get(status, Refused)(problem, headers)
