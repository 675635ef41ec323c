"""Group commit: one thread takes what waits, decides it together, and records it in one transaction.

A large group is recorded by a second thread while the next one is decided on what will stand once the first is
committed. Where it is not (the connection is lost, others appended in between, something was not as new as presumed),
it and what was decided behind it are decided anew, one after the other.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC

from eventsourcing.persistence import IntegrityError
from psycopg.errors import UniqueViolation

from domain.ledger import Batch, Sent
from service.cache import StreamCache
from service.commands import Command, Group, IdempotencyKey, Placed, Receipt
from service.flights import Appended, Diverted, Flight
from service.idempotency import KeyTaken, keep, recall
from service.identifiers import new_identifier
from service.store import Ledger, Unreachable
from service.writing import ClockSetBack, Head, Place, number

__all__ = ["Busy", "Committer", "Placed", "Receipt", "Unavailable"]

logger = logging.getLogger(__name__)

#: A group takes commands until it holds this many events; one larger command makes a group of its own.
GROUP_EVENTS = 8_000
#: Commands that may wait, unless told otherwise.
WAITING_COMMANDS = 4_096
#: How long an append keeps trying while PostgreSQL cannot be reached.
PATIENCE_S = 20.0
#: From this many events on, a group is recorded while the next one is decided.
LARGE_GROUP_EVENTS = 500
#: Events of a large group that are written down and sent at once.
PART_EVENTS = 250
#: Groups that nothing is presumed of, nor decided ahead, after one of which something was not new.
WARY_GROUPS = 16


class Busy(Exception):
    """More waits to be recorded than the ledger takes on: come back later."""


class Unavailable(Exception):
    """PostgreSQL could not be reached for the time that an append waits; whether it was recorded may be unknown."""


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
        self._closed = False
        #: Held while a command is put in the queue, so that none comes behind the mark of the end.
        self._entrance = threading.Lock()
        self._held: Command | None = None
        self._flight: Flight | None = None
        #: Groups still to be decided without presuming anything.
        self._wary = 0
        self._writer = ThreadPoolExecutor(1, "writer")
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many commands wait for their turn."""
        return self._queue.qsize()

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
            if self._closed:
                raise Unavailable("the ledger is shutting down")
            if self._queue.qsize() >= self.most_waiting:
                raise Busy(f"{self.most_waiting} requests wait to be recorded")
            self._queue.put(command)

    def record(self, requests: Sequence[Sent], actor: str | None = None, correlation_id: str | None = None) -> Receipt:
        """Record requests together and wait until they are durable; raises Refusal, Busy or Unavailable."""
        return self.submit(requests, actor, correlation_id).result()

    def close(self) -> None:
        """Record what was accepted, then stop."""
        with self._entrance:
            self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._writer.shutdown()

    def _run(self) -> None:
        while (taken := self._next_group()) is not None:
            group = Group([command for command in taken if command.future.set_running_or_notify_cancel()])
            if not group.commands:
                self._land()
                continue
            try:
                self._take_on(group)
            except BaseException as error:
                logger.exception("recording failed")
                self.cache.forget()
                group.fail(error)
        self._land()

    def _next_group(self) -> list[Command] | None:
        """What waits, up to the size of a group; blocks for the first; None at the end; none: something has landed."""
        first, self._held = self._held or self._queue.get(), None
        if not isinstance(first, Command):
            return None if first is None else []
        group, events = [first], len(first.requests)
        while events < GROUP_EVENTS:
            try:
                command = self._queue.get_nowait()
            except queue.Empty:
                break
            if command is None:
                self._queue.put(None)
                break
            if isinstance(command, bool):
                continue
            if events + len(command.requests) > GROUP_EVENTS:
                self._held = command
                break
            group.append(command)
            events += len(command.requests)
        return group

    def _take_on(self, group: Group) -> None:
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
        self.cache.recorded(flight.expected + batch.count, batch)
        self._flight = flight
        flight.landed = self._writer.submit(self._fly, flight)
        return True

    def _fly(self, flight: "Flight") -> None:
        """Record a group in a thread of its own, and tell its senders."""
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
        try:
            self._process(flight.group, flight.attempted)
        except BaseException as failure:
            logger.exception("recording failed")
            self.cache.forget()
            flight.group.fail(failure)
        return False

    # One after the other

    def _process(self, group: Group, attempted: "Appended | None" = None) -> None:
        """Decide and record a group, however often the connection breaks within the time an append waits."""
        give_up_at = time.monotonic() + self.patience_s
        while True:
            try:
                appended = self._attempt(group, attempted)
                self._wary = max(0, self._wary - 1)
                self._acknowledge(group, appended)
                return
            except BrokenOff as broken:
                attempted = broken.attempted
                self.cache.forget()
                if time.monotonic() > give_up_at:
                    raise Unavailable(f"PostgreSQL cannot be reached: {broken}") from broken
                logger.warning("PostgreSQL cannot be reached, trying again: %s", broken)
                time.sleep(0.1)
            except KeyTaken:
                logger.info("deciding anew: another process was first under an idempotency key")
            except (IntegrityError, ClockSetBack) as error:
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
                numbered = number(group.senders(), place)
                while group.refuse_oversized(numbered):
                    batch = self._decide_warily(group, appending.head)
                    numbered = number(group.senders(), place)
                attempted = Appended.of(numbered)
                appending.insert(numbered)
                keep(appending.connection, group.to_keep(numbered[0].position if numbered else 0))
        except Unreachable as error:
            raise BrokenOff(str(error), attempted) from error
        if attempted is not None:
            self.cache.recorded(numbered[-1].position, batch)
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
        smooth = group.decide(batch, recall(self.ledger.recorder.datastore, keys) if keys else None)
        if not smooth:
            self._wary = WARY_GROUPS
        return batch if smooth or not presume_new else None

    def _acknowledge(self, group: Group, appended: "Appended | None") -> None:
        if appended is not None:
            self.acknowledged = appended.first + appended.count - 1
            self.on_append(appended.first, bytes(appended.leaves))
            self.on_group(appended.count)
        group.acknowledge(0 if appended is None else appended.first)


class BrokenOff(Exception):
    """The connection was lost during an append; `attempted` may or may not be recorded."""

    def __init__(self, message: str, attempted: Appended | None) -> None:
        super().__init__(message)
        self.attempted = attempted
