"""The Merkle tree over the events up to any position: in tiles up to the last checkpoint, in memory beyond."""

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from domain.merkle import (
    HASH_BYTES,
    Edge,
    Subtree,
    consistency_proof,
    edge_at,
    inclusion_proof,
    leaf_hash,
)
from domain.tiles import HEIGHT, WIDTH, Segment, TileReader, grown, subtrees
from service.log.storage import LogDamaged, LogStorage

#: Events read at once.
PAGE_EVENTS = 10_000
#: Leaves of what was just recorded that wait here, 32 bytes each; those beyond are read again from the ledger instead.
MOST_HANDED_EVENTS = 1 << 20
#: Tiles kept in memory, of up to 8 KiB each.
MOST_TILES = 1_024
#: Roots kept in memory.
MOST_ROOTS = 4_096


class BeyondTheTree(Exception):
    """A size that the ledger has not reached."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What the next checkpoint adds to the log."""

    #: The size that it follows.
    base: int
    size: int
    root: bytes
    segments: tuple[Segment, ...]


class Tree:
    """The tree as this process knows it; every method may be called from any thread."""

    def __init__(self, storage: LogStorage) -> None:
        self.storage = storage
        self._lock = threading.Lock()
        #: The tree at the last checkpoint that this process has seen.
        self._published = Edge()
        #: The hashes of the leaves beyond it, one after another, as far as they were needed.
        self._leaves = bytearray()
        #: The tree that was asked for last of those beyond it.
        self._newest = Edge()
        #: Each the first position, and the hashes of its leaf and those behind it, one after another.
        self._handed: deque[tuple[int, bytes]] = deque()
        self._handed_events = 0
        self._entrance = threading.Lock()
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._roots: OrderedDict[int, bytes] = OrderedDict()

    def hand_over(self, first: int, leaves: bytes) -> None:
        """Take the leaves of events that were committed just now: a tenth of the work of reading these again."""
        events = len(leaves) // HASH_BYTES
        with self._entrance:
            if self._handed_events + events > MOST_HANDED_EVENTS:
                self._handed.clear()
                self._handed_events = 0
            self._handed.append((first, leaves))
            self._handed_events += events

    def root_at(self, position: int) -> bytes:
        """The root over the events up to a position of the ledger."""
        with self._lock:
            root = self._roots.get(position)
            if root is None:
                root = self._roots[position] = self._edge_at(position).root
                if len(self._roots) > MOST_ROOTS:
                    self._roots.popitem(last=False)
            return root

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The proof that the event at a position is in the tree of a size."""
        with self._lock:
            return inclusion_proof(position - 1, size, self._subtrees(size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of size `new` begins with that of `old`; empty where there is nothing to prove."""
        with self._lock:
            return consistency_proof(old, new, self._subtrees(new)) if 0 < old < new else []

    def leaf(self, position: int) -> bytes:
        """The hash of the leaf of an event."""
        with self._lock:
            return self._subtrees(position)(0, position - 1)

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile of the last checkpoint that this process has seen."""
        with self._lock:
            return self._stored(self._published.size)(level, number)

    def advance(self, size: int, root: bytes) -> None:
        """Take note of a checkpoint; LogDamaged where it is not the one that the tiles or the events lead to."""
        with self._lock:
            if size <= self._published.size:
                return
            known = self._published.size + len(self._leaves) // HASH_BYTES
            edge = self._edge_at(size) if size <= known else edge_at(size, subtrees(self._stored(size)))
            if edge.root != root:
                raise LogDamaged(f"the tree of size {size} has not the root that its checkpoint says")
            del self._leaves[: (size - self._published.size) * HASH_BYTES]
            self._published = edge
            if self._newest.size < size:
                self._newest = edge

    def growth(self, size: int) -> Growth:
        """What a checkpoint of a size adds to the last one that this process has seen.

        LogDamaged where the stored tiles, with what they gain, do not lead to the root that the events lead to.
        """
        with self._lock:
            base = self._published.size
            segments = self._grown(size)
            self._newest = edge = self._grown_edge(size, segments)
            if edge_at(size, subtrees(self._overlaid(size, segments))) != edge:
                raise LogDamaged(f"the tiles of a tree of size {size} do not lead to its root")
            return Growth(base, size, edge.root, tuple(segments))

    def _grown_edge(self, size: int, segments: Sequence[Segment]) -> Edge:
        """The tree of a size from the last checkpoint's, without what is stored of its tiles.

        Tiles that are new and whole have been hashed already: their roots are what the level above gains.
        """
        base = self._published.size
        first, last = -(-base // WIDTH), size // WIDTH
        if first >= last:
            return self._published.extended(self._leaves_between(base, size))
        roots = b"".join([segment.hashes for segment in segments if segment.level == 1])
        edge = self._published.extended(self._leaves_between(base, first * WIDTH))
        edge = edge.extended(_cut(roots[(first - base // WIDTH) * HASH_BYTES :]), HEIGHT)
        return edge.extended(self._leaves_between(last * WIDTH, size))

    def _edge_at(self, position: int) -> Edge:
        if position < self._published.size:
            return edge_at(position, subtrees(self._stored(self._published.size)))
        self._extend(position)
        base = self._newest if self._published.size <= self._newest.size <= position else self._published
        edge = base.extended(self._leaves_between(base.size, position))
        if edge.size > self._newest.size:
            self._newest = edge
        return edge

    def _subtrees(self, size: int) -> Subtree:
        if size <= self._published.size:
            return subtrees(self._stored(self._published.size))
        return subtrees(self._overlaid(size, self._grown(size)))

    def _grown(self, size: int) -> list[Segment]:
        self._extend(size)
        base = self._published.size
        return grown(base, [self._leaves_joined(base, size)], self._stored(base))

    def _stored(self, size: int) -> TileReader:
        """The tiles of a tree of a size up to the last checkpoint's."""

        def tile(level: int, number: int) -> bytes:
            width = min(WIDTH, (size >> HEIGHT * level) - number * WIDTH)
            known = self._tiles.get((level, number), b"")
            if len(known) < width * HASH_BYTES:
                known = self._tiles[level, number] = self.storage.tile(level, number)
                if len(known) < width * HASH_BYTES:
                    raise LogDamaged(f"tile {number} of level {level} ends before a tree of size {size} does")
                if len(self._tiles) > MOST_TILES:
                    self._tiles.popitem(last=False)
            return known

        return tile

    def _overlaid(self, size: int, segments: Sequence[Segment]) -> TileReader:
        """The tiles with what they gain beyond the last checkpoint."""
        stored = self._stored(self._published.size)
        gained = {(segment.level, segment.number): segment for segment in segments}

        def tile(level: int, number: int) -> bytes:
            segment = gained.get((level, number))
            if segment is None:
                return stored(level, number)
            before = stored(level, number)[: segment.start * HASH_BYTES] if segment.start else b""
            return before + segment.hashes

        return tile

    def _leaves_between(self, old: int, new: int) -> list[bytes]:
        return _cut(self._leaves_joined(old, new))

    def _leaves_joined(self, old: int, new: int) -> bytes:
        base = self._published.size
        return bytes(self._leaves[(old - base) * HASH_BYTES : (new - base) * HASH_BYTES])

    def _extend(self, position: int) -> None:
        """Have the hashes of all leaves up to a position, of what was handed over and else of what the ledger holds."""
        while (known := self._published.size + len(self._leaves) // HASH_BYTES) < position:
            handed = self._handed_after(known)
            if handed:
                self._leaves += handed
                continue
            entries = self.storage.entries(known, min(PAGE_EVENTS, position - known))
            if not entries:
                raise BeyondTheTree(f"the ledger ends at position {known}, before {position}")
            self._leaves += b"".join([leaf_hash(entry) for entry in entries])

    def _handed_after(self, position: int) -> bytes:
        """The leaves handed over that come right after a position; nothing where other events come between."""
        with self._entrance:
            while self._handed:
                first, hashes = self._handed[0]
                if first > position + 1:
                    return b""
                self._handed.popleft()
                many = len(hashes) // HASH_BYTES
                self._handed_events -= many
                if first + many > position + 1:
                    return hashes[(position + 1 - first) * HASH_BYTES :]
        return b""


def _cut(hashes: bytes) -> list[bytes]:
    """Hashes that are written one after another, each by itself."""
    return [hashes[place : place + HASH_BYTES] for place in range(0, len(hashes), HASH_BYTES)]
