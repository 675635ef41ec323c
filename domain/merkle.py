"""The arithmetic of a Merkle tree over a log's entries: roots, and proofs that an entry is in it or that it only grew.

Hashing, proofs and their verification are those of RFC 9162, section 2.1, with SHA-256.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
#: The root of a tree without leaves.
EMPTY_ROOT = sha256(b"").digest()

#: (level, index) -> the hash of the perfect subtree of 2**level leaves that begins at leaf index * 2**level.
Subtree = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof does not prove what it should; the message says why."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree with these leaf hashes."""
    return Edge().extended(leaves).root


def subtree_root(hashes: bytes) -> bytes:
    """The root over 2**n hashes written one after another; ValueError for any other number."""
    count, rest = divmod(len(hashes), HASH_BYTES)
    if rest or count.bit_count() != 1:
        raise ValueError(f"{len(hashes)} bytes are not a perfect subtree of hashes of {HASH_BYTES} bytes")
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(_parents(hashes))
    return hashes


def _parents(hashes: bytes) -> list[bytes]:
    """The nodes over hashes written one after another, two by two."""
    return [sha256(b"\x01" + hashes[place : place + 64]).digest() for place in range(0, len(hashes), 64)]


@dataclass(frozen=True, slots=True)
class Edge:
    """A tree as its right edge: all that is needed to go on, and to know the root."""

    #: Leaves.
    size: int = 0
    #: Of the perfect subtrees that make up the tree, largest first: one for each 1 in the size's binary form.
    roots: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or self.size.bit_count() != len(self.roots):
            raise ValueError(f"a tree of {self.size} leaves has not {len(self.roots)} perfect subtrees")

    def extended(self, hashes: Iterable[bytes], level: int = 0) -> "Edge":
        """The tree with these leaves after its own, or with perfect subtrees of a level where it is made of such."""
        row = list(hashes)
        if any(len(one) != HASH_BYTES for one in row):
            raise ValueError(f"a hash has {HASH_BYTES} bytes")
        if self.size % (1 << level):
            raise ValueError(f"a tree of {self.size} leaves is not made of subtrees of level {level}")
        size, old = self.size + (len(row) << level), list(self.roots)
        roots: list[bytes] = []
        # Level by level: a subtree left over from before goes in front of the new ones, an odd last one stays behind.
        while row or old:
            if (self.size >> level) & 1:
                row.insert(0, old.pop())
            if len(row) & 1:
                roots.append(row.pop())
            row = _parents(b"".join(row))
            level += 1
        return Edge(size, tuple(reversed(roots)))

    @property
    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.roots:
            return EMPTY_ROOT
        *larger, whole = self.roots
        for subtree in reversed(larger):
            whole = node_hash(subtree, whole)
        return whole


def edge_at(size: int, subtree: Subtree) -> Edge:
    """The right edge of the first `size` leaves of a tree."""
    return Edge(size, tuple(_perfect_subtrees(0, size, subtree)))


def root_at(size: int, subtree: Subtree) -> bytes:
    """The root over the first `size` leaves of a tree."""
    return edge_at(size, subtree).root


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from the leaf at an index, from 0, to the root at a size; from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_root(middle, end, subtree))
            end = middle
        else:
            proof.append(_range_root(start, middle, subtree))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The hashes that show that the tree of size `new` begins with the tree of size `old`, from 1."""
    if not 0 < old <= new:
        raise ValueError(f"there is no consistency proof from size {old} to size {new}")
    proof: list[bytes] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_root(middle, end, subtree))
            end = middle
        else:
            proof.append(_range_root(start, middle, subtree))
            start = middle
    if start:  # else the old tree is itself a subtree of the new one, and its root is known
        proof.append(_range_root(start, end, subtree))
    return proof[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """ProofError unless the leaf hash stands at the index in the tree of that size and root. RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    _check_lengths([leaf, *proof])
    place, last, whole = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError(f"the proof has {len(proof)} hashes, more than a tree of {size} asks for")
        if place & 1 or place == last:
            whole = node_hash(sibling, whole)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            whole = node_hash(whole, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError(f"the proof has {len(proof)} hashes, fewer than a tree of {size} asks for")
    if whole != root:
        raise ProofError(f"leaf {index} and its proof lead to the root {whole.hex()}, not to {root.hex()}")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """ProofError unless the tree of the new size and root begins with the tree of the old. RFC 9162, 2.1.4.2."""
    if not 0 < old <= new:
        raise ProofError(f"nothing proves that a tree of {new} begins with a tree of {old}")
    if old == new:
        if proof:
            raise ProofError(f"the proof has {len(proof)} hashes and trees of one size need none")
        if old_root != new_root:
            raise ProofError(f"two trees of size {old} differ: {old_root.hex()} and {new_root.hex()}")
        return
    _check_lengths(proof)
    # A perfect old tree is a subtree of the new one: its root is known and not sent.
    steps = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not steps:
        raise ProofError("the proof is empty")
    old_whole, new_whole = _folded(old, new, steps)
    if old_whole != old_root:
        raise ProofError(f"the proof leads to the old root {old_whole.hex()}, not to {old_root.hex()}")
    if new_whole != new_root:
        raise ProofError(f"the proof leads to the new root {new_whole.hex()}, not to {new_root.hex()}")


def _folded(old: int, new: int, steps: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The old and the new root that the steps of a consistency proof lead to."""
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_whole = new_whole = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofError(f"the proof has more hashes than sizes {old} and {new} ask for")
        if place & 1 or place == last:
            old_whole, new_whole = node_hash(step, old_whole), node_hash(step, new_whole)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new_whole = node_hash(new_whole, step)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError(f"the proof has fewer hashes than sizes {old} and {new} ask for")
    return old_whole, new_whole


def _check_lengths(hashes: Iterable[bytes]) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise ProofError(f"a hash of {len(one)} bytes is not one of {HASH_BYTES}")


def _split(count: int) -> int:
    """The largest power of two below a count of two or more: where a tree parts into left and right."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The root over the leaves from start to before end, a range as the parting of a tree makes them."""
    return Edge(end - start, tuple(_perfect_subtrees(start, end, subtree))).root


def _perfect_subtrees(start: int, end: int, subtree: Subtree) -> Iterable[bytes]:
    """The perfect subtrees of such a range, largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield subtree(level, start >> level)
        start += 1 << level
