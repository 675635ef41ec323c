"""What both clients know of their service, and how a call becomes a request of HTTP; nothing is sent here."""

import threading
from dataclasses import replace
from typing import Any, TypeVar

import httpx2

from service.client.attempts import Attempts, Patience
from service.client.calls import Call
from service.client.problems import Unreached
from service.client.streams import Lines, Listening
from service.shapes.answers import Receipt, RecordedFact
from service.version import VERSION

Answer = TypeVar("Answer")

#: How a connection is lost; in all but the first ones the request may have arrived.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
LOST = (*NOT_SENT, httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ProxyError)
#: Longer than a service that is well is silent towards those who listen.
SILENCE_S = 45.0


class Connection:
    """One service, by its address and a token."""

    def __init__(self, address: str, token: str, patience: Patience, *, read_own_writes: bool) -> None:
        self.address = address
        self.patience = patience
        self.headers = {"Authorization": f"Bearer {token}", "User-Agent": f"daybook-client/{VERSION}"}
        self._read_own_writes = read_own_writes
        #: The last position that this client recorded.
        self.position = 0
        self._lock = threading.Lock()

    def attempts(self, call: Call[Any]) -> Attempts:
        """The attempts at a call, which begin."""
        return Attempts(self.patience, call.repeatable)

    def following(self, reader: Lines | Listening) -> Attempts:
        """The attempts at going on with a stream that was there; a listener never gives up."""
        if isinstance(reader, Listening):
            return Attempts(replace(self.patience, attempts=2**62), repeatable=True)
        return Attempts(self.patience, repeatable=True)

    def arguments(self, call: Call[Any]) -> dict[str, Any]:
        """What an HTTP client is called with."""
        if self._read_own_writes:
            call = call.having(self.position)
        return {
            "method": call.method,
            "url": call.path,
            "params": call.query,
            "headers": call.headers,
            "content": call.body,
        }

    def learned(self, answer: Answer) -> Answer:
        """The answer, from which is known how far the ledger is."""
        placed = answer if isinstance(answer, list) else [answer]
        positions = [one.last_position for one in placed if isinstance(one, Receipt)]
        positions += [one.position for one in placed if isinstance(one, RecordedFact)]
        if positions:
            self.reached(max(positions))
        return answer

    def reached(self, position: int) -> None:
        """Take in that what this client recorded is at a position at most."""
        with self._lock:
            self.position = max(self.position, position)

    def given_up(self, call: Call[Any], error: Exception) -> Unreached:
        """That a call did not get through."""
        said = f"{call.method} {self.address}{call.path}: {type(error).__name__}: {error}"
        return Unreached(said, call.headers.get("Idempotency-Key"))


def was_sent(error: Exception) -> bool:
    """Whether a request may have arrived though its answer was lost."""
    return not isinstance(error, NOT_SENT)


def silence() -> httpx2.Timeout:
    """How long a stream may be silent."""
    return httpx2.Timeout(10.0, read=SILENCE_S)
