"""Delivering events to webhooks, in the background of a service."""

import asyncio
import logging
import queue
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook as Signer

from service.running.attempts import Pauses, RepeatedAttempts
from service.running.routines import Routine
from service.shapes.cloud_events import MEDIA_TYPE, source_of, structured
from service.storing.ledger import EventFilter, Ledger, StoredRow
from service.version import VERSION
from service.webhooks.addresses import Network
from service.webhooks.exchange import TIMEOUT_S, Exchange, Unanswered
from service.webhooks.registry import Due, RegisteredWebhook, UnknownWebhook, WebhookRegistry

logger = logging.getLogger(__name__)

#: After the nth failure in a row the next attempt waits for so long; after the last of them there is none: together
#: about three days, as the Standard Webhooks scheme has it.
WAITS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
#: Each wait is longer by up to this part, so that those who failed together do not come back together.
JITTER = 0.2
#: A worker that says nothing for so long has died, and another one takes over; an exchange is far shorter.
LEASE_S = 30.0
#: Webhooks that one process delivers to at the same time, and those of them at one host.
AT_ONCE = 8
AT_ONCE_PER_HOST = 2
#: After so long a webhook makes room for others that wait.
SLICE_S = 10.0
PAGE_EVENTS = 100
POLL_S = 1.0
#: After an error of ours, such as a database that is away.
PAUSES = Pauses(first_s=0.25, most_s=4.0)
#: An exchange under way is finished within its own time.
STOP_S = TIMEOUT_S + 10.0
#: The receiver says that it is gone for good.
GONE = 410


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
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


#: What is shown of an exchange without an answer, for any reason; the log has that.
NO_ANSWER = "there was no answer, or the address is not allowed: the service's log says which"


def in_words(error: str) -> str:
    """What is kept of a failure, in words for anybody: nothing of positions and addresses."""
    _, answered, status = error.rpartition("answered ")
    return f"it answered {status}" if answered and status.isdigit() else "there was no answer"


class Sender:
    """Sends single messages, signed."""

    def __init__(self, origin: str, networks: Sequence[Network] = (), timeout_s: float = TIMEOUT_S) -> None:
        """`networks`: where messages may be sent besides public addresses."""
        self.networks = tuple(networks)
        self._source = source_of(origin)
        self._exchange = Exchange(networks, timeout_s)

    def send_event(self, webhook: RegisteredWebhook, state: bytes) -> DeliveryAttempt:
        """Deliver one stored event as a CloudEvent; its own id is the message's, the same at each attempt."""
        body = structured(state, self._source)
        return asyncio.run(self.send(webhook, _names.decode(state).id, body))

    async def send(self, webhook: RegisteredWebhook, identifier: str, body: bytes) -> DeliveryAttempt:
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
            answered = await self._exchange.post(webhook.url, headers, body)
        except Unanswered as error:
            logger.info("webhook %s: %s", webhook.id, error)
            return DeliveryAttempt(None, NO_ANSWER)
        return _judged(answered.status, answered.retry_after)


def _secrets(webhook: RegisteredWebhook, now: datetime) -> list[str]:
    former = webhook.former_secret
    if former is not None and webhook.former_until is not None and now < webhook.former_until:
        return [webhook.secret, former]
    return [webhook.secret]


def _judged(status: int, retry_after: str | None) -> DeliveryAttempt:
    if 200 <= status < 300:
        return DeliveryAttempt(status, None)
    wait_s = float(retry_after) if retry_after is not None and retry_after.isascii() and retry_after.isdigit() else None
    return DeliveryAttempt(status, f"answered {status}", wait_s)


@dataclass
class _Trouble:
    """An error of ours over one webhook: tried again after a pause that grows."""

    attempts: RepeatedAttempts
    #: On the monotonic clock.
    until: float = field(default=0.0)


