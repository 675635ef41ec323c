"""Group commit: one thread takes what waits, decides it together, and records it in one transaction."""

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from domain.lots import Sent
from service.recording.ahead import Appended, Copyist
from service.recording.commands import Command
from service.recording.groups import GroupWriter
from service.recording.health import AppendHealth, Health
from service.recording.receipts import CommandReceipt, IdempotencyKey
from service.recording.waiting import PATIENCE_S, Waiting
from service.running.attempts import Pauses
from service.running.routines import NotStarted, Routine
from service.settings import WAITING_REQUESTS
from service.storing.ledger import Ledger
from service.storing.streams import StreamCache

#: How often is looked who has waited too long.
LOOK_S = 0.1
#: What a closing committer still takes to record what was accepted.
CLOSING_S = 15.0
#: A connection that has been in use for so long when its user is late does not come back.
CUT_OFF_S = 2.0
#: A command that waits longer than this shows that nothing is recorded.
TROUBLING_WAIT_S = 10.0
#: A thread of the watch's that failed looks again as soon.
WATCHING = Pauses(most_s=1.0)


class Committer:
    """The one writer of this process; other processes may write to the same ledger."""

    def __init__(
        self,
        ledger: Ledger,
        on_append: Callable[[int, bytes], None] = lambda first, leaves: None,
        patience_s: float = PATIENCE_S,
        waiting_commands: int = WAITING_REQUESTS,
    ) -> None:
        self.ledger = ledger
        #: Called with what was just committed: the first position, and the leaf hashes of it and those behind it.
        self.on_append = on_append
        #: Called with how many events a transaction recorded.
        self.on_group: Callable[[int], None] = lambda events: None
        #: The last position that this process has acknowledged.
        self.acknowledged = 0
        self._waiting = Waiting(patience_s, waiting_commands)
        self._health = Health()
        # All threads are there from the beginning: one that cannot be started later would leave commands unanswered.
        # Those that record never begin anew: where one ends by a fault of ours, it is not known what it had in hand.
        self._writer = Copyist("writer", self._waiting.refuse_all)
        self._groups = GroupWriter(ledger.recorder, self._writer, self._waiting, self._health, self._recorded)
        self._routine = Routine("committer", self._run, restarts=False, wake=self._waiting.end)
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
    def cache(self) -> StreamCache:
        """What is remembered of the ledger."""
        return self._groups.cache

    @property
    def patience_s(self) -> float:
        """How long a sender waits for an answer."""
        return self._waiting.patience_s

    @property
    def waiting(self) -> int:
        """How many commands wait for their turn."""
        return len(self._waiting)

    @property
    def oldest_s(self) -> float:
        """For how long the oldest command that is not answered has been waiting; 0: there is none."""
        return self._waiting.oldest_s

    @property
    def last(self) -> AppendHealth:
        """How the last append went."""
        return self._health.last

    @property
    def trouble(self) -> str | None:
        """Why nothing can be recorded just now, as far as anybody has noticed; None: nothing speaks against it."""
        if self._waiting.shut is not None:
            return self._waiting.shut
        waited_s = self.oldest_s
        if waited_s > TROUBLING_WAIT_S:
            return f"a request has been waiting for {waited_s:.0f} s"
        return self._health.trouble

    def submit(
        self,
        requests: Sequence[Sent],
        actor: str | None = None,
        correlation_id: str | None = None,
        *,
        key: IdempotencyKey | None = None,
        expected: Mapping[str, frozenset[int]] | None = None,
    ) -> "Future[CommandReceipt]":
        """Record requests together; the future holds a CommandReceipt once they are durable, or the Refusal.

        `key`: where something was recorded under it before, that is the answer, and nothing is recorded. `expected`: by
        stream, the versions at which the requests are wanted, unless they are recorded already.

        A future that is cancelled before its turn comes withdraws the command; afterwards it cannot be cancelled.
        Raises Busy where too much waits already, and RecordingUnavailable after `close`.
        """
        command = Command(requests, actor, correlation_id, key=key, expected=expected or {})
        self.enqueue(command)
        return command.future

    def enqueue(self, command: Command) -> None:
        """Take on a command, as `submit` does."""
        self._waiting.add(command)

    def record(
        self, requests: Sequence[Sent], actor: str | None = None, correlation_id: str | None = None
    ) -> CommandReceipt:
        """Record requests together and wait until they are durable; raises Refusal, Busy or RecordingUnavailable."""
        return self.submit(requests, actor, correlation_id).result()

    def close(self, patience_s: float = CLOSING_S) -> None:
        """Record what was accepted, then stop; after a time what is not recorded is given up."""
        self._waiting.close(patience_s)
        # What waits for PostgreSQL is cut off by the watch.
        self._routine.stop(patience_s + 2 * CUT_OFF_S)
        self._writer.close(CUT_OFF_S)
        self._watch.stop()
        self._waiting.leave()

    def _run(self, routine: Routine) -> None:
        try:
            self._work(routine)
        finally:
            self._waiting.refuse_all()

    def _work(self, routine: Routine) -> None:
        while (taken := self._next_group()) is not None:
            routine.alive()
            group = self._waiting.begin(taken)
            if not group.commands:
                self._groups.land()
                continue
            self._groups.take_on(group)
            self._waiting.hold(group.left)
        self._groups.land()

    def _next_group(self) -> list[Command] | None:
        """What comes next; while nothing does, an append is rehearsed where the last one failed."""
        while (rehearsed_in_s := self._health.rehearsed_in_s) is not None:
            try:
                return self._waiting.next_group(rehearsed_in_s)
            except queue.Empty:
                self._groups.rehearse()
        return self._waiting.next_group()

    def _look(self, routine: Routine) -> None:
        """Answer those who have waited too long, and cut connections that nothing comes back from."""
        while not routine.pause(LOOK_S):
            now, trouble = time.monotonic(), self._health.trouble
            self._waiting.give_up(now, "" if trouble is None else f"{trouble}: ")
            self._groups.cut_off(now, CUT_OFF_S)
            routine.alive()

    def _recorded(self, appended: Appended) -> None:
        self.acknowledged = appended.first + appended.count - 1
        self.on_append(appended.first, bytes(appended.leaves))
        self.on_group(appended.count)
