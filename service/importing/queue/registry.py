"""The imports of one ledger: added, listed, called off, and removed some time after their end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
from psycopg import Connection, errors
from psycopg.rows import DictRow

from service.importing.queue.jobs import (
    MOST_OPEN,
    WAITING,
    ImportEnded,
    ImportOutcome,
    Job,
    Listed,
    SentFile,
    TooManyImports,
    UnknownImport,
    Wish,
    called_off_detail,
)
from service.postgres.statements import statements_of
from service.recording.commands import KeyReused
from service.recording.idempotency import KeyTaken, keep_answers, recall
from service.recording.receipts import IdempotencyKey
from service.storing.ledger import LedgerDatastore

SQL = statements_of(__file__)
#: NOTIFY channel that says "an import was added, called off or put back".
CHANNEL = "imports"
#: Of the advisory lock: "imports" as seven ASCII bytes.
LOCK = int.from_bytes(b"imports", "big")
#: Bytes of a file that are stored together.
PART_BYTES = 1024 * 1024
#: Behind every place.
LAST_PLACE = 2**63 - 1


class NoSpace(Exception):
    """The disk has no room for the file."""


@dataclass(frozen=True, slots=True)
class StoredParts:
    """A file as it is stored: how long each of its parts is, by number."""

    id: str
    kind: str
    sizes: Mapping[int, int]

    @property
    def size_bytes(self) -> int:
        """Of all together."""
        return sum(self.sizes.values())


class _Repeated(Exception):
    """The same file with the same wish is open already."""

    def __init__(self, identifier: str) -> None:
        super().__init__(identifier)
        self.identifier = identifier


class ImportRegistry:
    """Reads and changes the imports of one ledger; every method may be called from any thread."""

    def __init__(self, datastore: LedgerDatastore) -> None:
        self.datastore = datastore

    def find(self, identifier: str) -> Job:
        """One import; raises UnknownImport."""
        with self.datastore.get_connection() as connection:
            return found(connection, identifier)

    def page(self, states: Sequence[str], limit: int, before: int = LAST_PLACE) -> list[Job]:
        """The imports in some states, the latest first, of those that came before a place."""
        values = {"states": list(states), "limit": limit, "before": before}
        with self.datastore.get_connection() as connection:
            return [job_of(row) for row in connection.execute(SQL["page"], values)]

    def add(
        self,
        sent: SentFile,
        file: BinaryIO,
        key: IdempotencyKey | None = None,
        check_room: Callable[[int], None] = lambda more_bytes: None,
    ) -> tuple[Job, bool]:
        """Put a file into the queue; or the import that it repeats, and False.

        It repeats one that is open, of the same bytes and the same wish, or one that was sent under its key.
        `check_room` is called before so many more bytes are stored, and may raise NoSpace. Raises NoSpace,
        TooManyImports and KeyReused.
        """
        while True:
            before = None if key is None else self._sent_under(key)
            if before is not None:
                return before, False
            # By the same request, at the same time, or by one of another kind: the next look finds it.
            with suppress(KeyTaken):
                try:
                    self._insert(sent, file, key, check_room)
                except _Repeated as repeated:
                    return self._repeated(repeated.identifier, key), False
                return self.find(sent.id), True

    def cancel(self, identifier: str) -> Job:
        """Call an import off: at once where it waits, between two batches where it runs. Raises ImportEnded."""
        with self.alone() as connection:
            connection.execute(SQL["change"], {"id": identifier})
            job = found(connection, identifier)
            if job.state in WAITING:
                end(connection, job, "cancelled", called_off_detail(job))
            elif job.state == "running":
                connection.execute(SQL["call-off"], {"id": identifier})
                connection.execute(SQL["notify"], {"channel": CHANNEL})
            elif job.state != "cancelled":
                raise ImportEnded(f"the import has ended: it is {job.state}, and what it recorded stays")
            return found(connection, identifier)

    def rejects(self, identifier: str) -> StoredParts:
        """What an import has left out so far, to be read part by part."""
        return self.parts(identifier, "rejects")

    def parts(self, identifier: str, kind: str) -> StoredParts:
        """The parts of a file."""
        with self.datastore.get_connection() as connection:
            rows = connection.execute(SQL["sizes"], {"id": identifier, "kind": kind})
            return StoredParts(identifier, kind, {row["number"]: row["size_bytes"] for row in rows})

    def part(self, parts: StoredParts, number: int) -> bytes:
        """One part of a file; UnknownImport where it is no longer stored."""
        values = {"id": parts.id, "kind": parts.kind, "number": number}
        with self.datastore.get_connection() as connection:
            row = connection.execute(SQL["part"], values, prepare=True, binary=True).fetchone()
        if row is None:
            raise UnknownImport(f"the file of the import {parts.id!r:.80} is no longer stored")
        return bytes(row["content"])

    def mapping(self, identifier: str) -> bytes:
        """The content of the mapping that an import reads its file by, in TOML; raises UnknownImport."""
        with self.datastore.get_connection() as connection:
            row = connection.execute(SQL["mapping"], {"id": identifier}).fetchone()
        if row is None or row["mapping"] is None:
            raise UnknownImport(f"the mapping of the import {identifier!r:.80} is no longer stored")
        return bytes(row["mapping"])

    def clear_away(self, kept_s: float) -> None:
        """Remove the imports that ended longer ago than so many seconds.

        One for which an idempotency key stands is listed as long as the key, without faults, remarks and rejects.
        """
        with self.datastore.get_connection() as connection:
            connection.execute(SQL["remove-ended"], {"kept_s": kept_s})
            connection.execute(SQL["prune-ended"], {"kept_s": kept_s})

    @contextmanager
    def alone(self) -> Iterator[Connection[DictRow]]:
        """A transaction in which no other process changes what is open."""
        with self.datastore.get_connection() as connection, connection.transaction():
            connection.execute(SQL["lock"], {"lock": LOCK})
            yield connection

    def _sent_under(self, key: IdempotencyKey) -> Job | None:
        kept = recall(self.datastore, [key]).get(key[:2])
        if kept is None:
            return None
        if kept.fingerprint != key.fingerprint:
            raise KeyReused.of(key)
        return self.find(kept.receipt.answered_before["import"])

    def _insert(
        self, sent: SentFile, file: BinaryIO, key: IdempotencyKey | None, check_room: Callable[[int], None]
    ) -> None:
        """Store a file and its place in the queue; raises _Repeated and KeyTaken, with nothing stored."""
        with self.datastore.get_connection() as connection:
            _refuse_the_same(connection, sent)
            connection.commit()
            with connection.transaction():
                # The long part comes before the lock.
                with no_space_where_full():
                    store_parts(connection, sent.id, "file", read_parts(file, check_room))
                connection.execute(SQL["lock"], {"lock": LOCK})
                _refuse_the_same(connection, sent)
                row = connection.execute(SQL["open"], {"lease": ""}).fetchone()
                if row is not None and row["open"] >= MOST_OPEN:
                    raise TooManyImports(f"{MOST_OPEN} imports wait already")
                wish = msgspec.json.encode(sent.wish).decode()
                values = {**msgspec.structs.asdict(sent), "wish": wish, "keyed": key is not None}
                connection.execute(SQL["add"], values)
                keep_answers(connection, [] if key is None else [(key, {"import": sent.id})])
                connection.execute(SQL["notify"], {"channel": CHANNEL})

    def _repeated(self, identifier: str, key: IdempotencyKey | None) -> Job:
        """The import of the same file; the key that it was sent under this time stands for it, too."""
        if key is not None:
            with self.datastore.get_connection() as connection, connection.transaction():
                keep_answers(connection, [(key, {"import": identifier})])
                connection.execute(SQL["key"], {"id": identifier})
        return self.find(identifier)


def job_of(row: Mapping[str, Any]) -> Job:
    """An import as it is read."""
    types: Mapping[str, Any] = {"wish": Wish, "outcome": ImportOutcome, "listed": Listed}
    return Job(**{**row, **{name: msgspec.json.decode(row[name], type=kind) for name, kind in types.items()}})


def found(connection: Connection[DictRow], identifier: str) -> Job:
    """One import, as a transaction sees it; raises UnknownImport."""
    row = connection.execute(SQL["find"], {"id": identifier}).fetchone()
    if row is None:
        raise UnknownImport(f"there is no import {identifier!r:.80}")
    return job_of(row)


def end(connection: Connection[DictRow], job: Job, state: str, detail: str | None) -> None:
    """Store how an import ended that no service runs; its file is no longer needed."""
    outcome = as_json(ImportOutcome(job.outcome.types, detail))
    connection.execute(SQL["give-up"], {"id": job.id, "state": state, "outcome": outcome})
    connection.execute(SQL["remove"], {"id": job.id, "kind": "file"})


def as_json(value: msgspec.Struct) -> str:
    """A value in JSON, as a column of this type takes it."""
    return msgspec.json.encode(value).decode()


def store_parts(connection: Connection[DictRow], identifier: str, kind: str, parts: Iterable[bytes]) -> None:
    """Store a file in parts, within a transaction."""
    into = b"copy import_parts (import, kind, number, content) from stdin (format binary)"
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(["text", "text", "int4", "bytea"])
        for number, part in enumerate(parts):
            copy.write_row((identifier, kind, number, part))


@contextmanager
def no_space_where_full() -> Iterator[None]:
    """NoSpace where the database's disk takes no more."""
    try:
        yield
    except errors.DiskFull as error:
        raise NoSpace("the database's disk takes no more of the file") from error


def _refuse_the_same(connection: Connection[DictRow], sent: SentFile) -> None:
    """_Repeated where the same bytes are open with the same wish."""
    for row in connection.execute(SQL["same"], {"sha256": sent.sha256}):
        if msgspec.json.decode(row["wish"], type=Wish) == sent.wish:
            raise _Repeated(row["id"])


def read_parts(file: BinaryIO, check_room: Callable[[int], None]) -> Iterator[bytes]:
    """A file in parts, from its beginning."""
    file.seek(0)
    while part := file.read(PART_BYTES):
        check_room(len(part))
        yield part
