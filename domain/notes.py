"""Signed notes, the keys that verify them, and the checkpoints of a log written as such notes.

C2SP signed-note, tlog-checkpoint and tlog-cosignature; what is read has the one form that writing gives it.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

from domain.merkle import HASH_BYTES

KEY_ID_BYTES = 4
#: The types of signature that are known here: by the log itself, and by a witness with the time of signing.
ED25519 = 0x01
COSIGNATURE = 0x04
ED25519_KEY_BYTES = 32
ED25519_SIGNATURE_BYTES = 64
#: Sizes and indices stay within what a signed integer of 64 bits holds, as elsewhere.
LARGEST_NUMBER = (1 << 63) - 1
#: Limits of the verifier's own choosing, which the specification asks for; it asks for 16 signatures at least.
MOST_SIGNATURES = 100
LARGEST_NOTE_BYTES = 1_000_000

DASH = "\N{EM DASH} "
#: What no note holds: ASCII control characters other than newline, and what UTF-8 cannot say.
UNWRITABLE = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
KEY_ID = re.compile(r"[0-9a-f]{8}")


class NoteError(ValueError):
    """A note, a signature or a key is not what it should be."""


class CheckpointError(NoteError):
    """A note's text is not that of a checkpoint."""


def read_base64(text: str) -> bytes:
    """Bytes from standard base64, padded and in its only form; ValueError for any other."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if b64encode(data).decode() != text:
        raise ValueError(f"{text[:100]!r} is not base64")
    return data


def write_base64(data: bytes) -> str:
    """Bytes in standard base64, padded."""
    return b64encode(data).decode()


def read_number(text: str) -> int:
    """A whole number from 0, in decimal digits without leading zeros; ValueError for anything else."""
    if not NUMBER.fullmatch(text) or int(text) > LARGEST_NUMBER:
        raise ValueError(f"{text[:100]!r} is not a whole number from 0 to {LARGEST_NUMBER}")
    return int(text)


def check_key_name(name: str) -> None:
    """NoteError for what cannot name a key: nothing, and anything with a space, a plus or a control character."""
    if not name or "+" in name or any(mark.isspace() for mark in name) or UNWRITABLE.search(name):
        raise NoteError(f"{name[:100]!r} cannot name a key")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature under a note."""

    #: Of the key.
    name: str
    key_id: bytes
    #: In the form of the key's type.
    signature: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES:
            raise NoteError(f"a key id has {KEY_ID_BYTES} bytes, not {len(self.key_id)}")
        if not self.signature:
            raise NoteError(f"the signature of {self.name} is empty")

    @property
    def line(self) -> str:
        """The signature as it stands in a note, with the newline that ends it."""
        return f"{DASH}{self.name} {write_base64(self.key_id + self.signature)}\n"


