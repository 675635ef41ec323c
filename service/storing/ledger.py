"""The ledger in PostgreSQL, through the eventsourcing library: what is read, and what is appended."""

import hashlib
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    InterfaceError,
    Mapper,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.postgres import BasePostgresFactory, PostgresApplicationRecorder, PostgresDatastore, PostgresFactory
from eventsourcing.utils import Environment
from psycopg import Connection, Rollback
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.rows import DictRow, dict_row, tuple_row

from domain.catalogue import read_stored
from domain.events import Recorded
from domain.json_text import parse_json
from service.calendar import OF_UTC, Calendar
from service.postgres.connections import cut, settings_of
from service.postgres.statements import statements_of
from service.storing.appending import Appending
from service.storing.migrations.roles import SERVICE_ROLE
from service.storing.writing import EPOCH, TICK, Head, Place

SQL = statements_of(__file__)
#: What a lost or refused connection raises.
Unreachable = (OperationalError, InterfaceError)
#: How long the connection pool keeps trying to reach a database that is gone before it waits to be asked again.
GIVE_UP_S = 4.0
#: How long a reader waits for a connection.
CONNECTION_WAIT_S = 5.0


#: The event of a rehearsed append: more than goes into what is left of a page.
REHEARSED_BYTES = 8_000


class StoredRow(NamedTuple):
    """One event as PostgreSQL holds it."""

    position: int
    state: bytes


class DescribedRow(NamedTuple):
    """The same, with what listeners choose by."""

    position: int
    type: str
    stream: str
    state: bytes


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; what is not given excludes none."""

    types: Collection[str] = ()
    streams: Collection[str] = ()
    #: From and up to these instants they were recorded.
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    #: At these positions and no others.
    positions: Collection[int] = ()

    @property
    def conditions(self) -> list[tuple[str, Any]]:
        """Conditions on a row, each with its value."""
        given: tuple[tuple[str, Any], ...] = (
            ("topic = any(%s)", list(self.types)),
            ("originator_id = any(%s)", list(self.streams)),
            ("recorded_at >= %s", self.recorded_from),
            ("recorded_at <= %s", self.recorded_to),
            ("notification_id = any(%s)", list(self.positions)),
        )
        return [(text, value) for text, value in given if value]


#: Every event.
ALL = EventFilter()


class ReadOnly(OperationalError):
    """The server takes nothing in: a standby, or one that is set so."""


class NeedsTheOperator(OperationalError):
    """The server refuses what the service has to ask of it, until whoever runs it mends something."""


#: What such a server says, in words for anybody: tables and privileges are not as the ledger's migrations made them.
OPERATORS_STATES = {
    "42501": "the database does not allow the service what it has to do",
    "42P01": "a table of the ledger is missing in the database",
    "3F000": "the schema of the ledger is missing in the database",
}
#: What is said of what PostgreSQL says.
SAID_OF_STATES = {
    **OPERATORS_STATES,
    "53100": "the database has no space left",
    "53200": "the database has no memory left",
    "53300": "the database takes no more connections",
    "53400": "the database has reached a limit that is set for it",
    "55P03": "another process holds a lock of the database",
    "57014": "the database took too long",
    "58030": "the database cannot read or write its files",
    "58P01": "the database does not find its files",
}


def in_words(error: BaseException) -> str | None:
    """Why the database does not do what it is asked, in words for anybody; None: there is no more to say than that."""
    if isinstance(error, ReadOnly):
        return "the database is read-only"
    return SAID_OF_STATES.get(getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None) or "")


class LedgerDatastore(PostgresDatastore):
    """The connection pool, from one connection string, every connection as the service's own role."""

    def __init__(self, conninfo: str, *, pool_size: int = 2, max_overflow: int = 16) -> None:
        super().__init__(
            "", "", "", "", "", pool_size=pool_size, max_overflow=max_overflow, originator_id_type="text",
            connect_timeout=CONNECTION_WAIT_S, idle_in_transaction_session_timeout=60,
        )  # fmt: skip
        # The pauses between its attempts double until it gives up; then the next who asks makes it try at once.
        self.pool.reconnect_timeout = GIVE_UP_S
        self.pool.kwargs = {**settings_of(conninfo, SERVICE_ROLE), "row_factory": dict_row}
        #: Connections in use, and since when (time.monotonic), by the thread that uses one.
        self._in_use: dict[int, tuple[Connection[Any], float]] = {}

    @contextmanager
    def get_connection(self) -> Iterator[Connection[DictRow]]:
        """A connection for the block; one that did not do what it was asked is given up, as one that is lost.

        A session is as the database was set when it began: the next one finds what was mended since.
        """
        thread = threading.get_ident()
        with super().get_connection() as connection:
            before = self._in_use.get(thread)
            self._in_use[thread] = (connection, time.monotonic())
            try:
                yield connection
            except psycopg.IntegrityError:
                raise  # it did: what was asked contradicts what is there
            except psycopg.Error as error:
                connection.close()
                if isinstance(error, ReadOnlySqlTransaction):
                    raise ReadOnly("the database is read-only") from error
                if error.sqlstate in OPERATORS_STATES:
                    raise NeedsTheOperator(str(error).partition("\n")[0]) from error
                raise
            finally:
                if before is None:
                    del self._in_use[thread]
                else:
                    self._in_use[thread] = before

    def cut(self, thread: int | None, used_before: float) -> None:
        """Break the connection that a thread has used since before a time: what it waits for does not come."""
        in_use = self._in_use.get(thread or 0)
        if in_use is not None and in_use[1] < used_before:
            cut(in_use[0])


