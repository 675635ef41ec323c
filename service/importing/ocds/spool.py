"""The releases of a file put in order, by process and date, on disk: memory does not grow with the file."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from service.importing.names import comparable
from service.importing.ocds.releases import Reduced
from service.importing.opening import refuse_full_disk

TABLES = """
create table releases (
    ocid text not null, published_at text not null, number integer primary key, release_id text not null,
    line integer not null, pointer text not null, whole integer not null, digest text not null, content text not null
);
create unique index releases_once on releases (ocid, release_id, whole, published_at);
create index releases_in_order on releases (ocid, published_at, number);
create table processes (ocid text primary key, number integer not null);
create table bearers (name text not null, key text not null, primary key (name, key)) without rowid;
create table organizations (
    key text primary key, name text, country text, first_on text not null, known_on text not null
) without rowid;
"""
#: Releases between two looks at the disk.
LOOKED_AT = 1_000
#: Pages that SQLite keeps in memory, as it counts them: in KiB, negative.
CACHE = -8192


@dataclass(frozen=True, slots=True)
class Spooled:
    """A release of a process."""

    line: int
    pointer: str
    release_id: str
    published_at: datetime
    whole: bool
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file tells of an organisation."""

    name: str | None
    country: str | None
    #: The earliest day of a release that names it.
    first_on: date
    #: The day of the earliest release that names it.
    known_on: date


def prefix_of(ocid: str) -> str:
    """The part of an ocid that is its publisher's: `ocds-` and six characters; names and ids are stated apart in it."""
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


class Spool:
    """Releases by process, and what they tell of organisations."""

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
            # A compiled release may keep its id whenever it is compiled anew.
            "select line, pointer, digest from releases"
            " where ocid = ? and release_id = ? and whole = ? and (not whole or published_at = ?)",
            (reduced.ocid, reduced.release_id, whole, published_at),
        ).fetchone()
        if known is not None:
            return None if known[2] == digest else (known[0], known[1])
        row = (reduced.ocid, published_at, reduced.release_id, line, pointer, whole, digest, content)
        cursor = self._connection.execute(
            "insert into releases (ocid, published_at, release_id, line, pointer, whole, digest, content)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        self._connection.execute("insert or ignore into processes values (?, ?)", (reduced.ocid, cursor.lastrowid))
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
                "insert into organizations values (?, ?, ?, ?, ?) on conflict (key) do update set"
                " name = coalesce(name, excluded.name), country = coalesce(country, excluded.country),"
                " first_on = min(first_on, excluded.first_on), known_on = min(known_on, excluded.known_on)",
                (key, name, country, reduced.first_on.isoformat(), reduced.published_at.date().isoformat()),
            )
            if name and (compared := comparable(name)):
                # Who has an identifier, or an id, may be meant where only the name is stated.
                self._connection.execute("insert or ignore into bearers values (?, ?)", (f"{prefix} {compared}", key))

    def organization(self, prefix: str, reference: Mapping[str, Any]) -> str | None:
        """The key of who is meant: by identifier; or else by the name, if one alone in the file bears it."""
        key = own_key(prefix, reference)
        if key is None or "identifier" in reference or not (name := comparable(reference.get("name", ""))):
            return key
        for kind in ("identifier", "party"):
            # One more than one is enough to know: a name may be borne by thousands.
            bearers = self._connection.execute(
                "select key from bearers where name = ? and key >= ? and key < ? limit 2",
                (f"{prefix} {name}", f'["{kind}"', f'["{kind}#'),
            ).fetchall()
            if bearers:
                return str(bearers[0][0]) if len(bearers) == 1 else key
        return key

    def facts(self, key: str) -> Facts | None:
        """What the file tells of an organisation; None where it names it only by what several references add up to."""
        row = self._connection.execute(
            "select name, country, first_on, known_on from organizations where key = ?", (key,)
        ).fetchone()
        return None if row is None else Facts(row[0], row[1], *map(date.fromisoformat, row[2:]))

    def processes(self) -> Iterator[tuple[str, list[Spooled]]]:
        """The processes in the order of the file, each with its releases by date, those of one instant by id."""
        for (ocid,) in self._connection.execute("select ocid from processes order by number"):
            rows = self._connection.execute(
                "select line, pointer, release_id, published_at, whole, content from releases where ocid = ?"
                " order by published_at, release_id, number",
                (ocid,),
            )
            yield ocid, [_spooled(*row) for row in rows]


def _spooled(line: int, pointer: str, release_id: str, published_at: str, whole: int, content: str) -> Spooled:
    return Spooled(line, pointer, release_id, datetime.fromisoformat(published_at), bool(whole), json.loads(content))


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
def spool() -> Iterator[Spool]:
    """An empty spool, in a temporary file that goes with the block, or with the process."""
    # An empty name: SQLite keeps the database in a file of its own, already unlinked.
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        connection.execute(f"pragma cache_size = {CACHE}")
        connection.executescript(TABLES)
        yield Spool(connection)
    finally:
        connection.close()
