"""The webhooks of one ledger: made, listed, paused, set back, removed."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from psycopg.rows import class_row

from service.postgres.statements import statements_of
from service.recording.commands import KeyReused
from service.recording.idempotency import keep_answers, recall
from service.recording.receipts import IdempotencyKey
from service.storing.ledger import LedgerDatastore

Status = Literal["active", "paused", "disabled"]

ID_BYTES = 8
SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  # the scheme's own mark, no secret
#: For so long what is sent is signed with the secret before as well, once a new one was made.
OVERLAP_HOURS = 24
#: Longer errors are cut: they come from others.
LONGEST_ERROR = 500

SQL = statements_of(__file__)


@dataclass(frozen=True, slots=True)
class RegisteredWebhook:
    """Where events are sent, which, and how far."""

    id: str
    url: str
    secret: str
    former_secret: str | None
    former_until: datetime | None
    #: Empty: all.
    types: list[str]
    streams: list[str]
    created_at: datetime
    status: Status
    #: Everything up to here was delivered, or is not wanted.
    position: int
    #: Attempts that failed since the last delivery.
    failures: int
    retry_at: datetime | None
    last_error: str | None
    last_delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """A webhook that has something to be sent just now."""

    id: str
    url: str

    @property
    def host(self) -> str:
        """Whom it shares a machine with."""
        try:
            return urlsplit(self.url).hostname or self.url
        except ValueError:
            return self.url


class UnknownWebhook(Exception):
    """There is no webhook with this id."""


def new_secret() -> str:
    """A secret of the Standard Webhooks scheme."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class WebhookRegistry:
    """Reads and changes the webhooks of one ledger; every method may be called from any thread."""

    def __init__(self, datastore: LedgerDatastore) -> None:
        self._datastore = datastore

    def create(
        self, url: str, types: Sequence[str], streams: Sequence[str], after: int, key: IdempotencyKey | None = None
    ) -> RegisteredWebhook:
        """Send a URL the events behind a position; KeyTaken where something was made under the key before."""
        identifier = secrets.token_hex(ID_BYTES)
        values = (identifier, url, new_secret(), list(types), list(streams), after)
        with self._datastore.get_connection() as connection, connection.transaction():
            connection.execute(SQL["create"], values)
            keep_answers(connection, [] if key is None else [(key, {"webhook": identifier})])
        return self.find(identifier)

    def made_before(self, key: IdempotencyKey) -> RegisteredWebhook | None:
        """The webhook that was made under a key; None: nothing was. Raises KeyReused, UnknownWebhook (removed)."""
        kept = recall(self._datastore, [key]).get(key[:2])
        if kept is None:
            return None
        if kept.fingerprint != key.fingerprint:
            raise KeyReused.of(key)
        return self.find(kept.receipt.answered_before["webhook"])

    def all(self) -> list[RegisteredWebhook]:
        """Every webhook, in the order in which they were made."""
        with self._datastore.get_connection() as connection:
            return connection.cursor(row_factory=class_row(RegisteredWebhook)).execute(SQL["all"]).fetchall()

    def find(self, identifier: str) -> RegisteredWebhook:
        """One webhook; raises UnknownWebhook."""
        with self._datastore.get_connection() as connection:
            found = (
                connection.cursor(row_factory=class_row(RegisteredWebhook))
                .execute(SQL["one"], (identifier,))
                .fetchone()
            )
        if found is None:
            raise UnknownWebhook(f"there is no webhook {identifier}")
        return found

    def set_status(self, identifier: str, status: Status, key: IdempotencyKey | None = None) -> RegisteredWebhook:
        """Pause it, or let it go on where it was, as if nothing had failed."""
        return self._one("set-status", (status, identifier), identifier, key)

    def set_back(self, identifier: str, after: int, key: IdempotencyKey | None = None) -> RegisteredWebhook:
        """Send it again everything behind a position; a delivery under way is given up."""
        return self._one("set-back", (after, identifier), identifier, key)

    def rotate(self, identifier: str, key: IdempotencyKey | None = None) -> RegisteredWebhook:
        """Sign with a new secret from now on, and for a day with the one before as well."""
        return self._one("rotate", (new_secret(), OVERLAP_HOURS, identifier), identifier, key)

    def remove(self, identifier: str) -> None:
        """Send it nothing more; raises UnknownWebhook."""
        self._one("remove", (identifier,), identifier)

    def _one(
        self, block: str, values: tuple[object, ...], identifier: str = "", key: IdempotencyKey | None = None
    ) -> RegisteredWebhook:
        with self._datastore.get_connection() as connection, connection.transaction():
            found = connection.cursor(row_factory=class_row(RegisteredWebhook)).execute(SQL[block], values).fetchone()
            keep_answers(connection, [] if key is None else [(key, {"webhook": identifier})])
        if found is None:
            raise UnknownWebhook(f"there is no webhook {identifier}")
        return found

    def tried(self, key: IdempotencyKey, outcome: Mapping[str, Any]) -> None:
        """Keep how a trial went that was asked for under a key; KeyTaken where another one was."""
        with self._datastore.get_connection() as connection, connection.transaction():
            keep_answers(connection, [(key, {"outcome": outcome})])

    def tried_before(self, key: IdempotencyKey) -> Mapping[str, Any] | None:
        """How the trial went that was asked for under a key; None: none was. Raises KeyReused."""
        kept = recall(self._datastore, [key]).get(key[:2])
        if kept is not None and kept.fingerprint != key.fingerprint:
            raise KeyReused.of(key)
        return None if kept is None else dict(kept.receipt.answered_before["outcome"])

    # What a worker does; a lease that was lost answers False, and the worker leaves the webhook alone.

    def due(self, lease: str) -> list[Due]:
        """What a worker may claim: webhooks that have something to be sent and no lease just now, or its own."""
        with self._datastore.get_connection() as connection:
            return connection.cursor(row_factory=class_row(Due)).execute(SQL["claimable"], {"lease": lease}).fetchall()

    def claim(
        self, lease: str, lease_s: float, limit: int, *, among: Sequence[str] | None = None
    ) -> list[RegisteredWebhook]:
        """Webhooks that have something to be sent and no lease just now, now this worker's.

        `among`: these alone. What the worker holds a lease of already it claims again only where it names them: it
        does not serve them, then.
        """
        values = {
            "lease": None if among is None else lease,
            "new_lease": lease,
            "lease_s": lease_s,
            "among": None if among is None else list(among),
            "limit": limit,
        }
        with self._datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=class_row(RegisteredWebhook))
            return cursor.execute(SQL["claim"], values).fetchall()

    def delivered(self, identifier: str, lease: str, lease_s: float, position: int, *, sent: bool) -> bool:
        """Keep that everything up to a position is dealt with, and hold the lease on."""
        return self._held("delivered", (position, sent, lease_s, identifier, lease))

    def failed(self, identifier: str, lease: str, error: str, wait_s: float | None) -> bool:
        """Keep that an attempt failed, and try again after a while; None: never, it is disabled."""
        return self._held("failed", (error[:LONGEST_ERROR], wait_s, wait_s, identifier, lease))

    def release(self, identifier: str, lease: str) -> bool:
        """Leave a webhook to the next worker."""
        return self._held("release", (identifier, lease))

    def _held(self, block: str, values: tuple[object, ...]) -> bool:
        with self._datastore.get_connection() as connection:
            return connection.execute(SQL[block], values).rowcount == 1
