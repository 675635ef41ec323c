"""A large group on its way: written down and sent to PostgreSQL while the next one is decided."""

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from domain.events import LARGEST_EVENT_BYTES
from domain.ledger import Batch
from domain.merkle import HASH_BYTES, leaf_hash
from service.recording.commands import Group
from service.running.routines import Routine
from service.storing.writing import Head, Place, Written, write


@dataclass
class Appended:
    """Events that were written down to stand one behind the other."""

    #: The position of the first of them.
    first: int
    #: Its id and its stored bytes, by which it is known again.
    id: str
    state: bytes
    #: The hashes of their leaves, one after another.
    leaves: bytearray = field(default_factory=bytearray)

    @classmethod
    def of(cls, events: Written) -> "Appended | None":
        """Events that were written down; None: there are none."""
        if not events.many:
            return None
        appended = cls(events.positions[0], events.ids[0], events.states[0])
        appended.add(events.states)
        return appended

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.leaves) // HASH_BYTES

    def add(self, states: Sequence[bytes]) -> None:
        """Take note of the stored bytes of further events."""
        self.leaves += b"".join([leaf_hash(state) for state in states])


@dataclass
class Flight:
    """A group that is being recorded in a thread of its own."""

    group: Group
    batch: Batch
    #: The ledger's end on which it was decided.
    expected: int
    #: What was sent to PostgreSQL so far.
    appended: Appended | None = None
    landed: "Future[None]" = field(default_factory=Future)

    @property
    def attempted(self) -> Appended | None:
        """What may be recorded although no caller saw it: all of it, or nothing."""
        return self.appended if self.appended is not None and self.appended.count == self.batch.count else None

    def parts(self, head: Head, most: int) -> Iterator[bytes]:
        """Its events as rows behind the head, up to so many at a time; Diverted: one of them is too large to store."""
        place = Place.after(head)
        for run in self.group.runs(most):
            written = write(run, place)
            if max(map(len, written.states)) > LARGEST_EVENT_BYTES:
                raise Diverted("an event is too large to store")
            if self.appended is None:
                self.appended = Appended.of(written)
            else:
                self.appended.add(written.states)
            yield written.rows()
            place = place.beyond(written.many)


class Diverted(Exception):
    """What a group was decided on did not come about."""


class BrokenOff(Exception):
    """The connection was lost during an append; `attempted` may or may not be recorded."""

    def __init__(self, message: str, attempted: Appended | None) -> None:
        super().__init__(message)
        self.attempted = attempted


class Copyist:
    """A thread that does one piece of work after the other; `on_end` is called when it ends, for any reason."""

    def __init__(self, name: str, on_end: Callable[[], None]) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], None], Future[None]] | None] = queue.SimpleQueue()
        self._on_end = on_end
        self._has_ended = False
        self.routine = Routine(name, self._run, restarts=False, wake=lambda: self._work.put(None))

    def submit(self, work: Callable[[], None]) -> "Future[None]":
        """Have work done; the future is done when it is."""
        done: Future[None] = Future()
        self._work.put((work, done))
        if self._has_ended:
            self._leave()
        return done

    def close(self, patience_s: float) -> None:
        """End after what was submitted, or after a time."""
        self.routine.stop(patience_s)

    def _run(self, routine: Routine) -> None:
        try:
            while (piece := self._work.get()) is not None:
                routine.alive()
                work, done = piece
                try:
                    work()
                except BaseException as error:
                    done.set_exception(error)
                else:
                    done.set_result(None)
        finally:
            self._on_end()
            self._has_ended = True
            self._leave()

    def _leave(self) -> None:
        """Fail the commands that wait for what will not be done."""
        with suppress(queue.Empty):
            while True:
                if (piece := self._work.get_nowait()) is not None:
                    piece[1].set_exception(Diverted("the thread that records has ended"))
