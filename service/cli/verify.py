"""Verifying: a ledger against its log and its checkpoints, and any log that is served or lies in a folder."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import click
import httpx2
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.notes import NoteError, VerifierKey
from service.asking.questions import NothingThere
from service.cli import exits, tables
from service.cli.audit import verify_bundle
from service.log.keys import BadSigningKey, key_file
from service.log.signatures import SigningKey
from service.postgres.database import database
from service.postgres.folder import PostgresFolder
from service.running.environment import forget_secrets
from service.settings import Settings
from service.storing.ledger import identity_of
from service.verification import remote
from service.verification.findings import Copies, LedgerFinding, Report, counted
from service.verification.ledger import NothingToVerify, OnProgress, VerificationScope, verify_ledger

NO_ANCHOR = (
    "no external anchor: nothing here would show that the database and this home were put back to an older state"
    " together; give a checkpoint kept elsewhere with --checkpoint FILE"
)


@click.command()
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint kept elsewhere, or a file with one on each line; repeatable.",
)
@click.option("--vkey", "vkeys", multiple=True, help="The verifier key of the log (default: that of the home's key).")
@click.option("--log", "address", metavar="URL|FOLDER", help="Verify the log served or lying there, not the ledger.")
@click.option("--token", envvar="DAYBOOK_TOKEN", help="The bearer token for --log URL.")
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verify an audit bundle with --vkey, not the ledger.",
)
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.pass_obj
def verify(
    settings: Settings,
    /,
    checkpoints: tuple[Path, ...],
    vkeys: tuple[str, ...],
    address: str | None,
    token: str | None,
    bundle: Path | None,
    as_json: bool,
) -> None:
    """Read every event again and hold the ledger against its log and every checkpoint.

    Names the first event that was changed, removed, inserted or moved, and ends with exit code 5.
    """
    if bundle is not None:
        if address is not None or checkpoints:
            raise click.UsageError("--bundle goes with --vkey alone")
        verify_bundle(bundle, vkeys, as_json=as_json)
        return
    keys = given(vkeys)
    if address is not None:
        if not keys:
            raise click.UsageError("--log needs the log's verifier key: --vkey")
        _verify_log(address, token, keys, checkpoints, as_json=as_json)
        return
    keys = keys or home_keys(settings)
    if not keys:
        raise click.UsageError(f"{settings.home} holds no key of a log: give the verifier key with --vkey")
    if settings.database_url is None and not PostgresFolder.below(settings.home).holds_data:
        raise NothingThere(f"{settings.home} holds no ledger")

    def kept(origin: str, created_at: datetime) -> list[Path]:
        path = settings.home / "checkpoints" / f"{identity_of(origin, created_at)}.ndjson"
        return [path] if path.exists() else []

    forget_secrets()  # processes that help reading need none
    try:
        with _bar() as on_progress, database(settings) as conninfo:
            report = verify_ledger(conninfo, VerificationScope(keys, kept, checkpoints), on_progress)
    except NothingToVerify as error:
        click.echo(f"daybook: {error}", err=True)
        sys.exit(exits.NOT_FOUND)
    except OSError as error:
        raise click.UsageError(f"cannot read checkpoints: {error}") from None
    exits.print_result(json.dumps(report.as_object(), ensure_ascii=False, indent=1) if as_json else as_text(report))
    if not report.anchors:
        tables.messages().print(NO_ANCHOR, highlight=False)
    if not report.holds:
        sys.exit(exits.VERIFICATION_FAILED)


def _verify_log(
    address: str, token: str | None, keys: tuple[VerifierKey, ...], checkpoints: tuple[Path, ...], *, as_json: bool
) -> None:
    """Verify a log that is served, or lies in a folder, as an outsider."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with _bar() as on_progress, httpx2.Client(headers=headers, timeout=remote.TIMEOUT_S) as client:
        fetch = remote.served(client, address) if remote.is_address(address) else remote.folder(Path(address))
        try:
            report = remote.verify_log(fetch, keys, checkpoints, lambda read, there: on_progress(read, there, False))
        except remote.LogUnreachable as error:
            click.echo(f"daybook: the log cannot be read: {error}", err=True)
            sys.exit(exits.DATABASE_UNREACHABLE if remote.is_address(address) else exits.NOT_FOUND)
    text = json.dumps(report.as_object(), ensure_ascii=False, indent=1) if as_json else log_as_text(report)
    exits.print_result(text)
    if not report.holds:
        sys.exit(exits.VERIFICATION_FAILED)


def log_as_text(report: remote.LogReport) -> str:
    """The result for people."""
    lines = [f"log {tables.one_line(report.origin) or '?'}: {report.entries:,} of {report.size:,} entries read"]
    lines += [f"external anchor: {_anchor(copies)}" for copies in report.anchors]
    if report.holds:
        return "\n".join([*lines, "verified: entries, tiles and checkpoint are of one piece, and signed"])
    return "\n".join([*lines, *_failures(report.findings, report.more)])


def _failures(findings: Sequence[LedgerFinding], more: int) -> list[str]:
    lines = ["VERIFICATION FAILED", *(f"- {tables.one_line(finding.message)}" for finding in findings)]
    return [*lines, f"... and {counted(more, 'further finding')}"] if more else lines


def _anchor(copies: Copies) -> str:
    if copies.largest is None:
        return f"{copies.source} holds no checkpoint to rely on"
    return f"{counted(copies.count, 'checkpoint')} in {copies.source}, the largest of size {copies.largest:,}"


def given(vkeys: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    """The verifier keys given as flags; a usage error for what is none."""
    try:
        return tuple(dict.fromkeys(VerifierKey.parse(text.strip()) for text in vkeys))
    except NoteError as error:
        raise click.UsageError(f"--vkey: {error}") from None


def home_keys(settings: Settings) -> tuple[VerifierKey, ...]:
    """The verifier keys of the operator's signing keys or of the home's; of none where there are none."""
    text = ""
    if settings.signing_key is not None:
        text = settings.signing_key.get_secret_value()
    else:
        with suppress(FileNotFoundError):
            text = key_file(settings.home).read_text("utf-8")
    try:
        keys = [SigningKey.parse(part).verifier for part in re.split(r"[\s,]+", text) if part]
    except NoteError as error:
        raise BadSigningKey(f"the home's signing key: {error}") from None
    return tuple(dict.fromkeys(keys))


@contextmanager
def _bar() -> Iterator[OnProgress]:
    """A bar for the events read, and another where something is wrong and looked at closer; on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = tables.messages()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        first = progress.add_task("verifying events")
        second = progress.add_task("looking closer", visible=False)

        def on_progress(read: int, there: int, closer: bool) -> None:
            progress.update(second if closer else first, completed=read, total=there, visible=True)

        yield on_progress


def as_text(report: Report) -> str:
    """The result for people."""
    lines = [
        f"ledger {report.origin}: {counted(report.events, 'event')} read,"
        f" {counted(report.proven, 'event')} covered by signed checkpoints"
    ]
    lines.append(
        f"{counted(report.checkpoints, 'checkpoint')} and {counted(report.cosignatures, 'cosignature')} checked"
    )
    for where, files in (("kept in the home", report.kept), ("external anchor", report.anchors)):
        lines += [f"{where}: {_anchor(copies)}" for copies in files]
    if report.uncovered:
        lines.append(f"{counted(report.uncovered, 'event')} recorded after the last checkpoint: not yet covered")
    if report.holds:
        return "\n".join([*lines, "verified: no event was changed, removed, inserted or moved"])
    return "\n".join([*lines, *_failures(report.findings, report.more)])
