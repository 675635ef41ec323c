"""A client of transparency logs, written from the C2SP documents and RFC 9162 alone: it knows nothing of Daybook."""

import base64
import hashlib
import re
from dataclasses import dataclass

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, over leaf hashes; as it stands there, by recursion."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def leaf(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_from_inclusion(index: int, size: int, hashed: bytes, path: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    assert index < size
    fn, sn, r = index, size - 1, hashed
    for p in path:
        assert sn != 0
        if fn % 2 == 1 or fn == sn:
            r = node(p, r)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            r = node(r, p)
        fn, sn = fn // 2, sn // 2
    assert sn == 0
    return r


def roots_from_consistency(old: int, new: int, old_root: bytes, path: list[bytes]) -> tuple[bytes, bytes]:
    """The old and the new root that a consistency proof leads to (RFC 9162, 2.1.4.2)."""
    assert 0 < old < new
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    fn, sn = old - 1, new - 1
    while fn % 2 == 1:
        fn, sn = fn // 2, sn // 2
    fr = sr = steps[0]
    for c in steps[1:]:
        assert sn != 0
        if fn % 2 == 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            sr = node(sr, c)
        fn, sn = fn // 2, sn // 2
    assert sn == 0
    return fr, sr


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose signature was verified."""

    origin: str
    size: int
    root: bytes


class LogClient:
    """Reads one log, and believes nothing that it cannot check with the log's verifier key."""

    def __init__(self, http: httpx2.Client, prefix: str, vkey: str) -> None:
        self.http = http
        self.prefix = prefix
        self.name, key_id, key = vkey.split("+", 2)
        typed = base64.b64decode(key, validate=True)
        assert typed[0] == 1
        self.key_id = hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:4]
        assert self.key_id.hex() == key_id
        self.public_key = Ed25519PublicKey.from_public_bytes(typed[1:])

    def get(self, path: str) -> httpx2.Response:
        """A resource of the log."""
        answer = self.http.get(f"{self.prefix}/{path}")
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer

    def checkpoint(self) -> Checkpoint:
        """The last checkpoint."""
        answer = self.get("checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        return self.verified(answer.content)

    def verified(self, note: bytes) -> Checkpoint:
        """What a signed note says, once the log's signature is verified."""
        text, signatures = re.fullmatch(r"(.*\n)\n((?:— \S+ \S+\n)+)", note.decode(), re.DOTALL).groups()  # type: ignore[union-attr]
        by_log = 0
        for line in signatures.splitlines():
            name, encoded = line.removeprefix("— ").split(" ")
            signature = base64.b64decode(encoded, validate=True)
            if name == self.name and signature[:4] == self.key_id:
                self.public_key.verify(signature[4:], text.encode())
                by_log += 1
        assert by_log == 1
        origin, size, root, *_ = text.split("\n")
        assert origin == self.name
        return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))

    def entries(self, size: int) -> list[bytes]:
        """Every entry of a tree of a size, from its entry bundles."""
        found: list[bytes] = []
        for number, width in cut(size):
            answer = self.get(f"tile/entries/{numbered(number, width)}")
            assert answer.headers["content-type"] == "application/octet-stream"
            assert "immutable" in answer.headers["cache-control"]
            data = answer.content
            while data:
                length = int.from_bytes(data[:2], "big")
                found.append(data[2 : 2 + length])
                assert len(found[-1]) == length
                data = data[2 + length :]
        return found

    def tiles(self, size: int) -> list[list[bytes]]:
        """The hashes of every level of a tree of a size, from its tiles."""
        levels: list[list[bytes]] = []
        count = size
        while count:
            hashes: list[bytes] = []
            for number, width in cut(count):
                answer = self.get(f"tile/{len(levels)}/{numbered(number, width)}")
                assert answer.headers["content-type"] == "application/octet-stream"
                assert "immutable" in answer.headers["cache-control"]
                assert len(answer.content) == 32 * width
                hashes += [answer.content[at : at + 32] for at in range(0, 32 * width, 32)]
            levels.append(hashes)
            count //= 256
        return levels


def cut(count: int) -> list[tuple[int, int]]:
    """The tiles that hold so many hashes: number and width."""
    return [(number, min(256, count - 256 * number)) for number in range(-(-count // 256))]


def numbered(number: int, width: int) -> str:
    """How a path names a tile."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == 256 else f"{path}.p/{width}"


@dataclass(frozen=True)
class InclusionProof:
    """A proof as C2SP tlog-proof writes it."""

    index: int
    path: list[bytes]
    note: bytes


def read_proof(text: str) -> InclusionProof:
    """A proof from its file."""
    head, note = text.split("\n\n", 1)
    magic, index, *path = head.split("\n")
    assert magic == "c2sp.org/tlog-proof@v1"
    assert re.fullmatch(r"index (0|[1-9]\d*)", index)
    return InclusionProof(int(index[6:]), [base64.b64decode(one, validate=True) for one in path], note.encode())
