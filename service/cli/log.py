"""The transparency log at the terminal: checkpoints, their witnesses, and proofs."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from domain.notes import NoteError, parse_note, write_base64
from service.asking.clocks import BeyondTheLedger
from service.cli import exits
from service.cli.wholes import WholeRange
from service.daybook import open_ledger
from service.log.publisher import served
from service.log.storage import Issued
from service.log.transparency import NoCheckpoint, TransparencyLog, consistency, open_log
from service.log.witnesses import Witness, ask
from service.settings import Settings
from service.storing.ledger import ledger_identity, ledger_origin


@contextmanager
def _opened(settings: Settings) -> Iterator[TransparencyLog]:
    """The log of these settings, without views; what was recorded and not yet published is published."""
    with (
        open_ledger(settings) as ledger,
        open_log(settings, ledger_origin(ledger), ledger, ledger_identity(ledger)) as log,
    ):
        log.publisher.publish_all()
        yield log


@click.command()
@click.option("--size", type=WholeRange(0, 2**62), help="The checkpoint of this size (default: the last one).")
@click.option("--vkey", is_flag=True, help="Print the verifier key of each signing key instead.")
@click.option("--witness", "urls", multiple=True, metavar="URL", help="Have a witness sign it; repeat for several.")
@click.option("--witness-key", "vkeys", multiple=True, metavar="VKEY", help="The verifier key of each --witness.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def checkpoint(
    settings: Settings, /, size: int | None, vkey: bool, urls: tuple[str, ...], vkeys: tuple[str, ...], as_json: bool
) -> None:
    """Print the last checkpoint: what the log says of itself, signed."""
    witnesses = _witnesses(urls, vkeys)
    with _opened(settings) as log:
        if vkey:
            _print_keys(log, as_json=as_json)
            return
        issued = log.issued(size)
        signed, refusals = ask(witnesses, issued, log.storage, log.tree) if witnesses else ([], [])
        if signed:
            log.publisher.keep()
        note = served(issued, log.storage)
        text = json.dumps(_as_object(issued, note), ensure_ascii=False, indent=1) if as_json else note
        exits.print_result(text, nl=as_json)
    for refusal in refusals:
        click.echo(f"daybook: {refusal}", err=True)
    if refusals:
        sys.exit(exits.UNEXPECTED)


def _witnesses(urls: tuple[str, ...], vkeys: tuple[str, ...]) -> list[Witness]:
    if len(urls) != len(vkeys):
        raise click.UsageError(f"{len(urls)} --witness and {len(vkeys)} --witness-key: each witness has one key")
    try:
        return [Witness.of(url, vkey) for url, vkey in zip(urls, vkeys, strict=True)]
    except NoteError as error:
        raise click.UsageError(f"--witness-key: {error}") from None


def _print_keys(log: TransparencyLog, *, as_json: bool) -> None:
    keys = [key.verifier.encode() for key in log.publisher.keys]
    if not keys:
        raise NoCheckpoint("this home has no signing key, so that it has no verifier key to print")
    click.echo(json.dumps({"vkeys": keys}, indent=1) if as_json else "\n".join(keys))


def _as_object(issued: Issued, note: str) -> dict[str, object]:
    parsed = parse_note(note.encode())
    return {
        "size": issued.size,
        "root_hash": write_base64(issued.root),
        "issued_at": issued.issued_at.isoformat(),
        "signatures": [{"name": one.name, "key_id": one.key_id.hex()} for one in parsed.signatures],
        "note": note,
    }


@click.command()
@click.argument("position", type=WholeRange(1, 2**62), required=False)
@click.option("--size", type=WholeRange(0, 2**62), help="By the checkpoint of this size (default: the last one).")
@click.option("--from", "old", type=WholeRange(0, 2**62), help="Prove instead that the log only grew, from here ...")
@click.option("--to", "new", type=WholeRange(0, 2**62), help="... to here (default: the last checkpoint).")
@click.pass_obj
def proof(settings: Settings, /, position: int | None, size: int | None, old: int | None, new: int | None) -> None:
    """Prove that the event at a POSITION is in the log (C2SP tlog-proof), or that the log only grew."""
    if (position is None) == (old is None):
        raise click.UsageError("give a POSITION, or --from and --to")
    if (old is None and new is not None) or (position is None and size is not None):
        raise click.UsageError("--size goes with a POSITION, and --to with --from")
    with _opened(settings) as log:
        if position is None:
            assert old is not None
            click.echo(json.dumps(consistency(log, old, new), indent=1))
            return
        head = log.storage.head()
        if position > (head if size is None else size):
            raise BeyondTheLedger(
                f"position {position} is beyond {f'the head, {head}' if size is None else f'size {size}'}"
            )
        click.echo(log.proof(position, size).encode(), nl=False)
