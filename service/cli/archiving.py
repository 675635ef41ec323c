"""Archives of a whole ledger: making one, and making the ledger again from one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from domain.notes import NoteError, VerifierKey
from service.archives.restoring import Checked, check, restore
from service.archives.writing import EVENTS_PER_FILE, archive
from service.cli import tables
from service.cli.progress import progress_bar
from service.cli.wholes import WholeRange
from service.daybook import at_run_time, open_ledger
from service.log.keys import given_keys, log_name
from service.log.transparency import open_log
from service.postgres.database import database
from service.settings import Settings
from service.storing.ledger import Ledger, ledger_identity, ledger_origin
from service.storing.migrations import WrongLedger, migrate

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--events-per-file",
    type=WholeRange(1, 10_000_000),
    help=f"Events in a sealed file (default: as before, else {EVENTS_PER_FILE:,}).",
)
@click.pass_obj
def parquet(settings: Settings, /, folder: Path, events_per_file: int | None) -> None:
    """The whole ledger as an archive in a FOLDER: sealed Parquet files, which the next run adds to.

    `daybook restore` makes the same ledger again from it, byte for byte, and verifies it against its checkpoints.
    """
    with progress_bar("archiving") as on_progress, open_ledger(settings) as ledger:
        origin = ledger_origin(ledger)
        with open_log(settings, origin, ledger, ledger_identity(ledger)) as log:
            # So that a checkpoint covers all that is archived.
            log.publisher.publish_all()
            done = archive(ledger, log, origin, folder, events_per_file, on_progress)
    manifest = done.manifest
    sealed = len(manifest.sealed)
    tail = len(manifest.ranges) - sealed
    tables.messages().print(
        f"{folder}: {manifest.position} events in {sealed} sealed files{' and a tail' if tail else ''}; "
        f"{done.events} written now",
        highlight=False,
    )


@click.command("restore")
@click.argument("folder", type=FOLDER)
@click.option("--vkey", "vkeys", multiple=True, help="A verifier key that must have signed every checkpoint.")
@click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A checkpoint that was kept elsewhere and that the archive must lead to (a note, or a home's copies).",
)
@click.option("--check", "only_check", is_flag=True, help="Check the archive, and restore nothing.")
@click.option("--json", "as_json", is_flag=True, help="What was found, as JSON.")
@click.pass_obj
def restore_(
    settings: Settings,
    /,
    folder: Path,
    vkeys: tuple[str, ...],
    files: tuple[Path, ...],
    only_check: bool,
    as_json: bool,
) -> None:
    """Make a ledger again from the archive in a FOLDER, into a database that holds none.

    The archive is checked first: every file against the manifest, every event against the roots of the checkpoints.
    Then everything is put in place in one transaction. It is the same ledger: it goes on under the same name, and
    issues checkpoints again once it has the signing key of before.
    """
    keys = _keys(vkeys)
    notes = [note for file in files for note in _notes(file)]
    with progress_bar("checking") as on_progress:
        checked = check(folder, keys, notes, on_progress)
    manifest = checked.manifest
    if settings.origin not in (None, manifest.origin):
        raise WrongLedger(f"{folder} is of the ledger {manifest.origin!r}, not {settings.origin!r}")
    if not only_check:
        with progress_bar("restoring") as on_progress, database(settings) as conninfo:
            own = at_run_time(settings, conninfo)
            migrate(conninfo, manifest.origin, manifest.made_at, service=own)
            ledger = Ledger(own, calendar=settings.calendar)
            try:
                restore(ledger, checked, on_progress)
            finally:
                ledger.close()
    _say(checked, signed=bool(keys), restored=not only_check, as_json=as_json)
    if not only_check and checked.checkpoints and not given_keys(settings, log_name(manifest.origin)):
        key = settings.home / "signing-key"
        click.echo(f"daybook: no checkpoints are issued before the signing key of before is in {key}", err=True)


def _keys(vkeys: Sequence[str]) -> list[VerifierKey]:
    try:
        return [VerifierKey.parse(vkey) for vkey in vkeys]
    except NoteError as error:
        raise click.UsageError(f"--vkey: {error}") from None


def _notes(file: Path) -> list[str]:
    """The checkpoints of a file: one note, or JSON lines that each hold one."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"--checkpoint {file} is not UTF-8: {error.reason} at byte {error.start}") from None
    if not text.lstrip().startswith("{"):
        return [text]
    try:
        return [str(json.loads(line)["note"]) for line in text.split("\n") if line.strip()]
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"--checkpoint {file}: {error}") from None


def _say(checked: Checked, *, signed: bool, restored: bool, as_json: bool) -> None:
    manifest, kept = checked.manifest, checked.checkpoints
    covered = kept[-1].size if kept else 0
    if as_json:
        summary = {
            "origin": manifest.origin,
            "position": manifest.position,
            "root_hash": checked.root_hash,
            "checkpoints": len(kept),
            "covered": covered,
            "signed": checked.signed_size if signed else None,
            "restored": restored,
        }
        click.echo(json.dumps(summary, ensure_ascii=False, indent=1))
        return
    how = "each signed by a given key" if signed else "whose signatures are not verified: give --vkey"
    lines = [
        f"{'restored' if restored else 'checked'}: ledger {manifest.origin}, {manifest.position} events",
        f"root: {checked.root_hash}",
        f"checkpoints: {len(kept)}, the last of size {covered}, {how}" if kept else "checkpoints: none",
    ]
    if covered < manifest.position:
        lines.append(f"no checkpoint covers the last {manifest.position - covered} events")
    click.echo("\n".join(lines))
    sys.stdout.flush()
