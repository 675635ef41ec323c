"""The keys that an identity provider publishes: fetched apart from requests, one fetch at a time, and not for ever."""

import asyncio
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import httpx2
import jwt

logger = logging.getLogger(__name__)

#: A key that is no longer published is trusted no longer than this, where the provider answers.
KEYS_KEPT_S = 300.0
#: A request that finds the keys older than this has them fetched anew, and does not wait for it.
RENEWED_S = 150.0
#: Where the provider does not answer, its last keys are trusted until they are so old; then its tokens are refused.
KEPT_WITHOUT_WORD_S = 900.0
#: The provider is asked no oftener than this: a failure is remembered, and an unknown key asked for, no oftener.
PAUSE_S = 30.0
#: The whole of a fetch takes no longer than this, and no request waits longer for one.
PATIENCE_S = 3.0
#: A set of keys has a few kilobytes.
MOST_BYTES = 256 * 1024

Keys = Mapping[str | None, Any]


class KeysUnreadable(Exception):
    """What should be a set of keys is none; the message says why."""


class Published(Protocol):
    """Where a provider's keys are."""

    def awaited(self, kid: str | None) -> "tuple[Future[None], float] | None":
        """What to wait for, and how many seconds at most, before a key is looked for; None: nothing."""

    def find(self, kid: str | None) -> Any:
        """The key of a name; jwt.InvalidKeyError where none is published, jwt.PyJWKClientConnectionError where that
        cannot be said just now.
        """


def read_keys(content: bytes, algorithm: str) -> Keys:
    """By their names, the keys of a JSON Web Key Set that sign with an algorithm; raises KeysUnreadable."""
    if len(content) > MOST_BYTES:
        raise KeysUnreadable(f"it has more than {MOST_BYTES} bytes")
    try:
        listed = json.loads(content)["keys"]
        said = [one for one in listed if one.get("use", "sig") == "sig" and one.get("alg", algorithm) == algorithm]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise KeysUnreadable(f"it is no set of keys: {type(error).__name__}") from None
    keys: dict[str | None, Any] = {}
    for one in said:
        # A key of another kind is not for us.
        with suppress(jwt.PyJWTError):
            keys[one.get("kid")] = jwt.PyJWK(one, algorithm).key
    if not keys:
        raise KeysUnreadable(f"it has no key that signs with {algorithm}")
    return keys


def _chosen(keys: Keys, kid: str | None) -> Any:
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    if kid not in keys:
        raise jwt.InvalidKeyError("it is signed with a key that is not published")
    return keys[kid]


class KeysOfUrl:
    """Keys that are fetched from the provider."""

    def __init__(self, url: str, algorithm: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._algorithm = algorithm
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._fetched_at = -math.inf
        self._tried_at = -math.inf
        #: The fetch under way.
        self._flight: Future[None] | None = None

    def awaited(self, kid: str | None) -> "tuple[Future[None], float] | None":
        """What to wait for, and how long at most; a fetch is begun where it is time for one."""
        with self._lock:
            now = self._clock()
            missing = kid not in self._keys and not (kid is None and len(self._keys) == 1)
            due = missing or now - self._fetched_at > RENEWED_S
            if due and self._flight is None and now - self._tried_at >= PAUSE_S:
                self._begin(now)
            if self._flight is None or not (missing or now - self._fetched_at > KEYS_KEPT_S):
                return None
            return self._flight, max(0.0, self._tried_at + PATIENCE_S - now)

    def find(self, kid: str | None) -> Any:
        """The key of a name, from the keys at hand."""
        with self._lock:
            said_since = self._tried_at <= self._fetched_at
            keys = self._keys if self._clock() - self._fetched_at <= KEPT_WITHOUT_WORD_S else {}
        try:
            return _chosen(keys, kid)
        except jwt.InvalidKeyError:
            if said_since and keys:
                raise
            raise jwt.PyJWKClientConnectionError("the provider does not answer") from None

    def _begin(self, now: float) -> None:
        self._tried_at = now
        self._flight = Future()
        try:
            # No routine: one fetch of at most PATIENCE_S, whose failure is remembered, and begun anew by who asks.
            threading.Thread(target=self._fly, args=(self._flight, now), name="provider-keys", daemon=True).start()
        except RuntimeError as error:  # no thread can be started just now
            logger.warning("the keys of the identity provider are not fetched: %s", error)
            self._flight = None

    def _fly(self, flight: "Future[None]", begun_at: float) -> None:
        keys: Keys | None = None
        try:
            keys = read_keys(asyncio.run(_fetched(self._url)), self._algorithm)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, KeysUnreadable) as error:
            logger.warning("the keys of the identity provider cannot be fetched: %s: %s", type(error).__name__, error)
        except Exception:
            logger.exception("the keys of the identity provider cannot be fetched")
        finally:
            with self._lock:
                if keys is not None:
                    self._keys, self._fetched_at = keys, begun_at
                self._flight = None
            flight.set_result(None)


async def _fetched(url: str) -> bytes:
    """What is published at an address; raises an error of httpx2, TimeoutError, or KeysUnreadable."""
    # A compressed answer could be without end.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    content = bytearray()
    async with (
        asyncio.timeout(PATIENCE_S),
        httpx2.AsyncClient(timeout=PATIENCE_S, headers=headers) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.status_code != 200:
            raise KeysUnreadable(f"{url} answers {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise KeysUnreadable(f"{url} answers with a compressed body, which was not asked for")
        async for part in answer.aiter_raw():
            content += part
            if len(content) > MOST_BYTES:
                raise KeysUnreadable(f"{url} answers more than {MOST_BYTES} bytes")
    return bytes(content)


class KeysOfFile:
    """Keys in a file, which is read again when it changes."""

    def __init__(self, path: Path, algorithm: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises KeysUnreadable where there are none."""
        self._path = path
        self._algorithm = algorithm
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._state: tuple[int, ...] = ()
        #: When the file was last seen whole.
        self._good_at = -math.inf
        if fault := self._refresh():
            raise KeysUnreadable(fault)

    def awaited(self, kid: str | None) -> "tuple[Future[None], float] | None":
        """Nothing is waited for."""
        return None

    def find(self, kid: str | None) -> Any:
        """The key of a name, as the file has it now."""
        with self._lock:
            if fault := self._refresh():
                logger.warning("the keys in %s cannot be read: %s", self._path, fault)
            # A file that is being replaced: the keys read before stay good for a while.
            if self._clock() - self._good_at > KEPT_WITHOUT_WORD_S:
                raise jwt.PyJWKClientConnectionError("the file of keys cannot be read")
            return _chosen(self._keys, kid)

    def _refresh(self) -> str | None:
        """Read the file where it has changed; what is wrong with it."""
        try:
            seen = self._path.stat()
            state = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
            if state != self._state:
                with self._path.open("rb") as file:
                    self._keys = read_keys(file.read(MOST_BYTES + 1), self._algorithm)
                self._state = state
        except (OSError, KeysUnreadable) as error:
            return str(error)
        self._good_at = self._clock()
        return None