def parse_signature(line: str) -> Signature:
    """One signature line, with or without the newline that ends it; NoteError if it is none."""
    dash, name, encoded = line[: len(DASH)], *line[len(DASH) :].removesuffix("\n").partition(" ")[::2]
    if dash != DASH:
        raise NoteError(f"a signature line begins with a dash, not {line[:100]!r}")
    try:
        signed = read_base64(encoded)
    except ValueError as error:
        raise NoteError(f"the signature of {name[:100]!r}: {error}") from None
    if len(signed) <= KEY_ID_BYTES:
        raise NoteError(f"the signature of {name[:100]!r} has {len(signed)} bytes, too few")
    return Signature(name, signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and who signed it; nothing is verified by reading it."""

    #: Ends in a newline.
    text: str
    #: One at least, in the order of the note.
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n"):
            raise NoteError("the text of a note ends in a newline")
        if found := UNWRITABLE.search(self.text):
            raise NoteError(f"the text of a note holds {found[0]!r}, which no note may")
        if not 1 <= len(self.signatures) <= MOST_SIGNATURES:
            raise NoteError(f"a note has 1 to {MOST_SIGNATURES} signatures, not {len(self.signatures)}")

    def encode(self) -> bytes:
        """The note as it is published."""
        return (self.text + "\n" + "".join(signature.line for signature in self.signatures)).encode()


def parse_note(data: bytes) -> Note:
    """A note as it is published; NoteError says what is wrong with it."""
    if len(data) > LARGEST_NOTE_BYTES:
        raise NoteError(f"a note of {len(data)} bytes is larger than {LARGEST_NOTE_BYTES}")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError(f"the note is not UTF-8: {error.reason} at byte {error.start}") from None
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not signatures:
        raise NoteError("the note has no signatures: they come after its last empty line")
    if not signatures.endswith("\n"):
        raise NoteError("the note does not end in a newline")
    lines = signatures[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteError(f"the note has {len(lines)} signatures, more than {MOST_SIGNATURES}")
    return Note(text + "\n", tuple(parse_signature(line) for line in lines))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and its name, which verify the signatures that one signer makes."""

    name: str
    #: What signatures name the key by, besides its name.
    key_id: bytes
    #: Of signature: ED25519 or COSIGNATURE.
    type: int
    #: The public key's 32 bytes.
    key: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.type not in (ED25519, COSIGNATURE):
            raise NoteError(f"the key {self.name} is of type {self.type:#04x}; known are 0x01 and 0x04")
        if len(self.key) != ED25519_KEY_BYTES:
            raise NoteError(f"the key {self.name} has {len(self.key)} bytes, not {ED25519_KEY_BYTES}")
        if self.key_id != key_id(self.name, self.type, self.key):
            raise NoteError(f"the key id {self.key_id.hex()} is not that of {self.name}")

    @classmethod
    def of(cls, name: str, kind: int, key: bytes) -> "VerifierKey":
        """The key of a type, with the id that follows from the rest."""
        check_key_name(name)
        return cls(name, key_id(name, kind, key), kind, key)

    @property
    def cosigner(self) -> "VerifierKey":
        """The same key as that of a witness, for its cosignatures."""
        return VerifierKey.of(self.name, COSIGNATURE, self.key)

    def encode(self) -> str:
        """The key in the one line that is handed to verifiers."""
        return f"{self.name}+{self.key_id.hex()}+{write_base64(bytes([self.type]) + self.key)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """A key from its line; NoteError says what is wrong with it."""
        name, identifier, encoded = _three_parts(text, "a verifier key is name+id+key")
        try:
            typed = read_base64(encoded)
        except ValueError as error:
            raise NoteError(f"the key {name}: {error}") from None
        return cls(name, identifier, typed[0], typed[1:])


def key_id(name: str, kind: int, key: bytes) -> bytes:
    """What signatures name a key by: the first bytes of a hash over its name, type and public key."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:KEY_ID_BYTES]


def _three_parts(text: str, form: str) -> tuple[str, bytes, str]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not KEY_ID.fullmatch(parts[1]) or not parts[2]:
        raise NoteError(f"{text[:100]!r}: {form}, with an id of eight digits 0-9 and a-f")
    return parts[0], bytes.fromhex(parts[1]), parts[2]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size."""

    #: The log's name.
    origin: str
    #: Entries.
    size: int
    root: bytes
    #: Further lines, of no meaning here.
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origin or any("\n" in line or not line for line in (self.origin, *self.extensions)):
            raise CheckpointError("the origin and the further lines of a checkpoint are one line each, and not empty")
        if any(UNWRITABLE.search(line) for line in (self.origin, *self.extensions)):
            raise CheckpointError("a checkpoint holds no control characters")
        if not 0 <= self.size <= LARGEST_NUMBER:
            raise CheckpointError(f"a log has not {self.size} entries")
        if len(self.root) != HASH_BYTES:
            raise CheckpointError(f"a root has {HASH_BYTES} bytes, not {len(self.root)}")

    def body(self) -> str:
        """The text of the note."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, write_base64(self.root), *self.extensions))


def parse_checkpoint(body: str) -> Checkpoint:
    """A checkpoint from the text of its note; CheckpointError says what is wrong with it."""
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1]:
        raise CheckpointError("a checkpoint has three lines at least, each ended by a newline")
    try:
        size, root = read_number(lines[1]), read_base64(lines[2])
    except ValueError as error:
        raise CheckpointError(f"the checkpoint's size or root: {error}") from None
    return Checkpoint(lines[0], size, root, tuple(lines[3:-1]))


@dataclass(frozen=True, slots=True)
class Cosignature:
    """What a witness signs: that at a time the checkpoint was the largest it knew, and all of them consistent."""

    #: Seconds since 1970, UTC.
    timestamp: int
    #: The Ed25519 signature over `message`.
    signature: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.timestamp <= LARGEST_NUMBER:
            raise NoteError(f"a cosignature was not made {self.timestamp} seconds after 1970")
        if len(self.signature) != ED25519_SIGNATURE_BYTES:
            raise NoteError(f"a cosignature has {ED25519_SIGNATURE_BYTES} bytes, not {len(self.signature)}")

    def encode(self) -> bytes:
        """As it stands behind the key id of a signature."""
        return self.timestamp.to_bytes(8, "big") + self.signature

    @classmethod
    def parse(cls, signature: bytes) -> "Cosignature":
        """From behind the key id of a signature; NoteError if it is of another type."""
        if len(signature) != 8 + ED25519_SIGNATURE_BYTES:
            raise NoteError(f"{len(signature)} bytes are not a cosignature's {8 + ED25519_SIGNATURE_BYTES}")
        return cls(int.from_bytes(signature[:8], "big"), signature[8:])


def cosigned_message(text: str, timestamp: int) -> bytes:
    """The bytes that a witness signs for a checkpoint's text."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
