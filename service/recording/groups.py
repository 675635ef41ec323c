"""Groups of commands, decided and recorded: one after the other, or a large one ahead of the one before.

A large group is recorded by a second thread while the next one is decided on what will stand once the first is
committed. Where it is not (the connection is lost, others appended in between, something was not as new as presumed),
it and what was decided behind it are decided anew, one after the other.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from eventsourcing.persistence import IntegrityError
from psycopg.errors import UniqueViolation

from domain.ledger import Batch, Interrupted
from service.recording.ahead import Appended, BrokenOff, Copyist, Diverted, Flight
from service.recording.commands import Command, Group
from service.recording.health import Health
from service.recording.idempotency import KeyTaken, keep, recall
from service.recording.waiting import SHUTTING_DOWN, RecordingUnavailable, Waiting
from service.running.attempts import Pauses, RepeatedAttempts
from service.storing.ledger import LedgerRecorder, Unreachable
from service.storing.streams import StreamCache
from service.storing.writing import ClockSetBack, Head, Place, new_identifier, write

logger = logging.getLogger(__name__)

#: A group whose decision takes longer than this goes on its way without those that are not decided yet.
SLOW_S = 1.0
#: From this many events on, a group is recorded while the next one is decided.
LARGE_GROUP_EVENTS = 500
#: Events of a large group that are written down and sent at once.
PART_EVENTS = 250
#: Groups that nothing is presumed of, nor decided ahead, after one of which something was not new.
WARY_GROUPS = 16
#: Between two attempts to record a group whose senders wait.
RETRIES = Pauses(first_s=0.1, most_s=0.25)


class GroupWriter:
    """Decides groups and records them, for one thread; `recorded` is called with each that is committed."""

    def __init__(
        self,
        recorder: LedgerRecorder,
        writer: Copyist,
        waiting: Waiting,
        health: Health,
        recorded: Callable[[Appended], None],
    ) -> None:
        self.recorder = recorder
        self.writer = writer
        self.waiting = waiting
        self.health = health
        self.recorded = recorded
        self.cache = StreamCache(recorder, before_reading=self._settle)
        #: What the threads that record are recording, by their identifiers.
        self.at_work: dict[int, Group] = {}
        self._flight: Flight | None = None
        #: Groups still to be decided without presuming anything.
        self._wary = 0
        self._appends = RepeatedAttempts("recording", RETRIES)

    def take_on(self, group: Group) -> None:
        """Decide a group and have it recorded, and its senders answered; what it was too slow for is left in it."""
        try:
            self._take_on(group)
        except BaseException as error:
            self._fail(group, error)

    def cut_off(self, now: float, after_s: float) -> None:
        """Cut connections that nothing comes back from: no sender waits for what they record any more."""
        for thread, group in list(self.at_work.items()):
            if group.is_answered:
                # Where it still waits for an answer of PostgreSQL's, there will be none.
                self.recorder.datastore.cut(thread, used_before=now - after_s)

    def rehearse(self) -> None:
        """Find out whether something could be recorded again, without recording anything."""
        # No sender waits for it: the watch cuts it off where PostgreSQL says nothing.
        self.at_work[threading.get_ident()] = Group([])
        self.health.rehearse(self.recorder)

    def _fail(self, group: Group, error: BaseException) -> None:
        if not isinstance(error, RecordingUnavailable):
            logger.error("recording failed", exc_info=error)
            self.health.failed(error)
        self.cache.forget()
        group.fail(error)

    def _look_up(self, until: float, command: Command, first: bool) -> None:
        """Interrupted where a command that is being decided takes too long for those before it, or for its sender."""
        now = time.monotonic()
        if now > self.waiting.give_up_at:
            raise RecordingUnavailable(SHUTTING_DOWN)
        if command.future.done() or (now > until and not first):
            raise Interrupted

    def _take_on(self, group: Group) -> None:
        self.at_work[threading.get_ident()] = group
        # What is recorded under a key must be looked up, and so what flies before must have landed.
        if group.size >= LARGE_GROUP_EVENTS and not self._wary and not group.keys:
            try:
                if self._send_off(group):
                    return
            except Unreachable as error:
                logger.info("deciding anew: %s", error)
        self.land()
        self._process(group)

    # Ahead of the one before

    def _send_off(self, group: Group) -> bool:
        """Decide a group ahead and have it recorded behind what flies; False: it must be decided anew after landing."""
        head = self.recorder.head()
        if self._flight is None:
            self._catch_up(head)
        try:
            batch = self._decide(group, head, presume_new=True)
        except Diverted:
            return False
        if batch is None or not self.land():
            return False
        flight = Flight(group, batch, self.cache.position)
        flight.landed = self.writer.submit(partial(self._fly, flight))
        self._flight = flight
        self.cache.recorded(flight.expected + batch.count, batch)
        return True

    def _fly(self, flight: "Flight") -> None:
        """Record a group in a thread of its own, and answer its senders."""
        self.at_work[threading.get_ident()] = flight.group
        try:
            with self.recorder.appending() as appending:
                if appending.head.position != flight.expected:
                    raise Diverted(f"others have appended up to {appending.head.position}")
                appending.copy(flight.parts(appending.head, PART_EVENTS))
            self._acknowledge(flight.group, flight.appended)
        finally:
            self.waiting.landed()

    def _settle(self) -> None:
        """Wait for what flies before the ledger is read; raises Diverted where it was not recorded as decided."""
        if not self.land():
            raise Diverted("what this builds on was decided anew")

    def land(self) -> bool:
        """Wait for what flies; where it was not recorded, decide it anew. False: so it was."""
        flight, self._flight = self._flight, None
        if flight is None:
            return True
        error = flight.landed.exception()
        if error is None:
            return True
        self.cache.forget()
        if isinstance(error, Diverted | IntegrityError):
            self._wary = WARY_GROUPS
        logger.info("deciding anew: %s", error)
        group, attempted = flight.group, flight.attempted
        while group.commands:
            try:
                self._process(group, attempted)
            except BaseException as failure:
                self._fail(group, failure)
            # What it was too slow for comes before everything else.
            group, attempted = Group(group.left), None
        return False

    # One after the other

    def _process(self, group: Group, attempted: "Appended | None" = None) -> None:
        """Decide and record a group, however often the connection breaks while its senders wait."""
        self.at_work[threading.get_ident()] = group
        while True:
            if attempted is None:
                # What was never sent to PostgreSQL need not be, where no sender waits for it any more.
                group.commands = [command for command in group.commands if command.begin()]
                if not group.commands:
                    return
            try:
                appended = self._attempt(group, attempted)
                self._appends.succeeded()
                self._wary = max(0, self._wary - 1)
                self._acknowledge(group, appended)
                return
            except BrokenOff as broken:
                attempted = broken.attempted
                self.cache.forget()
                self.health.failed(broken)
                if (
                    all(command.future.done() for command in group.commands)
                    or time.monotonic() > self.waiting.give_up_at
                ):
                    raise RecordingUnavailable(f"PostgreSQL cannot be reached: {broken}") from broken
                time.sleep(self._appends.failed(broken))
            except KeyTaken:
                logger.info("deciding anew: another process was first under an idempotency key")
            except (IntegrityError, ClockSetBack) as error:
                if isinstance(error, ClockSetBack):
                    self.health.failed(error)
                if self._wary or not isinstance(error.__cause__, UniqueViolation | None):
                    raise
                # An id or a stream that was presumed to be new is not; and a replay needs no clock.
                self._wary = WARY_GROUPS

    def _attempt(self, group: Group, before: "Appended | None") -> "Appended | None":
        """Decide on what is known, then take the head's lock: where others were faster, decide again under it.

        `before` is what an earlier attempt tried to append and whose end was not seen: with the lock in hand that
        transaction is over, and all of it is in the ledger or nothing. Raises BrokenOff where the connection is lost.
        """
        recorder = self.recorder
        attempted = before
        try:
            head = recorder.head()
            self._catch_up(head)
            batch = None if before else self._decide_warily(group, head)
            nothing = batch is not None and not batch.count and not group.to_keep(0)
            if nothing and recorder.head().position == head.position:
                return None
            with recorder.appending() as appending:
                if before and self._was_committed(before):
                    return before
                if batch is None or appending.head.position != self.cache.position:
                    self._catch_up(appending.head)
                    batch = self._decide_warily(group, appending.head)
                place = Place.after(appending.head)
                written = write(group.sendings(), place)
                while group.refuse_oversized(written.states):
                    batch = self._decide_warily(group, appending.head)
                    written = write(group.sendings(), place)
                attempted = Appended.of(written)
                appending.insert(written)
                keep(appending.connection, group.to_keep(place.position if written.many else 0))
        except Unreachable as error:
            raise BrokenOff(str(error), attempted) from error
        if attempted is not None:
            self.cache.recorded(written.positions[-1], batch)
        return attempted

    def _was_committed(self, attempted: "Appended") -> bool:
        return self.recorder.by_ids([attempted.id]).get(attempted.id) == attempted.state

    def _catch_up(self, head: Head) -> None:
        if head.position != self.cache.position:
            self.cache.catch_up(head.position)

    def _decide_warily(self, group: Group, head: Head) -> Batch:
        """Decide a group, at first presuming that what looks new is new, unless that was wrong lately."""
        batch = None if self._wary else self._decide(group, head, presume_new=True)
        if batch is None:
            batch = self._decide(group, head, presume_new=False)
            assert batch is not None
        return batch

    def _decide(self, group: Group, head: Head, *, presume_new: bool) -> Batch | None:
        """Decide a group; None where something was presumed and not all of it is new and admitted."""
        self.cache.prefetch([command.requests for command in group.commands], presume_new=presume_new)
        calendar = self.recorder.calendar
        batch = Batch(
            self.cache, calendar.day_of(head.clock), new_identifier, presume_new=presume_new, zone=calendar.name
        )
        keys = group.keys
        kept = recall(self.recorder.datastore, keys) if keys else None
        smooth = group.decide(batch, kept, partial(self._look_up, time.monotonic() + SLOW_S))
        if not smooth:
            self._wary = WARY_GROUPS
        return batch if smooth or not presume_new else None

    def _acknowledge(self, group: Group, appended: "Appended | None") -> None:
        if appended is not None:
            self.health.went_well()
            self.recorded(appended)
        group.acknowledge(0 if appended is None else appended.first)