class LedgerRecorder(PostgresApplicationRecorder):
    """Reads as the library does; appends with positions handed out under the head's lock, in commit order."""

    datastore: LedgerDatastore
    #: By which it is today, and tomorrow in the future.
    calendar: Calendar = OF_UTC

    def create_table(self) -> None:
        """Nothing: the tables come from service/storing/migrations."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Refused: events get their positions and their bytes under the head's lock (`appending`)."""
        raise ProgrammingError("events are appended by LedgerRecorder.appending, under the head's lock")

    def head(self) -> Head:
        """The end of the ledger as committed now."""
        with self.datastore.get_connection() as connection:
            row = connection.cursor(row_factory=tuple_row).execute(
                "select position, recorded_at, clock_timestamp() from ledger_head"
            )
            return Head(*row.fetchone())  # type: ignore[misc]

    def is_read_only(self) -> bool:
        """Whether the server takes nothing in just now."""
        query = "select pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as shut"
        with self.datastore.get_connection() as connection:
            row = connection.execute(query).fetchone()
            shut = row is not None and bool(row["shut"])
            if shut:
                # What a session was begun with stays: the next one asks anew.
                connection.close()
            return shut

    @contextmanager
    def appending(self) -> Iterator[Appending]:
        """A transaction that holds the head's lock; committed at the end, or rolled back by an exception."""
        with self.datastore.get_connection() as connection, connection.transaction():
            row = connection.cursor(row_factory=tuple_row).execute("select * from ledger_lock()").fetchone()
            yield Appending(connection, Head(*row))  # type: ignore[misc]

    def rehearse(self, name: str) -> None:
        """All of an append but its end: raises what an append of an event by this name would raise, records nothing.

        What it writes meanwhile takes as much room on the disk as a small group does.
        """
        with self.appending() as appending:
            place = Place.after(appending.head)
            event = (place.position, name, 1, name, name, EPOCH + place.recorded_us * TICK, os.urandom(REHEARSED_BYTES))
            appending.connection.execute(SQL["rehearsal"], event)
            appending.connection.execute("set local work_mem = '64kB'")
            appending.connection.execute(SQL["spill"])
            raise Rollback

    def rows_after(
        self, position: int, limit: int, *, upto: int | None = None, wanted: EventFilter = ALL
    ) -> list[StoredRow]:
        """The next events after a position, in order, that are wanted; `upto`: none behind it."""
        return [StoredRow(*row) for row in self._after("notification_id, state", position, limit, upto, wanted)]

    def described_after(self, position: int, limit: int, *, upto: int, wanted: EventFilter = ALL) -> list[DescribedRow]:
        """The same, with the type and the stream of each."""
        columns = "notification_id, topic, originator_id, state"
        return [DescribedRow(*row) for row in self._after(columns, position, limit, upto, wanted)]

    def _after(
        self, columns: str, position: int, limit: int, upto: int | None, wanted: EventFilter
    ) -> list[tuple[Any, ...]]:
        last = upto if upto is not None else 2**62
        conditions = ["notification_id > %s", "notification_id <= %s", *(text for text, _ in wanted.conditions)]
        values = [position, last, *(value for _, value in wanted.conditions), limit]
        query = (
            f"select {columns} from ledger_events where {' and '.join(conditions)}"  # noqa: S608
            " order by notification_id limit %s"
        )
        with self.datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            # Of what depends on what is asked, PostgreSQL makes a plan each time.
            return cursor.execute(query.encode(), values, prepare=None if wanted.conditions else True).fetchall()

    def orders_between(self, after: int, upto: int, behind: str, limit: int) -> list[str]:
        """The next streams of orders, in their order, of which something was recorded between two positions.

        `behind`: the last stream of the page before, or "".
        """
        with self.datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            return [str(row[0]) for row in cursor.execute(SQL["orders-between"], (after, upto, behind, limit))]

    def position_before(self, instant: datetime) -> int:
        """The last position that was recorded before an instant; 0: none."""
        with self.datastore.get_connection() as connection:
            row = connection.cursor(row_factory=tuple_row).execute(SQL["position-at"], (instant,)).fetchone()
        return int(row[0]) if row else 0

    def by_ids(self, identifiers: Sequence[str]) -> dict[str, bytes]:
        """The stored bytes of the events with these ids, as far as there are any."""
        with self.datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            return dict(cursor.execute(SQL["by-ids"], (list(identifiers),), prepare=True).fetchall())

    def by_streams(self, streams: Sequence[str]) -> dict[str, list[bytes]]:
        """The stored bytes of all events of these streams, in the order of their versions."""
        found: dict[str, list[bytes]] = {}
        with self.datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            for stream, state in cursor.execute(SQL["by-streams"], (list(streams),), prepare=True):
                found.setdefault(stream, []).append(state)
        return found


