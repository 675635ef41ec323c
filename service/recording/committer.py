"""Group commit: one thread takes what waits, decides it together, and records it in one transaction.

A large group is recorded by a second thread while the next one is decided on what will stand once the first is
committed. Where it is not (the connection is lost, others appended in between, something was not as new as presumed),
it and what was decided behind it are decided anew, one after the other.
"""

import logging
import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC
from functools import partial
from typing import NamedTuple

from eventsourcing.persistence import IntegrityError
from psycopg.errors import UniqueViolation

from domain.ledger import Batch, Interrupted
from domain.lots import Sent
from service.recording.ahead import Appended, Copyist, Diverted, Flight
from service.recording.commands import Command, Group
from service.recording.idempotency import KeyTaken, keep, recall
from service.recording.receipts import IdempotencyKey, Receipt
from service.recording.streams import StreamCache
from service.running.attempts import Attempts, Pauses
from service.running.routines import NotStarted, Routine
from service.storing.ledger import Ledger, Unreachable, in_words
from service.storing.writing import ClockSetBack, Head, Place, new_identifier, write

logger = logging.getLogger(__name__)

#: A group takes commands until it holds this many events; one larger command makes a group of its own.
GROUP_EVENTS = 8_000
#: Commands that may wait, unless told otherwise.
WAITING_COMMANDS = 4_096
#: How long a sender waits for an answer, from when the command was taken on: what was not recorded by then is given up,
#: whatever the reason, or its end is not known.
PATIENCE_S = 20.0
#: For each event of a command so much is added.
PATIENCE_OF_EVENT_S = 0.005
#: How often is looked who has waited too long.
LOOK_S = 0.1
#: A group whose decision takes longer than this goes on its way without those that are not decided yet.
SLOW_S = 1.0
#: What a closing committer still takes to record what was accepted.
CLOSING_S = 15.0
#: From this many events on, a group is recorded while the next one is decided.
LARGE_GROUP_EVENTS = 500
#: Events of a large group that are written down and sent at once.
PART_EVENTS = 250
#: Groups that nothing is presumed of, nor decided ahead, after one of which something was not new.
WARY_GROUPS = 16


#: A connection that has been in use for so long when its user is late does not come back.
CUT_OFF_S = 2.0

#: Whoever waits longer than this shows that nothing is recorded.
TROUBLING_WAIT_S = 10.0
#: Between two attempts to record a group whose senders wait.
RETRIES = Pauses(first_s=0.1, most_s=0.25)
#: After an append that failed one is rehearsed, whenever nothing waits, until one would succeed: who is sent elsewhere
#: records nothing here, and would never come back.
REHEARSALS = Pauses(first_s=0.5, most_s=2.0)
#: A thread of the watch's that failed looks again as soon.
WATCHING = Pauses(most_s=1.0)

SHUTTING_DOWN = "the ledger is shutting down"
ENDED = "the thread that records has ended: start the service again"
NOT_BEGUN = "its turn to be recorded did not come in time; nothing of it was recorded"
UNKNOWN = (
    "it was not recorded in time; whether it will be is not known: send it again under the same ids or the same key"
)


class Busy(Exception):
    """More waits to be recorded than the ledger takes on: come back later."""


class Unavailable(Exception):
    """It was not recorded in the time that a sender waits; whether it is may be unknown where the message says so."""


class Said(NamedTuple):
    """How an append went."""

    text: str
    well: bool
    #: On the clock of time.monotonic.
    at: float


