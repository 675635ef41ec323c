"""How a log is cut into files that never change: tiles of hashes and bundles of entries (C2SP tlog-tiles)."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain.merkle import HASH_BYTES, Subtree, subtree_root

#: Levels of the tree in one tile, and hashes in a whole one.
HEIGHT = 8
WIDTH = 1 << HEIGHT
HIGHEST_LEVEL = 63
LARGEST_ENTRY_BYTES = 65_535

#: (level, number) -> the hashes of a tile as far as they are there, one after another.
TileReader = Callable[[int, int], bytes]

PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<number>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to 256 hashes side by side: at level 0 of leaves, above of the whole tiles of the level below."""

    level: int
    number: int
    #: Hashes, 1 to 256.
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not 0 <= self.level <= HIGHEST_LEVEL:
            raise ValueError(f"a tile's level is 0 to {HIGHEST_LEVEL}, not {self.level}")
        _check_place(self.number, self.width)

    @property
    def path(self) -> str:
        """The tile's address below the log's own."""
        return f"tile/{self.level}/{_numbered(self.number, self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Up to 256 entries: those of the tile of level 0 with the same number."""

    number: int
    #: Entries, 1 to 256.
    width: int = WIDTH

    def __post_init__(self) -> None:
        _check_place(self.number, self.width)

    @property
    def path(self) -> str:
        """The bundle's address below the log's own."""
        return f"tile/entries/{_numbered(self.number, self.width)}"


def parse_tile_path(text: str) -> Tile | Bundle:
    """What a path names; ValueError for any form but the only one the specification gives it."""
    found = PATH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:100]!r} is not the path of a tile or of an entry bundle")
    number = int(found["number"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    named = Bundle(number, width) if found["level"] == "entries" else Tile(int(found["level"]), number, width)
    if named.path != text:  # a first group of x000, or a width of 256 written out
        raise ValueError(f"{text[:100]!r} is written {named.path!r}")
    return named


def _check_place(number: int, width: int) -> None:
    if number < 0:
        raise ValueError(f"tiles are numbered from 0, not {number}")
    if not 1 <= width <= WIDTH:
        raise ValueError(f"a tile is 1 to {WIDTH} wide, not {width}")


def _numbered(number: int, width: int) -> str:
    """A tile's number in groups of three digits, all but the last with an x in front, and its width where not whole."""
    groups = f"{number:,}".split(",")
    groups[0] = groups[0].zfill(3)
    path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return path if width == WIDTH else f"{path}.p/{width}"


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of a size: level by level, and within a level by number, the partial one last."""
    level = 0
    while hashes := size >> (HEIGHT * level):
        whole, rest = divmod(hashes, WIDTH)
        yield from (Tile(level, number) for number in range(whole))
        if rest:
            yield Tile(level, whole, rest)
        level += 1


def bundle_of(index: int, size: int) -> Bundle:
    """The bundle that holds the entry at an index, from 0, in a log of a size."""
    if not 0 <= index < size:
        raise ValueError(f"there is no entry {index} in a log of {size}")
    number = index // WIDTH
    return Bundle(number, min(WIDTH, size - number * WIDTH))


def pack_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as one bundle: each behind its length in two bytes, the higher first."""
    if len(entries) > WIDTH:
        raise ValueError(f"{len(entries)} entries are more than the {WIDTH} of a bundle")
    for entry in entries:
        if len(entry) > LARGEST_ENTRY_BYTES:
            raise ValueError(f"an entry of {len(entry)} bytes is larger than {LARGEST_ENTRY_BYTES}")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def unpack_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; ValueError where it ends within one or holds more than 256."""
    entries: list[bytes] = []
    place = 0
    while place < len(data):
        start = place + 2
        end = start + int.from_bytes(data[place:start], "big")
        if start > len(data) or end > len(data):
            raise ValueError(f"the bundle ends within its entry {len(entries)}, at byte {len(data)}")
        entries.append(data[start:end])
        place = end
    if len(entries) > WIDTH:
        raise ValueError(f"{len(entries)} entries are more than the {WIDTH} of a bundle")
    return entries


@dataclass(frozen=True, slots=True)
class Segment:
    """Hashes that a tile gains at once; a tile is its segments in order of start."""

    level: int
    #: The tile's number within its level.
    number: int
    #: The first of these hashes within the tile, from 0.
    start: int
    #: One after another.
    hashes: bytes

    @property
    def width(self) -> int:
        """Hashes in the tile up to and with these."""
        return self.start + len(self.hashes) // HASH_BYTES


def grown(size: int, leaf_hashes: Iterable[bytes], tile: TileReader) -> list[Segment]:
    """What the tiles of a log of a size gain by further leaves: level by level, each in order.

    `leaf_hashes` may come one by one or several in a piece, one after another.
    A tile that becomes whole adds its root to the level above. `tile` is asked only for tiles that become whole and had
    hashes before; it may know of further hashes, which are not looked at.
    """
    segments: list[Segment] = []
    fresh = b"".join(leaf_hashes)
    if len(fresh) % HASH_BYTES:
        raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")
    level = 0
    while fresh:
        gained = list(_cut(level, size >> (HEIGHT * level), fresh))
        segments += gained
        whole = [segment for segment in gained if segment.width == WIDTH]
        fresh = b"".join([subtree_root(_before(segment, tile) + segment.hashes) for segment in whole])
        level += 1
    return segments


def _cut(level: int, count: int, fresh: bytes) -> Iterator[Segment]:
    """Hashes that come after the first `count` of a level, cut where its tiles end."""
    place = 0
    while place < len(fresh):
        number, start = divmod(count, WIDTH)
        hashes = fresh[place : place + (WIDTH - start) * HASH_BYTES]
        yield Segment(level, number, start, hashes)
        place += len(hashes)
        count += len(hashes) // HASH_BYTES


def _before(segment: Segment, tile: TileReader) -> bytes:
    """The hashes of the segment's tile that were there before it."""
    return _hashes(tile, segment.level, segment.number, 0, segment.start) if segment.start else b""


def node_place(level: int, index: int) -> tuple[int, int, int, int]:
    """Where a node of the tree is found: its tile's level and number, and its own level and index within the tile."""
    tile_level, inner = divmod(level, HEIGHT)
    number, place = divmod(index << inner, WIDTH)
    return tile_level, number, inner, place >> inner


def subtrees(tile: TileReader) -> Subtree:
    """The perfect subtrees of a tree kept in tiles, each from a part of one tile."""

    def subtree(level: int, index: int) -> bytes:
        tile_level, number, inner, place = node_place(level, index)
        return subtree_root(_hashes(tile, tile_level, number, place << inner, 1 << inner))

    return subtree


def _hashes(tile: TileReader, level: int, number: int, start: int, count: int) -> bytes:
    """Some of the hashes of a tile; ValueError where it does not reach that far."""
    known = tile(level, number)
    hashes = known[start * HASH_BYTES : (start + count) * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        needed = f"{start + count} of its hashes are needed, {len(known) // HASH_BYTES} are there"
        raise ValueError(f"tile {number} of level {level} is too short: {needed}")
    return hashes
