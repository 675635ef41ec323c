"""One request and what its answer is read into, without any sending."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec

from service.client.problems import NotUnderstood, refusal

Answer = TypeVar("Answer")

API = "/api/v1"
JSON = "application/json"
NDJSON = "application/x-ndjson"

#: Headers of a request, or of an answer by lower-case names.
Headers = Mapping[str, str]
Read = Callable[[int, Headers, bytes], Answer]
Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request."""

    method: str
    path: str
    #: Makes something of an answer below 400.
    read: Read[Answer]
    query: Query = ()
    headers: Headers = field(default_factory=dict)
    body: bytes | None = None
    #: Whether it may be sent again when it is not known what became of it: it reads, or it has an idempotency key.
    repeatable: bool = True
    #: Whether the answer depends on how far the views are.
    of_views: bool = False

    def answered(self, status: int, headers: Headers, body: bytes) -> Answer:
        """What an answer says; ClientError where it is a refusal, or nothing that is known."""
        if status >= 400:
            raise refusal(status, headers, body)
        try:
            return self.read(status, headers, body)
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            raise NotUnderstood(f"{self.method} {self.path} was answered {status}: {error}") from error

    def having(self, position: int) -> "Call[Answer]":
        """The call, asking for a position to be in the answer, unless it says by itself of what moment it is."""
        named = {name for name, _ in self.query}
        if not self.of_views or position == 0 or named & {"position", "recorded_at", "min_position", "cursor"}:
            return self
        return replace(self, query=(*self.query, ("min_position", str(position))))


def reading(kind: type[Answer]) -> Read[Answer]:
    """Reads a JSON answer into its type."""
    decoder = msgspec.json.Decoder(kind)
    return lambda status, headers, body: decoder.decode(body)


def nothing(status: int, headers: Headers, body: bytes) -> None:
    """Reads an answer that says nothing."""


def text(status: int, headers: Headers, body: bytes) -> str:
    """Reads text."""
    return body.decode()


def content(status: int, headers: Headers, body: bytes) -> bytes:
    """Reads bytes."""
    return body


def plain(value: Any) -> Any:
    """A value as JSON that the service takes: decimals and days as text. TypeError for a float: none is exact."""
    if isinstance(value, bool | str | int) or value is None:
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [plain(one) for one in value]
    raise TypeError(f"{value!r} is no value of an event: figures are Decimal or text, days are date or text")


def encoded(value: Any) -> bytes:
    """A value as a body."""
    return msgspec.json.encode(plain(value))


def queried(asked: Mapping[str, Any]) -> Query:
    """The parameters of a question; None is not asked, and several values are several times the parameter."""
    found: list[tuple[str, str]] = []
    for name, value in asked.items():
        several = value if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str) else [value]
        found += [(name, _word(one)) for one in several if one is not None]
    return tuple(found)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(plain(value))


def segment(identifier: str) -> str:
    """An id as a part of a path."""
    return quote(identifier, safe="")


def keyed(idempotency_key: str | None, if_match: str | int | None = None) -> dict[str, str]:
    """The headers of a request that records: under a key of its own, and on a condition where one is given."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid4()), "Content-Type": JSON}
    if if_match is not None:
        headers["If-Match"] = f'"{if_match}"' if isinstance(if_match, int) else if_match
    return headers