class Committer:
    """The one writer of this process; other processes may write to the same ledger."""

    def __init__(
        self,
        ledger: Ledger,
        on_append: Callable[[int, bytes], None] = lambda first, leaves: None,
        patience_s: float = PATIENCE_S,
        waiting_commands: int = WAITING_COMMANDS,
    ) -> None:
        self.ledger = ledger
        #: Told of what was just committed: the first position, and the leaf hashes of it and those behind it.
        self.on_append = on_append
        #: Told how many events a transaction recorded.
        self.on_group: Callable[[int], None] = lambda events: None
        self.patience_s = patience_s
        #: Commands that may wait; beyond that the ledger is Busy.
        self.most_waiting = waiting_commands
        self.cache = StreamCache(ledger.recorder, before_reading=self._settle)
        #: The last position that this process has acknowledged.
        self.acknowledged = 0
        #: Commands that wait; True: something that flew has landed; None: the end.
        self._queue: queue.SimpleQueue[Command | bool | None] = queue.SimpleQueue()
        #: Why nothing more is taken on; None: it is.
        self._shut: str | None = None
        #: When a closing committer gives up what is not recorded yet (time.monotonic).
        self._give_up_at = float("inf")
        #: Held while a command is put in the queue, so that none comes behind the mark of the end, and while its turn
        #: comes or it is given up.
        self._entrance = threading.Lock()
        #: Commands that wait before those of the queue.
        self._held: deque[Command] = deque()
        #: Whatever was taken on and may not be answered yet, the oldest first.
        self._unanswered: deque[Command] = deque()
        #: What the threads that record are recording, by their identifiers.
        self._at_work: dict[int, Group] = {}
        #: How the last append went.
        self.last = Said("nothing was recorded yet", well=True, at=time.monotonic())
        self._flight: Flight | None = None
        #: Groups still to be decided without presuming anything.
        self._wary = 0
        self._appends = Attempts("recording", RETRIES)
        self._rehearsals = Attempts("rehearsing an append", REHEARSALS)
        #: How long nothing may wait before an append is rehearsed; None: the last one went well.
        self._rehearsed_in_s: float | None = None
        # All threads are there from the beginning: one that cannot be started later would leave commands unanswered.
        # Those that record never begin anew: where one ends by a fault of ours, nobody knows what it had in hand.
        self._writer = Copyist("writer", self._refuse_all)
        self._routine = Routine("committer", self._run, restarts=False, wake=lambda: self._queue.put(None))
        self._watch = Routine("committer-watch", self._look, restarts=True, pauses=WATCHING)
        try:
            for routine in self.routines:
                routine.start()
        except NotStarted:
            self.close(0.0)
            raise

    @property
    def routines(self) -> tuple[Routine, ...]:
        """What works in the background."""
        return self._writer.routine, self._routine, self._watch

    @property
    def waiting(self) -> int:
        """How many commands wait for their turn."""
        return self._queue.qsize() + len(self._held)

    @property
    def oldest_s(self) -> float:
        """For how long the oldest command that is not answered has been waiting; 0: there is none."""
        with self._entrance:
            waiting = next((command for command in self._unanswered if not command.future.done()), None)
        return 0.0 if waiting is None else time.monotonic() - waiting.submitted_at

    @property
    def trouble(self) -> str | None:
        """Why nothing can be recorded just now, as far as anybody has noticed; None: nothing speaks against it."""
        if self._shut is not None:
            return self._shut
        waited_s = self.oldest_s
        if waited_s > TROUBLING_WAIT_S:
            return f"a request has been waiting for {waited_s:.0f} s"
        return None if self.last.well else self.last.text

    def _say(self, error: BaseException) -> None:
        """Take note that nothing could be recorded, and why."""
        self.last = Said(_told(error), well=False, at=time.monotonic())
        self._rehearsed_in_s = self._rehearsals.pauses.first_s

    def submit(
        self,
        requests: Sequence[Sent],
        actor: str | None = None,
        correlation_id: str | None = None,
        *,
        key: IdempotencyKey | None = None,
        expected: Mapping[str, frozenset[int]] | None = None,
    ) -> "Future[Receipt]":
        """Record requests together; the future holds a Receipt once they are durable, or the Refusal.

        `key`: where something was recorded under it before, that is the answer, and nothing is recorded. `expected`: by
        stream, the versions at which the requests are wanted, unless they are recorded already.

        A future that is cancelled before its turn comes withdraws the command; afterwards it cannot be cancelled.
        Raises Busy where too much waits already, and Unavailable after `close`.
        """
        command = Command(requests, actor, correlation_id, key=key, expected=expected or {})
        self.enqueue(command)
        return command.future

    def enqueue(self, command: Command) -> None:
        """Take on a command, as `submit` does."""
        with self._entrance:
            if self._shut is not None:
                raise Unavailable(self._shut)
            if self._queue.qsize() >= self.most_waiting:
                raise Busy(f"{self.most_waiting} requests wait to be recorded")
            command.submitted_at = time.monotonic()
            self._unanswered.append(command)
            self._queue.put(command)

    def record(self, requests: Sequence[Sent], actor: str | None = None, correlation_id: str | None = None) -> Receipt:
        """Record requests together and wait until they are durable; raises Refusal, Busy or Unavailable."""
        return self.submit(requests, actor, correlation_id).result()

    def close(self, patience_s: float = CLOSING_S) -> None:
        """Record what was accepted, then stop; after a time what is not recorded is given up."""
        with self._entrance:
            self._shut = SHUTTING_DOWN
            self._give_up_at = time.monotonic() + patience_s
        # What waits for PostgreSQL is cut off by the watch.
        self._routine.stop(patience_s + 2 * CUT_OFF_S)
        self._writer.close(CUT_OFF_S)
        self._watch.stop()
        for command in self._unanswered:
            command.fail(Unavailable(SHUTTING_DOWN))

    def _run(self, routine: Routine) -> None:
        try:
            self._work(routine)
        finally:
            self._refuse_all()

    def _refuse_all(self) -> None:
        """Tell everybody that nothing is recorded any more, where a thread has ended though nobody closed this."""
        with self._entrance:
            if self._shut is not None:
                return
            self._shut = ENDED
            unanswered = list(self._unanswered)
        for command in unanswered:
            command.fail(Unavailable(f"{ENDED}: {UNKNOWN if command.begun else NOT_BEGUN}"))

    def _work(self, routine: Routine) -> None:
        while (taken := self._next_group()) is not None:
            routine.alive()
            with self._entrance:
                group = Group([command for command in taken if command.begin()])
            if not group.commands:
                self._land()
                continue
            try:
                self._take_on(group)
            except BaseException as error:
                self._fail(group, error)
            self._held.extendleft(reversed(group.left))
        self._land()

    def _fail(self, group: Group, error: BaseException) -> None:
        if not isinstance(error, Unavailable):
            logger.error("recording failed", exc_info=error)
            self._say(error)
        self.cache.forget()
        group.fail(error)

    def _next_group(self) -> list[Command] | None:
        """What waits, up to the size of a group; blocks for the first; None at the end; none: something has landed."""
        first = self._held.popleft() if self._held else self._first()
        if not isinstance(first, Command):
            return None if first is None else []
        group, events = [first], first.size
        while events < GROUP_EVENTS:
            try:
                command = self._held.popleft() if self._held else self._queue.get_nowait()
            except queue.Empty:
                break
            if command is None:
                self._queue.put(None)
                break
            if isinstance(command, bool):
                continue
            if events + command.size > GROUP_EVENTS:
                self._held.appendleft(command)
                break
            group.append(command)
            events += command.size
        return group

    def _first(self) -> Command | bool | None:
        """What comes next; while nothing does, an append is rehearsed where the last one failed."""
        while self._rehearsed_in_s is not None:
            try:
                return self._queue.get(timeout=self._rehearsed_in_s)
            except queue.Empty:
                self._rehearse()
        return self._queue.get()

    def _rehearse(self) -> None:
        """Find out whether something could be recorded again, without recording anything."""
        # Nobody waits for it: the watch cuts it off where PostgreSQL says nothing.
        self._at_work[threading.get_ident()] = Group([])
        try:
            self.ledger.recorder.rehearse(f"rehearsal/{secrets.token_hex(8)}")
        except Exception as error:
            pause_s = self._rehearsals.failed(error)
            self._say(error)
            self._rehearsed_in_s = pause_s
        else:
            self._well("an append would succeed")

    def _well(self, text: str) -> None:
        self.last = Said(text, well=True, at=time.monotonic())
        if self._rehearsed_in_s is not None:
            self._rehearsals.succeeded()
            self._rehearsed_in_s = None

    # Who waits too long

    def _look(self, routine: Routine) -> None:
        """Answer those who have waited too long, and cut connections that nothing comes back from."""
        while not routine.pause(LOOK_S):
            self._give_up(time.monotonic())
            routine.alive()

    def _give_up(self, now: float) -> None:
        with self._entrance:
            self._unanswered = deque(command for command in self._unanswered if not command.future.done())
            why = "" if self.last.well else f"{self.last.text}: "
            for command in self._unanswered:
                if self._is_late(command, now):
                    command.fail(Unavailable(why + (UNKNOWN if command.begun else NOT_BEGUN)))
        for thread, group in list(self._at_work.items()):
            if all(command.future.done() for command in group.commands):
                # Nobody waits for it: where it still waits for an answer of PostgreSQL's, there will be none.
                self.ledger.recorder.datastore.cut(thread, used_before=now - CUT_OFF_S)

    def _is_late(self, command: Command, now: float) -> bool:
        patience_s = self.patience_s + PATIENCE_OF_EVENT_S * command.size
        return now > min(command.submitted_at + patience_s, self._give_up_at)

    def _look_up(self, until: float, command: Command, first: bool) -> None:
        """Interrupted where a command that is being decided takes too long for those before it, or for its sender."""
        now = time.monotonic()
        if now > self._give_up_at:
            raise Unavailable(SHUTTING_DOWN)
        if command.future.done() or (now > until and not first):
            raise Interrupted

    def _take_on(self, group: Group) -> None:
        self._at_work[threading.get_ident()] = group
        # What is recorded under a key must be looked up, and so what flies before must have landed.
        if group.size >= LARGE_GROUP_EVENTS and not self._wary and not group.keys:
            try:
                if self._send_off(group):
                    return
            except Unreachable as error:
                logger.info("deciding anew: %s", error)
        self._land()
        self._process(group)

    # Ahead of the one before

    def _send_off(self, group: Group) -> bool:
        """Decide a group ahead and have it recorded behind what flies; False: it must be decided anew after landing."""
        head = self.ledger.recorder.head()
        if self._flight is None:
            self._catch_up(head)
        try:
            batch = self._decide(group, head, presume_new=True)
        except Diverted:
            return False
        if batch is None or not self._land():
            return False
        flight = Flight(group, batch, self.cache.position)
        flight.landed = self._writer.submit(partial(self._fly, flight))
        self._flight = flight
        self.cache.recorded(flight.expected + batch.count, batch)
        return True

    def _fly(self, flight: "Flight") -> None:
        """Record a group in a thread of its own, and tell its senders."""
        self._at_work[threading.get_ident()] = flight.group
        try:
            with self.ledger.recorder.appending() as appending:
                if appending.head.position != flight.expected:
                    raise Diverted(f"others have appended up to {appending.head.position}")
                appending.copy(flight.parts(appending.head, PART_EVENTS))
            self._acknowledge(flight.group, flight.appended)
        finally:
            self._queue.put(True)

    def _settle(self) -> None:
        """Wait for what flies before the ledger is read; raises Diverted where it was not recorded as decided."""
        if not self._land():
            raise Diverted("what this builds on was decided anew")

    def _land(self) -> bool:
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
        self._at_work[threading.get_ident()] = group
        while True:
            if attempted is None:
                # What was never sent to PostgreSQL need not be, where nobody waits for it any more.
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
                self._say(broken)
                if all(command.future.done() for command in group.commands) or time.monotonic() > self._give_up_at:
                    raise Unavailable(f"PostgreSQL cannot be reached: {broken}") from broken
                time.sleep(self._appends.failed(broken))
            except KeyTaken:
                logger.info("deciding anew: another process was first under an idempotency key")
            except (IntegrityError, ClockSetBack) as error:
                if isinstance(error, ClockSetBack):
                    self._say(error)
                if self._wary or not isinstance(error.__cause__, UniqueViolation | None):
                    raise
                # An id or a stream that was presumed to be new is not; and a replay needs no clock.
                self._wary = WARY_GROUPS

    def _attempt(self, group: Group, before: "Appended | None") -> "Appended | None":
        """Decide on what is known, then take the head's lock: where others were faster, decide again under it.

        `before` is what an earlier attempt tried to append and whose end was not seen: with the lock in hand that
        transaction is over, and all of it is in the ledger or nothing. Raises BrokenOff where the connection is lost.
        """
        recorder = self.ledger.recorder
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
        return self.ledger.recorder.by_ids([attempted.id]).get(attempted.id) == attempted.state

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
        batch = Batch(self.cache, head.clock.astimezone(UTC).date(), new_identifier, presume_new=presume_new)
        keys = group.keys
        kept = recall(self.ledger.recorder.datastore, keys) if keys else None
        smooth = group.decide(batch, kept, partial(self._look_up, time.monotonic() + SLOW_S))
        if not smooth:
            self._wary = WARY_GROUPS
        return batch if smooth or not presume_new else None

    def _acknowledge(self, group: Group, appended: "Appended | None") -> None:
        if appended is not None:
            self._well("recorded")
            self.acknowledged = appended.first + appended.count - 1
            self.on_append(appended.first, bytes(appended.leaves))
            self.on_group(appended.count)
        group.acknowledge(0 if appended is None else appended.first)


class BrokenOff(Exception):
    """The connection was lost during an append; `attempted` may or may not be recorded."""

    def __init__(self, message: str, attempted: Appended | None) -> None:
        super().__init__(message)
        self.attempted = attempted


def _told(error: BaseException | None) -> str:
    """Why nothing could be recorded, in words for anybody: nothing of files, hosts or statements."""
    if isinstance(error, BrokenOff):
        return _told(error.__cause__)
    if isinstance(error, ClockSetBack):
        return "the database's clock was set back"
    said = None if error is None else in_words(error)
    return said or ("PostgreSQL cannot be reached" if isinstance(error, Unreachable) else "recording failed")
