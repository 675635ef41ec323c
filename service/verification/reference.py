"""Which hashes are right: the tiles', or those of the events themselves, as far as signed checkpoints decide."""

from collections import OrderedDict
from dataclasses import dataclass, field

from domain.merkle import HASH_BYTES, leaf_hash
from domain.tiles import WIDTH
from service.verification.reading import hashes_of
from service.verification.stored import Stored

#: Tiles kept in memory while single hashes are looked up.
MOST_TILES = 256


@dataclass(frozen=True, slots=True)
class DecidedPositions:
    """Positions of which a signed checkpoint says that the events are right where the tiles differ."""

    #: The first and the last position.
    first: int
    last: int
    #: The right hash of single positions; None: the events are right at all of them.
    single: dict[int, bytes] | None = None


@dataclass(slots=True)
class Reference:
    """The right leaf hash of any position, as far as it is known."""

    stored: Stored
    #: How far a signed checkpoint vouches for the hashes given here.
    proven: int = 0
    #: The last position with a hash, in tiles or decided.
    upto: int = 0
    decided: list[DecidedPositions] = field(default_factory=list)
    _tiles: "OrderedDict[int, bytes]" = field(default_factory=OrderedDict)

    def by_events(self, position: int) -> bool:
        """Whether the event at a position is right, even against the tiles."""
        return any(part.single is None and part.first <= position <= part.last for part in self.decided)

    def hash_at(self, position: int) -> bytes | None:
        """The leaf hash of a position; None: it is not known."""
        if not 1 <= position <= self.upto:
            return None
        for part in self.decided:
            if part.first <= position <= part.last:
                if part.single is None:
                    state = self.stored.state(position)
                    return None if state is None else leaf_hash(state)
                if position in part.single:
                    return part.single[position]
        return self.in_tile(position)

    def in_tile(self, position: int) -> bytes | None:
        """What the tiles hold for a position."""
        number, place = divmod(position - 1, WIDTH)
        if number not in self._tiles:
            tile = self.stored.tiles(0, number, number).get(number)
            self._tiles[number] = b"" if tile is None else bytes(tile.hashes)
            if len(self._tiles) > MOST_TILES:
                self._tiles.popitem(last=False)
        return self._tiles[number][place * HASH_BYTES : (place + 1) * HASH_BYTES] or None

    def block(self, number: int, events: bytes, width: int) -> bytes | None:
        """The leaf hashes of a whole block of so many, given those of its events; None where one is not known."""
        first = number * WIDTH + 1
        tile = self.stored.tiles(0, number, number).get(number)
        held = hashes_of(bytes(tile.hashes))[:width] if tile is not None else []
        own = hashes_of(events)
        right: list[bytes] = []
        for place in range(width):
            position = first + place
            hash_here = held[place] if place < len(held) else None
            for part in self.decided:
                if part.first <= position <= part.last:
                    if part.single is None:
                        hash_here = own[place] if place < len(own) else None
                    else:
                        hash_here = part.single.get(position, hash_here)
            if hash_here is None:
                return None
            right.append(hash_here)
        return b"".join(right)
