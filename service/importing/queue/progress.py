"""How imports go in one process, as an operator reads it without a look at what is stored of them."""

from dataclasses import dataclass
from typing import Literal

#: off: not begun; elsewhere: another process of the home runs them; retrying: what was to be run has to wait.
Doing = Literal["off", "idle", "waiting", "running", "retrying", "failing", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Importing:
    """How the imports of a home go, as one of its processes knows it."""

    state: Doing
    #: Files that wait, as this process last saw.
    waiting: int
    #: 0 or 1.
    running: int
    #: How long the one that runs has been running, in seconds.
    age_s: float | None
    #: Why they do not go on, in words for anybody.
    reason: str | None
    #: Of the last file that failed since this process began: why, in words for anybody, and how long ago.
    last_failure: str | None
    failed_before_s: float | None
