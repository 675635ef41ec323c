"""Delivering events to webhooks, in the background of a service."""

import logging
import random
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
import msgspec
from standardwebhooks import Webhook as Signer

from service.exporters.cloud_events import MEDIA_TYPE, source_of, structured
from service.store import Ledger, StoredRow, Unreachable
from service.version import VERSION
from service.webhooks.registry import Webhook, Webhooks

logger = logging.getLogger(__name__)

#: After the nth failure in a row the next attempt waits for so long; after the last of them there is none: together
#: about three days, as the Standard Webhooks scheme has it.
WAITS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
#: Each wait is longer by up to this part, so that those who failed together do not come back together.
JITTER = 0.2
TIMEOUT_S = 10.0
#: A worker that says nothing for so long has died, and another one takes over.
LEASE_S = 60.0
#: Webhooks that one process delivers to at the same time.
AT_ONCE = 8
PAGE_EVENTS = 100
POLL_S = 1.0
RECONNECT_S = 2.0
#: The receiver says that it is gone for good.
GONE = 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one delivery went."""

    #: None: there was no answer
    status: int | None
    #: None: it was taken
    error: str | None
    #: What the receiver asks us to wait, in seconds; None: it does not.
    retry_after_s: float | None = None


class _Named(msgspec.Struct):
    id: str


_names = msgspec.json.Decoder(_Named)


class Sender:
    """Sends single messages, signed."""

    def __init__(self, origin: str, timeout_s: float = TIMEOUT_S) -> None:
        self._source = source_of(origin)
        # A receiver that redirects is not the one that was named; a proxy of the environment is no business of ours.
        self._client = httpx2.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)

    def send_event(self, webhook: Webhook, state: bytes) -> Attempt:
        """Deliver one stored event as a CloudEvent; its own id is the message's, the same at each attempt."""
        return self.send(webhook, _names.decode(state).id, structured(state, self._source))

    def send(self, webhook: Webhook, identifier: str, body: bytes) -> Attempt:
        """Deliver a body under an id."""
        now = datetime.now(UTC)
        text = body.decode()
        signatures = [Signer(secret).sign(identifier, now, text) for secret in _secrets(webhook, now)]
        headers = {
            "Content-Type": MEDIA_TYPE,
            "User-Agent": f"daybook/{VERSION}",
            "webhook-id": identifier,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        try:
            with self._client.stream("POST", webhook.url, content=body, headers=headers) as answer:
                # What it says is of no interest, and may be without end.
                return _judged(answer.status_code, answer.headers.get("retry-after"))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Attempt(None, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

    def close(self) -> None:
        """Let go of every connection."""
        self._client.close()


def _secrets(webhook: Webhook, now: datetime) -> list[str]:
    former = webhook.former_secret
    if former is not None and webhook.former_until is not None and now < webhook.former_until:
        return [webhook.secret, former]
    return [webhook.secret]


def _judged(status: int, retry_after: str | None) -> Attempt:
    if 200 <= status < 300:
        return Attempt(status, None)
    wait_s = float(retry_after) if retry_after is not None and retry_after.isascii() and retry_after.isdigit() else None
    return Attempt(status, f"answered {status}", wait_s)


class Deliveries:
    """Delivers to every webhook of the ledger until it is closed; other processes may do the same."""

    def __init__(self, ledger: Ledger, origin: str, *, waits_s: Sequence[float] = WAITS_S) -> None:
        self.ledger = ledger
        self.webhooks = Webhooks(ledger.recorder.datastore)
        self.sender = Sender(origin)
        self.waits_s = tuple(waits_s)
        self._lease = secrets.token_hex(8)
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, "webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Deliver in the background."""
        self._thread.start()

    def wake(self) -> None:
        """Something was appended, or a webhook was changed: look now."""
        self._wake.set()

    def close(self) -> None:
        """Finish what is being sent, and stop."""
        self._closed.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.shutdown()
        self.sender.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            try:
                free = AT_ONCE - len(self._busy)
                for webhook in self.webhooks.claim(self._lease, LEASE_S, free) if free > 0 else []:
                    with self._lock:
                        self._busy.add(webhook.id)
                    self._pool.submit(self._serve, webhook)
            except Unreachable as error:
                logger.info("webhooks wait for PostgreSQL: %s", error)
                self._closed.wait(RECONNECT_S)
            self._wake.wait(POLL_S)

    def _serve(self, webhook: Webhook) -> None:
        try:
            self.serve(webhook)
        except Unreachable as error:
            logger.info("webhook %s waits for PostgreSQL: %s", webhook.id, error)
        except Exception:
            logger.exception("webhook %s", webhook.id)
        finally:
            with self._lock:
                self._busy.discard(webhook.id)

    def serve(self, webhook: Webhook) -> None:
        """Deliver what there is to a webhook that this worker has claimed, until it fails or all is delivered."""
        position = webhook.position
        while not self._closed.is_set():
            head = self.ledger.recorder.head().position
            rows = self.ledger.recorder.page(position, PAGE_EVENTS, webhook.types, webhook.streams, upto=head)
            for row in rows:
                if self._closed.is_set() or not self._deliver(webhook, row):
                    return
                position = row.position
            if len(rows) < PAGE_EVENTS:
                # What nobody wanted is dealt with, too.
                if head > position and not self.webhooks.delivered(webhook.id, self._lease, LEASE_S, head, sent=False):
                    return
                break
        self.webhooks.release(webhook.id, self._lease)

    def _deliver(self, webhook: Webhook, row: StoredRow) -> bool:
        """Whether an event was taken, and the webhook is still ours."""
        attempt = self.sender.send_event(webhook, row.state)
        if attempt.error is None:
            return self.webhooks.delivered(webhook.id, self._lease, LEASE_S, row.position, sent=True)
        # Failures are counted since the last delivery; the count in hand is as old as the claim.
        failures = self.webhooks.find(webhook.id).failures
        wait_s = None if attempt.status == GONE else self._wait_s(failures, attempt.retry_after_s)
        self.webhooks.failed(webhook.id, self._lease, f"position {row.position}: {attempt.error}", wait_s)
        if wait_s is None:
            logger.warning("webhook %s is disabled: %s", webhook.id, attempt.error)
        return False

    def _wait_s(self, failures: int, asked_s: float | None) -> float | None:
        """How long to wait after one more failure than these; None: no longer."""
        if failures >= len(self.waits_s):
            return None
        wait_s = max(self.waits_s[failures], min(asked_s or 0.0, self.waits_s[-1]))
        return wait_s * (1 + JITTER * random.random())  # noqa: S311  # spreads load, hides nothing
