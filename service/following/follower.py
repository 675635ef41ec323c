"""Keeping the projection up with the ledger: tailing by notification and by polling, in pages."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import duckdb
import psycopg

from projections.database import Broken, Closed, Damaged, Exhausted
from projections.engine import OutOfOrder, Projection, UnknownEvent
from service.following.pages import PAGE_EVENTS, LedgerPages
from service.following.projection_files import ProjectionFile
from service.running.attempts import Pauses, passing
from service.running.routines import Routine
from service.storing.appending import CHANNEL
from service.storing.ledger import Ledger, Unreachable, in_words

logger = logging.getLogger(__name__)

#: A lost notification costs at most this.
POLL_S = 0.25
#: While no request waits, new events are gathered for so long: a batch of many costs little more than a batch
#: of one, and writers need the processor too.
GATHER_S = 0.25
#: Between two attempts to listen; polling bridges the gap.
RECONNECT_S = 1.0
#: Between two attempts to follow, at most: what is recorded after the cause is gone is in the views soon.
MOST_PAUSE_S = 2.0
#: Where memory does not suffice for a page, half of it is tried, down to this part of it.
SMALLEST_SHARE = 256
#: Between two looks whether the projection's file is still there.
CHECK_S = 2.0
#: Attempts of a projection that is brought up once, by a command: enough for the smallest pages.
ATTEMPTS = 12

#: What contradicts itself in the stored bytes stays so: every further attempt would say the same.
CONTRADICTIONS = (UnknownEvent, OutOfOrder, duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)

State = Literal["following", "rebuilding", "retrying", "stopped"]


class Lagging(Exception):
    """The projection has not reached what was asked in the time that was given."""


class Stopped(Exception):
    """The projection cannot go on: nothing that depends on its reaching the ledger's end is answered."""


@dataclass(frozen=True, slots=True)
class Following:
    """How the views do."""

    #: following; rebuilding: not yet where they were before; retrying: the last attempt failed; stopped: for good.
    state: State
    #: The last event that they know.
    position: int
    #: How long ago they were last level with the ledger, in seconds.
    level_before_s: float
    #: Why they do not follow, in words for anybody; None: they do.
    reason: str | None


