"""The releases of a file put in order, by process and date, on disk: memory does not grow with the file."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from domain.names import comparable
from projections.blocks import read, without_comment
from service.importing.ocds.releases import Reduced
from service.importing.opening import refuse_full_disk

SQL = {block.name: without_comment(block.text) for block in read(Path(__file__).with_suffix(".sql")).values()}
#: Releases between two looks at the disk.
LOOKED_AT = 1_000
#: Pages that SQLite keeps in memory, as it counts them: in KiB, negative.
CACHE = -8192


@dataclass(frozen=True, slots=True)
class SpooledRelease:
    """A release of a process."""

    line: int
    pointer: str
    release_id: str
    published_at: datetime
    whole: bool
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """What a file states of an organisation."""

    name: str | None
    country: str | None
    #: The earliest day of a release that names it.
    first_on: date
    #: The day of the earliest release that names it.
    known_on: date


def prefix_of(ocid: str) -> str:
    """The part of an ocid that is its publisher's: `ocds-` and six characters; it parts names and ids."""
    parts = ocid.split("-")
    return "-".join(parts[:2]) if parts[0] == "ocds" and len(parts) > 2 else parts[0]


def identified(scheme: str, identifier: str) -> str:
    """The key of an organisation by its identifier."""
    return json.dumps(["identifier", scheme, identifier])


def own_key(prefix: str, reference: Mapping[str, Any]) -> str | None:
    """The key of who is meant, by what the reference itself says; None where it says nothing of anybody."""
    if "identifier" in reference:
        return identified(reference["scheme"], reference["identifier"])
    name = comparable(reference.get("name", "")) or reference.get("name", "")
    if "id" in reference and not reference["id"].startswith("name "):
        # The same id may be somebody else's in another process.
        return json.dumps(["party", prefix, reference["id"], name])
    return json.dumps(["name", prefix, name]) if name else None


class ReleaseSpool:
    """Releases by process, and what they state of organisations."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._added = 0

    def add(self, line: int, pointer: str, reduced: Reduced, *, whole: bool) -> tuple[int, str] | None:
        """Take a release in, unless it is there; where it is there with other content, says on which line and where."""
        self._added += 1
        if self._added % LOOKED_AT == 0:
            refuse_full_disk()
        content = json.dumps(reduced.content, sort_keys=True, ensure_ascii=False, default=str)
        digest = hashlib.sha256(content.encode()).hexdigest()
        published_at = reduced.published_at.isoformat()
        known = self._connection.execute(
            SQL["known"],
            (reduced.ocid, reduced.release_id, whole, published_at),
        ).fetchone()
        if known is not None:
            return None if known[2] == digest else (known[0], known[1])
        row = (reduced.ocid, published_at, reduced.release_id, line, pointer, whole, digest, content)
        cursor = self._connection.execute(SQL["add"], row)
        self._connection.execute(SQL["process"], (reduced.ocid, cursor.lastrowid))
        self._take_organizations(reduced)
        return None

    def _take_organizations(self, reduced: Reduced) -> None:
        prefix = prefix_of(reduced.ocid)
        for reference in _references(reduced.content):
            key = own_key(prefix, reference)
            if key is None:
                continue
            name, country = reference.get("name"), reference.get("country")
            self._connection.execute(
                SQL["organization"],
                (key, name, country, reduced.first_on.isoformat(), reduced.published_at.date().isoformat()),
            )
            if name and (compared := comparable(name)):
                # Who has an identifier, or an id, may be meant where only the name is stated.
                self._connection.execute(SQL["bearer"], (f"{prefix} {compared}", key))

    def organization(self, prefix: str, reference: Mapping[str, Any]) -> str | None:
        """The key of who is meant: by identifier; or else by the name, if one alone in the file bears it."""
        key = own_key(prefix, reference)
        if key is None or "identifier" in reference or not (name := comparable(reference.get("name", ""))):
            return key
        for kind in ("identifier", "party"):
            bearers = self._connection.execute(
                SQL["bearers"],
                (f"{prefix} {name}", f'["{kind}"', f'["{kind}#'),
            ).fetchall()
            if bearers:
                return str(bearers[0][0]) if len(bearers) == 1 else key
        return key

    def facts(self, key: str) -> OrganizationFacts | None:
        """What the file states of an organisation; None where it names it only by what several references add up to."""
        row = self._connection.execute(SQL["facts"], (key,)).fetchone()
        return None if row is None else OrganizationFacts(row[0], row[1], *map(date.fromisoformat, row[2:]))

    def processes(self) -> Iterator[tuple[str, list[SpooledRelease]]]:
        """The processes in the order of the file, each with its releases by date, those of one instant by id."""
        for (ocid,) in self._connection.execute(SQL["processes"]):
            rows = self._connection.execute(SQL["releases"], (ocid,))
            yield ocid, [_spooled(*row) for row in rows]


def _spooled(line: int, pointer: str, release_id: str, published_at: str, whole: int, content: str) -> SpooledRelease:
    return SpooledRelease(
        line, pointer, release_id, datetime.fromisoformat(published_at), bool(whole), json.loads(content)
    )


def _references(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in ("buyer", "procuringEntity"):
        if field in content:
            yield content[field]
    yield from content.get("parties", ())
    for kind in ("awards", "contracts"):
        for entry in content.get(kind, ()):
            yield from entry.get("suppliers", ())
            for listed in entry.get("allSuppliers", ()):
                yield from listed


@contextmanager
def spool() -> Iterator[ReleaseSpool]:
    """An empty spool, in a temporary file that goes with the block, or with the process."""
    # An empty name: SQLite keeps the database in a file of its own, already unlinked.
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        connection.execute(f"pragma cache_size = {CACHE}")
        connection.executescript(SQL["tables"])
        yield ReleaseSpool(connection)
    finally:
        connection.close()
