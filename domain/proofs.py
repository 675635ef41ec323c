"""The proof that one entry is in a log, as a file that can be checked offline (C2SP tlog-proof)."""

from dataclasses import dataclass

from domain.merkle import HASH_BYTES
from domain.notes import LARGEST_NUMBER, read_base64, read_number, write_base64

HEADER = "c2sp.org/tlog-proof@v1"
#: No tree whose size is a number of 64 bits asks for more.
MOST_HASHES = 64


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An entry's place in a log, the way from it to the root, and the checkpoint that says the root."""

    #: Of the entry, from 0.
    index: int
    #: The inclusion proof, from the leaf upwards.
    hashes: tuple[bytes, ...]
    #: The application's own data, which nothing vouches for; empty if none.
    extra: bytes
    #: A signed note, verbatim.
    checkpoint: str

    def __post_init__(self) -> None:
        if not 0 <= self.index <= LARGEST_NUMBER:
            raise ValueError(f"a log has no entry {self.index}")
        if len(self.hashes) > MOST_HASHES:
            raise ValueError(f"{len(self.hashes)} hashes are more than any proof of inclusion has")
        for one in self.hashes:
            if len(one) != HASH_BYTES:
                raise ValueError(f"a hash has {HASH_BYTES} bytes, not {len(one)}")
        if not self.checkpoint.endswith("\n"):
            raise ValueError("the checkpoint of a proof ends in a newline")

    def encode(self) -> str:
        """The proof as a file."""
        lines = [HEADER]
        if self.extra:
            lines.append(f"extra {write_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [write_base64(one) for one in self.hashes]
        return "".join(f"{line}\n" for line in lines) + "\n" + self.checkpoint


def parse_proof(text: str) -> TlogProof:
    """A proof from its file, the checkpoint within it not read; ValueError says what is wrong with it."""
    head, blank, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER:
        raise ValueError(f"a proof begins with {HEADER!r}, not {header[:100]!r}")
    if not blank:
        raise ValueError("the proof has no checkpoint: it comes after the first empty line")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = read_base64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise ValueError("a proof without extra data has no line for it")
    if not lines or not lines[0].startswith("index "):
        raise ValueError("the proof does not say the index of its entry")
    index = read_number(lines.pop(0).removeprefix("index "))
    return TlogProof(index, tuple(read_base64(line) for line in lines), extra, checkpoint)
