"""What an archive says of itself: its ranges, each with what proves it, and where its checkpoints are."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.merkle import Edge
from domain.notes import read_base64, write_base64

FORMAT = "daybook-archive/1"
MANIFEST = "manifest.json"
CHECKPOINTS = "checkpoints.ndjson"
SHA256 = re.compile(r"[0-9a-f]{64}")


class BadArchive(Exception):
    """An archive is not what it claims to be; the message names the file."""


@dataclass(frozen=True, slots=True)
class Range:
    """One file of events."""

    first_position: int
    last_position: int
    count: int
    #: Of the file.
    sha256: str
    #: Base64: the root of the log over all events up to the last of the range ...
    root_hash: str
    #: ... and the perfect subtrees that it is made of, largest first, so that an archive can go on from here.
    edge: tuple[str, ...]
    #: Whether the file will never change again; only the last range may not be.
    sealed: bool

    @property
    def file(self) -> str:
        """The file's name."""
        return f"events-{self.first_position:012d}-{self.last_position:012d}.parquet"

    @property
    def tree(self) -> Edge:
        """The tree over all events up to the last of the range."""
        return Edge(self.last_position, tuple(read_base64(root) for root in self.edge))

    @classmethod
    def of(cls, first: int, tree: Edge, sha256: str, *, sealed: bool) -> "Range":
        """The range from a position up to a tree's size."""
        edge = tuple(map(write_base64, tree.roots))
        return cls(first, tree.size, tree.size - first + 1, sha256, write_base64(tree.root), edge, sealed)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole archive."""

    origin: str
    #: When the ledger was made, as its database says, UTC: with the origin it identifies this ledger.
    created_at: str
    events_per_file: int
    #: In order, without gaps; none for an empty ledger.
    ranges: tuple[Range, ...]
    checkpoints: int
    checkpoints_sha256: str

    @property
    def position(self) -> int:
        """The last event."""
        return self.ranges[-1].last_position if self.ranges else 0

    @property
    def sealed(self) -> tuple[Range, ...]:
        """The ranges that never change again."""
        return tuple(one for one in self.ranges if one.sealed)

    @property
    def made_at(self) -> datetime:
        """`created_at` as an instant."""
        return datetime.fromisoformat(self.created_at)

    def encode(self) -> bytes:
        """The manifest as its file holds it."""
        ranges = [{"file": one.file, **asdict(one)} for one in self.ranges]
        head = {"format": FORMAT, "origin": self.origin, "created_at": self.created_at, "position": self.position}
        fields = {
            **head,
            "events_per_file": self.events_per_file,
            "ranges": ranges,
            "checkpoints": {"file": CHECKPOINTS, "count": self.checkpoints, "sha256": self.checkpoints_sha256},
        }
        return json.dumps(fields, ensure_ascii=False, indent=1).encode() + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; BadArchive says what is wrong with it, FileNotFoundError that there is none."""
    path = folder / MANIFEST
    text = path.read_bytes()
    try:
        return _parsed(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else error
        raise BadArchive(f"{path}: {what}") from None


def _parsed(fields: dict[str, Any]) -> Manifest:
    if fields["format"] != FORMAT:
        raise ValueError(f"is of format {fields['format']!r:.40}, not {FORMAT}")
    ranges = tuple(_range(one) for one in fields["ranges"])
    expected = 1
    for place, one in enumerate(ranges, start=1):
        if one.first_position != expected or one.count != one.last_position - expected + 1 or one.count < 1:
            raise ValueError(f"range {place} is of {one.count} events from {one.first_position} to {one.last_position}")
        if not one.sealed and place < len(ranges):
            raise ValueError(f"range {place} is not sealed, and others follow it")
        expected = one.last_position + 1
    kept = fields["checkpoints"]
    manifest = Manifest(
        _text(fields["origin"]),
        _text(fields["created_at"]),
        _whole(fields["events_per_file"]),
        ranges,
        _whole(kept["count"]),
        _digest(kept["sha256"]),
    )
    if manifest.made_at.tzinfo is None:
        raise ValueError("created_at does not say its time zone")
    if manifest.events_per_file < 1 or fields["position"] != manifest.position:
        raise ValueError(f"position is {fields['position']!r:.40}, and the ranges end at {manifest.position}")
    return manifest


def _range(fields: dict[str, Any]) -> Range:
    first, last, count = (_whole(fields[name]) for name in ("first_position", "last_position", "count"))
    if not isinstance(fields["sealed"], bool):
        raise TypeError(f"sealed is {fields['sealed']!r:.40}")
    edge = tuple(_text(root) for root in fields["edge"])
    read = Range(first, last, count, _digest(fields["sha256"]), _text(fields["root_hash"]), edge, fields["sealed"])
    if fields["file"] != read.file:
        raise ValueError(f"the range to {read.last_position} is in the file {fields['file']!r:.80}, not in {read.file}")
    if write_base64(read.tree.root) != read.root_hash:
        raise ValueError(f"{read.file}: the edge does not make the root {read.root_hash}")
    return read


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r:.40} is not a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r:.40} is not a text")
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not SHA256.fullmatch(value):
        raise ValueError(f"{value!r:.80} is not a SHA-256 in hexadecimal digits")
    return value
