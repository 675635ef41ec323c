"""The end of the ledger as it grows: read once for everybody in this process who listens."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

from starlette.concurrency import run_in_threadpool

from service.running.attempts import Pauses
from service.running.routines import Routine
from service.storing.ledger import DescribedRow, EventFilter, Ledger

#: Without word from a writer of this process, the ledger is looked at so often.
POLL_S = 0.25
#: The newest events that are kept in memory; a listener that is further behind reads from PostgreSQL.
KEPT_EVENTS = 4_096
PAGE_EVENTS = 500
#: Between two attempts to read what was appended, at most.
MOST_PAUSE_S = 2.0


def takes(wanted: EventFilter, event: DescribedRow) -> bool:
    """Whether an event is wanted, by its type and its stream."""
    return (not wanted.types or event.type in wanted.types) and (not wanted.streams or event.stream in wanted.streams)


class Tail:
    """Follows the ledger while anybody listens, with one thread however many they are."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        #: The last position that was looked at.
        self.position = 0
        self._kept: deque[DescribedRow] = deque(maxlen=KEPT_EVENTS)
        #: Of each event loop what is done when the tail moves on; all its listeners wait for the same.
        self._listeners: dict[asyncio.AbstractEventLoop, asyncio.Future[None]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        #: Begins with the first listener.
        self.routine = Routine(
            "tail", self._run, restarts=True, wake=self._wake.set, pauses=Pauses(most_s=MOST_PAUSE_S)
        )

    def wake(self) -> None:
        """Something was appended: look now."""
        self._wake.set()

    def close(self) -> None:
        """Stop; every listener comes to an end."""
        self.routine.stop()
        self._notify()

    async def listen(
        self, after: int, wanted: EventFilter, patience_s: float, in_thread: Callable[..., Any] = run_in_threadpool
    ) -> AsyncIterator[list[DescribedRow]]:
        """The events behind a position that are wanted, in order, as they come: a list at a time.

        An empty list says that there was none for the time of the patience. It ends when the tail is closed. Raises
        NotStarted where the system has no thread for the first listener.
        `in_thread`: what calls a function in a thread, for what is no longer in memory.
        """
        position = after
        with self._listening():
            while not self.routine.stopping.is_set():
                moved = self._moved()
                found, upto = await self._next(position, wanted, in_thread)
                if found:
                    yield found
                if upto > position:
                    position = upto
                    continue
                done, _ = await asyncio.wait([moved], timeout=patience_s)
                if not done:
                    yield []

    @contextmanager
    def _listening(self) -> Iterator[None]:
        self.routine.start()
        with self._lock:
            self._count += 1
        self._wake.set()
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1

    def _moved(self) -> "asyncio.Future[None]":
        """What is done when the tail has moved on from where it is now."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._listeners:
                self._listeners[loop] = loop.create_future()
            return self._listeners[loop]

    async def _next(
        self, position: int, wanted: EventFilter, in_thread: Callable[..., Any]
    ) -> tuple[list[DescribedRow], int]:
        """The next events that are wanted, and the position up to which there is no other."""
        with self._lock:
            kept = self._kept
            upto = self.position
            if position >= upto:
                return [], position
            if kept and kept[0].position <= position + 1:
                start = position + 1 - kept[0].position
                page = list(islice(kept, start, start + PAGE_EVENTS))
                return [event for event in page if takes(wanted, event)], page[-1].position
        found: tuple[list[DescribedRow], int] = await in_thread(self._read, position, wanted, upto)
        return found

    def _read(self, position: int, wanted: EventFilter, upto: int) -> tuple[list[DescribedRow], int]:
        events = self.ledger.recorder.described_after(position, PAGE_EVENTS, upto=upto, wanted=wanted)
        return events, (events[-1].position if len(events) == PAGE_EVENTS else upto)

    def _run(self, routine: Routine) -> None:
        while not routine.stopping.is_set():
            self._wake.clear()
            advanced = bool(self._count) and self._advance()
            routine.alive()
            if advanced:
                self._notify()
            else:
                self._wake.wait(POLL_S if self._count else None)

    def _advance(self) -> bool:
        """Read what came since; whether anything did."""
        head = self.ledger.recorder.head().position
        if head <= self.position:
            return False
        # Where no listener was there for long, what came meanwhile is read by those who want it.
        first = max(self.position, head - KEPT_EVENTS)
        events = self.ledger.recorder.described_after(first, head - first, upto=head)
        with self._lock:
            if first > self.position:
                self._kept.clear()
            self._kept.extend(events)
            self.position = head
        return True

    def _notify(self) -> None:
        with self._lock:
            listeners, self._listeners = self._listeners, {}
        for loop, moved in listeners.items():
            # A loop that was closed has no listener left.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_finish, moved)


def _finish(moved: "asyncio.Future[None]") -> None:
    if not moved.done():
        moved.set_result(None)