class LedgerMapper(Mapper[str]):
    """Between stored bytes and domain events; the topic is the event type's own name, not a class's address."""

    def to_domain_event(self, stored_event: StoredEvent) -> Recorded:  # type: ignore[override]
        """The event in today's schema."""
        return read_bytes(stored_event.state)


def read_bytes(state: bytes) -> Recorded:
    """A stored event in today's schema; Corrupt for an unknown type or version."""
    return read_stored(parse_json(state))


class LedgerFactory(PostgresFactory):
    """Builds the library's parts on the ledger's own datastore and recorder."""

    application_recorder_class = LedgerRecorder

    def __init__(self, env: Environment) -> None:
        super(BasePostgresFactory, self).__init__(env)
        self.datastore = LedgerDatastore(str(env["DATABASE_URL"]), max_overflow=int(env.get("POOL_OVERFLOW") or 14))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """The same recorder: there are no snapshots beside the events."""
        return self.application_recorder()


class Ledger(Application[str]):
    """The event-sourced application: every event of one ledger."""

    name = "ledger"
    env: ClassVar[dict[str, str]] = {"CREATE_TABLE": "no"}
    recorder: LedgerRecorder

    def __init__(self, conninfo: str, env: Mapping[str, str] | None = None, *, calendar: Calendar = OF_UTC) -> None:
        super().__init__({**(env or {}), "DATABASE_URL": conninfo})
        self.recorder.calendar = calendar

    @property
    def calendar(self) -> Calendar:
        """By which it is today."""
        return self.recorder.calendar

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """The ledger's own factory."""
        return LedgerFactory(env)

    def construct_mapper(self) -> Mapper[str]:
        """The ledger's own mapper."""
        return LedgerMapper(self.construct_transcoder())

    @property
    def connection_settings(self) -> dict[str, Any]:
        """What a connection of one's own to the ledger's database takes, in the service's role."""
        assert isinstance(self.recorder.datastore.pool.kwargs, dict)
        return self.recorder.datastore.pool.kwargs

    def history(self, stream: str) -> list[Recorded]:
        """All events of a stream, in the order of their versions."""
        return [read_bytes(state) for state in self.recorder.by_streams([stream]).get(stream, ())]


def ledger_identity(ledger: Ledger) -> str:
    """Sixteen hexadecimal digits that no other ledger has."""
    with ledger.recorder.datastore.get_connection() as connection:
        row = connection.execute("select origin, created_at from ledger_identity").fetchone()
    assert row is not None
    return identity_of(row["origin"], row["created_at"])


def identity_of(origin: str, created_at: datetime) -> str:
    """The identity of the ledger of a name that was made at a time."""
    return hashlib.sha256(f"{origin}\n{created_at.timestamp()}".encode()).hexdigest()[:16]


def ledger_origin(ledger: Ledger) -> str:
    """The ledger's name."""
    with ledger.recorder.datastore.get_connection() as connection:
        row = connection.execute("select origin from ledger_identity").fetchone()
    assert row is not None
    return str(row["origin"])
