"""Access tokens on the command line."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import click

from domain.periods import parse_day
from service.cli import tables
from service.daybook import open_ledger
from service.settings import Settings
from service.storing.tokens import Role, Token, Tokens

#: What a list of no tokens says.
NONE = "none is made yet (daybook token create --name NAME makes one; the admin's own is not listed)"


@click.group()
def token() -> None:
    """Who may use the HTTP service: tokens, each with a role."""


@token.command()
@click.option("--name", required=True, help="What the token is called, e.g. the program that uses it.")
@click.option("--role", type=click.Choice(get_args(Role)), default="viewer", show_default=True)
@click.option(
    "--expires-on", help="The last day on which it is let in (UTC), e.g. 2027-06-30; default: it never expires."
)
@click.option("--json", "as_json", is_flag=True, help="The token as JSON.")
@click.pass_obj
def create(settings: Settings, /, name: str, role: Role, expires_on: str | None, as_json: bool) -> None:
    """Make a token and show it, this once."""
    if not name.strip() or "\x00" in name:
        raise click.UsageError("--name is empty")
    expires_at = None if expires_on is None else _end_of(expires_on)
    with open_ledger(settings) as ledger:
        try:
            made, text = Tokens(ledger.recorder.datastore).create(name, role, expires_at)
        except ValueError as error:
            raise click.UsageError(f"--expires-on: {error}") from None
    if as_json:
        click.echo(json.dumps({**described(made), "token": text}, ensure_ascii=False, indent=1))
        return
    tables.messages().print(f"token {made.id} for {made.name}, {made.role}; it is shown this once:", highlight=False)
    click.echo(text)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="The tokens as JSON.")
@click.pass_obj
def list_(settings: Settings, /, as_json: bool) -> None:
    """Every token there ever was, without its secret."""
    with open_ledger(settings) as ledger:
        found = [described(one) for one in Tokens(ledger.recorder.datastore).all()]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        columns = ["id", "name", "role", "status", "created_at", "expires_at", "last_used_at"]
        tables.console().print(tables.records(found, "Tokens", columns, NONE))


@token.command()
@click.argument("identifier", metavar="ID")
@click.pass_obj
def revoke(settings: Settings, /, identifier: str) -> None:
    """Let a token in no more: a running service knows within five seconds."""
    with open_ledger(settings) as ledger:
        revoked = Tokens(ledger.recorder.datastore).revoke(identifier)
    click.echo(f"token {revoked.id} ({revoked.name}) is revoked")


def described(token: Token) -> dict[str, Any]:
    """What may be shown of a token."""
    now = datetime.now(UTC)
    expired = token.expires_at is not None and token.expires_at <= now
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "status": "revoked" if token.revoked_at else "expired" if expired else "in force",
        "created_at": _instant(token.created_at),
        "expires_at": _instant(token.expires_at),
        "last_used_at": _instant(token.last_used_at),
        "revoked_at": _instant(token.revoked_at),
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _end_of(text: str) -> datetime:
    try:
        day = parse_day(text)
    except ValueError as error:
        raise click.UsageError(f"--expires-on: {error}") from None
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
