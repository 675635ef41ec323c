"""The first look: events, tiles and checkpoints read once, in step, noting where they part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from psycopg import Connection

from domain.merkle import HASH_BYTES, Edge
from domain.tiles import WIDTH
from service.verification.checkpoints import Keyring, Outside, SignedCheckpoint, stored_checkpoint
from service.verification.findings import FindingKind, Findings, LedgerFinding
from service.verification.growing import Upper, grown
from service.verification.reading import EventBlock, hashes_of, rows
from service.verification.reference import DecidedPositions, Reference
from service.verification.stored import Stored, StoredTile
from service.verification.workers import CHUNK, BlockReader, Chunk

#: Between two checkpoints, the differences of so many positions are tried either way: is it the event, or the tile?
TRIED_DIFFERENCES = 8
TRIED_EVENTS = 4_096
MOST_TRIALS = 64

#: The leaf hashes of a block's positions, those that are there.
Places = list[bytes | None]


@dataclass(slots=True)
class Survey:
    """What one reading of everything has shown."""

    stored: Stored
    connection: Connection[Any]
    keyring: Keyring
    outside: Outside
    findings: Findings
    #: The largest checkpoint in the database; None: there is none.
    largest: int | None
    #: Called with the events read so far.
    progress: Callable[[int], None]
    reference: Reference = field(init=False)
    upper: Upper = field(init=False)
    #: The first block in which anything is not as it should be; None: everything is.
    dirty: int | None = None
    #: Rows of events.
    events: int = 0
    #: In the database.
    checkpoints: int = 0
    #: Signed checkpoints that neither events nor tiles lead to.
    unmatched: list[SignedCheckpoint] = field(default_factory=list)
    #: The sizes of checkpoints from outside that they lead to.
    matched_outside: list[int] = field(default_factory=list)
    #: How far was read: the last position of the last block.
    end: int = 0
    _events_edge: Edge | None = field(default_factory=Edge)
    _tiles_edge: Edge | None = field(default_factory=Edge)
    _proven_edge: Edge = field(default_factory=Edge)
    #: Since the last proven size: where event and tile differ, and the event's hash.
    _differences: dict[int, bytes | None] = field(default_factory=dict)
    _too_many: bool = False
    _trials: int = 0
    _last_at: int | None = None

    def __post_init__(self) -> None:
        self.reference = Reference(self.stored)
        self.upper = Upper(self.stored, self.largest or 0, self.largest or 0)
        self._tiles_edge = self._events_edge = self._proven_edge

    def run(self, reader: BlockReader) -> None:
        """Read everything."""
        self.take_checkpoints(-1, 0)
        for (first, last), chunk in reader.chunks(chunks(self.stored)):
            tiles = self.stored.tiles(0, first, last)
            signed = self.take_checkpoints(first * WIDTH, (last + 1) * WIDTH)
            for block in chunk:
                self._take(block, tiles.get(block.number) or StoredTile(0, block.number), signed)
            self.progress(self.events)

    def take_checkpoints(self, after: int, upto: int) -> dict[int, list[SignedCheckpoint]]:
        """The checkpoints to rely on of sizes beyond one up to another, by size; what is wrong with others is noted."""
        signed: dict[int, list[SignedCheckpoint]] = {}
        sizes: set[int] = set()
        for row in self.stored.checkpoints(after, upto):
            self.checkpoints += 1
            sizes.add(row.size)
            read = stored_checkpoint(row, self.keyring)
            if isinstance(read, LedgerFinding):
                self.findings.add(read)
            else:
                signed.setdefault(row.size, []).append(read)
        for copy in self.outside.between(after, upto):
            if copy.size not in sizes:
                message = f"the checkpoint of size {copy.size:,}, kept in {copy.source}, is not in log_checkpoints"
                self.findings.add(LedgerFinding(FindingKind.CHECKPOINT, message, size=copy.size))
            signed.setdefault(copy.size, []).append(copy)
        return signed

    def _take(self, block: EventBlock, tile: StoredTile, signed: dict[int, list[SignedCheckpoint]]) -> None:  # noqa: C901, PLR0912 - one case for each thing that can be found
        first = block.number * WIDTH
        self.end = first + WIDTH
        leaves, hashes = block.leaves, bytes(tile.hashes)
        count = len(leaves) // HASH_BYTES
        covered = min(WIDTH, max(0, (self.largest or 0) - first)) * HASH_BYTES
        cuts = sorted(size for size in signed if first < size <= first + WIDTH)
        if block.in_order and not (leaves or hashes or covered or cuts or tile.fault):
            return
        if hashes:
            self.reference.upto = first + len(hashes) // HASH_BYTES
        # A block that is not full is the last one, or events are missing.
        whole = block.in_order and (self._events_edge is None or self._events_edge.size == first or not leaves)
        agreeing = leaves[: len(hashes)] == hashes and len(hashes) == covered and tile.fault is None
        forward = self._last_at is None or not leaves or block.first_at > self._last_at
        if not (whole and agreeing and forward) and self.dirty is None:
            # Where the last block before was not full, what is missing is missing from there on.
            reached = block.number if self._events_edge is None else self._events_edge.size // WIDTH
            self.dirty = min(block.number, reached)
        if leaves:
            self._last_at = block.last_at
        if self.dirty is None and covered == len(leaves) == WIDTH * HASH_BYTES:
            self.upper.add(block.root)
        own: Places = []
        if not block.in_order:
            own, count = self._by_place(first)
        self.events += count
        for edge in ("_events_edge", "_tiles_edge"):
            held: Edge | None = getattr(self, edge)
            if held is not None and held.size != first:
                setattr(self, edge, None)
        for start in tile.starts:
            if first + start <= (self.largest or 0) and first + start not in signed:
                self._missing_checkpoint(first + start)
        if block.in_order and leaves == hashes and not cuts and self._events_edge is self._tiles_edge:
            if self._events_edge is not None:
                self._events_edge = self._tiles_edge = grown(self._events_edge, leaves, block.root)
            return
        if block.in_order:
            own = list(hashes_of(leaves))
        self._walk(first, own, list(hashes_of(hashes)), cuts, signed)

    def _missing_checkpoint(self, size: int) -> None:
        rows_there = self.stored.checkpoints(size - 1, size)
        if not rows_there and not any(self.outside.between(size - 1, size)):
            message = f"the checkpoint of size {size:,} is gone: a row of the tiles begins where it ended"
            self.findings.add(LedgerFinding(FindingKind.CHECKPOINT, message, size=size))

    def _by_place(self, first: int) -> tuple[Places, int]:
        """The hashes of a block's events where they stand, and how many rows there are."""
        own: Places = []
        count = 0
        for row in rows(self.connection, first, first + WIDTH):
            count += 1
            place = row.place - first - 1
            own += [None] * (place + 1 - len(own))
            if own[place] is None:
                own[place] = row.leaf
        return own, count

    def _walk(
        self, first: int, own: Places, held: Places, cuts: list[int], signed: dict[int, list[SignedCheckpoint]]
    ) -> None:
        """Let both trees grow by a block, piece by piece, and hold them against the checkpoints between the pieces."""
        start = 0
        for cut in [*cuts, None]:
            end = WIDTH if cut is None else cut - first
            self._differ(first, own, held, range(start, min(end, max(len(own), len(held)))))
            shared = self._events_edge is self._tiles_edge and own[start:end] == held[start:end]
            self._events_edge = _extended(self._events_edge, own[start:end], end - start, last=cut is None)
            if shared:
                self._tiles_edge = self._events_edge
            else:
                self._tiles_edge = _extended(self._tiles_edge, held[start:end], end - start, last=cut is None)
            if cut is not None:
                self._decide(cut, signed[cut])
            start = end

    def _differ(self, first: int, own: Places, held: Places, among: range) -> None:
        """Note where events and tiles differ, as far as the log goes."""
        for place in among:
            position = first + place + 1
            event = own[place] if place < len(own) else None
            logged = place < len(held) or position <= (self.largest or 0)
            if not logged or event == (held[place] if place < len(held) else None):
                continue
            if len(self._differences) < TRIED_DIFFERENCES:
                self._differences[position] = event
            else:
                self._too_many = True

    def _decide(self, size: int, signed: list[SignedCheckpoint]) -> None:
        """Find out which of both trees a checkpoint proves."""
        roots = {checkpoint.root for checkpoint in signed}
        by_events, by_tiles = _leads_to(self._events_edge, size, roots), _leads_to(self._tiles_edge, size, roots)
        right = by_tiles or by_events
        single: dict[int, bytes] | None = None
        if right is None:
            right, single = self._tried(size, roots)
        if right is None:
            self.unmatched += signed
            return
        if by_tiles is None:
            if single is None and not self._too_many:
                single = {place: event for place, event in self._differences.items() if event is not None}
            self.reference.decided.append(DecidedPositions(self.reference.proven + 1, size, single))
        self.reference.proven = size
        self.reference.upto = max(self.reference.upto, size)
        self._events_edge = self._tiles_edge = self._proven_edge = right
        self._differences.clear()
        self._too_many = False
        for checkpoint in signed:
            if checkpoint.root != right.root:
                self.unmatched.append(checkpoint)
            elif checkpoint.outside:
                self.matched_outside.append(size)

    def _tried(self, size: int, roots: set[bytes]) -> tuple[Edge | None, dict[int, bytes] | None]:
        """Where some events and some tiles are wrong: the mixture of both that leads to the checkpoint."""
        first = self.reference.proven + 1
        if self._too_many or size - first >= TRIED_EVENTS or self._trials >= MOST_TRIALS:
            return None, None
        self._trials += 1
        places = [place for place, event in self._differences.items() if event is not None]
        held = [self.reference.in_tile(position) for position in range(first, size + 1)]
        choices = [(False, True) if held[place - first] is not None else (True,) for place in places]
        for by_event in product(*choices):
            mixture = list(held)
            for place, chosen in zip(places, by_event, strict=True):
                if chosen:
                    mixture[place - first] = self._differences[place]
            whole = [leaf for leaf in mixture if leaf is not None]
            edge = self._proven_edge.extended(whole)
            if len(whole) == len(mixture) and edge.root in roots:
                taken = (place for place, chosen in zip(places, by_event, strict=True) if chosen)
                return edge, {place: leaf for place in taken if (leaf := self._differences[place]) is not None}
        return None, None


def chunks(stored: Stored) -> Iterator[Chunk]:
    """Chunks of blocks where there is anything: a position far out does not make the way there long."""
    block = stored.next_block(0)
    while block is not None:
        yield block, block + CHUNK - 1
        block = stored.next_block(block + CHUNK)


def _extended(edge: Edge | None, piece: Places, width: int, *, last: bool) -> Edge | None:
    """A tree that goes on with a piece; None where leaves of it are not there. A block's last piece may be short."""
    if edge is None or (len(piece) != width and not last):
        return None
    leaves = [leaf for leaf in piece if leaf is not None]
    return None if len(leaves) != len(piece) else grown(edge, b"".join(leaves))


def _leads_to(edge: Edge | None, size: int, roots: set[bytes]) -> Edge | None:
    return edge if edge is not None and edge.size == size and edge.root in roots else None
