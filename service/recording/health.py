"""How appends go: what the last one came to, in words for anybody, and when one is rehearsed."""

import secrets
import time
from typing import NamedTuple

from service.recording.ahead import BrokenOff
from service.running.attempts import Pauses, RepeatedAttempts
from service.storing.ledger import LedgerRecorder, Unreachable, in_words
from service.storing.writing import ClockSetBack

#: After an append that failed one is rehearsed, whenever nothing waits, until one would succeed: who is sent elsewhere
#: records nothing here, and would never come back.
REHEARSALS = Pauses(first_s=0.5, most_s=2.0)


class AppendHealth(NamedTuple):
    """How an append went."""

    text: str
    well: bool
    #: On the clock of time.monotonic.
    at: float


class Health:
    """What the last append came to."""

    def __init__(self) -> None:
        self.last = AppendHealth("nothing was recorded yet", well=True, at=time.monotonic())
        #: How long nothing may wait before an append is rehearsed; None: the last one went well.
        self.rehearsed_in_s: float | None = None
        self._rehearsals = RepeatedAttempts("rehearsing an append", REHEARSALS)

    @property
    def trouble(self) -> str | None:
        """Why the last append failed; None: it did not."""
        return None if self.last.well else self.last.text

    def failed(self, error: BaseException) -> None:
        """Take note that nothing could be recorded, and why."""
        self.last = AppendHealth(_told(error), well=False, at=time.monotonic())
        self.rehearsed_in_s = self._rehearsals.pauses.first_s

    def went_well(self, text: str = "recorded") -> None:
        """Take note that something was recorded, or could be."""
        self.last = AppendHealth(text, well=True, at=time.monotonic())
        if self.rehearsed_in_s is not None:
            self._rehearsals.succeeded()
            self.rehearsed_in_s = None

    def rehearse(self, recorder: LedgerRecorder) -> None:
        """Find out whether something could be recorded again, without recording anything."""
        try:
            recorder.rehearse(f"rehearsal/{secrets.token_hex(8)}")
        except Exception as error:
            pause_s = self._rehearsals.failed(error)
            self.failed(error)
            self.rehearsed_in_s = pause_s
        else:
            self.went_well("an append would succeed")


def _told(error: BaseException | None) -> str:
    """Why nothing could be recorded: nothing of files, hosts or statements."""
    if isinstance(error, BrokenOff):
        return _told(error.__cause__)
    if isinstance(error, ClockSetBack):
        return "the database's clock was set back"
    said = None if error is None else in_words(error)
    return said or ("PostgreSQL cannot be reached" if isinstance(error, Unreachable) else "recording failed")
