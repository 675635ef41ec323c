"""Access tokens: made, listed and revoked; each is shown once and kept as a digest alone."""

import hashlib
import hmac
import math
import re
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from psycopg.rows import class_row

from service.postgres.statements import statements_of
from service.storing.ledger import LedgerDatastore

Role = Literal["viewer", "recorder", "auditor", "admin"]

#: What every token begins with, so that scanners of leaked secrets can recognise one.
PREFIX = "daybook_"
ID_BYTES = 8
FORM_OF_ID = f"[0-9a-f]{{{2 * ID_BYTES}}}"
SECRET_BYTES = 32
#: A token that was looked up is trusted for so long: a revocation is felt everywhere within this time.
TRUSTED_S = 5.0
#: The last use is kept no finer than this.
USE_NOTED = timedelta(minutes=1)
#: Tokens remembered between requests; and ids of no token, apart, so that invented ones displace none.
MOST_REMEMBERED = 10_000
MOST_UNKNOWN = 1_000

SQL = statements_of(__file__)


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its secret."""

    id: str
    digest: bytes
    name: str
    role: Role
    created_at: datetime
    #: None: never
    expires_at: datetime | None
    #: None: not yet
    last_used_at: datetime | None
    #: None: in force
    revoked_at: datetime | None

    @property
    def actor(self) -> str:
        """The opaque id that events recorded with it carry."""
        return f"token:{self.id}"


class TokenRefused(Exception):
    """The token is not let in; the message says why, to its holder."""


class UnknownToken(Exception):
    """There is no token with this id."""


def digest(token: str) -> bytes:
    """The form in which tokens are kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def id_of(token: str) -> str | None:
    """The public part of a token of ours; None: it is not one."""
    if not token.startswith(PREFIX):
        return None
    identifier, separator, secret = token[len(PREFIX) :].partition("_")
    return identifier if separator and secret and re.fullmatch(FORM_OF_ID, identifier) else None


class Tokens:
    """The tokens of one ledger; every method may be called from any thread."""

    def __init__(self, datastore: LedgerDatastore) -> None:
        self._datastore = datastore
        self._remembered: dict[str, tuple[Token, float]] = {}
        #: Ids of no token, and when that was seen.
        self._unknown: dict[str, float] = {}
        self._lock = threading.Lock()

    def create(self, name: str, role: Role, expires_at: datetime | None = None) -> tuple[Token, str]:
        """Make a token; its text is in this answer and nowhere else. ValueError: it would have expired already."""
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise ValueError(f"the token would have expired already, at {expires_at}")
        identifier = secrets.token_hex(ID_BYTES)
        text = f"{PREFIX}{identifier}_{secrets.token_urlsafe(SECRET_BYTES)}"
        with self._datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Token))
            made = cursor.execute(SQL["create"], (identifier, digest(text), name, role, expires_at)).fetchone()
        assert made is not None
        return made, text

    def all(self) -> list[Token]:
        """Every token there ever was, in the order in which they were made."""
        with self._datastore.get_connection() as connection:
            return connection.cursor(row_factory=class_row(Token)).execute(SQL["all"]).fetchall()

    def revoke(self, identifier: str) -> Token:
        """Let a token in no more; one revoked before stays as it is. Raises UnknownToken."""
        with self._datastore.get_connection() as connection:
            found = connection.cursor(row_factory=class_row(Token)).execute(SQL["revoke"], (identifier,)).fetchone()
        self._remembered.pop(identifier, None)
        if found is None:
            raise UnknownToken(f"there is no token {identifier}")
        return found

    def remembered(self, text: str) -> Token | None:
        """The token with this text, where that is known without asking the database; raises TokenRefused.

        None: ask `admit`.
        """
        found, at = self._remembered.get(id_of(text) or "", (None, 0.0))
        if found is None or time.monotonic() - at > TRUSTED_S:
            return None
        _refuse_unless_in_force(found, text)
        return found

    def met(self, text: str) -> bool:
        """Whether the token with this text was one, however long ago."""
        found, _ = self._remembered.get(id_of(text) or "", (None, 0.0))
        return found is not None and hmac.compare_digest(found.digest, digest(text))

    def admit(self, text: str) -> Token:
        """The token with this text, asking the database; raises TokenRefused."""
        identifier = id_of(text) or ""
        found, at = self._remembered.get(identifier, (None, -math.inf))
        missed_at = self._unknown.get(identifier, -math.inf)
        if time.monotonic() - max(at, missed_at) > TRUSTED_S:
            found = self._look_up(identifier)
            self._remember(identifier, found)
        if found is None:
            raise TokenRefused("the token is not known here")
        _refuse_unless_in_force(found, text)
        if found.last_used_at is None or datetime.now(UTC) - found.last_used_at > USE_NOTED:
            self._note_use(identifier)
        return found

    def _look_up(self, identifier: str) -> Token | None:
        with self._datastore.get_connection() as connection:
            return connection.cursor(row_factory=class_row(Token)).execute(SQL["one"], (identifier,)).fetchone()

    def _note_use(self, identifier: str) -> None:
        with self._datastore.get_connection() as connection:
            connection.execute(SQL["note-use"], (identifier,))
        self._remember(identifier, self._look_up(identifier))

    def _remember(self, identifier: str, token: Token | None) -> None:
        with self._lock:
            if token is None:
                self._remembered.pop(identifier, None)
                if len(self._unknown) >= MOST_UNKNOWN:
                    self._unknown.clear()
                self._unknown[identifier] = time.monotonic()
                return
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._unknown.pop(identifier, None)
            self._remembered[identifier] = (token, time.monotonic())


def _refuse_unless_in_force(token: Token, text: str) -> None:
    if not hmac.compare_digest(token.digest, digest(text)):
        raise TokenRefused("the token is not known here")
    if token.revoked_at is not None:
        raise TokenRefused("the token was revoked")
    if token.expires_at is not None and token.expires_at <= datetime.now(UTC):
        raise TokenRefused(f"the token expired at {token.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
