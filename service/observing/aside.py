"""Log lines that are written by a thread of their own, so that nobody waits for whoever takes them."""

import logging
import os
import threading
from collections import deque

from service.running.attempts import Pauses
from service.running.routines import Routine

logger = logging.getLogger(__name__)

#: Lines that wait while nobody takes them; those that come then are lost, and counted.
MOST_LINES = 10_000
#: How long the end of a process waits for its last lines.
LAST_S = 2.0
#: After a write that failed.
PAUSES = Pauses(most_s=1.0)


class Aside:
    """What is written to a descriptor in the background: a reader that stands still, or a full disk, stops nobody."""

    def __init__(self, descriptor: int, most_lines: int = MOST_LINES) -> None:
        self._descriptor = descriptor
        self._most = most_lines
        self._lines: deque[bytes] = deque()
        #: Lines that were lost since that was last said.
        self._lost = 0
        self._moved = threading.Condition()
        self.routine = Routine("log", self._work, restarts=True, wake=self._wake, pauses=PAUSES)

    def write(self, line: str) -> None:
        """Have a line written, which has no end yet; it is lost where too many wait already."""
        with self._moved:
            if len(self._lines) >= self._most:
                self._lost += 1
                return
            self._lines.append(line.encode("utf-8", "backslashreplace") + b"\n")
            self._moved.notify_all()

    def drain(self, patience_s: float = LAST_S) -> bool:
        """Wait until every line is written; False where that takes longer."""
        with self._moved:
            return self._moved.wait_for(lambda: not self._lines, patience_s)

    def _wake(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def _work(self, routine: Routine) -> None:
        while not routine.stopping.is_set():
            with self._moved:
                self._moved.wait_for(lambda: bool(self._lines) or routine.stopping.is_set())
                line = self._lines[0] if self._lines else b""
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError as error:
                self._written(lost=1)
                if routine.failed(error):
                    return
                continue
            self._written()
            routine.alive()
            self._say_what_is_lost()

    def _written(self, lost: int = 0) -> None:
        with self._moved:
            self._lost += lost
            if self._lines:
                self._lines.popleft()
            self._moved.notify_all()

    def _say_what_is_lost(self) -> None:
        with self._moved:
            if not self._lost or len(self._lines) > self._most // 2:
                return
            lost, self._lost = self._lost, 0
        logger.warning("%s lines of the log are lost: whoever takes them was too slow", lost)


class AsideHandler(logging.Handler):
    """Sends log records aside, as its formatter has them."""

    def __init__(self, aside: Aside) -> None:
        super().__init__()
        self.aside = aside

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record's line written."""
        try:
            self.aside.write(self.format(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Wait for what was sent, as a process does at its end."""
        self.aside.drain()
