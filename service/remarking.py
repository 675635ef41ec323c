"""What the ledger has to say about what was just recorded: made from the views, within a time, and never in its way."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import contextmanager
from threading import Lock, Semaphore, Timer
from typing import Any

import duckdb

from projections.remarks import CALLING, Doubts, JustRecorded, doubts
from service.daybook import Daybook
from service.following.follower import Lagging, Stopped
from service.recording.receipts import CommandReceipt

logger = logging.getLogger(__name__)

#: For so long an answer waits for the views to know what it is about ...
PATIENCE_S = 0.5
#: ... and for so long they are asked.
LOOK_S = 0.5
#: Answers may wait for this part of the time, all of them together ...
SHARE = 0.1
#: ... and for as much in a row once nothing was remarked upon for a while.
SAVED_S = 3.0
#: Answers whose remarks are made at the same time.
MOST_AT_ONCE = 4
#: Once there was no time for remarks, answers do not wait for them for so long.
REST_S = 10.0


class LookEnded(Exception):
    """Making remarks has taken as long as it may."""


def types_of(receipt: CommandReceipt) -> Set[str]:
    """The types of the events that a command recorded."""
    return {lot.type for outcome in receipt.outcomes for lot in outcome.drafts}


def calls_for_remarks(types: Collection[str]) -> bool:
    """Whether there may be anything to say of events of these types."""
    return not CALLING.isdisjoint(types)


def find_remarks(
    daybook: Daybook, stretches: Sequence[tuple[int, int]], types: Collection[str], patience_s: float, look_s: float
) -> list[Doubts]:
    """What there is to say of events that were just recorded, in stretches of positions, by kind.

    Raises Lagging or Stopped where the views do not know all of them within a time, LookEnded or DuckDB's own error
    where it takes longer to find out, and what the views raise.
    """
    if not stretches or not calls_for_remarks(types):
        return []
    daybook.follower.wait_for(stretches[-1][1], patience_s)
    with daybook.projection.cursor() as connection, _bounded(connection, look_s) as beat:
        return doubts(JustRecorded(connection, stretches, beat), types)


class WaitingTime:
    """Time that may be spent: a part of all time, saved up to a bound. Who records without a pause is not held up."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._saved_s = SAVED_S
        self._at = clock()
        self._lock = Lock()

    @property
    def left(self) -> bool:
        """Whether some is left."""
        with self._lock:
            now = self._clock()
            self._saved_s = min(SAVED_S, self._saved_s + SHARE * (now - self._at))
            self._at = now
            return self._saved_s > 0

    @contextmanager
    def spent(self) -> Iterator[None]:
        """What the block takes is spent."""
        began = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._saved_s -= self._clock() - began


class RemarkDesk:
    """Makes the remarks of one service's answers, and none where that would hold answers up."""

    def __init__(self, daybook: Daybook) -> None:
        self._daybook = daybook
        self.places = Semaphore(MOST_AT_ONCE)
        self.allowance = WaitingTime()
        #: On the clock of time.monotonic.
        self._rests_until = 0.0

    def remarks_on(self, first: int, last: int, types: Collection[str]) -> list[Doubts]:
        """What there is to say of the events of one answer; where many are being made, or were lately, nothing."""
        if not self.allowance.left or not self.places.acquire(blocking=False):
            return []
        try:
            with self.allowance.spent():
                return find_remarks(self._daybook, [(first, last)], types, self._patience_s, LOOK_S)
        except (Lagging, Stopped, LookEnded, duckdb.InterruptException) as error:
            self._rests_until = time.monotonic() + REST_S
            logger.info("no remarks on %s to %s: %s", first, last, error)
        except Exception as error:
            logger.info("no remarks on %s to %s: %s", first, last, error)
        finally:
            self.places.release()
        return []

    @property
    def _patience_s(self) -> float:
        return 0.0 if time.monotonic() < self._rests_until else PATIENCE_S


def catch_up(daybook: Daybook, patience_s: float) -> None:
    """Bring views up that nothing follows in the background, as far as there is time; what fails is left."""
    ends_at = time.monotonic() + patience_s

    def beat(position: int, head: int) -> None:
        if time.monotonic() > ends_at:
            raise Lagging(f"the projection is at {position} of {head}")

    try:
        daybook.follower.catch_up(beat)
    except Exception as error:
        logger.info("the views are left behind: %s", error)


@contextmanager
def _bounded(connection: duckdb.DuckDBPyConnection, most_s: float) -> Iterator[Callable[[], None]]:
    """Interrupt what a connection is asked in the block after a time; to be called in between: raises LookEnded."""
    ends_at = time.monotonic() + most_s
    # A connection that is closed is not interrupted.
    lock, open_ = Lock(), [True]

    def interrupt() -> None:
        with lock:
            if open_:
                connection.interrupt()

    def beat() -> None:
        if time.monotonic() > ends_at:
            raise LookEnded(f"it takes longer than {most_s:g} s")

    timer = Timer(most_s, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield beat
    finally:
        timer.cancel()
        with lock:
            open_.clear()


def as_objects(found: Sequence[Doubts]) -> list[dict[str, Any]]:
    """Remarks as they are answered: the first of each kind, each with how many of it there are."""
    return [
        {
            "kind": kind.kind,
            "event": one.event,
            "subject": one.subject,
            "detail": one.detail,
            **({} if one.likely is None else {"likely": one.likely}),
            "count": kind.count,
        }
        for kind in found
        for one in kind.first
    ]
