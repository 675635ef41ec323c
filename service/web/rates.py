"""How many requests one token may send, and the headers that say so (draft-ietf-httpapi-ratelimit-headers)."""

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.web.problems import HttpProblem

POLICY = "token"


class RateLimit:
    """A number of requests in a moving window, for each actor of this process."""

    def __init__(self, text: str) -> None:
        """`text`: e.g. "600/minute"; ValueError where it is none."""
        self.item: RateLimitItem = parse(text)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._policy = f'"{POLICY}";q={self.item.amount};w={self.item.get_expiry()}'

    def take(self, actor: str) -> dict[str, str]:
        """Count a request, and answer the headers that tell what is left; HttpProblem where nothing was."""
        allowed = self._limiter.hit(self.item, actor)
        reset_at, remaining = self._limiter.get_window_stats(self.item, actor)
        wait_s = max(0, math.ceil(reset_at - time.time()))
        headers = {"RateLimit-Policy": self._policy, "RateLimit": f'"{POLICY}";r={remaining};t={wait_s}'}
        if not allowed:
            detail = f"more than {self.item.amount} requests in {self.item.get_expiry()} s"
            raise HttpProblem("too-many-requests", detail, headers={**headers, "Retry-After": str(max(1, wait_s))})
        return headers
