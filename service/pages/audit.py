"""Audit: the last checkpoint, a checkpoint that somebody kept, and how every figure is proved."""

from typing import Any

from domain.notes import CheckpointError, NoteError, parse_checkpoint, parse_note, write_base64
from service.log.transparency import TransparencyLog
from service.pages.addresses import Address
from service.pages.languages import Language

#: A note that is longer is none of this log.
LONGEST_NOTE = 8_192


def audit(log: TransparencyLog, head: int, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template shows: of a `note` that was kept, whether the ledger of today begins with it."""
    latest = log.publisher.latest
    note = address.first("note")
    return {
        "address": address,
        "checkpoint": None if latest is None else log.checkpoint(),
        "head": head,
        "note": note or "",
        "size": None if latest is None else latest.size,
        "verdict": None if note is None else compared(log, head, note, language),
    }


def compared(log: TransparencyLog, head: int, text: str, language: Language) -> tuple[bool, str]:
    """Whether the ledger begins with what a checkpoint of before covers, in a sentence."""
    if len(text) > LONGEST_NOTE:
        return False, language("This is too long for a checkpoint.")
    try:
        checkpoint = parse_checkpoint(parse_note(text.replace("\r\n", "\n").strip("\n").encode() + b"\n").text)
    except (CheckpointError, NoteError) as error:
        return False, language("This is no checkpoint: {reason}").format(reason=error)
    if checkpoint.size > head:
        return False, language("It covers {size} events, and the ledger has {head}: something is gone.").format(
            size=checkpoint.size, head=head
        )
    root = log.root_hash(checkpoint.size)
    if root != write_base64(checkpoint.root):
        return False, language("The first {size} events are not those of the checkpoint: root {root} here.").format(
            size=checkpoint.size, root=root
        )
    return True, language("The ledger of today begins with the {size} events of the checkpoint.").format(
        size=checkpoint.size
    )
