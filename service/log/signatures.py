"""Ed25519 signatures of notes: making them with a key, and finding out who signed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.notes import (
    COSIGNATURE,
    ED25519,
    Cosignature,
    Note,
    NoteError,
    Signature,
    VerifierKey,
    check_key_name,
    cosigned_message,
    parse_checkpoint,
    read_base64,
    write_base64,
)

PREFIX = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its name."""

    name: str
    #: The 32 bytes that the key is made from; never shown.
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.seed) != 32:
            raise NoteError(f"the private key of {self.name} has {len(self.seed)} bytes, not 32")

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """A new key."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """A key from its line, PRIVATE+KEY+name+id+base64; NoteError says what is wrong, and never what was sent."""
        parts = text.removeprefix(PREFIX).split("+", 2)
        if not text.startswith(PREFIX) or len(parts) != 3:
            raise NoteError(f"a private key is {PREFIX}name+id+key")
        name, _, encoded = parts
        try:
            typed = read_base64(encoded)
        except ValueError:
            raise NoteError("the private key is not base64") from None
        if typed[:1] != bytes([ED25519]):
            raise NoteError(f"the private key is not of type {ED25519:#04x}, Ed25519")
        key = cls(name, typed[1:])
        if key.encode() != text:
            raise NoteError(f"the private key of {name[:100]} does not fit its id")
        return key

    def encode(self) -> str:
        """The key's line, as other tools read it; a secret."""
        return f"{PREFIX}{self.name}+{self.verifier.key_id.hex()}+{write_base64(bytes([ED25519]) + self.seed)}"

    @property
    def verifier(self) -> VerifierKey:
        """The public key that verifies what this one signs."""
        return VerifierKey.of(self.name, ED25519, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """The signature of a note's text."""
        return Signature(self.name, self.verifier.key_id, self._private.sign(text.encode()))

    def cosign(self, text: str, timestamp: int) -> Signature:
        """The signature of a checkpoint's text as a witness makes it, at a time in seconds since 1970."""
        signed = Cosignature(timestamp, self._private.sign(cosigned_message(text, timestamp)))
        return Signature(self.name, self.verifier.cosigner.key_id, signed.encode())

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature that was verified."""

    key: VerifierKey
    signature: Signature
    #: When a witness signed, in seconds since 1970; None for a log's own signature.
    timestamp: int | None = None


def verify(note: Note, keys: Iterable[VerifierKey]) -> list[VerifiedSignature]:
    """Who of the known keys signed a note, in its order; NoteError if none did.

    Signatures by other keys say nothing. One that is named as a known key's and is not by it makes the whole note
    worthless: NoteError.
    """
    known = _by_name(keys)
    signed = [
        verify_signature(note.text, signature, key)
        for signature in note.signatures
        if (key := known.get((signature.name, signature.key_id))) is not None
    ]
    if not signed:
        names = ", ".join(sorted({name for name, _ in known})) or "none"
        raise NoteError(f"the note is not signed by any known key (known: {names})")
    return signed


def _by_name(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if (key.name, key.key_id) in known:
            raise NoteError(f"the key {key.name}+{key.key_id.hex()} is given twice")
        known[key.name, key.key_id] = key
    return known


def verify_signature(text: str, signature: Signature, key: VerifierKey) -> VerifiedSignature:
    """One signature of a text by one key; NoteError if it is not."""
    if (signature.name, signature.key_id) != (key.name, key.key_id):
        raise NoteError(f"the signature of {signature.name} is not by the key {key.name}+{key.key_id.hex()}")
    message, made, timestamp = text.encode(), signature.signature, None
    if key.type == COSIGNATURE:
        parse_checkpoint(text)  # nothing else is cosigned
        cosignature = Cosignature.parse(signature.signature)
        made, timestamp = cosignature.signature, cosignature.timestamp
        message = cosigned_message(text, timestamp)
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(made, message)
    except InvalidSignature:
        raise NoteError(f"the signature of {key.name} is not of this text, or not by the key of that name") from None
    return VerifiedSignature(key, signature, timestamp)