class Deliveries:
    """Delivers to every webhook of the ledger until it is closed; other processes may do the same."""

    def __init__(
        self, ledger: Ledger, origin: str, *, waits_s: Sequence[float] = WAITS_S, networks: Sequence[Network] = ()
    ) -> None:
        """`networks`: where messages may be sent besides public addresses."""
        self.ledger = ledger
        self.webhooks = WebhookRegistry(ledger.recorder.datastore)
        self.sender = Sender(origin, networks)
        self.waits_s = tuple(waits_s)
        self._lease = secrets.token_hex(8)
        self._wake = threading.Event()
        self._closed = threading.Event()
        #: Of each webhook that a worker has, where it is.
        self._busy: dict[str, str] = {}
        #: When each webhook that has something to be sent was served last: who waits longest comes first.
        self._served: dict[str, float] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._lock = threading.Lock()
        self._claimed: queue.SimpleQueue[RegisteredWebhook | None] = queue.SimpleQueue()
        self._dispatcher = Routine("webhooks", self._dispatch, restarts=True, wake=self._wake.set, pauses=PAUSES)
        self._workers = [Routine(f"webhook-{number}", self._work, restarts=True) for number in range(AT_ONCE)]

    @property
    def routines(self) -> tuple[Routine, ...]:
        """What works in the background: the last one gives out what the others do."""
        return (*self._workers, self._dispatcher)

    def start(self) -> None:
        """Deliver in the background; raises NotStarted where there are no threads for it."""
        for routine in self.routines:
            routine.start()

    def wake(self) -> None:
        """Something was appended, or a webhook was changed: look now."""
        self._wake.set()

    def begin_nothing_more(self) -> None:
        """Finish what is being sent, and send nothing behind it."""
        self._closed.set()
        self._dispatcher.stopping.set()
        self._wake.set()

    def close(self) -> None:
        """Finish what is being sent, and stop."""
        self._closed.set()
        self._dispatcher.stop(STOP_S)
        for worker in self._workers:
            worker.stopping.set()
        for _ in self._workers:
            self._claimed.put(None)
        for worker in self._workers:
            worker.stop(STOP_S)

    def _dispatch(self, routine: Routine) -> None:
        """Give out what there is to do; an error is logged, and this begins again after a pause."""
        while not routine.stopping.is_set():
            self._wake.clear()
            self._give_out()
            routine.alive()
            self._wake.wait(POLL_S)

    def _give_out(self) -> None:
        due = self.webhooks.due(self._lease)
        with self._lock:
            chosen = self._chosen(due)
        if not chosen:
            return
        claimed = self.webhooks.claim(self._lease, LEASE_S, len(chosen), among=[one.id for one in chosen])
        hosts = {one.id: one.host for one in chosen}
        now = time.monotonic()
        with self._lock:
            for webhook in claimed:
                self._busy[webhook.id] = hosts[webhook.id]
                self._served[webhook.id] = now
        for webhook in claimed:
            self._claimed.put(webhook)

    def _chosen(self, due: Sequence[Due]) -> list[Due]:
        """Those that are served next: none that is being served, and not too many of one host."""
        known = {one.id for one in due} | self._busy.keys()
        self._served = {identifier: at for identifier, at in self._served.items() if identifier in known}
        self._troubles = {identifier: one for identifier, one in self._troubles.items() if identifier in known}
        now = time.monotonic()
        hosts = Counter(self._busy.values())
        free = AT_ONCE - len(self._busy)
        chosen: list[Due] = []
        for one in sorted(due, key=lambda one: self._served.get(one.id, 0.0)):
            trouble = self._troubles.get(one.id)
            if one.id in self._busy or hosts[one.host] >= AT_ONCE_PER_HOST or (trouble and now < trouble.until):
                continue
            if len(chosen) == free:
                break
            hosts[one.host] += 1
            chosen.append(one)
        return chosen

    def _work(self, routine: Routine) -> None:
        while (webhook := self._claimed.get()) is not None:
            try:
                self.serve(webhook)
            except UnknownWebhook:
                pass  # it was removed meanwhile
            except Exception as error:
                self._in_trouble(webhook, error)
            else:
                with self._lock:
                    self._troubles.pop(webhook.id, None)
            finally:
                with self._lock:
                    self._busy.pop(webhook.id, None)
            routine.alive()
            # Others may wait for the place.
            self._wake.set()

    def _in_trouble(self, webhook: RegisteredWebhook, error: Exception) -> None:
        """What fails on our side is tried again, with the lease that we still have or a new one."""
        with self._lock:
            trouble = self._troubles.setdefault(webhook.id, _Trouble(RepeatedAttempts(f"webhook {webhook.id}", PAUSES)))
            trouble.until = time.monotonic() + trouble.attempts.failed(error)

    def serve(self, webhook: RegisteredWebhook) -> None:
        """Deliver what there is to a webhook that this worker has claimed, until it fails, all is delivered, or it has
        taken its share of the time.
        """
        position, wanted = webhook.position, EventFilter(webhook.types, webhook.streams)
        make_room_at = time.monotonic() + SLICE_S
        while not (self._closed.is_set() or time.monotonic() >= make_room_at):
            head = self.ledger.recorder.head().position
            rows = self.ledger.recorder.rows_after(position, PAGE_EVENTS, upto=head, wanted=wanted)
            for row in rows:
                if not self._deliver(webhook, row):
                    return
                position = row.position
                if self._closed.is_set() or time.monotonic() >= make_room_at:
                    break
            else:
                if len(rows) < PAGE_EVENTS:
                    # What is not wanted is dealt with, too.
                    if head > position:
                        self.webhooks.delivered(webhook.id, self._lease, LEASE_S, head, sent=False)
                    break
        self.webhooks.release(webhook.id, self._lease)

    def _deliver(self, webhook: RegisteredWebhook, row: StoredRow) -> bool:
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
