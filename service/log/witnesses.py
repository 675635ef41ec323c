"""Asking witnesses to sign checkpoints: the client's side of add-checkpoint (C2SP tlog-witness)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2

from domain.notes import (
    COSIGNATURE,
    NoteError,
    VerifierKey,
    parse_note,
    parse_signature,
    read_number,
    write_base64,
)
from service.log.signatures import VerifiedSignature, verify_signature
from service.log.storage import Issued, LogStorage
from service.log.tree import Tree

SIZE_TYPE = "text/x.tlog.size"
TIMEOUT_S = 20.0
#: A witness may move on while it is asked, not for ever.
ATTEMPTS = 4
#: A witness's clock may be ahead of ours by this.
AHEAD_S = 300
LARGEST_ANSWER_BYTES = 65_536


class NotWitnessed(Exception):
    """A witness did not sign; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who signs checkpoints that are consistent with all those they saw before."""

    #: What its addresses begin with.
    url: str
    key: VerifierKey

    @classmethod
    def of(cls, url: str, vkey: str) -> "Witness":
        """From an address and a verifier key; NoteError for a bad key. A plain key stands for the cosigning one."""
        key = VerifierKey.parse(vkey.strip())
        return cls(url.rstrip("/"), key if key.type == COSIGNATURE else key.cosigner)


def submit(
    client: httpx2.Client,
    witness: Witness,
    issued: Issued,
    storage: LogStorage,
    tree: Tree,
    clock: Callable[[], float] = time.time,
) -> list[VerifiedSignature]:
    """Have a witness sign a checkpoint and keep what it signed, once that is verified; raises NotWitnessed."""
    old = _last_signed(witness, issued, storage)
    for _ in range(ATTEMPTS):
        answer = _post(client, witness, _body(old, issued, tree))
        if answer.status_code == 200:
            signed = _verified(witness, issued, answer.content.decode("utf-8", "replace"), clock())
            storage.add_cosignatures(issued.size, [one.signature.line for one in signed])
            return signed
        if answer.status_code != 409:
            raise NotWitnessed(f"{witness.url}: {_refusal(answer.status_code, issued)}{_quoted(answer.text)}")
        old = _held_size(witness, answer, old, issued)
    raise NotWitnessed(f"{witness.url} moved on {ATTEMPTS} times while it was asked")


def _last_signed(witness: Witness, issued: Issued, storage: LogStorage) -> int:
    """The largest size up to the checkpoint's that this witness is known to have signed; 0 for none."""
    for size, line in storage.cosigned():
        signature = parse_signature(line)
        if size <= issued.size and (signature.name, signature.key_id) == (witness.key.name, witness.key.key_id):
            return size
    return 0


def _body(old: int, issued: Issued, tree: Tree) -> bytes:
    lines = [f"old {old}", *(write_base64(one) for one in tree.consistency(old, issued.size)), "", issued.note]
    return "\n".join(lines).encode()


def _post(client: httpx2.Client, witness: Witness, body: bytes) -> httpx2.Response:
    try:
        with client.stream("POST", f"{witness.url}/add-checkpoint", content=body) as answer:
            content = b""
            for part in answer.iter_bytes():
                content += part
                if len(content) > LARGEST_ANSWER_BYTES:
                    raise NotWitnessed(f"{witness.url} answers more than {LARGEST_ANSWER_BYTES} bytes")
            return httpx2.Response(
                answer.status_code, headers={**answer.headers, "content-encoding": ""}, content=content
            )
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        raise NotWitnessed(f"{witness.url} cannot be asked: {error or type(error).__name__}") from error


def _held_size(witness: Witness, answer: httpx2.Response, old: int, issued: Issued) -> int:
    """The size that the witness signed last, where it says so and going on from there may help."""
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
    try:
        held = read_number(answer.text.removesuffix("\n"))
    except ValueError:
        media_type = ""
        held = 0
    if media_type != SIZE_TYPE:
        raise NotWitnessed(
            f"{witness.url} refuses the checkpoint of size {issued.size} as a conflict{_quoted(answer.text)}"
        )
    if held > issued.size:
        raise NotWitnessed(
            f"{witness.url} has signed a checkpoint of size {held}, beyond this one's {issued.size}: ask for a later"
            " one, and if there is none, this ledger was put back to an old state"
        )
    if held == old:
        raise NotWitnessed(
            f"{witness.url} has signed another root for size {held}: it was shown another history under this name"
        )
    return held


REFUSALS = {
    400: "it cannot read the checkpoint of size {size}",
    403: "it trusts none of the keys that signed the checkpoint of size {size}",
    404: "it does not know a log of this name",
    422: "what it signed before is not the beginning of the tree of size {size}",
    429: "it is asked too often",
}


def _refusal(status: int, issued: Issued) -> str:
    return REFUSALS.get(status, "it answers {status}").format(size=issued.size, status=status)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f" ({line[:200]})" if line and line.isprintable() else ""


def _verified(witness: Witness, issued: Issued, text: str, now_s: float) -> list[VerifiedSignature]:
    """The cosignatures by the witness's key; lines of other keys are left aside."""
    body = parse_note(issued.note.encode()).text
    try:
        signatures = [parse_signature(line) for line in text.split("\n") if line]
        ours = [one for one in signatures if (one.name, one.key_id) == (witness.key.name, witness.key.key_id)]
        signed = [verify_signature(body, one, witness.key) for one in ours]
    except NoteError as error:
        raise NotWitnessed(f"{witness.url} answers what is no cosignature of size {issued.size}: {error}") from None
    if not signed:
        names = ", ".join(sorted({f"{one.name}+{one.key_id.hex()}" for one in signatures})) or "no witness"
        wanted = f"{witness.key.name}+{witness.key.key_id.hex()}"
        raise NotWitnessed(f"{witness.url} answers with signatures of {names}, none of {wanted}")
    for one in signed:
        if one.timestamp is not None and one.timestamp > now_s + AHEAD_S:
            raise NotWitnessed(f"{witness.url} signs for a time to come, {one.timestamp} s after 1970")
    return signed


def ask(
    witnesses: Sequence[Witness], issued: Issued, storage: LogStorage, tree: Tree
) -> tuple[list[tuple[Witness, list[VerifiedSignature]]], list[NotWitnessed]]:
    """Ask every witness once: what they signed, and who did not."""
    signed: list[tuple[Witness, list[VerifiedSignature]]] = []
    refusals: list[NotWitnessed] = []
    with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
        for witness in witnesses:
            try:
                signed.append((witness, submit(client, witness, issued, storage, tree)))
            except NotWitnessed as error:
                refusals.append(error)
    return signed, refusals
