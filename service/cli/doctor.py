"""Looking at an installation from the command line."""

import json
import sys
from dataclasses import asdict

import click

from service.cli import exits, tables
from service.doctor.at_work import of_imports, of_service
from service.doctor.installation import InstallationFinding, examine, of_this_machine
from service.postgres.database import database
from service.postgres.errors import EmbeddedPostgresError
from service.settings import Settings

MARKS = {"good": "ok", "warning": "look", "bad": "BAD"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option("--url", help="A running service to ask as well, e.g. http://127.0.0.1:8000.")
@click.pass_obj
def doctor(settings: Settings, /, as_json: bool, url: str | None) -> None:
    """Say what is wrong with this installation; exit 1 where something is. Nothing is changed."""
    findings = _examined(settings)
    findings += of_imports(settings.home)
    if url is not None:
        findings += of_service(url)
    if as_json:
        exits.print_result(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            exits.print_result(f"{MARKS[finding.verdict]:>4}  {finding.subject:<18} {finding.sentence}")
    if any(finding.verdict == "bad" for finding in findings):
        tables.messages().print("something is wrong: see BAD above", highlight=False)
        sys.exit(exits.UNEXPECTED)


def _examined(settings: Settings) -> list[InstallationFinding]:
    """Everything that can be looked at; a ledger that is not there is not made."""
    if settings.database_url is None and not (settings.home / "postgres").exists():
        return list(of_this_machine(settings))
    try:
        with database(settings) as conninfo:
            return list(examine(settings, lambda: conninfo))
    except EmbeddedPostgresError as error:
        return [*of_this_machine(settings), InstallationFinding("postgresql", "bad", str(error))]
