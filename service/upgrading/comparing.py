"""Whether two databases hold the same: every table row for row, events byte for byte in their order."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

from service.postgres.statements import statements_of
from service.upgrading.errors import NotTheSame
from service.verification.findings import counted

SQL = statements_of(__file__)
EVENTS = "ledger_events"
#: Everything that an event is stored as. Named, since a later version may add a column.
EVENT_COLUMNS = (
    "notification_id", "originator_id", "originator_version", "topic", "event_id", "recorded_at", "state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contents:
    """What a table holds: how many rows, and the SHA-256 of them all in order."""

    rows: int
    digest: str


def compare(source: str, target: str, say: Callable[[str], None] = lambda sentence: None) -> Contents:
    """What the events of both are; NotTheSame names the first table in which two databases differ."""
    with _reading(source) as before, _reading(target) as after:
        names = tables(before)
        if others := sorted(set(names) ^ set(tables(after))):
            raise NotTheSame(f"tables that only one of both has: {', '.join(others)}")
        found = events(before)
        for name in [*sorted(set(names) - {EVENTS}), EVENTS]:
            one, other = (found, events(after)) if name == EVENTS else (contents(before, name), contents(after, name))
            if one != other:
                was, became = (f"{counted(it.rows, 'row')} (SHA-256 {it.digest[:16]})" for it in (one, other))
                raise NotTheSame(f"{name}: {was} became {became}")
            say(f"{name}: {counted(one.rows, 'row')}, the same")
    return found


def events_upto(conninfo: str, position: int) -> Contents:
    """What the first events of a ledger are, independent of what came since."""
    with _reading(conninfo) as connection:
        return events(connection, position)


def tables(connection: Connection[Any]) -> list[str]:
    """The tables of the schema `public`, and of any other that is not the server's own with its schema before it."""
    return [str(name) for (name,) in connection.execute(SQL["tables"])]


def events(connection: Connection[Any], upto: int | None = None) -> Contents:
    """Every event in the order of positions, or those up to one; none where there is no ledger."""
    if EVENTS not in tables(connection):
        return Contents(0, hashlib.sha256().hexdigest())
    bound = sql.SQL("") if upto is None else sql.SQL(" where notification_id <= {}").format(sql.Literal(upto))
    columns = sql.SQL(", ").join(map(sql.Identifier, EVENT_COLUMNS))
    query = sql.SQL("select {} from public.ledger_events{} order by notification_id").format(columns, bound)
    return _digest(connection, query)


def contents(connection: Connection[Any], name: str) -> Contents:
    """A whole table, in the order of its key, or of its rows as text where it has none."""
    schema, _, table = name.rpartition(".")
    identifier = sql.Identifier(schema or "public", table)
    keys = connection.execute(SQL["key"], (identifier.as_string(connection),)).fetchall()
    # The order of bytes: how a language sorts may differ from version to version.
    order: list[sql.Composable] = [
        sql.SQL('{} collate "C"' if is_text else "{}").format(sql.Identifier("rows", key)) for key, is_text in keys
    ]
    order = order or [sql.SQL('rows::text collate "C"')]
    query = sql.SQL("select rows.* from {} as rows order by {}").format(identifier, sql.SQL(", ").join(order))
    return _digest(connection, query)


def _digest(connection: Connection[Any], query: sql.Composable) -> Contents:
    """PostgreSQL's binary form is the same in every version for the types that we use, and holds bytes as they are."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("copy ({}) to stdout (format binary)").format(query)) as copy:
            for block in copy:
                digest.update(block)
        return Contents(cursor.rowcount, digest.hexdigest())


def _reading(conninfo: str) -> Connection[Any]:
    return psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC -c default_transaction_read_only=on")
