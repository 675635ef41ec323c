"""Serving over HTTP."""

import contextlib
import logging
import os
import re
import resource
import secrets
import socket
from dataclasses import replace
from pathlib import Path

import click
import uvicorn

from service.cli import tables
from service.cli.progress import say_what_is_made
from service.cli.wholes import WholeRange
from service.daybook import Daybook, open_daybook
from service.home import close_secret
from service.importing.queue.worker import Worker
from service.observing import logs, traces
from service.reporting.keeping import keeping
from service.settings import Settings
from service.storing.tokens import Tokens
from service.web.application import application
from service.web.entry.access import Access
from service.web.entry.connections import configured
from service.web.entry.identities import IdentityProvider, Misconfigured
from service.web.log import OPEN_PATHS
from service.webhooks.delivery import Deliveries

#: Accepted requests are finished within this, then the process ends.
GRACE_S = 20
#: Within this a process that was asked to end has ended; its supervisor may kill it then.
WHOLE_END_S = 60
#: Of an admin's token: 24 random bytes in hexadecimal digits have 48 characters, at least 8 of them different in all
#: but one of a billion.
SHORTEST_TOKEN = 32
FEWEST_CHARACTERS = 8


@click.command("serve")
@click.option("--port", type=WholeRange(0, 65535), default=8000, show_default=True, help="0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.pass_obj
def serve_(settings: Settings, /, port: int, host: str) -> None:
    """Serve the ledger over HTTP until SIGINT or SIGTERM ends it."""
    # What is refused is refused before a database is made for it.
    provider = provider_of(settings)
    given_token(settings)
    listener = listen(host, port)
    say_what_is_made(settings)
    # Nobody waits for whoever takes the log; what is said to whoever starts this goes the same way.
    logs.write_aside()
    with open_daybook(settings) as daybook:
        serve(daybook, settings, listener, access(settings, daybook, provider))


def listen(host: str, port: int) -> socket.socket:
    """A listening address, before anything else is started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048, reuse_port=False)
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


def serve(daybook: Daybook, settings: Settings, listener: socket.socket, access: Access) -> None:
    """Serve until SIGINT or SIGTERM; what was accepted is finished."""
    _allow_many_connections()
    host, port = listener.getsockname()[:2]
    if settings.log_requests:
        logging.getLogger("daybook.http").setLevel(logging.INFO)
    tracing = traces.configured(daybook.origin)
    deliveries = Deliveries(daybook.ledger, daybook.origin, networks=settings.webhook_networks)
    daybook.watchers.append(deliveries.wake)
    importing = Worker.of(daybook, settings)
    daybook.others.extend((*deliveries.routines, *importing.routines))
    reports = keeping(daybook, settings)
    if reports is not None:
        daybook.others.append(reports)
    if (aside := logs.aside()) is not None:
        daybook.others.append(aside.routine)
    app = application(daybook, settings, access, tracing, deliveries, importing)
    config = configured(app, settings.body_timeout_s, GRACE_S)
    address = f"[{host}]" if ":" in host else host
    _say(f"ledger {daybook.origin} is served at http://{address}:{port}/")
    _say(f"reference: http://{address}:{port}/docs, ready: http://{address}:{port}/readyz")
    # The signal that ends the server is raised again afterwards: it has done its work.
    deliveries.start()
    importing.start()
    if reports is not None:
        reports.start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        # While an import comes to its end, so does what is being sent: they do not wait one after the other.
        deliveries.begin_nothing_more()
        if reports is not None:
            reports.stop()
        importing.close()
        deliveries.close()
        if tracing is not None:
            tracing.close()


def _say(text: str) -> None:
    """Tell whoever starts this, in the order of the log."""
    if (aside := logs.aside()) is None:
        tables.messages().print(text, highlight=False)
    else:
        aside.write(text)


def _allow_many_connections() -> None:
    """Open as many files as the operator's limit lets us: each connection is one."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def provider_of(settings: Settings) -> IdentityProvider | None:
    """The identity provider, where one is set; click.UsageError where it cannot be used."""
    try:
        return IdentityProvider.of(settings)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from None


def access(settings: Settings, daybook: Daybook, provider: IdentityProvider | None) -> Access:
    """Who is let in: the admin's token, the ledger's own tokens, and those of an identity provider."""
    settled = Access.of([(admin_token(settings), "admin")])
    return replace(
        settled,
        tokens=Tokens(daybook.ledger.recorder.datastore),
        provider=provider,
        open_paths=OPEN_PATHS[settings.open_log],
    )


def admin_token(settings: Settings) -> str:
    """The first token, an admin's: from the settings, or from a file that is made once."""
    given = given_token(settings)
    if given is not None and settings.admin_token is not None:
        return given
    path = _token_file(settings)
    if given is None:
        given = secrets.token_urlsafe(32)
        _write_secret(path, given)
    close_secret(path)
    _say(f"the admin's token is in {path}")
    return given


def given_token(settings: Settings) -> str | None:
    """The admin's token, where there is one already; click.UsageError where it can be guessed."""
    if settings.admin_token is not None:
        return _strong(settings.admin_token.get_secret_value().strip(), "DAYBOOK_ADMIN_TOKEN")
    path = _token_file(settings)
    try:
        return _strong(path.read_text("ascii").strip(), str(path))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is no text in printable ASCII: remove it, or put a token there") from None
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None


def _token_file(settings: Settings) -> Path:
    return settings.home / "admin-token"


def _strong(token: str, name: str) -> str:
    """A token that cannot be guessed, as far as that can be seen; click.UsageError for any other."""
    if not re.fullmatch(r"[\x21-\x7e]*", token):
        raise click.UsageError(f"{name} has characters that no request can carry: take printable ASCII without spaces")
    if len(token) < SHORTEST_TOKEN or len(set(token)) < FEWEST_CHARACTERS:
        raise click.UsageError(
            f"{name} can be guessed: it takes at least {SHORTEST_TOKEN} characters, {FEWEST_CHARACTERS} of them"
            " different; make one with: openssl rand -hex 24"
        )
    return token


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    draft.rename(path)