class Follower:
    """Applies every new event to the projection, in order, exactly once, until it is closed.

    What fails is tried again, after pauses that grow, but for what contradicts itself in the ledger. `file`: where the
    projection lies, so that it is opened again, or built anew, where it is broken; None: it cannot be.
    """

    def __init__(self, ledger: Ledger, projection: Projection, file: ProjectionFile | None = None) -> None:
        self.ledger = ledger
        self.projection = projection
        #: Why the projection cannot go on; None: it can.
        self.failure: Exception | None = None
        self._file = file
        self._pages = LedgerPages(ledger.recorder)
        #: What makes the projection useless until it is renewed; None: nothing.
        self._fault: Exception | None = None
        #: Why the last attempt failed, in words for anybody.
        self._reason: str | None = None
        #: Where it broke last while events were applied; None: it did not.
        self._broken_at: int | None = None
        #: Pages are smaller by this divisor.
        self._share = 1
        self._checked_at = self._level_at = time.monotonic()
        self._wake = threading.Event()
        self._awaited = threading.Event()
        self._moved = threading.Condition()
        pauses = Pauses(most_s=MOST_PAUSE_S)
        self._following = Routine(
            "follower", self._follow, restarts=lambda error: not _is_final(error), wake=self._end_waits, pauses=pauses
        )
        self._listening = Routine("listener", self._listen, restarts=True, pauses=pauses)
        projection.tell_faults(self._note)

    @property
    def routines(self) -> tuple[Routine, Routine]:
        """What works in the background."""
        return self._following, self._listening

    def start(self) -> None:
        """Follow in the background."""
        for routine in self.routines:
            routine.start()

    def wake(self) -> None:
        """Something was appended: look now."""
        self._wake.set()

    @property
    def position(self) -> int:
        """How far the projection is."""
        return self.projection.position

    @property
    def following(self) -> Following:
        """How the views do just now."""
        position, level_before_s = self.position, time.monotonic() - self._level_at
        if self.failure is not None:
            return Following("stopped", position, level_before_s, self._why_stopped(self.failure))
        if self._fault is not None or not self.projection.is_readable:
            why = f", and tried again: {self._reason}" if self._reason else ""
            return Following("rebuilding", position, level_before_s, f"the projection is being built anew{why}")
        if self._reason is not None:
            return Following("retrying", position, level_before_s, f"following is tried again: {self._reason}")
        return Following("following", position, level_before_s, None)

    def wait_for(self, position: int, patience_s: float) -> None:
        """Return once the projection has reached a position; raises Lagging, or Stopped where it never will."""
        if self._reached(position):
            return
        self._awaited.set()
        self.wake()
        with self._moved:
            self._moved.wait_for(lambda: self._reached(position) or self.failure is not None, patience_s)
        if self._reached(position):
            return
        self.refuse_if_stopped()
        reason = self.following.reason
        why = f": {reason}" if reason else ""
        raise Lagging(f"the projection is at {self.position}, not yet at {position}{why}")

    def refuse_if_stopped(self) -> None:
        """Raises Stopped where the projection cannot go on."""
        if self.failure is not None:
            raise Stopped(f"the projection cannot go on: {self._why_stopped(self.failure)}") from self.failure

    def catch_up(self, progress: Callable[[int, int], None] = lambda position, head: None) -> None:
        """Apply everything up to the ledger's end as it is now, in this thread."""
        head = self.ledger.recorder.head().position
        failures = 0
        while self.position < head:
            try:
                if self._fault is not None:
                    self._renew(self._fault)
                self._next_page()
            except (Damaged, Broken, Exhausted) as error:
                failures += 1
                if failures == ATTEMPTS or (self._file is None and not isinstance(error, Exhausted)):
                    raise
                self._take(error)
            progress(self.position, head)
        self._pages.close()

    def close(self) -> None:
        """Stop following."""
        for routine in self.routines:
            routine.stop()
        self._pages.close()

    def _reached(self, position: int) -> bool:
        return self.position >= position and (position == 0 or self.projection.is_readable)

    def _why_stopped(self, failure: Exception) -> str:
        # What an event of another version is called may be shown; what the database says of itself may not.
        if isinstance(failure, UnknownEvent):
            return str(failure)
        return f"it stopped at position {self.position}, and the log says why"

    def _next_page(self) -> bool:
        """Apply the next page; whether there may be more behind it."""
        most = max(1, PAGE_EVENTS // self._share)
        page = self._pages.after(self.position, most)
        if page.batch.num_rows:
            self.projection.apply(page.batch)
            self._share = max(1, self._share // 2)
            with self._moved:
                self._moved.notify_all()
        return page.is_full

    def _follow(self, routine: Routine) -> None:
        while not routine.stopping.is_set():
            self._wake.clear()
            self._awaited.clear()
            try:
                self._look_after()
                while self._next_page() and not routine.stopping.is_set():
                    self._well(routine)
            except Exception as error:
                if _is_final(error):
                    self._give_up(error)
                    raise
                self._take(error)
                if routine.failed(error):
                    return
                continue
            self._level_at = time.monotonic()
            self._well(routine)
            self._wake.wait(POLL_S)
            self._awaited.wait(GATHER_S)

    def _well(self, routine: Routine) -> None:
        self._reason = None
        routine.alive()

    def _give_up(self, error: Exception) -> None:
        self.failure = error
        logger.error("the projection stopped at %s", self.position)
        with self._moved:
            self._moved.notify_all()

    def _look_after(self) -> None:
        """Renew the projection after a fault, or where its file is gone."""
        now = time.monotonic()
        if self._file is not None and self._fault is None and now - self._checked_at >= CHECK_S:
            self._checked_at = now
            try:
                self._file.check()
            except Damaged as gone:
                self._fault = gone
        if self._fault is not None and self._file is not None:
            self._renew(self._fault)

    def _renew(self, fault: Exception) -> None:
        """Put a projection that works in the place of the one at hand; it is not read before it has got as far."""
        assert self._file is not None
        before = self.projection
        fresh = self._file.renew(fault)
        if isinstance(fault, Broken):
            # What broke it may lie in the file, or have been in memory alone: reading all of it decides.
            try:
                fresh.digest()
            except (Damaged, Broken) as found:
                fresh = self._file.renew(Damaged(str(found)))
        fresh.readable_from = max(before.readable_from, before.position)
        fresh.tell_faults(self._note)
        self.projection, self._fault = fresh, None

    def _note(self, fault: Exception) -> None:
        """Take note of a fault that somebody came upon: the projection is renewed."""
        # Damage goes before what may be mended by opening the file again.
        if self._fault is None or isinstance(fault, Damaged):
            self._fault = fault
        self._wake.set()
        self._awaited.set()

    def _take(self, error: Exception) -> None:
        """Take note of an error that is not the end."""
        self._reason = _told(error)
        if isinstance(error, Exhausted):
            self._share = min(2 * self._share, 2 * SMALLEST_SHARE)
        elif isinstance(error, Damaged | Broken):
            again = isinstance(error, Broken) and self._broken_at == self.position
            self._broken_at = self.position
            self._note(Damaged(f"it broke again: {error}") if again else error)

    def _end_waits(self) -> None:
        self._awaited.set()
        self._wake.set()

    def _listen(self, routine: Routine) -> None:
        """Wake the follower when another process appends; a lost connection is made again, polling bridges the gap."""
        settings = {name: value for name, value in self.ledger.connection_settings.items() if name != "row_factory"}
        while not routine.stopping.is_set():
            try:
                with psycopg.connect(**settings, autocommit=True) as connection:
                    connection.execute(f"listen {CHANNEL}".encode())
                    while not routine.stopping.is_set():
                        routine.alive()
                        for _ in connection.notifies(timeout=0.5, stop_after=1):
                            self._wake.set()
            except psycopg.Error as error:
                logger.info("listening again in %s s: %s", RECONNECT_S, error)
                routine.pause(RECONNECT_S)


def _is_final(error: BaseException) -> bool:
    """Whether every further attempt would end the same."""
    return isinstance(error, CONTRADICTIONS) and not passing(error)


def _told(error: Exception) -> str:
    """An error in words for anybody: nothing of files, hosts or statements."""
    if isinstance(error, Exhausted):
        return error.what
    if isinstance(error, Damaged | Broken | Closed):
        return "its file was damaged"
    if isinstance(error, Unreachable):
        return in_words(error) or "the database cannot be reached"
    return "the log says why"
