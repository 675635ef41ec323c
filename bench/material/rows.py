"""Stored events as rows, put straight into PostgreSQL: the most that it takes in."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from service.daybook import Daybook

BATCH = 2_000
TYPES = ("int8", "text", "int8", "text", "text", "timestamptz", "bytea")
#: The ledger's own columns and indexes.
TABLE = SQL(
    'create table {} (notification_id bigint primary key, originator_id text collate "C", originator_version bigint,'
    ' topic text collate "C", event_id text collate "C" unique, recorded_at timestamptz, state bytea,'
    " unique (originator_id, originator_version))"
)
Row = tuple[Any, ...]


def rows_of(daybook: Daybook, count: int, streams: str = "order/") -> list[Row]:
    """So many rows of the streams whose names begin so, as they are stored, the last ones."""
    query = (
        "select notification_id, originator_id, originator_version, topic, event_id, recorded_at, state"
        " from ledger_events where originator_id like %s order by notification_id desc limit %s"
    )
    with daybook.ledger.recorder.datastore.get_connection() as connection:
        return [tuple(row.values()) for row in connection.execute(query, (f"{streams}%", count))][::-1]


def copy_in(conninfo: str, name: str, rows: Sequence[Row]) -> None:
    """COPY BINARY rows into a new table with the ledger's indexes, a transaction for each batch."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for start in range(0, len(rows), BATCH):
            with connection.cursor().copy(SQL("copy {} from stdin (format binary)").format(Identifier(name))) as copy:
                copy.set_types(TYPES)
                for row in rows[start : start + BATCH]:
                    copy.write_row(row)


def insert(conninfo: str, name: str, rows: Sequence[Row]) -> None:
    """The same by inserts of arrays."""
    kinds = SQL(", ").join(SQL(f"%b::{kind}[]") for kind in TYPES)
    query = SQL("insert into {} select * from unnest({})").format(Identifier(name), kinds)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for start in range(0, len(rows), BATCH):
            connection.execute(query, [list(column) for column in zip(*rows[start : start + BATCH], strict=True)])


def make_table(conninfo: str, name: str) -> None:
    """An empty table for them, in the place of one that was there."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(SQL("drop table if exists {}").format(Identifier(name)))
        connection.execute(TABLE.format(Identifier(name)))
