"""What one row of the table of hostile inputs says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

NDJSON = "application/x-ndjson"
JSON = "application/json"
#: What takes less than this is not looked at: the service has other things to do meanwhile, and a machine may be noisy.
FLOOR_S = 0.8
#: Every input may take so much memory: buffers, and what an allocator keeps.
FLOOR_MB = 60


@dataclass(frozen=True)
class Request:
    """One request of HTTP."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether it brings the admin's token along.
    admitted: bool = True


@dataclass(frozen=True)
class Wire:
    """Bytes as they go over a connection, whatever they are."""

    data: bytes


@dataclass(frozen=True)
class Upload:
    """A file to import, awaited to its end."""

    file: bytes
    #: Parameters: format, mapping, ...
    asked: Mapping[str, str] = field(default_factory=dict)
    #: A mapping to keep under the name before.
    mapping: bytes | None = None


Sent = Request | Wire | Upload


@dataclass(frozen=True)
class Answer:
    """What came of it."""

    #: Of an import that was taken: what its state stands for, 201 done and 422 anything else.
    status: int
    said: str


@dataclass(frozen=True)
class Hostile:
    """One hostile input."""

    name: str
    #: Makes it.
    made: Callable[[], Sent]
    #: Makes a harmless one of the same size, by whose processor time it is judged.
    harmless: Callable[[], Sent]
    #: One of these statuses is answered; 0: the connection is closed without a word.
    statuses: tuple[int, ...]
    #: A word of the answer.
    says: str = ""
    #: By how much the service's memory may grow at most, its children's included.
    grows_mb: int = FLOOR_MB
    #: How many times the processor time of the harmless one it may take.
    costs: float = 4.0
    #: What must be there first.
    before: Callable[[Any], None] | None = None


def padded(size: int, method: str = "POST", path: str = "/api/v1/events", **headers: str) -> Callable[[], Sent]:
    """A body of so many bytes in which nothing stands but an empty list: read, and refused for what it lacks."""
    return lambda: Request(method, path, b"[" + b" " * size + b"]", {"Content-Type": JSON, **headers})


def plain(path: str = "/api/v1/events?limit=1", **headers: str) -> Callable[[], Sent]:
    """A question that everybody asks."""
    return lambda: Request("GET", path, headers=headers)


def blank_lines(size: int) -> Callable[[], Sent]:
    """A file of so many bytes with lines on which nothing stands, and an event that is refused."""
    return lambda: Upload(b"{}\n" + (b" " * 99 + b"\n") * (size // 100), {"format": "ndjson"})
