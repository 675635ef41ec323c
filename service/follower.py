"""Keeping the projection up with the ledger: tailing by notification and by polling, in pages."""

import logging
import threading
from collections.abc import Callable

import psycopg

from projections.engine import Projection, UnknownEvent, batch_of
from service.store import CHANNEL, Ledger, Unreachable

logger = logging.getLogger(__name__)

#: A lost notification costs at most this.
POLL_S = 0.25
PAGE_EVENTS = 20_000
#: While nobody waits for an answer, new events are gathered for so long: a batch of many costs little more than a batch
#: of one, and writers need the processor too.
GATHER_S = 0.25
RECONNECT_S = 1.0


class Lagging(Exception):
    """The projection has not reached what was asked in the time that was given."""


class Stopped(Exception):
    """The projection cannot go on: nothing that depends on its reaching the ledger's end is answered."""


class Follower:
    """Applies every new event to the projection, in order, exactly once, until it is closed."""

    def __init__(self, ledger: Ledger, projection: Projection) -> None:
        self.ledger = ledger
        self.projection = projection
        #: Why the projection cannot go on; None: it can.
        self.failure: Exception | None = None
        self._wake = threading.Event()
        self._awaited = threading.Event()
        self._closed = threading.Event()
        self._moved = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Follow in the background."""
        for name, run in (("follower", self._tail), ("listener", self._listen)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """Something was appended: look now."""
        self._wake.set()

    @property
    def position(self) -> int:
        """How far the projection is."""
        return self.projection.position

    def wait_for(self, position: int, patience_s: float) -> None:
        """Return once the projection has reached a position; raises Lagging, or Stopped where it never will."""
        if self.position >= position:
            return
        self._awaited.set()
        self.wake()
        with self._moved:
            self._moved.wait_for(lambda: self.position >= position or self.failure is not None, patience_s)
        if self.position >= position:
            return
        self.refuse_if_stopped()
        raise Lagging(f"the projection is at {self.position}, not yet at {position}")

    def refuse_if_stopped(self) -> None:
        """Raises Stopped where the projection cannot go on."""
        if self.failure is not None:
            # What an event of another version is called may be told; what the database says of itself may not.
            unknown = isinstance(self.failure, UnknownEvent)
            why = str(self.failure) if unknown else f"it stopped at position {self.position}, and the log says why"
            raise Stopped(f"the projection cannot go on: {why}") from self.failure

    def catch_up(self, progress: Callable[[int, int], None] = lambda position, head: None) -> None:
        """Apply everything up to the ledger's end as it is now, in this thread."""
        head = self.ledger.recorder.head().position
        while self.position < head:
            self._next_page()
            progress(self.position, head)

    def close(self) -> None:
        """Stop following."""
        self._closed.set()
        self._awaited.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()

    def _next_page(self) -> int:
        rows = self.ledger.recorder.rows_after(self.position, PAGE_EVENTS, upto=self.position + PAGE_EVENTS)
        if rows:
            self.projection.apply(batch_of(rows))
            with self._moved:
                self._moved.notify_all()
        return len(rows)

    def _tail(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            self._awaited.clear()
            try:
                while self._next_page() == PAGE_EVENTS and not self._closed.is_set():
                    pass
            except Unreachable as error:
                logger.warning("following waits for PostgreSQL: %s", error)
                self._closed.wait(RECONNECT_S)
            except Exception as error:
                logger.exception("the projection stopped at %s", self.position)
                self.failure = error
                with self._moved:
                    self._moved.notify_all()
                return
            self._wake.wait(POLL_S)
            self._awaited.wait(GATHER_S)

    def _listen(self) -> None:
        """Wake the tail when another process appends; a lost connection is made again, and polling bridges the gap."""
        settings = {name: value for name, value in self.ledger.connection_settings.items() if name != "row_factory"}
        while not self._closed.is_set():
            try:
                with psycopg.connect(**settings, autocommit=True) as connection:
                    connection.execute(f"listen {CHANNEL}".encode())
                    while not self._closed.is_set():
                        for _ in connection.notifies(timeout=0.5, stop_after=1):
                            self._wake.set()
            except psycopg.Error as error:
                logger.info("listening again in %s s: %s", RECONNECT_S, error)
                self._closed.wait(RECONNECT_S)
