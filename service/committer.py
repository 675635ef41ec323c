"""Group commit: one thread takes what waits, decides it together, and records it in one transaction."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC

from domain.errors import Invalid, Problem, Refusal
from domain.events import LARGEST_EVENT_BYTES, Draft, Recorded, Request
from domain.ledger import Batch, Outcome
from service.cache import StreamCache
from service.identifiers import new_identifier
from service.store import Head, Ledger, Numbered, Unreachable, number

logger = logging.getLogger(__name__)

#: A group takes commands until it holds this many events; one larger command makes a group of its own.
GROUP_EVENTS = 4_000
#: Commands that may wait; beyond that the ledger is Busy.
WAITING_COMMANDS = 4_096
#: How long an append keeps trying while PostgreSQL cannot be reached.
PATIENCE_S = 20.0


class Busy(Exception):
    """More waits to be recorded than the ledger takes on: come back later."""


class Unavailable(Exception):
    """PostgreSQL could not be reached for the time that an append waits; whether it was recorded may be unknown."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one event stands."""

    id: str
    position: int
    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a command: where its events stand, in the order of its requests."""

    events: tuple[Placed, ...]
    #: How many of them were recorded just now.
    recorded: int

    @property
    def replayed(self) -> bool:
        """Whether all of it had been recorded before."""
        return self.recorded == 0


@dataclass(slots=True)
class Command:
    """Requests to record together or not at all."""

    requests: Sequence[Request]
    actor: str | None
    correlation_id: str | None
    future: "Future[Receipt]" = field(default_factory=Future)
    refusal: Refusal | None = None
    outcomes: list[Outcome] = field(default_factory=list)


class Committer:
    """The one writer of this process; other processes may write to the same ledger."""

    def __init__(
        self,
        ledger: Ledger,
        on_append: Callable[[int], None] = lambda position: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.ledger = ledger
        self.on_append = on_append
        self.patience_s = patience_s
        self.cache = StreamCache(ledger.recorder)
        #: The last position that this process has acknowledged.
        self.acknowledged = 0
        self._queue: queue.Queue[Command | None] = queue.Queue(WAITING_COMMANDS)
        self._closed = False
        #: Held while a command is put in the queue, so that none comes behind the mark of the end.
        self._entrance = threading.Lock()
        self._held: Command | None = None
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def submit(
        self, requests: Sequence[Request], actor: str | None = None, correlation_id: str | None = None
    ) -> "Future[Receipt]":
        """Record requests together; the future holds a Receipt once they are durable, or the Refusal.

        A future that is cancelled before its turn comes withdraws the command; afterwards it cannot be cancelled.
        Raises Busy where too much waits already, and Unavailable after `close`.
        """
        command = Command(requests, actor, correlation_id)
        with self._entrance:
            if self._closed:
                raise Unavailable("the ledger is shutting down")
            try:
                self._queue.put_nowait(command)
            except queue.Full:
                raise Busy(f"{WAITING_COMMANDS} requests wait to be recorded") from None
        return command.future

    def record(
        self, requests: Sequence[Request], actor: str | None = None, correlation_id: str | None = None
    ) -> Receipt:
        """Record requests together and wait until they are durable; raises Refusal, Busy or Unavailable."""
        return self.submit(requests, actor, correlation_id).result()

    def close(self) -> None:
        """Record what was accepted, then stop."""
        with self._entrance:
            self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._next_group()) is not None:
            group = [command for command in taken if command.future.set_running_or_notify_cancel()]
            if not group:
                continue
            try:
                self._process(group)
            except BaseException as error:
                logger.exception("recording failed")
                self.cache.forget()
                for command in group:
                    if not command.future.done():
                        command.future.set_exception(error)

    def _next_group(self) -> list[Command] | None:
        """Everything that waits, up to the size of a group; blocks for the first; None at the end."""
        first, self._held = self._held or self._queue.get(), None
        if first is None:
            return None
        group, events = [first], len(first.requests)
        while events < GROUP_EVENTS:
            try:
                command = self._queue.get_nowait()
            except queue.Empty:
                break
            if command is None:
                self._queue.put(None)
                break
            if events + len(command.requests) > GROUP_EVENTS:
                self._held = command
                break
            group.append(command)
            events += len(command.requests)
        return group

    def _process(self, group: list[Command]) -> None:
        """Decide and record a group, however often the connection breaks within the time an append waits."""
        give_up_at = time.monotonic() + self.patience_s
        attempted: list[Numbered] = []
        while True:
            try:
                attempted, appended = self._attempt(group, attempted)
                self._acknowledge(group, appended)
                return
            except BrokenOff as broken:
                attempted = broken.attempted
                self.cache.forget()
                if time.monotonic() > give_up_at:
                    raise Unavailable(f"PostgreSQL cannot be reached: {broken}") from broken
                logger.warning("PostgreSQL cannot be reached, trying again: %s", broken)
                time.sleep(0.1)

    def _attempt(self, group: list[Command], before: list[Numbered]) -> tuple[list[Numbered], list[Numbered]]:
        """Decide on what is known, then take the head's lock: where others were faster, decide again under it.

        `before` is what an earlier attempt tried to append and whose end was not seen: with the lock in hand that
        transaction is over, and all of it is in the ledger or nothing. Raises BrokenOff where the connection is lost.
        """
        recorder = self.ledger.recorder
        attempted = before
        try:
            head = recorder.head()
            self._catch_up(head)
            batch = None if before else self._decide(group, head)
            if batch is not None and not batch.drafts and recorder.head().position == head.position:
                return [], []
            with recorder.appending() as appending:
                if before and self._was_committed(before):
                    return before, before
                if batch is None or appending.head.position != self.cache.position:
                    self._catch_up(appending.head)
                    batch = self._decide(group, appending.head)
                numbered = self._number(group, batch, appending.head)
                while (fewer := self._refuse_oversized(group, numbered, appending.head)) is not None:
                    batch = fewer
                    numbered = self._number(group, batch, appending.head)
                attempted = numbered
                appending.insert(numbered)
        except Unreachable as error:
            raise BrokenOff(str(error), attempted) from error
        self.cache.recorded(numbered, batch.streams)
        return numbered, numbered

    def _was_committed(self, attempted: Sequence[Numbered]) -> bool:
        first = attempted[0]
        return self.ledger.recorder.by_ids([first.draft.id]).get(first.draft.id) == first.state

    def _catch_up(self, head: Head) -> None:
        if head.position != self.cache.position:
            self.cache.catch_up(head.position)

    def _decide(self, group: list[Command], head: Head) -> Batch:
        """Decide every command of the group that is not refused for its size."""
        self.cache.prefetch(request for command in group for request in command.requests)
        batch = Batch(self.cache, head.clock.astimezone(UTC).date(), new_identifier)
        for command in group:
            if isinstance(command.refusal, Oversized):
                continue
            command.refusal, command.outcomes = None, []
            try:
                command.outcomes = batch.add(command.requests)
            except Refusal as refusal:
                command.refusal = refusal
        return batch

    def _number(self, group: list[Command], batch: Batch, head: Head) -> list[Numbered]:
        senders = [
            (draft, command.actor, command.correlation_id)
            for command in group
            for outcome in command.outcomes
            for draft in outcome.drafts
        ]
        return number(senders, head)

    def _refuse_oversized(self, group: list[Command], numbered: Sequence[Numbered], head: Head) -> Batch | None:
        """Refuse the commands with an event that is too large to store; the rest decided anew, None: all fit."""
        large = {id(event.draft): len(event.state) for event in numbered if len(event.state) > LARGEST_EVENT_BYTES}
        if not large:
            return None
        for command in group:
            for index, outcome in enumerate(command.outcomes):
                size = max((large.get(id(draft), 0) for draft in outcome.drafts), default=0)
                if size and command.refusal is None:
                    message = f"the event takes {size} bytes, more than {LARGEST_EVENT_BYTES}"
                    command.refusal = Oversized([Problem("", message)], index)
            if isinstance(command.refusal, Oversized):
                command.outcomes = []
        return self._decide(group, head)

    def _acknowledge(self, group: list[Command], numbered: Sequence[Numbered]) -> None:
        if numbered:
            self.acknowledged = numbered[-1].position
            self.on_append(self.acknowledged)
        positions = {event.draft.id: event.position for event in numbered}
        for command in group:
            if command.refusal is not None:
                command.future.set_exception(command.refusal)
                continue
            placed: list[Placed] = []
            recorded = 0
            for outcome in command.outcomes:
                recorded += len(outcome.drafts)
                placed += [_placed(event, positions) for event in outcome.replayed]
                placed += [_placed(event, positions) for event in outcome.drafts]
            command.future.set_result(Receipt(tuple(placed), recorded))


class BrokenOff(Exception):
    """The connection was lost during an append; `attempted` may or may not be recorded."""

    def __init__(self, message: str, attempted: list[Numbered]) -> None:
        super().__init__(message)
        self.attempted = attempted


class Oversized(Invalid):
    """An event that is too large to store."""


def _placed(event: Draft | Recorded, positions: dict[str, int]) -> Placed:
    # A replay of an event decided in this very group has no position of its own yet.
    position = positions.get(event.id) or (event.position if isinstance(event, Recorded) else 0)
    return Placed(event.id, position, event.stream, event.version)
