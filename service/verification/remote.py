"""Verifying any log laid out as C2SP tlog-tiles has it, from its files alone: checkpoint, tiles and entries."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from domain.merkle import HASH_BYTES, Edge, leaf_hash
from domain.notes import Checkpoint, NoteError, VerifierKey, parse_checkpoint, parse_note
from domain.tiles import WIDTH, Bundle, Tile, unpack_bundle
from service.log.signatures import verify
from service.verification.checkpoints import Keyring, Outside, named, read_file
from service.verification.findings import LISTED, Copies, FindingKind, Findings, LedgerFinding, listed
from service.verification.growing import grown
from service.verification.reading import hashes_of

#: Gives the file at a path below a log's address; None where there is none.
Fetch = Callable[[str], bytes | None]
#: Entries read, and entries there are.
OnProgress = Callable[[int, int], None]

LARGEST_BUNDLE_BYTES = WIDTH * (2 + 65_535)
TIMEOUT_S = 60.0


class LogUnreachable(Exception):
    """The log could not be read at all, which says nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What the verification of a log has looked at, and what it found."""

    origin: str
    keys: tuple[str, ...]
    #: Of the checkpoint.
    size: int
    #: Entries read.
    entries: int
    anchors: tuple[Copies, ...]
    findings: tuple[LedgerFinding, ...]
    more: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_object(self) -> dict[str, Any]:
        """For machines."""
        return {
            "verified": self.holds,
            "origin": self.origin,
            "keys": list(self.keys),
            "size": self.size,
            "entries": self.entries,
            "external_anchors": [copies.as_object() for copies in self.anchors],
            "findings": [finding.as_object() for finding in self.findings],
            "more_findings": self.more,
            "seconds": round(self.seconds, 3),
        }


def verify_log(
    fetch: Fetch,
    keys: Sequence[VerifierKey],
    anchors: Sequence[Path] = (),
    on_progress: OnProgress = lambda read, there: None,
) -> LogReport:
    """Read a log's checkpoint, every entry and every tile, and hold them against one another and against the keys.

    Raises LogUnreachable where there is nothing to read, OSError for a file of checkpoints.
    """
    started = time.monotonic()
    note = fetch("checkpoint")
    if note is None:
        raise LogUnreachable("there is no checkpoint at this address")
    try:
        opened = _opened(note, keys)
    except NoteError as error:
        finding = LedgerFinding(FindingKind.CHECKPOINT, f"the checkpoint cannot be relied on: {error}")
        return LogReport("", named(keys), 0, 0, (), (finding,), 0, time.monotonic() - started)
    outside = Outside()
    keyring = Keyring(opened.origin, tuple(keys))
    copies = tuple(outside.read(str(path), read_file(path), keyring) for path in anchors)
    reading = _Reading(fetch, opened, outside, on_progress)
    reading.run()
    found, more = listed(reading.findings.ordered())
    return LogReport(
        opened.origin,
        named(keys),
        opened.size,
        reading.entries,
        copies,
        found,
        more + reading.findings.more,
        time.monotonic() - started,
    )


def _opened(note: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    parsed = parse_note(note)
    verify(parsed, keys)
    return parse_checkpoint(parsed.text)


@dataclass(slots=True)
class _Reading:
    fetch: Fetch
    checkpoint: Checkpoint
    outside: Outside
    on_progress: OnProgress
    findings: Findings = field(default_factory=Findings)
    entries: int = 0
    #: The tree over the entries, and that over the hashes in the tiles; None where one of them is not there.
    _by_entries: Edge | None = field(default_factory=Edge)
    _by_tiles: Edge | None = field(default_factory=Edge)
    #: Entries whose hash is not that in the tile: index, and both hashes.
    _differing: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    #: Of each level above the leaves: the hashes of its last tile so far, and the tile's number.
    _upper: dict[int, bytearray] = field(default_factory=dict)
    _numbers: dict[int, int] = field(default_factory=dict)

    def run(self) -> None:
        """Read everything, block by block."""
        size = self.checkpoint.size
        self._by_tiles = self._by_entries
        for number in range(-(-size // WIDTH)):
            self._take(number, min(WIDTH, size - number * WIDTH))
            self.on_progress(self.entries, size)
            if len(self.findings.found) >= LISTED:
                break
        else:
            for level in sorted(self._upper):
                if self._upper[level]:
                    self._compare(level)
            self._conclude()
        self.findings.add(*self.outside.findings)

    def _take(self, number: int, width: int) -> None:
        first = number * WIDTH
        leaves = self._leaves(Bundle(number, width))
        held = self._hashes(Tile(0, number, width))
        if leaves is not None and held is not None and leaves != held:
            pairs = enumerate(zip(hashes_of(leaves), hashes_of(held), strict=True), start=first)
            self._differing += [(index, own, there) for index, (own, there) in pairs if own != there]
        start = 0
        copied = [size - first for size in sorted(self.outside.by_size) if first < size <= first + width]
        for cut in dict.fromkeys([*copied, width]):
            piece = slice(start * HASH_BYTES, cut * HASH_BYTES)
            self._grow(leaves and leaves[piece], held and held[piece])
            if cut in copied:
                self._hold_against_copies(first + cut)
            start = cut
        whole = leaves if leaves is not None else held
        if whole is not None and width == WIDTH:
            self._push(1, grown(Edge(), whole).root)

    def _grow(self, leaves: bytes | None, held: bytes | None) -> None:
        shared = self._by_entries is self._by_tiles and leaves == held
        before = self._by_tiles
        self._by_entries = None if self._by_entries is None or leaves is None else grown(self._by_entries, leaves)
        if shared:
            self._by_tiles = self._by_entries
        else:
            self._by_tiles = None if before is None or held is None else grown(before, held)

    def _leaves(self, bundle: Bundle) -> bytes | None:
        first, last = bundle.number * WIDTH, bundle.number * WIDTH + bundle.width - 1
        data = self._file(bundle.path, Bundle(bundle.number).path)
        if data is None:
            self._miss(f"{bundle.path} is missing, with entries {first:,} to {last:,}", first, last)
            return None
        try:
            entries = unpack_bundle(data)[: bundle.width]
            if len(entries) < bundle.width:
                raise ValueError(f"it holds {len(entries)} of {bundle.width}")
        except ValueError as error:
            self._miss(f"{bundle.path} does not hold entries {first:,} to {last:,}: {error}", first, last)
            return None
        self.entries += len(entries)
        return b"".join([leaf_hash(entry) for entry in entries])

    def _miss(self, message: str, first: int, last: int) -> None:
        self.findings.add(LedgerFinding(FindingKind.MISSING, message, first + 1, last + 1 if last > first else None))

    def _hashes(self, tile: Tile) -> bytes | None:
        data = self._file(tile.path, Tile(tile.level, tile.number).path)
        wanted = tile.width * HASH_BYTES
        if data is None:
            self.findings.add(LedgerFinding(FindingKind.TILE, f"{tile.path} is missing"))
            return None
        if len(data) < wanted or len(data) % HASH_BYTES:
            self.findings.add(LedgerFinding(FindingKind.TILE, f"{tile.path} has {len(data)} bytes, not {wanted}"))
            return None
        return data[:wanted]

    def _file(self, path: str, whole: str) -> bytes | None:
        """A file, or where it is partial and no longer kept the whole one that it became."""
        data = self.fetch(path)
        return self.fetch(whole) if data is None and whole != path else data

    def _push(self, level: int, node: bytes) -> None:
        tile = self._upper.setdefault(level, bytearray())
        tile += node
        if len(tile) == WIDTH * HASH_BYTES:
            self._compare(level)
            root = grown(Edge(), bytes(tile)).root
            self._numbers[level] = self._numbers.get(level, 0) + 1
            tile.clear()
            self._push(level + 1, root)

    def _compare(self, level: int) -> None:
        computed = bytes(self._upper[level])
        tile = Tile(level, self._numbers.get(level, 0), len(computed) // HASH_BYTES)
        held = self._hashes(tile)
        if held is not None and held != computed:
            both = zip(hashes_of(held), hashes_of(computed), strict=True)
            place = next(number for number, (there, right) in enumerate(both) if there != right)
            self.findings.add(
                LedgerFinding(FindingKind.TILE, f"{tile.path}: hash {place} is not what the entries lead to")
            )

    def _hold_against_copies(self, size: int) -> None:
        for copy in self.outside.by_size[size]:
            edges = [edge for edge in (self._by_entries, self._by_tiles) if edge is not None]
            if all(edge.root != copy.root for edge in edges):
                message = f"the checkpoint of size {size:,}, kept in {copy.source}, has another root than this log"
                self.findings.add(
                    LedgerFinding(FindingKind.REWRITTEN, message, 1, size if size > 1 else None, size=size)
                )

    def _conclude(self) -> None:
        """Hold both trees against the checkpoint, and with that say which of an entry and its hash is wrong."""
        size, root = self.checkpoint.size, self.checkpoint.root
        by_entries = self._by_entries is not None and self._by_entries.root == root
        by_tiles = self._by_tiles is not None and self._by_tiles.root == root
        for index, own, there in self._differing[: 2 * LISTED]:
            if by_entries:
                path = Tile(0, index // WIDTH).path
                message = f"{path}: hash {index % WIDTH} is {there.hex()}, and entry {index:,} hashes to {own.hex()}"
                self.findings.add(LedgerFinding(FindingKind.TILE, message, index + 1))
            else:
                undecided = "" if by_tiles else " (the checkpoint fits neither)"
                message = f"entry {index:,} was changed: it hashes to {own.hex()}, the log has {there.hex()}{undecided}"
                self.findings.add(LedgerFinding(FindingKind.CHANGED, message, index + 1))
        if not by_entries and not by_tiles and not self.findings.found:
            message = (
                f"the signed checkpoint of size {size:,} has the root {root.hex()}, and the entries lead to another"
            )
            self.findings.add(LedgerFinding(FindingKind.REWRITTEN, message, size=size))
        beyond = [copy for held in self.outside.by_size.values() for copy in held if copy.size > size]
        if beyond:
            last = max(beyond, key=lambda copy: copy.size)
            message = (
                f"truncated: the checkpoint of size {last.size:,}, kept in {last.source}, covers entries that this log"
                f" of size {size:,} does not have"
            )
            self.findings.add(LedgerFinding(FindingKind.TRUNCATED, message, size + 1, last.size, size=last.size))


def folder(path: Path) -> Fetch:
    """Reads a log that lies in a folder."""

    def fetch(name: str) -> bytes | None:
        try:
            return (path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise LogUnreachable(f"{path / name}: {error.strerror}") from None

    return fetch


def served(client: httpx2.Client, base: str) -> Fetch:
    """Reads a log that is served over HTTP."""

    def fetch(name: str) -> bytes | None:
        address = f"{base.rstrip('/')}/{name}"
        try:
            answer = client.get(address)
        except httpx2.HTTPError as error:
            raise LogUnreachable(f"{address}: {error}") from None
        if answer.status_code in (404, 410):
            return None
        if answer.status_code != 200:
            raise LogUnreachable(f"{address}: HTTP {answer.status_code}")
        if len(answer.content) > LARGEST_BUNDLE_BYTES:
            raise LogUnreachable(f"{address}: {len(answer.content):,} bytes, more than any file of a log has")
        return answer.content

    return fetch


def is_address(text: str) -> bool:
    """Whether a log is named by where it is served rather than by a folder."""
    return urlsplit(text).scheme in ("http", "https")
