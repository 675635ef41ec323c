"""Threads that work for as long as a service does, and are watched."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from service.running.attempts import Pauses, RepeatedAttempts, reason_of

logger = logging.getLogger(__name__)

#: How long a thread has to come to its end once it was asked to.
STOP_S = 30.0
#: Attempts to start a thread where the system has none to give, before that is an error.
STARTS = 5

State = Literal["new", "running", "pausing", "ended", "stopped"]


class NotStarted(Exception):
    """The system gave no thread for a routine: what it would have done is not available just now."""


@dataclass(frozen=True, slots=True)
class Life:
    """How a routine does."""

    name: str
    #: new: not started yet; running; pausing: it failed, and is begun again after a pause; ended: it failed for good,
    #: or returned though it was not asked to; stopped: as it was asked to.
    state: State
    #: How long it has been so.
    for_s: float
    #: Since it last said that it is at work.
    silent_s: float
    #: Failures in a row.
    failures: int
    #: Why it failed last; None where it works. Not for clients: it may name files and hosts.
    reason: str | None

    @property
    def is_well(self) -> bool:
        """Whether it works, or was never meant to."""
        return self.state in ("running", "stopped") or (self.state == "new" and not self.failures)


class Routine:
    """A thread with a name that works until it is stopped.

    `work` gets the routine, looks at `stopping` or waits by `pause`, and returns once it is set. It calls `alive`
    whenever it has got on. An error of it is logged; where `restarts` (a function: where it says so of the error), it
    is called again after a pause that grows until it is alive again, else that is its end. `wake` is called when it is
    to stop, for a `work` that waits for something else than `stopping`.
    """

    def __init__(
        self,
        name: str,
        work: Callable[["Routine"], None],
        *,
        restarts: bool | Callable[[Exception], bool],
        wake: Callable[[], None] = lambda: None,
        pauses: Pauses | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._restarts = restarts if callable(restarts) else lambda error: restarts
        #: Set once it is to stop.
        self.stopping = threading.Event()
        self.attempts = RepeatedAttempts(name, pauses)
        self._work = work
        self._wake = wake
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._state: State = "new"
        self._since = self._seen = clock()
        self._ended_by: BaseException | None = None

    def start(self) -> None:
        """Begin, unless it has begun or was stopped; raises NotStarted where the system has no thread to give.

        It may be called again then.
        """
        with self._lock:
            if self._thread is not None or self.stopping.is_set():
                return
            for failures in range(1, STARTS + 1):
                thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    # "can't start new thread"; such a Thread cannot be started a second time.
                    pause_s = self.attempts.failed(error)
                    if failures == STARTS or self.stopping.wait(pause_s):
                        raise NotStarted(f"there is no thread for {self.name}: {error}") from error
                else:
                    self._thread = thread
                    return

    def alive(self) -> None:
        """Say that it has got on: what failed before is over."""
        self._seen = self._clock()
        self.attempts.succeeded()
        if self._state == "pausing":
            self._become("running")

    def pause(self, seconds: float) -> bool:
        """Wait; True where it is to stop."""
        return self.stopping.wait(seconds)

    def failed(self, error: BaseException) -> bool:
        """Take note of an error that `work` survives, and pause; True where it is to stop."""
        pause_s = self.attempts.failed(error)
        self._become("pausing")
        stops = self.stopping.wait(pause_s)
        if not stops:
            self._seen = self._clock()
        return stops

    @property
    def life(self) -> Life:
        """How it does just now."""
        now = self._clock()
        reason = self.attempts.reason if self._ended_by is None else reason_of(self._ended_by)
        return Life(self.name, self._state, now - self._since, now - self._seen, self.attempts.failures, reason)

    @property
    def is_started(self) -> bool:
        """Whether it has begun, even if it has ended since."""
        return self._thread is not None

    def stop(self, deadline_s: float = STOP_S) -> bool:
        """Ask it to stop and wait for its end; False where it has not come within the deadline, which is logged."""
        self.stopping.set()
        self._wake()
        with self._lock:
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(deadline_s)
        if thread.is_alive():
            logger.error("%s has not stopped within %s s", self.name, deadline_s)
            return False
        return True

    def _run(self) -> None:
        self.attempts.succeeded()
        self._become("running")
        self._seen = self._clock()
        while True:
            try:
                self._work(self)
            except Exception as error:
                if self.stopping.is_set() or not self._restarts(error):
                    self._end(error)
                    return
                if self.failed(error):
                    self._end(None)
                    return
            except BaseException as error:
                self._end(error)
                raise
            else:
                self._end(None)
                return

    def _end(self, error: BaseException | None) -> None:
        """Note and log how it ended."""
        self._ended_by = error
        asked = self.stopping.is_set()
        if error is not None:
            logger.error("%s has ended", self.name, exc_info=error)
        elif asked:
            logger.debug("%s has stopped", self.name)
        else:
            logger.error("%s has ended without being asked to", self.name)
        self._become("stopped" if asked else "ended")

    def _become(self, state: State) -> None:
        if state != self._state:
            self._state, self._since = state, self._clock()
