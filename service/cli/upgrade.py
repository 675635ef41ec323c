"""Carrying the embedded server's data over to a newer major version of PostgreSQL, from the command line."""

import textwrap
from datetime import datetime
from pathlib import Path

import click

from service.cli.progress import progress_bar
from service.cli.verify import home_keys
from service.postgres.database import database
from service.postgres.folder import PostgresFolder
from service.running.environment import forget_secrets
from service.settings import Settings
from service.storing.ledger import identity_of
from service.upgrading.errors import NotTheSame
from service.upgrading.planning import planned
from service.upgrading.steps import Verify, discard, kept_versions, upgrade
from service.verification.findings import counted
from service.verification.ledger import NothingToVerify, VerificationScope, verify_ledger

WIDTH = 80
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command("upgrade")
@click.option("--old-bin", type=FOLDER, help="Folder of the programs that made the data (default: searched for).")
@click.option("--bin", "new_bin", type=FOLDER, help="Folder of the new version's programs (default: the newest).")
@click.option("--dry-run", is_flag=True, help="Say what would be done and the space that it needs.")
@click.option("--discard", "discarding", is_flag=True, help="Remove the old data, once the ledger is verified again.")
@click.pass_obj
def upgrade_(
    settings: Settings, /, old_bin: Path | None, new_bin: Path | None, dry_run: bool, discarding: bool
) -> None:
    """Carry the embedded database over to a newer major version of PostgreSQL.

    Stop the services first. The old data is kept until --discard removes it. If a step
    fails, the home starts as before.
    """
    if settings.database_url is not None:
        raise click.UsageError("the database of DAYBOOK_DATABASE_URL is upgraded by PostgreSQL's own means")
    if discarding and (old_bin or new_bin or dry_run):
        raise click.UsageError("--discard goes with no other option")
    forget_secrets()  # processes that help verifying need none
    if discarding:
        _discard(settings)
        return
    plan = planned(settings.home, settings.pg_bin, old_bin, new_bin)
    if isinstance(plan, int):
        _print(f"nothing to do: the data is of PostgreSQL {plan}, and no newer version was found")
        return
    if dry_run:
        for sentence in plan.sentences():
            _print(sentence)
        plan.refuse_without_space()
        return
    with progress_bar("carrying over") as on_progress:
        found = upgrade(plan, _verifying(settings), _say, on_progress)
    versions = f"from PostgreSQL {plan.old.version} to {plan.new.version}"
    _print(f"upgraded {versions}: {counted(found.rows, 'event')}, all the same")
    _print(f"the old data is kept in {plan.kept}: daybook upgrade --discard removes it")
    if settings.pg_bin is not None and settings.pg_bin.absolute() != plan.new.folder:
        _print(f"DAYBOOK_PG_BIN names {settings.pg_bin}: let it name {plan.new.folder}, or nothing")


def _discard(settings: Settings) -> None:
    folder = PostgresFolder.below(settings.home)
    if not kept_versions(folder):
        _print("nothing to do: no old data is kept")
        return
    with database(settings) as conninfo:
        for path in discard(folder, conninfo, _verifying(settings), _say):
            _print(f"removed {path}")


def _verifying(settings: Settings) -> Verify:
    """Verifies as `daybook verify` does, against the home's key and its copies of checkpoints."""
    keys = home_keys(settings)

    def kept(origin: str, created_at: datetime) -> list[Path]:
        path = settings.home / "checkpoints" / f"{identity_of(origin, created_at)}.ndjson"
        return [path] if path.exists() else []

    def verify(conninfo: str) -> None:
        if not keys:
            _say("the home has no key of the log: signatures are not looked at")
            return
        with progress_bar("verifying") as on_progress:
            try:
                report = verify_ledger(
                    conninfo, VerificationScope(keys, kept), lambda read, there, closer: on_progress(read, there)
                )
            except NothingToVerify as error:
                _say(f"not verified: {error}")
                return
        if not report.holds:
            raise NotTheSame(f"{report.findings[0].message} (daybook verify says more)")
        _say(f"{counted(report.events, 'event')} verified, {report.proven:,} covered by signed checkpoints")

    return verify


def _print(sentence: str) -> None:
    click.echo(_wrapped(sentence))


def _say(sentence: str) -> None:
    click.echo(_wrapped(f"daybook: {sentence}"), err=True)


def _wrapped(sentence: str) -> str:
    """In lines of 80 columns; a path stays in one piece."""
    return textwrap.fill(sentence, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
