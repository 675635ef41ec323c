"""A service that is asked over HTTP: how long its answers take, and what they take of its processors."""

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness.processes import daybook_command, memory_mb, processor_s, serving
from bench.material.ledgers import Filled

#: The path of its n-th question; no two are alike.
Ask = Callable[[int], str]

#: No answer is waited for longer, unless said otherwise.
PATIENCE_S = 300.0
#: A service closes connections that are idle for some seconds.
IDLE_S = 2.0


class Unanswered(Exception):
    """A question whose answer did not come in time; the service may be at it still."""

    def __init__(self, patience_s: float) -> None:
        super().__init__(f"no answer within {patience_s:.0f} s")
        self.patience_s = patience_s


class Refused(Exception):
    """An answer other than 200."""


class Service:
    """A connection to a service, and its process."""

    def __init__(self, port: int, process: int, token: str, patience_s: float = PATIENCE_S) -> None:
        self.port, self.process, self.token = port, process, token
        self.patience_s = patience_s
        self._used_at = time.monotonic()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience_s)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def another(self) -> "Service":
        """Another connection to it."""
        return Service(self.port, self.process, self.token, self.patience_s)

    def get(self, path: str) -> bytes:
        """The answer."""
        if time.monotonic() - self._used_at > IDLE_S:
            self._connection.close()  # it is opened anew by itself
        self._used_at = time.monotonic()
        try:
            self._connection.request("GET", path, headers=self._headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except TimeoutError:
            self._connection.close()
            raise Unanswered(self.patience_s) from None
        self._used_at = time.monotonic()
        if answer.status != 200:
            raise Refused(f"{path}: {answer.status} {body!r:.400}")
        return body

    def seconds(self, path: str) -> float:
        """How long an answer takes."""
        start = time.perf_counter()
        self.get(path)
        return time.perf_counter() - start

    def processor_s(self) -> float:
        """What it has taken of its processors so far."""
        return processor_s(self.process)

    def cost_s(self, ask: Ask, first: int, many: int) -> float:
        """What one of so many questions takes of its processors, from the first number on."""
        before = self.processor_s()
        for number in range(first, first + many):
            self.get(ask(number))
        return (self.processor_s() - before) / many

    def memory_mb(self, *, most: bool = False) -> float:
        """Its memory, or the most that it has had."""
        return memory_mb(self.process, most=most)

    def rate(self, ask: Ask, first: int, clients: int, seconds: float) -> float:
        """Answers a second to so many clients, each of which asks its next when it has its answer.

        The n-th client asks from the number `first` + 1,000,000 n on.
        """
        counts = [0] * clients
        errors: list[Exception] = []
        start = time.perf_counter()

        def work(client: int) -> None:
            own = self.another()
            try:
                while time.perf_counter() - start < seconds:
                    own.get(ask(first + 1_000_000 * client + counts[client]))
                    counts[client] += 1
            except Exception as error:
                errors.append(error)
            finally:
                own.close()

        threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return sum(counts) / (time.perf_counter() - start)


@contextmanager
def service_of(
    ledger: Filled, log: Path, *, patience_s: float = PATIENCE_S, settings: dict[str, str] | None = None
) -> Iterator[Service]:
    """`daybook serve` on a ledger, ready to answer."""
    token = secrets.token_hex(24)
    environment = ledger.environment(token) | (settings or {})
    with serving([*daybook_command(), "serve", "--port"], environment, log) as served:
        service = Service(served.port, served.process, token, patience_s)
        try:
            _until_ready(service)
            yield service
        finally:
            service.close()


def _until_ready(service: Service) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            service.get("/readyz")
            return
        except Refused:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
