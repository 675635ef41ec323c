"""How many requests one token may send, and a client without one, and the headers that say so
(draft-ietf-httpapi-ratelimit-headers).
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from limits import RateLimitItem, parse

from service.web.problems import HttpProblem

#: Those who are counted at the same time, of each sort, and their requests altogether: some 40 MB. Beyond, the one that
#: has asked nothing for longest is forgotten.
MOST_COUNTED = 10_000
MOST_REQUESTS = 1_000_000


class RateLimit:
    """A number of requests in a moving window of this process: for each actor, and for each address without one."""

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`text`: e.g. "600/minute"; ValueError where it is none."""
        item: RateLimitItem = parse(text)
        self._tokens = Windows("token", item.amount, item.get_expiry(), clock)
        self._addresses = Windows("address", item.amount, item.get_expiry(), clock)

    def take(self, actor: str) -> dict[str, str]:
        """Count a request of an actor; the headers that say what is left. HttpProblem where nothing was."""
        return self._tokens.take(actor)

    def take_address(self, address: str) -> dict[str, str]:
        """Count a request without a token that is let in; else as `take`."""
        return self._addresses.take(address)

    def refuse_spent(self, address: str) -> None:
        """HttpProblem where an address has nothing left."""
        self._addresses.refuse_spent(address)


class Windows:
    """When each of many has asked lately."""

    def __init__(self, name: str, amount: int, seconds: int, clock: Callable[[], float]) -> None:
        self._name = name
        self._amount = amount
        self._seconds = seconds
        self._clock = clock
        #: The latest to ask is last.
        self._asked: OrderedDict[str, deque[float]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._asked)

    def take(self, key: str) -> dict[str, str]:
        """Count a request; the headers. HttpProblem, with them, where nothing is left."""
        asked = self._lately(key)
        if len(asked) >= self._amount:
            raise self._problem(asked)
        asked.append(self._clock())
        self._count += 1
        self._asked[key] = asked
        self._asked.move_to_end(key)
        while len(self._asked) > MOST_COUNTED or (self._count > MOST_REQUESTS and len(self._asked) > 1):
            self._count -= len(self._asked.popitem(last=False)[1])
        return self._headers(asked)

    def refuse_spent(self, key: str) -> None:
        """HttpProblem where nothing is left."""
        asked = self._lately(key)
        if len(asked) >= self._amount:
            raise self._problem(asked)

    def _lately(self, key: str) -> deque[float]:
        asked = self._asked.get(key)
        if asked is None:
            return deque()
        since = self._clock() - self._seconds
        while asked and asked[0] <= since:
            asked.popleft()
            self._count -= 1
        return asked

    def _headers(self, asked: deque[float]) -> dict[str, str]:
        wait_s = max(1, math.ceil(asked[0] + self._seconds - self._clock()))
        return {
            "RateLimit-Policy": f'"{self._name}";q={self._amount};w={self._seconds}',
            "RateLimit": f'"{self._name}";r={self._amount - len(asked)};t={wait_s}',
        }

    def _problem(self, asked: deque[float]) -> HttpProblem:
        headers = self._headers(asked)
        wait_s = headers["RateLimit"].rpartition("=")[2]
        detail = f"more than {self._amount} requests in {self._seconds} s"
        return HttpProblem("too-many-requests", detail, headers={**headers, "Retry-After": wait_s})
