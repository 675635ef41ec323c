"""The tree as it grows block by block, its roots at the sizes of checkpoints, and its tiles of the higher levels."""

from domain.merkle import HASH_BYTES, Edge, subtree_root
from domain.tiles import HEIGHT, WIDTH
from service.verification.findings import FindingKind, LedgerFinding, places
from service.verification.reading import hashes_of
from service.verification.stored import Stored, StoredTile

BLOCK_BYTES = WIDTH * HASH_BYTES


def grown(edge: Edge, leaves: bytes, root: bytes = b"") -> Edge:
    """A tree with these leaves after its own; a whole block of them at once where the tree ends with a block.

    `root` is that of a whole block, where it is known.
    """
    if len(leaves) == BLOCK_BYTES and edge.size % WIDTH == 0:
        of_blocks = Edge(edge.size >> HEIGHT, edge.roots).extended([root or subtree_root(leaves)])
        return Edge(of_blocks.size << HEIGHT, of_blocks.roots)
    return edge.extended(hashes_of(leaves))


class Upper:
    """The tiles above the leaves, computed from whole blocks and held against those that are stored."""

    def __init__(self, stored: Stored, least: int, most: int) -> None:
        """The stored tiles must reach a tree of size `least`, and may reach one of size `most`."""
        self._stored = stored
        self._least, self._most = least, most
        self._open: dict[int, bytearray] = {}
        self._numbers: dict[int, int] = {}
        self.findings: list[LedgerFinding] = []

    def add(self, root: bytes) -> None:
        """Take in the root of the next whole block."""
        self._push(1, root)

    def _push(self, level: int, node: bytes) -> None:
        tile = self._open.setdefault(level, bytearray())
        tile += node
        if len(tile) == BLOCK_BYTES:
            self._compare(level)
            self._push(level + 1, subtree_root(bytes(tile)))
            self._numbers[level] = self._numbers.get(level, 0) + 1
            tile.clear()

    def finish(self) -> None:
        """Compare the tiles that are not full, and look for any that should not be there."""
        for level, tile in self._open.items():
            if tile:
                self._compare(level)
        counts = {level: -(-(self._most >> HEIGHT * level) // WIDTH) for level in range(9)}
        counts[0] = 1 << 62  # those of the leaves are compared with the events
        for level, number in self._stored.stray_tiles(counts):
            message = (
                f"the tile of level {level}, number {number:,} is stored, and a tree of {self._most:,} has none there"
            )
            self.findings.append(LedgerFinding(FindingKind.TILE, message))

    def _compare(self, level: int) -> None:
        number, computed = self._numbers.get(level, 0), bytes(self._open[level])
        needed = min(WIDTH, max(0, (self._least >> HEIGHT * level) - number * WIDTH))
        tile = self._stored.tiles(level, number, number).get(number) or StoredTile(level, number)
        held = bytes(tile.hashes)
        for place, (right, there) in enumerate(zip(hashes_of(computed), hashes_of(held), strict=False)):
            if right != there:
                self.findings.append(
                    tile_finding(tile, place, f"is {there.hex()}, and the tree leads to {right.hex()}")
                )
                break
        else:
            count = len(held) // HASH_BYTES
            if tile.fault is not None:
                self.findings.append(tile_finding(tile, count, f"does not follow: {tile.fault}"))
            elif count > len(computed) // HASH_BYTES:
                message = f"is beyond a tree of {self._most:,}"
                self.findings.append(tile_finding(tile, len(computed) // HASH_BYTES, message))
            elif count < needed:
                self.findings.append(tile_finding(tile, count, "is missing"))


def tile_finding(tile: StoredTile, place: int, what: str) -> LedgerFinding:
    """A hash of a tile that is wrong, with the events that it covers."""
    covered = 1 << HEIGHT * tile.level
    first = (tile.number * WIDTH + place) * covered + 1
    message = f"{tile.path}: hash {place}, of {places(first, first + covered - 1)}, {what}"
    return LedgerFinding(FindingKind.TILE, message, position=first, upto=first + covered - 1 if covered > 1 else None)
