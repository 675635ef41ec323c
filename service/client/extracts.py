"""Extracts: files of order lines that say how things stand on a day, each as a call that either client sends."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal, TypedDict, Unpack

from service.client.calls import API, Call, keyed, queried, reading
from service.client.problems import NotSynced
from service.shapes import things

#: A file's content, its path, or itself, open for reading bytes.
Sendable = bytes | str | Path | BinaryIO


class ExtractAsked(TypedDict, total=False):
    """What is asked of an extract."""

    missing: Literal["report", "cancel"]
    correct: bool
    dry_run: bool
    allow_older: bool
    confirm_missing: bool
    format: str


def begin_sync(
    file: Sendable,
    mapping: str,
    as_of: object,
    idempotency_key: str | None = None,
    **asked: Unpack[ExtractAsked],
) -> Call[things.Import]:
    """Send a file that says how things stand on a day; it is recorded in the background."""
    name, content = _named(file)
    query: Mapping[str, object] = {"mode": "state", "mapping": mapping, "as_of": as_of, "file": name, **asked}
    headers = keyed(idempotency_key) | {"Content-Type": "application/octet-stream"}
    return Call("POST", f"{API}/imports", reading(things.Import), queried(query), headers, content)


def refuse_unsynced(ended: things.Import) -> things.Import:
    """An import that is done; NotSynced where it failed or was called off."""
    if ended.state != "done":
        raise NotSynced(ended)
    return ended


def _named(file: Sendable) -> tuple[str, bytes]:
    if isinstance(file, bytes):
        return "upload", file
    if isinstance(file, str | Path):
        path = Path(file)
        return path.name, path.read_bytes()
    return Path(str(getattr(file, "name", "upload"))).name, file.read()
