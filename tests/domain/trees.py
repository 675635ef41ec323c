"""A Merkle tree as RFC 9162 defines it, word for word and recursively: slow, and plainly right."""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256


def entries(count: int) -> list[bytes]:
    """So many different entries."""
    return [f"entry {index}".encode() for index in range(count)]


class NaiveTree:
    """The tree over some entries; sections 2.1.1, 2.1.3.1 and 2.1.4.1, in the RFC's own letters."""

    def __init__(self, data: Sequence[bytes]) -> None:
        self.leaves = [sha256(b"\x00" + entry).digest() for entry in data]
        self.mth: Callable[[int, int], bytes] = cache(self._mth)

    def root(self, size: int) -> bytes:
        return self.mth(0, size)

    def subtree(self, level: int, index: int) -> bytes:
        assert (index + 1) << level <= len(self.leaves), "beyond the tree"
        return self.mth(index << level, (index + 1) << level)

    def _mth(self, start: int, end: int) -> bytes:
        if start == end:
            return sha256().digest()
        if end - start == 1:
            return self.leaves[start]
        k = largest_power_of_two_below(end - start)
        return sha256(b"\x01" + self.mth(start, start + k) + self.mth(start + k, end)).digest()

    def inclusion(self, m: int, size: int) -> list[bytes]:
        return self._path(m, 0, size)

    def _path(self, m: int, start: int, end: int) -> list[bytes]:
        n = end - start
        if n == 1:
            return []
        k = largest_power_of_two_below(n)
        if m < k:
            return [*self._path(m, start, start + k), self.mth(start + k, end)]
        return [*self._path(m - k, start + k, end), self.mth(start, start + k)]

    def consistency(self, m: int, size: int) -> list[bytes]:
        return self._subproof(m, 0, size, True)

    def _subproof(self, m: int, start: int, end: int, complete: bool) -> list[bytes]:
        n = end - start
        if m == n:
            return [] if complete else [self.mth(start, end)]
        k = largest_power_of_two_below(n)
        if m <= k:
            return [*self._subproof(m, start, start + k, complete), self.mth(start + k, end)]
        return [*self._subproof(m - k, start + k, end, False), self.mth(start, start + k)]


def largest_power_of_two_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k
