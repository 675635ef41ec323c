"""How often a call is sent, and how long is waited in between: decided here, done by the caller."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from service.client.calls import Headers

#: What is answered by a service, or by something before it, that cannot just now.
PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How much trouble a client takes."""

    #: Times that a call is sent at most.
    attempts: int = 6
    #: The wait after the first failure; it doubles with each.
    first_wait_s: float = 0.1
    #: The longest wait; where a service asks for a longer one, its refusal is raised instead.
    longest_wait_s: float = 20.0
    #: By how much waits differ, so that many clients do not come back all at once: a number from 0 to 1.
    chance: Callable[[], float] = field(default=random.random, repr=False)


@dataclass
class Attempts:
    """The attempts at one call."""

    patience: Patience
    repeatable: bool
    made: int = 0

    def wait_after_loss(self, *, sent: bool) -> float | None:
        """How long to wait after the connection was lost; None: give up. `sent`: the request may have arrived."""
        self.made += 1
        return self._backoff() if self.repeatable or not sent else None

    def wait_after(self, status: int, headers: Headers) -> float | None:
        """How long to wait after an answer before the call is sent again; None: the answer stands."""
        self.made += 1
        # What was answered 429 or 503 was not done; of a gateway's 502 and 504 it is not known.
        if status not in PASSING or not (self.repeatable or status in (429, 503)):
            return None
        wait_s, asked_s = self._backoff(), retry_after_s(headers)
        if wait_s is None or asked_s is None:
            return wait_s
        return max(asked_s, wait_s) if asked_s <= self.patience.longest_wait_s else None

    def _backoff(self) -> float | None:
        if self.made >= self.patience.attempts:
            return None
        longest = min(self.patience.first_wait_s * 2.0 ** min(self.made - 1, 30), self.patience.longest_wait_s)
        return longest * (0.5 + 0.5 * self.patience.chance())


def retry_after_s(headers: Headers) -> float | None:
    """The wait that Retry-After asks for (RFC 9110, 10.2.3), in seconds."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return float(given[:9])
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
