"""Trying again: pauses that grow, a reason that is said when it changes, and an end for what will not pass."""

import errno
import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import duckdb
import psycopg
from eventsourcing import persistence
from psycopg.errors import ProgramLimitExceeded

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What the system says while something of it is used up or away.
PASSING_ERRNOS = frozenset(
    (
        errno.EAGAIN, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EDQUOT,
        errno.EHOSTUNREACH, errno.EINTR, errno.EIO, errno.EMFILE, errno.ENETUNREACH, errno.ENFILE, errno.ENOBUFS,
        errno.ENOMEM, errno.ENOSPC, errno.EPIPE, errno.EROFS, errno.ESTALE, errno.ETIMEDOUT,
    )
)  # fmt: skip
#: What is said of some of that, in words for anybody.
SAID_OF_ERRNOS = {
    errno.EMFILE: "the system gives no further files",
    errno.ENFILE: "the system gives no further files",
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "there is no space left on the disk",
    errno.EROFS: "the disk takes nothing in",
    errno.ENOMEM: "the system gives no further memory",
}
#: What PostgreSQL says of a server or a transaction that is read-only, and of one that waited too long: internal
#: errors to the driver.
PASSING_STATES = frozenset(("25006", "25P03", "25P04"))
#: What it says of a privilege, a table or a schema that is missing: errors of the program to the driver. Where they
#: come as an OperationalError of the library's, it is the ledger that they were found in, and its operator mends them.
MENDED_STATES = frozenset(("3F000", "42501", "42P01"))
#: What Python says, as a RuntimeError, where the system gives it no thread.
NO_THREAD = "can't start new thread"


class GaveUp(Exception):
    """What was tried did not succeed within its time; the cause is the last error."""


class AttemptsInterrupted(Exception):
    """What was tried again was asked to stop; the cause is the last error."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait after each failure in a row."""

    first_s: float = 0.1
    most_s: float = 30.0
    factor: float = 2.0
    #: Each pause is shorter by up to this part, so that those who failed together do not come back together.
    jitter: float = 0.25

    def after(self, failures: int, chance: float) -> float:
        """The pause after so many failures, in seconds; `chance` is between 0 and 1."""
        # Beyond this many doublings the upper bound holds in any case, and a power would leave a float's range.
        grown = self.first_s * self.factor ** min(max(failures - 1, 0), 64)
        return min(grown, self.most_s) * (1 - self.jitter * chance)


class RepeatedAttempts:
    """How something goes that is tried again and again: said when it begins to fail, when it fails otherwise, and
    when it goes on.
    """

    def __init__(self, name: str, pauses: Pauses | None = None, *, chance: Callable[[], float] = random.random) -> None:
        #: What is tried, as the log is to name it.
        self.name = name
        self.pauses = pauses or Pauses()
        #: Failures since the last success.
        self.failures = 0
        #: Why the last one failed; None: it did not.
        self.reason: str | None = None
        self._chance = chance

    def failed(self, error: BaseException) -> float:
        """Take note of a failure; the pause before the next attempt, in seconds."""
        self.failures += 1
        reason = reason_of(error)
        if reason != self.reason:
            # What passes explains itself; of anything else, somebody will want to know where it came from.
            trace = None if passing(error) else error
            logger.warning("%s failed and is tried again: %s", self.name, reason, exc_info=trace)
        self.reason = reason
        return self.pauses.after(self.failures, self._chance())

    def succeeded(self) -> None:
        """Take note of a success."""
        if self.failures:
            logger.info("%s goes on after %s failures", self.name, self.failures)
        self.failures, self.reason = 0, None


def persist(
    act: Callable[[], T],
    attempts: RepeatedAttempts,
    wait: Callable[[float], bool],
    *,
    patience_s: float | None = None,
    is_passing: Callable[[BaseException], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `act` returns, as soon as it does; it is called again after every error that passes.

    `wait` pauses for so many seconds, and returns True where there is to be no further attempt: `Event.wait` of a stop
    signal. `patience_s`: how long it is tried; None: for ever. `is_passing` judges errors; what is final is raised as
    it is. Raises GaveUp at the end of the patience, and AttemptsInterrupted.
    """
    passes = is_passing or passing
    give_up_at = None if patience_s is None else clock() + patience_s
    while True:
        try:
            result = act()
        except Exception as error:
            if not passes(error):
                raise
            pause_s = attempts.failed(error)
            left_s = pause_s if give_up_at is None else give_up_at - clock()
            if left_s <= 0:
                raise GaveUp(f"{attempts.name}: {reason_of(error)}") from error
            if wait(min(pause_s, left_s)):
                raise AttemptsInterrupted(f"{attempts.name}: {reason_of(error)}") from error
        else:
            attempts.succeeded()
            return result


def passing(error: BaseException) -> bool:
    """Whether an error says that something is away or used up that may be there again later.

    So are lost connections, a database that shuts down or is read-only, a full disk, memory, files and threads that are
    used up; what somebody asked wrongly, what the stored bytes contradict, and what is a bug are not.
    """
    return any(_passes(part) for part in _chain(error))


def used_up(error: BaseException) -> str | None:
    """What the system has no more of just now, in words for anybody; None: the error says nothing of that sort."""
    match error:
        case OSError():
            said = SAID_OF_ERRNOS.get(error.errno or 0, "the system does not do just now what is asked of it")
            return said if passing(error) else None
        case MemoryError():
            return SAID_OF_ERRNOS[errno.ENOMEM]
        case RuntimeError():
            return "the system gives no further thread" if NO_THREAD in str(error) else None
    return None


def reason_of(error: BaseException) -> str:
    """What an error says, in one line and with its kind; for the log, not for clients."""
    said = " ".join(str(error).split())
    kind = type(error).__name__
    return f"{kind}: {said}" if said else kind


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__


def _passes(error: BaseException) -> bool:
    match error:
        case psycopg.Error():
            of_connection = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
            too_complex = isinstance(error, ProgramLimitExceeded) or (error.sqlstate or "").startswith("54")
            return error.sqlstate in PASSING_STATES or (of_connection and not too_complex)
        case persistence.OperationalError() | persistence.InterfaceError():
            # What the library wraps is judged by what it wraps.
            cause = error.__cause__
            return not isinstance(cause, psycopg.Error) or cause.sqlstate in MENDED_STATES
        case duckdb.OutOfMemoryException() | duckdb.IOException() | MemoryError() | TimeoutError():
            return True
        case OSError():
            return error.errno in PASSING_ERRNOS
        case RuntimeError():
            return NO_THREAD in str(error)
    return False
