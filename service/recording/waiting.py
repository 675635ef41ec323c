"""Commands that were taken on and are not answered yet: whose turn comes when, and who has waited too long."""

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence

from service.recording.commands import Command, Group

#: A group takes commands until it holds this many events; one larger command makes a group of its own.
GROUP_EVENTS = 8_000
#: How long a sender waits for an answer, from when the command was taken on: what was not recorded by then is given up,
#: for any reason, or its end is not known.
PATIENCE_S = 20.0
#: For each event of a command so much is added.
PATIENCE_OF_EVENT_S = 0.005

SHUTTING_DOWN = "the ledger is shutting down"
ENDED = "the thread that records has ended: start the service again"
NOT_BEGUN = "its turn to be recorded did not come in time; nothing of it was recorded"
UNKNOWN = (
    "it was not recorded in time; whether it will be is not known: send it again under the same ids or the same key"
)


class Busy(Exception):
    """More waits to be recorded than the ledger takes on: come back later."""


class RecordingUnavailable(Exception):
    """It was not recorded in the time that a sender waits; whether it is may be unknown where the message says so."""


class Waiting:
    """The commands that wait, in their order; any thread may add to them, one takes them in groups."""

    def __init__(self, patience_s: float, most: int) -> None:
        self.patience_s = patience_s
        #: Commands that may wait; beyond that the ledger is Busy.
        self.most = most
        #: Why nothing more is taken on; None: it is.
        self.shut: str | None = None
        #: When a closing committer gives up what is not recorded yet (time.monotonic).
        self.give_up_at = float("inf")
        #: Commands that wait; True: something that flew has landed; None: the end.
        self._queue: queue.SimpleQueue[Command | bool | None] = queue.SimpleQueue()
        #: Held while a command is put in the queue, so that none comes behind the mark of the end, and while its turn
        #: comes or it is given up.
        self._entrance = threading.Lock()
        #: Commands that wait before those of the queue.
        self._held: deque[Command] = deque()
        #: What was taken on and may not be answered yet, the oldest first.
        self._unanswered: deque[Command] = deque()

    def __len__(self) -> int:
        """How many commands wait for their turn."""
        return self._queue.qsize() + len(self._held)

    @property
    def oldest_s(self) -> float:
        """For how long the oldest command that is not answered has been waiting; 0: there is none."""
        with self._entrance:
            waiting = next((command for command in self._unanswered if not command.future.done()), None)
        return 0.0 if waiting is None else time.monotonic() - waiting.submitted_at

    def add(self, command: Command) -> None:
        """Take on a command; raises Busy where too much waits already, and RecordingUnavailable where none is taken."""
        with self._entrance:
            if self.shut is not None:
                raise RecordingUnavailable(self.shut)
            if self._queue.qsize() >= self.most:
                raise Busy(f"{self.most} requests wait to be recorded")
            command.submitted_at = time.monotonic()
            self._unanswered.append(command)
            self._queue.put(command)

    def close(self, patience_s: float) -> None:
        """Take on nothing more, and give up after a time what is not recorded."""
        with self._entrance:
            self.shut = SHUTTING_DOWN
            self.give_up_at = time.monotonic() + patience_s

    def end(self) -> None:
        """Have the thread that takes groups come to the end behind what waits."""
        self._queue.put(None)

    def landed(self) -> None:
        """Have the thread that takes groups see that something was recorded."""
        self._queue.put(True)

    def leave(self) -> None:
        """Answer every sender that waits that nothing more is recorded."""
        for command in self._unanswered:
            command.fail(RecordingUnavailable(SHUTTING_DOWN))

    def refuse_all(self) -> None:
        """Answer every sender that nothing is recorded any more: a thread has ended though this was not closed."""
        with self._entrance:
            if self.shut is not None:
                return
            self.shut = ENDED
            unanswered = list(self._unanswered)
        for command in unanswered:
            command.fail(RecordingUnavailable(f"{ENDED}: {UNKNOWN if command.begun else NOT_BEGUN}"))

    # Whose turn comes

    def next_group(self, timeout_s: float | None = None) -> list[Command] | None:
        """What waits, up to the size of a group; blocks for the first; None at the end; none: something has landed.

        Raises queue.Empty where nothing came for a time.
        """
        first = self._held.popleft() if self._held else self._queue.get(timeout=timeout_s)
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

    def begin(self, taken: Sequence[Command]) -> Group:
        """Those of some commands whose turn may come."""
        with self._entrance:
            return Group([command for command in taken if command.begin()])

    def hold(self, commands: Sequence[Command]) -> None:
        """Have commands come before all others."""
        self._held.extendleft(reversed(commands))

    # Who waits too long

    def give_up(self, now: float, why: str) -> None:
        """Answer those who have waited too long; `why` is said before."""
        with self._entrance:
            self._unanswered = deque(command for command in self._unanswered if not command.future.done())
            for command in self._unanswered:
                if self._is_late(command, now):
                    command.fail(RecordingUnavailable(why + (UNKNOWN if command.begun else NOT_BEGUN)))

    def _is_late(self, command: Command, now: float) -> bool:
        patience_s = self.patience_s + PATIENCE_OF_EVENT_S * command.size
        return now > min(command.submitted_at + patience_s, self.give_up_at)
