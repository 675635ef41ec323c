"""The keys that sign checkpoints: one made with the ledger and kept in its home, or those that the operator gives."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from domain.notes import NoteError, check_key_name
from service.home import close_secret
from service.log.signatures import SigningKey
from service.settings import Settings


class BadSigningKey(Exception):
    """What was given as a signing key is none of this ledger's; the message never shows it."""


def log_name(origin: str) -> str:
    """The name under which a ledger's checkpoints are issued: its origin.

    Ledgers that were made before there were checkpoints may be called what no key can be called: in their log's name
    such characters are percent-encoded.
    """
    try:
        check_key_name(origin)
    except NoteError:
        return "".join(quote(mark, safe="") if _is_out_of_place(mark) else mark for mark in origin)
    return origin


def _is_out_of_place(mark: str) -> bool:
    try:
        check_key_name(mark)
    except NoteError:
        return True
    return mark == "%"


def given_keys(settings: Settings, name: str) -> tuple[SigningKey, ...]:
    """The keys that sign the log of a name: the operator's, or the home's; none where this home never made one.

    The home's are closed to others if they were not.
    """
    if settings.signing_key is None:
        with suppress(FileNotFoundError):
            close_secret(key_file(settings.home))
    return readable_keys(settings, name)


def readable_keys(settings: Settings, name: str) -> tuple[SigningKey, ...]:
    """The same, as they are; BadSigningKey for those that are not of this name or no keys."""
    if settings.signing_key is not None:
        return parse_keys(settings.signing_key.get_secret_value(), name, "DAYBOOK_SIGNING_KEY")
    path = key_file(settings.home)
    try:
        return parse_keys(path.read_text("utf-8"), name, str(path))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSigningKey(f"{path} cannot be read: {error}") from None


def made_keys(settings: Settings, name: str) -> tuple[SigningKey, ...]:
    """The keys of a log that begins: those that are there, or a new one in the home."""
    if keys := given_keys(settings, name):
        return keys
    _write_once(key_file(settings.home), SigningKey.generate(name).encode())
    return given_keys(settings, name)


def key_file(home: Path) -> Path:
    """Where the home keeps its signing key."""
    return home / "signing-key"


def parse_keys(text: str, name: str, source: str) -> tuple[SigningKey, ...]:
    """One key or several, separated by spaces, newlines or commas; BadSigningKey says which of them is wrong."""
    keys: list[SigningKey] = []
    for number, part in enumerate(filter(None, re.split(r"[\s,]+", text)), 1):
        try:
            key = SigningKey.parse(part)
        except NoteError as error:
            raise BadSigningKey(f"{source}: key {number}: {error}") from None
        if key.name != name:
            raise BadSigningKey(f"{source}: key {number} is named {key.name!r}, and this ledger's log is {name!r}")
        if key in keys:
            raise BadSigningKey(f"{source}: key {number} is given twice")
        keys.append(key)
    if not keys:
        raise BadSigningKey(f"{source} holds no key")
    return tuple(keys)


def _write_once(path: Path, text: str) -> None:
    """Write a secret whole, unless somebody has done so meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, replaces no other file.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
